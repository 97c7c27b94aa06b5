//! Taking out what is not what its record says, and putting records back: what a scrub does with what it finds.

use std::{
    fs::{self, Metadata},
    io,
    path::Path,
};

use depot_proto::{FileRecord, ProjectName, RecordError, layout::Part};

use crate::{
    error::{OnPath as _, TreeError},
    incoming::write_synced,
    sync,
    tree::{Tree, names},
};

/// The bytes of a file as they were when they were opened: what is taken out later must be these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes {
    size: u64,
    modified: Option<std::time::SystemTime>,
    inode: u64,
}

impl Bytes {
    /// The bytes behind an open file.
    pub fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self { size: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

impl Tree {
    /// Moves a part of a file out of the tree to `to`, durably, if it is still what was looked at; false if not: then
    /// someone else put other bytes there, which nobody has judged yet. The record of bytes that are taken out stays, so
    /// that their name never gets others.
    pub fn take_out(
        &self,
        project: &ProjectName,
        filename: &str,
        part: Part,
        seen: &Bytes,
        to: &Path,
    ) -> Result<bool, TreeError> {
        let from = self.path(project, filename, part);
        if let Some(folder) = to.parent() {
            sync::create_folder(folder)?;
        }
        let taken = self.exclusively(|names| {
            let there = match fs::metadata(&from) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                there => there.on("look at", &from)?,
            };
            if Bytes::of(&there) != *seen {
                return Ok(false);
            }
            self.in_folder(names, project, None, || move_file(&from, to))?;
            Ok(true)
        })?;
        if taken {
            for folder in [from.parent(), to.parent()].into_iter().flatten() {
                sync::sync_folder(folder)?;
            }
        }
        Ok(taken)
    }

    /// Puts a record in the place of one that is gone or cannot be read, durably; false if there is one that can be
    /// read, or one of a newer depot, which is left as it is. Whoever does this knows the record from elsewhere.
    pub fn put_record_back(&self, project: &ProjectName, record: &FileRecord) -> Result<bool, TreeError> {
        let folder = self.project_folder(project);
        sync::create_folder(&folder)?;
        let temporary = self.temporary(project)?;
        let (new, target) = (temporary.new_record(), self.path(project, &record.filename, Part::Record));
        write_synced(&new, &record.to_document())?;
        let put = self.exclusively(|names| match self.record(project, &record.filename) {
            Ok(Some(_)) | Err(TreeError::Record { source: RecordError::TooNew(_), .. }) => Ok(false),
            Ok(None) | Err(TreeError::Record { .. }) => {
                let replace = || fs::rename(&new, &target).on("replace", &target);
                self.in_folder(names, project, Some(&record.filename), replace)?;
                Ok(true)
            }
            Err(error) => Err(error),
        })?;
        if put {
            sync::sync_folder(&folder)?;
        }
        Ok(put)
    }

    /// Writes a record without syncing it, into a tree that nobody uses yet: whoever makes a tree of many records syncs
    /// them together.
    pub fn write_first_record(&self, project: &ProjectName, record: &FileRecord) -> Result<(), TreeError> {
        let folder = self.project_folder(project);
        fs::create_dir_all(&folder).on("create the folder", &folder)?;
        let path = self.path(project, &record.filename, Part::Record);
        fs::write(&path, record.to_document()).on("write to", path)
    }

    /// What lies in a project's folder without a record, sorted: left there by a crash or by someone else, and never
    /// visible.
    pub fn strays(&self, project: &ProjectName) -> Result<Vec<String>, TreeError> {
        let folder = self.project_folder(project);
        let has_record = |name: &String| {
            let (filename, part) = Part::split(name);
            part == Part::Record || self.path(project, filename, Part::Record).exists()
        };
        let mut strays = names(&folder)?;
        strays.retain(|name| !has_record(name));
        if strays.is_empty() || self.session.is_none() {
            return Ok(strays);
        }
        // An upload that was between its bytes and its record is through now: it holds the lock from one to the other.
        self.exclusively(|_| {
            strays.retain(|name| !has_record(name) && folder.join(name).exists());
            Ok(())
        })?;
        strays.sort_unstable();
        Ok(strays)
    }
}

/// Moves a file, by copying where the target is on another file system.
fn move_file(from: &Path, to: &Path) -> Result<(), TreeError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            fs::copy(from, to).on("copy", from)?;
            fs::File::open(to).and_then(|copy| copy.sync_all()).on("sync", to)?;
            fs::remove_file(from).on("remove", from)
        }
        renamed => renamed.on("move", from),
    }
}

#[cfg(test)]
mod tests;
