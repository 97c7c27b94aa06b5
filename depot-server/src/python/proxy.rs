//! Another index pulled through: its pages and files are fetched when they are first asked for, and kept.
//!
//! The tree and `pages/` are the truth: nothing of a proxy is in the store or the journal. Nothing is asked upstream that
//! nobody asked here, and nothing at all if the proxy is offline. What was seen is served however long upstream is away.

mod at_hand;
mod breaker;
mod counters;
mod digests;
mod error;
mod fetch;
mod fetched;
mod files;
mod flight;
mod flights;
mod kept;
mod known;
mod pace;
mod packages;
mod page;
mod pages;
mod room;
mod settings;
mod sidecars;
mod stored;
mod stream;
mod unlisted;
mod upstream;
mod writer;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use depot_index::{ClientOptions, Guard};
use depot_proto::{Facts, ProjectName, RepositoryName, redact::SafeUrl, simple::PageFile};
use depot_tree::Tree;

pub(crate) use self::{
    at_hand::AtHand,
    counters::Counts,
    error::{ProxyError, ProxyOpenError},
    fetched::{Described, Fetched},
    kept::KeptFile,
    packages::UpstreamNames,
    settings::ProxySettings,
    unlisted::LastSaid,
};
use self::{
    counters::Counters, flight::Flight, flights::Flights, kept::KeptFiles, packages::Listed, pages::Pages,
    room::Room, sidecars::Document, upstream::Upstream,
};

/// The folder of pages, below the root of the tree.
const PAGES: &str = "pages";

/// Another index pulled through.
pub(crate) struct Proxy {
    name: RepositoryName,
    settings: ProxySettings,
    tree: Arc<Tree>,
    upstream: Upstream,
    pages: Pages,
    kept: KeptFiles,
    /// Files that are being fetched, by project and name.
    flights: Mutex<HashMap<String, Arc<Flight>>>,
    /// Metadata and provenance that are, by stored name.
    documents: Flights<String, Document>,
    room: Room,
    /// The list of projects of upstream, and the question for it.
    listed: Mutex<Listed>,
    lists: Flights<(), Result<UpstreamNames, ProxyError>>,
    counters: Arc<Counters>,
}

impl Proxy {
    /// Opens a proxy over its tree; reads the names of its pages and nothing else. Nothing is asked of the upstream.
    ///
    /// The options say how its client behaves, but for where it may go, which the settings decide.
    pub(crate) fn open(
        name: RepositoryName,
        settings: ProxySettings,
        tree: Arc<Tree>,
        options: ClientOptions,
    ) -> Result<Arc<Self>, ProxyOpenError> {
        let url = settings.upstream.as_url();
        if url.scheme() == "http" && !settings.allow_http && !is_this_machine(url.host_str()) {
            return Err(ProxyOpenError::PlainHttp(url.to_string()));
        }
        let guard = if settings.allow_private {
            Guard::Anywhere
        } else {
            Guard::Public { plain_http: settings.allow_http, index: Some(settings.upstream.clone()) }
        };
        let counters = Arc::new(Counters::default());
        let upstream = Upstream::new(
            settings.upstream.clone(),
            patient(options, guard),
            settings.offline,
            settings.max_requests,
            Arc::clone(&counters),
        );
        let pages = Pages::open(tree.root().join(PAGES), settings.page_memory)?;
        let kept = KeptFiles::new(settings.open_files, settings.max_size.is_some());
        let room = Room::new(settings.max_size);
        Ok(Arc::new(Self {
            name,
            settings,
            tree,
            upstream,
            pages,
            kept,
            flights: Mutex::default(),
            documents: Flights::default(),
            room,
            listed: Mutex::default(),
            lists: Flights::default(),
            counters,
        }))
    }

    /// The repository's name.
    pub(crate) fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// How it behaves.
    pub(crate) fn settings(&self) -> &ProxySettings {
        &self.settings
    }

    /// Gets ready to ask the upstream, without asking it anything.
    pub(crate) async fn prepare(&self) {
        self.upstream.prepare().await;
    }

    /// What it counted since its start.
    pub(crate) fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Whether the index is left alone for a while because it fails: as to pages, and as to files.
    pub(crate) fn is_left_alone(&self) -> [bool; 2] {
        self.upstream.is_left_alone()
    }

    /// The bytes of files that are kept, as far as they were counted.
    pub(crate) fn kept_bytes(&self) -> Option<u64> {
        self.room.used()
    }

    /// How many pages are kept.
    pub(crate) fn kept_pages(&self) -> usize {
        self.pages.folder.len()
    }

    /// Counts the bytes of files that are kept. May block for as long as it takes to look at every file.
    pub(crate) fn count_kept(&self) {
        if let Err(error) = self.room.count(&self.tree) {
            tracing::warn!(repository = %self.name, %error, "it cannot be counted how much is kept");
        }
    }

    /// The projects whose pages are kept, sorted.
    pub(crate) fn seen(&self) -> Vec<ProjectName> {
        self.pages.folder.names()
    }

    /// Another number whenever these are others.
    pub(crate) fn seen_version(&self) -> u64 {
        self.pages.folder.version()
    }
}

/// Readers wait for what the client asks: it tries less often than where nobody does, and leaves it to the breaker to wait
/// for an upstream that wants to be left alone.
fn patient(options: ClientOptions, guard: Guard) -> ClientOptions {
    let mut backoff = options.backoff;
    backoff.retries = backoff.retries.min(3);
    backoff.max = backoff.max.min(Duration::from_secs(2));
    let longest_wait = options.longest_wait.min(Duration::from_secs(2));
    ClientOptions { guard, backoff, longest_wait, ..options }
}

fn is_this_machine(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What the index says of a file, with the file's address there. No credentials are in it, and no query, which in a
/// signed address is one.
fn upstream_facts(index: &str, file: &PageFile) -> Facts {
    let url = file.url.parse::<SafeUrl>().map(|url| {
        let mut url = url.without_credentials();
        url.set_query(None);
        url.to_string()
    });
    Facts::of_page_file(file, index, &url.unwrap_or_default())
}

#[cfg(test)]
mod tests;
