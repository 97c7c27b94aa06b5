//! Why a proxy has no answer, told apart by what the one who asked can do.

use std::{sync::Arc, time::Duration};

use depot_index::IndexError;
use depot_proto::ProjectName;
use depot_tree::TreeError;

use crate::python::projects::because;

/// Why a proxy cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyOpenError {
    /// Whoever is on the way to the upstream could change what it says.
    #[error(
        "upstream `{0}` is asked over plain http, where anybody on the way can change what it says: use https, or \
         set `allow_http = true`"
    )]
    PlainHttp(String),
    /// The folder of pages cannot be used.
    #[error("cannot use `{path}`: {source}")]
    Pages {
        /// Which folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Why there is no answer. That something does not exist is no error.
///
/// Many wait for one question, so it can be cloned.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    /// It is not kept, and nothing may be asked.
    #[error("`{what}` is not kept here, and this repository asks no other index (`offline = true`)")]
    Offline {
        /// What was asked for.
        what: String,
    },
    /// The upstream, or the way there, does not work now: try again later.
    #[error("`{what}` cannot be had now: {reason}")]
    Unreachable {
        /// What was asked for.
        what: String,
        /// What went wrong.
        reason: String,
        /// When to try again, where that is known.
        retry_after: Option<Duration>,
    },
    /// The upstream does not let this server have it, or leads where this server does not go: its keeper must act.
    #[error("`{what}` cannot be had: {reason}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Why.
        reason: String,
    },
    /// What came is not what was asked for, and was thrown away.
    #[error("what came as `{what}` was thrown away: {reason}")]
    Damaged {
        /// What was asked for.
        what: String,
        /// What is wrong with what came.
        reason: String,
    },
    /// The upstream holds back the project's files.
    #[error("project `{project}` is quarantined by its index{}, and none of its files are sent", because(.reason.as_deref()))]
    Quarantined {
        /// The project.
        project: ProjectName,
        /// Why it is.
        reason: Option<String>,
    },
    /// Too much is asked at the same time.
    #[error("`{what}` cannot be had now: too much is asked of its index at the same time")]
    Busy {
        /// What was asked for.
        what: String,
    },
    /// It is listed and not there; who asks for a file is told that there is none.
    #[error("`{what}` is listed by its index, which does not have it")]
    Missing {
        /// What was asked for.
        what: String,
    },
    /// The disk of this server failed.
    #[error("`{what}` cannot be kept or read: {source}")]
    Disk {
        /// What was asked for.
        what: String,
        /// What the tree said.
        source: Arc<TreeError>,
    },
    /// The server ends, or a bug ended the question.
    #[error("the question for `{what}` was broken off")]
    BrokenOff {
        /// What was asked for.
        what: String,
    },
}

impl ProxyError {
    /// What an index's error means for who asked for this.
    pub(crate) fn of(what: &str, error: &IndexError) -> Self {
        let (what, reason) = (what.to_owned(), chain(error));
        match error {
            // A later question may be answered otherwise.
            IndexError::Status { retry_after, status: 408 | 425 | 429 | 500.., .. } => {
                Self::Unreachable { what, reason, retry_after: *retry_after }
            }
            IndexError::Unreachable { .. }
            | IndexError::Truncated { .. }
            | IndexError::Setup(_)
            | IndexError::NotFound { .. } => Self::Unreachable { what, reason, retry_after: None },
            IndexError::Stopped => Self::BrokenOff { what },
            // It does not give this out, whatever it gives out beside it.
            IndexError::Status { status: 400.., .. }
            | IndexError::Unauthorized { .. }
            | IndexError::Forbidden { .. }
            | IndexError::Refused { .. }
            | IndexError::BadLink { .. } => Self::Refused { what, reason },
            _ => Self::Damaged { what, reason },
        }
    }

    pub(super) fn disk(what: &str, source: TreeError) -> Self {
        Self::Disk { what: what.to_owned(), source: Arc::new(source) }
    }

    pub(super) fn broken_off(what: &str) -> Self {
        Self::BrokenOff { what: what.to_owned() }
    }
}

/// An error with everything that led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.extend([": ", &error.to_string()]);
        source = error.source();
    }
    text
}
