//! Warming: bringing here what an installer would ask for, so that it installs while another index is down.
//!
//! There is no solver here. For each target the newest release is chosen that everything known of its project lets do, what it
//! requires is looked at next, and a choice is made again where it does not do any more. So what a file pins is had exactly;
//! where an installer would go back to an older release of something to make others fit, this says that nothing does.
//! Everything is asked of a view, as every reader asks: policies hold, and a name that is owned here is asked for nowhere.

mod choose;
mod fetch;
mod known;
mod wish;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use depot_proto::{DistributionFilename, ProjectName, Requirement, Target, Version};
use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};

pub(crate) use self::wish::{Line, Wish, default_targets};
use self::{
    choose::{NoChoice, Pick, choose},
    known::Known,
};
use super::view::{Readable, Shown, View};

/// Questions under way at the same time.
const AT_ONCE: usize = 8;

/// How often the choices of a target are looked at again.
const MOST_ROUNDS: usize = 500;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Warmed {
    /// What can be had here now, by project: its versions.
    pub(crate) projects: BTreeMap<ProjectName, BTreeSet<String>>,
    /// The files of them.
    pub(crate) files: Vec<WarmFile>,
    /// What is not as it might seem.
    pub(crate) warnings: Vec<String>,
    /// What could not be had.
    pub(crate) failed: Vec<Failure>,
}

/// A file that is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WarmFile {
    /// Its name.
    pub(crate) filename: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Whether it was fetched now, and not here before.
    pub(crate) fetched: bool,
}

/// What could not be had, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// A requirement, a project or a file.
    pub(crate) what: String,
    /// Why.
    pub(crate) reason: String,
}

/// Is told how far it is.
pub(crate) type Say = Box<dyn Fn(String) + Send + Sync>;

/// Brings what is wished for here.
pub(crate) async fn warm(view: Arc<View>, wish: Wish, say: Say) -> Warmed {
    let readable = view.all_readable();
    let (pages, known) = (HashMap::new(), HashMap::new());
    let (wanted, failed, warnings) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    let mut run = Run {
        view,
        readable,
        say,
        pages,
        known,
        wanted,
        failed,
        warnings,
        found: BTreeSet::new(),
        fetched: BTreeSet::new(),
    };
    for target in wish.targets() {
        (run.say)(format!("looking for {}", target.describe()));
        let mut problems = vec![Problem::of_wish(&wish, target, &mut run.failed)];
        let mut seen = BTreeSet::new();
        while let Some(problem) = problems.pop() {
            let more = run.solve(problem, &wish).await;
            problems.extend(more.into_iter().filter(|problem| seen.insert(problem.what.clone())));
        }
    }
    run.note_unfitting(&wish);
    run.finish().await
}

/// What is required together, in one target.
struct Problem {
    /// What it is for: what was wished for, or the building of an sdist.
    what: String,
    target: Target,
    projects: BTreeMap<ProjectName, Asked>,
}

/// What is asked of a project.
#[derive(Clone, Debug, Default)]
struct Asked {
    needs: Vec<Need>,
    /// The extras that were looked at of the release that is chosen.
    chosen: Option<(Version, BTreeSet<String>)>,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) requirement: Requirement,
    /// The digests that its file must have one of; any where there are none.
    pub(super) hashes: Vec<String>,
    /// Who requires it, in words.
    pub(super) by: String,
    /// Which project does, if one does.
    parent: Option<ProjectName>,
    /// Whether a lock says it, which says all that is required by itself, and for other targets too.
    pub(super) locked: bool,
}

impl Problem {
    fn of_wish(wish: &Wish, target: Target, failed: &mut BTreeSet<Failure>) -> Self {
        let mut projects: BTreeMap<ProjectName, Asked> = BTreeMap::new();
        for line in &wish.lines {
            let requirement = match line.requirement.parse::<Requirement>() {
                Ok(requirement) if requirement.url.is_none() => requirement,
                Ok(_) => {
                    let reason = "it names an address, and not an index: fetch it from there yourself";
                    failed.insert(Failure { what: line.words(), reason: reason.to_owned() });
                    continue;
                }
                Err(error) => {
                    failed.insert(Failure { what: line.words(), reason: error.to_string() });
                    continue;
                }
            };
            if !requirement.applies_in(target.environment(), &[]) {
                continue;
            }
            let need = Need {
                hashes: line.hashes.clone(),
                by: line.place.clone(),
                parent: None,
                locked: line.locked,
                requirement,
            };
            projects.entry(need.requirement.project.clone()).or_default().needs.push(need);
        }
        Self { what: target.to_string(), target, projects }
    }

    /// What must be there to build an sdist.
    fn of_build(filename: &DistributionFilename, target: &Target, requires: &[Requirement]) -> Self {
        let mut projects: BTreeMap<ProjectName, Asked> = BTreeMap::new();
        for requirement in requires.iter().filter(|one| one.applies_in(target.environment(), &[])) {
            let by = format!("the building of {filename}");
            let need = Need {
                requirement: requirement.clone(),
                hashes: Vec::new(),
                by,
                parent: None,
                locked: false,
            };
            projects.entry(requirement.project.clone()).or_default().needs.push(need);
        }
        Self { what: format!("{target} {filename}"), target: target.clone(), projects }
    }

    /// Forgets what a release required that is not chosen any more.
    fn forget(&mut self, parent: &ProjectName) {
        for asked in self.projects.values_mut() {
            asked.needs.retain(|need| need.parent.as_ref() != Some(parent));
        }
    }
}

impl Asked {
    fn extras(&self) -> BTreeSet<String> {
        self.needs.iter().flat_map(|need| need.requirement.extras.iter().cloned()).collect()
    }

    fn is_locked(&self) -> bool {
        !self.needs.is_empty() && self.needs.iter().all(|need| need.locked)
    }
}

/// A page as it was told; or why there is none.
type Page = Result<Option<Arc<Shown>>, String>;

struct Run {
    view: Arc<View>,
    readable: Readable,
    say: Say,
    pages: HashMap<ProjectName, Page>,
    known: HashMap<String, Result<Arc<Known>, String>>,
    wanted: BTreeMap<String, DistributionFilename>,
    failed: BTreeSet<Failure>,
    warnings: BTreeSet<String>,
    /// What a lock names and some target can use.
    found: BTreeSet<ProjectName>,
    /// The files that were fetched to see what they require.
    fetched: BTreeSet<String>,
}

impl Run {
    /// Chooses releases until all requirements of all of them are looked at; the problems of what must be built.
    async fn solve(&mut self, mut problem: Problem, wish: &Wish) -> Vec<Problem> {
        let mut builds = Vec::new();
        let mut queue: BTreeSet<ProjectName> = problem.projects.keys().cloned().collect();
        let mut rounds = 0;
        while !queue.is_empty() {
            rounds += 1;
            if rounds > MOST_ROUNDS {
                let reason = "what it requires does not come to an end".to_owned();
                self.failed.insert(Failure { what: problem.what.clone(), reason });
                break;
            }
            let batch = std::mem::take(&mut queue);
            self.load_pages(&batch).await;
            let mut picks = Vec::new();
            for project in batch {
                if let Some(pick) = self.pick(&problem, &project, wish) {
                    picks.push((project, pick));
                }
            }
            let files = picks.iter().map(|(_, pick)| pick.best.clone()).collect();
            if wish.dependencies {
                self.load_known(files).await;
            }
            for (project, pick) in picks {
                builds.extend(self.take(&mut problem, &mut queue, &project, &pick, wish));
            }
        }
        builds
    }

    /// What is chosen of a project, if that is news.
    fn pick(&mut self, problem: &Problem, project: &ProjectName, wish: &Wish) -> Option<Pick> {
        let asked = problem.projects.get(project).filter(|asked| !asked.needs.is_empty())?;
        let page = match self.pages.get(project)? {
            Ok(Some(shown)) => Ok(&shown.page),
            Ok(None) => Err(format!("there is no project `{project}` here{}", by(&asked.needs))),
            Err(error) => Err(error.clone()),
        };
        let picked = page.and_then(|page| {
            choose(page, &asked.needs, &wish.constraint(project), &problem.target, wish).map_err(|error| {
                match error {
                    NoChoice::NoFile(_) if asked.is_locked() => String::new(),
                    error => error.in_words(project, &asked.needs, &problem.target),
                }
            })
        });
        let pick = match picked {
            Ok(pick) => pick,
            Err(reason) => {
                if !reason.is_empty() {
                    self.failed.insert(Failure { what: project.to_string(), reason });
                }
                return None;
            }
        };
        let is_known = asked.chosen.as_ref() == Some(&(pick.version.clone(), asked.extras()));
        (!is_known).then_some(pick)
    }

    /// Notes a choice, and what it requires; the problem of building it, if it must be built.
    fn take(
        &mut self,
        problem: &mut Problem,
        queue: &mut BTreeSet<ProjectName>,
        project: &ProjectName,
        pick: &Pick,
        wish: &Wish,
    ) -> Option<Problem> {
        for filename in std::iter::once(&pick.best).chain(&pick.others) {
            self.wanted.insert(filename.to_string(), filename.clone());
        }
        let asked = problem.projects.get_mut(project)?;
        let extras = asked.extras();
        let (is_locked, before) =
            (asked.is_locked(), asked.chosen.replace((pick.version.clone(), extras.clone())));
        self.found.insert(project.clone());
        if before.is_some_and(|(version, _)| version != pick.version) {
            problem.forget(project);
        }
        if !wish.dependencies {
            return None;
        }
        let known = match self.known.get(pick.best.as_str())? {
            Ok(known) => Arc::clone(known),
            Err(reason) => {
                let reason = format!("it is not known what it requires: {reason}");
                self.failed.insert(Failure { what: pick.best.to_string(), reason });
                return None;
            }
        };
        let extras: Vec<String> = extras.into_iter().collect();
        let requires = known.requires.iter().filter(|_| !is_locked);
        for requirement in requires.filter(|one| one.applies_in(problem.target.environment(), &extras)) {
            if requirement.url.is_some() {
                let reason =
                    format!("{project} {} wants it from an address, and not from an index", pick.version);
                self.failed.insert(Failure { what: requirement.to_string(), reason });
                continue;
            }
            let need = Need {
                requirement: requirement.clone(),
                hashes: Vec::new(),
                by: format!("{project} {}", pick.version),
                parent: Some(project.clone()),
                locked: false,
            };
            let of_other = problem.projects.entry(requirement.project.clone()).or_default();
            if !of_other.needs.contains(&need) {
                of_other.needs.push(need);
                queue.insert(requirement.project.clone());
            }
        }
        let build = known.build.as_ref()?;
        self.warnings.insert(format!(
            "{} has no wheel for {}: it must be built, and what it says it needs for that is here; a build may ask for more",
            pick.best, problem.target
        ));
        Some(Problem::of_build(&pick.best, &problem.target, build))
    }

    async fn load_pages(&mut self, projects: &BTreeSet<ProjectName>) {
        let missing: Vec<_> =
            projects.iter().filter(|project| !self.pages.contains_key(*project)).cloned().collect();
        let (view, readable) = (&self.view, self.readable);
        let questions = missing.into_iter().map(|project| async move {
            let page = match view.project(&project, readable).await {
                Ok(found) => Ok(found.map(|(shown, _)| shown)),
                Err(error) => Err(error.to_string()),
            };
            (project, page)
        });
        let told: Vec<_> = stream::iter(questions).buffer_unordered(AT_ONCE).collect().await;
        self.pages.extend(told);
    }

    async fn load_known(&mut self, files: Vec<DistributionFilename>) {
        let missing = files.into_iter().filter(|filename| !self.known.contains_key(filename.as_str()));
        let (view, readable) = (&self.view, self.readable);
        let questions = missing.map(|filename| async move {
            let known = known::of(view, &filename, readable).await;
            (filename.to_string(), known)
        });
        let told: Vec<_> = stream::iter(questions).buffer_unordered(AT_ONCE).collect().await;
        for (filename, known) in told {
            let known = known.map(|(known, fetched)| {
                if fetched {
                    (self.say)(format!("fetched {filename}"));
                    self.fetched.insert(filename.clone());
                }
                Arc::new(known)
            });
            self.known.insert(filename, known);
        }
    }

    /// Says what a lock names and no target can use.
    fn note_unfitting(&mut self, wish: &Wish) {
        for line in wish.lines.iter().filter(|line| line.locked) {
            let Ok(requirement) = line.requirement.parse::<Requirement>() else { continue };
            let failed = self.failed.iter().any(|failure| failure.what == requirement.project.as_str());
            if !failed && !self.found.contains(&requirement.project) {
                self.warnings.insert(format!("{} has no file for any of the targets", line.words()));
            }
        }
    }
}

/// Who requires something, to follow what is said of it.
fn by(needs: &[Need]) -> String {
    needs.iter().find(|need| !need.by.is_empty()).map(|need| format!(" ({})", need.by)).unwrap_or_default()
}
