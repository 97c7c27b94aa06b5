//! The pages of a proxy: at hand in memory, kept on disk, asked for again when they are old.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use depot_index::{Answer, FetchedPage, Validators};
use depot_proto::{ProjectName, Timestamp, simple::ProjectPage};
use moka::sync::Cache;
use tokio::time::Instant;

use super::{
    Proxy,
    error::{ProxyError, ProxyOpenError},
    flights::Flights,
    known,
    page::{Entry, doubt, show},
    stored::{PageFolder, StoredPage},
    upstream::Kind,
};
use crate::{
    clock,
    python::listing::{CacheState, Listing},
};

/// Projects that upstream was found not to have; more push out the oldest.
const MAX_MISSING: u64 = 100_000;

/// How long it is remembered of a project that nothing of it was found on disk: what is brought there by hand is noticed.
const LOST: Duration = Duration::from_secs(1);

/// How long an old page is shown without another question, when one failed.
const SPARED: Duration = Duration::from_secs(5);

/// The locks that all projects share: what is read for one holds up few others.
const STRIPES: usize = 128;

/// What came of asking upstream for a page.
type Refreshed = Result<Option<(Arc<Entry>, CacheState)>, ProxyError>;

/// The pages of one proxy.
pub(super) struct Pages {
    memory: Cache<ProjectName, Arc<Entry>>,
    missing: Cache<ProjectName, Instant>,
    /// Projects of which nothing was found on disk, and when that was.
    lost: Cache<ProjectName, Instant>,
    pub(super) folder: PageFolder,
    questions: Flights<ProjectName, Refreshed>,
    versions: AtomicU64,
    /// Held while the showing of a project is read or made and takes its place, so that an older one never follows a newer.
    showing: [Mutex<()>; STRIPES],
}

impl Pages {
    pub(super) fn open(path: PathBuf, memory: u64) -> Result<Self, ProxyOpenError> {
        let shown = path.display().to_string();
        let folder =
            PageFolder::open(path).map_err(|source| ProxyOpenError::Pages { path: shown, source })?;
        let weight = |_: &ProjectName, entry: &Arc<Entry>| entry.weight();
        Ok(Self {
            memory: Cache::builder().max_capacity(memory).weigher(weight).build(),
            missing: Cache::new(MAX_MISSING),
            lost: Cache::new(MAX_MISSING),
            folder,
            questions: Flights::default(),
            versions: AtomicU64::new(1),
            showing: [const { Mutex::new(()) }; STRIPES],
        })
    }

    fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed)
    }

    fn showing(&self, project: &ProjectName) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        project.hash(&mut hasher);
        let stripe = hasher.finish() as usize % self.showing.len();
        self.showing[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether upstream said a moment ago that it does not have the project.
    pub(super) fn is_missing(&self, project: &ProjectName, ttl: Duration) -> bool {
        self.missing.get(project).is_some_and(|since| since.elapsed() < ttl)
    }

    /// Whether nothing of a project was found on disk a moment ago.
    pub(super) fn is_known_lost(&self, project: &ProjectName) -> bool {
        self.lost.get(project).is_some_and(|since| since.elapsed() < LOST)
    }
}

/// When a page was asked for of which that is not known.
fn long_ago() -> Option<Timestamp> {
    Timestamp::from_seconds(0)
}

impl Proxy {
    /// A project as it is shown here; none if upstream does not have it.
    pub(crate) async fn listing(
        self: &Arc<Self>,
        project: &ProjectName,
    ) -> Result<Option<Listing>, ProxyError> {
        let found = self.entry(project).await?;
        Ok(found.map(|(entry, state)| self.listed(&entry, state)))
    }

    fn listed(&self, entry: &Entry, cache: CacheState) -> Listing {
        self.count_answer(cache);
        Listing { page: Arc::clone(&entry.shown), version: entry.version, cache }
    }

    /// What is kept of a project, if it is in memory.
    pub(super) fn in_memory(&self, project: &ProjectName) -> Option<Arc<Entry>> {
        self.pages.memory.get(project)
    }

    /// The page of a project, as new as it may be wished for.
    pub(super) async fn entry(
        self: &Arc<Self>,
        project: &ProjectName,
    ) -> Result<Option<(Arc<Entry>, CacheState)>, ProxyError> {
        let kept = self.kept_entry(project).await?;
        if let Some(entry) = &kept {
            if entry.is_fresh(self.settings.pages_ttl) {
                return Ok(Some((Arc::clone(entry), CacheState::Hit)));
            }
            if self.settings.offline || entry.is_spared() {
                return Ok(Some((Arc::clone(entry), CacheState::Stale)));
            }
        }
        if self.pages.is_missing(project, self.settings.missing_ttl) {
            return Ok(None);
        }
        self.renewed(project, kept).await
    }

    /// The page of a project after upstream was asked; what is kept if that fails, or takes too long.
    pub(super) async fn renewed(
        self: &Arc<Self>,
        project: &ProjectName,
        kept: Option<Arc<Entry>>,
    ) -> Refreshed {
        let (this, name, known) = (Arc::clone(self), project.clone(), kept.clone());
        let question = self.pages.questions.join(project, || this.refresh(name, known));
        let Some(kept) = kept else {
            return question.ended().await.unwrap_or_else(|| Err(ProxyError::broken_off(project.as_str())));
        };
        let answer = match tokio::time::timeout(self.settings.patience, question.ended()).await {
            Ok(answer) => answer.unwrap_or_else(|| Err(ProxyError::broken_off(project.as_str()))),
            // It goes on, for those who come later.
            Err(_) => return Ok(Some((self.current(project, kept), CacheState::Stale))),
        };
        answer.or_else(|error| {
            tracing::debug!(%project, %error, "an old page is shown");
            Ok(Some((self.current(project, kept), CacheState::Stale)))
        })
    }

    /// The same page as it is shown now: something may have been learnt meanwhile of its files.
    fn current(&self, project: &ProjectName, entry: Arc<Entry>) -> Arc<Entry> {
        let same = |other: &Arc<Entry>| Arc::ptr_eq(&other.upstream, &entry.upstream);
        self.in_memory(project).filter(same).unwrap_or(entry)
    }

    /// What is kept of a project, in memory or on disk, whatever its age.
    pub(super) async fn kept_entry(
        self: &Arc<Self>,
        project: &ProjectName,
    ) -> Result<Option<Arc<Entry>>, ProxyError> {
        if let Some(entry) = self.pages.memory.get(project) {
            return Ok(Some(entry));
        }
        if self.pages.is_known_lost(project) {
            return Ok(None);
        }
        let (this, name) = (Arc::clone(self), project.clone());
        let loaded = tokio::task::spawn_blocking(move || {
            // One that came meanwhile is newer than what is on disk was.
            let _alone = this.pages.showing(&name);
            if let Some(entry) = this.pages.memory.get(&name) {
                return Some(entry);
            }
            if this.pages.is_known_lost(&name) {
                return None;
            }
            let loaded = this.load(&name);
            match &loaded {
                Some(entry) => {
                    this.pages.memory.insert(name, Arc::clone(entry));
                    this.kept.hold_to(&entry.shown);
                }
                None => this.pages.lost.insert(name, Instant::now()),
            }
            loaded
        });
        loaded.await.map_err(|_| ProxyError::broken_off(project.as_str()))
    }

    /// The page of a project from disk. May block.
    pub(super) fn load(&self, project: &ProjectName) -> Option<Arc<Entry>> {
        let stored = self.pages.folder.read(project).map(StoredPage::into_parts);
        // The page may be lost, or never have been: a tree can be brought from elsewhere.
        let recollected = || Some((self.recollect(project)?, Validators::default(), long_ago()?));
        let (upstream, validators, fetched) = stored.or_else(recollected)?;
        let upstream = Arc::new(upstream);
        let shown = Arc::new(show(&upstream, &self.known(&upstream)));
        Some(Arc::new(Entry::new(upstream, shown, self.pages.next_version(), validators, fetched)))
    }

    fn recollect(&self, project: &ProjectName) -> Option<ProjectPage> {
        let mut page = known::recollect(&self.tree, project)?;
        if let Some((status, reason)) = self.pages.folder.left(project) {
            (page.status, page.status_reason) = (status, reason);
        }
        Some(page)
    }

    fn known(&self, upstream: &ProjectPage) -> known::KnownFiles {
        let alarm = |filename: &str, kept, listed| {
            self.settings.alarms.changed_bytes(&self.name, filename, (kept, listed));
        };
        known::look(&self.tree, self.pages.folder.path(), upstream, self.upstream.address(), &alarm)
    }

    /// Asks upstream for the page. Whoever asked may have left.
    async fn refresh(self: Arc<Self>, project: ProjectName, known: Option<Arc<Entry>>) -> Refreshed {
        // Another question may have ended between the look of who asks and the beginning of this.
        let is_known = |entry: &Arc<Entry>| {
            known.as_ref().is_some_and(|known| Arc::ptr_eq(&known.upstream, &entry.upstream))
        };
        match self.in_memory(&project) {
            Some(entry) if entry.is_fresh(self.settings.pages_ttl) && !is_known(&entry) => {
                return Ok(Some((entry, CacheState::Hit)));
            }
            None if known.is_none() && self.pages.is_missing(&project, self.settings.missing_ttl) => {
                return Ok(None);
            }
            _ => {}
        }
        let answer = self.ask_page(&project, known.as_deref()).await;
        if let (Err(error), Some(known)) = (&answer, &known) {
            tracing::warn!(%project, %error, "a page could not be renewed, and the old one is shown");
            known.spare_for(SPARED);
        }
        match (answer?, known) {
            (Some(Answer::Fresh), Some(known)) => {
                let entry = self.current(&project, known);
                entry.confirm();
                Ok(Some((entry, CacheState::Revalidated)))
            }
            (Some(Answer::Fresh), None) => {
                let reason = "it says that a page still holds which is not known here".to_owned();
                Err(ProxyError::Damaged { what: project.to_string(), reason })
            }
            (Some(Answer::Page(fetched)), known) => {
                let this = Arc::clone(&self);
                let taken = tokio::task::spawn_blocking(move || this.take(*fetched, known.as_deref()));
                let entry = taken.await.map_err(|_| ProxyError::broken_off(project.as_str()))?;
                self.pages.missing.invalidate(&project);
                Ok(Some((entry, CacheState::Miss)))
            }
            (None, known) => {
                self.pages.missing.insert(project.clone(), Instant::now());
                let this = Arc::clone(&self);
                let forgotten = tokio::task::spawn_blocking(move || {
                    let _alone = this.pages.showing(&project);
                    this.pages.folder.forget(&project, known.as_deref().map(|known| &*known.upstream));
                    this.pages.memory.invalidate(&project);
                });
                // It is forgotten in memory and by name before anything can fail.
                let _ = forgotten.await;
                Ok(None)
            }
        }
    }

    async fn ask_page(
        &self,
        project: &ProjectName,
        known: Option<&Entry>,
    ) -> Result<Option<Answer>, ProxyError> {
        let what = project.as_str();
        let validators = known.map(|known| known.validators.clone()).unwrap_or_default();
        let index = &self.upstream.index;
        let question = async |client: depot_index::Client| client.page(index, project, &validators).await;
        let answer =
            self.upstream.ask(Kind::Small, what, Some(self.settings.page_deadline), question).await?;
        if let Some(Answer::Page(fetched)) = &answer
            && let Some(reason) = doubt(fetched)
        {
            return Err(ProxyError::Damaged { what: what.to_owned(), reason: reason.to_owned() });
        }
        Ok(answer)
    }

    /// Keeps a page that came. May block.
    fn take(&self, fetched: FetchedPage, known: Option<&Entry>) -> Arc<Entry> {
        let (validators, now) = (fetched.validators.clone(), clock::now());
        let stored = StoredPage::new(fetched, now);
        if let Err(error) = self.pages.folder.write(&stored) {
            tracing::warn!(%error, "a page cannot be kept on disk");
        }
        let (upstream, ..) = stored.into_parts();
        let project = upstream.project.clone();
        let _alone = self.pages.showing(&project);
        let shown = show(&upstream, &self.known(&upstream));
        // What says the same is the same, so that nobody has to render it again.
        let (shown, version) = match known.filter(|known| *known.shown == shown) {
            Some(known) => (Arc::clone(&known.shown), known.version),
            None => (Arc::new(shown), self.pages.next_version()),
        };
        let entry = Arc::new(Entry::new(Arc::new(upstream), shown, version, validators, now));
        self.pages.lost.invalidate(&project);
        self.pages.memory.insert(project, Arc::clone(&entry));
        self.kept.hold_to(&entry.shown);
        entry
    }

    /// Shows a project anew after something was learnt of a file that upstream does not say. May block.
    pub(super) fn learnt(&self, project: &ProjectName) {
        let _alone = self.pages.showing(project);
        let Some(entry) = self.pages.memory.get(project) else { return };
        let shown = show(&entry.upstream, &self.known(&entry.upstream));
        if shown != *entry.shown {
            let entry = Arc::new(entry.shown_as(shown, self.pages.next_version()));
            self.pages.memory.insert(project.clone(), Arc::clone(&entry));
            self.kept.hold_to(&entry.shown);
            return;
        }
        self.kept.hold_to(&entry.shown);
    }
}
