//! Why a distribution could not be read.

use std::{borrow::Cow, io};

use depot_proto::MetadataError;

use crate::rules::{Rule, list};

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
        /// The rule that it breaks.
        rule: &'static Rule,
    },
    /// A kind of distribution, compression or encryption that depot does not read.
    #[error("depot does not look inside {what}")]
    Unsupported {
        /// What it is.
        what: Cow<'static, str>,
        /// The rule that it breaks.
        rule: &'static Rule,
    },
    /// One of the [`Limits`](crate::Limits) is passed.
    #[error("{what}: the limit is {limit}")]
    TooLarge {
        /// What is too large or too many.
        what: &'static str,
        /// The limit, in bytes or members.
        limit: u64,
        /// The rule that it breaks.
        rule: &'static Rule,
    },
    /// The archive has no core metadata where the specifications put it, or in more than one place.
    #[error("no core metadata was found: {reason}")]
    NoMetadata {
        /// What was looked for, or what there is too much of.
        reason: Cow<'static, str>,
        /// The rule that it breaks.
        rule: &'static Rule,
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
        /// The rule that it breaks.
        rule: &'static Rule,
    },
    /// The reader failed; nothing is known about the file.
    #[error("the file could not be read: {0}")]
    Io(io::Error),
}

impl DistError {
    /// The rule that the file breaks; none if its reader failed.
    pub fn rule(&self) -> Option<&'static Rule> {
        Some(match self {
            Self::NotAnArchive { rule, .. }
            | Self::Unsupported { rule, .. }
            | Self::TooLarge { rule, .. }
            | Self::NoMetadata { rule, .. }
            | Self::UnsafeMember { rule, .. } => rule,
            Self::BadMetadata(MetadataError::Duplicate(_)) => &list::METADATA_TWICE,
            Self::BadMetadata(MetadataError::TooLarge) => &list::METADATA_TOO_LARGE,
            Self::BadMetadata(_) => &list::METADATA_UNREADABLE,
            Self::Disagrees { field: "version", .. } => &list::METADATA_VERSION,
            Self::Disagrees { .. } => &list::METADATA_NAME,
            Self::Io(_) => return None,
        })
    }

    /// The same, as a breach of this rule.
    pub(crate) fn by(mut self, breached: &'static Rule) -> Self {
        match &mut self {
            Self::NotAnArchive { rule, .. }
            | Self::Unsupported { rule, .. }
            | Self::TooLarge { rule, .. }
            | Self::NoMetadata { rule, .. }
            | Self::UnsafeMember { rule, .. } => *rule = breached,
            Self::BadMetadata(_) | Self::Disagrees { .. } | Self::Io(_) => {}
        }
        self
    }

    pub(crate) fn zip(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::NotAnArchive { format: "zip", reason: reason.into(), rule: &list::ZIP_BROKEN }
    }

    pub(crate) fn tar(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::NotAnArchive { format: "tar", reason: reason.into(), rule: &list::TAR_BROKEN }
    }

    pub(crate) fn gzip(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::NotAnArchive { format: "gzip", reason: reason.into(), rule: &list::GZIP_BROKEN }
    }

    pub(crate) fn unsupported(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Unsupported { what: what.into(), rule: &list::KIND }
    }

    pub(crate) fn no_metadata(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::NoMetadata { reason: reason.into(), rule: &list::WHEEL_DIST_INFO }
    }

    pub(crate) fn metadata_too_large(limit: u64) -> Self {
        let what = "the core metadata has too many bytes";
        Self::TooLarge { what, limit, rule: &list::METADATA_TOO_LARGE }
    }

    pub(crate) fn too_many_members(limit: usize) -> Self {
        let what = "the archive has too many members";
        Self::TooLarge { what, limit: limit as u64, rule: &list::TOO_MANY_MEMBERS }
    }

    pub(crate) fn unpacks_too_large(limit: u64) -> Self {
        Self::TooLarge {
            what: "the archive unpacks to too many bytes for its size",
            limit,
            rule: &list::BOMB,
        }
    }
}
