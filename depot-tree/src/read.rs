//! Reading what a tree holds.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use depot_proto::{
    FileRecord, ProjectName,
    layout::{Part, file_path},
};

use crate::{
    beneath,
    error::{OnPath as _, TreeError},
    tree::Tree,
};

/// An opened part of a file.
#[derive(Debug)]
pub struct OpenedFile {
    /// The open file, positioned at its start.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
}

impl OpenedFile {
    fn open(tree: &Tree, below: &str) -> Result<Option<Self>, TreeError> {
        let path = tree.root().join(below);
        let Some(file) = beneath::open(tree.root(), Path::new(below)).on("open", &path)? else {
            return Ok(None);
        };
        let metadata = file.metadata().on("look at", path)?;
        Ok(metadata.is_file().then(|| Self { file, size: metadata.len() }))
    }
}

impl Tree {
    /// The record of a file; none if the file does not exist.
    pub fn record(&self, project: &ProjectName, filename: &str) -> Result<Option<FileRecord>, TreeError> {
        let path = self.path(project, filename, Part::Record);
        let Some(document) = self.read_part(project, filename, Part::Record)? else { return Ok(None) };
        let size = || fs::metadata(self.path(project, filename, Part::Bytes)).ok().map(|bytes| bytes.len());
        let record = FileRecord::read(&document, None)
            .or_else(|_| FileRecord::read(&document, size()))
            .map_err(|source| TreeError::Record { path, source })?;
        Ok(Some(record))
    }

    /// Opens a part of a file; none if it is not there. The bytes are visible only with a record: ask for that first.
    pub fn open_part(
        &self,
        project: &ProjectName,
        filename: &str,
        part: Part,
    ) -> Result<Option<OpenedFile>, TreeError> {
        OpenedFile::open(self, &file_path(project, filename, part))
    }

    /// Whether bytes of this size lie under the name; whether they are the right ones is for [`Tree::verify`] to say.
    pub fn has_bytes(&self, project: &ProjectName, filename: &str, size: u64) -> bool {
        let bytes = fs::metadata(self.path(project, filename, Part::Bytes));
        bytes.is_ok_and(|bytes| bytes.is_file() && bytes.len() == size)
    }

    /// The core metadata stored beside a wheel, if it is there.
    pub fn metadata(&self, project: &ProjectName, filename: &str) -> Result<Option<Vec<u8>>, TreeError> {
        self.read_part(project, filename, Part::Metadata)
    }

    fn read_part(
        &self,
        project: &ProjectName,
        filename: &str,
        part: Part,
    ) -> Result<Option<Vec<u8>>, TreeError> {
        let Some(opened) = self.open_part(project, filename, part)? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(usize::try_from(opened.size).unwrap_or_default());
        let mut file = opened.file;
        file.read_to_end(&mut bytes).on("read", self.path(project, filename, part))?;
        Ok(Some(bytes))
    }

    /// Puts a wheel's core metadata beside it, as derived from its bytes.
    pub fn write_metadata(
        &self,
        project: &ProjectName,
        filename: &str,
        metadata: &[u8],
    ) -> Result<(), TreeError> {
        let temporary = self.temporary(project)?;
        let path = temporary.metadata();
        fs::write(&path, metadata).on("write to", &path)?;
        let target = self.path(project, filename, Part::Metadata);
        fs::rename(&path, &target).on("replace", target)
    }
}

/// Reads at an offset without moving the file's position; like `read`, it may read less than was asked for.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
}
