//! What is inside a distribution: the core metadata of wheels and sdists, read under limits.
//!
//! Every file that reaches this crate may be hostile. So nothing is extracted to disk, nothing is allocated by a
//! size that an archive merely claims, and everything that is counted, inflated or kept is bounded by [`Limits`].
//! A wheel is read through its central directory alone, which makes [`read()`] fit for a remote file behind range
//! requests: it asks for the end of the file, the directory and one member.
//!
//! [`read()`] checks what has to hold before an installer may be told about a file. The stricter rules for first-party
//! uploads (`RECORD`, the framing of every member, what a tar says twice) are [`rules`], which go over the whole file.

mod error;
mod gzip;
mod limits;
mod magic;
mod member;
mod read;
pub mod rules;
mod sdist;
mod tar_stream;
mod wheel;
mod zip_directory;

#[cfg(test)]
mod testing;

pub use error::DistError;
pub use limits::Limits;
pub use magic::looks_like;
pub use read::{Contents, read, read_sdist_file};
