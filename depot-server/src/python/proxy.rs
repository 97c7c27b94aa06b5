//! Another index pulled through: its pages and files are fetched when they are first asked for, and kept.
//!
//! The tree and `pages/` are the truth: nothing of a proxy is in the store or the journal. Nothing is asked upstream that
//! nobody asked here, and nothing at all if the proxy is offline. What was seen is served however long upstream is away.

mod breaker;
mod counters;
mod error;
mod fetched;
mod flight;
mod flights;
mod known;
mod page;
mod pages;
mod settings;
mod stored;
mod upstream;

use std::sync::Arc;

use depot_index::{ClientOptions, Guard};
use depot_proto::{
    DistributionFilename, Facts, ProjectName, RepositoryName, layout::Part, redact::SafeUrl, simple::PageFile,
};
use depot_tree::Tree;

use self::{
    counters::Counters,
    pages::Pages,
    upstream::{Kind, Upstream},
};
#[expect(unused_imports, reason = "the doors are not built yet")]
pub(crate) use self::{
    counters::Counts,
    error::{ProxyError, ProxyOpenError},
    fetched::{Coming, Described, Fetched, Streamed},
    settings::{FileMode, ProxySettings},
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
            Guard::Public { plain_http: settings.allow_http }
        };
        let counters = Arc::new(Counters::default());
        let upstream = Upstream::new(
            settings.upstream.clone(),
            ClientOptions { guard, ..options },
            settings.offline,
            settings.max_requests,
            Arc::clone(&counters),
        );
        let pages = Pages::open(tree.root().join(PAGES), settings.page_memory)?;
        Ok(Arc::new(Self { name, settings, tree, upstream, pages, counters }))
    }

    /// The repository's name.
    pub(crate) fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// How it behaves.
    pub(crate) fn settings(&self) -> &ProxySettings {
        &self.settings
    }

    /// What it counted since its start.
    pub(crate) fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// A file, or a part of it; none if upstream does not list it, or has no such part.
    pub(crate) async fn file(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Option<Fetched>, ProxyError> {
        let _ = (part, self.entry(filename.project()).await?);
        Err(ProxyError::Offline { what: filename.to_string() })
    }

    /// What is known of a file without fetching it; none if upstream does not list it.
    pub(crate) async fn describe(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Option<Described>, ProxyError> {
        let _ = (part, self.entry(filename.project()).await?);
        Err(ProxyError::Offline { what: filename.to_string() })
    }

    /// The file that lies at this path of the upstream (what follows `packages/`), among projects that may be asked for.
    pub(crate) async fn packages(
        self: &Arc<Self>,
        path: &str,
        may_ask: impl Fn(&ProjectName) -> bool + Send + Sync,
    ) -> Result<Option<DistributionFilename>, ProxyError> {
        let name: Option<ProjectName> = path.parse().ok().filter(may_ask);
        let _ = self.entry(&name.ok_or_else(|| ProxyError::broken_off(path))?).await?;
        Err(ProxyError::Offline { what: path.to_owned() })
    }

    /// The names of all projects that upstream lists.
    pub(crate) async fn upstream_names(self: &Arc<Self>) -> Result<Arc<[ProjectName]>, ProxyError> {
        let what = "the list of projects";
        let index = &self.upstream.index;
        let question = async |client: depot_index::Client| client.root(index).await;
        let root = self.upstream.ask(Kind::Small, what, None, question).await?;
        let names = root.map(|root| root.projects).unwrap_or_default();
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// The projects whose pages are kept, sorted.
    pub(crate) fn seen(&self) -> Vec<ProjectName> {
        self.pages.folder.names()
    }
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
