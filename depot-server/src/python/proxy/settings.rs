//! What is set of a proxy.

use std::{sync::Arc, time::Duration};

use depot_index::IndexUrl;

pub(crate) use crate::config::FileMode;
use crate::service::alarms::Alarms;

/// How a proxy behaves.
#[derive(Clone, Debug)]
pub(crate) struct ProxySettings {
    /// The index that is pulled through.
    pub(crate) upstream: IndexUrl,
    /// How long a project's page is served before it is asked for again.
    pub(crate) pages_ttl: Duration,
    /// How long the upstream's list of projects is.
    pub(crate) root_ttl: Duration,
    /// How long it is remembered that the upstream does not have a project.
    pub(crate) missing_ttl: Duration,
    /// What becomes of files.
    pub(crate) files: FileMode,
    /// The most bytes of files that are kept; what was not asked for the longest goes first. None: all are kept.
    pub(crate) max_size: Option<u64>,
    /// Whether nothing is ever asked upstream, and what is kept is served whatever its age.
    pub(crate) offline: bool,
    /// Whether an upstream that is not this machine may be asked over plain http.
    pub(crate) allow_http: bool,
    /// Whether links and redirects may lead to private addresses beyond the upstream's own origin.
    pub(crate) allow_private: bool,
    /// How long a reader waits for a newer page where an old one is kept; the question goes on without them.
    pub(crate) patience: Duration,
    /// How long a page may take to come, retries and all.
    pub(crate) page_deadline: Duration,
    /// Over what time a file must come at the least pace on the average.
    pub(crate) pace: Duration,
    /// The most requests for pages and metadata under way at the same time, and the most downloads.
    pub(crate) max_requests: usize,
    /// The memory that pages take, in bytes.
    pub(crate) page_memory: u64,
    /// The most files that are held open because they are asked for.
    pub(crate) open_files: u64,
    /// What is sounded where the bytes of a file change upstream.
    pub(crate) alarms: Arc<Alarms>,
}

impl ProxySettings {
    /// The defaults for this upstream.
    pub(crate) fn new(upstream: IndexUrl) -> Self {
        Self {
            upstream,
            pages_ttl: Duration::from_mins(5),
            root_ttl: Duration::from_mins(10),
            missing_ttl: Duration::from_secs(30),
            files: FileMode::Cache,
            max_size: None,
            offline: false,
            allow_http: false,
            allow_private: false,
            patience: Duration::from_secs(5),
            page_deadline: Duration::from_secs(40),
            pace: Duration::from_mins(1),
            max_requests: 32,
            page_memory: 128 << 20,
            open_files: 128,
            alarms: Arc::default(),
        }
    }

    /// The same, for an upstream that may say nothing for so long: 30 seconds by default.
    pub(crate) fn waiting_for(self, timeout: Duration) -> Self {
        // A page has the time of one attempt that comes to nothing and some more; a file, of two.
        Self { page_deadline: timeout + timeout / 3, pace: timeout * 2, ..self }
    }
}
