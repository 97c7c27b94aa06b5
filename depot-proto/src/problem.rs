//! Refusals as documents (RFC 9457): a status, a stable code and one sentence.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The media type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, by a name that programs may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The request itself cannot be read.
    BadRequest,
    /// The path names no project that could exist.
    InvalidName,
    /// The file name is refused.
    InvalidFilename,
    /// The file record is refused.
    InvalidRecord,
    /// The upload form is refused.
    InvalidForm,
    /// The bytes are not the distribution that the name promises.
    InvalidDistribution,
    /// Name or version in the metadata disagrees with the file name.
    MetadataMismatch,
    /// The bytes do not have the digest or size that was announced.
    DigestMismatch,
    /// The facts that were announced for the bytes are not known here any more: announce them again.
    NotAnnounced,
    /// The body ended before its announced length.
    Truncated,
    /// The file or document is larger than allowed.
    TooLarge,
    /// Other bytes have this name already; nothing was changed.
    FileExists,
    /// The file was deleted, and its name never gets bytes again.
    FileDeleted,
    /// The project is archived or quarantined, and does not take or give this.
    ProjectClosed,
    /// The project would be left without an owner.
    LastOwner,
    /// No credentials were presented where some are needed.
    Unauthenticated,
    /// The token is not valid here: malformed, foreign, expired or revoked.
    InvalidToken,
    /// The user name or the password is wrong; it is not said which.
    WrongPassword,
    /// Too many logins failed: try again later, or with a token.
    TooManyFailures,
    /// The credentials do not grant this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The path takes other methods.
    MethodNotAllowed,
    /// No representation that was asked for exists.
    NotAcceptable,
    /// An account has this name, or had it.
    UserExists,
    /// The body is of a kind that is not read.
    UnsupportedType,
    /// The body comes in a coding that is not read.
    UnsupportedCoding,
    /// The server has lost or damaged the file: its keeper must mend it, or whoever has the bytes send them again.
    FileDamaged,
    /// Another index, from which this would come, does not answer or is not to be trusted.
    Upstream,
    /// A policy of the server's keeper hides it.
    HiddenByPolicy,
    /// The disk is full.
    StorageFull,
    /// The server is stopping or overloaded: try again.
    Unavailable,
    /// The server failed; its log says why.
    Internal,
    /// A code of a newer peer.
    #[serde(other)]
    Other,
}

impl ErrorCode {
    /// A few words that do not change with the case at hand.
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad request",
            Self::InvalidName => "Invalid project name",
            Self::InvalidFilename => "Invalid file name",
            Self::InvalidRecord => "Invalid file record",
            Self::InvalidForm => "Invalid upload form",
            Self::InvalidDistribution => "Invalid distribution",
            Self::MetadataMismatch => "Metadata disagrees with the file name",
            Self::DigestMismatch => "Digest mismatch",
            Self::NotAnnounced => "Not announced",
            Self::Truncated => "Body cut short",
            Self::TooLarge => "Too large",
            Self::FileExists => "File already exists",
            Self::FileDeleted => "File was deleted",
            Self::ProjectClosed => "Project closed",
            Self::LastOwner => "Last owner",
            Self::Unauthenticated => "Credentials needed",
            Self::InvalidToken => "Invalid token",
            Self::WrongPassword => "Wrong user name or password",
            Self::TooManyFailures => "Too many failed logins",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::NotAcceptable => "Not acceptable",
            Self::UserExists => "User name taken",
            Self::UnsupportedType => "Unsupported media type",
            Self::UnsupportedCoding => "Unsupported content coding",
            Self::FileDamaged => "File damaged",
            Self::Upstream => "Another index does not answer",
            Self::HiddenByPolicy => "Hidden by a policy",
            Self::StorageFull => "Storage full",
            Self::Unavailable => "Unavailable",
            Self::Internal => "Internal error",
            Self::Other => "Error",
        }
    }
}

/// A refusal, as both ends read and write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: ErrorCode,
    /// A few words for the code.
    pub title: String,
    /// One sentence: what was wrong and what to do.
    pub detail: String,
    /// The request's id, which the server's log has too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// The refusal of a request.
    pub fn new(status: u16, code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { status, code, title: code.title().to_owned(), detail: detail.into(), request_id: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.title, self.detail)
    }
}
