//! Source distributions: one top folder with a `PKG-INFO` in it, and often a `pyproject.toml`, in a zip or a tar.

use std::io::{BufReader, Read, Seek};

use crate::{
    DistError, Limits,
    gzip::Gzip,
    member,
    rules::list,
    tar_stream::{self, Budgeted},
    zip_directory::ZipDirectory,
};

pub(crate) const READ_AHEAD: usize = 64 * 1024;

/// A file of the top folder of a `.zip`; none if it is not there.
pub(crate) fn file_of_zip<R: Read + Seek>(
    reader: &mut R,
    name: &str,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, DistError> {
    let directory = ZipDirectory::read(reader, limits)?;
    let mut top = TopFolder::default();
    let mut found = None;
    for (index, member) in directory.names().enumerate() {
        if top.is_file(member, name)? {
            found = Some(index);
        }
    }
    found.map(|index| directory.extract(reader, index, limits.max_metadata_size)).transpose()
}

/// A file of the top folder of a `.tar.gz` of `file_size` bytes, unpacked in memory piece by piece.
pub(crate) fn file_of_tar_gz<R: Read>(
    reader: &mut R,
    file_size: u64,
    name: &str,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, DistError> {
    if file_size == 0 {
        return Err(DistError::gzip("the file is empty"));
    }
    let budget = limits.unpacked_size(file_size).min(limits.max_stream_size);
    let reader = BufReader::with_capacity(READ_AHEAD, tar_stream::Source(reader));
    file_of_stream(Budgeted::new(Gzip::new(reader), budget), name, limits)
}

/// A file of the top folder of a plain `.tar` of `file_size` bytes.
pub(crate) fn file_of_tar<R: Read>(
    reader: &mut R,
    file_size: u64,
    name: &str,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, DistError> {
    if file_size == 0 {
        return Err(DistError::tar("the file is empty"));
    }
    let reader = BufReader::with_capacity(READ_AHEAD, tar_stream::Source(reader));
    file_of_stream(Budgeted::new(reader, limits.max_stream_size), name, limits)
}

fn file_of_stream<R: Read>(
    reader: Budgeted<R>,
    name: &str,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, DistError> {
    let mut top = TopFolder::default();
    tar_stream::find(reader, limits, |member| top.is_file(member, name))
}

pub(crate) fn no_pkg_info() -> DistError {
    DistError::no_metadata("the source distribution has no PKG-INFO in its top folder")
        .by(&list::SDIST_PKG_INFO)
}

/// The one folder that everything in a source distribution lies in, learnt from its first member.
#[derive(Default)]
struct TopFolder(Option<Vec<u8>>);

impl TopFolder {
    /// Whether this member is `{top}/{wanted}`. `./` in front of a name and doubled slashes mean nothing in a tar.
    fn is_file(&mut self, member: &[u8], wanted: &str) -> Result<bool, DistError> {
        let mut parts = member::parts(member);
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
                )
                .by(&list::SDIST_TOP));
            }
        }
        Ok(parts.next() == Some(wanted.as_bytes()) && parts.next().is_none() && !member.ends_with(b"/"))
    }
}

#[cfg(test)]
mod tests;
