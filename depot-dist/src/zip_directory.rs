//! A zip's central directory, read strictly: what two readers could see differently is refused.
//!
//! It is read here and not by the `zip` crate because that one reserves memory by the archive's own claims, accepts
//! archives with bytes around them, and asks a remote file for many small pieces. The tests hold both against each
//! other. Names and numbers of fields are those of the format's own description (APPNOTE 6.3).

use std::{
    collections::HashSet,
    io::{Read, Seek, SeekFrom},
    ops::Range,
};

use flate2::{Crc, bufread::DeflateDecoder};

use crate::{DistError, Limits, member, rules::list};

mod end;
mod fields;
mod headers;
mod unpack;
mod walk;

pub(crate) use headers::CentralHeader;
pub(crate) use walk::Walked;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The members of a zip, in the order of its central directory.
pub(crate) struct ZipDirectory {
    /// The central directory as it stands in the file; names are ranges of it.
    bytes: Vec<u8>,
    /// Where it starts in the file, which is where the last member's content must have ended.
    start: u64,
    has_comment: bool,
    members: Vec<Member>,
}

struct Member {
    name: Range<usize>,
    header: CentralHeader,
}

impl ZipDirectory {
    /// Reads the end of the file and the directory before it, and checks that its members are safely named, unique,
    /// side by side, and of a sum of sizes that is no bomb.
    pub(crate) fn read<R: Read + Seek>(reader: &mut R, limits: &Limits) -> Result<Self, DistError> {
        let file_size = reader.seek(SeekFrom::End(0)).map_err(DistError::Io)?;
        let (end, bytes) = end::read(reader, file_size, limits)?;
        let mut members = Vec::with_capacity(end.members);
        let mut rest = &bytes[..];
        for _ in 0..end.members {
            let at = bytes.len() - rest.len();
            let (header, length) = CentralHeader::read(rest)?;
            let name = at + headers::CENTRAL_SIZE..at + headers::CENTRAL_SIZE + header.name_len;
            rest = &rest[length..];
            members.push(Member { name, header });
        }
        if !rest.is_empty() {
            return Err(DistError::zip("its central directory has more bytes than members"));
        }
        let directory = Self { bytes, start: end.directory_start, has_comment: end.has_comment, members };
        directory.check_names()?;
        directory.check_contents(limits.unpacked_size(file_size))?;
        directory.check_places()?;
        Ok(directory)
    }

    /// The members' names, as bytes: old archives have them in any encoding.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.members.iter().map(|member| &self.bytes[member.name.clone()])
    }

    /// Whether there is a comment behind the end record.
    pub(crate) fn has_comment(&self) -> bool {
        self.has_comment
    }

    /// The members' names with what the directory says of them.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&[u8], &CentralHeader)> {
        self.names().zip(self.members.iter().map(|member| &member.header))
    }

    fn check_names(&self) -> Result<(), DistError> {
        let mut seen = HashSet::with_capacity(self.members.len());
        for name in self.names() {
            member::check_name(name)?;
            // `a//b` and `a/./b` are written to the place of `a/b`, so they are second names of it.
            let path = name.strip_suffix(b"/").unwrap_or(name);
            if path.split(|&byte| byte == b'/').any(|part| part.is_empty() || part == b".") {
                return Err(member::unsafe_member(name, "has an empty folder or `.` in its path"));
            }
            if !seen.insert(path) {
                return Err(member::unsafe_member(name, "is in the archive twice").by(&list::MEMBER_TWICE));
            }
        }
        Ok(())
    }

    fn check_contents(&self, unpacked_limit: u64) -> Result<(), DistError> {
        let mut sum = 0_u64;
        for Member { header, .. } in &self.members {
            if header.is_encrypted() {
                return Err(DistError::unsupported("encrypted zip archives").by(&list::ZIP_ENCRYPTED));
            }
            match header.method {
                STORED if header.compressed == header.uncompressed => {}
                STORED => return Err(DistError::zip("a stored member has two sizes").by(&list::ZIP_LOCAL)),
                DEFLATED => {}
                method => {
                    return Err(DistError::unsupported(format!(
                        "zip archives with compression method {method}"
                    ))
                    .by(&list::ZIP_METHOD));
                }
            }
            sum = sum.saturating_add(header.uncompressed);
        }
        if sum > unpacked_limit {
            return Err(DistError::unpacks_too_large(unpacked_limit));
        }
        Ok(())
    }

    /// No two members share bytes, none reaches into the directory, and no other file stands before the first.
    fn check_places(&self) -> Result<(), DistError> {
        let mut places = Vec::with_capacity(self.members.len());
        for Member { header, .. } in &self.members {
            // The local header's extra field is not known here; without it the place is a lower bound.
            let length = headers::LOCAL_SIZE as u64 + header.name_len as u64;
            let end = header.offset.checked_add(length).and_then(|end| end.checked_add(header.compressed));
            let end = end.filter(|&end| end <= self.start);
            let end = end.ok_or_else(reaches_into_directory)?;
            places.push((header.offset, end));
        }
        places.sort_unstable();
        if places.first().is_some_and(|&(start, _)| start != 0) {
            return Err(DistError::zip("something else stands before its first member").by(&list::ZIP_PREFIX));
        }
        if places.windows(2).any(|pair| pair[0].1 > pair[1].0) {
            return Err(DistError::zip("two members overlap").by(&list::ZIP_OVERLAP));
        }
        Ok(())
    }

    /// Reads one member that has at most `limit` bytes and checks them against the directory.
    pub(crate) fn extract<R: Read + Seek>(
        &self,
        reader: &mut R,
        index: usize,
        limit: u64,
    ) -> Result<Vec<u8>, DistError> {
        let Member { name, header } = &self.members[index];
        // Deflate never makes honest text longer, and memory is reserved for both sizes.
        if header.uncompressed > limit || header.compressed > limit {
            return Err(DistError::metadata_too_large(limit));
        }
        let local = read_at(reader, header.offset, headers::LOCAL_SIZE as u64)?;
        let extra_len = header.check_local(&local)?;
        let after_fixed = header.offset + headers::LOCAL_SIZE as u64;
        let head_len = header.name_len as u64 + extra_len;
        let length = head_len + header.compressed;
        if after_fixed + length > self.start {
            return Err(reaches_into_directory());
        }
        let bytes = read_at(reader, after_fixed, length)?;
        let (head, packed) = bytes.split_at(head_len as usize);
        if !head.starts_with(&self.bytes[name.clone()]) {
            return Err(two_names());
        }
        let content = if header.method == STORED { packed.to_vec() } else { inflate(packed, header)? };
        let mut crc = Crc::new();
        crc.update(&content);
        if content.len() as u64 != header.uncompressed || crc.sum() != header.crc {
            return Err(wrong_content());
        }
        Ok(content)
    }
}

fn reaches_into_directory() -> DistError {
    DistError::zip("a member reaches into the central directory").by(&list::ZIP_OVERLAP)
}

fn two_names() -> DistError {
    DistError::zip("a member has two names").by(&list::ZIP_LOCAL)
}

fn wrong_content() -> DistError {
    DistError::zip("a member's content does not match its size or checksum").by(&list::ZIP_CHECKSUM)
}

fn not_deflated() -> DistError {
    DistError::zip("a member cannot be decompressed").by(&list::ZIP_CHECKSUM)
}

/// Inflates what should be `header.uncompressed` bytes, and stops one byte behind that.
fn inflate(packed: &[u8], header: &CentralHeader) -> Result<Vec<u8>, DistError> {
    // Deflate packs at most 1032 to 1, so a size that lies reserves no more than the bytes could become.
    let capacity = header.uncompressed.min(header.compressed.saturating_mul(1032));
    let mut content = Vec::with_capacity(capacity as usize);
    DeflateDecoder::new(packed)
        .take(header.uncompressed + 1)
        .read_to_end(&mut content)
        .map_err(|_| not_deflated())?;
    Ok(content)
}

/// Reads a part of the file. Its errors are the reader's; a file that ends early is no sound archive.
pub(crate) fn read_at<R: Read + Seek>(reader: &mut R, start: u64, length: u64) -> Result<Vec<u8>, DistError> {
    reader.seek(SeekFrom::Start(start)).map_err(DistError::Io)?;
    // Callers pass bounded lengths, all inside the file; a reader that lies about its size still gains nothing.
    let mut bytes = Vec::with_capacity(length as usize);
    reader.by_ref().take(length).read_to_end(&mut bytes).map_err(DistError::Io)?;
    if bytes.len() as u64 != length {
        return Err(DistError::zip("it ends early"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
