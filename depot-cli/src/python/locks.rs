//! Locks: files that were chosen before, by their names and digests. Nothing is resolved: they are what is saved.

mod file;
mod held;
mod marker;
mod poetry;
mod pylock;
#[cfg(test)]
mod tests;
mod uv;
mod wanted;
mod write;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use depot_index::IndexUrl;
use depot_proto::{DistributionFilename, ProjectName, Timestamp};
use url::Url;

pub(super) use self::held::held;
use self::marker::Marker;
pub(super) use self::marker::{Names, Selected, normalized};
pub(super) use self::wanted::{Locked, Pick, named, wanted};
pub(super) use self::write::write;
use super::{
    document::{Document, Table, Wrong},
    inputs::Place,
    requirements::Hashes,
};

/// What a lock says.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    /// Where it is.
    pub(super) path: Arc<Path>,
    /// The packages with files that can be saved.
    pub(super) packages: Vec<Package>,
    /// Who needs whom, in a lock whose packages do not say themselves where they are wanted.
    pub(super) links: Option<uv::Links>,
    /// The extras and groups that it knows.
    pub(super) known: Known,
    /// What of it is not saved, with the reason.
    pub(super) skipped: Vec<(String, String)>,
    /// What a person should know about it.
    pub(super) warnings: Vec<String>,
}

/// The names that may be asked for, as they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) extras: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
}

impl Known {
    /// Adds the names that another file knows.
    pub(super) fn add(&mut self, mut other: Self) {
        self.extras.append(&mut other.extras);
        self.groups.append(&mut other.groups);
    }
}

/// A package of a lock.
#[derive(Clone, Debug)]
pub(super) struct Package {
    /// Where it is wanted.
    pub(super) marker: Marker,
    /// Its files.
    pub(super) files: Vec<LockedFile>,
}

/// A file that a lock names exactly.
#[derive(Clone, Debug)]
pub(super) struct LockedFile {
    pub(super) filename: DistributionFilename,
    /// Where it is named.
    pub(super) place: Place,
    /// Its address; none where the lock knows the file only by its name.
    pub(super) url: Option<Url>,
    /// The index that the lock has it from, if it says so.
    pub(super) index: Option<Arc<IndexUrl>>,
    /// The digests that it is pinned to, any of which will do; empty where the lock has none.
    pub(super) hashes: Arc<Hashes>,
    pub(super) size: Option<u64>,
    pub(super) upload_time: Option<Timestamp>,
}

/// Why a file is no lock that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {words}")]
pub(super) struct LockError {
    place: Place,
    words: String,
}

/// Whether a file has a name that PEP 751 gives to locks.
pub(super) fn is_pylock(path: &Path) -> bool {
    is_lock(path) && path.extension().is_some_and(|extension| extension == "toml")
}

/// Whether a file of this name is a lock: `pylock.toml` and `pylock.NAME.toml` (PEP 751), `uv.lock`, `poetry.lock`.
pub(super) fn is_lock(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let pylock =
        |rest: &str| rest == "toml" || rest.strip_suffix(".toml").is_some_and(|name| !name.contains('.'));
    name == "uv.lock" || name == "poetry.lock" || name.strip_prefix("pylock.").is_some_and(pylock)
}

/// Reads a lock. Which kind it is is told by what is in it.
pub(super) fn read(path: &Arc<Path>, text: &str) -> Result<Lock, LockError> {
    let wrong =
        |wrong: Wrong| LockError { place: Place::File(Arc::clone(path), wrong.line), words: wrong.words };
    let document = Document::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(wrong)?;
    let root = document.root();
    let mut lock = Lock {
        path: Arc::clone(path),
        packages: Vec::new(),
        links: None,
        known: Known::default(),
        skipped: Vec::new(),
        warnings: Vec::new(),
    };
    let read = if root.get("lock-version").is_some() || root.get("packages").is_some() {
        pylock::read(&root, &mut lock)
    } else if poetry::is_one(&root) {
        poetry::read(&root, &mut lock)
    } else if root.get("version").is_some()
        && (root.get("package").is_some() || root.get("requires-python").is_some())
    {
        uv::read(&root, &mut lock)
    } else {
        Err(Wrong::new(1, NO_LOCK))
    };
    read.map_err(wrong)?;
    Ok(lock)
}

const NO_LOCK: &str =
    "this is no lock that is read here: those are `pylock.toml` (PEP 751), `uv.lock` and `poetry.lock`";

impl Lock {
    /// A place in it.
    fn place(&self, line: usize) -> Place {
        Place::File(Arc::clone(&self.path), line)
    }

    fn skip(&mut self, what: &str, line: usize, why: impl Into<String>) {
        let what = format!("{} ({})", what.escape_debug(), self.place(line));
        self.skipped.push((what, why.into()));
    }

    fn warn(&mut self, line: usize, words: &str) {
        let warning = format!("{}: {words}", self.place(line));
        self.warnings.push(warning);
    }
}

/// The project that a package of a lock is.
fn project(table: &Table<'_>) -> Result<ProjectName, Wrong> {
    let name = table.wanted_text("name")?;
    name.parse().map_err(|error: depot_proto::ProjectNameError| Wrong::new(table.line, error.to_string()))
}

/// A marker of a lock.
fn marker(text: &str, line: usize) -> Result<Marker, Wrong> {
    Marker::parse(text).map_err(|why| Wrong::new(line, format!("a marker cannot be read: {why}")))
}
