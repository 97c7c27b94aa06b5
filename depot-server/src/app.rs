//! From a configuration to a router: everything is opened, caught up and put together here.

pub(crate) mod boot;
pub(crate) mod format;
mod metrics;
mod roles;
mod views;
mod watch;

use std::{io, path::PathBuf, sync::Arc};

use axum::{Router, extract::Request, middleware::Next};
use depot_proto::{ProjectName, RepositoryName, media_type::PageFormat};
use depot_tree::TreeError;

use crate::{
    auth::{
        keys::KeyError,
        oidc::{Oidc, PublishersError},
    },
    coding::Coding,
    config::{BOOTSTRAP_DAYS, Config, Network, Transport},
    http::{
        accounts::{self, AccountsState},
        authenticate::{Authenticator, authenticate},
        doors::Route,
        health, metrics as numbers,
        middleware::{self, Envelope},
        oidc::{self, OidcState},
    },
    listen::Site,
    python::{
        exceptions::ExceptionsError,
        http::{
            self as python, RepositoryState,
            hot::Hot,
            statistics::{self, StatsState},
            view, why,
        },
        reindex,
        statistics::Known,
        view::{View, member::Source},
    },
    service::{
        commit::{CommitError, Committer},
        tokens::{Tokens, TokensError},
        users::{Users, UsersError},
    },
    store::{StoreError, records::Change},
};
use watch::Watch;

/// Uploads validated and published at the same time; the bound keeps the disk's queue short.
const PUBLISHING: usize = 64;

/// Who the journal says did what the server does by itself.
pub(crate) const SERVER: &str = "depot-server";

/// Why a data directory cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is of a newer format, or not a whole one; nothing in it was touched.
    #[error(transparent)]
    Format(#[from] format::FormatError),
    /// Another process serves it.
    #[error("`{}` is in use by another depot-server", .0.display())]
    InUse(PathBuf),
    /// It cannot be read or written.
    #[error("cannot use `{}`: {source}", path.display())]
    Io {
        /// Which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A repository's tree cannot be used.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A repository cannot be served as it is configured.
    #[error("repository `{0}`: {1}")]
    Repository(RepositoryName, String),
    /// The store or the journal cannot be used.
    #[error("{0}")]
    Store(String),
    /// The keys or tokens cannot be used.
    #[error("{0}")]
    Auth(String),
    /// A change could not be written.
    #[error("{0}")]
    Commit(String),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<CommitError> for OpenError {
    fn from(error: CommitError) -> Self {
        Self::Commit(error.to_string())
    }
}

impl From<KeyError> for OpenError {
    fn from(error: KeyError) -> Self {
        Self::Auth(error.to_string())
    }
}

impl From<ExceptionsError> for OpenError {
    fn from(error: ExceptionsError) -> Self {
        Self::Commit(error.to_string())
    }
}

impl From<UsersError> for OpenError {
    fn from(error: UsersError) -> Self {
        Self::Auth(error.to_string())
    }
}

impl From<PublishersError> for OpenError {
    fn from(error: PublishersError) -> Self {
        Self::Auth(error.to_string())
    }
}

impl From<TokensError> for OpenError {
    fn from(error: TokensError) -> Self {
        Self::Auth(error.to_string())
    }
}

/// An opened server: stores, keys and repositories, without a socket.
pub struct Depot {
    pub(crate) config: Config,
    pub(crate) hosted: Arc<RepositoryState>,
    /// What is served beside it: other indexes and groups.
    pub(crate) views: Vec<Arc<View>>,
    /// The hosted repository as its policy shows it, if it follows one: it is read through this.
    pub(crate) ruled: Option<Arc<View>>,
    /// What is read at each mount, for who asks why: those, and the hosted repository.
    pub(crate) explained: Arc<[Arc<View>]>,
    pub(crate) watch: Watch,
    /// How often files were downloaded.
    pub(crate) known: Arc<Known>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) committer: Arc<Committer>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) users: Arc<Users>,
    /// The id of this server, which is issuer and audience of its tokens.
    pub(crate) instance: String,
    /// Whom it trusts among CI jobs, if any.
    pub(crate) oidc: Option<Arc<Oidc>>,
    // Held for as long as the data directory is served.
    _lock: std::fs::File,
}

impl Depot {
    /// Opens the data directory, makes what is not there, and brings the store up to what journal and tree say. Blocks
    /// for as long as that takes.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        boot::open(config)
    }

    /// Everything the server serves, to be bound to a port or mounted in another axum application.
    pub fn router(&self) -> Router {
        let around = Envelope::new(
            trusted_proxies(&self.config),
            python::longest_body(&self.hosted),
            Arc::clone(&self.watch.tally),
        );
        let around = Arc::new(around);
        let envelope = move |request: Request, next: Next| {
            let around = Arc::clone(&around);
            async move { middleware::envelope(&around, request, next).await }
        };
        let mut repositories = Router::new();
        if self.hosted.enabled {
            let authenticator = Arc::clone(&self.authenticator);
            let name = &self.hosted.repository.name;
            let hosted = Arc::clone(&self.hosted);
            let doors = match &self.ruled {
                None => python::doors(name).open(hosted),
                Some(ruled) => {
                    let reading = view::reading(&ruled.mount).open(Arc::clone(ruled));
                    reading.merge(python::writing(name).open(hosted))
                }
            };
            repositories =
                doors.route_layer(axum::middleware::from_fn_with_state(authenticator, authenticate));
        }
        for served in &self.views {
            let authenticator = Arc::clone(&self.authenticator);
            let doors = view::doors(&served.mount)
                .open(Arc::clone(served))
                .route_layer(axum::middleware::from_fn_with_state(authenticator, authenticate));
            repositories = repositories.merge(doors);
        }
        let authenticator = Arc::clone(&self.authenticator);
        let explained = why::doors()
            .open(Arc::clone(&self.explained))
            .route_layer(axum::middleware::from_fn_with_state(authenticator, authenticate));
        let authenticator = Arc::clone(&self.authenticator);
        let counted = statistics::doors()
            .open(StatsState::new(Arc::clone(&self.known)))
            .route_layer(axum::middleware::from_fn_with_state(authenticator, authenticate));
        repositories = repositories.merge(explained).merge(counted);
        if let Some(trusted) = &self.oidc {
            repositories = repositories.merge(oidc::doors().open(Arc::new(OidcState::new(
                Arc::clone(trusted),
                Arc::clone(&self.authenticator.authority),
                Arc::clone(&self.committer),
                self.config.wire.clone(),
            ))));
        }
        repositories
            .merge(self.accounts())
            .merge(self.numbers())
            .merge(health::doors().open(self.ready()))
            .fallback(middleware::no_route)
            .method_not_allowed_fallback(middleware::no_method)
            .layer(axum::middleware::from_fn(envelope))
    }

    /// The doors of accounts.
    fn accounts(&self) -> Router {
        let state = AccountsState {
            authority: Arc::clone(&self.authenticator.authority),
            committer: Arc::clone(&self.committer),
            wire: self.config.wire.clone(),
        };
        let authenticator = Arc::clone(&self.authenticator);
        accounts::doors()
            .open(Arc::new(state))
            .route_layer(axum::middleware::from_fn_with_state(authenticator, authenticate))
    }

    /// The door of what is counted.
    fn numbers(&self) -> Router {
        let authenticator = Arc::clone(&self.authenticator);
        numbers::doors()
            .open(Arc::new(self.metrics()))
            .route_layer(axum::middleware::from_fn_with_state(authenticator, authenticate))
    }

    /// Everything the server serves, with what is at hand in front: for a port of its own.
    pub(crate) fn site(&self) -> Site {
        let views: Vec<_> = self.views.iter().chain(&self.ruled).cloned().collect();
        let hot = Hot::new(Arc::clone(&self.hosted), &views, self.config.page_cache);
        Site { hot, router: self.router(), tally: Arc::clone(&self.watch.tally) }
    }

    /// Gets ready to ask other indexes, so that the first to ask for something of theirs need not wait for that. Nothing is
    /// asked of them.
    pub(crate) async fn prepare(&self) {
        for member in self.views.iter().flat_map(|view| &view.members) {
            if let Source::Proxy(proxy) = &member.source {
                proxy.prepare().await;
            }
        }
    }

    /// Renders the list of projects, so that the first to ask for it need not wait. May block.
    pub(crate) fn warm(&self) {
        let render = |format| {
            let repository = &self.hosted.repository;
            self.hosted.roots.page(&repository.names, &repository.name, format, Coding::Identity);
        };
        std::thread::scope(|scope| {
            scope.spawn(|| render(PageFormat::Json));
            render(PageFormat::Html);
        });
    }

    /// The same for the lists of the views, for which folders may have to be read. May block for long.
    pub(crate) fn warm_views(&self) {
        for format in [PageFormat::Json, PageFormat::Html] {
            self.views.iter().for_each(|view| view.warm(format));
        }
    }

    /// What `/readyz` asks.
    fn ready(&self) -> health::Ready {
        let (committer, tree) = (Arc::clone(&self.committer), Arc::clone(&self.hosted.repository.tree));
        health::Ready::new(Arc::new(move || {
            committer.check_well()?;
            Ok(tree.check_writable()?)
        }))
    }

    /// Waits until every change that was taken is written. No change is taken from here on.
    pub fn close(&self) {
        self.committer.stop();
        if let Err(error) = self.hosted.repository.packages.flush() {
            tracing::warn!(%error, "the store could not be flushed; the next start catches up");
        }
        self.hosted.repository.tree.end();
        if let Some(downloads) = &self.hosted.downloads {
            downloads.stop();
        }
        if let Some(statistics) = &self.hosted.statistics {
            statistics.stop();
        }
        if let Err(error) = self.known.counters.flush() {
            tracing::warn!(%error, "what was counted of downloads could not be flushed");
        }
    }

    /// Reads every project of the repository again from its tree, and commits those that are not known so; the numbers of
    /// projects and files.
    pub(crate) fn reindex(&self) -> Result<(usize, usize), OpenError> {
        let repository = &self.hosted.repository;
        // Shown on a page that nothing else may have changed.
        for project in repository.projects.read_again(&repository.tree)? {
            self.reread(&project)?;
        }
        let projects = reindex::projects(&repository.name, &repository.tree, &repository.names);
        let (mut kept, mut files) = (0, 0);
        for project in projects.map_err(|error| OpenError::Store(error.to_string()))? {
            let in_tree = reindex::read_project(&repository.tree, &project)?;
            let known = repository.packages.releases(&repository.name, &project);
            // A row that cannot be read is one more reason to write it again.
            if !known.is_ok_and(|known| reindex::are_alike(&known, &in_tree)) {
                self.reread(&project)?;
            }
            kept += usize::from(!in_tree.is_empty());
            files += in_tree.iter().map(|release| release.files.len()).sum::<usize>();
        }
        Ok((kept, files))
    }

    /// Reads one project again from the tree, in turn with all other changes.
    pub(crate) fn reread(&self, project: &ProjectName) -> Result<(), OpenError> {
        let repository = &self.hosted.repository;
        let change = Change::Reindex { repository: repository.name.clone(), project: project.clone() };
        Ok(reindex::reread(repository, project, change, SERVER)?)
    }
}

/// Every route of a server that has all there is to have, each with what it needs. What they are told is in the
/// documentation; a test walks all of them.
pub fn routes() -> Vec<Route> {
    let repository = python::doors(&RepositoryName::default_hosted()).into_routes();
    let views = ["/pypi", ""].map(|mount| view::doors(mount).into_routes()).concat();
    let own = [numbers::doors().into_routes(), health::doors().into_routes()].concat();
    let (accounts, jobs) = (accounts::doors().into_routes(), oidc::doors().into_routes());
    let told = [why::doors().into_routes(), statistics::doors().into_routes()].concat();
    [repository, views, told, accounts, jobs, own].concat()
}

/// From where `X-Forwarded-For` is believed.
fn trusted_proxies(config: &Config) -> Vec<Network> {
    match &config.transport {
        Transport::Proxy { trusted } => trusted.clone(),
        Transport::Plain | Transport::Tls(_) => Vec::new(),
    }
}
