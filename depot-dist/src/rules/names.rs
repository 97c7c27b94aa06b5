//! The names in an archive, against each other and against what systems make of them.
//!
//! Of each name only a keyed hash is kept, so that a hundred thousand long ones take a few megabytes.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
};

use depot_proto::{DistributionFilename, SdistFormat};

use super::{Verdict, list};
use crate::{DistError, Limits, member};

const MAX_LEN: usize = 1024;
const MAX_DEPTH: usize = 64;

/// What Windows opens instead of a file, whatever the extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A symbolic link.
    Link,
}

/// The names that were seen.
pub(super) struct Names {
    hasher: RandomState,
    seen: HashMap<u64, Kind>,
    folded: HashSet<u64>,
    most: usize,
}

impl Names {
    pub(super) fn new(limits: &Limits) -> Self {
        // Folders count as well, and may be named by the members in them alone.
        let most = limits.max_members.saturating_mul(2);
        Self { hasher: RandomState::new(), seen: HashMap::new(), folded: HashSet::new(), most }
    }

    /// Whether there is a file of this name.
    pub(super) fn has_file(&self, name: &[u8]) -> bool {
        let path = normalized(name);
        self.seen.get(&self.hasher.hash_one(path.as_slice())) == Some(&Kind::File)
    }

    /// Takes in a name that was checked to stay in its folder.
    pub(super) fn take(&mut self, name: &[u8], kind: Kind, verdict: &mut Verdict) -> Result<(), DistError> {
        let path = normalized(name);
        check_path(name, &path, verdict);
        if self.seen.len() > self.most {
            return Err(DistError::too_many_members(self.most));
        }
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
        for end in slashes.take(MAX_DEPTH) {
            match self.seen.entry(self.hasher.hash_one(&path[..end])).or_insert(Kind::Folder) {
                Kind::Folder => {}
                Kind::File => {
                    verdict.add_of(&list::MEMBER_TWICE, name, "lies in a folder that is also a file");
                }
                Kind::Link => verdict.add_of(&list::TAR_LINK, name, "lies behind a link"),
            }
        }
        let key = self.hasher.hash_one(path.as_slice());
        if let Some(known) = self.seen.insert(key, kind) {
            if (known, kind) != (Kind::Folder, Kind::Folder) {
                verdict.add_of(&list::MEMBER_TWICE, name, "is in the archive twice");
            }
            return Ok(());
        }
        let lower = String::from_utf8_lossy(&path).to_lowercase();
        if !self.folded.insert(self.hasher.hash_one(lower.as_bytes())) {
            // Where case does not count, one of the two decides what the package is.
            let decides = lower.contains(".dist-info/") || lower.ends_with("/pkg-info");
            let rule = if decides { &list::MEMBER_TWICE } else { &list::MEMBER_CASE };
            verdict.add_of(rule, name, "differs from another name in case alone");
        }
        Ok(())
    }
}

/// A name without what means nothing in it: empty parts and `.`.
fn normalized(name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(name.len());
    for part in member::parts(name) {
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(part);
    }
    path
}

fn check_path(name: &[u8], path: &[u8], verdict: &mut Verdict) {
    if path.len() > MAX_LEN || member::parts(path).count() > MAX_DEPTH {
        verdict.add_of(&list::MEMBER_NAME, name, "has a name of more than 1,024 bytes or 64 folders");
    }
    if String::from_utf8_lossy(path).chars().any(char::is_control) {
        verdict.add_of(&list::MEMBER_NAME, name, "has a control character in its name");
    }
    for part in path.split(|&byte| byte == b'/') {
        if matches!(part.last(), Some(b'.' | b' ')) {
            let what = "has a name that ends in a dot or a space, which Windows leaves off";
            verdict.add_of(&list::MEMBER_NAME, name, what);
        }
        let stem = part.split(|&byte| byte == b'.').next().unwrap_or_default();
        let stem = String::from_utf8_lossy(stem).trim_end().to_ascii_lowercase();
        let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
        let is_device = DEVICES.contains(&stem.as_str())
            || numbered.is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']));
        if is_device || part.contains(&b':') {
            verdict.add_of(&list::MEMBER_DEVICE, name, "is a device or a stream of another file on Windows");
        }
    }
}

/// Whether the file name is spelled as builders of today spell it.
pub(super) fn check_filename(filename: &DistributionFilename, verdict: &mut Verdict) {
    let name = filename.project().as_str().replace('-', "_");
    let text = filename.as_str();
    let good = match filename {
        DistributionFilename::Wheel(_) => {
            text.strip_suffix(".whl").and_then(|stem| stem.split('-').next()) == Some(&name)
        }
        DistributionFilename::Sdist(sdist) => {
            let stem = text.strip_suffix(".tar.gz");
            sdist.format == SdistFormat::TarGz
                && stem.and_then(|stem| stem.split_once('-')).is_some_and(|(spelled, _)| spelled == name)
        }
        DistributionFilename::Legacy(_) => true,
    };
    if !good {
        let should = match filename {
            DistributionFilename::Wheel(_) => format!("{name}-...-....whl"),
            _ => format!("{name}-{}.tar.gz", filename.version()),
        };
        verdict.add(&list::FILENAME, format!("builders of today would spell it `{should}`"));
    }
}
