//! What is needed of a saved tree: what is asked for, solved from the tree alone, without any network.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use depot_proto::{DistributionFilename, ProjectName, Requirement, Target};
use depot_tree::Tree;

use super::{
    choice,
    inputs::{self, Asked, Input},
    locks::{self, Pick},
    resolve::Failed,
    set::Set,
    solve::{Choice, Problem, Solution, solve_offline},
    targets::{self, Chosen},
};
use crate::{
    args::{NeedsArgs, TargetArgs},
    exit::UsageError,
    output::Printer,
};

/// What is needed.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) targets: Vec<Target>,
    /// What was solved, for each target; nothing for what each stands for itself.
    pub(super) solutions: Vec<Solution>,
    /// The files, all of which are in the tree.
    pub(super) files: BTreeSet<(ProjectName, String)>,
    /// What the tree lacks, or nobody can read.
    pub(super) failed: Vec<Failed>,
}

/// The sets that were named, to each of which was added what was typed; what was typed alone where there are none. The files
/// are read, which blocks.
pub(super) fn sets(args: &NeedsArgs) -> anyhow::Result<Vec<Set>> {
    let NeedsArgs { sources, targets, choice, set, .. } = args.clone();
    let typed = Set { sources, targets, choice, ..Set::default() };
    if set.len() > 1 && typed.sources.stdin {
        let words = "standard input can be read for one set alone: leave out --stdin, or all sets but one";
        return Err(UsageError(words.to_owned()).into());
    }
    if set.is_empty() {
        return Ok(vec![typed]);
    }
    set.iter().map(|path| Ok(Set::read(path)?.beside(typed.clone()))).collect()
}

/// Finds out what is needed, and says for which targets.
pub(super) async fn needs(args: &NeedsArgs, tree: &Arc<Tree>, printer: &Printer) -> anyhow::Result<Needs> {
    let mut needs = Needs::default();
    for set in sets(args)? {
        needs.take(set, tree, printer).await?;
    }
    Ok(needs)
}

fn pick<'a>(wish: &Choice, targets: Option<&'a [Target]>) -> Pick<'a> {
    Pick { targets, sdists: wish.sdist || wish.all_files }
}

/// Chooses the targets and says which.
pub(super) async fn choose_targets(args: &TargetArgs, printer: &Printer) -> anyhow::Result<Vec<Target>> {
    let typed = args.clone();
    let Chosen { targets, told } = tokio::task::spawn_blocking(move || targets::targets(&typed)).await??;
    printer.say(&told);
    Ok(targets)
}

impl Needs {
    /// Adds what one set needs.
    async fn take(&mut self, set: Set, tree: &Arc<Tree>, printer: &Printer) -> anyhow::Result<()> {
        let sources = set.sources;
        let asked = tokio::task::spawn_blocking(move || inputs::read(&sources)).await??;
        let wish = choice::read(&set.choice, &asked)?;
        let exclude_newer = choice::exclude_newer(&set.choice)?;
        // Where each stands for itself, nothing follows from the targets.
        let is_plain = wish.no_deps && wish.all_files;
        let is_solved = asked.is_solved() && !is_plain;
        let are_given = set.targets.is_given();
        let targets =
            if is_solved || are_given { choose_targets(&set.targets, printer).await? } else { Vec::new() };
        for warning in asked.warnings.iter().chain(&asked.check_targets(&targets)) {
            printer.say(&format!("warning: {warning}"));
        }
        self.read_failures(&asked, &wish);
        if is_plain {
            let requirements = asked.inputs.iter().filter_map(|input| input.requirement.as_ref().ok());
            for requirement in requirements {
                self.take_all(requirement, tree)?;
            }
        } else if is_solved {
            let problem = Problem {
                requirements: applying(&asked.inputs, &targets, printer),
                constraints: asked.constraints.clone(),
                hashes_required: asked.hashes_required,
                choice: wish.clone(),
                exclude_newer,
            };
            let mut solutions = solve_offline(Arc::clone(tree), &problem, &targets).await;
            // As a save does: what builds a project that was given is chosen apart.
            for build in asked.builds.iter().filter(|_| !wish.no_deps) {
                let requirements = applying(build, &targets, printer);
                let problem = Problem { requirements, constraints: BTreeMap::new(), ..problem.clone() };
                let built = solve_offline(Arc::clone(tree), &problem, &targets).await;
                solutions.iter_mut().zip(built).for_each(|(solution, built)| solution.add_build(built));
            }
            self.take_solutions(solutions);
        }
        if !asked.locked.is_empty() {
            let given = are_given.then_some(&targets[..]);
            let (files, locked) = locks::named(&asked, pick(&wish, given));
            self.failed.extend(locked.failed);
            self.take_locked(files.into_iter().map(|file| &file.filename), tree)?;
        }
        for target in targets {
            if !self.targets.contains(&target) {
                self.targets.push(target);
            }
        }
        Ok(())
    }

    fn read_failures(&mut self, asked: &Asked, wish: &Choice) {
        let builds = asked.builds.iter().filter(|_| !wish.no_deps).flatten();
        let unread = asked.inputs.iter().chain(builds).filter_map(|input| {
            let reason = input.requirement.as_ref().err()?;
            Some(Failed { item: input.label(), reason: reason.clone() })
        });
        self.failed.extend(unread);
    }

    fn take_solutions(&mut self, solutions: Vec<Solution>) {
        let alone = solutions.len() == 1;
        for solution in &solutions {
            let failed = solution.failed.iter().map(|failed| Failed {
                item: if alone {
                    failed.item.clone()
                } else {
                    format!("{} for {}", failed.item, solution.target)
                },
                reason: failed.reason.clone(),
            });
            self.failed.extend(failed);
            let files =
                solution.all().flat_map(|(_, package)| &package.files).chain(&solution.other_versions);
            self.files.extend(files.map(|wanted| key(&wanted.filename)));
        }
        self.solutions.extend(solutions);
    }

    /// All files of all versions that fit: what stands for itself may have been saved at any time.
    fn take_all(&mut self, requirement: &Requirement, tree: &Tree) -> anyhow::Result<()> {
        let before = self.files.len();
        for filename in tree.filenames(&requirement.project)? {
            let Ok(name) = DistributionFilename::parse(&filename, &requirement.project) else { continue };
            if requirement.contains(name.version()) {
                self.files.insert(key(&name));
            }
        }
        if self.files.len() == before && tree.filenames(&requirement.project)?.is_empty() {
            let reason = "the tree has no file of it".to_owned();
            self.failed.push(Failed { item: requirement.project.to_string(), reason });
        }
        Ok(())
    }

    fn take_locked<'a>(
        &mut self,
        files: impl Iterator<Item = &'a DistributionFilename>,
        tree: &Tree,
    ) -> anyhow::Result<()> {
        for name in files {
            if tree.record(name.project(), name.as_str())?.is_some() {
                self.files.insert(key(name));
            } else {
                let reason = "the tree does not have it".to_owned();
                self.failed.push(Failed { item: name.to_string(), reason });
            }
        }
        Ok(())
    }
}

/// What is wanted in some target.
fn applying(inputs: &[Input], targets: &[Target], printer: &Printer) -> Vec<Input> {
    let applies = |requirement: &Requirement| {
        targets.iter().any(|target| requirement.applies_in(target.environment(), &[]))
    };
    let mut wanted = Vec::new();
    for input in inputs {
        match &input.requirement {
            Ok(requirement) if applies(requirement) => wanted.push(input.clone()),
            Ok(_) => {
                printer.say(&format!("skipped {}: its marker is true in none of the targets", input.label()));
            }
            Err(_) => {}
        }
    }
    wanted
}

fn key(name: &DistributionFilename) -> (ProjectName, String) {
    (name.project().clone(), name.as_str().to_owned())
}
