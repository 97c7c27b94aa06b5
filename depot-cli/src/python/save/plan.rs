//! What a run will save: the files, for which targets, and who needs them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use depot_proto::{ProjectName, Target, Version};
use depot_tree::Tree;

use super::{
    super::{
        carried::News,
        choice,
        inputs::{Asked, Input},
        locks::{self, Locked, Pick},
        resolve::{Failed, Limits, Wanted, once, resolve},
        select,
        solve::{Choice, NetworkSupply, Package, Problem, Solution, Supply, solve},
        visible::{HIDDEN_BY_POLICY, Visible},
    },
    Source,
};
use crate::{
    args::{IndexStrategy, SaveArgs},
    exit::UsageError,
    output::Printer,
};

/// What a run will save.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The files, each once.
    pub(super) files: Vec<Wanted>,
    /// What cannot be had.
    pub(super) failed: Vec<Failed>,
    /// What is wanted in none of the targets, with its reason.
    pub(super) skipped: Vec<(String, String)>,
    /// What a person should know.
    pub(super) warnings: Vec<String>,
    /// What the policy hides that would else be chosen, in one line.
    pub(super) hidden: Option<String>,
    /// What was solved, a solution for each target; nothing where each requirement stands for itself.
    pub(super) solutions: Vec<Solution>,
}

/// What of the command line says what is chosen.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) choice: Choice,
    /// Which of the files that are offered exist.
    pub(super) visible: Visible,
    /// Newest versions come before those that the tree has.
    pub(super) upgrade: bool,
    pub(super) strategy: IndexStrategy,
    /// Whether the targets were named, and are not only those of this machine.
    pub(super) are_targets_given: bool,
}

impl Wish {
    /// Reads it, together with what lists say.
    pub(super) fn read(typed: &SaveArgs, asked: &Asked, printer: &Printer) -> anyhow::Result<Self> {
        let args = &typed.choice;
        let choice = choice::read(args, asked)?;
        let strategy = typed.index.index_strategy.unwrap_or_default();
        if choice.no_deps && choice.all_files && strategy != IndexStrategy::default() {
            let words = "with --no-deps and --all-files the first index that has a project answers: leave out one of them, or \
                         --index-strategy";
            return Err(UsageError(words.to_owned()).into());
        }
        Ok(Self {
            choice,
            visible: Visible::read(args, printer)?,
            upgrade: args.upgrade,
            strategy,
            are_targets_given: typed.targets.is_given(),
        })
    }

    /// Whether each requirement stands for itself, wherever it installs: then nothing is to be solved.
    pub(super) fn is_plain(&self) -> bool {
        self.choice.no_deps && self.choice.all_files
    }
}

/// Chooses what is saved. What must be downloaded to be read is kept in the tree where it is written to anyway.
pub(super) async fn plan(
    source: &Source,
    wish: &Wish,
    asked: &Asked,
    targets: &[Target],
    (tree, is_written): (&Arc<Tree>, bool),
) -> Plan {
    let mut plan = Plan { skipped: asked.skipped.clone(), ..Plan::default() };
    if wish.is_plain() {
        let choice = select::Choice { all_versions: wish.choice.all_versions, pre: wish.choice.pre };
        let limits = Limits { formats: wish.choice.formats.clone(), visible: wish.visible.clone() };
        let resolved = resolve(&source.client, &source.indexes, asked, choice, &limits, source.jobs).await;
        plan.files.extend(resolved.files);
        plan.failed.extend(resolved.failed);
    } else if asked.is_solved() {
        solve_for(source, wish, asked, targets, (tree, is_written), &mut plan).await;
    }
    if !asked.locked.is_empty() {
        // What was chosen before is what is saved: of it what the targets want, if any were named.
        let given = wish.are_targets_given.then_some(targets);
        let pick = Pick { targets: given, sdists: wish.choice.sdist || wish.choice.all_files };
        plan.add_locked(
            locks::wanted(asked, pick, &wish.visible, (&source.indexes, &source.client), source.jobs).await,
        );
    }
    plan
}

/// Solves what is asked for.
async fn solve_for(
    source: &Source,
    wish: &Wish,
    asked: &Asked,
    targets: &[Target],
    (tree, is_written): (&Arc<Tree>, bool),
    plan: &mut Plan,
) {
    let problem = Problem {
        requirements: wanted(&asked.inputs, targets, plan),
        constraints: asked.constraints.clone(),
        hashes_required: asked.hashes_required,
        choice: wish.choice.clone(),
        visible: wish.visible.clone(),
    };
    let indexes = Arc::clone(&source.indexes);
    let supply = NetworkSupply::new(source.client.clone(), indexes, wish.strategy, Arc::clone(tree));
    let supply = supply.keeping(is_written).preferring(!wish.upgrade);
    let supply: Arc<dyn Supply> = Arc::new(supply);
    let mut solutions = solve(Arc::clone(&supply), &problem, targets, source.jobs).await;
    // What builds a project that was given is chosen apart, as for any sdist: it may clash with what the project needs.
    for build in asked.builds.iter().filter(|_| !wish.choice.no_deps) {
        let requirements = wanted(build, targets, plan);
        let problem = Problem { requirements, constraints: BTreeMap::new(), ..problem.clone() };
        let built = solve(Arc::clone(&supply), &problem, targets, source.jobs).await;
        solutions.iter_mut().zip(built).for_each(|(solution, built)| solution.add_build(built));
    }
    plan.failed.extend(failed(&solutions));
    let warnings: BTreeSet<&String> = solutions.iter().flat_map(|solution| &solution.warnings).collect();
    plan.warnings.extend(warnings.into_iter().cloned());
    plan.warnings.extend(kept(&solutions));
    plan.hidden = hidden(&solutions);
    let files = solutions.iter().flat_map(|solution| {
        let chosen = solution.all().flat_map(|(_, package)| &package.files);
        chosen.chain(&solution.other_versions).cloned()
    });
    plan.files = once(files);
    plan.solutions = solutions;
}

/// What is wanted in some target. What could not be read failed; what applies nowhere is skipped.
fn wanted(inputs: &[Input], targets: &[Target], plan: &mut Plan) -> Vec<Input> {
    let mut wanted = Vec::new();
    for input in inputs {
        match &input.requirement {
            Err(reason) => plan.failed.push(Failed { item: input.label(), reason: reason.clone() }),
            Ok(requirement) => {
                if targets.iter().any(|target| requirement.applies_in(target.environment(), &[])) {
                    wanted.push(input.clone());
                } else {
                    plan.skipped
                        .push((input.label(), "its marker is true in none of the targets".to_owned()));
                }
            }
        }
    }
    wanted
}

/// What failed, once for all targets that it failed in for the same reason.
fn failed(solutions: &[Solution]) -> Vec<Failed> {
    struct Row<'a> {
        failed: &'a Failed,
        /// The reason without the name of the target.
        reason: String,
        targets: Vec<&'a Target>,
    }
    let mut rows: Vec<Row<'_>> = Vec::new();
    for solution in solutions {
        let target = format!(" on {}", solution.target);
        for failed in &solution.failed {
            let reason = failed.reason.replace(&target, ON_TARGET);
            match rows.iter_mut().find(|row| row.failed.item == failed.item && row.reason == reason) {
                Some(row) => row.targets.push(&solution.target),
                None => rows.push(Row { failed, reason, targets: vec![&solution.target] }),
            }
        }
    }
    let named = |row: Row<'_>| {
        let is_everywhere = row.targets.len() == solutions.len();
        let item = match &row.failed.item {
            item if is_everywhere => item.clone(),
            item => format!("{item} for {}", some_of(&row.targets)),
        };
        let reason = match row.targets[..] {
            [_] => row.failed.reason.clone(),
            _ => {
                let there = if is_everywhere { " on any target" } else { " on any of them" };
                row.reason.replace(ON_TARGET, there).replace("for this target", "for such a target")
            }
        };
        Failed { item, reason }
    };
    rows.into_iter().map(named).collect()
}

/// Stands for the name of a target, while reasons are compared.
const ON_TARGET: &str = " on \u{0}";

/// The names of some targets, not more of them than a line has room for.
fn some_of(targets: &[&Target]) -> String {
    const SHOWN: usize = 4;
    let names: Vec<_> = targets.iter().take(SHOWN).map(ToString::to_string).collect();
    match targets.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more targets", names.join(", ")),
    }
}

/// What the tree has and was yanked since it was saved, in one line, with what was chosen in its place.
pub(super) fn withdrawn(refreshed: &[News], solutions: &[Solution]) -> Option<String> {
    const SHOWN: usize = 5;
    let withdrawn = refreshed.iter().filter(|news| news.is_withdrawn).map(|news| &news.wanted);
    let withdrawn: BTreeMap<_, _> = withdrawn
        .map(|wanted| ((wanted.filename.project(), wanted.filename.version()), &wanted.file.yanked))
        .collect();
    let shown = withdrawn.iter().take(SHOWN).map(|((project, version), yanked)| {
        let reason = yanked.reason().map(|reason| format!(" (\"{reason}\")")).unwrap_or_default();
        let chosen = solutions.iter().flat_map(Solution::all).filter(|(name, _)| name == project);
        let older: BTreeSet<String> = chosen
            .filter(|(_, package)| package.version < **version)
            .map(|(_, package)| package.version.to_string())
            .collect();
        let taken = older.into_iter().collect::<Vec<_>>().join(" and ");
        let taken = if taken.is_empty() { taken } else { format!(", {taken} is taken in its place") };
        format!("{project} {version}{reason}{taken}")
    });
    let shown = shown.collect::<Vec<_>>().join("; ");
    let more = withdrawn.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!withdrawn.is_empty()).then(|| format!("the tree has what was yanked since it was saved: {shown}{more}"))
}

/// What is newer than what was chosen and hidden by the policy, in one line.
fn hidden(solutions: &[Solution]) -> Option<String> {
    const SHOWN: usize = 5;
    let hidden: BTreeMap<_, _> = solutions
        .iter()
        .flat_map(|solution| &solution.hidden)
        .map(|(project, version, why)| ((project, version), why.trim_start_matches(HIDDEN_BY_POLICY)))
        .collect();
    let shown: Vec<_> = hidden
        .iter()
        .take(SHOWN)
        .map(|((project, version), why)| format!("{project} {version}, {why}"))
        .collect();
    let more = hidden.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!hidden.is_empty()).then(|| format!("the policy hides what is newer: {}{more}", shown.join("; ")))
}

/// What stays although something newer fits, in one line.
fn kept(solutions: &[Solution]) -> Option<String> {
    const SHOWN: usize = 5;
    let kept: BTreeSet<_> = solutions.iter().flat_map(|solution| &solution.kept).collect();
    let shown: Vec<_> = kept
        .iter()
        .take(SHOWN)
        .map(|(project, stays, newest)| format!("{project} {stays} ({newest} is there)"))
        .collect();
    let more = kept.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!kept.is_empty()).then(|| {
        format!("versions that the tree has are kept: {}{more}; --upgrade takes the newest", shown.join(", "))
    })
}

/// A release, in all targets that it is for.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) project: &'a ProjectName,
    pub(super) version: &'a Version,
    /// Whether it is needed to build something there, and not to run anything.
    pub(super) for_build: bool,
    /// As it is in each target.
    pub(super) of: Vec<(&'a Target, &'a Package)>,
}

impl Plan {
    /// The releases, by project and version; those that run and those that build apart.
    pub(super) fn releases(&self) -> Vec<Row<'_>> {
        let mut rows: BTreeMap<_, Row<'_>> = BTreeMap::new();
        for solution in &self.solutions {
            for (project, package) in solution.all() {
                let (version, for_build) = (&package.version, package.for_build);
                let row = rows.entry((project, version, for_build));
                let row = row.or_insert_with(|| Row { project, version, for_build, of: Vec::new() });
                row.of.push((&solution.target, package));
            }
        }
        rows.into_values().collect()
    }

    /// The targets that each file is saved for, by its name.
    pub(super) fn targets_by_file(&self) -> BTreeMap<&str, BTreeSet<&Target>> {
        let mut targets: BTreeMap<&str, BTreeSet<&Target>> = BTreeMap::new();
        for solution in &self.solutions {
            let files = solution.all().flat_map(|(_, package)| &package.files);
            for wanted in files.chain(&solution.other_versions) {
                targets.entry(wanted.filename.as_str()).or_default().insert(&solution.target);
            }
        }
        targets
    }

    /// Adds what locks name. Where something else wants one of their files whatever its digest, the lock's still counts.
    fn add_locked(&mut self, locked: Locked) {
        let of_locks: BTreeSet<_> = locked.files.iter().map(|wanted| wanted.filename.to_string()).collect();
        self.files.retain(|wanted| !of_locks.contains(wanted.filename.as_str()));
        self.files.extend(locked.files);
        self.failed.extend(locked.failed);
        self.warnings.extend(locked.warnings);
    }
}
