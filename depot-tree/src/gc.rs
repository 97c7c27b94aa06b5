//! Removing left-overs from `tmp/`, and nothing else: what opening a tree does ([`crate::Recovered`]), for a tree that is
//! in use.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use depot_proto::{FileRecord, ProjectName, layout};

use crate::{
    error::{OnPath as _, TreeError},
    incoming::PROJECT_NOTE,
    resumable,
    session::{is_dead, lock_tree, session_of},
    together,
    tree::{Tree, names},
};

/// What [`gc`] found in `tmp/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOvers {
    /// Files that were removed, or would have been.
    pub removed: Vec<PathBuf>,
    /// The bytes in them.
    pub bytes: u64,
    /// Files that stay, because they are younger than asked for.
    pub young: usize,
    /// Files that stay, because the next opening of the tree needs them: notes of what became visible.
    pub needed: usize,
}

/// Removes what processes that died left in the `tmp/` of the tree at `root`, if it was last written at least `age` ago;
/// with `dry_run` only says what that is. What is visible, what someone is at, and what the next opening needs to finish
/// a publication stays.
pub fn gc(root: &Path, age: Duration, dry_run: bool) -> Result<LeftOvers, TreeError> {
    let tmp = root.join(layout::TMP);
    let tree = Tree::open_read_only(root);
    let mut found = LeftOvers::default();
    let names = of_the_dead(&tmp)?;
    let together = together::spoken_of(&tmp, &names);
    // The files of one upload go or stay together.
    let mut uploads: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for name in names {
        let path = tmp.join(name);
        uploads.entry(path.with_extension("")).or_default().push(path);
    }
    for (stem, paths) in uploads {
        if together.contains(&stem) || is_needed(&tree, &stem) {
            found.needed += paths.len();
            continue;
        }
        for path in paths {
            remove(&path, age, dry_run, &mut found)?;
        }
    }
    resumable(&tmp, age, dry_run, &mut found)?;
    Ok(found)
}

/// Downloads that nobody went on with: a tree that was copied here may bring them, and no server will go on.
fn resumable(tmp: &Path, age: Duration, dry_run: bool, found: &mut LeftOvers) -> Result<(), TreeError> {
    let folder = tmp.join(resumable::FOLDER);
    if !folder.is_dir() {
        return Ok(());
    }
    let _alone = lock_tree(tmp)?;
    for path in resumable::free(&folder)? {
        let removed = found.removed.len();
        remove(&path, age, dry_run, found)?;
        let note = resumable::note_of(&path);
        // The note of bytes goes with them.
        if found.removed.len() > removed && note != path {
            remove(&note, Duration::ZERO, dry_run, found)?;
        }
    }
    if !dry_run {
        // It stays where something is in it.
        let _ = fs::remove_dir(&folder);
    }
    Ok(())
}

fn remove(path: &Path, age: Duration, dry_run: bool, found: &mut LeftOvers) -> Result<(), TreeError> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata.on("look at", path)?,
    };
    let is_old = metadata.modified().and_then(|modified| modified.elapsed().map_err(std::io::Error::other));
    // One from the future has no age; a clock was wrong.
    if is_old.is_ok_and(|elapsed| elapsed < age) {
        found.young += 1;
        return Ok(());
    }
    if !dry_run {
        match fs::remove_file(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            removed => removed.on("remove", path)?,
        }
    }
    found.bytes += metadata.len();
    found.removed.push(path.to_owned());
    Ok(())
}

/// The names in `tmp/` that belong to sessions which nobody holds any more.
pub(crate) fn of_the_dead(tmp: &Path) -> Result<Vec<String>, TreeError> {
    let mut sessions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names(tmp)? {
        // No session makes a folder or a pipe: whoever put one there knows what it is for.
        let is_file = || fs::symlink_metadata(tmp.join(&name)).is_ok_and(|found| found.is_file());
        if let Some(session) = session_of(&name)
            && is_file()
        {
            sessions.entry(session.to_owned()).or_default().push(name);
        }
    }
    if !sessions.is_empty() {
        let _alone = lock_tree(tmp)?;
        sessions.retain(|session, _| is_dead(tmp, session));
    }
    Ok(sessions.into_values().flatten().collect())
}

/// Whether there is a note of this upload, and the file it speaks of has its name already, or a note of a project's record:
/// the next to open the tree finishes it, or reports it to its index.
fn is_needed(tree: &Tree, stem: &Path) -> bool {
    let project = stem.file_name().and_then(OsStr::to_str).and_then(project_of);
    let Some(project) = project else { return false };
    if with(stem, PROJECT_NOTE).exists() {
        return true;
    }
    let Ok(note) = fs::read(with(stem, ".json")) else { return false };
    let Ok(record) = FileRecord::read(&note, None) else { return false };
    [layout::Part::Bytes, layout::Part::Record]
        .iter()
        .any(|part| tree.path(&project, &record.filename, *part).exists())
}

pub(crate) fn with(stem: &Path, suffix: &str) -> PathBuf {
    let mut path = stem.to_owned().into_os_string();
    path.push(suffix);
    path.into()
}

/// The project that a name in `tmp/`, without its suffix, is for.
pub(crate) fn project_of(stem: &str) -> Option<ProjectName> {
    stem.split_once('.')?.1.parse().ok()
}

#[cfg(test)]
mod tests;
