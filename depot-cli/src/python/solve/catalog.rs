//! What the supply said, asked for once and shared by all targets, and what a problem makes of it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use depot_proto::{ProjectName, Target};

use super::{
    BuildSystem, Known, NoListing, NoMetadata, Offer, Problem, Supply,
    candidates::{Candidates, Releases},
    memo::Memo,
};

/// A file: its project and its name.
type File = (ProjectName, String);

/// Remembers what a supply said.
pub(super) struct Catalog {
    supply: Arc<dyn Supply>,
    targets: Vec<Target>,
    keep_all: bool,
    pages: Memo<ProjectName, Result<Arc<Releases>, NoListing>>,
    known: Memo<File, Result<Arc<Known>, NoMetadata>>,
    build_systems: Memo<File, Result<Arc<BuildSystem>, NoMetadata>>,
    /// What a person should know of projects, whatever the target.
    warnings: Mutex<BTreeSet<String>>,
}

fn key(offer: &Offer) -> File {
    (offer.filename.project().clone(), offer.filename.to_string())
}

impl Catalog {
    /// One for these targets; `keep_all` keeps files in mind that none of them can use.
    pub(super) fn new(supply: Arc<dyn Supply>, targets: Vec<Target>, keep_all: bool) -> Self {
        Self {
            supply,
            targets,
            keep_all,
            pages: Memo::default(),
            known: Memo::default(),
            build_systems: Memo::default(),
            warnings: Mutex::default(),
        }
    }

    pub(super) fn targets(&self) -> &[Target] {
        &self.targets
    }

    async fn releases(&self, project: &ProjectName) -> Result<Arc<Releases>, NoListing> {
        let ask = async {
            let listing = self.supply.listing(project).await?;
            Ok(Arc::new(Releases::of(listing, &self.targets, self.keep_all)))
        };
        self.pages.get(project.clone(), ask).await
    }

    pub(super) async fn known(&self, offer: &Offer) -> Result<Arc<Known>, NoMetadata> {
        let ask = async { self.supply.known(offer).await.map(Arc::new) };
        self.known.get(key(offer), ask).await
    }

    pub(super) async fn build_system(&self, offer: &Offer) -> Result<Arc<BuildSystem>, NoMetadata> {
        let ask = async { self.supply.build_system(offer).await.map(Arc::new) };
        self.build_systems.get(key(offer), ask).await
    }

    /// What is known of a file, if that is at hand.
    pub(super) fn known_already(&self, offer: &Offer) -> Option<Result<Arc<Known>, NoMetadata>> {
        self.known.ready(key(offer))
    }

    pub(super) fn warn(&self, warning: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).insert(warning);
    }

    /// What was warned of since this was asked last.
    pub(super) fn take_warnings(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The candidates for one problem.
pub(super) struct View {
    pub(super) catalog: Arc<Catalog>,
    pub(super) problem: Arc<Problem>,
    candidates: Memo<(ProjectName, usize), Result<Arc<Candidates>, NoListing>>,
}

impl View {
    pub(super) fn new(catalog: Arc<Catalog>, problem: Arc<Problem>) -> Self {
        Self { catalog, problem, candidates: Memo::default() }
    }

    /// The candidates of a project for a target, by its place among the targets.
    pub(super) async fn candidates(
        &self,
        project: &ProjectName,
        at: usize,
    ) -> Result<Arc<Candidates>, NoListing> {
        let ask = async {
            let releases = self.catalog.releases(project).await?;
            let candidates = Candidates::of(&releases, project, &self.catalog.targets[at], &self.problem);
            if candidates.has_undated {
                self.catalog.warn(format!(
                    "`{project}`: files are left out because the index does not say when they were uploaded, and \
                     --exclude-newer is set"
                ));
            }
            Ok(Arc::new(candidates))
        };
        self.candidates.get((project.clone(), at), ask).await
    }

    /// The same, if they are at hand.
    pub(super) fn candidates_already(
        &self,
        project: &ProjectName,
        at: usize,
    ) -> Option<Result<Arc<Candidates>, NoListing>> {
        self.candidates.ready((project.clone(), at))
    }
}
