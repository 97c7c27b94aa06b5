//! Every byte of a zip before its central directory, in the order of the file: local headers are held against the
//! directory, contents against their checksums, and nothing may stand between them.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use super::{
    Member, ZipDirectory, headers,
    headers::{DATA_DESCRIPTOR, LOCAL_SIZE},
    reaches_into_directory, two_names,
    unpack::Unpacker,
};
use crate::{DistError, member, rules::list};

/// Read at once, and unpacked at once.
const READ_AHEAD: usize = 256 * 1024;

/// The largest descriptor behind a content: signature, checksum, and two sizes of zip64.
const MAX_DESCRIPTOR: u64 = 24;

/// What a walk tells of a member.
pub(crate) enum Walked<'a> {
    /// The next bytes of its content.
    Bytes(&'a [u8]),
    /// Its content has ended, and is what the directory says.
    End,
}

impl ZipDirectory {
    /// Walks through all members. `visit` gets the index of each and what there is of it.
    pub(crate) fn walk<R: Read + Seek>(
        &self,
        reader: &mut R,
        mut visit: impl FnMut(usize, Walked<'_>),
    ) -> Result<(), DistError> {
        reader.rewind().map_err(DistError::Io)?;
        let mut reader = BufReader::with_capacity(READ_AHEAD, reader);
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_unstable_by_key(|&index| self.members[index].header.offset);
        let (mut unpacker, mut local) = (Unpacker::new(), Vec::new());
        let mut at = 0;
        for (place, &index) in order.iter().enumerate() {
            let Member { name, header } = &self.members[index];
            let name = &self.bytes[name.clone()];
            if header.offset != at {
                return Err(gap(name));
            }
            let of = |error: DistError| named(error, name);
            let length = read_local(&mut reader, &mut local, header, name).map_err(of)?;
            let end = at + length + header.compressed;
            if end > self.start {
                return Err(of(reaches_into_directory()));
            }
            unpacker.unpack(&mut reader, header, |bytes| visit(index, Walked::Bytes(bytes))).map_err(of)?;
            visit(index, Walked::End);
            let next = order.get(place + 1).map_or(self.start, |&next| self.members[next].header.offset);
            at = end;
            if header.flags & DATA_DESCRIPTOR != 0 && next > end && next - end <= MAX_DESCRIPTOR {
                skip(&mut reader, next - end)?;
                at = next;
            }
        }
        if at == self.start { Ok(()) } else { Err(gap(b"the central directory")) }
    }

    /// Reads one member piece by piece.
    pub(crate) fn stream<R: Read + Seek>(
        &self,
        reader: &mut R,
        index: usize,
        bytes: impl FnMut(&[u8]),
    ) -> Result<(), DistError> {
        let Member { name, header } = &self.members[index];
        let name = &self.bytes[name.clone()];
        reader.seek(SeekFrom::Start(header.offset)).map_err(DistError::Io)?;
        let mut reader = BufReader::new(reader);
        let length = read_local(&mut reader, &mut Vec::new(), header, name)?;
        if header.offset + length + header.compressed > self.start {
            return Err(reaches_into_directory());
        }
        Unpacker::new().unpack(&mut reader, header, bytes)
    }
}

/// Reads a local header with its name and extra field, and returns how long it is.
fn read_local(
    reader: &mut impl BufRead,
    buffer: &mut Vec<u8>,
    header: &headers::CentralHeader,
    name: &[u8],
) -> Result<u64, DistError> {
    buffer.resize(LOCAL_SIZE, 0);
    read_exactly(reader, buffer)?;
    let extra_len = header.check_local(buffer)? as usize;
    buffer.resize(LOCAL_SIZE + name.len() + extra_len, 0);
    read_exactly(reader, &mut buffer[LOCAL_SIZE..])?;
    let (fixed, rest) = buffer.split_at(LOCAL_SIZE);
    let (local_name, extra) = rest.split_at(name.len());
    if local_name != name {
        return Err(two_names());
    }
    headers::check_local_extra(header, fixed, name, extra)?;
    Ok(buffer.len() as u64)
}

fn read_exactly(reader: &mut impl BufRead, buffer: &mut [u8]) -> Result<(), DistError> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => DistError::zip("it ends early"),
        _ => DistError::Io(error),
    })
}

fn skip(reader: &mut impl BufRead, length: u64) -> Result<(), DistError> {
    let mut bytes = [0; MAX_DESCRIPTOR as usize];
    read_exactly(reader, &mut bytes[..length as usize])
}

fn gap(before: &[u8]) -> DistError {
    let reason = format!("something that belongs to no member stands before `{}`", member::display(before));
    DistError::zip(reason).by(&list::ZIP_GAP)
}

/// Says which member an error is about.
fn named(error: DistError, name: &[u8]) -> DistError {
    match error {
        DistError::NotAnArchive { format, reason, rule } => {
            let reason = format!("{reason} (`{}`)", member::display(name)).into();
            DistError::NotAnArchive { format, reason, rule }
        }
        other => other,
    }
}
