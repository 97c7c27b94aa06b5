//! What the solver sees: packages, their versions and what those depend on, in one target.

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use depot_proto::{ProjectName, Requirement, Target};
use pep440_rs::Version;
use pubgrub::{Dependencies, DependencyConstraints, DependencyProvider, PackageResolutionStatistics};
use tokio::runtime::Handle;

use super::{
    BuildSystem, Known, NoListing, NoMetadata, Offer, Problem,
    attempt::Preferred,
    candidates::{Candidates, allows},
    catalog::View,
    prefetch::Prefetch,
    ranges::{self, Range},
    report::reasons,
};
use crate::python::inputs::Input;

/// Who has been in so many conflicts is decided first: it would have to give way later.
const MANY_CONFLICTS: u32 = 5;

/// After so many versions of a project were tried in vain, the metadata of the next ones is asked for at once.
const MANY_TRIES: usize = 5;

/// The most versions whose metadata is asked for at once.
const MOST_AHEAD: usize = 50;

/// A package, as the solver knows them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Node {
    /// What was asked for.
    Root,
    Project(ProjectName),
    /// A project with one of its extras, of the version of the project: it requires what the extra adds.
    Extra(ProjectName, String),
}

impl Node {
    pub(super) fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::Root => None,
            Self::Project(project) | Self::Extra(project, _) => Some(project),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("you"),
            Self::Project(project) => project.fmt(f),
            Self::Extra(project, extra) => write!(f, "{project}[{extra}]"),
        }
    }
}

/// Why the solver was stopped before it knew.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// A project cannot be had, for a reason that has nothing to do with what goes together.
    #[error("{1}")]
    Project(ProjectName, String),
    /// What a version requires cannot be told.
    #[error("{2}")]
    Metadata(ProjectName, Version, String),
    /// Nobody waits for the answer any more.
    #[error("the work was stopped")]
    Stopped,
}

/// What could not be had and is passed over, so that the rest can be solved.
#[derive(Clone, Debug, Default)]
pub(super) struct Missing {
    pub(super) projects: BTreeMap<ProjectName, String>,
    pub(super) metadata: BTreeMap<(ProjectName, Version), String>,
}

/// What the attempts at a problem share.
pub(super) struct Scene {
    pub(super) view: Arc<View>,
    pub(super) prefetch: Prefetch,
    handle: Handle,
    stopped: Arc<AtomicBool>,
}

impl Scene {
    pub(super) fn new(view: Arc<View>, handle: Handle, stopped: Arc<AtomicBool>, jobs: usize) -> Self {
        let prefetch = Prefetch::new(Arc::clone(&view), handle.clone(), jobs);
        Self { view, prefetch, handle, stopped }
    }

    /// The same for another problem, of the same catalog.
    pub(super) fn with_problem(&self, problem: Problem, jobs: usize) -> Self {
        let view = Arc::new(View::new(Arc::clone(&self.view.catalog), Arc::new(problem)));
        Self::new(view, self.handle.clone(), Arc::clone(&self.stopped), jobs)
    }

    pub(super) fn problem(&self) -> &Problem {
        &self.view.problem
    }

    pub(super) fn target(&self, at: usize) -> &Target {
        &self.view.catalog.targets()[at]
    }

    /// Waits for an answer on a thread that may block. A runtime that shuts down drops the question, and this ends.
    fn wait<T: Send + 'static>(&self, question: impl Future<Output = T> + Send + 'static) -> Result<T, Stop> {
        self.check()?;
        let (sender, receiver) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            // Nobody to hear it is nobody to tell.
            let _ = sender.send(question.await);
        });
        receiver.recv().map_err(|_| Stop::Stopped)
    }

    fn check(&self) -> Result<(), Stop> {
        if self.stopped.load(Ordering::Relaxed) { Err(Stop::Stopped) } else { Ok(()) }
    }

    /// The candidates of a project; or why there is no such project.
    pub(super) fn candidates(
        &self,
        project: &ProjectName,
        at: usize,
    ) -> Result<Result<Arc<Candidates>, String>, Stop> {
        let found = match self.view.candidates_already(project, at) {
            Some(found) => found,
            None => {
                let (view, project) = (Arc::clone(&self.view), project.clone());
                self.wait(async move { view.candidates(&project, at).await })?
            }
        };
        match found {
            Ok(candidates) => Ok(Ok(candidates)),
            Err(NoListing::Absent(why)) => Ok(Err(why)),
            Err(NoListing::Failed(why)) => Err(Stop::Project(project.clone(), why)),
        }
    }

    /// What a file says of itself, or why it cannot be told.
    pub(super) fn known(&self, offer: &Arc<Offer>) -> Result<Result<Arc<Known>, NoMetadata>, Stop> {
        if let Some(known) = self.view.catalog.known_already(offer) {
            return Ok(known);
        }
        let (catalog, offer) = (Arc::clone(&self.view.catalog), Arc::clone(offer));
        self.wait(async move { catalog.known(&offer).await })
    }

    /// What an sdist needs to be built, or why it cannot be told.
    pub(super) fn build_system(&self, offer: Offer) -> Result<Result<Arc<BuildSystem>, NoMetadata>, Stop> {
        let catalog = Arc::clone(&self.view.catalog);
        self.wait(async move { catalog.build_system(&offer).await })
    }
}

/// One attempt at one target.
pub(super) struct Provider<'a> {
    pub(super) scene: &'a Scene,
    pub(super) at: usize,
    /// What is wanted, as far as it applies in the target and was not given up.
    wanted: &'a [&'a Input],
    preferred: &'a Preferred,
    missing: &'a Missing,
    seen: RefCell<Seen>,
}

/// What an attempt came by.
#[derive(Default)]
struct Seen {
    /// When each project was first named.
    order: HashMap<ProjectName, usize>,
    /// What was required of each project.
    asked: HashMap<ProjectName, Vec<Range>>,
    /// How many versions of a project were tried.
    tries: HashMap<ProjectName, usize>,
    warnings: BTreeSet<String>,
}

/// Requirements as the solver wants them: a package and a set of its versions.
type Depends = BTreeMap<Node, Range>;

impl<'a> Provider<'a> {
    pub(super) fn new(
        scene: &'a Scene,
        at: usize,
        wanted: &'a [&'a Input],
        preferred: &'a Preferred,
        missing: &'a Missing,
    ) -> Self {
        Self { scene, at, wanted, preferred, missing, seen: RefCell::default() }
    }

    pub(super) fn target(&self) -> &Target {
        self.scene.target(self.at)
    }

    /// What a person should know of the way here.
    pub(super) fn warnings(&self) -> BTreeSet<String> {
        self.seen.borrow().warnings.clone()
    }

    /// Takes a requirement that applies, of a version of a project or of whoever asks; or says why nothing can fulfil it.
    fn require(
        &self,
        requirement: &Requirement,
        of: Option<(&ProjectName, &Version)>,
        depends: &mut Depends,
    ) -> Result<(), String> {
        if requirement.url.is_some() {
            return Err(format!("it requires `{requirement}`, and packages are saved from an index"));
        }
        let project = &requirement.project;
        if self.missing.projects.contains_key(project) {
            return Ok(());
        }
        let mut range = ranges::of(&requirement.specifiers);
        if let Some((_, version)) = of.filter(|(own, _)| *own == project) {
            if !range.contains(version) {
                return Err(format!("it requires another version of itself, `{requirement}`"));
            }
            // What a project requires of itself is there; it may want more of its extras.
            range = Range::singleton(version.clone());
            if requirement.extras.is_empty() {
                return Ok(());
            }
        } else {
            let mut seen = self.seen.borrow_mut();
            let next = seen.order.len();
            seen.order.entry(project.clone()).or_insert(next);
            let asked = seen.asked.entry(project.clone()).or_default();
            if !asked.contains(&range) {
                asked.push(range.clone());
            }
            narrow(depends, Node::Project(project.clone()), &range);
        }
        for extra in &requirement.extras {
            narrow(depends, Node::Extra(project.clone(), extra.clone()), &range);
        }
        self.scene.prefetch.requirement(self.at, requirement);
        Ok(())
    }

    fn choose(&self, project: &ProjectName, range: &Range) -> Result<Option<Version>, Stop> {
        let Ok(candidates) = self.scene.candidates(project, self.at)? else { return Ok(None) };
        if candidates.has_only_other_digests(range) {
            // A file that was replaced must not lose what requires it.
            return Err(Stop::Project(project.clone(), reasons(&candidates, range).join(", ")));
        }
        let mut seen = self.seen.borrow_mut();
        // As pip does, and uv where a project has no other releases: where somebody requires what only pre-releases
        // fulfil, they are what is meant. What the solver learnt to avoid on its way is no such requirement.
        let mut asked = seen.asked.get(project).into_iter().flatten();
        let needs_prerelease = asked.any(|asked| candidates.has_only_prereleases(asked));
        let earlier = self.preferred.of(project);
        let Some(chosen) = candidates.choose(range, needs_prerelease, earlier) else { return Ok(None) };
        let tries = seen.tries.entry(project.clone()).or_default();
        *tries += 1;
        if tries.is_multiple_of(MANY_TRIES) {
            let next = candidates.within(range, needs_prerelease).take((*tries * 2).min(MOST_AHEAD));
            self.scene.prefetch.metadata(next.map(|next| Arc::clone(&next.best)));
        }
        Ok(Some(chosen.version.clone()))
    }

    /// What a version of a project requires, by itself or for one of its extras; or why it cannot be used.
    fn depends(
        &self,
        project: &ProjectName,
        extra: Option<&String>,
        version: &Version,
    ) -> Result<Result<Depends, String>, Stop> {
        let mut depends = Depends::new();
        if extra.is_some() {
            depends.insert(Node::Project(project.clone()), Range::singleton(version.clone()));
        }
        let is_missing = || self.missing.metadata.contains_key(&(project.clone(), version.clone()));
        if self.scene.problem().choice.no_deps || is_missing() {
            return Ok(Ok(depends));
        }
        let Ok(candidates) = self.scene.candidates(project, self.at)? else { return Ok(Ok(depends)) };
        let Some(candidate) = candidates.get(version) else { return Ok(Ok(depends)) };
        let known = match self.scene.known(&candidate.best)? {
            Ok(known) => known,
            Err(NoMetadata::Bad(why)) => {
                let warning =
                    format!("{project} {version} is passed over: its metadata cannot be read: {why}");
                self.seen.borrow_mut().warnings.insert(warning);
                return Ok(Err(format!("its metadata cannot be read: {why}")));
            }
            Err(NoMetadata::Failed(why)) => {
                return Err(Stop::Metadata(project.clone(), version.clone(), why));
            }
        };
        let target = self.target();
        if let Some(requires) = &known.requires_python
            && !allows(target, requires)
        {
            return Ok(Err(format!("it requires Python {requires}")));
        }
        let extras: Vec<String> = extra.into_iter().cloned().collect();
        for requirement in applying(&known, target, &extras) {
            if let Err(why) = self.require(requirement, Some((project, version)), &mut depends) {
                return Ok(Err(why));
            }
        }
        Ok(Ok(depends))
    }

    fn wants(&self) -> Depends {
        let mut depends = Depends::new();
        for requirement in self.wanted.iter().filter_map(|input| input.requirement.as_ref().ok()) {
            // Addresses were refused when they were read.
            let _ = self.require(requirement, None, &mut depends);
        }
        depends
    }
}

/// What applies of a file's requirements: without extras those of the project itself, with one what that adds.
pub(super) fn applying<'a>(
    known: &'a Known,
    target: &'a Target,
    extras: &'a [String],
) -> impl Iterator<Item = &'a Requirement> {
    let environment = target.environment();
    known.requires.iter().filter(move |one| {
        one.applies_in(environment, extras) && (extras.is_empty() || !one.applies_in(environment, &[]))
    })
}

fn narrow(depends: &mut Depends, node: Node, range: &Range) {
    let known = depends.entry(node).or_insert_with(Range::full);
    *known = known.intersection(range);
}

/// How soon a package is decided: the later, the sooner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// In the order in which they were named, as in uv: what is asked for comes before what that requires.
    Named(Reverse<usize>),
    /// One version alone will do.
    Pinned,
    /// It was in the way of others.
    Contested(u32),
    Root,
}

impl DependencyProvider for Provider<'_> {
    type P = Node;
    type V = Version;
    type VS = Range;
    type Priority = Priority;
    type M = String;
    type Err = Stop;

    fn prioritize(&self, node: &Node, range: &Range, conflicts: &PackageResolutionStatistics) -> Priority {
        let Some(project) = node.project() else { return Priority::Root };
        let conflicts = conflicts.conflict_count();
        if conflicts >= MANY_CONFLICTS {
            return Priority::Contested(conflicts);
        }
        if ranges::pinned(range).is_some() {
            return Priority::Pinned;
        }
        let order = self.seen.borrow().order.get(project).copied();
        Priority::Named(Reverse(order.unwrap_or(usize::MAX)))
    }

    fn choose_version(&self, node: &Node, range: &Range) -> Result<Option<Version>, Stop> {
        match node.project() {
            None => Ok(Some(root_version())),
            Some(project) => self.choose(project, range),
        }
    }

    fn get_dependencies(
        &self,
        node: &Node,
        version: &Version,
    ) -> Result<Dependencies<Node, Range, String>, Stop> {
        let depends = match node {
            Node::Root => Ok(self.wants()),
            Node::Project(project) => self.depends(project, None, version)?,
            Node::Extra(project, extra) => self.depends(project, Some(extra), version)?,
        };
        Ok(match depends {
            Ok(depends) => Dependencies::Available(DependencyConstraints::from_iter(depends)),
            Err(why) => Dependencies::Unavailable(why),
        })
    }

    fn should_cancel(&self) -> Result<(), Stop> {
        self.scene.check()
    }
}

/// What is asked for has one version.
pub(super) fn root_version() -> Version {
    Version::new([0])
}
