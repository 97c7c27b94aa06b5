//! Why a distribution could not be read.

use std::{borrow::Cow, io};

use depot_proto::MetadataError;

/// Why a distribution could not be read.
///
/// All but [`DistError::Io`] are facts about the file and come again at the next try. Of them
/// [`DistError::Unsupported`] says the least about it: the file may be sound, but depot does not look inside.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistError {
    /// The bytes are not the archive that the file name promises, or a damaged one.
    #[error("the file is not a sound {format} archive: {reason}")]
    NotAnArchive {
        /// `zip`, `tar` or `gzip`.
        format: &'static str,
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },
    /// A kind of distribution, compression or encryption that depot does not read.
    #[error("depot does not look inside {what}")]
    Unsupported {
        /// What it is.
        what: Cow<'static, str>,
    },
    /// One of the [`Limits`](crate::Limits) is passed.
    #[error("{what}: the limit is {limit}")]
    TooLarge {
        /// What is too large or too many.
        what: &'static str,
        /// The limit, in bytes or members.
        limit: u64,
    },
    /// The archive has no core metadata where the specifications put it, or in more than one place.
    #[error("no core metadata was found: {reason}")]
    NoMetadata {
        /// What was looked for, or what there is too much of.
        reason: Cow<'static, str>,
    },
    /// The core metadata cannot be read.
    #[error(transparent)]
    BadMetadata(MetadataError),
    /// The file name says one thing, the inside another.
    #[error("the file name says {field} `{in_filename}`, and the inside says `{in_metadata}`")]
    Disagrees {
        /// `project` or `version`.
        field: &'static str,
        /// As the file name has it.
        in_filename: String,
        /// As the metadata, or the folder that it is in, has it.
        in_metadata: String,
    },
    /// A member's name could leave the folder that it is unpacked into, or stands for another name.
    #[error("archive member `{member}` {reason}")]
    UnsafeMember {
        /// The member's name, escaped and cut for display.
        member: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The reader failed; nothing is known about the file.
    #[error("the file could not be read: {0}")]
    Io(io::Error),
}

impl DistError {
    pub(crate) fn zip(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::NotAnArchive { format: "zip", reason: reason.into() }
    }

    pub(crate) fn tar(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::NotAnArchive { format: "tar", reason: reason.into() }
    }

    pub(crate) fn unsupported(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    pub(crate) fn no_metadata(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::NoMetadata { reason: reason.into() }
    }

    pub(crate) fn metadata_too_large(limit: u64) -> Self {
        Self::TooLarge { what: "the core metadata has too many bytes", limit }
    }

    pub(crate) fn too_many_members(limit: usize) -> Self {
        Self::TooLarge { what: "the archive has too many members", limit: limit as u64 }
    }

    pub(crate) fn unpacks_too_large(limit: u64) -> Self {
        Self::TooLarge { what: "the archive unpacks to too many bytes for its size", limit }
    }
}
