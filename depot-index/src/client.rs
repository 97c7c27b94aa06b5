//! The client: its settings, and the HTTP machinery that every question shares.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use depot_proto::retry::{Backoff, MAX_RETRY_AFTER};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use crate::{
    attempts::Attempts,
    error::IndexError,
    guard::{Guard, PublicAddresses},
    index_url::IndexUrl,
    netrc::Netrc,
};

/// How a [`Client`] behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// What it calls itself to servers.
    pub user_agent: String,
    /// How long to wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// How long to wait for the next bytes of an answer. There is no limit on the whole: a large file takes its time.
    pub read_timeout: Duration,
    /// How often and after which waits to try again.
    pub backoff: Backoff,
    /// The longest wait obeyed that a server asks for; one that asks for more has failed. Never more than a minute.
    pub longest_wait: Duration,
    /// Where links and redirects may lead.
    pub guard: Guard,
    /// The largest page taken, in bytes after decompression.
    pub page_limit: u64,
    /// The largest metadata taken, in bytes.
    pub metadata_limit: u64,
    /// The largest file taken, in bytes, whatever the index says of its size.
    pub file_limit: u64,
    /// Whether the system's proxy settings (`HTTPS_PROXY`, `NO_PROXY` and the rest) are followed.
    pub system_proxy: bool,
    /// Certificates of authorities, as PEM, that are trusted beside those of the system.
    pub authorities: Option<Vec<u8>>,
    /// Credentials by host, for indexes and links that have none of their own.
    pub netrc: Netrc,
}

impl Default for ClientOptions {
    /// 10 s to connect, 30 s between bytes, five retries.
    fn default() -> Self {
        Self {
            user_agent: concat!("depot/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            backoff: Backoff::default(),
            longest_wait: MAX_RETRY_AFTER,
            guard: Guard::default(),
            // The largest pages of public indexes are some 20 MiB of JSON; six times that.
            page_limit: 128 << 20,
            metadata_limit: 10 << 20,
            // The largest wheels of public indexes are a few GiB.
            file_limit: 32 << 30,
            system_proxy: true,
            authorities: None,
            netrc: Netrc::default(),
        }
    }
}

/// What asks the index itself, what asks other hosts at its port, and what asks wherever else it leads: the latter may be
/// kept from some addresses.
#[derive(Debug)]
struct Reach {
    home: reqwest::Client,
    beside: reqwest::Client,
    away: reqwest::Client,
}

/// Reads Python package indexes. Clones share one pool of connections.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    reach: Reach,
    options: ClientOptions,
    used_netrc: AtomicBool,
    /// The turns of those who read a large page.
    large_pages: Arc<Semaphore>,
}

/// How many large pages are read at the same time: each may take the memory of [`ClientOptions::page_limit`], and several
/// times that when it is understood.
const LARGE_PAGES: usize = 2;

impl Client {
    /// Sets up a client that trusts the system's root certificates (or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`).
    ///
    /// Reading the certificates takes tens of milliseconds: build one client and clone it.
    pub fn new(options: ClientOptions) -> Result<Self, IndexError> {
        let reach = reach(&options)?;
        let (used_netrc, large_pages) = (AtomicBool::new(false), Arc::new(Semaphore::new(LARGE_PAGES)));
        Ok(Self { inner: Arc::new(Inner { reach, options, used_netrc, large_pages }) })
    }

    /// The settings it was built with.
    pub fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// Whether something of [`ClientOptions::netrc`] was sent so far.
    pub fn used_netrc(&self) -> bool {
        self.inner.used_netrc.load(Ordering::Relaxed)
    }

    pub(crate) fn note_use_of_netrc(&self) {
        self.inner.used_netrc.store(true, Ordering::Relaxed);
    }

    /// Waits for a turn to read a large page.
    pub(crate) async fn turn_for_large_page(&self) -> Option<OwnedSemaphorePermit> {
        // They are never closed.
        Arc::clone(&self.inner.large_pages).acquire_owned().await.ok()
    }

    /// How many large pages are being read.
    #[cfg(test)]
    pub(crate) fn large_pages_under_way(&self) -> usize {
        LARGE_PAGES - self.inner.large_pages.available_permits()
    }

    /// What asks there. It never touches what comes.
    pub(crate) fn asking(&self, index: &IndexUrl, url: &Url) -> &reqwest::Client {
        self.inner.reach.fit_for(index, url)
    }

    pub(crate) fn attempts(&self) -> Attempts {
        let options = self.options();
        Attempts::new(options.backoff).waiting_at_most(options.longest_wait)
    }
}

impl Reach {
    fn fit_for(&self, index: &IndexUrl, url: &Url) -> &reqwest::Client {
        if index.is_same_origin(url) {
            return &self.home;
        }
        let home = index.as_url();
        let is_beside =
            url.scheme() == home.scheme() && url.port_or_known_default() == home.port_or_known_default();
        if is_beside { &self.beside } else { &self.away }
    }
}

fn reach(options: &ClientOptions) -> Result<Reach, IndexError> {
    let build = |builder: reqwest::ClientBuilder| builder.build().map_err(IndexError::Setup);
    let home = build(builder(options)?)?;
    let guarded = |index: Option<&IndexUrl>| {
        let resolver = Arc::new(PublicAddresses::new(options.system_proxy, index));
        build(builder(options)?.dns_resolver(resolver))
    };
    let (beside, away) = match &options.guard {
        Guard::Anywhere => (home.clone(), home.clone()),
        Guard::Public { index, .. } => (guarded(index.as_ref())?, guarded(None)?),
    };
    Ok(Reach { home, beside, away })
}

fn builder(options: &ClientOptions) -> Result<reqwest::ClientBuilder, IndexError> {
    let builder = connections(options.authorities.as_deref()).map_err(IndexError::Setup)?;
    let builder = builder
        // Decompression would be a setting of the whole client: pages may be compressed in transit, while a file is its
        // bytes as they come, even from a server that labels a `.tar.gz` as gzip-encoded. So pages are decompressed where
        // they are read, and both come over the same connections.
        .no_gzip()
        .no_zstd()
        .user_agent(&options.user_agent)
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout);
    Ok(if options.system_proxy { builder } else { builder.no_proxy() })
}

/// What all HTTP clients of depot have in common: the system's proxies, the system's authorities and these (PEM), and
/// that nothing is done unasked. Redirects are followed, and attempts repeated, by those who know what may see
/// credentials and what may be sent twice.
pub fn connections(authorities: Option<&[u8]>) -> reqwest::Result<reqwest::ClientBuilder> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false);
    if let Some(pem) = authorities {
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
    }
    // That `*` stands for every host is known to the machinery below, but not for hosts that are addresses.
    let is_off = |name| env::var(name).is_ok_and(|hosts| hosts.split(',').any(|host| host.trim() == "*"));
    Ok(if is_off("NO_PROXY") || is_off("no_proxy") { builder.no_proxy() } else { builder })
}
