//! What the sdists among the chosen files need to be built, and what that needs, and so on. Each is built in an environment
//! of its own, so its requirements are solved apart; what was wanted and constrained for running says nothing there.

use std::collections::{BTreeSet, HashMap, VecDeque};

use depot_proto::{DistributionKind, ProjectName, Requirement, Version};

use super::{
    NoMetadata, Offer, Package, Problem, Solution,
    attempt::{Preferred, solve_target},
    known::{BuildSystem, Untold},
    provider::Scene,
};
use crate::python::{
    inputs::{Input, Place},
    resolve::{Failed, Wanted},
};

/// An sdist to be built: its release and its file.
type Source = (ProjectName, Version, Wanted);

/// Adds what building needs to a solution. A circle of sdists that need each other to be built ends at the first that is
/// there already: whether it can be broken is for the backends to know.
pub(super) fn add(scene: &Scene, at: usize, solution: &mut Solution, preferred: &mut Preferred, jobs: usize) {
    let mut building = Building { scene, at, jobs, solved: HashMap::new() };
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut waiting: VecDeque<Source> = solution.packages.iter().flat_map(sources).collect();
    while let Some((project, version, sdist)) = waiting.pop_front() {
        if !seen.insert(sdist.filename.to_string()) {
            continue;
        }
        let requires = building.requires(sdist, solution);
        if requires.is_empty() {
            continue;
        }
        let built = building.environment(&requires, preferred);
        let what = format!("to build {}", solution.told(&project, &version));
        for failed in &built.failed {
            let item = format!("{} (needed {what})", failed.item);
            solution.failed.push(Failed { item, reason: failed.reason.clone() });
        }
        for (name, package) in &built.packages {
            let mut package = package.clone();
            package.for_build = true;
            for need in &mut package.needed_by {
                // What is asked for there is asked for by the sdist.
                need.parent.get_or_insert_with(|| (project.clone(), version.clone()));
            }
            waiting.extend(sources((name, &package)));
            let known = solution.build.entry((name.clone(), package.version.clone()));
            known.and_modify(|known| merge(known, &package)).or_insert(package);
        }
        solution.warnings.extend(built.warnings.iter().cloned());
    }
    solution.warnings.sort();
    solution.warnings.dedup();
}

fn sources((project, package): (&ProjectName, &Package)) -> Vec<Source> {
    let sdists = package.files.iter().filter(|wanted| wanted.filename.kind() == DistributionKind::Sdist);
    sdists.map(|wanted| (project.clone(), package.version.clone(), wanted.clone())).collect()
}

fn merge(known: &mut Package, more: &Package) {
    known.extras.extend(more.extras.iter().cloned());
    known.needed_by.extend(more.needed_by.iter().cloned());
    known.needed_by.sort();
    known.needed_by.dedup();
    for requirement in &more.requires {
        if !known.requires.contains(requirement) {
            known.requires.push(requirement.clone());
        }
    }
}

struct Building<'a> {
    scene: &'a Scene,
    at: usize,
    jobs: usize,
    /// Environments by what they were asked for: most sdists want the same.
    solved: HashMap<Vec<String>, Solution>,
}

impl Building<'_> {
    /// What an sdist requires to be built in the target.
    fn requires(&self, sdist: Wanted, solution: &mut Solution) -> Vec<Requirement> {
        let filename = sdist.filename.to_string();
        let Wanted { filename: name, file, index, .. } = sdist;
        let system = match self.scene.build_system(Offer { filename: name, file, index }) {
            Ok(Ok(system)) => system,
            Ok(Err(NoMetadata::Bad(why))) => {
                solution.warnings.push(format!(
                    "what {filename} needs to be built cannot be read, and setuptools and wheel are taken: {why}"
                ));
                BuildSystem::of_pyproject(None).into()
            }
            Ok(Err(NoMetadata::Failed(why))) => {
                let reason = format!("what it needs to be built cannot be told: {why}");
                solution.failed.push(Failed { item: filename, reason });
                return Vec::new();
            }
            Err(_) => return Vec::new(),
        };
        if let Some(untold) = system.untold {
            let what = match untold {
                Untold::SetupPy => format!("`setup_requires` in the setup.py of {filename} names"),
                Untold::OwnBackend => format!("the build backend inside {filename} asks for"),
            };
            solution.warnings.push(format!(
                "what {what} is only known once that runs: name what it needs to be built as well"
            ));
        }
        for text in &system.unreadable {
            solution.warnings.push(format!("{filename} needs `{text}` to be built, which is no requirement"));
        }
        let environment = self.scene.target(self.at).environment();
        let mut requires: Vec<_> =
            system.requires.iter().filter(|one| one.applies_in(environment, &[])).cloned().collect();
        requires.sort_by_key(ToString::to_string);
        requires.dedup();
        requires
    }

    /// The environment that has these.
    fn environment(&mut self, requires: &[Requirement], preferred: &mut Preferred) -> &Solution {
        let key: Vec<_> = requires.iter().map(ToString::to_string).collect();
        let (scene, at, jobs) = (self.scene, self.at, self.jobs);
        self.solved.entry(key).or_insert_with(|| {
            let input = |requirement: &Requirement| Input {
                text: requirement.to_string(),
                place: Place::CommandLine,
                requirement: Ok(requirement.clone()),
                hashes: None,
            };
            let outer = scene.problem();
            let problem = Problem {
                requirements: requires.iter().map(input).collect(),
                choice: outer.choice.clone(),
                visible: outer.visible.clone(),
                ..Problem::default()
            };
            let scene = scene.with_problem(problem, jobs);
            for requirement in requires {
                scene.prefetch.requirement(at, requirement);
            }
            let solution = solve_target(&scene, at, preferred);
            scene.prefetch.stop();
            preferred.remember(&solution.packages);
            solution
        })
    }
}
