//! The members of a volume, as tar has them. Each name and size has exactly one header here, so a reader compares bytes
//! and interprets nothing: a link, a device, another owner or a second spelling is simply not what is expected.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

/// A block of tar, in bytes.
pub(super) const BLOCK: usize = 512;

/// What every member's time is, 1980-01-01: the first that each tool can write down.
const MODIFIED: u64 = 315_532_800;

/// The longest name that fits into a header.
const MAX_SHORT: usize = 100;

/// The name of what holds a longer one, as GNU tar has it.
const LONG_NAME: &str = "././@LongLink";

/// What stands before a member's bytes.
pub(super) fn header(name: &str, size: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BLOCK);
    if name.len() > MAX_SHORT {
        // The name ends in a zero byte, which counts.
        bytes.extend_from_slice(one(LONG_NAME, name.len() as u64 + 1, EntryType::GNULongName).as_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.resize(BLOCK + (name.len() + 1).next_multiple_of(BLOCK), 0);
    }
    bytes.extend_from_slice(one(name, size, EntryType::Regular).as_bytes());
    bytes
}

fn one(name: &str, size: u64, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MODIFIED);
    header.set_size(size);
    let short = &name.as_bytes()[..name.len().min(MAX_SHORT)];
    header.as_old_mut().name[..short.len()].copy_from_slice(short);
    header.set_cksum();
    header
}

/// How many zero bytes follow a member of this size.
pub(super) fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK as u64) - size) as usize
}

/// How many bytes a member takes up.
pub(super) fn room(name: &str, size: u64) -> u64 {
    header(name, size).len() as u64 + size.next_multiple_of(BLOCK as u64)
}

/// What stands after the last member.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Writes a small member.
pub(super) fn write(writer: &mut impl Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    writer.write_all(&header(name, bytes.len() as u64))?;
    writer.write_all(bytes)?;
    writer.write_all(&END[..padding(bytes.len() as u64)])
}

/// What is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemberError {
    /// The file is cut short, or cannot be unpacked.
    #[error("`{name}` cannot be read: {source}")]
    Unreadable {
        /// The member that was expected.
        name: String,
        /// What the system or the unpacking says.
        source: io::Error,
    },
    /// Something else stands there.
    #[error("`{expected}` should come next, and {found}")]
    Other {
        /// The member that was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// It is larger than anything of its kind.
    #[error("`{name}` has {size} bytes, which is more than is taken")]
    TooLarge {
        /// The member.
        name: String,
        /// Its size.
        size: u64,
    },
    /// What fills its last block is not zero.
    #[error("`{0}` is followed by bytes that do not belong there")]
    Padding(String),
}

impl MemberError {
    fn unreadable(name: &str) -> impl FnOnce(io::Error) -> Self {
        let name = name.to_owned();
        |source| Self::Unreadable { name, source }
    }
}

/// Reads the header of a member whose name and size are known.
pub(super) fn expect(reader: &mut impl Read, name: &str, size: u64) -> Result<(), MemberError> {
    let expected = header(name, size);
    let mut found = vec![0; expected.len()];
    reader.read_exact(&mut found).map_err(MemberError::unreadable(name))?;
    if found == expected { Ok(()) } else { Err(other(name, &found)) }
}

fn other(expected: &str, found: &[u8]) -> MemberError {
    let first = found.get(..BLOCK).map(Header::from_byte_slice);
    let found = match first {
        Some(header) if header.as_bytes().iter().all(|byte| *byte == 0) => "nothing does".to_owned(),
        Some(header) => {
            let name = String::from_utf8_lossy(&header.path_bytes()).into_owned();
            let size = header.size().unwrap_or_default();
            match header.entry_type() {
                EntryType::Regular if name == expected => {
                    format!("it does as one of {size} bytes, or otherwise")
                }
                EntryType::Regular => format!("`{name}` does"),
                EntryType::Symlink | EntryType::Link => format!("`{name}` does, which is a link"),
                EntryType::Directory => format!("`{name}` does, which is a folder"),
                EntryType::GNULongName => "one with a longer name does".to_owned(),
                _ => format!("`{name}` does, which is no plain file"),
            }
        }
        None => "nothing does".to_owned(),
    };
    MemberError::Other { expected: expected.to_owned(), found }
}

/// Reads the whole of a member of which the name is known, and that it has at most so many bytes.
pub(super) fn whole(reader: &mut impl Read, name: &str, most: u64) -> Result<Vec<u8>, MemberError> {
    let mut found = [0; BLOCK];
    reader.read_exact(&mut found).map_err(MemberError::unreadable(name))?;
    let size = Header::from_byte_slice(&found).size().map_err(|_| other(name, &found))?;
    if found[..] != header(name, size)[..] {
        return Err(other(name, &found));
    }
    if size > most {
        return Err(MemberError::TooLarge { name: name.to_owned(), size });
    }
    content(reader, name, size)
}

/// Reads the bytes of a member whose header was read. Memory grows with what is there, not with what was announced.
pub(super) fn content(reader: &mut impl Read, name: &str, size: u64) -> Result<Vec<u8>, MemberError> {
    let mut bytes = Vec::with_capacity(size.min(64 * 1024) as usize);
    reader.take(size).read_to_end(&mut bytes).map_err(MemberError::unreadable(name))?;
    if bytes.len() as u64 != size {
        return Err(MemberError::unreadable(name)(io::ErrorKind::UnexpectedEof.into()));
    }
    padded(reader, name, size)?;
    Ok(bytes)
}

/// Reads what fills the last block of a member.
pub(super) fn padded(reader: &mut impl Read, name: &str, size: u64) -> Result<(), MemberError> {
    let mut filling = [0; BLOCK];
    let filling = &mut filling[..padding(size)];
    reader.read_exact(filling).map_err(MemberError::unreadable(name))?;
    if filling.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(MemberError::Padding(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_reads_back_what_is_written_whatever_the_length_of_the_name() {
        for length in [1, 99, 100, 101, 511, 512, 513, 600] {
            let name = "n".repeat(length);
            let mut bytes = Vec::new();
            write(&mut bytes, &name, b"tea").unwrap();
            assert_eq!(bytes.len() as u64, room(&name, 3), "{length}");
            expect(&mut bytes.as_slice(), &name, 3).unwrap();
            bytes.extend_from_slice(&END);
            let mut archive = tar::Archive::new(bytes.as_slice());
            let mut entries = archive.entries().unwrap();
            let mut entry = entries.next().unwrap().unwrap();
            assert_eq!(entry.path_bytes().len(), length);
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            assert_eq!(content, "tea");
            drop(entry);
            assert!(entries.next().is_none());
        }
    }

    #[test]
    fn anything_but_the_one_header_is_refused() {
        let good = header("a", 3);
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 1;
            assert!(expect(&mut bytes.as_slice(), "a", 3).is_err(), "{place}");
        }
        let mut link = one("a", 3, EntryType::Symlink);
        link.set_cksum();
        let error = expect(&mut link.as_bytes().as_slice(), "a", 3).unwrap_err().to_string();
        assert!(error.contains("is a link"), "{error}");
        assert!(whole(&mut good.as_slice(), "a", 2).unwrap_err().to_string().contains("more than is taken"));
    }
}
