//! What holds for every zip, whatever is in it.

use std::io::{Read, Seek};

use super::{
    Verdict, list,
    names::{Kind, Names},
    record::Record,
};
use crate::{DistError, Limits, zip_directory::ZipDirectory};

/// Reads the directory, and checks names and headers.
pub(super) fn open<R: Read + Seek>(
    reader: &mut R,
    limits: &Limits,
    verdict: &mut Verdict,
) -> Result<(ZipDirectory, Names), DistError> {
    check_tar(reader, verdict)?;
    let directory = ZipDirectory::read(reader, limits)?;
    if directory.has_comment() {
        verdict.add(&list::ZIP_COMMENT, "the archive has a comment");
    }
    let mut names = Names::new(limits);
    for (name, header) in directory.members() {
        for (rule, what) in header.oddities(name) {
            verdict.add_of(rule, name, what);
        }
        let kind = if name.ends_with(b"/") { Kind::Folder } else { Kind::File };
        names.take(name, kind, verdict)?;
    }
    Ok((directory, names))
}

/// Walks through all contents, and holds them against `RECORD` where there is one.
pub(super) fn walk<R: Read + Seek>(
    reader: &mut R,
    directory: &ZipDirectory,
    mut record: Option<Record>,
    limits: &Limits,
    verdict: &mut Verdict,
) -> Result<(), DistError> {
    let members: Vec<(&[u8], u64)> =
        directory.members().map(|(name, header)| (name, header.uncompressed())).collect();
    let sum = members.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
    if sum > limits.max_checked_size {
        return Err(DistError::unpacks_too_large(limits.max_checked_size));
    }
    directory.walk(reader, |index, walked| {
        if let Some(record) = &mut record {
            let (name, size) = members[index];
            record.walked(index, &walked, name, size, verdict);
        }
    })
}

/// A file that starts with the header of a tar is one, to readers that look for that first.
fn check_tar<R: Read + Seek>(reader: &mut R, verdict: &mut Verdict) -> Result<(), DistError> {
    let mut block = Vec::new();
    reader.rewind().map_err(DistError::Io)?;
    reader.by_ref().take(512).read_to_end(&mut block).map_err(DistError::Io)?;
    let Ok(block) = <[u8; 512]>::try_from(block) else { return Ok(()) };
    let (before, after) = (&block[..148], &block[156..]);
    let sum = before.iter().chain(after).fold(8 * 32, |sum: u32, &byte| sum + u32::from(byte));
    if tar::Header::from_byte_slice(&block).cksum().is_ok_and(|said| said == sum) {
        verdict.add(&list::POLYGLOT, "the file is a tar as well");
    }
    Ok(())
}
