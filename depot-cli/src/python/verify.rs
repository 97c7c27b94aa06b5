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

use depot_tree::Tree;

use self::{found::Found, install::Installed, report::Report, wish::Scope};
use super::{inputs, locks, saved_tree};
use crate::{
    args::VerifyArgs,
    exit::{ExitStatus, UsageError},
    output::Printer,
};

/// Runs the verb.
pub(crate) async fn run(mut args: VerifyArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let urls = args.take_urls_and_sets();
    check_usage(&args, &urls)?;
    let url = urls.into_iter().next();
    let scope = Scope::read(&args, printer).await?;
    let is_named = matches!(scope, Scope::Named(_));
    // A server can be asked for what is named without any tree.
    let tree = match saved_tree(args.dir()) {
        Err(_) if url.is_some() && is_named => Tree::open_read_only(args.dir()),
        tree => tree?,
    };
    let tree = Arc::new(tree);
    let mut report = Report::new(is_named, scope.targets());
    if let Some(url) = url {
        report.server = Some(live::check(&args, &url, &tree, &scope, &mut report, printer).await?);
    } else {
        let (of, jobs, talk) = (Arc::clone(&tree), args.jobs, printer.clone());
        report.stored = tokio::task::spawn_blocking(move || stored::check(&of, jobs, &talk)).await??;
        closure::check(&args, &tree, &scope, &mut report, printer).await?;
        if args.install {
            report.installed = Some(install::run(&args, &tree, &scope, printer).await?);
        }
    }
    for warning in &report.found.warnings {
        let warning = format!("warning: {warning}");
        // What is only verified was chosen by somebody who was told.
        if is_named { printer.say(&warning) } else { printer.detail(&warning) }
    }
    report.show(args.dir(), started.elapsed(), printer);
    Ok(if report.is_well() { ExitStatus::Done } else { ExitStatus::Failed })
}

/// What clap cannot see.
fn check_usage(args: &VerifyArgs, urls: &[String]) -> Result<(), UsageError> {
    let says_more = args.needs.sources.narrows() || args.needs.choice.is_given();
    let not_a_set = args.needs.set.iter().find(|path| locks::is_lock(path) || inputs::is_project(path));
    let wrong = if urls.len() > 1 {
        "name one URL: servers are verified one by one"
    } else if !urls.is_empty() && args.install {
        "--install installs from the tree: leave out the URL, or --install"
    } else if urls.is_empty() && args.download {
        "--download is for a server: the bytes of the tree are always read"
    } else if let Some(path) = not_a_set {
        return Err(UsageError(format!("`{0}` is no set file: name it as `-r {0}`", path.display())));
    } else if !args.needs.is_given() && says_more {
        "nothing is named, and the flags say more about what is: name it, or leave them out"
    } else {
        return Ok(());
    };
    Err(UsageError(wrong.to_owned()))
}
