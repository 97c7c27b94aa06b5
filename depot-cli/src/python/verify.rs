//! `depot python verify`: the proof that what was saved is whole and installs, before it is carried where nothing can be
//! fetched.
//!
//! * `stored` reads every byte of the tree and compares it with its record.
//! * `closure` solves what must install (`wish`) from the tree alone, and `found` gathers what is missing.
//! * `install` really installs it, in an environment that is thrown away.
//! * `live` asks a server instead of the tree.

mod closure;
mod found;
mod index;
mod install;
mod live;
mod report;
mod stored;
mod tool;
mod wish;

use std::{sync::Arc, time::Instant};

use depot_proto::Target;
use depot_tree::Tree;

use self::{found::Found, install::Installed, report::Report};
use super::{
    inputs::{self, Asked},
    saved_tree,
    targets::{self, Chosen},
};
use crate::{
    args::VerifyArgs,
    exit::{ExitStatus, UsageError},
    output::Printer,
};

/// Runs the verb.
pub(crate) async fn run(args: VerifyArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    check_usage(&args)?;
    let asked = read_asked(&args).await?;
    let url = args.urls().next().map(str::to_owned);
    // A server can be asked for what is named without any tree.
    let tree = match saved_tree(&args.tree.dir) {
        Err(_) if url.is_some() && asked.is_some() => Tree::open_read_only(&args.tree.dir),
        tree => tree?,
    };
    let tree = Arc::new(tree);
    let are_solved = asked.as_ref().is_none_or(|asked| !asked.inputs.is_empty());
    let targets = if are_solved || args.targets.is_given() {
        choose_targets(&args, printer).await?
    } else {
        Vec::new()
    };
    for warning in asked.iter().flat_map(|asked| &asked.warnings) {
        printer.say(&format!("warning: {warning}"));
    }
    for (item, reason) in asked.iter().flat_map(|asked| &asked.skipped) {
        printer.say(&format!("skipped {item}: {reason}"));
    }
    let wish = Wish { asked: asked.as_ref(), targets: &targets, are_targets_given: args.targets.is_given() };
    let mut report = Report::default();
    if let Some(url) = url {
        report.server = Some(live::check(&args, &url, &tree, wish, &mut report, printer).await?);
    } else {
        let (of, jobs, talk) = (Arc::clone(&tree), args.jobs, printer.clone());
        report.stored = tokio::task::spawn_blocking(move || stored::check(&of, jobs, &talk)).await??;
        closure::check(&args, &tree, wish, &mut report, printer).await?;
        if args.install {
            report.installed = Some(install::run(&args, &tree, wish, printer).await?);
        }
    }
    for warning in &report.found.warnings {
        // What is only verified was chosen by somebody who was told.
        match &asked {
            Some(_) => printer.say(&format!("warning: {warning}")),
            None => printer.detail(&format!("warning: {warning}")),
        }
    }
    report.show(&args, &targets, started.elapsed(), printer);
    Ok(if report.is_well() { ExitStatus::Done } else { ExitStatus::Failed })
}

/// What must install, and where.
#[derive(Clone, Copy)]
struct Wish<'a> {
    /// What was named; every release of the tree if nothing was.
    asked: Option<&'a Asked>,
    targets: &'a [Target],
    /// Whether the targets were named, and are not only those of this machine.
    are_targets_given: bool,
}

/// What clap cannot see.
fn check_usage(args: &VerifyArgs) -> Result<(), UsageError> {
    let urls = args.urls().count();
    let wrong = if urls > 1 {
        "name one URL: servers are verified one by one"
    } else if urls == 1 && args.install {
        "--install installs from the tree: leave out the URL, or --install"
    } else if urls == 0 && args.download {
        "--download is for a server: the bytes of the tree are always read"
    } else if args.sources().is_none() && args.narrows() {
        "--constraint, --extra and --group say more about what is named, and nothing is: name it"
    } else {
        return Ok(());
    };
    Err(UsageError(wrong.to_owned()))
}

async fn read_asked(args: &VerifyArgs) -> anyhow::Result<Option<Asked>> {
    let Some(sources) = args.sources() else { return Ok(None) };
    let read = tokio::task::spawn_blocking(move || inputs::read(&sources)).await?;
    read.map(Some)
}

/// Chooses the targets and says which, before anything else is said: everything follows from them.
async fn choose_targets(args: &VerifyArgs, printer: &Printer) -> anyhow::Result<Vec<Target>> {
    let typed = args.targets.clone();
    let Chosen { targets, told } = tokio::task::spawn_blocking(move || targets::targets(&typed)).await??;
    printer.say(&told);
    Ok(targets)
}
