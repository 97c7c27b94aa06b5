//! Runs the solver, and again without what cannot be had: one bad requirement must not lose the rest.

use std::collections::{BTreeMap, BTreeSet};

use depot_proto::{ProjectName, Requirement, RequiresPython, Version};
use pep440_rs::Version as Pep440;
use pubgrub::{PubGrubError, SelectedDependencies};

use super::{
    Need, Package, Solution,
    candidates::Candidate,
    provider::{Missing, Node, Provider, Scene, Stop, applying, root_version},
    ranges::{self, Range},
    report::{Report, because},
};
use crate::python::{inputs::Input, resolve::Failed};

/// What earlier targets chose, the latest choice first.
#[derive(Debug, Default)]
pub(super) struct Preferred(BTreeMap<ProjectName, Vec<Pep440>>);

impl Preferred {
    pub(super) fn of(&self, project: &ProjectName) -> impl Iterator<Item = &Pep440> {
        self.0.get(project).into_iter().flatten().rev()
    }

    pub(super) fn remember(&mut self, packages: &BTreeMap<ProjectName, Package>) {
        for (project, package) in packages {
            if let Some(version) = package.version.pep440() {
                let known = self.0.entry(project.clone()).or_default();
                known.retain(|other| other != version);
                known.push(version.clone());
            }
        }
    }
}

/// What one run of the solver came to.
enum Outcome {
    Solved(SelectedDependencies<Node, Pep440>),
    /// No versions go together. By their places, the wanted things that have to do with it; and why in words.
    Conflict(Vec<usize>, String),
    Stopped,
}

/// Something that was wanted and given up.
struct GivenUp {
    place: usize,
    reason: String,
    /// Whether nothing else that was wanted had to do with it.
    is_alone: bool,
}

/// Solves for one target.
pub(super) fn solve_target(scene: &Scene, at: usize, preferred: &Preferred) -> Solution {
    let target = scene.target(at).clone();
    let applies = |input: &&Input| {
        let requirement = input.requirement.as_ref();
        requirement.is_ok_and(|one| one.applies_in(target.environment(), &[]))
    };
    let all: Vec<&Input> = scene.problem().requirements.iter().filter(applies).collect();
    let mut attempts =
        Attempts { scene, at, preferred, all, missing: Missing::default(), warnings: BTreeSet::new() };
    let mut active: Vec<usize> = (0..attempts.all.len()).collect();
    let mut given_up: Vec<GivenUp> = Vec::new();
    let mut selected = loop {
        match attempts.run(&active) {
            Outcome::Solved(selected) => break Some(selected),
            Outcome::Stopped => break None,
            Outcome::Conflict(suspects, reason) => {
                // What was named first stays: it may have nothing to do with the failure, and is tried again below.
                let Some(&place) = suspects.last().or(active.last()) else { break None };
                active.retain(|other| *other != place);
                given_up.push(GivenUp { place, reason, is_alone: suspects.len() <= 1 });
            }
        }
    };
    given_up.sort_by_key(|one| one.place);
    let mut failed = Vec::new();
    for one in given_up {
        let mut reason = one.reason;
        if !one.is_alone && selected.is_some() {
            let mut more = active.clone();
            more.push(one.place);
            more.sort_unstable();
            match attempts.run(&more) {
                Outcome::Solved(better) => {
                    (active, selected) = (more, Some(better));
                    continue;
                }
                Outcome::Conflict(_, words) => reason = words,
                Outcome::Stopped => {}
            }
        }
        let input = attempts.all[one.place];
        if !one.is_alone {
            let hint = "if it need not be installed beside the others, save it in a run of its own";
            reason = format!("{reason}; {hint}");
        }
        failed.push(Failed { item: input.label(), reason });
    }
    let mut solution = Solution {
        target,
        packages: BTreeMap::new(),
        build: BTreeMap::new(),
        other_versions: Vec::new(),
        kept: Vec::new(),
        hidden: Vec::new(),
        failed,
        warnings: attempts.warnings.iter().cloned().collect(),
    };
    if let Some(selected) = selected {
        attempts.fill(&mut solution, &selected, &active);
    }
    solution
}

/// An extra that somebody wants and that is not there.
struct LostExtra {
    project: ProjectName,
    extra: String,
    /// Those that are.
    known: Vec<String>,
}

impl LostExtra {
    fn told(&self, solution: &Solution) -> String {
        let Self { project, extra, known } = self;
        let mut known: Vec<_> = known.iter().map(|extra| format!("`{extra}`")).collect();
        known.sort();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let wants = |one: &&Requirement| one.project == *project && one.extras.contains(extra);
        let parents = solution.packages.iter().filter_map(|(name, package)| {
            let requirement = package.requires.iter().find(wants)?;
            Some(format!(", which {} requires as `{requirement}`", solution.told(name, &package.version)))
        });
        let parent = parents.take(1).collect::<String>();
        let version = solution.packages.get(project).map(|package| package.version.to_string());
        format!("{project} {} has no extra `{extra}`{parent}: it has {known}", version.unwrap_or_default())
    }
}

struct Attempts<'a> {
    scene: &'a Scene,
    at: usize,
    preferred: &'a Preferred,
    /// What is wanted in the target.
    all: Vec<&'a Input>,
    missing: Missing,
    warnings: BTreeSet<String>,
}

impl Attempts<'_> {
    /// Solves for some of what is wanted. What the supply cannot tell is passed over: a choice without it would be made for
    /// the wrong reason.
    fn run(&mut self, active: &[usize]) -> Outcome {
        let wanted: Vec<&Input> = active.iter().map(|place| self.all[*place]).collect();
        loop {
            let stop = {
                let provider = Provider::new(self.scene, self.at, &wanted, self.preferred, &self.missing);
                let solved = pubgrub::resolve(&provider, Node::Root, root_version());
                self.warnings.extend(provider.warnings());
                match solved {
                    Ok(selected) => return Outcome::Solved(selected),
                    Err(PubGrubError::NoSolution(tree)) => {
                        let report = Report::new(&provider, &wanted, tree);
                        let concerned = report.concerned();
                        let is_concerned = |place: &&usize| {
                            let requirement = self.all[**place].requirement.as_ref();
                            requirement.is_ok_and(|one| concerned.contains(&one.project))
                        };
                        let suspects = active.iter().filter(is_concerned).copied().collect();
                        return Outcome::Conflict(suspects, report.words());
                    }
                    Err(
                        PubGrubError::ErrorRetrievingDependencies { source, .. }
                        | PubGrubError::ErrorChoosingVersion { source, .. }
                        | PubGrubError::ErrorInShouldCancel(source),
                    ) => source,
                }
            };
            match stop {
                Stop::Stopped => return Outcome::Stopped,
                Stop::Project(project, why) => drop(self.missing.projects.insert(project, why)),
                Stop::Metadata(project, version, why) => {
                    self.missing.metadata.insert((project, version), why);
                }
            }
        }
    }

    /// Makes packages of what was selected.
    fn fill(&self, solution: &mut Solution, selected: &SelectedDependencies<Node, Pep440>, active: &[usize]) {
        let mut extras: BTreeMap<&ProjectName, BTreeSet<String>> = BTreeMap::new();
        for (node, _) in selected.iter() {
            if let Node::Extra(project, extra) = node {
                extras.entry(project).or_default().insert(extra.clone());
            }
        }
        let mut lost = Vec::new();
        for (node, version) in selected.iter() {
            let Node::Project(project) = node else { continue };
            let extras = extras.remove(project).unwrap_or_default();
            if let Some(package) = self.package(project, version, extras, &mut lost, solution) {
                solution.packages.insert(project.clone(), package);
            }
        }
        self.say_why(solution, active);
        let mut warnings: Vec<_> = lost.iter().map(|lost| lost.told(solution)).collect();
        warnings.extend(self.yanked(solution));
        solution.warnings.extend(warnings);
        self.look_around(solution);
        solution.warnings.sort();
        solution.warnings.dedup();
    }

    /// Says of what is yanked that it is taken all the same, and who wants that.
    fn yanked(&self, solution: &Solution) -> Vec<String> {
        let yanked = solution.packages.iter().filter_map(|(project, package)| {
            let candidates = self.scene.candidates(project, self.at).ok()?.ok()?;
            let candidate = candidates.get(package.version.pep440()?)?;
            candidate.yanked.is_yanked().then(|| {
                let (version, needed) = (&package.version, solution.needed(project));
                let reason = because(&candidate.yanked);
                // pip takes what any requirement pins; uv, only what was asked for.
                let hint = match needed.as_str() {
                    "" => String::new(),
                    _ => format!("; uv installs it only where you pin `{project}=={version}` yourself"),
                };
                format!(
                    "{project} {version}{needed} is yanked{reason}, and is taken because it is pinned{hint}"
                )
            })
        });
        yanked.collect()
    }

    fn package(
        &self,
        project: &ProjectName,
        version: &Pep440,
        mut extras: BTreeSet<String>,
        lost: &mut Vec<LostExtra>,
        solution: &mut Solution,
    ) -> Option<Package> {
        // All of this was asked for while it was solved.
        let candidates = self.scene.candidates(project, self.at).ok()?.ok()?;
        let candidate = candidates.get(version)?;
        let mut requires = Vec::new();
        if !self.scene.problem().choice.no_deps
            && let Ok(Ok(known)) = self.scene.known(&candidate.best)
        {
            let target = self.scene.target(self.at);
            requires.extend(applying(&known, target, &[]).cloned());
            extras.retain(|extra| {
                let more: Vec<_> = applying(&known, target, std::slice::from_ref(extra)).cloned().collect();
                let is_there = known.extras.contains(extra) || !more.is_empty() || known.is_uncertain;
                if !is_there {
                    let (project, extra, known) = (project.clone(), extra.clone(), known.extras.clone());
                    lost.push(LostExtra { project, extra, known });
                }
                requires.extend(more);
                is_there
            });
            if known.is_uncertain {
                solution.warnings.push(format!(
                    "what {project} {version} requires is only known once its sdist is built: what it says beforehand \
                     is taken, which may not be all"
                ));
            }
        }
        if let Some(text) = candidate.best.file.requires_python.as_deref()
            && text.parse::<RequiresPython>().is_err()
        {
            solution.warnings.push(format!(
                "which Pythons {} is for cannot be read from `Requires-Python: {}`, and is passed over",
                candidate.best.filename,
                text.escape_debug()
            ));
        }
        let mut seen = BTreeSet::new();
        requires.retain(|one| seen.insert(one.to_string()));
        Some(Package {
            version: Version::Pep440(version.clone()),
            extras,
            files: candidates.files(candidate, &self.scene.problem().choice),
            needed_by: Vec::new(),
            for_build: false,
            requires,
        })
    }

    /// Says of every package who needs it, and of what is missing who would.
    fn say_why(&self, solution: &mut Solution, active: &[usize]) {
        let mut needs: BTreeMap<ProjectName, Vec<Need>> = BTreeMap::new();
        for place in active {
            let input = self.all[*place];
            let Ok(requirement) = &input.requirement else { continue };
            let need = Need { parent: None, requirement: input.label() };
            needs.entry(requirement.project.clone()).or_default().push(need);
        }
        for (project, package) in &solution.packages {
            for requirement in package.requires.iter().filter(|one| one.project != *project) {
                let parent = Some((project.clone(), package.version.clone()));
                let need = Need { parent, requirement: requirement.to_string() };
                needs.entry(requirement.project.clone()).or_default().push(need);
            }
        }
        for (project, package) in &mut solution.packages {
            package.needed_by = needs.remove(project).unwrap_or_default();
            package.needed_by.sort();
            package.needed_by.dedup();
        }
        for (project, why) in &self.missing.projects {
            let needs = needs.get(project).map(Vec::as_slice).unwrap_or_default();
            // What was asked for itself is told so, and by its parents where it was not.
            let is_asked = needs.iter().any(|need| need.parent.is_none());
            for need in needs.iter().filter(|need| need.parent.is_none() == is_asked) {
                let item = match &need.parent {
                    None => need.requirement.clone(),
                    Some((parent, version)) => {
                        format!("{} (needed by {})", need.requirement, solution.told(parent, version))
                    }
                };
                solution.failed.push(Failed { item, reason: why.clone() });
            }
        }
        for ((project, version), why) in &self.missing.metadata {
            let is_chosen = |package: &Package| package.version.pep440() == Some(version);
            if solution.packages.get(project).is_some_and(is_chosen) {
                let reason = format!("what it requires cannot be told: {why}");
                solution.failed.push(Failed { item: format!("{project} {version}"), reason });
            }
        }
    }

    /// Looks at what else fits what is required of each package: what is newer than a version that stays because it is
    /// saved, and what is wanted where all versions are.
    fn look_around(&self, solution: &mut Solution) {
        let problem = self.scene.problem();
        let asked = self.all.iter().filter_map(|input| input.requirement.as_ref().ok());
        let mut required: BTreeMap<&ProjectName, Range> = BTreeMap::new();
        let mut direct: BTreeSet<&ProjectName> = BTreeSet::new();
        let needs = solution.packages.values().flat_map(|package| &package.requires);
        for (requirement, is_direct) in asked.map(|one| (one, true)).chain(needs.map(|one| (one, false))) {
            let range = required.entry(&requirement.project).or_insert_with(Range::full);
            *range = range.intersection(&ranges::of(&requirement.specifiers));
            if is_direct {
                direct.insert(&requirement.project);
            }
        }
        let (mut others, mut kept, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
        for (project, package) in &solution.packages {
            let Ok(Ok(candidates)) = self.scene.candidates(project, self.at) else { continue };
            let Some(range) = required.get(project) else { continue };
            let needs_prerelease = candidates.has_only_prereleases(range);
            let fitting = || candidates.within(range, needs_prerelease);
            let chosen = package.version.pep440().and_then(|version| candidates.get(version));
            if let (Some(chosen), Some(newest)) = (chosen, fitting().next())
                && chosen.is_saved
                && newest.version > chosen.version
            {
                kept.push((
                    project.clone(),
                    package.version.clone(),
                    Version::Pep440(newest.version.clone()),
                ));
            }
            let newer = |version: &&Pep440| chosen.is_some_and(|chosen| chosen.version < **version);
            if let Some((version, why)) = candidates.newest_hidden(range, needs_prerelease)
                && newer(&version)
            {
                hidden.push((project.clone(), Version::Pep440(version.clone()), why.to_owned()));
            }
            if problem.choice.all_versions && direct.contains(project) {
                let is_other = |one: &&Candidate| Some(&one.version) != package.version.pep440();
                others.extend(
                    fitting().filter(is_other).flat_map(|one| candidates.files(one, &problem.choice)),
                );
            }
        }
        solution.other_versions = others;
        solution.kept = kept;
        solution.hidden = hidden;
    }
}
