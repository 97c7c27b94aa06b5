//! `depot python prune`: what the current needs do not need goes.
//!
//! What is needed is found by solving from the tree alone, by the same rules as a save. Where anything of it cannot be
//! had, nobody knows what is needed, and nothing is deleted; nor is it while somebody else writes into the tree.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use anyhow::Context as _;
use depot_proto::ProjectName;
use depot_tree::{Removal, Tree};
use serde_json::json;

use super::{
    failed,
    needs::{Needs, needs},
    saved_tree,
};
use crate::{
    args::PruneArgs,
    exit::ExitStatus,
    output::{JsonList, Printer, bytes, count, seconds},
};

const IN_USE: &str = "somebody else writes into the tree, and may rely on what is in it: nothing was deleted; run the \
                      same command again when that is done";

/// A file that nothing needs.
struct Surplus {
    project: ProjectName,
    filename: String,
    size: u64,
}

/// Runs the verb.
pub(crate) async fn run(args: PruneArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let dir = args.needs.tree.dir.clone();
    let dry_run = args.dry_run;
    // What is saved from here on is not looked at, and so it is not deleted.
    let opening = tokio::task::spawn_blocking(move || {
        if dry_run {
            return saved_tree(&dir);
        }
        saved_tree(&dir)?;
        let (tree, recovered) =
            Tree::open(&dir).with_context(|| format!("cannot use the tree `{}`", dir.display()))?;
        tree.settle(&recovered)?;
        anyhow::ensure!(!tree.is_shared()?, IN_USE);
        Ok(tree)
    });
    let tree = Arc::new(opening.await??);
    let of = Arc::clone(&tree);
    let all = tokio::task::spawn_blocking(move || files(&of)).await??;
    let needs = needs(&args.needs, &tree, printer).await?;
    failed::tell(&needs.failed, printer);
    anyhow::ensure!(
        needs.failed.is_empty(),
        "what is needed cannot be told, so nothing was deleted: save it first, or name what is still wanted"
    );
    anyhow::ensure!(
        !needs.files.is_empty(),
        "nothing in the tree is needed, so nothing was deleted: remove `{}` if that is meant",
        args.needs.tree.dir.display()
    );
    let (surplus, kept) = part(all, &needs);
    if !dry_run {
        let doomed: Vec<(ProjectName, String)> =
            surplus.iter().map(|file| (file.project.clone(), file.filename.clone())).collect();
        let of = Arc::clone(&tree);
        let removed = tokio::task::spawn_blocking(move || of.remove(&doomed)).await??;
        anyhow::ensure!(removed != Removal::InUse, IN_USE);
        let emptied: BTreeSet<ProjectName> = surplus.iter().map(|file| file.project.clone()).collect();
        let of = Arc::clone(&tree);
        tokio::task::spawn_blocking(move || {
            emptied.iter().try_for_each(|project| of.forget_project(project).map(drop))
        })
        .await??;
        // What an earlier run left that was cut off. Who began to write since may be the one whose it is.
        let of = Arc::clone(&tree);
        if let Removal::Done { files: swept @ 1.. } =
            tokio::task::spawn_blocking(move || of.sweep_strays()).await??
        {
            printer.say(&format!("removed what lay there of {} without a record", count(swept, "file")));
        }
    }
    let seconds = seconds(started.elapsed());
    show(&args, &needs, &surplus, kept, seconds, printer);
    Ok(ExitStatus::Done)
}

/// All files of the tree. One whose record cannot be read may be needed for all anybody knows: it is not among them.
fn files(tree: &Tree) -> anyhow::Result<Vec<Surplus>> {
    let mut files = Vec::new();
    for project in tree.projects()? {
        for filename in tree.filenames(&project)? {
            if let Ok(Some(record)) = tree.record(&project, &filename) {
                files.push(Surplus { project: project.clone(), filename, size: record.size });
            }
        }
    }
    Ok(files)
}

/// What nothing needs, and how many files and bytes are needed.
fn part(all: Vec<Surplus>, needs: &Needs) -> (Vec<Surplus>, (usize, u64)) {
    let is_needed = |file: &Surplus| needs.files.contains(&(file.project.clone(), file.filename.clone()));
    let (kept, surplus): (Vec<_>, Vec<_>) = all.into_iter().partition(is_needed);
    let size = kept.iter().map(|file| file.size).sum();
    (surplus, (kept.len(), size))
}

fn show(
    args: &PruneArgs,
    needs: &Needs,
    surplus: &[Surplus],
    (kept, kept_bytes): (usize, u64),
    seconds: f64,
    printer: &Printer,
) {
    let size: u64 = surplus.iter().map(|file| file.size).sum();
    let dir = &args.needs.tree.dir;
    let targets: Vec<String> = needs.targets.iter().map(ToString::to_string).collect();
    let head = json!({ "schema": "depot.prune/1", "dir": dir, "dry-run": args.dry_run, "targets": targets });
    let mut rows = JsonList::begin(printer, &head, "files");
    let outcome = if args.dry_run { "planned" } else { "deleted" };
    for file in surplus {
        if args.dry_run {
            printer.data(&format!("{}  {}", file.filename, bytes(file.size)));
        } else {
            printer.detail(&format!("deleted {}", file.filename));
        }
        rows.row(&json!({
            "project": file.project,
            "filename": file.filename,
            "size": file.size,
            "outcome": outcome,
        }));
    }
    rows.end(&json!({
        "counts": { "kept": kept, "deleted": surplus.len() },
        "bytes": size,
        "seconds": seconds,
    }));
    let verb = if args.dry_run { "would delete" } else { "deleted" };
    printer.say(&format!(
        "{verb} {} ({}), kept {} ({}) in {seconds} s, in {}",
        count(surplus.len(), "file"),
        bytes(size),
        kept,
        bytes(kept_bytes),
        dir.display()
    ));
}
