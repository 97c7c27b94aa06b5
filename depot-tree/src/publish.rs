//! How a file becomes visible, and how its record changes.

use std::{fs, io, path::Path, sync::PoisonError};

use depot_proto::{FileRecord, ProjectName, RecordError, layout::Part};

use crate::{
    error::{OnPath as _, TreeError},
    incoming::{Sealed, Temporary, write_synced},
    names::KnownNames,
    session::lock_tree,
    tree::Tree,
    verify::hash,
};

/// What publishing a file came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// The file is there now, with the record that was given.
    Created,
    /// The same bytes were there already, with this record, which was left as it is.
    Same(FileRecord),
    /// Other bytes have this name, or a name that differs from it only in case: this is their record. Nothing was
    /// changed.
    Conflict(FileRecord),
}

/// A record after a change. While it lives, a crash leaves a note of the change.
#[derive(Debug)]
pub struct Changed {
    /// The record as it is now.
    pub record: FileRecord,
    note: Option<Temporary>,
}

impl Changed {
    /// Whether anything was changed.
    pub fn is_news(&self) -> bool {
        self.note.is_some()
    }

    /// Goes, but leaves the note: the next to open the tree will report the file again ([`crate::Recovered`]).
    pub fn leave_note(mut self) {
        if let Some(note) = &mut self.note {
            note.keep_note();
        }
    }
}

impl Tree {
    /// Publishes received bytes under the record's file name, with the wheel's core metadata if it has some.
    ///
    /// The record must speak of these bytes. On return of [`Published::Created`] the file survives a crash. A record that
    /// cannot be read is replaced where the bytes beside it are these; otherwise it is an error, for it may speak of
    /// others.
    pub fn publish(
        &self,
        sealed: &Sealed,
        record: &FileRecord,
        metadata: Option<&[u8]>,
    ) -> Result<Published, TreeError> {
        debug_assert_eq!((record.sha256, record.size), (sealed.sha256(), sealed.size()));
        let (project, filename) = (&sealed.project, record.filename.as_str());
        let folder = self.project_folder(project);
        self.check_trusted()?;
        self.found(project)?;
        // The record lies in tmp before the bytes get their name: from here on a crash can be cleared up.
        write_synced(&sealed.files.record(), &record.to_document())?;
        if let Some(metadata) = metadata {
            let path = sealed.files.metadata();
            fs::write(&path, metadata).on("write to", &path)?;
        }
        let heals = self.is_damaged_record_of(sealed, filename)?;
        let published =
            self.exclusively(|names| self.link_all(names, sealed, filename, metadata.is_some(), heals))?;
        // The same bytes may have been published by someone who has not come to syncing them yet.
        if !matches!(published, Published::Conflict(_)) {
            self.sync_folder(&folder)?;
        }
        Ok(published)
    }

    /// Changes the record of a file, one change at a time; none if the file does not exist. `change` says whether it
    /// changed anything; the bytes the record speaks of must stay the same.
    pub fn change_record(
        &self,
        project: &ProjectName,
        filename: &str,
        change: impl FnOnce(&mut FileRecord) -> bool,
    ) -> Result<Option<Changed>, TreeError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut record) = self.record(project, filename)? else { return Ok(None) };
        if !change(&mut record) {
            return Ok(Some(Changed { record, note: None }));
        }
        self.check_trusted()?;
        let temporary = self.temporary(project)?;
        let document = record.to_document();
        write_synced(&temporary.new_record(), &document)?;
        // Not synced: it matters to who could not write the change down elsewhere, and still lives.
        fs::write(temporary.record(), &document).on("write to", temporary.record())?;
        let target = self.path(project, filename, Part::Record);
        self.exclusively(|names| {
            let replace = || fs::rename(temporary.new_record(), &target).on("replace", &target);
            self.in_folder(names, project, None, replace)
        })?;
        let changed = Changed { record, note: Some(temporary) };
        if let Err(error) = self.sync(project) {
            // It is visible, and who asked for it is told that it failed: an index must look at it again.
            changed.leave_note();
            return Err(error);
        }
        Ok(Some(changed))
    }

    /// Makes durable what is visible of a project: for who found there what someone else has not come to syncing yet.
    pub fn sync(&self, project: &ProjectName) -> Result<(), TreeError> {
        self.sync_folder(&self.project_folder(project))
    }

    /// Puts bytes that were lost or damaged back in their place; they must be what the file's record says.
    pub fn repair(&self, sealed: &Sealed, filename: &str) -> Result<(), TreeError> {
        let project = &sealed.project;
        self.exclusively(|names| match self.record(project, filename)? {
            // They may have been put back when they were published.
            Some(record) if record.sha256 == sealed.sha256() && sealed.files.bytes().exists() => {
                self.put_bytes_back(names, sealed, filename)
            }
            _ => Ok(()),
        })?;
        self.sync_folder(&self.project_folder(project))
    }

    fn link_all(
        &self,
        names: &mut KnownNames,
        sealed: &Sealed,
        filename: &str,
        has_metadata: bool,
        heals: bool,
    ) -> Result<Published, TreeError> {
        let project = &sealed.project;
        if let Some(present) = self.same_name(names, project, filename)? {
            let record = match self.record(project, &present) {
                Err(TreeError::Record { .. }) if heals && present == filename => {
                    let record = self.path(project, filename, Part::Record);
                    let replace = || {
                        self.link_provenance(sealed, filename)?;
                        copy_over(&sealed.files.record(), &record)
                    };
                    self.in_folder(names, project, None, replace)?;
                    return Ok(Published::Created);
                }
                record => record?,
            };
            if let Some(record) = record {
                return self.link_again(names, sealed, (filename, &present), record);
            }
        }
        let link = || self.link_parts(sealed, filename, has_metadata, &sealed.files.record());
        let linked = self.in_folder(names, project, Some(filename), link);
        if linked.is_err() && !self.path(project, filename, Part::Record).exists() {
            // Never visible, and nobody is going to finish it: its room on the disk is given back.
            for part in [Part::Bytes, Part::Metadata, Part::Provenance] {
                let _ = fs::remove_file(self.path(project, filename, part));
            }
        }
        linked?;
        Ok(Published::Created)
    }

    /// A file of this name is there already.
    fn link_again(
        &self,
        names: &mut KnownNames,
        sealed: &Sealed,
        (filename, present): (&str, &str),
        record: FileRecord,
    ) -> Result<Published, TreeError> {
        if present != filename || record.sha256 != sealed.sha256() {
            return Ok(Published::Conflict(record));
        }
        if !self.has_bytes(&sealed.project, filename, record.size) {
            self.put_bytes_back(names, sealed, filename)?;
        }
        Ok(Published::Same(record))
    }

    /// Whether there is a record under this name that cannot be read, beside the very bytes that were received: then
    /// nothing else can have been published under it.
    fn is_damaged_record_of(&self, sealed: &Sealed, filename: &str) -> Result<bool, TreeError> {
        match self.record(&sealed.project, filename) {
            // A newer depot can read it.
            Err(TreeError::Record { source: RecordError::TooNew(_), .. }) => Ok(false),
            Err(TreeError::Record { .. }) => {
                let Some(bytes) = self.open_part(&sealed.project, filename, Part::Bytes)? else {
                    return Ok(false);
                };
                let path = self.path(&sealed.project, filename, Part::Bytes);
                Ok(bytes.size == sealed.size() && hash(&bytes.file).on("read", path)? == sealed.sha256())
            }
            // What else keeps it from being read keeps it from being published, and is said there.
            _ => Ok(false),
        }
    }

    /// The record comes last: it is what makes the file visible.
    pub(crate) fn link_parts(
        &self,
        sealed: &Sealed,
        filename: &str,
        has_metadata: bool,
        record: &Path,
    ) -> Result<(), TreeError> {
        let path = |part| self.path(&sealed.project, filename, part);
        link(&sealed.files.bytes(), &path(Part::Bytes))?;
        if has_metadata {
            let metadata = path(Part::Metadata);
            fs::rename(sealed.files.metadata(), &metadata).on("create", &metadata)?;
        }
        self.link_provenance(sealed, filename)?;
        link(record, &path(Part::Record))
    }

    fn link_provenance(&self, sealed: &Sealed, filename: &str) -> Result<(), TreeError> {
        if sealed.provenance().is_none() {
            return Ok(());
        }
        let provenance = self.path(&sealed.project, filename, Part::Provenance);
        fs::rename(sealed.files.provenance(), &provenance).on("create", &provenance)
    }

    pub(crate) fn put_bytes_back(
        &self,
        names: &mut KnownNames,
        sealed: &Sealed,
        filename: &str,
    ) -> Result<(), TreeError> {
        let bytes = self.path(&sealed.project, filename, Part::Bytes);
        let replace = || fs::rename(sealed.files.bytes(), &bytes).on("repair", &bytes);
        self.in_folder(names, &sealed.project, None, replace)
    }

    /// The name of a file with a record that is this one but for case.
    pub(crate) fn same_name(
        &self,
        names: &mut KnownNames,
        project: &ProjectName,
        filename: &str,
    ) -> Result<Option<String>, TreeError> {
        if self.path(project, filename, Part::Record).exists() {
            return Ok(Some(filename.to_owned()));
        }
        names.find(project, &self.project_folder(project), filename)
    }

    /// Runs a few quick steps that no other thread or process that writes this tree runs at the same time.
    pub(crate) fn exclusively<T>(
        &self,
        steps: impl FnOnce(&mut KnownNames) -> Result<T, TreeError>,
    ) -> Result<T, TreeError> {
        let mut names = self.linking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut process = lock_tree(&self.tmp())?;
        if !self.session.as_ref().is_some_and(|session| process.was_ours(session)) {
            names.clear();
        }
        steps(&mut names)
    }

    /// Changes a project's folder in a way that gives it this name, if any, and keeps what is known of its names.
    pub(crate) fn in_folder<T>(
        &self,
        names: &mut KnownNames,
        project: &ProjectName,
        filename: Option<&str>,
        change: impl FnOnce() -> Result<T, TreeError>,
    ) -> Result<T, TreeError> {
        let folder = self.project_folder(project);
        let current = names.is_current(project, &folder);
        let changed = change()?;
        if current {
            names.changed(project, &folder, filename);
        }
        Ok(changed)
    }
}

/// Gives a file of `tmp/` its name. What has the name already has no record, so it was never visible: it is a left
/// over of a crash, and goes.
pub(crate) fn link(from: &Path, to: &Path) -> Result<(), TreeError> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(to).on("remove the left-over", to)?;
            fs::hard_link(from, to).on("create", to)
        }
        // A file system without hard links: the lock is held and the name is free, so a rename replaces nothing.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) =>
        {
            let is_note = from.extension().is_some_and(|extension| extension == "json");
            if is_note { copy_over(from, to) } else { fs::rename(from, to).on("create", to) }
        }
        linked => linked.on("create", to),
    }
}

/// Puts a copy of a note in the place of a record: the note stays until the file is written down elsewhere.
fn copy_over(note: &Path, to: &Path) -> Result<(), TreeError> {
    let new = note.with_extension("new");
    write_synced(&new, &fs::read(note).on("read", note)?)?;
    fs::rename(new, to).on("create", to)
}

#[cfg(test)]
mod tests;
