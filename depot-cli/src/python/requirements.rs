//! The language of requirements.txt, as pip reads it: bytes to text (`decode`), text to logical lines (`lines`), a line
//! to a requirement and options (`line`), and a list with all that it includes (`read`). What a requirement or an
//! option then means for a run is decided by whoever asked.
//!
//! Nothing here opens a file or asks the environment: both are handed in.

mod decode;
mod hashes;
mod line;
mod lines;
#[cfg(test)]
mod pip;
mod read;
#[cfg(test)]
mod tests;

pub(super) use hashes::{Hashes, Listed};
pub(super) use line::{Flag, Line};
pub(super) use read::{Kind, Reader, Told};

/// Words from a list as they may be printed: the user and password of an address in it are masked.
pub(super) fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.extend([before, "://"]);
        let end = after.find(|c: char| "/?#\"'".contains(c) || c.is_whitespace()).unwrap_or(after.len());
        let (authority, next) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((_, host)) => shown.extend(["***@", host]),
            None => shown.push_str(authority),
        }
        rest = next;
    }
    shown + rest
}
