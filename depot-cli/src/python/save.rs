//! `depot python save`: plan, run, report.

mod report;
mod stock;

use std::{env, sync::Arc, time::Instant};

use anyhow::Context as _;
use depot_index::{Client, ClientOptions};
use depot_tree::{Tree, TreeError};
use futures_util::{StreamExt as _, stream};

use self::{
    report::Report,
    stock::{Stock, glance, take_stock},
};
use super::{
    fetch::fetch,
    indexes::Indexes,
    inputs::{self, Asked},
    locks::{self, Pick},
    resolve::{Resolved, Wanted, resolve},
    select::Choice,
};
use crate::{
    args::SaveArgs,
    clock,
    exit::ExitStatus,
    network::{self, NetrcFile},
    output::{Printer, bytes, count},
    progress::Progress,
};

/// For how long what came of a file that broke off is kept for another run.
const KEPT_DAYS: u64 = 7;

/// Where files come from, and how many at once.
struct Source {
    client: Client,
    indexes: Indexes,
    jobs: usize,
}

/// Runs the verb.
pub(crate) async fn run(args: SaveArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let asked = read_asked(&args).await?;
    let indexes = choose_indexes(&args, &asked, printer)?;
    for warning in &asked.warnings {
        printer.say(&format!("warning: {warning}"));
    }
    for (item, reason) in &asked.skipped {
        printer.say(&format!("skipped {item}: {reason}"));
    }
    let NetrcFile { netrc, warning } = network::netrc();
    let client = Client::new(ClientOptions { netrc, ..options(&args)? })?;
    let source = Source { client, indexes, jobs: args.jobs.get() };
    let choice = Choice { all_versions: args.all_versions, pre: args.pre || asked.pre };
    let mut resolved = resolve(&source.client, &source.indexes, &asked, choice, source.jobs).await;
    let (locked, failed) =
        locks::wanted(&asked, Pick::default(), &source.indexes, &source.client, source.jobs).await;
    resolved.add(locked, failed);
    let report = if args.dry_run {
        look(&source, &Tree::open_read_only(&args.tree.dir), resolved).await
    } else {
        save(&source, &args, resolved, printer).await?
    };
    // Only now it is known which hosts files lie at.
    if let Some(warning) = warning.filter(|_| source.client.used_netrc()) {
        printer.say(&format!("warning: {warning}"));
    }
    report.show(&args, &source.indexes, &asked.skipped, started.elapsed(), printer);
    Ok(if report.failed.is_empty() { ExitStatus::Done } else { ExitStatus::Partial })
}

/// Reading may wait for standard input, and must not keep an interrupt waiting with it.
async fn read_asked(args: &SaveArgs) -> anyhow::Result<Asked> {
    let sources = args.sources.clone();
    tokio::task::spawn_blocking(move || inputs::read(&sources)).await?
}

fn choose_indexes(args: &SaveArgs, asked: &Asked, printer: &Printer) -> anyhow::Result<Indexes> {
    let variable = |name: &str| env::var(name).ok();
    let main = args.index_url.as_deref();
    let indexes = Indexes::choose(main, &args.extra_index_url, asked, &variable)?;
    for line in &indexes.told {
        printer.detail(line);
    }
    for warning in &indexes.warnings {
        printer.say(&format!("warning: {warning}"));
    }
    Ok(indexes)
}

fn options(args: &SaveArgs) -> anyhow::Result<ClientOptions> {
    let mut options = ClientOptions::default();
    options.read_timeout = args.network.timeout_or(options.read_timeout);
    options.connect_timeout = options.connect_timeout.min(options.read_timeout);
    options.backoff.retries = args.network.retries;
    options.authorities = network::authorities(&args.network)?;
    Ok(options)
}

/// Tells what is there already from what would be fetched, fills in the sizes that the index does not tell, and touches
/// nothing.
async fn look(source: &Source, tree: &Tree, resolved: Resolved) -> Report {
    let sized = stream::iter(resolved.files).map(|mut wanted| async move {
        let present = glance(tree, &wanted);
        if present.is_none() && wanted.file.size.is_none() {
            // A size that cannot be had is not worth a failure.
            wanted.file.size = source.client.size(&wanted.index, &wanted.file).await.ok().flatten();
        }
        (wanted, present)
    });
    Report { files: sized.buffered(source.jobs).collect().await, failed: resolved.failed }
}

async fn save(
    source: &Source,
    args: &SaveArgs,
    resolved: Resolved,
    printer: &Printer,
) -> anyhow::Result<Report> {
    let dir = &args.tree.dir;
    let opened = dir.clone();
    let opening = tokio::task::spawn_blocking(move || -> Result<_, TreeError> {
        let (tree, recovered) = Tree::open(opened)?;
        // Nothing but the tree knows of a saved file, so there is nothing to bring up.
        tree.settle(&recovered)?;
        tree.sweep_resumable(clock::days_ago(KEPT_DAYS))?;
        Ok((tree, recovered))
    });
    let (tree, recovered) =
        opening.await?.with_context(|| format!("cannot use the tree `{}`", dir.display()))?;
    if recovered.swept > 0 {
        printer.detail(&format!("removed {} of a run that was cut off", count(recovered.swept, "left-over")));
    }
    let tree = Arc::new(tree);
    let of = Arc::clone(&tree);
    let mut stock = tokio::task::spawn_blocking(move || take_stock(&of, resolved.files)).await?;
    let mut report = Report { failed: resolved.failed, ..Report::default() };
    for (wanted, present) in std::mem::take(&mut stock.present) {
        match present {
            Ok(present) => report.files.push((wanted, Some(present))),
            Err(error) => report.fail(&wanted, &error),
        }
    }
    printer.detail(&format!("{} there already", count(report.files.len(), "file")));
    fetch_missing(source, &tree, &mut stock, &mut report, printer).await?;
    stock.verified.store()?;
    report.sort();
    Ok(report)
}

/// Fetches what is missing, several files at once. One that fails does not stop the others.
async fn fetch_missing(
    source: &Source,
    tree: &Arc<Tree>,
    stock: &mut Stock,
    report: &mut Report,
    printer: &Printer,
) -> anyhow::Result<()> {
    let missing = std::mem::take(&mut stock.missing);
    let progress = Progress::start(printer, missing.len());
    let now = clock::now();
    let start = |wanted: Wanted| {
        let (client, tree) = (source.client.clone(), Arc::clone(tree));
        let progress = progress.clone();
        // A task of its own, so that downloads are hashed on all cores.
        tokio::spawn(async move {
            progress.begin(wanted.filename.as_str());
            let fetched = fetch(&client, &tree, wanted.clone(), now).await;
            (wanted, fetched)
        })
    };
    let mut fetching = stream::iter(missing).map(start).buffer_unordered(source.jobs);
    while let Some(joined) = fetching.next().await {
        let (wanted, fetched) = joined?;
        let (project, filename) = (wanted.filename.project(), wanted.filename.as_str());
        match fetched {
            Ok(fetched) => {
                let size = bytes(fetched.size);
                progress.done(&match fetched.resumed {
                    0 => format!("saved {filename} ({size})"),
                    resumed => format!("saved {filename} ({size}, {} of it from before)", bytes(resumed)),
                });
                if let Some(warning) = &fetched.warning {
                    progress.warn(warning);
                }
                stock.verified.remember(tree, project, filename, fetched.sha256);
                report.files.push((wanted, Some(fetched)));
            }
            Err(error) => {
                progress.done(&format!("failed {filename}"));
                report.fail(&wanted, &error);
            }
        }
    }
    progress.finish();
    Ok(())
}
