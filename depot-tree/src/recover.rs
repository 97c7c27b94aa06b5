//! Finishing or sweeping what a process that died left in `tmp/`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use depot_proto::{
    FileRecord, ProjectName, Sha256Digest,
    layout::{self, Part},
};

use crate::{
    error::{OnPath as _, TreeError},
    gc::{of_the_dead, project_of},
    incoming::{PROJECT_NOTE, SET_NOTE},
    publish, sync, together,
    tree::Tree,
    verify::hash,
};

/// What was found when a tree was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Files whose publication was cut off after they had become visible, or was finished now. An index of the tree
    /// may not know them yet.
    pub published: Vec<(ProjectName, String)>,
    /// Projects whose records were changed by someone who did not come to writing that down elsewhere.
    pub projects: Vec<ProjectName>,
    /// How many files of `tmp/` were removed.
    pub swept: usize,
    /// The notes that say so. They stay until [`Tree::settle`], so that whoever has an index can bring it up first, and
    /// may fail at that.
    notes: Vec<PathBuf>,
}

impl Tree {
    /// Removes the notes of what was found when the tree was opened: it is written down wherever it must be.
    pub fn settle(&self, recovered: &Recovered) -> Result<(), TreeError> {
        for note in &recovered.notes {
            match fs::remove_file(note) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                removed => removed.on("remove", note)?,
            }
        }
        Ok(())
    }
}

pub(crate) fn recover(tree: &Tree) -> Result<Recovered, TreeError> {
    let tmp = tree.root().join(layout::TMP);
    let mut recovered = Recovered::default();
    let mut names = of_the_dead(&tmp)?;
    // Of files that belong together first of all: none of them is ever finished by itself.
    for name in names.iter().filter(|name| name.ends_with(SET_NOTE)) {
        let note = tmp.join(name);
        if let Some((project, filenames)) = together::finish(tree, &note)? {
            recovered.published.extend(filenames.into_iter().map(|filename| (project.clone(), filename)));
            recovered.notes.push(note);
        }
    }
    names.retain(|name| !recovered.notes.contains(&tmp.join(name)));
    // The notes before the rest: what they speak of is still needed to finish them.
    names.sort_by_key(|name| Path::new(name).extension() != Some("json".as_ref()));
    for name in names {
        let path = tmp.join(&name);
        if let Some(note) = name.strip_suffix(".json")
            && let Some(published) = finish(tree, note, &path)?
        {
            recovered.published.push(published);
            recovered.notes.push(path);
            continue;
        }
        if let Some(project) = name.strip_suffix(PROJECT_NOTE).and_then(project_of) {
            recovered.projects.push(project);
            recovered.notes.push(path);
            continue;
        }
        match fs::remove_file(&path) {
            // The session ended as it should, or it was swept by someone else, after the names were read.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => {
                removed.on("remove", &path)?;
                recovered.swept += 1;
            }
        }
    }
    Ok(recovered)
}

/// Finishes one publication if its bytes have their name already; they were synced before they got it.
fn finish(tree: &Tree, note: &str, path: &Path) -> Result<Option<(ProjectName, String)>, TreeError> {
    let Some(project) = project_of(note) else { return Ok(None) };
    let document = match fs::read(path) {
        // Another process opened the tree at the same time, and was faster.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        document => document.on("read", path)?,
    };
    // A note that was not written whole belongs to an upload that had not begun to publish.
    let Ok(record) = FileRecord::read(&document, None) else { return Ok(None) };
    let published = tree.exclusively(|_| {
        match tree.record(&project, &record.filename) {
            Ok(None) => {}
            Ok(Some(present)) if present.sha256 == record.sha256 => {
                let provenance = (Part::Provenance, present.provenance);
                finish_part(tree, &project, &record.filename, provenance, path)?;
                return finish_bytes(tree, &project, &record, &path.with_extension("part"));
            }
            // Another's, or damaged later: that is one file's misfortune, and not the whole tree's.
            Ok(Some(_)) | Err(TreeError::Record { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        let Some(bytes) = tree.open_part(&project, &record.filename, Part::Bytes)? else { return Ok(false) };
        let at = tree.path(&project, &record.filename, Part::Bytes);
        if bytes.size != record.size || hash(&bytes.file).on("read", &at)? != record.sha256 {
            return Ok(false);
        }
        for part in [(Part::Metadata, record.core_metadata), (Part::Provenance, record.provenance)] {
            finish_part(tree, &project, &record.filename, part, path)?;
        }
        publish::link(path, &tree.path(&project, &record.filename, Part::Record))?;
        Ok(true)
    })?;
    if published {
        sync::sync_folder(&tree.project_folder(&project))?;
    }
    Ok(published.then_some((project, record.filename)))
}

/// Whether the bytes of a record are there. A power cut may have left the record and not the bytes that got their name
/// before it, where the file system does not keep the order of names: they are put there if `tmp/` still has them.
pub(crate) fn finish_bytes(
    tree: &Tree,
    project: &ProjectName,
    record: &FileRecord,
    part: &Path,
) -> Result<bool, TreeError> {
    let bytes = tree.path(project, &record.filename, Part::Bytes);
    if fs::metadata(&bytes).is_ok_and(|bytes| bytes.len() == record.size) {
        return Ok(true);
    }
    let Ok(file) = fs::File::open(part) else { return Ok(false) };
    if hash(&file).on("read", part)? != record.sha256 {
        return Ok(false);
    }
    fs::rename(part, &bytes).on("repair", &bytes)?;
    Ok(true)
}

/// Puts what belongs beside a file there, if it was written whole and is not there yet.
pub(crate) fn finish_part(
    tree: &Tree,
    project: &ProjectName,
    filename: &str,
    (part, sha256): (Part, Option<Sha256Digest>),
    note: &Path,
) -> Result<(), TreeError> {
    let path = note.with_extension(part.suffix().trim_start_matches('.'));
    let target = tree.path(project, filename, part);
    match fs::read(&path) {
        Ok(document) if sha256 == Some(Sha256Digest::of(&document)) => {
            fs::rename(path, &target).on("create", target)
        }
        // Metadata was not synced, so it may be cut short or gone: whoever serves the wheel can derive it again.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
