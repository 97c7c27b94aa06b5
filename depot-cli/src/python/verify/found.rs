//! What is missing, each thing once, however many releases and targets it is missing for.

use std::collections::{BTreeMap, BTreeSet};

use depot_proto::{ProjectName, Target, Version};

use super::super::{
    inputs::Place,
    resolve::Failed,
    solve::{Answer, Link, Missing},
};

/// A requirement that nothing fulfils: of whom, what, whether to build that one, and why.
type Key = (Option<(ProjectName, Version)>, String, bool, String);

/// What is missing or does not go together.
#[derive(Debug, Default)]
pub(super) struct Found {
    missing: BTreeMap<Key, Row>,
    /// What failed although nothing is missing, or cannot be told, in which targets.
    failed: Vec<(Failed, BTreeSet<Target>)>,
    /// What a person should know.
    pub(super) warnings: BTreeSet<String>,
    /// How many things were asked for, in each target.
    pub(super) asked: usize,
}

/// A requirement that nothing fulfils.
#[derive(Debug)]
pub(super) struct Row {
    /// The shortest way to it.
    pub(super) missing: Missing,
    pub(super) targets: BTreeSet<Target>,
    /// What was asked for and fails with it.
    pub(super) affects: BTreeSet<String>,
}

impl Found {
    /// Takes what a problem came to in a target.
    pub(super) fn add(&mut self, answer: Answer) {
        let Answer { solution, missing, unexplained } = answer;
        for missing in missing {
            self.lacks(missing, Some(&solution.target));
        }
        for failed in unexplained {
            self.fail(failed, Some(&solution.target));
        }
        self.warnings.extend(solution.warnings);
    }

    /// Something is missing.
    pub(super) fn lacks(&mut self, missing: Missing, target: Option<&Target>) {
        let parent = missing.chain.last().map(|link| (link.project.clone(), link.version.clone()));
        let key = (parent, missing.requirement.clone(), missing.to_build, missing.why.clone());
        let row = self.missing.entry(key).or_insert_with(|| Row {
            missing: missing.clone(),
            targets: BTreeSet::new(),
            affects: BTreeSet::new(),
        });
        row.targets.extend(target.cloned());
        row.affects.insert(missing.asked.clone());
        if missing.chain.len() < row.missing.chain.len() {
            row.missing = missing;
        }
    }

    /// Something failed, and nothing is known to be missing.
    pub(super) fn fail(&mut self, failed: Failed, target: Option<&Target>) {
        match self.failed.iter_mut().find(|(known, _)| *known == failed) {
            Some((_, targets)) => targets.extend(target.cloned()),
            None => self.failed.push((failed, target.cloned().into_iter().collect())),
        }
    }

    pub(super) fn missing(&self) -> impl ExactSizeIterator<Item = &Row> {
        self.missing.values()
    }

    pub(super) fn failed(&self) -> &[(Failed, BTreeSet<Target>)] {
        &self.failed
    }
}

/// The way to what is missing, in one line: `app 1.0 (asked for) -> lib>=1: why`.
pub(super) fn chain(missing: &Missing, first: &str) -> String {
    let Missing { place, chain, requirement, to_build, why, .. } = missing;
    let first = match place {
        Place::CommandLine => format!(" ({first})"),
        place => format!(" ({first} in {place})"),
    };
    let words = |to_build: bool| if to_build { " (to build it)" } else { "" };
    let mut steps: Vec<String> = Vec::new();
    for (at, Link { project, version, to_build, .. }) in chain.iter().enumerate() {
        let note = if at == 0 { first.clone() } else { words(*to_build).to_owned() };
        steps.push(format!("{project} {version}{note}"));
    }
    let note = if chain.is_empty() { first } else { words(*to_build).to_owned() };
    steps.push(format!("{requirement}{note}: {why}"));
    steps.join(" -> ")
}
