//! What a proxy counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often what happened since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    revalidated: AtomicU64,
    stale: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
    evicted: AtomicU64,
}

/// What a proxy counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Answers, pages and files, that were kept and good.
    pub(crate) hits: u64,
    /// Those that were fetched.
    pub(crate) misses: u64,
    /// Those that the upstream said still hold.
    pub(crate) revalidated: u64,
    /// Those that were old, while nothing newer could be had.
    pub(crate) stale: u64,
    /// Questions to the upstream. One that is tried again counts once.
    pub(crate) requests: u64,
    /// Questions to the upstream that had no good answer.
    pub(crate) failures: u64,
    /// Files that had to go to make room.
    pub(crate) evicted: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Hit,
    Miss,
    Revalidated,
    Stale,
    Request,
    Failure,
    Evicted,
}

impl Counters {
    pub(super) fn count(&self, event: Event) {
        let counter = match event {
            Event::Hit => &self.hits,
            Event::Miss => &self.misses,
            Event::Revalidated => &self.revalidated,
            Event::Stale => &self.stale,
            Event::Request => &self.requests,
            Event::Failure => &self.failures,
            Event::Evicted => &self.evicted,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            hits: read(&self.hits),
            misses: read(&self.misses),
            revalidated: read(&self.revalidated),
            stale: read(&self.stale),
            requests: read(&self.requests),
            failures: read(&self.failures),
            evicted: read(&self.evicted),
        }
    }
}
