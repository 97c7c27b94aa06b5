//! What is needed of a saved tree: what is asked for, solved from the tree alone, without any network.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use depot_proto::{DistributionFilename, DistributionKind, ProjectName, Requirement, Target};
use depot_tree::Tree;

use super::{
    choice,
    inputs::{self, Asked, Input, Place},
    locks::{self, LockedFile, Pick},
    resolve::Failed,
    set::Set,
    solve::{BuildSystem, Choice, NoMetadata, Problem, Solution, Supply, saved_supply, solve_offline},
    targets::{self, Chosen},
    visible::Visible,
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
    /// Whether something of it is not had from an index, and so not from the tree.
    pub(super) has_skipped: bool,
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
        let visible = Visible::read(&set.choice, printer)?;
        // Where each stands for itself, nothing follows from the targets.
        let is_plain = wish.no_deps && wish.all_files;
        let is_solved = asked.is_solved() && !is_plain;
        let are_given = set.targets.is_given();
        let targets =
            if is_solved || are_given { choose_targets(&set.targets, printer).await? } else { Vec::new() };
        for warning in asked.warnings.iter().chain(&asked.check_targets(&targets)) {
            printer.say(&format!("warning: {warning}"));
        }
        for (item, reason) in &asked.skipped {
            printer.say(&format!("skipped {item}: {reason}"));
            self.has_skipped = true;
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
                visible: visible.clone(),
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
            self.take_locked(&files, tree);
            let sdists = files.iter().map(|file| &file.filename);
            let sdists: Vec<_> = sdists
                .filter(|filename| filename.kind() == DistributionKind::Sdist && !wish.no_deps)
                .collect();
            if !sdists.is_empty() {
                // A lock that is for everybody does not say for whom its sdists are built.
                let targets = if targets.is_empty() {
                    choose_targets(&set.targets, printer).await?
                } else {
                    targets.clone()
                };
                let problem = Problem { choice: wish.clone(), visible, ..Problem::default() };
                self.take_builds(&sdists, &problem, &targets, tree, printer).await;
            }
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
        let mut is_there = false;
        for filename in tree.filenames(&requirement.project)? {
            let Ok(name) = DistributionFilename::parse(&filename, &requirement.project) else { continue };
            let record = tree.record(&requirement.project, &filename)?;
            let has_bytes =
                record.is_some_and(|record| tree.has_bytes(&requirement.project, &filename, record.size));
            if has_bytes && requirement.contains(name.version()) {
                self.files.insert(key(&name));
                is_there = true;
            }
        }
        if !is_there {
            let reason = "the tree has no file of it".to_owned();
            self.failed.push(Failed { item: requirement.to_string(), reason });
        }
        Ok(())
    }

    fn take_locked(&mut self, files: &[&LockedFile], tree: &Tree) {
        for file in files {
            match locks::held(tree, file) {
                Ok(()) => drop(self.files.insert(key(&file.filename))),
                Err(reason) => {
                    let item = format!("{} ({})", file.filename, file.place);
                    self.failed.push(Failed { item, reason });
                }
            }
        }
    }

    /// What builds the sdists of locks, as far as the tree has it: locks do not name it, and a save of a lock does not save
    /// it.
    async fn take_builds(
        &mut self,
        sdists: &[&DistributionFilename],
        problem: &Problem,
        targets: &[Target],
        tree: &Arc<Tree>,
        printer: &Printer,
    ) {
        let supply = saved_supply(Arc::clone(tree));
        for (filename, target) in sdists.iter().flat_map(|one| targets.iter().map(move |to| (one, to))) {
            let missing = match building(&supply, filename, target).await {
                Ok(requirements) => {
                    let problem = Problem { requirements, ..problem.clone() };
                    let solved =
                        solve_offline(Arc::clone(tree), &problem, std::slice::from_ref(target)).await;
                    let packages = solved.iter().flat_map(Solution::all);
                    let files = packages.flat_map(|(_, package)| &package.files);
                    self.files.extend(files.map(|wanted| key(&wanted.filename)));
                    let failed = solved.into_iter().flat_map(|solution| solution.failed);
                    failed.map(|failed| format!("{}: {}", failed.item, failed.reason)).collect()
                }
                Err(reason) => vec![reason],
            };
            for missing in missing {
                printer.say(&format!(
                    "warning: what builds {filename} for {target} is not all in the tree: {missing}"
                ));
            }
        }
    }
}

/// What builds an sdist in a target; nothing for one that is not offered.
pub(super) async fn building(
    supply: &Arc<dyn Supply>,
    sdist: &DistributionFilename,
    target: &Target,
) -> Result<Vec<Input>, String> {
    let listing = supply.listing(sdist.project()).await.unwrap_or_default();
    let Some(offer) = listing.offers.into_iter().find(|offer| offer.filename == *sdist) else {
        return Ok(Vec::new());
    };
    let system = match supply.build_system(&offer).await {
        Ok(system) => system,
        Err(NoMetadata::Bad(_)) => BuildSystem::of_pyproject(None),
        Err(NoMetadata::Failed(reason)) => return Err(reason),
    };
    let applying = system.requires.into_iter().filter(|one| one.applies_in(target.environment(), &[]));
    let inputs = applying.map(|one| Input {
        text: one.to_string(),
        place: Place::CommandLine,
        requirement: Ok(one),
        hashes: None,
    });
    Ok(inputs.collect())
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
