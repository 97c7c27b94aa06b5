//! Warming: bringing here what an installer would ask for, so that it installs while another index is down.
//!
//! There is no solver here. For each target the newest release is chosen that everything known of its project lets do, what it
//! requires is looked at next, and a choice is made again where it does not do any more. So what a file pins is had exactly;
//! where an installer would go back to an older release of something to make others fit, this says that nothing does.
//! Everything is asked of a view, as every reader asks: policies hold, and a name that is owned here is asked for nowhere.

mod choose;
mod fetch;
mod known;
mod problem;
mod wish;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use depot_proto::{DistributionFilename, ProjectName, Requirement, Target, redact::masked};
use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};

pub(crate) use self::wish::{Line, Wish, default_targets, elsewhere};
use self::{
    choose::{Pick, Picked, alternatives},
    known::Known,
    problem::{Asked, Choice, Need, Problem},
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
        settled: BTreeSet::new(),
        fetched: BTreeSet::new(),
    };
    let targets = wish.targets();
    for target in &targets {
        (run.say)(format!("looking for {}", target.describe()));
        let mut problems = vec![Problem::of_wish(&wish, target, &mut run.failed)];
        let mut seen = BTreeSet::new();
        while let Some(problem) = problems.pop() {
            let more = run.solve(problem, &wish).await;
            problems.extend(more.into_iter().filter(|problem| seen.insert(problem.what.clone())));
        }
    }
    run.note_unfitting(&wish, &targets);
    run.finish().await
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
    /// The requirements of locks that some target can use.
    settled: BTreeSet<String>,
    /// The files that were fetched to see what they require.
    fetched: BTreeSet<String>,
}

impl Run {
    /// Chooses releases until all requirements of all of them are looked at, and notes what came of it; the problems of what
    /// must be built.
    async fn solve(&mut self, mut problem: Problem, wish: &Wish) -> Vec<Problem> {
        let mut queue: BTreeSet<ProjectName> = problem.projects.keys().cloned().collect();
        let mut rounds = 0;
        loop {
            if queue.is_empty() {
                // What only rejected releases require bounds nothing.
                queue = problem.prune();
            }
            if queue.is_empty() {
                break;
            }
            rounds += 1;
            if rounds > MOST_ROUNDS {
                let reason = "what it requires does not come to an end".to_owned();
                self.failed.insert(Failure { what: problem.what.clone(), reason });
                break;
            }
            let batch = std::mem::take(&mut queue);
            self.load_pages(&batch).await;
            let news: Vec<_> =
                batch.into_iter().filter(|project| self.pick(&mut problem, project, wish)).collect();
            if wish.dependencies {
                let picks = news.iter().filter_map(|project| problem.projects.get(project)?.choice.as_ref());
                let files = picks.flat_map(|choice| &choice.picks).map(|pick| pick.best.clone()).collect();
                self.load_known(files).await;
                for project in &news {
                    self.require(&mut problem, &mut queue, project);
                }
            }
        }
        self.note(&problem, wish)
    }

    /// Chooses of a project, and says whether that is news of which it must be seen what it requires.
    fn pick(&self, problem: &mut Problem, project: &ProjectName, wish: &Wish) -> bool {
        let Some(asked) = problem.projects.get(project).filter(|asked| !asked.needs.is_empty()) else {
            return false;
        };
        let picked = match self.pages.get(project) {
            Some(Ok(Some(shown))) => {
                alternatives(&shown.page, asked, problem.constraints_of(project), &problem.target, wish)
            }
            Some(Err(error)) => Picked { failed: vec![error.clone()], ..Picked::default() },
            Some(Ok(None)) | None => {
                let reason = format!("there is no project `{project}` here{}", by(&asked.needs));
                Picked { failed: vec![reason], ..Picked::default() }
            }
        };
        let extras = asked.extras();
        let choice = (!picked.picks.is_empty()).then_some(Choice { picks: picked.picks, extras });
        let Some(asked) = problem.projects.get_mut(project) else { return false };
        asked.failed = picked.failed;
        asked.locked = picked.locked;
        if asked.choice == choice {
            return false;
        }
        asked.choice = choice;
        true
    }

    /// Notes what the choice of a project requires, in the place of what another one did before.
    fn require(&self, problem: &mut Problem, queue: &mut BTreeSet<ProjectName>, project: &ProjectName) {
        let Some(asked) = problem.projects.get(project) else { return };
        let mut needs = Vec::new();
        for (pick, requirement) in self.required(problem, asked) {
            if requirement.url.is_none() {
                needs.push(Need {
                    requirement: requirement.clone(),
                    hashes: Vec::new(),
                    by: format!("{project} {}", pick.version),
                    parent: Some(project.clone()),
                    locked: false,
                });
            }
        }
        queue.extend(problem.replace_needs(project, needs));
    }

    /// What the choice of a project requires in the target, each with what requires it. A lock names that by itself.
    fn required<'a>(&'a self, problem: &Problem, asked: &'a Asked) -> Vec<(&'a Pick, &'a Requirement)> {
        let Some(choice) = asked.choice.as_ref().filter(|_| !asked.is_locked()) else { return Vec::new() };
        let extras: Vec<String> = choice.extras.iter().cloned().collect();
        let known = choice.picks.iter().filter_map(|pick| {
            let known = self.known.get(pick.best.as_str())?.as_ref().ok()?;
            Some((pick, known))
        });
        let all = known.flat_map(|(pick, known)| known.requires.iter().map(move |one| (pick, one)));
        all.filter(|(_, one)| one.applies_in(problem.target.environment(), &extras)).collect()
    }

    /// Notes what came of a problem: files, failures, warnings; and the problems of what must be built.
    fn note(&mut self, problem: &Problem, wish: &Wish) -> Vec<Problem> {
        let mut builds = Vec::new();
        for project in problem.reached() {
            let Some(asked) = problem.projects.get(&project) else { continue };
            for reason in &asked.failed {
                self.failed.insert(Failure { what: project.to_string(), reason: reason.clone() });
            }
            self.settled.extend(asked.locked.iter().cloned());
            let of_addresses = self.required(problem, asked).into_iter().filter(|(_, one)| one.url.is_some());
            let failures = of_addresses.map(|(pick, requirement)| Failure {
                what: masked(&requirement.to_string()),
                reason: format!("{project} {} wants it from an address, and not from an index", pick.version),
            });
            let failures: Vec<_> = failures.collect();
            self.failed.extend(failures);
            for pick in asked.choice.iter().flat_map(|choice| &choice.picks) {
                for filename in std::iter::once(&pick.best).chain(&pick.others) {
                    self.wanted.insert(filename.to_string(), filename.clone());
                }
                if wish.dependencies {
                    builds.extend(self.note_known(problem, &pick.best));
                }
            }
        }
        builds
    }

    /// Notes what is special of what a chosen file requires; the problem of building it, if it must be built.
    fn note_known(&mut self, problem: &Problem, best: &DistributionFilename) -> Option<Problem> {
        let known = match self.known.get(best.as_str())? {
            Ok(known) => Arc::clone(known),
            Err(reason) => {
                let reason = format!("it is not known what it requires: {reason}");
                self.failed.insert(Failure { what: best.to_string(), reason });
                return None;
            }
        };
        let build = known.build.as_ref()?;
        self.warnings.insert(format!(
            "{best} has no wheel for {}: it must be built, and what it says it needs for that is here; a build may ask for more",
            problem.target
        ));
        Some(Problem::of_build(best, problem, build))
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

    /// Says what a lock names for one of the targets, and none can use.
    fn note_unfitting(&mut self, wish: &Wish, targets: &[Target]) {
        for line in wish.lines.iter().filter(|line| line.locked) {
            let Ok(requirement) = line.requirement.parse::<Requirement>() else { continue };
            let failed = self.failed.iter().any(|failure| failure.what == requirement.project.as_str());
            let is_meant = targets.iter().any(|target| requirement.applies_in(target.environment(), &[]));
            if is_meant && !failed && !self.settled.contains(&requirement.to_string()) {
                self.warnings.insert(format!("{} has no file for any of the targets", line.words()));
            }
        }
    }
}

/// Who requires something, to follow what is said of it.
fn by(needs: &[Need]) -> String {
    needs.iter().find(|need| !need.by.is_empty()).map(|need| format!(" ({})", need.by)).unwrap_or_default()
}
