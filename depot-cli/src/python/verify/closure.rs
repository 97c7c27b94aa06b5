//! Whether all that is required is there: solved from the tree alone, for each target.

use std::sync::{Arc, Mutex, PoisonError};

use depot_proto::{ProjectName, Target, layout::Part};
use depot_tree::Tree;

use super::{
    Found, Wish,
    report::Report,
    wish::{self, Releases},
};
use crate::{
    args::VerifyArgs,
    output::Printer,
    progress::Progress,
    python::{
        inputs::Asked,
        locks::{self, LockedFile, Pick},
        requirements::Listed,
        solve::{Answer, Missing, Problem, Supply, saved_supply, solve_many},
    },
};

/// Solves what is named, or every release of the tree, each by itself.
pub(super) async fn check(
    args: &VerifyArgs,
    tree: &Arc<Tree>,
    wish: Wish<'_>,
    report: &mut Report,
    printer: &Printer,
) -> anyhow::Result<()> {
    let supply = saved_supply(Arc::clone(tree));
    let Some(asked) = wish.asked else {
        let releases = releases(tree, wish.targets).await?;
        each_release(&supply, releases, wish.targets, (args, printer), report).await;
        return Ok(());
    };
    check_locks(tree, asked, wish, &mut report.found);
    if !asked.inputs.is_empty() {
        named(&supply, asked, wish.targets, args, &mut report.found).await;
    }
    Ok(())
}

/// The releases of a tree that each target can install.
pub(super) async fn releases(tree: &Arc<Tree>, targets: &[Target]) -> anyhow::Result<Vec<Releases>> {
    let (of, targets) = (Arc::clone(tree), targets.to_vec());
    tokio::task::spawn_blocking(move || wish::releases(&of, &targets)).await?
}

/// Solves what is named, together.
pub(super) async fn named(
    supply: &Arc<dyn Supply>,
    asked: &Asked,
    targets: &[Target],
    args: &VerifyArgs,
    found: &mut Found,
) -> Vec<Answer> {
    let (problem, failed) = wish::of_asked(asked, args.pre);
    for failed in failed {
        found.fail(failed, None);
    }
    let applies = |target: &Target| {
        let requirements = problem.requirements.iter().filter_map(|it| it.requirement.as_ref().ok());
        requirements.filter(|one| one.applies_in(target.environment(), &[])).count()
    };
    for input in &problem.requirements {
        let is_wanted = |target: &&Target| {
            let requirement = input.requirement.as_ref();
            requirement.is_ok_and(|one| one.applies_in(target.environment(), &[]))
        };
        if !targets.iter().any(|target| is_wanted(&target)) {
            let warning = format!("{}: its marker is true in none of the targets", input.label());
            found.warnings.insert(warning);
        }
    }
    found.asked += targets.iter().map(applies).sum::<usize>();
    let answers = all(supply, vec![problem], targets, args).await;
    for answer in &answers {
        found.add(answer.clone());
    }
    answers
}

/// Solves some problems, and gathers the answers.
pub(super) async fn all(
    supply: &Arc<dyn Supply>,
    problems: Vec<Problem>,
    targets: &[Target],
    args: &VerifyArgs,
) -> Vec<Answer> {
    let gathered = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&gathered);
    let each = move |_: usize, answers: Vec<Answer>| {
        into.lock().unwrap_or_else(PoisonError::into_inner).extend(answers);
    };
    solve_many(Arc::clone(supply), problems, targets, args.jobs.get(), each).await;
    std::mem::take(&mut gathered.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Solves every release that a target can install, by itself: two of them need not go together.
pub(super) async fn each_release(
    supply: &Arc<dyn Supply>,
    releases: Vec<Releases>,
    targets: &[Target],
    (args, printer): (&VerifyArgs, &Printer),
    report: &mut Report,
) {
    let count = releases.iter().flat_map(|releases| releases.usable.values()).map(Vec::len).sum();
    let progress = Progress::start(printer, count);
    let found = Arc::new(Mutex::new(std::mem::take(&mut report.found)));
    for (target, releases) in targets.iter().zip(releases) {
        let names = releases.usable.iter().flat_map(|(project, versions)| {
            versions.iter().map(move |version| wish::of_release(project, version))
        });
        let problems: Vec<Problem> = names.collect();
        report.passed_over(target, releases.others);
        let (into, shown) = (Arc::clone(&found), progress.clone());
        let each = move |_: usize, answers: Vec<Answer>| {
            let mut found = into.lock().unwrap_or_else(PoisonError::into_inner);
            found.asked += answers.len();
            for answer in answers {
                found.add(answer);
            }
            shown.step();
        };
        let target = std::slice::from_ref(target);
        solve_many(Arc::clone(supply), problems, target, args.jobs.get(), each).await;
    }
    progress.finish();
    report.found = std::mem::take(&mut found.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Whether the files that locks name are in the tree, with a digest that they are pinned to.
fn check_locks(tree: &Tree, asked: &Asked, wish: Wish<'_>, found: &mut Found) {
    let targets = wish.are_targets_given.then_some(wish.targets);
    let (files, locked) = locks::named(asked, Pick { targets, sdists: false });
    found.warnings.extend(locked.warnings);
    for failed in locked.failed {
        found.fail(failed, None);
    }
    found.asked += files.len();
    for file in files {
        if let Err(why) = check_locked(tree, file) {
            let (requirement, asked) = (file.filename.to_string(), file.place.to_string());
            let missing = Missing { asked, chain: Vec::new(), requirement, to_build: false, why };
            found.lacks(missing, None);
        }
    }
}

fn check_locked(tree: &Tree, file: &LockedFile) -> Result<(), String> {
    let (project, filename): (&ProjectName, _) = (file.filename.project(), file.filename.as_str());
    let record = tree.record(project, filename).map_err(|error| error.to_string())?;
    let Some(record) = record else { return Err("it is not in the tree".to_owned()) };
    if file.hashes.is_empty() {
        return Ok(());
    }
    let is_right = match file.hashes.judge(&record.to_page_file(String::new()).hashes) {
        Listed::Meant => true,
        Listed::Other => false,
        Listed::Unknown => {
            let opened = tree.open_part(project, filename, Part::Bytes).map_err(|error| error.to_string())?;
            let opened = opened.ok_or("its bytes are not in the tree")?;
            file.hashes.allow(opened.file).map_err(|error| error.to_string())?
        }
    };
    if is_right {
        return Ok(());
    }
    Err(format!("the tree has it with the sha256 {}, and the lock pins it to {}", record.sha256, file.hashes))
}
