//! How a file becomes visible, and how its record changes.

use std::{fs, io, path::Path, sync::PoisonError};

use depot_proto::{FileRecord, ProjectName, layout::Part};

use crate::{
    error::{OnPath as _, TreeError},
    incoming::{Sealed, Temporary, write_synced},
    session::lock_tree,
    sync,
    tree::Tree,
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
    /// The record must speak of these bytes. On return of [`Published::Created`] the file survives a crash.
    pub fn publish(
        &self,
        sealed: &Sealed,
        record: &FileRecord,
        metadata: Option<&[u8]>,
    ) -> Result<Published, TreeError> {
        debug_assert_eq!((record.sha256, record.size), (sealed.sha256(), sealed.size()));
        let (project, filename) = (&sealed.project, record.filename.as_str());
        let folder = self.project_folder(project);
        {
            let _founding = self.founding.lock().unwrap_or_else(PoisonError::into_inner);
            sync::create_own_folder(&folder)?;
        }
        // The record lies in tmp before the bytes get their name: from here on a crash can be cleared up.
        write_synced(&sealed.files.record(), &record.to_document())?;
        if let Some(metadata) = metadata {
            let path = sealed.files.metadata();
            fs::write(&path, metadata).on("write to", &path)?;
        }
        let published = self.exclusively(|| self.link_all(sealed, filename, metadata.is_some()))?;
        // The same bytes may have been published by someone who has not come to syncing them yet.
        if !matches!(published, Published::Conflict(_)) {
            sync::sync_folder(&folder)?;
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
        let temporary = self.temporary(project)?;
        let document = record.to_document();
        write_synced(&temporary.new_record(), &document)?;
        // Not synced: it matters to who could not write the change down elsewhere, and still lives.
        fs::write(temporary.record(), &document).on("write to", temporary.record())?;
        let target = self.path(project, filename, Part::Record);
        self.exclusively(|| fs::rename(temporary.new_record(), &target).on("replace", &target))?;
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
        sync::sync_folder(&self.project_folder(project))
    }

    /// Puts bytes that were lost or damaged back in their place; they must be what the file's record says.
    pub fn repair(&self, sealed: &Sealed, filename: &str) -> Result<(), TreeError> {
        let project = &sealed.project;
        self.exclusively(|| match self.record(project, filename)? {
            // They may have been put back when they were published.
            Some(record) if record.sha256 == sealed.sha256() && sealed.files.bytes().exists() => {
                self.put_bytes_back(sealed, filename)
            }
            _ => Ok(()),
        })?;
        sync::sync_folder(&self.project_folder(project))
    }

    fn link_all(&self, sealed: &Sealed, filename: &str, has_metadata: bool) -> Result<Published, TreeError> {
        let project = &sealed.project;
        if let Some(present) = self.same_name(project, filename)?
            && let Some(record) = self.record(project, &present)?
        {
            if present != filename || record.sha256 != sealed.sha256() {
                return Ok(Published::Conflict(record));
            }
            let bytes = fs::metadata(self.path(project, filename, Part::Bytes));
            if bytes.is_ok_and(|bytes| bytes.len() == record.size) {
                return Ok(Published::Same(record));
            }
            self.put_bytes_back(sealed, filename)?;
            return Ok(Published::Same(record));
        }
        let linked = self.link_parts(sealed, filename, has_metadata);
        if linked.is_err() && !self.path(project, filename, Part::Record).exists() {
            // Never visible, and nobody is going to finish it: its room on the disk is given back.
            for part in [Part::Bytes, Part::Metadata] {
                let _ = fs::remove_file(self.path(project, filename, part));
            }
        }
        linked?;
        Ok(Published::Created)
    }

    /// The record comes last: it is what makes the file visible.
    fn link_parts(&self, sealed: &Sealed, filename: &str, has_metadata: bool) -> Result<(), TreeError> {
        let path = |part| self.path(&sealed.project, filename, part);
        link(&sealed.files.bytes(), &path(Part::Bytes))?;
        if has_metadata {
            let metadata = path(Part::Metadata);
            fs::rename(sealed.files.metadata(), &metadata).on("create", &metadata)?;
        }
        link(&sealed.files.record(), &path(Part::Record))
    }

    fn put_bytes_back(&self, sealed: &Sealed, filename: &str) -> Result<(), TreeError> {
        let bytes = self.path(&sealed.project, filename, Part::Bytes);
        fs::rename(sealed.files.bytes(), &bytes).on("repair", &bytes)
    }

    /// The name of a file with a record that is this one but for case.
    fn same_name(&self, project: &ProjectName, filename: &str) -> Result<Option<String>, TreeError> {
        if self.path(project, filename, Part::Record).exists() {
            return Ok(Some(filename.to_owned()));
        }
        let folder = self.project_folder(project);
        for entry in fs::read_dir(&folder).on("list", &folder)? {
            let name = entry.on("list", &folder)?.file_name();
            match name.to_str().map(Part::split) {
                Some((present, Part::Record)) if present.eq_ignore_ascii_case(filename) => {
                    return Ok(Some(present.to_owned()));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Runs a few quick steps that no other thread or process that writes this tree runs at the same time.
    pub(crate) fn exclusively<T>(
        &self,
        steps: impl FnOnce() -> Result<T, TreeError>,
    ) -> Result<T, TreeError> {
        let _thread = self.linking.lock().unwrap_or_else(PoisonError::into_inner);
        let _process = lock_tree(&self.tmp())?;
        steps()
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
        // A file system without hard links: the lock is held and the name is free, so a rename replaces nothing. Of the
        // note it is a copy that is renamed, for it stays until the file is written down elsewhere.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) =>
        {
            let is_note = from.extension().is_some_and(|extension| extension == "json");
            let moved = if is_note { from.with_extension("new") } else { from.to_owned() };
            if is_note {
                write_synced(&moved, &fs::read(from).on("read", from)?)?;
            }
            fs::rename(moved, to).on("create", to)
        }
        linked => linked.on("create", to),
    }
}

#[cfg(test)]
mod tests;
