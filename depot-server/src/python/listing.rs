//! A project as one repository shows it to whoever puts several together.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use depot_proto::simple::ProjectPage;

/// A project as one repository shows it. The addresses of its files are relative to the page of the project here, whatever
/// they are at the index that they come from.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    /// The page; its `versions` are those of all its files, and may be more.
    pub(crate) page: Arc<ProjectPage>,
    /// Another value whenever the page says something else.
    pub(crate) version: u64,
    /// Where it was taken from.
    pub(crate) cache: CacheState,
}

/// Where an answer was taken from, as `X-Depot-Cache` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CacheState {
    /// From here: no other index has a say in it.
    Here,
    /// From what is kept of another index, which is fresh.
    Hit,
    /// From what was kept, which the other index says is still so.
    Revalidated,
    /// From the other index.
    Miss,
    /// From what was kept, because the other index does not answer.
    Stale,
}

impl CacheState {
    /// The word for it in `X-Depot-Cache`; none where nothing was cached.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Here => None,
            Self::Hit => Some("HIT"),
            Self::Revalidated => Some("REVALIDATED"),
            Self::Miss => Some("MISS"),
            Self::Stale => Some("STALE"),
        }
    }
}

/// A number that no page, list or policy of this process has.
pub(crate) fn next_version() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}
