//! `depot python save`: plan, run, report.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context as _;
use depot_index::{Client, ClientOptions, IndexUrl};
use depot_proto::{Timestamp, layout::Part};
use depot_tree::{Tree, Verified};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    fetch::{Fetched, Outcome, conflict, facts, fetch, refresh},
    inputs,
    resolve::{Failed, Resolved, Wanted, resolve},
};
use crate::{
    DEFAULT_INDEX,
    args::SaveArgs,
    exit::{ExitStatus, UsageError},
    output::{Printer, bytes, count, explain},
    progress::Progress,
};

/// What the run came to.
#[derive(Default)]
struct Report {
    files: Vec<(Wanted, Option<Fetched>)>,
    failed: Vec<Failed>,
}

/// Runs the verb.
pub(crate) async fn run(args: SaveArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let index = args.index_url.as_deref().unwrap_or(DEFAULT_INDEX).parse::<IndexUrl>();
    let index = index.map_err(|error| UsageError(error.to_string()))?;
    let inputs = inputs::read(&args.specs, args.stdin, &args.requirements)?;
    let client = Client::new(ClientOptions::default())?;
    let jobs = args.jobs.get();
    printer.detail(&format!("asking {index} for {}", count(inputs.len(), "requirement")));
    let resolved = resolve(&client, &index, &inputs, args.all_versions, jobs).await;
    let report = if args.dry_run {
        look(&client, &index, &Tree::open_read_only(&args.tree.dir), resolved, jobs).await
    } else {
        save(&client, &index, &args, resolved, printer).await?
    };
    show(&report, &args, &index, started.elapsed(), printer);
    Ok(if report.failed.is_empty() { ExitStatus::Done } else { ExitStatus::Partial })
}

/// Tells what is there already from what would be fetched, fills in the sizes that the index does not tell, and touches
/// nothing.
async fn look(client: &Client, index: &IndexUrl, tree: &Tree, resolved: Resolved, jobs: usize) -> Report {
    let sized = stream::iter(resolved.files).map(|mut wanted| async move {
        if let Some(present) = glance(tree, &wanted) {
            return (wanted, Some(present));
        }
        if wanted.file.size.is_none() {
            // A size that cannot be had is not worth a failure.
            wanted.file.size = client.size(index, &wanted.file).await.ok().flatten();
        }
        (wanted, None)
    });
    Report { files: sized.buffered(jobs).collect().await, failed: resolved.failed }
}

/// Whether a file is in the tree by its record and its size; the bytes are not read for a dry run.
fn glance(tree: &Tree, wanted: &Wanted) -> Option<Fetched> {
    let (project, filename) = (wanted.filename.project(), wanted.filename.as_str());
    let known = tree.record(project, filename).ok()??;
    let bytes = tree.open_part(project, filename, Part::Bytes).ok()??;
    let is_same =
        wanted.file.sha256().is_none_or(|sha256| sha256 == known.sha256) && bytes.size == known.size;
    let present =
        Fetched { outcome: Outcome::Present, sha256: known.sha256, size: known.size, warning: None };
    is_same.then_some(present)
}

async fn save(
    client: &Client,
    index: &IndexUrl,
    args: &SaveArgs,
    resolved: Resolved,
    printer: &Printer,
) -> anyhow::Result<Report> {
    let dir = args.tree.dir.clone();
    let (tree, recovered) =
        Tree::open(&dir).with_context(|| format!("cannot use the tree `{}`", dir.display()))?;
    if recovered.swept > 0 {
        printer.detail(&format!("removed {} of a run that was cut off", count(recovered.swept, "left-over")));
    }
    let tree = Arc::new(tree);
    let mut report = Report { failed: resolved.failed, ..Report::default() };
    let (mut verified, missing) = {
        let (tree, index) = (Arc::clone(&tree), index.clone());
        let (verified, missing, present) =
            tokio::task::spawn_blocking(move || take_stock(&tree, &index, resolved.files)).await?;
        for (wanted, fetched) in present {
            match fetched {
                Ok(fetched) => report.files.push((wanted, Some(fetched))),
                Err(error) => report.failed.push(failed(&wanted, &error)),
            }
        }
        (verified, missing)
    };
    if !report.files.is_empty() {
        printer.detail(&format!("{} there already", count(report.files.len(), "file")));
    }
    let progress = Progress::start(printer, missing.len());
    let now = now();
    let mut fetching = stream::iter(missing)
        .map(|wanted| {
            let (client, index, tree) = (client.clone(), index.clone(), Arc::clone(&tree));
            let progress = progress.clone();
            // A task of its own, so that downloads are hashed on all cores.
            tokio::spawn(async move {
                progress.begin(wanted.filename.as_str());
                let fetched = fetch(&client, &index, &tree, wanted.clone(), now).await;
                (wanted, fetched)
            })
        })
        .buffer_unordered(args.jobs.get());
    while let Some(joined) = fetching.next().await {
        let (wanted, fetched) = joined?;
        match fetched {
            Ok(fetched) => {
                progress.done(&format!("saved {} ({})", wanted.filename, bytes(fetched.size)));
                if let Some(warning) = &fetched.warning {
                    progress.warn(warning);
                }
                verified.remember(&tree, wanted.filename.project(), wanted.filename.as_str(), fetched.sha256);
                report.files.push((wanted, Some(fetched)));
            }
            Err(error) => {
                let failed = failed(&wanted, &error);
                progress.done(&format!("failed {}", failed.item));
                report.failed.push(failed);
            }
        }
    }
    progress.finish();
    verified.store()?;
    report.files.sort_by(|(one, _), (two, _)| {
        let key = |wanted: &Wanted| (wanted.filename.project().clone(), wanted.filename.to_string());
        key(one).cmp(&key(two))
    });
    Ok(report)
}

type Present = Vec<(Wanted, anyhow::Result<Fetched>)>;

/// Parts what is in the tree, and right, from what must be fetched; the largest first, so that none is left for last.
fn take_stock(tree: &Tree, index: &IndexUrl, files: Vec<Wanted>) -> (Verified, Vec<Wanted>, Present) {
    let mut verified = Verified::load(tree);
    let (mut missing, mut present) = (Vec::new(), Vec::new());
    for wanted in files {
        match stock_of(tree, &mut verified, index, &wanted) {
            Ok(None) => missing.push(wanted),
            Ok(Some(fetched)) => present.push((wanted, Ok(fetched))),
            Err(error) => present.push((wanted, Err(error))),
        }
    }
    missing.sort_by_key(|wanted| std::cmp::Reverse(wanted.file.size));
    (verified, missing, present)
}

fn stock_of(
    tree: &Tree,
    verified: &mut Verified,
    index: &IndexUrl,
    wanted: &Wanted,
) -> anyhow::Result<Option<Fetched>> {
    let (project, filename) = (wanted.filename.project(), wanted.filename.as_str());
    let Some(known) = tree.record(project, filename)? else { return Ok(None) };
    if wanted.file.sha256().is_some_and(|sha256| sha256 != known.sha256) {
        return Err(conflict(&known));
    }
    if !verified.is_right(tree, project, filename, known.sha256)? {
        return Ok(None);
    }
    let is_news = refresh(tree, &wanted.filename, &facts(index, &wanted.file))?;
    let outcome = if is_news { Outcome::Updated } else { Outcome::Present };
    Ok(Some(Fetched { outcome, sha256: known.sha256, size: known.size, warning: None }))
}

fn failed(wanted: &Wanted, error: &anyhow::Error) -> Failed {
    Failed { item: wanted.filename.to_string(), reason: explain(error) }
}

fn show(report: &Report, args: &SaveArgs, index: &IndexUrl, took: Duration, printer: &Printer) {
    let of = |outcome| {
        let fetched = report.files.iter().filter_map(|(_, fetched)| fetched.as_ref());
        let (mut files, mut size) = (0, 0);
        for one in fetched {
            if one.outcome == outcome {
                files += 1;
                size += one.size;
            }
        }
        (files, size)
    };
    let (saved, updated, present) = (of(Outcome::Saved), of(Outcome::Updated), of(Outcome::Present));
    let seconds = (took.as_secs_f64() * 100.0).round() / 100.0;
    for failed in &report.failed {
        printer.error(&format!("{}: {}", failed.item, failed.reason));
    }
    if args.dry_run {
        let planned: Vec<_> = report.files.iter().filter(|(_, present)| present.is_none()).collect();
        for (wanted, _) in &planned {
            let size = wanted.file.size.map_or_else(|| "size unknown".to_owned(), bytes);
            printer.data(&format!("{}  {size}", wanted.filename));
        }
        let size: u64 = planned.iter().filter_map(|(wanted, _)| wanted.file.size).sum();
        let files = count(planned.len(), "file");
        printer.say(&format!("would save {files} ({}), {} there already", bytes(size), present.0));
    } else {
        let mut parts = vec![format!("saved {} ({})", count(saved.0, "file"), bytes(saved.1))];
        if updated.0 > 0 {
            parts.push(format!("{} updated", updated.0));
        }
        parts.push(format!("{} there already", present.0));
        if !report.failed.is_empty() {
            parts.push(format!("{} failed", report.failed.len()));
        }
        printer.say(&format!("{} in {seconds} s, in {}", parts.join(", "), args.tree.dir.display()));
    }
    printer.json(&json!({
        "schema": "depot.save/1",
        "index": index.as_url().as_str(),
        "dir": args.tree.dir,
        "dry-run": args.dry_run,
        "files": report.files.iter().map(|(wanted, fetched)| row(wanted, fetched.as_ref())).collect::<Vec<_>>(),
        "failed": report.failed.iter().map(|failed| json!({ "item": failed.item, "reason": failed.reason })).collect::<Vec<_>>(),
        "counts": { "saved": saved.0, "updated": updated.0, "present": present.0, "failed": report.failed.len() },
        "bytes": saved.1,
        "seconds": seconds,
    }));
}

fn row(wanted: &Wanted, fetched: Option<&Fetched>) -> Value {
    let sha256 = fetched.map(|fetched| fetched.sha256).or_else(|| wanted.file.sha256());
    json!({
        "project": wanted.filename.project(),
        "version": wanted.filename.version().to_string(),
        "filename": wanted.filename.as_str(),
        "sha256": sha256,
        "size": fetched.map(|fetched| fetched.size).or(wanted.file.size),
        "outcome": fetched.map_or("planned", |fetched| fetched.outcome.as_str()),
    })
}

#[expect(clippy::disallowed_methods, reason = "the one place of this crate that asks for the time")]
fn now() -> Timestamp {
    SystemTime::now().into()
}
