//! The names of archive members, which become paths wherever the archive is unpacked.

use crate::{DistError, rules::list};

/// Refuses a name that could end up outside the folder that it is unpacked into, on any system.
///
/// Both `/` and `\` separate folders somewhere; a NUL ends the name for some readers and not for others.
pub(crate) fn check_name(name: &[u8]) -> Result<(), DistError> {
    let reason = if name.is_empty() {
        "has no name"
    } else if name.contains(&0) {
        "has a NUL in its name"
    } else if name.contains(&b'\\') {
        "has a backslash in its name"
    } else if name.starts_with(b"/") {
        "has an absolute path"
    } else if matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        "starts with a drive letter"
    } else if name.split(|&byte| byte == b'/').any(|part| part == b"..") {
        "leads out of its folder with `..`"
    } else {
        return Ok(());
    };
    Err(unsafe_member(name, reason))
}

/// The parts of a name that mean something: `./` in front and doubled slashes mean nothing where it is unpacked.
pub(crate) fn parts(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

/// A name as a message may print it: escaped, because it may hold anything, and cut, because it may be long.
pub(crate) fn display(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(120).flat_map(char::escape_debug).collect()
}

pub(crate) fn unsafe_member(name: &[u8], reason: &'static str) -> DistError {
    DistError::UnsafeMember { member: display(name), reason, rule: &list::MEMBER_NAME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_folder_are_refused() {
        let long = [b"..\\".repeat(1000), b"x".to_vec()].concat();
        for name in [
            &b""[..],
            b"..",
            b"../x",
            b"a/../../x",
            b"a/..",
            b"/etc/passwd",
            b"//x",
            b"C:x",
            b"c:/x",
            b"a\\b",
            b"a\0b",
            &long,
        ] {
            let error = check_name(name).unwrap_err();
            assert!(
                matches!(&error, DistError::UnsafeMember { member, .. } if member.len() < 500),
                "{error}"
            );
        }
    }

    #[test]
    fn names_that_stay_are_taken() {
        for name in [&b"a"[..], b"a/b/", b"./a", b"a/...", b"a..b/c", b"\xff\xfe", b"ab:c", b"Icon\r"] {
            check_name(name).unwrap();
        }
    }
}
