//! What is served beside the hosted repository: other indexes and groups, put together from the configuration.

use std::{collections::HashMap, env, fs, io, path::PathBuf, sync::Arc};

use depot_index::{ClientOptions, Netrc};
use depot_proto::RepositoryName;
use depot_tree::Tree;

use super::OpenError;
use crate::{
    auth::oidc::Oidc,
    config::{Config, KindConfig, ProxyConfig, RepositoryConfig},
    descriptors::Shares,
    python::{
        directory::{Directory, DirectoryError},
        http::RepositoryState,
        policy::{PolicyFile, PolicyFileError},
        proxy::{Proxy, ProxySettings},
        view::{
            View,
            member::{Hosted, Member, Source},
            ownership::{Ownership, Reserved},
            remembering,
        },
    },
    service::{alarms::Alarms, tokens::Tokens},
};

/// The name of the group that is mounted at the root.
const ROOT: &str = "all";

/// What was opened.
pub(super) struct Opened {
    /// What is served beside the hosted repository.
    pub(super) views: Vec<Arc<View>>,
    /// The hosted one as a reader sees it, if it answers.
    pub(super) hosted_alone: Option<Arc<View>>,
    /// These, and that one.
    pub(super) explained: Arc<[Arc<View>]>,
    /// The other indexes.
    pub(super) proxies: Vec<Arc<Proxy>>,
    /// The policies that are followed, by the repositories that name them.
    pub(super) policies: Vec<(RepositoryName, Arc<PolicyFile>)>,
    /// What they sound.
    pub(super) alarms: Arc<Alarms>,
}

/// Opens the repositories beside the hosted one, and puts groups together. Nothing is asked of anybody.
pub(super) fn open(
    config: &Config,
    hosted: &Arc<RepositoryState>,
    tokens: &Arc<Tokens>,
    jobs: Option<&Arc<Oidc>>,
) -> Result<Opened, OpenError> {
    // Of the hosted repository whether it answers or not: what it owns is asked for nowhere else.
    let reserved =
        Reserved { patterns: config.reserved.clone(), tokens: Arc::clone(tokens), jobs: jobs.cloned() };
    let alarms = Arc::default();
    let ownership = Ownership::new(Arc::clone(&hosted.repository), reserved, Arc::clone(&alarms));
    let ownership = Arc::new(ownership);
    let mut members: HashMap<RepositoryName, Member> = HashMap::new();
    if hosted.enabled {
        let name = hosted.repository.name.clone();
        let repository = Arc::clone(&hosted.repository);
        let source = Source::Hosted(Arc::new(Hosted { repository, files: Arc::clone(&hosted.files) }));
        let policy = policy(&name, config.python_policy.as_ref())?;
        members.insert(name.clone(), Member { name, source, priority: None, policy });
    }
    let enabled = || config.repositories.iter().filter(|repository| repository.enabled);
    for repository in enabled() {
        if let Some(member) = member(config, repository, &alarms)? {
            members.insert(repository.name.clone(), member);
        }
    }
    let (mut views, merged) = (Vec::new(), remembering());
    for repository in enabled() {
        let RepositoryConfig { name, kind, .. } = repository;
        let (of, own_policy) = match kind {
            KindConfig::Group(group) => {
                let of = group.members.iter().filter_map(|(name, priority)| {
                    Some(Member { priority: Some(*priority), ..members.get(name)?.clone() })
                });
                (of.collect(), policy(name, repository.policy.as_ref())?)
            }
            // A repository's own policy is followed wherever it is read.
            _ => (members.get(name).cloned().into_iter().collect(), None),
        };
        let mount = if name.as_str() == ROOT { String::new() } else { format!("/{name}") };
        let pages = Arc::clone(&hosted.pages);
        let ownership = Arc::clone(&ownership);
        let (name, merged) = (name.clone(), merged.clone());
        let mut view = View::new(name, mount, of, pages, ownership, config.anonymous_read, merged);
        view.downloads.clone_from(&hosted.downloads);
        view.statistics.clone_from(&hosted.statistics);
        view.list_upstream = matches!(kind, KindConfig::Group(group) if group.list_upstream);
        views.push(Arc::new(view.following(own_policy)));
    }
    let hosted_alone = members.get(&hosted.repository.name).cloned().map(|member| {
        let name = member.name.clone();
        let mount = format!("/{name}");
        let pages = Arc::clone(&hosted.pages);
        let mut view = View::new(name, mount, vec![member], pages, ownership, config.anonymous_read, merged);
        view.downloads.clone_from(&hosted.downloads);
        view.statistics.clone_from(&hosted.statistics);
        Arc::new(view)
    });
    let explained = views.iter().cloned().chain(hosted_alone.clone()).collect();
    let proxy = |member: &Member| match &member.source {
        Source::Proxy(proxy) => Some(Arc::clone(proxy)),
        Source::Hosted(_) | Source::Directory(_) => None,
    };
    let mut proxies: Vec<_> = members.values().filter_map(proxy).collect();
    proxies.sort_by(|one, two| one.name().cmp(two.name()));
    let followed = |name: &RepositoryName, policy: &Option<Arc<PolicyFile>>| {
        policy.as_ref().map(|policy| (name.clone(), Arc::clone(policy)))
    };
    let of_members = members.values().filter_map(|member| followed(&member.name, &member.policy));
    let of_views = views.iter().filter_map(|view| followed(&view.name, &view.policy));
    let mut policies: Vec<_> = of_members.chain(of_views).collect();
    policies.sort_by(|(one, _), (two, _)| one.cmp(two));
    Ok(Opened { views, hosted_alone, explained, proxies, policies, alarms })
}

/// What each proxy may take of the process's file descriptors: files that are held open, and questions at the same time.
fn shares(config: &Config) -> (u64, usize) {
    let is_proxy = |repository: &&RepositoryConfig| matches!(repository.kind, KindConfig::Proxy(_));
    let proxies = config.repositories.iter().filter(|it| it.enabled).filter(is_proxy).count().max(1);
    let shares = Shares::now();
    ((shares.pulled_files / proxies as u64).max(2), (shares.questions / proxies).max(1))
}

fn member(
    config: &Config,
    repository: &RepositoryConfig,
    alarms: &Arc<Alarms>,
) -> Result<Option<Member>, OpenError> {
    let name = repository.name.clone();
    let source = match &repository.kind {
        KindConfig::Group(_) => return Ok(None),
        KindConfig::Proxy(proxy) => Source::Proxy(open_proxy(config, &name, proxy, alarms)?),
        KindConfig::Directory(path) => {
            let failed = |error: DirectoryError| OpenError::Repository(name.clone(), error.to_string());
            Source::Directory(Arc::new(Directory::open(path).map_err(failed)?))
        }
    };
    let policy = policy(&name, repository.policy.as_ref())?;
    Ok(Some(Member { name, source, priority: None, policy }))
}

fn open_proxy(
    config: &Config,
    name: &RepositoryName,
    proxy: &ProxyConfig,
    alarms: &Arc<Alarms>,
) -> Result<Arc<Proxy>, OpenError> {
    let failed = |error: &dyn std::error::Error| OpenError::Repository(name.clone(), error.to_string());
    let (tree, _) = Tree::open(config.repository(name.as_str()))?;
    let (open_files, questions) = shares(config);
    let plain = ProxySettings::new(proxy.upstream.clone());
    let settings = ProxySettings {
        pages_ttl: proxy.page_ttl,
        root_ttl: proxy.root_ttl,
        missing_ttl: proxy.missing_ttl,
        files: proxy.files,
        max_size: proxy.max_size,
        offline: config.offline,
        allow_http: proxy.allow_http,
        allow_private: proxy.allow_private,
        alarms: Arc::clone(alarms),
        open_files: plain.open_files.min(open_files),
        max_requests: plain.max_requests.min(questions),
        ..plain
    }
    .waiting_for(proxy.timeout);
    let netrc = netrc(proxy).map_err(|error| failed(&error))?;
    let options = ClientOptions { netrc, read_timeout: proxy.timeout, ..ClientOptions::default() };
    let connect_timeout = options.connect_timeout.min(proxy.timeout);
    let options = ClientOptions { connect_timeout, ..options };
    Proxy::open(name.clone(), settings, Arc::new(tree), options).map_err(|error| failed(&error))
}

/// The credentials of the file that is configured, or of the one that every other client of this user reads.
fn netrc(proxy: &ProxyConfig) -> io::Result<Netrc> {
    let (path, must_be) = match (&proxy.netrc, env::var_os("NETRC").filter(|path| !path.is_empty())) {
        (Some(path), _) => (path.clone(), true),
        (None, Some(path)) => (path.into(), false),
        (None, None) => match dirs::home_dir() {
            Some(home) => (home.join(".netrc"), false),
            None => return Ok(Netrc::default()),
        },
    };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Netrc::parse(&text)),
        Err(_) if !must_be => Ok(Netrc::default()),
        Err(source) => {
            Err(io::Error::new(source.kind(), format!("cannot read `{}`: {source}", path.display())))
        }
    }
}

fn policy(name: &RepositoryName, path: Option<&PathBuf>) -> Result<Option<Arc<PolicyFile>>, OpenError> {
    let failed = |error: PolicyFileError| OpenError::Repository(name.clone(), error.to_string());
    let file = path.cloned().map(PolicyFile::open).transpose();
    Ok(file.map_err(failed)?.map(Arc::new))
}
