//! A project as one repository shows it, and how that was come by.

use std::sync::Arc;

use depot_proto::simple::ProjectPage;

/// A project as one repository shows it.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    /// The page. Addresses of files are relative to where it is served: [`depot_proto::layout::href_from_page`].
    pub(crate) page: Arc<ProjectPage>,
    /// Another number whenever the page says something else; it says nothing about which of two is newer, and begins
    /// anew with every start.
    pub(crate) version: u64,
    /// Whether it was asked for elsewhere.
    pub(crate) cache: CacheState,
}

/// How an answer was come by: what `X-Depot-Cache` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheState {
    /// It is of here, and nothing was cached.
    Here,
    /// It was kept, and young enough.
    Hit,
    /// It was fetched for this question.
    Miss,
    /// It was kept and is old, but nothing newer could be had.
    Stale,
    /// It was kept, and its index said now that it still holds.
    Revalidated,
}

impl CacheState {
    /// The word for the header; none where nothing is cached.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Here => None,
            Self::Hit => Some("HIT"),
            Self::Miss => Some("MISS"),
            Self::Stale => Some("STALE"),
            Self::Revalidated => Some("REVALIDATED"),
        }
    }
}
