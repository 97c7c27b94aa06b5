//! Opening a data directory, whatever the last process left there.

use std::{
    collections::BTreeSet,
    fs::{File, TryLockError},
    sync::Arc,
};

use depot_proto::{ProjectName, RepositoryName, Timestamp, scope::Scope};
use depot_tree::{Recovered, Tree};
use tokio::sync::Semaphore;

use super::{
    BOOTSTRAP_DAYS, Depot, OpenError, PUBLISHING, SERVER, format, roles::HostedRoles, trusted_proxies, views,
    watch::Watch,
};
use crate::{
    auth::{
        keys,
        oidc::Oidc,
        policy::Principal,
        token::{NewToken, Signer},
    },
    clock,
    config::Config,
    descriptors::Shares,
    http::authenticate::Authenticator,
    private,
    python::{
        files::Files,
        http::RepositoryState,
        pages::Pages,
        projects::{self, Projects},
        publish::{Policy, Scan},
        reindex::{self, ReindexError},
        repository::Repository,
        root::Roots,
        statistics::Known,
    },
    random,
    service::{
        authority::Authority,
        commit::Committer,
        downloads::Downloads,
        login::Logins,
        names::Names,
        statistics::Statistics,
        subjects::Subjects,
        tokens::{Tokens, TokensError},
        users::{Lost, Users},
    },
    store::{
        self, Counters, Packages, Row, Stores,
        journal::{Journal, OpenedJournal},
        records::{AccountChange, BOOTSTRAP, Change, Entry},
    },
};

/// What the store missed and the journal knows.
#[derive(Default)]
struct Missed {
    projects: BTreeSet<(RepositoryName, ProjectName)>,
    revoked: Vec<(String, Timestamp)>,
    users: Vec<Lost>,
    /// The journal ends before the store does: it must be told, or the next start finds the same.
    lost: bool,
}

pub(super) fn open(config: Config) -> Result<Depot, OpenError> {
    let io = |path: &std::path::Path| {
        let path = path.to_owned();
        move |source| OpenError::Io { path, source }
    };
    format::check(&config.data_dir)?;
    private::create_folder(&config.data_dir).map_err(io(&config.data_dir))?;
    private::refuse_open_folder(&config.data_dir).map_err(io(&config.data_dir))?;
    for folder in config.own_folders() {
        private::create_own_folder(&folder).map_err(io(&folder))?;
    }
    let lock = lock(&config)?;
    // Whoever held the lock until now may have made another directory of it.
    format::check(&config.data_dir)?;
    format::settle(&config.data_dir).map_err(io(&config.data_dir))?;
    let name = RepositoryName::default_hosted();
    let (tree, recovered) = Tree::open(config.repository(name.as_str()))?;
    let tree = Arc::new(tree);
    let OpenedJournal { mut journal, cut } = Journal::open(&config.journal())?;
    if cut > 0 {
        tracing::warn!(
            bytes = cut,
            "the journal ended in an unfinished line, which was never acknowledged; it is cut"
        );
    }
    let names = Arc::new(Names::default());
    let visit = &mut |row: Row| names.note(&row.repository, &row.project, row.serial);
    let Stores { packages, accounts } = store::open(&config.store(), visit)?;
    let missed = catch_up(&journal, &*packages, &names, &name, &tree)?;
    journal.continue_after(packages.applied()?);
    names.note_last(&name, packages.applied()?);
    let committer = Committer::start(journal, Arc::clone(&packages), Arc::clone(&names));
    let committer = Arc::new(committer.map_err(io(&config.data_dir))?);
    if missed.lost {
        let change = Change::Rebuild { repository: name.clone() };
        committer.note(Entry { time: clock::now(), who: SERVER.to_owned(), change })?;
    }
    let users = Arc::new(Users::open(&config.state(), Arc::clone(&accounts))?);
    users.apply_lost(&missed.users)?;
    let tokens = Arc::new(Tokens::open(&config.state(), accounts)?);
    for (id, at) in missed.revoked {
        tokens.apply_revocation(&id, at)?;
    }
    let keys = keys::open(&config.keys())?;
    let instance = instance(&config)?;
    let signer = Signer::new(&instance, &keys);
    let signer = signer.ok_or_else(|| OpenError::Auth("no key can be used for signing".to_owned()))?;
    let limit = config.max_file_size;
    let projects = Projects::read(&tree)?;
    let repository = Repository::new(name, tree, limit, packages, names, Arc::clone(&committer), projects);
    let counters = store::open_counters(&config.counters())?;
    let scan = config.scan.clone().map(|command| Scan { command, timeout: config.scan_timeout });
    let repository = repository.asking(Policy { max_project_size: config.max_project_size, scan });
    let shares = Shares::now();
    let hosted = RepositoryState {
        repository: Arc::new(repository),
        pages: Arc::new(Pages::new(config.page_cache)),
        roots: Roots::default(),
        files: Arc::new(Files::new(shares.open_files)),
        anonymous_read: config.anonymous_read,
        subjects: Subjects { users: Arc::clone(&users), tokens: Arc::clone(&tokens) },
        enabled: config.python_enabled,
        is_ruled: config.python_policy.is_some(),
        downloads: downloads(&config)?,
        statistics: statistics(&config, &counters)?,
        wire: config.wire.clone(),
        receiving: Arc::new(Semaphore::new(shares.uploads)),
        publishing: Arc::new(Semaphore::new(PUBLISHING)),
    };
    let hosted = Arc::new(hosted);
    let roles = Arc::new(HostedRoles(Arc::clone(&hosted)));
    let authority = Authority::new(signer, Arc::clone(&tokens), Arc::clone(&users), roles);
    let logins =
        Logins::new(Arc::clone(&users), Arc::clone(&authority.turns)).map_err(io(&config.data_dir))?;
    let trusted = trusted_proxies(&config);
    let authenticator = Arc::new(Authenticator { authority: Arc::new(authority), logins, trusted });
    let oidc = oidc(&config, &instance)?;
    let opened = views::open(&config, &hosted, &tokens, oidc.as_ref())?;
    let watch = Watch::new(&opened, &config, &committer, oidc.as_ref());
    let views::Opened { views, hosted_alone, explained, .. } = opened;
    let known = Arc::new(Known { counters, views: Arc::clone(&explained) });
    let depot = Depot {
        config,
        ruled: hosted_alone.filter(|_| hosted.is_ruled),
        hosted,
        views,
        explained,
        watch,
        known,
        authenticator,
        committer,
        tokens,
        users,
        instance,
        oidc,
        _lock: lock,
    };
    finish(&depot, &recovered)?;
    bootstrap(&depot)?;
    Ok(depot)
}

/// The record of who fetched which file, where there is one.
fn downloads(config: &Config) -> Result<Option<Arc<Downloads>>, OpenError> {
    let path = config.access();
    let started = config.record_downloads.then(|| Downloads::start(&path).map(Arc::new)).transpose();
    started.map_err(|source| OpenError::Io { path, source })
}

/// What counts downloads, where they are counted.
fn statistics(config: &Config, counters: &Arc<dyn Counters>) -> Result<Option<Arc<Statistics>>, OpenError> {
    let start = || Statistics::start(Arc::clone(counters), config.keep_days).map(Arc::new);
    let started = config.count_downloads.then(start).transpose();
    started.map_err(|source| OpenError::Io { path: config.counters(), source })
}

/// Keeps every other server, and whoever changes the data directory without one, away for as long as the file lives.
pub(crate) fn lock(config: &Config) -> Result<File, OpenError> {
    let path = config.lock();
    let failed = |source| OpenError::Io { path: path.clone(), source };
    let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(config.data_dir.clone())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Brings the store up to the journal's last line: project by project where it lags, and from the whole tree where it is
/// empty or the journal does not say what it missed.
fn catch_up(
    journal: &Journal,
    packages: &dyn Packages,
    names: &Names,
    name: &RepositoryName,
    tree: &Tree,
) -> Result<Missed, OpenError> {
    let (applied, head) = (packages.applied()?, journal.head());
    let mut missed = Missed::default();
    if applied > 0 && applied == head {
        return Ok(missed);
    }
    // A journal that ends before the store does has lost lines, and nobody knows how many.
    let lost = applied > head;
    missed.lost = lost;
    let mut unknown = false;
    let broken = journal.replay(if lost { 0 } else { applied }, &mut |_, entry| {
        if let Some((repository, project)) = entry.change.project() {
            missed.projects.insert((repository.clone(), project.clone()));
        }
        unknown |= matches!(entry.change, Change::Rebuild { .. } | Change::Unknown);
        note_lost(entry, &mut missed);
    })?;
    if broken > 0 {
        tracing::error!(places = broken, "the journal is damaged; the tree says what it cannot");
    }
    // What is read from the tree may be news, so it gets a number that nobody has seen.
    let serial = if lost { applied + 1 } else { head.max(1) };
    let mut is_empty = head == 0;
    if applied == 0 || lost || broken > 0 || unknown {
        let (projects, files) =
            reindex::rebuild(name, tree, packages, names, serial).map_err(reindex_error)?;
        if files > 0 {
            tracing::warn!(projects, files, "the store has been built from the tree");
            is_empty = false;
            missed.lost |= serial > head;
            // A large one takes minutes to build: whoever kills the server now should not have to wait again.
            packages.set_applied(serial)?;
            packages.flush()?;
        }
    } else {
        let behind = head - applied;
        tracing::warn!(behind, projects = missed.projects.len(), "the store lags and is caught up");
        for (repository, project) in missed.projects.iter().filter(|(repository, _)| repository == name) {
            let releases = reindex::read_project(tree, project)?;
            packages.replace_project(repository, project, &releases, serial)?;
            names.set(repository, project, serial, !releases.is_empty());
        }
    }
    // An empty server has nothing to be ahead of.
    if !is_empty {
        packages.set_applied(serial)?;
    }
    Ok(missed)
}

/// What must not come back because a store or a twin forgot it.
fn note_lost(entry: Entry, missed: &mut Missed) {
    match entry.change {
        Change::TokenRevoke { id } => missed.revoked.push((id, entry.time)),
        Change::UserDelete { name } => missed.users.push(Lost::Deleted(name, entry.time)),
        Change::UserChange { name, change: AccountChange::Disabled } => {
            missed.users.push(Lost::Disabled(name));
        }
        Change::UserChange { name, change: AccountChange::Enabled } => missed.users.push(Lost::Enabled(name)),
        _ => {}
    }
}

fn reindex_error(error: ReindexError) -> OpenError {
    match error {
        ReindexError::Tree(error) => error.into(),
        ReindexError::Store(error) => error.into(),
        ReindexError::EmptyTree { .. } => OpenError::Store(error.to_string()),
    }
}

/// Commits what a crash left between the tree and the journal.
fn finish(depot: &Depot, recovered: &Recovered) -> Result<(), OpenError> {
    if recovered.swept > 0 {
        tracing::info!(files = recovered.swept, "left-overs of unfinished uploads were removed");
    }
    let projects: BTreeSet<&ProjectName> = recovered.published.iter().map(|(project, _)| project).collect();
    for project in projects {
        depot.reread(project)?;
        tracing::info!(%project, "an upload that a crash had cut off was finished");
    }
    for project in &recovered.projects {
        depot.reread(project)?;
        tracing::info!(%project, "a change of a project that a crash had cut off was finished");
    }
    projects::finish_deletions(&depot.hosted.repository)?;
    Ok(depot.hosted.repository.tree.settle(recovered)?)
}

/// Whom the server trusts among CI jobs, if any.
fn oidc(config: &Config, instance: &str) -> Result<Option<Arc<Oidc>>, OpenError> {
    let Some(path) = &config.publishers else { return Ok(None) };
    let audience = config.audience.clone().unwrap_or_else(|| own_audience(instance));
    Ok(Some(Arc::new(Oidc::open(path, audience, config.offline)?)))
}

/// The audience of a server that was given none: no other server has it. The variables that GitLab puts tokens into are
/// named after it, so it is a word.
fn own_audience(instance: &str) -> String {
    let id = instance.trim_start_matches("depot:");
    format!("depot-{}", &id[..id.len().min(8)])
}

/// The id of this server, which is issuer and audience of its tokens.
fn instance(config: &Config) -> Result<String, OpenError> {
    let path = config.instance();
    let failed = |source| OpenError::Io { path: path.clone(), source };
    match std::fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => Ok(id.trim().to_owned()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
        _ => {
            let id = format!("depot:{}", random::id().map_err(failed)?);
            private::write(&path, id.as_bytes()).map_err(failed)?;
            Ok(id)
        }
    }
}

/// Sees to it that `admin.token` holds a token that works.
pub(crate) fn bootstrap(depot: &Depot) -> Result<(), OpenError> {
    let (path, authority) = (depot.config.admin_token(), &depot.authenticator.authority);
    let now = clock::now();
    if let Ok(text) = private::read(&path)
        && let Ok(Principal::Token(token, None)) = authority.bearer(text.trim())
        && (token.expires.seconds() - now.seconds()) * 2 > i64::from(BOOTSTRAP_DAYS) * 24 * 60 * 60
    {
        return Ok(());
    }
    let new = NewToken {
        subject: BOOTSTRAP.1.to_owned(),
        name: BOOTSTRAP.0.to_owned(),
        scopes: vec![Scope::admin()],
        days: BOOTSTRAP_DAYS,
        account: false,
    };
    let failed = |source| OpenError::Io { path: path.clone(), source };
    let token = new.record(now).map_err(failed)?;
    let text = authority.sign(&token).map_err(|error| OpenError::Auth(error.to_string()))?;
    let earlier: Vec<_> = depot
        .tokens
        .list()
        .into_iter()
        .filter(|token| token.is_bootstrap() && token.revoked.is_none())
        .collect();
    depot.tokens.create(token, SERVER, &depot.committer)?;
    private::write(&path, format!("{}\n", text.expose()).as_bytes()).map_err(failed)?;
    // Only the newest one is on disk; the others serve nobody who should have them.
    for token in earlier {
        match depot.tokens.revoke(&token.id, SERVER, &depot.committer) {
            Ok(()) | Err(TokensError::Unknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
