//! What must install: what is named, or every release that a tree has for a target.

use std::collections::{BTreeMap, BTreeSet};

use depot_proto::{DistributionFilename, ProjectName, RequiresPython, Target};
use depot_tree::Tree;
use pep440_rs::Version;

use super::super::{
    choice,
    inputs::{self, Asked, Input, Place},
    locks::{self, LockedFile, Pick},
    needs::{choose_targets, sets},
    resolve::Failed,
    set::Set,
    solve::{Choice, Problem},
    visible::Visible,
};
use crate::{args::VerifyArgs, output::Printer};

/// What must install, and where.
#[derive(Debug)]
pub(super) enum Scope {
    /// What was named: each set stands for itself.
    Named(Vec<Wish>),
    /// Every release of the tree, each by itself, in these targets; and what of it a policy shows.
    Whole(Vec<Target>, Visible),
}

/// What one set, or the command line, wants.
#[derive(Debug)]
pub(super) struct Wish {
    asked: Asked,
    choice: Choice,
    visible: Visible,
    pub(super) targets: Vec<Target>,
    /// Whether the targets were named, and are not only those of this machine.
    are_targets_given: bool,
}

impl Scope {
    /// Reads what was named, and says for which targets it is.
    pub(super) async fn read(args: &VerifyArgs, printer: &Printer) -> anyhow::Result<Self> {
        if !args.needs.is_given() {
            let visible = Visible::read(&args.needs.choice, printer)?.by_policy_alone();
            return Ok(Self::Whole(choose_targets(&args.needs.targets, printer).await?, visible));
        }
        let mut wishes = Vec::new();
        for set in sets(&args.needs)? {
            wishes.push(Wish::read(set, printer).await?);
        }
        Ok(Self::Named(wishes))
    }

    /// All targets, each once.
    pub(super) fn targets(&self) -> Vec<Target> {
        let mut seen = BTreeSet::new();
        let all: Vec<&Target> = match self {
            Self::Named(wishes) => wishes.iter().flat_map(|wish| &wish.targets).collect(),
            Self::Whole(targets, _) => targets.iter().collect(),
        };
        all.into_iter().filter(|target| seen.insert(*target)).cloned().collect()
    }
}

impl Wish {
    async fn read(set: Set, printer: &Printer) -> anyhow::Result<Self> {
        let Set { sources, targets: typed, choice: chosen, .. } = set;
        let asked = tokio::task::spawn_blocking(move || inputs::read(&sources)).await??;
        let choice = choice::read(&chosen, &asked)?;
        let visible = Visible::read(&chosen, printer)?;
        let mut wish =
            Self { asked, choice, visible, targets: Vec::new(), are_targets_given: typed.is_given() };
        let is_solved = wish.asked.is_solved() && !wish.is_plain();
        if is_solved || wish.are_targets_given {
            wish.targets = choose_targets(&typed, printer).await?;
        }
        for warning in wish.asked.warnings.iter().chain(&wish.asked.check_targets(&wish.targets)) {
            printer.say(&format!("warning: {warning}"));
        }
        for (item, reason) in &wish.asked.skipped {
            printer.say(&format!("skipped {item}: {reason}"));
        }
        Ok(wish)
    }

    /// Which of the tree's files count.
    pub(super) fn visible(&self) -> &Visible {
        &self.visible
    }

    /// Whether each requirement stands for itself, wherever it installs: then nothing is to be solved.
    fn is_plain(&self) -> bool {
        self.choice.no_deps && self.choice.all_files
    }

    /// Whether what is installed is installed without what it requires.
    pub(super) fn is_alone(&self) -> bool {
        self.choice.no_deps
    }

    /// What was asked for and stands for itself.
    pub(super) fn standing_alone(&self) -> impl Iterator<Item = &Input> {
        let inputs = self.asked.inputs.iter().filter(|_| self.is_plain());
        inputs.filter(|input| input.requirement.is_ok())
    }

    /// What of it cannot be read.
    pub(super) fn unread(&self) -> Vec<Failed> {
        let builds = self.asked.builds.iter().filter(|_| !self.choice.no_deps).flatten();
        let unread = self.asked.inputs.iter().chain(builds).filter_map(|input| {
            let reason = input.requirement.as_ref().err()?.clone();
            Some(Failed { item: input.label(), reason })
        });
        unread.collect()
    }

    /// What is to be solved: first what runs, then what builds each project that was given, which is chosen apart.
    pub(super) fn problems(&self) -> Vec<Problem> {
        if self.is_plain() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        if !self.asked.inputs.is_empty() {
            problems.push(self.problem(&self.asked.inputs, self.asked.constraints.clone()));
        }
        let builds = self.asked.builds.iter().filter(|_| !self.choice.no_deps);
        problems.extend(builds.map(|build| self.problem(build, BTreeMap::new())));
        problems
    }

    /// What runs, for what installs it: where each stands for itself, too.
    pub(super) fn running(&self) -> Option<Problem> {
        let is_any = !self.asked.inputs.is_empty();
        is_any.then(|| self.problem(&self.asked.inputs, self.asked.constraints.clone()))
    }

    fn problem(&self, inputs: &[Input], constraints: BTreeMap<ProjectName, Vec<Input>>) -> Problem {
        let readable = inputs.iter().filter(|input| input.requirement.is_ok());
        Problem {
            requirements: readable.cloned().collect(),
            constraints,
            hashes_required: self.asked.hashes_required,
            choice: self.choice.clone(),
            visible: self.visible.clone(),
        }
    }

    /// What builds an sdist.
    pub(super) fn building(&self, requirements: Vec<Input>) -> Problem {
        let (choice, visible) = (self.choice.clone(), self.visible.clone());
        Problem { requirements, choice, visible, ..Problem::default() }
    }

    /// The files that locks name, all of them or those of the targets that were named; and what cannot be had of them.
    pub(super) fn locked(&self) -> (Vec<&LockedFile>, Vec<Failed>) {
        self.picked(self.are_targets_given.then_some(&self.targets))
    }

    /// The files of locks that a target installs.
    pub(super) fn locked_for(&self, target: &Target) -> Vec<&LockedFile> {
        self.picked(Some(std::slice::from_ref(target))).0
    }

    fn picked(&self, targets: Option<&[Target]>) -> (Vec<&LockedFile>, Vec<Failed>) {
        // What a lock has two forms of, is installed in one.
        let (files, locked) = locks::named(&self.asked, Pick { targets, sdists: false });
        (files, locked.failed)
    }

    /// The targets for which locks are asked what they install: those that were named.
    pub(super) fn locked_targets(&self) -> &[Target] {
        if self.are_targets_given && !self.choice.no_deps { &self.targets } else { &[] }
    }
}
/// The releases of a tree, as one target sees them.
#[derive(Debug, Default)]
pub(super) struct Releases {
    /// Those that it can install, by project, the newest first.
    pub(super) usable: BTreeMap<ProjectName, Vec<Version>>,
    /// The projects that have files, and none that it can install.
    pub(super) others: Vec<ProjectName>,
}

/// What each target can install of a tree. Records that cannot be read are passed over: whoever reads the bytes names them.
/// It blocks.
pub(super) fn releases(tree: &Tree, targets: &[Target]) -> anyhow::Result<Vec<Releases>> {
    let mut releases: Vec<Releases> = targets.iter().map(|_| Releases::default()).collect();
    for project in tree.projects()? {
        let mut has_files = false;
        let mut usable: Vec<Vec<Version>> = vec![Vec::new(); targets.len()];
        for name in tree.filenames(&project)? {
            let Ok(filename) = DistributionFilename::parse(&name, &project) else { continue };
            let Some(version) = filename.version().pep440() else { continue };
            let Ok(Some(record)) = tree.record(&project, &name) else { continue };
            let requires = record.facts.requires_python.as_deref().and_then(|text| text.parse().ok());
            has_files = true;
            for (target, versions) in targets.iter().zip(&mut usable) {
                if fits(&filename, requires.as_ref(), target) && !versions.contains(version) {
                    versions.push(version.clone());
                }
            }
        }
        for (releases, mut versions) in releases.iter_mut().zip(usable) {
            versions.sort_by(|one, other| other.cmp(one));
            if !versions.is_empty() {
                releases.usable.insert(project.clone(), versions);
            } else if has_files {
                releases.others.push(project.clone());
            }
        }
    }
    Ok(releases)
}

fn fits(filename: &DistributionFilename, requires: Option<&RequiresPython>, target: &Target) -> bool {
    let is_for_it = match filename {
        DistributionFilename::Wheel(wheel) => target.tags().rank(wheel).is_some(),
        DistributionFilename::Sdist(_) => true,
        DistributionFilename::Legacy(_) => false,
    };
    is_for_it && requires.is_none_or(|requires| target.is_allowed_by(requires))
}

/// That one release installs, and not one that differs from it by its local part, which `==` takes too.
pub(super) fn of_release(project: &ProjectName, version: &Version, visible: &Visible) -> Problem {
    let text = format!("{project}=={version}");
    let requirement = format!("{project}==={version}").parse();
    let requirement = requirement.map_err(|error: depot_proto::RequirementError| error.to_string());
    let input = Input { text, place: Place::CommandLine, requirement, hashes: None };
    Problem { requirements: vec![input], visible: visible.clone(), ..Problem::default() }
}
