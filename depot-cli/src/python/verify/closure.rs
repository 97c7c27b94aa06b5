//! Whether all that is required is there: solved from the tree alone, for each target.

use std::sync::{Arc, Mutex, PoisonError};

use depot_proto::{DistributionFilename, DistributionKind, Target};
use depot_tree::Tree;

use super::{
    Found, Scope,
    report::Report,
    wish::{self, Releases, Wish},
};
use crate::{
    args::VerifyArgs,
    output::Printer,
    progress::Progress,
    python::{
        inputs::{Input, Place},
        locks::{LockedFile, held},
        needs::building,
        resolve::Failed,
        solve::{Answer, Link, Missing, NoListing, Problem, Supply, saved_supply, solve_many},
        statuses::status_of,
        visible::{Unseen, Visible},
    },
};

/// The names of files, of which some may stand there twice.
pub(super) type Files = Vec<DistributionFilename>;

/// Solves what is named, or every release of the tree, each by itself.
pub(super) async fn check(
    args: &VerifyArgs,
    tree: &Arc<Tree>,
    scope: &Scope,
    report: &mut Report,
    printer: &Printer,
) -> anyhow::Result<()> {
    let supply = saved_supply(Arc::clone(tree));
    match scope {
        Scope::Whole(targets, visible) => {
            let releases = releases(tree, targets).await?;
            each_release(&supply, releases, (targets, visible), (args, printer), report).await;
        }
        Scope::Named(wishes) => {
            for wish in wishes {
                check_locks(tree, wish, &mut report.found);
                named(&supply, wish, args, &mut report.found).await;
            }
        }
    }
    Ok(())
}

/// The releases of a tree that each target can install.
pub(super) async fn releases(tree: &Arc<Tree>, targets: &[Target]) -> anyhow::Result<Vec<Releases>> {
    let (of, targets) = (Arc::clone(tree), targets.to_vec());
    tokio::task::spawn_blocking(move || wish::releases(&of, &targets)).await?
}

/// Solves what is named, together; the files that it comes to, but those that locks name.
pub(super) async fn named(
    supply: &Arc<dyn Supply>,
    wish: &Wish,
    args: &VerifyArgs,
    found: &mut Found,
) -> Files {
    let mut files = Files::new();
    for failed in wish.unread() {
        found.fail(failed, None);
    }
    for input in wish.standing_alone() {
        found.asked += 1;
        match alone(supply, input, wish.visible()).await {
            Ok(names) => files.extend(names),
            Err(why) => found.lacks(missing(input.label(), &input.place, input.text.clone(), why), None),
        }
    }
    let problems = wish.problems();
    for input in problems.iter().flat_map(|problem| &problem.requirements) {
        let is_wanted = |target: &&Target| {
            let requirement = input.requirement.as_ref();
            requirement.is_ok_and(|one| one.applies_in(target.environment(), &[]))
        };
        let count = wish.targets.iter().filter(is_wanted).count();
        found.asked += count;
        if count == 0 {
            let warning = format!("{}: its marker is true in none of the targets", input.label());
            found.warnings.insert(warning);
        }
    }
    for answer in all(supply, problems, &wish.targets, args).await {
        files.extend(files_of(&answer));
        found.add(answer);
    }
    for target in wish.locked_targets() {
        for answer in to_build(supply, wish, target, args, found).await {
            files.extend(files_of(&answer));
            found.add(answer);
        }
    }
    files
}

/// The files of an answer, those to build with too.
fn files_of(answer: &Answer) -> impl Iterator<Item = DistributionFilename> {
    let files = answer.solution.all().flat_map(|(_, package)| &package.files);
    files.map(|wanted| wanted.filename.clone())
}

/// The files of all versions that a requirement allows; or why there are none.
async fn alone(supply: &Arc<dyn Supply>, input: &Input, visible: &Visible) -> Result<Files, String> {
    let requirement = input.requirement.as_ref().map_err(Clone::clone)?;
    let listing = supply.listing(&requirement.project).await.map_err(NoListing::into_reason)?;
    let visible = visible.by_policy_alone();
    let seen = visible.of(&requirement.project, listing.status);
    let (mut files, mut hidden) = (Files::new(), None);
    for offer in listing.offers {
        if requirement.contains(offer.filename.version()) {
            match seen.unseen(&offer.filename, &offer.file) {
                None => files.push(offer.filename),
                Some(Unseen::TooNew) => {}
                Some(Unseen::Policy(why)) => hidden = Some(format!("{} is {why}", offer.filename)),
            }
        }
    }
    if files.is_empty() {
        Err(hidden.unwrap_or_else(|| "there is no file of such a version".to_owned()))
    } else {
        Ok(files)
    }
}

/// That something which was asked for is not there.
fn missing(asked: String, place: &Place, requirement: String, why: String) -> Missing {
    Missing { asked, place: place.clone(), chain: Vec::new(), requirement, to_build: false, why }
}

/// Solves what builds the sdists that a target would install of locks, which locks do not say.
async fn to_build(
    supply: &Arc<dyn Supply>,
    wish: &Wish,
    target: &Target,
    args: &VerifyArgs,
    found: &mut Found,
) -> Vec<Answer> {
    let mut problems = Vec::new();
    let mut sdists = Vec::new();
    for file in wish.locked_for(target) {
        let LockedFile { filename, place, .. } = file;
        if filename.kind() != DistributionKind::Sdist {
            continue;
        }
        let inputs = match building(supply, filename, target).await {
            Ok(inputs) => inputs,
            Err(reason) => {
                found.fail(Failed { item: format!("{filename} ({place})"), reason }, Some(target));
                continue;
            }
        };
        problems.push(wish.building(inputs));
        sdists.push(file);
    }
    let mut answers = all(supply, problems, std::slice::from_ref(target), args).await;
    for (answer, LockedFile { filename, place, .. }) in answers.iter_mut().zip(sdists) {
        let (project, version) = (filename.project().clone(), filename.version().clone());
        for failed in &mut answer.unexplained {
            failed.item = format!("{} (needed to build {project} {version})", failed.item);
        }
        for missing in &mut answer.missing {
            match missing.chain.first_mut() {
                Some(link) => link.to_build = true,
                None => missing.to_build = true,
            }
            let (project, version, requirement) = (project.clone(), version.clone(), filename.to_string());
            missing.chain.insert(0, Link { project, version, requirement, to_build: false });
            missing.asked = format!("{filename} ({place})");
            missing.place = place.clone();
        }
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
    (targets, visible): (&[Target], &Visible),
    (args, printer): (&VerifyArgs, &Printer),
    report: &mut Report,
) {
    let count = releases.iter().flat_map(|releases| releases.usable.values()).map(Vec::len).sum();
    let progress = Progress::start(printer, count);
    let found = Arc::new(Mutex::new(std::mem::take(&mut report.found)));
    for (target, releases) in targets.iter().zip(releases) {
        let names = releases.usable.iter().flat_map(|(project, versions)| {
            versions.iter().map(move |version| wish::of_release(project, version, visible))
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

/// Fails with the reason if a policy hides a file that a lock names.
fn shown(tree: &Tree, file: &LockedFile, visible: &Visible) -> Result<(), String> {
    let (visible, project) = (visible.by_policy_alone(), file.filename.project());
    let record = tree.record(project, file.filename.as_str()).map_err(|error| error.to_string())?;
    let Some(record) = record else { return Ok(()) };
    let status = status_of(tree, project).map(|status| status.status).unwrap_or_default();
    match visible.of(project, status).unseen(&file.filename, &record.to_page_file(String::new())) {
        Some(Unseen::Policy(why)) => Err(format!("it is {why}")),
        Some(Unseen::TooNew) | None => Ok(()),
    }
}

/// Whether the files that locks name are in the tree, with a digest that they are pinned to.
fn check_locks(tree: &Tree, wish: &Wish, found: &mut Found) {
    let (files, failed) = wish.locked();
    for failed in failed {
        found.fail(failed, None);
    }
    found.asked += files.len();
    for file in files {
        if let Err(why) = held(tree, file).and_then(|()| shown(tree, file, wish.visible())) {
            let (label, name) = (format!("{} ({})", file.filename, file.place), file.filename.to_string());
            found.lacks(missing(label, &file.place, name, why), None);
        }
    }
}
