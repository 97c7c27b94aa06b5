//! What can go wrong with an index, told apart by what the caller can do about it.

use std::{io, time::Duration};

use depot_dist::DistError;
use depot_proto::{FilenameError, Sha256Digest, redact::SafeUrl, simple::PageError};

/// Why a question to an index has no answer.
///
/// URLs are shown without credentials and without their query, which in a signed URL is a credential too.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The index does not have it: try the next index.
    #[error("`{url}` is not there")]
    NotFound {
        /// What was asked for.
        url: SafeUrl,
    },
    /// Credentials are wanted, or those given were refused.
    #[error("`{url}` {}", if *.sent { "refused the credentials given for it" } else { "asks for credentials and none were given" })]
    Unauthorized {
        /// What was asked for.
        url: SafeUrl,
        /// Whether credentials were sent.
        sent: bool,
    },
    /// The index knows who asks and does not allow it.
    #[error("`{url}` is forbidden to whom asked")]
    Forbidden {
        /// What was asked for.
        url: SafeUrl,
    },
    /// An answer with a status that says neither yes nor no.
    #[error("`{url}` answered with status {status} ({})", tries(*.attempts))]
    Status {
        /// What was asked for.
        url: SafeUrl,
        /// The HTTP status.
        status: u16,
        /// How many times it was asked.
        attempts: u32,
        /// How long the server asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// No answer: no connection, or none in time.
    #[error("`{url}` could not be reached ({})", tries(*.attempts))]
    Unreachable {
        /// What was asked for.
        url: SafeUrl,
        /// How many times it was tried.
        attempts: u32,
        /// What the last attempt met.
        source: reqwest::Error,
    },
    /// The answer broke off before its end.
    #[error("`{url}` broke off after {received} bytes ({})", tries(*.attempts))]
    Truncated {
        /// What was asked for.
        url: SafeUrl,
        /// How many bytes of the last attempt came.
        received: u64,
        /// How many times it was tried.
        attempts: u32,
        /// What cut it short, where that is more than the end of the stream.
        source: Option<reqwest::Error>,
    },
    /// A link or redirect that must not be followed.
    #[error("`{url}` is not fetched: {reason}")]
    Refused {
        /// Where it points.
        url: SafeUrl,
        /// Why not.
        reason: &'static str,
    },
    /// A link that is not a URL.
    #[error("the index lists `{filename}` at an address that is not a URL")]
    BadLink {
        /// The file.
        filename: String,
        /// What is wrong with the address.
        source: url::ParseError,
    },
    /// The answer is no page of the Simple API: a login page, or not a package index.
    #[error("`{url}` answered with content of type `{content_type}`, which is not a page of a package index")]
    NotAPage {
        /// The page.
        url: SafeUrl,
        /// The type it came with, cut and escaped; empty if it had none.
        content_type: String,
    },
    /// The page cannot be read.
    #[error("the page `{url}` cannot be read")]
    BadPage {
        /// The page.
        url: SafeUrl,
        /// What is wrong with it.
        source: Box<PageError>,
    },
    /// Bytes with another sha256 than the index lists: they are not the file, whatever they are.
    #[error("`{filename}` came with sha256 {actual}, but the index lists {expected}")]
    HashMismatch {
        /// The file, or its metadata sidecar.
        filename: String,
        /// What the index lists.
        expected: Sha256Digest,
        /// What came.
        actual: Sha256Digest,
    },
    /// Another number of bytes than the index lists.
    #[error("`{filename}` came with {actual} bytes or more, but the index lists {expected}")]
    SizeMismatch {
        /// The file.
        filename: String,
        /// What the index lists.
        expected: u64,
        /// What came, as far as it was read.
        actual: u64,
    },
    /// The bytes are no archive of the kind that the file name says, and the index lists no sha256 to tell by.
    #[error("what came as `{filename}` does not begin as such a file does")]
    NotTheFile {
        /// The file.
        filename: String,
    },
    /// More bytes than the limit set for such an answer.
    #[error("`{url}` is larger than the limit of {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: SafeUrl,
        /// The limit that was set for it.
        limit: u64,
    },
    /// The metadata cannot be had from afar: download the file and read it there.
    #[error("the metadata of `{filename}` can only be had by downloading the file: {reason}")]
    NeedsDownload {
        /// The file.
        filename: String,
        /// Why.
        reason: &'static str,
    },
    /// The file name does not say what is needed to read the file.
    #[error(transparent)]
    BadFilename(#[from] FilenameError),
    /// The file is not what its name says.
    #[error("`{filename}` cannot be read")]
    BadFile {
        /// The file.
        filename: String,
        /// What is wrong with it.
        source: Box<DistError>,
    },
    /// The sink would not take the bytes; the index is not to blame.
    #[error("what was downloaded could not be written")]
    Sink(#[source] io::Error),
    /// The HTTP client cannot be built, most often because the system has no readable root certificates.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    /// The program is shutting down.
    #[error("the work was stopped")]
    Stopped,
}

impl IndexError {
    /// Whether the index said that it does not have what was asked for.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Writes down how many attempts were made, where the error tells.
    pub(crate) fn after_attempts(mut self, made: u32) -> Self {
        if let Self::Status { attempts, .. }
        | Self::Unreachable { attempts, .. }
        | Self::Truncated { attempts, .. } = &mut self
        {
            *attempts = made;
        }
        self
    }
}

fn tries(attempts: u32) -> String {
    if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") }
}
