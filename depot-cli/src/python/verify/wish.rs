//! What must install: what is named, or every release that a tree has for a target.

use std::collections::BTreeMap;

use depot_proto::{DistributionFilename, ProjectName, RequiresPython, Target};
use depot_tree::Tree;
use pep440_rs::Version;

use super::super::{
    inputs::{Asked, Input, Place},
    resolve::Failed,
    solve::{Choice, Problem},
};

/// The problem that was asked for, and what of it cannot be read.
pub(super) fn of_asked(asked: &Asked, pre: bool) -> (Problem, Vec<Failed>) {
    let mut failed = Vec::new();
    let mut requirements = Vec::new();
    for input in &asked.inputs {
        match &input.requirement {
            Ok(_) => requirements.push(input.clone()),
            Err(reason) => failed.push(Failed { item: input.label(), reason: reason.clone() }),
        }
    }
    let problem = Problem {
        requirements,
        constraints: asked.constraints.clone(),
        hashes_required: asked.hashes_required,
        choice: Choice { pre: pre || asked.pre, formats: asked.formats.clone(), ..Choice::default() },
        exclude_newer: None,
    };
    (problem, failed)
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

/// That one release installs.
pub(super) fn of_release(project: &ProjectName, version: &Version) -> Problem {
    let text = format!("{project}=={version}");
    let requirement = text.parse().map_err(|error: depot_proto::RequirementError| error.to_string());
    let input = Input { text, place: Place::CommandLine, requirement, hashes: None };
    Problem { requirements: vec![input], ..Problem::default() }
}
