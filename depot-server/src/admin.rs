//! The admin verbs and the socket they go through while a server runs.
//!
//! The store has one owner at a time. A verb asks the running server by `<data-dir>/admin.sock`, which only its owner
//! may open; where none runs, the verb opens the data directory itself. One JSON line asks, one JSON line answers; before
//! the answer there may be lines that say how far a long verb is, and lines of what was asked for.

mod backup;
mod export;
mod gc;
pub(crate) mod import;
mod keys;
mod scrub;
#[cfg(unix)]
pub(crate) mod socket;
mod tokens;
mod users;
mod verbs;
mod warm;

use std::{path::PathBuf, sync::Arc};

use depot_proto::{
    RepositoryName, Subject,
    scope::Scope,
    statistics::{StatsAnswer, StatsQuery},
};
use serde::{Deserialize, Serialize};

pub(crate) use gc::sweep;
pub(crate) use verbs::perform;

use crate::{
    python::{
        scrub::Scrubbed,
        warm::{Warmed, Wish},
    },
    store::{
        export::Counts,
        records::{PasswordHash, Serial, TokenRecord, UserRecord},
    },
};

/// Who the journal says used an admin verb: whoever may open the socket.
const ADMIN: &str = "admin socket";

/// What a verb says before its answer.
#[derive(Debug)]
pub(crate) enum Said {
    /// How far it is.
    Progress(String),
    /// A line of what was asked for, with its line feed.
    Line(Vec<u8>),
}

/// Is told what a verb says; false if nobody listens any more, and the verb should end.
pub(crate) type Tell<'a> = &'a (dyn Fn(Said) -> bool + Sync);

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
    /// Make an account.
    UserCreate {
        /// Its name.
        name: Subject,
        /// Where to reach its keeper.
        email: Option<String>,
        /// Whether it may do everything.
        admin: bool,
        /// Whether it works by tokens alone.
        robot: bool,
        /// Whether it may say that files are mirrored.
        mirror: bool,
        /// What its password is judged by. The password itself does not leave the process that read it.
        password: Option<PasswordHash>,
    },
    /// List the accounts.
    UserList,
    /// Change an account.
    UserChange {
        /// Its name.
        name: Subject,
        /// How.
        #[serde(flatten)]
        change: UserVerb,
    },
    /// Sign tokens with a new key from here on.
    KeyRotate {
        /// Whether the keys of before, and all tokens signed by them, are worthless from here on.
        retire_old: bool,
    },
    /// Say how often files were downloaded.
    Stats {
        /// What is asked.
        query: StatsQuery,
    },
    /// Read the repositories again from their trees.
    Reindex,
    /// Compare every file with its record.
    Scrub {
        /// Whether bytes that are wrong are taken out.
        quarantine: bool,
        /// The most bytes read in a second.
        rate: Option<u64>,
    },
    /// Remove left-overs from `tmp/`.
    Gc {
        /// How old they must be, in seconds.
        older_than: u64,
        /// Whether to say only what would be removed.
        dry_run: bool,
    },
    /// Say all that is known, as the lines of an export.
    Export,
    /// Bring here what is wished for.
    Warm {
        /// Which repository shows it; the group at the root if none is named, or what is pulled through by itself.
        repository: Option<RepositoryName>,
        /// What it is.
        wish: Wish,
    },
    /// Copy everything that is needed to serve it elsewhere.
    Backup {
        /// Where to; an absolute path.
        to: PathBuf,
        /// Whether bytes are copied where they could be linked.
        copy: bool,
    },
}

/// What is done to an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub(crate) enum UserVerb {
    /// Give it another password.
    Password {
        /// What that is judged by.
        password: PasswordHash,
    },
    /// Let it, and its tokens, do nothing until it is enabled again.
    Disable,
    /// Let it do again what it might.
    Enable,
    /// Delete it, and revoke its tokens.
    Delete,
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
    /// An account as it is now.
    User {
        /// What is kept of it, without its password.
        user: UserRecord,
        /// Its tokens that were revoked.
        revoked: usize,
    },
    /// The accounts, by name.
    Users {
        /// What is kept of them, without their passwords.
        users: Vec<UserRecord>,
    },
    /// A new key signs.
    KeyRotated {
        /// Its id.
        id: String,
        /// How many of before still judge.
        judging: usize,
        /// How many tokens were revoked.
        revoked: usize,
    },
    /// How often files were downloaded.
    Stats {
        /// In rows.
        stats: StatsAnswer,
    },
    /// The repositories were read.
    Reindexed {
        /// Projects found.
        projects: usize,
        /// Files found.
        files: usize,
    },
    /// Every file was read.
    Scrubbed {
        /// What was found.
        scrubbed: Scrubbed,
    },
    /// Left-overs were removed.
    Swept {
        /// Which.
        swept: Swept,
    },
    /// The lines of the export are through.
    Exported {
        /// How many of what.
        counts: Counts,
        /// The serial of the journal's last line.
        serial: Serial,
    },
    /// The backup is whole.
    BackedUp {
        /// What is in it.
        backup: BackedUp,
    },
    /// What could be had is here.
    Warmed {
        /// In which repository.
        repository: RepositoryName,
        /// What it is.
        warmed: Warmed,
    },
    /// How far it is; other lines follow.
    Progress {
        /// In words.
        words: String,
    },
    /// It was refused or failed.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What a sweep of `tmp/` came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Swept {
    /// The files that were removed, or would have been.
    pub(crate) removed: Vec<PathBuf>,
    /// The bytes in them.
    pub(crate) bytes: u64,
    /// Left-overs that are too young.
    pub(crate) young: usize,
    /// Left-overs that the next start needs.
    pub(crate) needed: usize,
}

/// What is in a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackedUp {
    /// The serial of the journal's last line in it: everything up to here is in it.
    pub(crate) serial: Serial,
    /// Files, with their records.
    pub(crate) files: u64,
    /// Of these, files whose bytes share their place on the disk with the original.
    pub(crate) linked: u64,
    /// Of these, files whose bytes are lost here too.
    pub(crate) missing: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Tokens.
    pub(crate) tokens: u64,
}
