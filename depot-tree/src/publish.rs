//! How a file becomes visible, and how its record changes.

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::PoisonError,
};

use depot_proto::{FileRecord, ProjectName, layout::Part};

use crate::{
    error::{OnPath as _, TreeError},
    incoming::{Sealed, write_synced},
    sync,
    tree::{Tree, names},
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
        sync::create_folder(&folder)?;
        // The record lies in tmp before the bytes get their name: from here on a crash can be cleared up.
        write_synced(&sealed.files.record(), &record.to_document())?;
        if let Some(metadata) = metadata {
            let path = sealed.files.metadata();
            fs::write(&path, metadata).on("write to", &path)?;
        }
        let published = self.exclusively(|| self.link_all(sealed, filename, metadata.is_some()))?;
        if published == Published::Created {
            sync::sync_folder(&folder)?;
        }
        Ok(published)
    }

    /// Puts a changed record in the place of the one that is there. The bytes it speaks of must be the same.
    pub fn replace_record(&self, project: &ProjectName, record: &FileRecord) -> Result<(), TreeError> {
        let temporary = self.temporary(project)?;
        write_synced(&temporary.record(), &record.to_document())?;
        let target = self.path(project, &record.filename, Part::Record);
        self.exclusively(|| {
            fs::rename(temporary.record(), &target).on("replace", &target)?;
            Ok(())
        })?;
        sync::sync_folder(&self.project_folder(project))
    }

    /// Puts bytes that were lost or damaged back in their place; they must be what the file's record says.
    pub fn repair(&self, sealed: &Sealed, filename: &str) -> Result<(), TreeError> {
        let project = &sealed.project;
        self.exclusively(|| match self.record(project, filename)? {
            Some(record) if record.sha256 == sealed.sha256() => self.put_bytes_back(sealed, filename),
            _ => Ok(()),
        })?;
        sync::sync_folder(&self.project_folder(project))
    }

    fn link_all(&self, sealed: &Sealed, filename: &str, has_metadata: bool) -> Result<Published, TreeError> {
        let project = &sealed.project;
        let metadata = self.path(project, filename, Part::Metadata);
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
        link(&sealed.files.bytes(), &self.path(project, filename, Part::Bytes))?;
        if has_metadata {
            fs::rename(sealed.files.metadata(), &metadata).on("create", &metadata)?;
        }
        link(&sealed.files.record(), &self.path(project, filename, Part::Record))?;
        Ok(Published::Created)
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
        Ok(names(&self.project_folder(project))?.into_iter().find_map(|name| match Part::split(&name) {
            (present, Part::Record) if present.eq_ignore_ascii_case(filename) => Some(present.to_owned()),
            _ => None,
        }))
    }

    /// Runs a few quick steps that no other thread or process that writes this tree runs at the same time.
    pub(crate) fn exclusively<T>(
        &self,
        steps: impl FnOnce() -> Result<T, TreeError>,
    ) -> Result<T, TreeError> {
        let _thread = self.linking.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.tmp().join("linking.lock");
        let process =
            File::options().create(true).truncate(false).write(true).open(&path).on("open", &path)?;
        process.lock().on("lock", &path)?;
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
        // A file system without hard links: the lock is held and the name is free, so a rename replaces nothing.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) =>
        {
            fs::rename(from, to).on("create", to)
        }
        linked => linked.on("create", to),
    }
}
