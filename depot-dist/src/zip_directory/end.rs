//! The records at the end of a zip, which say where its central directory is.

use std::io::{Read, Seek};

use super::{fields::Fields, headers::CENTRAL_SIZE, read_at};
use crate::{DistError, Limits, rules::list};

const END_SIGNATURE: u32 = 0x0605_4b50;
const END64_SIGNATURE: u32 = 0x0606_4b50;
const LOCATOR_SIGNATURE: u32 = 0x0706_4b50;

/// The end record without its comment.
const END_SIZE: usize = 22;
/// The zip64 end record, without the extensible data that no writer of wheels has.
const END64_SIZE: usize = 56;
const LOCATOR_SIZE: usize = 20;

/// What is read first: it has the end record of any archive without a comment, and all of a small directory.
const FIRST_READ: u64 = 8 * 1024;
/// The most that the end records and a comment can have.
const SECOND_READ: u64 = (END64_SIZE + LOCATOR_SIZE + END_SIZE + u16::MAX as usize) as u64;

/// Where the central directory is, checked to lie directly before the end records.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) members: usize,
    pub(super) directory_start: u64,
    pub(super) has_comment: bool,
}

/// Finds the end record, and reads the central directory that it points to.
///
/// It must be the last thing in the file, comment included: of an archive with something behind it, readers that
/// search forwards and readers that search backwards may see different halves.
pub(super) fn read<R: Read + Seek>(
    reader: &mut R,
    file_size: u64,
    limits: &Limits,
) -> Result<(End, Vec<u8>), DistError> {
    if file_size == 0 {
        return Err(DistError::zip("the file is empty"));
    }
    let mut tail = read_tail(reader, file_size, FIRST_READ)?;
    let mut at = find_uncommented(&tail);
    if at.is_none() {
        tail = read_tail(reader, file_size, SECOND_READ)?;
        at = find_commented(&tail);
    }
    let at = at.ok_or_else(|| {
        DistError::zip("it does not end with the end of a central directory").by(&list::ZIP_END)
    })?;
    let tail_start = file_size - tail.len() as u64;
    let numbers = Numbers::read(&tail, at, tail_start)?;

    let size = numbers.size;
    let directory_start = numbers.end.checked_sub(size).filter(|&start| start == numbers.offset);
    let directory_start = directory_start.ok_or_else(|| {
        DistError::zip("its central directory is not where its end record says").by(&list::ZIP_END)
    })?;
    if size > limits.max_directory_size {
        return Err(DistError::TooLarge {
            what: "the archive's central directory has too many bytes",
            limit: limits.max_directory_size,
            rule: &list::TOO_MANY_MEMBERS,
        });
    }
    let members = usize::try_from(numbers.members).unwrap_or(usize::MAX);
    if members > limits.max_members {
        return Err(DistError::too_many_members(limits.max_members));
    }
    if members.saturating_mul(CENTRAL_SIZE) as u64 > size {
        return Err(DistError::zip("it claims more members than its central directory can hold"));
    }
    let directory = match directory_start.checked_sub(tail_start) {
        Some(from) => tail[from as usize..][..size as usize].to_vec(),
        None => read_at(reader, directory_start, size)?,
    };
    let has_comment = at + END_SIZE < tail.len();
    Ok((End { members, directory_start, has_comment }, directory))
}

fn read_tail<R: Read + Seek>(reader: &mut R, file_size: u64, length: u64) -> Result<Vec<u8>, DistError> {
    let length = length.min(file_size);
    read_at(reader, file_size - length, length)
}

fn find_uncommented(tail: &[u8]) -> Option<usize> {
    let at = tail.len().checked_sub(END_SIZE)?;
    let ends = tail[at..].starts_with(&END_SIGNATURE.to_le_bytes()) && tail.ends_with(&[0, 0]);
    ends.then_some(at)
}

fn find_commented(tail: &[u8]) -> Option<usize> {
    let at = tail.windows(4).rposition(|window| window == END_SIGNATURE.to_le_bytes())?;
    let comment = tail.get(at + END_SIZE..)?;
    let comment_len = Fields(&tail[at + END_SIZE - 2..]).u16()?;
    (comment.len() == usize::from(comment_len)).then_some(at)
}

/// What the end records say.
struct Numbers {
    members: u64,
    size: u64,
    offset: u64,
    /// Where the end records start.
    end: u64,
}

impl Numbers {
    /// Reads the end record at `at`, and the zip64 one where there is a locator for it.
    fn read(tail: &[u8], at: usize, tail_start: u64) -> Result<Self, DistError> {
        let mut numbers = Self::read_end(&tail[at..])
            .ok_or_else(|| DistError::zip("it has several disks").by(&list::ZIP_DISKS))?;
        numbers.end = tail_start + at as u64;
        let locator = at.checked_sub(LOCATOR_SIZE).map(|start| &tail[start..at]);
        if let Some(locator) = locator
            && locator.starts_with(&LOCATOR_SIGNATURE.to_le_bytes())
        {
            let broken = || DistError::zip("its zip64 records contradict each other").by(&list::ZIP64);
            let start = at.checked_sub(LOCATOR_SIZE + END64_SIZE).ok_or_else(broken)?;
            let record = Fields(&tail[start..start + END64_SIZE]);
            let position = tail_start + start as u64;
            let large = Self::read_end64(record, Fields(locator), position).ok_or_else(broken)?;
            let agrees = |small: u64, max: u64, large: u64| small == max || small == large;
            let max = u64::from(u32::MAX);
            if !agrees(numbers.members, u16::MAX.into(), large.members)
                || !agrees(numbers.size, max, large.size)
                || !agrees(numbers.offset, max, large.offset)
            {
                return Err(broken());
            }
            numbers = large;
        }
        Ok(numbers)
    }

    fn read_end(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let _signature = fields.u32()?;
        let (0, 0) = (fields.u16()?, fields.u16()?) else { return None };
        let here = fields.u16()?;
        let members = fields.u16()?;
        let size = fields.u32()?.into();
        let offset = fields.u32()?.into();
        (here == members).then_some(Self { members: members.into(), size, offset, end: 0 })
    }

    fn read_end64(mut record: Fields<'_>, mut locator: Fields<'_>, position: u64) -> Option<Self> {
        let _signature = locator.u32()?;
        let (0, found, 0 | 1) = (locator.u32()?, locator.u64()?, locator.u32()?) else { return None };
        if found != position || record.u32()? != END64_SIGNATURE {
            return None;
        }
        // The record counts its bytes behind this field.
        let rest = END64_SIZE as u64 - 12;
        if record.u64()? != rest {
            return None;
        }
        let _versions = record.u32()?;
        let (0, 0) = (record.u32()?, record.u32()?) else { return None };
        let here = record.u64()?;
        let members = record.u64()?;
        let size = record.u64()?;
        let offset = record.u64()?;
        (here == members).then_some(Self { members, size, offset, end: position })
    }
}
