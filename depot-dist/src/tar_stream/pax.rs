//! Pax extended headers (POSIX.1-2001): records of `{length} {key}={value}\n`, the length counting all of the record.

use std::str;

use crate::{DistError, rules::list};

/// What a pax header says that matters for finding a member.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    /// The member's name.
    pub(super) path: Option<Vec<u8>>,
    /// Where it leads to, if it is a link.
    pub(super) link: Option<Vec<u8>>,
    /// The size of its content.
    pub(super) size: Option<u64>,
}

impl Pax {
    /// Reads a header. Values may hold anything, newlines too (macOS writes extended attributes so), therefore
    /// records are told apart by their lengths alone.
    pub(super) fn read(mut bytes: &[u8]) -> Result<Self, DistError> {
        let mut pax = Self::default();
        // Writers that pad the header do it with NULs.
        while bytes.first().is_some_and(|&byte| byte != 0) {
            let (key, value, rest) = record(bytes).ok_or_else(|| broken("a pax header cannot be read"))?;
            bytes = rest;
            let said_before = match key {
                b"path" => pax.path.replace(value.to_vec()).is_some(),
                b"linkpath" => pax.link.replace(value.to_vec()).is_some(),
                b"size" => {
                    let size = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    let size = size.ok_or_else(|| broken("a pax header has a size that is no number"))?;
                    pax.size.replace(size).is_some()
                }
                _ if key.starts_with(b"GNU.sparse.") => {
                    return Err(DistError::unsupported("a tar with sparse members").by(&list::TAR_SPARSE));
                }
                _ => false,
            };
            if said_before {
                return Err(broken("a pax header says one thing twice"));
            }
        }
        Ok(pax)
    }
}

fn broken(reason: &'static str) -> DistError {
    DistError::tar(reason).by(&list::TAR_HEADER)
}

/// The first record's key and value, and what follows it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|&byte| byte == b' ')?;
    let length: usize = str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let pair = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|&byte| byte == b'=')?;
    Some((&pair[..equals], &pair[equals + 1..], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_apart_by_length() {
        // The comment's value ends in a line that a reader of lines would take for a path.
        let read = Pax::read(b"26 comment=a\n12 path=evil\n12 path=a/b\n13 size=1234\n\0\0").unwrap();
        assert_eq!(read, Pax { path: Some(b"a/b".to_vec()), link: None, size: Some(1234) });
        assert_eq!(Pax::read(b"").unwrap(), Pax::default());
    }

    #[test]
    fn broken_records_are_refused() {
        for bytes in [
            &b"x"[..],
            b"11 path=a/",
            b"99 path=a/b\n",
            b"3 path=a/b\n",
            b"0 path=a/b\n",
            b"2 \n",
            b"-1 path=a/b\n",
            b"99999999999999999999999 path=a/b\n",
            b"8 patha\n",
            b"10 size=-1\n",
            b"9 path=a\n9 path=b\n",
        ] {
            assert!(matches!(Pax::read(bytes), Err(DistError::NotAnArchive { .. })), "{bytes:?}");
        }
        assert!(matches!(Pax::read(b"22 GNU.sparse.major=1\n"), Err(DistError::Unsupported { .. })));
    }
}
