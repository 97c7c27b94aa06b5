//! From requirements to versions: which release of which project installs in a target together with all the others.
//!
//! * What is asked is a [`Problem`], who is asked a [`Supply`] (indexes over the network, or a saved tree alone), what
//!   comes out a [`Solution`] for each [`Target`].
//! * `catalog` asks a supply for each thing once, `prefetch` before it is needed; `candidates` says which releases of a
//!   project a target can use, and why not the others.
//! * `provider` is what the solver (crate `pubgrub`, which nothing outside this room names) sees of all that;
//!   `attempt` runs it, leaves out what cannot be had, and runs it again; `report` words why there is no solution.
//! * `many` solves problem after problem of one supply, and `trace` says of each that failed what is missing, and the way to
//!   it.
//! * `build` finds what the sdists that were chosen need to be built.
//!
//! Each target is solved apart, by its own markers and tags. A version that an earlier target chose is preferred, so
//! that targets share what they can.

mod attempt;
mod build;
mod candidates;
mod catalog;
mod formats;
mod known;
mod many;
mod memo;
mod network;
mod offline;
mod prefetch;
mod provider;
mod ranges;
mod report;
mod setuptools;
#[cfg(test)]
mod tests;
mod trace;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use depot_index::IndexUrl;
use depot_proto::{
    DistributionFilename, ProjectName, Requirement, Target, Version,
    simple::{PageFile, ProjectStatus},
};
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

pub(super) use self::offline::solve_offline;
use self::{
    attempt::{Preferred, solve_target},
    catalog::{Catalog, View},
    provider::Scene,
};
pub(super) use self::{
    formats::Formats,
    known::{BuildSystem, Known},
    many::{Answer, solve_many},
    network::NetworkSupply,
    offline::saved_supply,
    trace::{Link, Missing},
};
use super::{
    inputs::Input,
    resolve::{Failed, Wanted},
    visible::Visible,
};

/// Where candidates come from. What it is asked for is asked once: memory is the caller's affair.
pub(super) trait Supply: Send + Sync {
    /// All that is offered of a project.
    fn listing<'a>(&'a self, project: &'a ProjectName) -> BoxFuture<'a, Result<Listing, NoListing>>;

    /// What a file says of itself, read without installing or building anything.
    fn known<'a>(&'a self, offer: &'a Offer) -> BoxFuture<'a, Result<Known, NoMetadata>>;

    /// What an sdist needs to be built.
    fn build_system<'a>(&'a self, offer: &'a Offer) -> BoxFuture<'a, Result<BuildSystem, NoMetadata>>;
}

/// A file that is offered.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) filename: DistributionFilename,
    pub(super) file: PageFile,
    /// The index that offers it.
    pub(super) index: Arc<IndexUrl>,
}

/// What is offered of a project.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// Its files, wheels and sdists; nothing is asked of them but that their names can be read.
    pub(super) offers: Vec<Offer>,
    /// Whether the index withholds it (PEP 792).
    pub(super) quarantined: bool,
    /// The state of life that the index declares for it.
    pub(super) status: ProjectStatus,
    /// The names of files that are saved already, whose versions are preferred where they fit.
    pub(super) saved: HashSet<String>,
}

/// Why there is no listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoListing {
    /// There is no such project; the words say where.
    Absent(String),
    /// Nobody knows: who was asked refused or failed.
    Failed(String),
}

impl NoListing {
    pub(super) fn into_reason(self) -> String {
        match self {
            Self::Absent(reason) | Self::Failed(reason) => reason,
        }
    }
}

/// Why nothing is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoMetadata {
    /// What it says of itself cannot be read: another version may do.
    Bad(String),
    /// It could not be had: another version would be chosen for the wrong reason.
    Failed(String),
}

/// What is to be solved.
#[derive(Clone, Debug, Default)]
pub(super) struct Problem {
    /// What is wanted, each with its place and what it is pinned to. Those that cannot be read are not among them.
    pub(super) requirements: Vec<Input>,
    /// What narrows the versions of what is wanted, by project.
    pub(super) constraints: BTreeMap<ProjectName, Vec<Input>>,
    /// Whether every file must be pinned to a digest.
    pub(super) hashes_required: bool,
    pub(super) choice: Choice,
    /// Which of the files that are offered exist.
    pub(super) visible: Visible,
}

/// What may be chosen, and what is saved of it.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that stands for itself")]
pub(super) struct Choice {
    /// Pre-releases of everything.
    pub(super) pre: bool,
    pub(super) formats: Formats,
    /// Sdists are saved beside wheels.
    pub(super) sdist: bool,
    /// All files of a release are saved.
    pub(super) all_files: bool,
    /// Every version that fits what is asked for is saved, beside the one that goes with the rest.
    pub(super) all_versions: bool,
    /// What is chosen requires nothing, to run or to be built.
    pub(super) no_deps: bool,
}

/// What the problem comes to in one target.
#[derive(Clone, Debug)]
pub(super) struct Solution {
    pub(super) target: Target,
    /// What is installed.
    pub(super) packages: BTreeMap<ProjectName, Package>,
    /// What is needed to build the sdists among them, and each other. Every sdist is built in an environment of its own,
    /// so there may be several versions of a project, and others than are installed.
    pub(super) build: BTreeMap<(ProjectName, Version), Package>,
    /// Files of other versions, where all that fit are wanted.
    pub(super) other_versions: Vec<Wanted>,
    /// What stays at a version that is saved already although a newer one fits: the project, what stays, the newest.
    pub(super) kept: Vec<(ProjectName, Version, Version)>,
    /// The newest version that a policy hides of what would else be newer: the project, that version, why.
    pub(super) hidden: Vec<(ProjectName, Version, String)>,
    /// What was asked for, or needed, and cannot be had.
    pub(super) failed: Vec<Failed>,
    /// What a person should know.
    pub(super) warnings: Vec<String>,
}

impl Solution {
    /// Adds what builds a project, chosen apart, to what runs in the same target.
    pub(super) fn add_build(&mut self, built: Self) {
        self.failed.extend(built.failed);
        self.warnings.extend(built.warnings);
        for (project, mut package) in built.packages {
            package.for_build = true;
            self.build.entry((project, package.version.clone())).or_insert(package);
        }
        for (key, package) in built.build {
            self.build.entry(key).or_insert(package);
        }
    }

    /// Who needs a package that is installed, and who needs that, up to something that was asked for; nothing for what was
    /// asked for itself. The shortest such way.
    fn way_to(&self, project: &ProjectName) -> Vec<(ProjectName, Version)> {
        let mut seen = BTreeSet::from([project]);
        let mut ways = VecDeque::from([(project, Vec::new())]);
        while let Some((project, way)) = ways.pop_front() {
            let needs = || self.packages.get(project).into_iter().flat_map(|package| &package.needed_by);
            if needs().any(|need| need.parent.is_none()) {
                return way;
            }
            for (parent, version) in needs().filter_map(|need| need.parent.as_ref()) {
                if seen.insert(parent) {
                    let mut way = way.clone();
                    way.push((parent.clone(), version.clone()));
                    ways.push_back((parent, way));
                }
            }
        }
        Vec::new()
    }

    /// A release of what is installed, and who needs it, for a message: `lib 1, that by app 2`.
    fn told(&self, project: &ProjectName, version: &Version) -> String {
        let way = self.way_to(project).into_iter();
        way.fold(format!("{project} {version}"), |told, (project, version)| {
            format!("{told}, that by {project} {version}")
        })
    }

    /// Who needs a package that was not asked for, to be appended to its name.
    fn needed(&self, project: &ProjectName) -> String {
        let parent = self.way_to(project).into_iter().next();
        parent
            .map(|(parent, version)| format!(" (needed by {})", self.told(&parent, &version)))
            .unwrap_or_default()
    }

    /// What is installed, and then what is needed to build it.
    pub(super) fn all(&self) -> impl Iterator<Item = (&ProjectName, &Package)> {
        let build = self.build.iter().map(|((project, _), package)| (project, package));
        self.packages.iter().chain(build)
    }
}

/// A release that was chosen.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) version: Version,
    /// The extras that are asked for and that it has.
    pub(super) extras: BTreeSet<String>,
    /// The files to be saved for the target; the first is what would be installed.
    pub(super) files: Vec<Wanted>,
    /// Who needs it, in the order of the names.
    pub(super) needed_by: Vec<Need>,
    /// Whether it is needed to build something, and not to run it.
    pub(super) for_build: bool,
    /// What it requires in the target, with its extras.
    pub(super) requires: Vec<Requirement>,
}

/// Why something is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    /// What needs it; nothing if it was asked for.
    pub(super) parent: Option<(ProjectName, Version)>,
    /// The requirement; of what was asked for as it was written, with its place.
    pub(super) requirement: String,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parent {
            Some((project, version)) => write!(f, "needed by {project} {version} ({})", self.requirement),
            None => write!(f, "asked for as {}", self.requirement),
        }
    }
}

/// Solves a problem for each target, in their order; with so many questions asked at once beforehand.
pub(super) async fn solve(
    supply: Arc<dyn Supply>,
    problem: &Problem,
    targets: &[Target],
    jobs: usize,
) -> Vec<Solution> {
    // The solver blocks, so it has a thread; whoever drops this future stops it at its next step.
    let stopped = StopOnDrop(Arc::new(AtomicBool::new(false)));
    let catalog = Arc::new(Catalog::new(supply, targets.to_vec(), problem.choice.all_files));
    let view = Arc::new(View::new(catalog, Arc::new(problem.clone())));
    let scene = Scene::new(view, Handle::current(), Arc::clone(&stopped.0), jobs);
    for (target, at) in targets.iter().zip(0..) {
        let requirements = problem.requirements.iter().filter_map(|input| input.requirement.as_ref().ok());
        for requirement in requirements.filter(|one| one.applies_in(target.environment(), &[])) {
            scene.prefetch.requirement(at, requirement);
        }
    }
    let solving = tokio::task::spawn_blocking(move || solve_each(&scene, jobs));
    match solving.await {
        Ok(solutions) => solutions,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and so is whoever waits for this.
            Err(_) => Vec::new(),
        },
    }
}

fn solve_each(scene: &Scene, jobs: usize) -> Vec<Solution> {
    let (mut chosen, mut chosen_to_build) = (Preferred::default(), Preferred::default());
    let mut solutions = Vec::new();
    for at in 0..scene.view.catalog.targets().len() {
        let mut solution = solve_target(scene, at, &chosen);
        chosen.remember(&solution.packages);
        if !scene.problem().choice.no_deps {
            build::add(scene, at, &mut solution, &mut chosen_to_build, jobs);
        }
        solution.warnings.extend(scene.view.catalog.take_warnings());
        solutions.push(solution);
    }
    scene.prefetch.stop();
    solutions
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
