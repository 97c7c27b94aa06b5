//! Remembering which files were read and found right, so that the next run need not read them again.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use depot_proto::{ProjectName, Sha256Digest, layout::Part};
use serde_json::{Value, json};

use crate::{
    error::{OnPath as _, TreeError},
    tree::Tree,
    verify::Finding,
};

/// The memory of one tree. It lies in `tmp/`, because losing it costs a reading and nothing else.
#[derive(Debug)]
pub struct Verified {
    path: PathBuf,
    /// Where it is written before it takes the place of the old one; none in a tree opened for reading only.
    new: Option<PathBuf>,
    files: HashMap<String, Seen>,
    changed: bool,
}

/// What a file looked like when it was found right. Whoever changes bytes changes one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    sha256: Sha256Digest,
    size: u64,
    modified: u64,
    inode: u64,
}

impl Verified {
    /// What is remembered of this tree; nothing if the memory is absent or unreadable.
    pub fn load(tree: &Tree) -> Self {
        let path = tree.tmp().join("verified.json");
        let files = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let files = files.as_ref().and_then(Value::as_object).into_iter().flatten();
        let files = files.filter_map(|(name, seen)| Some((name.clone(), Seen::from_json(seen)?))).collect();
        let new = tree.session.as_ref().map(|session| session.scratch("verified.new"));
        Self { path, new, files, changed: false }
    }

    /// Whether the file is there with the bytes that this digest means: from memory, or by reading it.
    pub fn is_right(
        &mut self,
        tree: &Tree,
        project: &ProjectName,
        filename: &str,
        sha256: Sha256Digest,
    ) -> Result<bool, TreeError> {
        let Some(record) = tree.record(project, filename)? else { return Ok(false) };
        if record.sha256 != sha256 {
            return Ok(false);
        }
        let path = tree.path(project, filename, Part::Bytes);
        let seen = Seen::now(&path, sha256);
        let key = format!("{project}/{filename}");
        if seen.is_some() && self.files.get(&key) == seen.as_ref() {
            return Ok(true);
        }
        let right = tree.verify(project, filename)? == Finding::Right;
        if right {
            self.remember(tree, project, filename, sha256);
        }
        Ok(right)
    }

    /// Remembers a file that was just published or read.
    pub fn remember(&mut self, tree: &Tree, project: &ProjectName, filename: &str, sha256: Sha256Digest) {
        if let Some(seen) = Seen::now(&tree.path(project, filename, Part::Bytes), sha256) {
            self.files.insert(format!("{project}/{filename}"), seen);
            self.changed = true;
        }
    }

    /// Forgets a file that was found wrong, so that nobody believes it for what it looks like.
    pub fn forget(&mut self, project: &ProjectName, filename: &str) {
        self.changed |= self.files.remove(&format!("{project}/{filename}")).is_some();
    }

    /// Writes the memory down, if it changed and the tree may be written to.
    pub fn store(&mut self) -> Result<(), TreeError> {
        let Some(new) = self.new.as_ref().filter(|_| self.changed) else { return Ok(()) };
        let files: serde_json::Map<String, Value> =
            self.files.iter().map(|(name, seen)| (name.clone(), seen.to_json())).collect();
        fs::write(new, Value::Object(files).to_string()).on("write to", new)?;
        fs::rename(new, &self.path).on("replace", &self.path)?;
        self.changed = false;
        Ok(())
    }
}

impl Seen {
    fn now(path: &Path, sha256: Sha256Digest) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let modified =
            metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_nanos() as u64;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { sha256, size: metadata.len(), modified, inode })
    }

    fn to_json(&self) -> Value {
        json!([self.sha256, self.size, self.modified, self.inode])
    }

    fn from_json(value: &Value) -> Option<Self> {
        let number = |index: usize| value.get(index)?.as_u64();
        let sha256 = value.get(0)?.as_str()?.parse().ok()?;
        Some(Self { sha256, size: number(1)?, modified: number(2)?, inode: number(3)? })
    }
}

#[cfg(test)]
mod tests;
