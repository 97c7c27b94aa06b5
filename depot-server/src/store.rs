//! What the server remembers: narrow traits, each method one atomic intention with a typed outcome.
//!
//! Records are an index of the trees and can always be rebuilt from them; the journal is the source of serials.
//! Backends: [`memory`] for tests, [`sled`] for one node. Every backend passes [`conformance`].

#[cfg(test)]
pub(crate) mod conformance;
pub(crate) mod counts;
pub(crate) mod export;
pub(crate) mod journal;
#[cfg(test)]
pub(crate) mod memory;
pub(crate) mod records;
pub(crate) mod sled;

use std::{path::Path, sync::Arc};

use counts::{Counted, SeeFile, SeeProject, Span};
use depot_proto::{ProjectName, RepositoryName, Timestamp, VersionKey, statistics::Day};
use records::{FileChange, ReleaseRecord, Serial, TokenRecord, UserRecord};

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The store's own data is damaged: it must be rebuilt from the tree.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The disk is full.
    #[error("no space left for the {0}")]
    Full(&'static str),
    /// Another failure below.
    #[error("the {what} failed: {source}")]
    Io {
        /// Which part.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// An earlier failure left this part unusable until the server is started again.
    #[error("the {0} failed earlier; start the server again once its disk is well")]
    Failed(&'static str),
}

impl StoreError {
    pub(crate) fn io(what: &'static str, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::StorageFull
            | std::io::ErrorKind::QuotaExceeded
            | std::io::ErrorKind::FileTooLarge => Self::Full(what),
            _ => Self::Io { what, source },
        }
    }
}

/// The stores of a server.
pub(crate) struct Stores {
    pub(crate) packages: Arc<dyn Packages>,
    pub(crate) accounts: Arc<dyn Accounts>,
}

/// Opens the stores in `folder` and visits every project there is. A store that cannot be trusted is put aside as
/// `<folder>.damaged`, loudly, and an empty one takes its place; nothing was visited then.
pub(crate) fn open(folder: &Path, visit: &mut dyn FnMut(Row)) -> Result<Stores, StoreError> {
    sled::open_stores(folder, visit)
}

/// Opens the store of what is counted in `folder`: apart from the others, because nothing else knows what is in it. One
/// that cannot be trusted is put aside as `<folder>.damaged`, loudly, and an empty one takes its place.
pub(crate) fn open_counters(folder: &Path) -> Result<Arc<dyn Counters>, StoreError> {
    sled::open_counters(folder)
}

/// What became of a file's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// The file was not known.
    Created,
    /// The file was known with the same bytes; its facts are now these.
    Replaced,
    /// The very same record was there.
    Same,
    /// Other bytes are known under this name; nothing was changed.
    Conflict,
}

/// A project that the store holds, as a scan sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The repository.
    pub(crate) repository: RepositoryName,
    /// The project.
    pub(crate) project: ProjectName,
    /// The serial of the last change of any of its releases.
    pub(crate) serial: Serial,
}

/// The releases of every project.
pub(crate) trait Packages: Send + Sync {
    /// The serial of the last change the store holds; what the journal has beyond it must be caught up.
    fn applied(&self) -> Result<Serial, StoreError>;

    /// One release, if it is known.
    fn release(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        version: &VersionKey,
    ) -> Result<Option<ReleaseRecord>, StoreError>;

    /// All releases of a project, in no order; none if it is not known.
    fn releases(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
    ) -> Result<Vec<ReleaseRecord>, StoreError>;

    /// Puts files into their releases, all of them or none, and answers for each. A conflict changes nothing of its
    /// own file. The last change's serial is the last applied.
    fn put_files(&self, changes: &[FileChange]) -> Result<Vec<Put>, StoreError>;

    /// Makes these the only releases of a project; with none, the project is forgotten. What was applied stays as it
    /// is, as this may be one project of many: see [`Self::set_applied`].
    fn replace_project(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        releases: &[ReleaseRecord],
        serial: Serial,
    ) -> Result<(), StoreError>;

    /// Notes that everything up to this serial is in the store.
    fn set_applied(&self, serial: Serial) -> Result<(), StoreError>;

    /// Hands everything to the system, so that the next start has nothing to catch up.
    fn flush(&self) -> Result<(), StoreError>;

    /// Visits every project; [`StoreError::Damaged`] if what is there is not what was put.
    fn scan(&self, visit: &mut dyn FnMut(Row)) -> Result<(), StoreError>;
}

/// The accounts, and the tokens that were issued: an allow-list, so that a token it does not know is worth nothing.
pub(crate) trait Accounts: Send + Sync {
    /// Every token, revoked ones too.
    fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError>;

    /// Adds a token, or replaces what is known of it; a revocation is never taken back.
    fn put_token(&self, token: &TokenRecord) -> Result<(), StoreError>;

    /// Forgets a token that is dead for ever.
    fn forget_token(&self, id: &str) -> Result<(), StoreError>;

    /// Revokes a token; false if it is not known. The time of the first revocation stands.
    fn revoke_token(&self, id: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Every account, deleted ones too.
    fn users(&self) -> Result<Vec<UserRecord>, StoreError>;

    /// Adds an account, or replaces what is known of it unless that is newer; the one that stands. A deletion is never
    /// taken back. See [`records::standing`].
    fn put_user(&self, user: &UserRecord) -> Result<UserRecord, StoreError>;
}

/// How often files were downloaded: for every file and project over all time, and for each day as long as it is kept. It
/// may lose its last seconds.
pub(crate) trait Counters: Send + Sync {
    /// Adds downloads to the numbers of their files, of their projects, and of their days: all of them, or none.
    fn add(&self, counted: &[Counted]) -> Result<(), StoreError>;

    /// Forgets the days before this one. What was counted over all time stays.
    fn forget_before(&self, day: Day) -> Result<(), StoreError>;

    /// The first day of which anything is kept.
    fn first_day(&self) -> Result<Option<Day>, StoreError>;

    /// The repositories of which anything was counted, sorted.
    fn repositories(&self) -> Result<Vec<RepositoryName>, StoreError>;

    /// Visits projects by repository and name, once each over all time, and else day by day.
    fn of_projects(&self, span: Span, see: SeeProject<'_>) -> Result<(), StoreError>;

    /// Visits the files of a project, likewise: over all time by name, and else day by day.
    fn of_files(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        span: Span,
        see: SeeFile<'_>,
    ) -> Result<(), StoreError>;

    /// Hands everything to the system.
    fn flush(&self) -> Result<(), StoreError>;
}
