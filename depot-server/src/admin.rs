//! The admin verbs and the socket they go through while a server runs.
//!
//! The store has one owner at a time. A verb asks the running server by `<data-dir>/admin.sock`, which only its owner
//! may open; where none runs, the verb opens the data directory itself. One JSON line asks, one JSON line answers.

#[cfg(unix)]
pub(crate) mod socket;
mod verbs;

use std::sync::Arc;

use depot_proto::scope::Scope;
use serde::{Deserialize, Serialize};

pub(crate) use verbs::perform;

use crate::store::records::TokenRecord;

/// The longest life of a token, in days.
pub(crate) const MAX_TOKEN_DAYS: u32 = 3650;

/// What an admin verb asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub(crate) enum AdminRequest {
    /// Issue a token.
    TokenCreate {
        /// Who will bear it.
        subject: String,
        /// What it is called.
        name: String,
        /// What it grants.
        scopes: Vec<Scope>,
        /// For how many days.
        days: u32,
    },
    /// List the tokens.
    TokenList,
    /// Revoke a token, by its id or a beginning of it that no other has.
    TokenRevoke {
        /// The id.
        id: String,
    },
    /// Read the repositories again from their trees.
    Reindex,
}

/// What it is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(crate) enum AdminAnswer {
    /// A token, with its text, which is shown this once.
    Token {
        /// The text.
        token: String,
        /// What is kept of it.
        record: TokenRecord,
    },
    /// The tokens, the newest first.
    Tokens {
        /// What is kept of them.
        tokens: Vec<Arc<TokenRecord>>,
    },
    /// The token is dead.
    Revoked {
        /// What is kept of it.
        record: TokenRecord,
    },
    /// The repositories were read.
    Reindexed {
        /// Projects found.
        projects: usize,
        /// Files found.
        files: usize,
    },
    /// It was refused or failed.
    Failed {
        /// Why.
        reason: String,
    },
}
