//! What is missing, and the way to it: from what was asked for along what it requires, to the requirements that nothing
//! fulfils. The solver says why there is no solution; this says what to bring so that there is one.

use std::collections::{BTreeSet, VecDeque};

use depot_proto::{DistributionKind, ProjectName, Requirement, Version};

use super::{
    NoMetadata, Offer, Problem, Solution,
    candidates::{Candidate, Candidates},
    provider::{Scene, applying},
    ranges::{self, Range},
};
use crate::python::{
    inputs::{Input, Place},
    resolve::Failed,
};

/// The most reasons that are given for versions that were left out, and versions that are named instead.
const MOST_REASONS: usize = 3;

/// The most that is said to be missing of one problem: nobody reads on.
const MOST_MISSING: usize = 200;

/// A requirement that nothing fulfils.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::python) struct Missing {
    /// What was asked for and fails with it, as it was written.
    pub(in crate::python) asked: String,
    /// Where that was written.
    pub(in crate::python) place: Place,
    /// From what was asked for to what requires it; empty if it was itself asked for.
    pub(in crate::python) chain: Vec<Link>,
    /// The requirement.
    pub(in crate::python) requirement: String,
    /// Whether it is needed to build the last of the chain, and not to run it.
    pub(in crate::python) to_build: bool,
    /// Why nothing does.
    pub(in crate::python) why: String,
}

/// A release on the way to what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::python) struct Link {
    pub(in crate::python) project: ProjectName,
    pub(in crate::python) version: Version,
    /// As what it was required.
    pub(in crate::python) requirement: String,
    /// Whether it was required to build the one before it.
    pub(in crate::python) to_build: bool,
}

/// A requirement that is still to be followed.
struct Step {
    chain: Vec<Link>,
    requirement: Requirement,
    to_build: bool,
    /// Whether it has to do with something that is built: there other versions are chosen.
    is_building: bool,
}

/// What nothing fulfils of a problem that failed in a target, for each thing that was asked for by itself. Of each project
/// the version is followed that was chosen, or would be: the newest that fits.
pub(super) fn missing(scene: &Scene, at: usize, solution: &Solution, jobs: usize) -> Vec<Missing> {
    let environment = scene.target(at).environment();
    let failed: BTreeSet<&str> = solution.failed.iter().map(|failed| failed.item.as_str()).collect();
    let mut asked: Vec<(&Input, &Requirement)> = Vec::new();
    let mut unfound = failed.clone();
    for input in &scene.problem().requirements {
        let Ok(requirement) = &input.requirement else { continue };
        if requirement.applies_in(environment, &[]) {
            unfound.remove(input.label().as_str());
            asked.push((input, requirement));
        }
    }
    // What is left over was needed to build something, which itself was found.
    let is_concerned = |label: &str| !unfound.is_empty() || failed.contains(label);
    let choice = scene.problem().choice.clone();
    let building = Problem { choice, visible: scene.problem().visible.clone(), ..Problem::default() };
    let building = scene.with_problem(building, jobs);
    let mut missing = Vec::new();
    for (input, requirement) in asked.into_iter().filter(|(input, _)| is_concerned(&input.label())) {
        let start =
            Step { chain: Vec::new(), requirement: requirement.clone(), to_build: false, is_building: false };
        let mut trace = Trace {
            running: scene,
            building: &building,
            at,
            solution,
            asked: input,
            waiting: VecDeque::from([start]),
            seen: BTreeSet::new(),
            missing: Vec::new(),
        };
        while let Some(step) = trace.waiting.pop_front()
            && missing.len() + trace.missing.len() < MOST_MISSING
        {
            // What cannot be told because nobody waits any more is told to nobody.
            let _ = trace.follow(step);
        }
        missing.append(&mut trace.missing);
    }
    building.prefetch.stop();
    missing
}

/// Whether what failed is told by what is missing.
pub(super) fn explains(missing: &[Missing], failed: &Failed, asked: &[Input]) -> bool {
    let is_asked = asked.iter().any(|input| input.label() == failed.item);
    let is_of_build = |one: &Missing| one.to_build || one.chain.iter().any(|link| link.to_build);
    missing.iter().any(|one| if is_asked { one.asked == failed.item } else { is_of_build(one) })
}

struct Trace<'a> {
    running: &'a Scene,
    building: &'a Scene,
    at: usize,
    solution: &'a Solution,
    asked: &'a Input,
    waiting: VecDeque<Step>,
    /// What was followed, as it was required.
    seen: BTreeSet<(String, bool)>,
    missing: Vec<Missing>,
}

/// The release that a requirement comes to, with what that requires; what is needed to build it is marked. Or why there is
/// none.
type Met = Result<(Version, Vec<(Requirement, bool)>), String>;

impl Trace<'_> {
    /// Goes one step; nothing if nobody can tell where to, or waits any more.
    fn follow(&mut self, step: Step) -> Option<()> {
        // Whoever comes later by the same requirement has a longer way to the same end.
        if !self.seen.insert((bare(&step.requirement), step.is_building)) {
            return Some(());
        }
        let met = self.meet(&step)?;
        let Step { mut chain, requirement, to_build, is_building } = step;
        match met {
            Err(why) => {
                let (asked, place) = (self.asked.label(), self.asked.place.clone());
                let requirement = bare(&requirement);
                self.missing.push(Missing { asked, place, chain, requirement, to_build, why });
            }
            Ok((version, next)) => {
                let project = requirement.project.clone();
                let link =
                    Link { project: project.clone(), version, requirement: bare(&requirement), to_build };
                chain.push(link);
                // What a project requires of itself is itself with more of its extras.
                let next =
                    next.into_iter().filter(|(one, _)| one.project != project || !one.extras.is_empty());
                self.waiting.extend(next.map(|(requirement, to_build)| Step {
                    chain: chain.clone(),
                    requirement,
                    to_build,
                    is_building: is_building || to_build,
                }));
            }
        }
        Some(())
    }

    fn meet(&self, step: &Step) -> Option<Met> {
        let Step { requirement, is_building, .. } = step;
        if requirement.url.is_some() {
            return Some(Err("it names an address, and not versions of a project".to_owned()));
        }
        let scene = if *is_building { self.building } else { self.running };
        let range = ranges::of(&requirement.specifiers);
        let candidates = match scene.candidates(&requirement.project, self.at) {
            Ok(Ok(candidates)) => candidates,
            Ok(Err(why)) => return Some(Err(why)),
            // Nobody knows whether it is there: that is what the solver says.
            Err(_) => return None,
        };
        let needs_prerelease = candidates.has_only_prereleases(&range);
        let chosen = self.chosen(&requirement.project, *is_building, &candidates, &range);
        let Some(chosen) = chosen.or_else(|| candidates.choose(&range, needs_prerelease, [])) else {
            return Some(Err(why_none(&requirement.project, &candidates, &range)));
        };
        let target = scene.target(self.at);
        let known = match scene.known(&chosen.best).ok()? {
            Ok(known) => known,
            Err(NoMetadata::Bad(why) | NoMetadata::Failed(why)) => {
                let filename = &chosen.best.filename;
                return Some(Err(format!("what {filename} says of itself cannot be read: {why}")));
            }
        };
        let mut next: Vec<(Requirement, bool)> = Vec::new();
        let extras = requirement.extras.iter().map(std::slice::from_ref);
        for extras in [&[][..]].into_iter().chain(extras) {
            next.extend(applying(&known, target, extras).map(|one| (one.clone(), false)));
        }
        if chosen.best.filename.kind() == DistributionKind::Sdist {
            let system = scene.build_system(Offer::clone(&chosen.best)).ok()?;
            let requires = system.iter().flat_map(|system| &system.requires);
            let applies = requires.filter(|one| one.applies_in(target.environment(), &[]));
            next.extend(applies.map(|one| (one.clone(), true)));
        }
        Some(Ok((Version::Pep440(chosen.version.clone()), next)))
    }

    /// What the solution has of a project, where that fits.
    fn chosen<'c>(
        &self,
        project: &ProjectName,
        is_building: bool,
        candidates: &'c Candidates,
        range: &Range,
    ) -> Option<&'c Candidate> {
        let running = self.solution.packages.get(project).filter(|_| !is_building);
        let of_project = self.solution.build.iter().filter(|((name, _), _)| name == project && is_building);
        let versions = running.into_iter().chain(of_project.map(|(_, package)| package));
        let mut versions = versions.filter_map(|package| package.version.pep440());
        versions.find(|version| range.contains(*version)).and_then(|version| candidates.get(version))
    }
}

/// A requirement without its marker, which is true where it is followed.
fn bare(requirement: &Requirement) -> String {
    Requirement { marker: None, ..requirement.clone() }.to_string()
}

/// Why no version that is there will do.
fn why_none(project: &ProjectName, candidates: &Candidates, range: &Range) -> String {
    if candidates.quarantined {
        return format!("`{project}` is quarantined: it offers no files");
    }
    let left_out = candidates.left_out.iter().rev().filter(|(version, _)| range.contains(version));
    let left_out = left_out.map(|(version, why)| format!("{version} {why}"));
    let yanked = candidates.usable.iter().filter(|one| range.contains(&one.version));
    let yanked = yanked.map(|one| {
        let why = if one.yanked.is_yanked() { "is yanked" } else { "is a pre-release" };
        format!("{} {why}", one.version)
    });
    let reasons: Vec<_> = yanked.chain(left_out).take(MOST_REASONS).collect();
    if !reasons.is_empty() {
        return reasons.join(", ");
    }
    let there: Vec<_> =
        candidates.versions().iter().rev().take(MOST_REASONS).map(ToString::to_string).collect();
    if there.is_empty() {
        return format!("there is no file of `{project}` that can be used");
    }
    let all = if candidates.versions().len() > MOST_REASONS { ", and older ones" } else { "" };
    format!("no such version is there, only {}{all}", there.join(", "))
}
