//! A project's page as it was read upstream, and as it is shown here.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use depot_index::{FetchedPage, Validators};
use depot_proto::{
    DistributionFilename, DistributionKind, ProjectName, Timestamp,
    layout::{Part, href_from_page},
    media_type::PageFormat,
    simple::{MetadataMark, PageFile, ProjectPage},
};
use tokio::time::Instant;

use super::known::{Known, KnownFiles};
use crate::{clock, python::footprint::of_page};

/// A page that is kept.
pub(super) struct Entry {
    /// As upstream says it; addresses are absolute.
    pub(super) upstream: Arc<ProjectPage>,
    /// As it is shown here.
    pub(super) shown: Arc<ProjectPage>,
    /// Which showing of the project this is.
    pub(super) version: u64,
    /// What to ask with whether it still holds.
    pub(super) validators: Validators,
    /// When upstream last said that this is the page, in microseconds since 1970.
    checked: AtomicI64,
    /// Until when nothing is asked again because the last question failed. By a clock that nobody sets: one that was set
    /// back would keep the page old for as long.
    spared: Mutex<Option<Instant>>,
}

impl Entry {
    pub(super) fn new(
        upstream: Arc<ProjectPage>,
        shown: Arc<ProjectPage>,
        version: u64,
        validators: Validators,
        checked: Timestamp,
    ) -> Self {
        let (checked, spared) = (AtomicI64::new(checked.micros()), Mutex::new(None));
        Self { upstream, shown, version, validators, checked, spared }
    }

    /// The same page, shown in another way.
    pub(super) fn shown_as(&self, shown: ProjectPage, version: u64) -> Self {
        Self {
            upstream: Arc::clone(&self.upstream),
            shown: Arc::new(shown),
            version,
            validators: self.validators.clone(),
            checked: AtomicI64::new(self.checked.load(Ordering::Relaxed)),
            spared: Mutex::new(*self.spared()),
        }
    }

    /// Whether it was confirmed less than this ago. A page from the future was not: a clock was wrong.
    pub(super) fn is_fresh(&self, ttl: Duration) -> bool {
        self.is_fresh_at(clock::now(), ttl)
    }

    /// The same, at another time than now.
    pub(super) fn is_fresh_at(&self, now: Timestamp, ttl: Duration) -> bool {
        let age = now.micros().saturating_sub(self.checked.load(Ordering::Relaxed));
        u64::try_from(age).is_ok_and(|age| u128::from(age) < ttl.as_micros())
    }

    /// Upstream said that it still holds.
    pub(super) fn confirm(&self) {
        self.checked.store(clock::now().micros(), Ordering::Relaxed);
        *self.spared() = None;
    }

    /// Asking again failed: nobody else tries for this long.
    pub(super) fn spare_for(&self, wait: Duration) {
        *self.spared() = Some(Instant::now() + wait);
    }

    pub(super) fn is_spared(&self) -> bool {
        self.spared().is_some_and(|until| Instant::now() < until)
    }

    fn spared(&self) -> MutexGuard<'_, Option<Instant>> {
        self.spared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The memory that it takes, roughly.
    pub(super) fn weight(&self) -> u32 {
        let pages = of_page(&self.upstream) + of_page(&self.shown);
        u32::try_from(size_of::<Self>() + pages).unwrap_or(u32::MAX)
    }
}

/// Whether a page can be that of the project; if not, why.
///
/// A network that wants a login answers everything with a page of its own: it must not take the place of a good one. A page
/// without files is believed if its form says that it is of a package index.
pub(super) fn doubt(fetched: &FetchedPage) -> Option<&'static str> {
    let page = &fetched.page;
    let is_file = |file: &PageFile| DistributionFilename::parse(&file.filename, &page.project).is_ok();
    if !page.status.offers_files() || page.files.iter().any(is_file) {
        return None;
    }
    if fetched.format == PageFormat::Html {
        return Some("it is a web page that names no file of the project");
    }
    if page.files.is_empty() && !page.skipped.is_empty() {
        return Some("none of the files that it names can be used");
    }
    let is_other = !page.files.is_empty() && page.files.iter().all(|file| is_of_another(file, &page.project));
    is_other.then_some("it is the page of another project")
}

fn is_of_another(file: &PageFile, project: &ProjectName) -> bool {
    DistributionFilename::guess(&file.filename).is_ok_and(|name| name.project() != project)
}

/// The page of upstream as it is shown here, with what is known here of its files, and with the version of each of them.
pub(super) fn show(upstream: &ProjectPage, known: &KnownFiles) -> ProjectPage {
    let project = &upstream.project;
    let mut shown = ProjectPage { files: Vec::new(), skipped: Vec::new(), ..clone_head(upstream) };
    if !upstream.status.offers_files() {
        return shown;
    }
    let (mut names, mut versions) = (HashSet::new(), Vec::with_capacity(upstream.files.len()));
    for file in &upstream.files {
        let Ok(filename) = DistributionFilename::parse(&file.filename, project) else { continue };
        if names.insert(file.filename.as_str()) {
            shown.files.push(show_file(file, &filename, known.get(&file.filename)));
            versions.push(filename.version().clone());
        }
    }
    shown.add_versions(versions);
    shown
}

fn clone_head(page: &ProjectPage) -> ProjectPage {
    ProjectPage {
        project: page.project.clone(),
        status: page.status,
        status_reason: page.status_reason.clone(),
        versions: page.versions.clone(),
        files: Vec::new(),
        // It is the other index's number, and says nothing of what is shown here.
        last_serial: None,
        skipped: Vec::new(),
    }
}

fn show_file(file: &PageFile, filename: &DistributionFilename, known: Option<&Known>) -> PageFile {
    let url = href_from_page(filename.project(), filename.as_str());
    let record = known.and_then(|known| known.record.as_ref());
    let mut shown = PageFile { core_metadata: mark(file, filename, known), ..file.clone() };
    if let Some(record) = record {
        // The bytes that were kept first are the file, whatever is said of it later.
        shown.hashes.insert("sha256".to_owned(), record.sha256.to_string());
        shown.size = Some(record.size);
        shown.upload_time = shown.upload_time.or(record.facts.upload_time);
        shown.requires_python = shown.requires_python.or_else(|| record.facts.requires_python.clone());
    }
    shown.provenance = file.provenance.as_ref().map(|_| format!("{url}{}", Part::Provenance.suffix()));
    shown.url = url;
    shown
}

/// Metadata is told of every wheel, unless it is known that there is none to be had; of others as upstream says.
fn mark(file: &PageFile, filename: &DistributionFilename, known: Option<&Known>) -> MetadataMark {
    let is_wheel = filename.kind() == DistributionKind::Wheel;
    match known {
        Some(Known { metadata: Some(known), .. }) => *known,
        _ if is_wheel && file.core_metadata == MetadataMark::Absent => MetadataMark::Present,
        _ => file.core_metadata,
    }
}
