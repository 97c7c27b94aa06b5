//! Source distributions: one top folder with a `PKG-INFO` in it, in a zip or a tar.

use std::io::{BufReader, Read, Seek};

use flate2::bufread::MultiGzDecoder;

use crate::{
    DistError, Limits,
    tar_stream::{self, Budgeted},
    zip_directory::ZipDirectory,
};

const READ_AHEAD: usize = 64 * 1024;

/// The `PKG-INFO` of a `.zip`.
pub(crate) fn metadata_of_zip<R: Read + Seek>(reader: &mut R, limits: &Limits) -> Result<Vec<u8>, DistError> {
    let directory = ZipDirectory::read(reader, limits)?;
    let mut top = TopFolder::default();
    let mut found = None;
    for (index, name) in directory.names().enumerate() {
        if top.is_pkg_info(name)? {
            found = Some(index);
        }
    }
    let index = found.ok_or_else(no_pkg_info)?;
    directory.extract(reader, index, limits.max_metadata_size)
}

/// The `PKG-INFO` of a `.tar.gz` of `file_size` bytes, unpacked in memory piece by piece.
pub(crate) fn metadata_of_tar_gz<R: Read>(
    reader: &mut R,
    file_size: u64,
    limits: &Limits,
) -> Result<Vec<u8>, DistError> {
    if file_size == 0 {
        return Err(DistError::NotAnArchive { format: "gzip", reason: "the file is empty".into() });
    }
    let budget = limits.unpacked_size(file_size).min(limits.max_stream_size);
    let reader = BufReader::with_capacity(READ_AHEAD, tar_stream::Source(reader));
    metadata_of_stream(Budgeted::new(MultiGzDecoder::new(reader), budget), limits)
}

/// The `PKG-INFO` of a plain `.tar` of `file_size` bytes.
pub(crate) fn metadata_of_tar<R: Read>(
    reader: &mut R,
    file_size: u64,
    limits: &Limits,
) -> Result<Vec<u8>, DistError> {
    if file_size == 0 {
        return Err(DistError::tar("the file is empty"));
    }
    let reader = BufReader::with_capacity(READ_AHEAD, tar_stream::Source(reader));
    metadata_of_stream(Budgeted::new(reader, limits.max_stream_size), limits)
}

fn metadata_of_stream<R: Read>(reader: Budgeted<R>, limits: &Limits) -> Result<Vec<u8>, DistError> {
    let mut top = TopFolder::default();
    tar_stream::find(reader, limits, |name| top.is_pkg_info(name))?.ok_or_else(no_pkg_info)
}

fn no_pkg_info() -> DistError {
    DistError::no_metadata("the source distribution has no PKG-INFO in its top folder")
}

/// The one folder that everything in a source distribution lies in, learnt from its first member.
#[derive(Default)]
struct TopFolder(Option<Vec<u8>>);

impl TopFolder {
    /// Whether this member is `{top}/PKG-INFO`. `./` in front of a name and doubled slashes mean nothing in a tar.
    fn is_pkg_info(&mut self, name: &[u8]) -> Result<bool, DistError> {
        let mut parts = name.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".");
        let Some(first) = parts.next() else { return Ok(false) };
        // What tar on macOS leaves beside each file that has extended attributes.
        if first.starts_with(b"._") {
            return Ok(false);
        }
        match &self.0 {
            None => self.0 = Some(first.to_vec()),
            Some(top) if top == first => {}
            Some(_) => {
                return Err(DistError::no_metadata(
                    "the source distribution has more than one folder or file at its top",
                ));
            }
        }
        Ok(parts.next() == Some(b"PKG-INFO") && parts.next().is_none() && !name.ends_with(b"/"))
    }
}

#[cfg(test)]
mod tests;
