//! Several files of a project that become visible together or not at all.
//!
//! Their bytes and records lie in `tmp/`, synced, when the set is written down there: a note that names them all. That
//! note, once it is durable, is the commit. Before, a crash leaves nothing of any of them; after, the next to open the
//! tree gives those their names that lack them. None of them has a note of its own, so none is ever finished alone.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use depot_proto::{FileRecord, ProjectName, layout::Part};
use serde_json::{Value, json};

use crate::{
    error::{OnPath as _, TreeError},
    gc::{project_of, with},
    incoming::{SET_NOTE, Sealed, write_synced},
    names::KnownNames,
    publish::link,
    recover::{finish_bytes, finish_part},
    remove::remove_file,
    tree::Tree,
    verify::hash,
};

/// One file of several.
#[derive(Debug)]
pub struct Member {
    /// Its bytes.
    pub sealed: Sealed,
    /// Its record, which speaks of these bytes.
    pub record: FileRecord,
    /// The wheel's core metadata, if it has some.
    pub metadata: Option<Vec<u8>>,
}

/// What publishing several files came to.
#[derive(Debug)]
pub enum Together {
    /// All are there. While the note lives, a crash leaves it.
    Published(SetNote),
    /// Other bytes have the name of one of them, or a name that differs from it only in case: this is their record.
    /// None of the files was published.
    Conflict(Box<FileRecord>),
}

/// The note of files that became visible together.
#[derive(Debug)]
pub struct SetNote {
    path: PathBuf,
    stays: bool,
}

impl SetNote {
    /// Goes, but leaves the note: the next to open the tree will report the files ([`crate::Recovered`]). For one who
    /// published them and could not write that down elsewhere.
    pub fn leave_note(mut self) {
        self.stays = true;
    }
}

impl Drop for SetNote {
    fn drop(&mut self) {
        if !self.stays {
            // One that cannot be removed is settled at the next opening. Of a set that was never written there is none.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Tree {
    /// Publishes files of one project, with different names, together. Those that are there with the same bytes stay as
    /// they are. On return of [`Together::Published`] all survive a crash; on an error none is visible, or, where even
    /// that could not be seen to, the next to open the tree makes all visible and reports them.
    pub fn publish_together(
        &self,
        project: &ProjectName,
        members: &mut [Member],
    ) -> Result<Together, TreeError> {
        self.check_trusted()?;
        self.found(project)?;
        for Member { sealed, record, metadata } in &*members {
            debug_assert_eq!((record.sha256, record.size), (sealed.sha256(), sealed.size()));
            write_synced(&sealed.files.new_record(), &record.to_document())?;
            if let Some(metadata) = metadata {
                let path = sealed.files.metadata();
                fs::write(&path, metadata).on("write to", &path)?;
            }
        }
        let mut note = SetNote { path: with(&self.stem(project)?, SET_NOTE), stays: false };
        let linked = self.exclusively(|names| {
            let missing = match self.missing(names, project, members)? {
                Ok(missing) => missing,
                Err(known) => return Ok(Some(known)),
            };
            if !missing.is_empty() {
                self.write_set(&note.path, members, &missing)?;
                self.link_set(names, &mut note, members, &missing)?;
            }
            Ok(None)
        })?;
        if let Some(known) = linked {
            return Ok(Together::Conflict(known));
        }
        if let Err(error) = self.sync(project) {
            // Which of the names are on the disk nobody knows: all that is needed to give them again stays.
            keep(&mut note, members);
            return Err(error);
        }
        Ok(Together::Published(note))
    }

    /// Which of the members are not there yet.
    fn missing(
        &self,
        names: &mut KnownNames,
        project: &ProjectName,
        members: &[Member],
    ) -> Result<Missing, TreeError> {
        let mut missing = Vec::new();
        for (index, Member { sealed, record, .. }) in members.iter().enumerate() {
            let filename = record.filename.as_str();
            let present = self.same_name(names, project, filename)?;
            let known = present.as_ref().map_or(Ok(None), |present| self.record(project, present))?;
            match known {
                None => missing.push(index),
                Some(known) if known.filename == filename && known.sha256 == record.sha256 => {
                    if !self.has_bytes(project, filename, known.size) {
                        self.put_bytes_back(names, sealed, filename)?;
                    }
                }
                Some(known) => return Ok(Err(Box::new(known))),
            }
        }
        Ok(Ok(missing))
    }

    /// The commit: from here on a crash can only delay what follows.
    fn write_set(&self, note: &Path, members: &[Member], missing: &[usize]) -> Result<(), TreeError> {
        let noted = |index: &usize| {
            let Member { sealed, record, .. } = &members[*index];
            let stem = sealed.files.stem().file_name().and_then(OsStr::to_str).unwrap_or_default();
            json!({ "stem": stem, "record": String::from_utf8_lossy(&record.to_document()) })
        };
        let files: Vec<Value> = missing.iter().map(noted).collect();
        write_synced(note, json!({ "files": files }).to_string().as_bytes())?;
        // With its name those of all that it speaks of.
        self.sync_folder(&self.tmp())
    }

    /// Gives them their names, or takes back those that were given.
    fn link_set(
        &self,
        names: &mut KnownNames,
        note: &mut SetNote,
        members: &mut [Member],
        missing: &[usize],
    ) -> Result<(), TreeError> {
        let _alone = self.naming.write().unwrap_or_else(PoisonError::into_inner);
        let linked = missing.iter().try_for_each(|index| {
            let Member { sealed, record, metadata } = &members[*index];
            let link =
                || self.link_parts(sealed, &record.filename, metadata.is_some(), &sealed.files.new_record());
            self.in_folder(names, &sealed.project, Some(&record.filename), link)
        });
        let Err(error) = linked else { return Ok(()) };
        names.clear();
        if self.unlink_set(members, missing).is_err() {
            keep(note, members);
        }
        Err(error)
    }

    /// Takes names back, durably: those of records first. What had its name goes back to where it was, so that all of it is
    /// still there if this fails too.
    fn unlink_set(&self, members: &[Member], missing: &[usize]) -> Result<(), TreeError> {
        for part in [Part::Record, Part::Metadata, Part::Provenance, Part::Bytes] {
            for Member { sealed, record, .. } in missing.iter().map(|index| &members[*index]) {
                let path = self.path(&sealed.project, &record.filename, part);
                let before = match part {
                    Part::Record => sealed.files.new_record(),
                    Part::Metadata => sealed.files.metadata(),
                    Part::Provenance => sealed.files.provenance(),
                    Part::Bytes => sealed.files.bytes(),
                };
                // What is no file was never given a name here.
                if !fs::symlink_metadata(&path).is_ok_and(|there| there.is_file()) {
                    continue;
                }
                if before.exists() {
                    remove_file(&path)?;
                } else {
                    fs::rename(&path, &before).on("move", &path)?;
                }
            }
        }
        missing.first().map_or(Ok(()), |index| self.sync(&members[*index].sealed.project))
    }
}

/// The places of the members that are not there, or the record of other bytes that have the name of one.
type Missing = Result<Vec<usize>, Box<FileRecord>>;

/// Leaves all of a set for the next to open the tree.
fn keep(note: &mut SetNote, members: &mut [Member]) {
    note.stays = true;
    for member in members {
        member.sealed.files.keep_all();
    }
}

/// What a note speaks of: what the files of each in `tmp/` are called, and its record. None if it was not written whole, or
/// is no such note.
fn read(path: &Path) -> Option<(ProjectName, Vec<(PathBuf, FileRecord)>)> {
    let note: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let project = path.file_stem().and_then(OsStr::to_str).and_then(project_of)?;
    let mut files = Vec::new();
    for file in note.get("files")?.as_array()? {
        let (stem, record) = (file.get("stem")?.as_str()?, file.get("record")?.as_str()?);
        let record = FileRecord::read(record.as_bytes(), None).ok()?;
        let is_own = project_of(stem).as_ref() == Some(&project);
        if !is_own || [stem, &record.filename].iter().any(|name| name.contains(['/', '\\'])) {
            return None;
        }
        files.push((path.with_file_name(stem), record));
    }
    Some((project, files))
}

/// The beginnings of all names in `tmp/` that belong to sets: they are needed until the next opening.
pub(crate) fn spoken_of(tmp: &Path, names: &[String]) -> HashSet<PathBuf> {
    let mut found = HashSet::new();
    for note in names.iter().filter(|name| name.ends_with(SET_NOTE)).map(|name| tmp.join(name)) {
        if let Some((_, files)) = read(&note) {
            found.insert(note.with_extension(""));
            found.extend(files.into_iter().map(|(stem, _)| stem));
        }
    }
    found
}

/// Gives the files of a set their names, and says which they are; none if the note was not written whole, or one of them is
/// not to be had: then nothing is done.
pub(crate) fn finish(tree: &Tree, path: &Path) -> Result<Option<(ProjectName, Vec<String>)>, TreeError> {
    let Some((project, files)) = read(path) else { return Ok(None) };
    let done = tree.exclusively(|_| {
        for (stem, record) in &files {
            if !is_to_be_had(tree, &project, stem, record)? {
                return Ok(false);
            }
        }
        files.iter().try_for_each(|(stem, record)| finish_one(tree, &project, stem, record))?;
        Ok(true)
    })?;
    if !done {
        return Ok(None);
    }
    tree.sync(&project)?;
    Ok(Some((project, files.into_iter().map(|(_, record)| record.filename).collect())))
}

/// Whether a file is there, or its bytes lie in `tmp/` or under their name already.
fn is_to_be_had(
    tree: &Tree,
    project: &ProjectName,
    stem: &Path,
    record: &FileRecord,
) -> Result<bool, TreeError> {
    match tree.record(project, &record.filename) {
        Ok(None) => {}
        Ok(Some(known)) => return Ok(known.sha256 == record.sha256),
        // Damaged later: that is one file's misfortune, and not the whole tree's.
        Err(TreeError::Record { .. }) => return Ok(false),
        Err(error) => return Err(error),
    }
    for path in [with(stem, ".part"), tree.path(project, &record.filename, Part::Bytes)] {
        if has_bytes(&path, record)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_bytes(path: &Path, record: &FileRecord) -> Result<bool, TreeError> {
    let Ok(file) = fs::File::open(path) else { return Ok(false) };
    Ok(hash(&file).on("read", path)? == record.sha256)
}

fn finish_one(tree: &Tree, project: &ProjectName, stem: &Path, record: &FileRecord) -> Result<(), TreeError> {
    let filename = record.filename.as_str();
    let (bytes, part) = (tree.path(project, filename, Part::Bytes), with(stem, ".part"));
    for part in [(Part::Metadata, record.core_metadata), (Part::Provenance, record.provenance)] {
        finish_part(tree, project, filename, part, &with(stem, ".json"))?;
    }
    let target = tree.path(project, filename, Part::Record);
    if target.exists() {
        return finish_bytes(tree, project, record, &part).map(drop);
    }
    if !has_bytes(&bytes, record)? {
        link(&part, &bytes)?;
    }
    let (new, document) = (with(stem, ".new"), record.to_document());
    if fs::read(&new).ok().as_ref() != Some(&document) {
        write_synced(&new, &document)?;
    }
    fs::rename(&new, &target).on("create", target)
}

#[cfg(test)]
mod tests;
