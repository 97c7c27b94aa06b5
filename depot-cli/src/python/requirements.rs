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

pub(super) use depot_proto::redact::masked;
pub(super) use hashes::{Hashes, Listed};
pub(super) use line::{Flag, Line};
pub(super) use read::{Kind, Reader, Told};
