//! `depot python save`: plan, run, report.

mod report;
mod stock;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use depot_index::{Client, ClientOptions, IndexUrl};
use depot_tree::Tree;
use futures_util::{StreamExt as _, stream};

use self::{
    report::Report,
    stock::{Stock, glance, take_stock},
};
use super::{
    fetch::fetch,
    inputs,
    resolve::{Resolved, Wanted, resolve},
};
use crate::{
    DEFAULT_INDEX,
    args::SaveArgs,
    clock,
    exit::{ExitStatus, UsageError},
    output::{Printer, bytes, count},
    progress::Progress,
};

/// Where files come from, and how many at once.
struct Source {
    client: Client,
    index: IndexUrl,
    jobs: usize,
}

/// Runs the verb.
pub(crate) async fn run(args: SaveArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let index = args.index_url.as_deref().unwrap_or(DEFAULT_INDEX).parse::<IndexUrl>();
    let index = index.map_err(|error| UsageError(error.to_string()))?;
    let inputs = inputs::read(&args.specs, args.stdin, &args.requirements)?;
    let client = Client::new(options(&args))?;
    let source = Source { client, index, jobs: args.jobs.get() };
    printer.detail(&format!("asking {} for {}", source.index, count(inputs.len(), "requirement")));
    let resolved = resolve(&source.client, &source.index, &inputs, args.all_versions, source.jobs).await;
    let report = if args.dry_run {
        look(&source, &Tree::open_read_only(&args.tree.dir), resolved).await
    } else {
        save(&source, &args, resolved, printer).await?
    };
    report.show(&args, &source.index, started.elapsed(), printer);
    Ok(if report.failed.is_empty() { ExitStatus::Done } else { ExitStatus::Partial })
}

fn options(args: &SaveArgs) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.read_timeout = Duration::from_secs(args.timeout.get());
    options.connect_timeout = options.connect_timeout.min(options.read_timeout);
    options.backoff.retries = args.retries;
    options
}

/// Tells what is there already from what would be fetched, fills in the sizes that the index does not tell, and touches
/// nothing.
async fn look(source: &Source, tree: &Tree, resolved: Resolved) -> Report {
    let sized = stream::iter(resolved.files).map(|mut wanted| async move {
        let present = glance(tree, &wanted);
        if present.is_none() && wanted.file.size.is_none() {
            // A size that cannot be had is not worth a failure.
            wanted.file.size = source.client.size(&source.index, &wanted.file).await.ok().flatten();
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
    let (tree, recovered) =
        Tree::open(dir).with_context(|| format!("cannot use the tree `{}`", dir.display()))?;
    // Nothing but the tree knows of a saved file, so there is nothing to bring up.
    tree.settle(&recovered)?;
    if recovered.swept > 0 {
        printer.detail(&format!("removed {} of a run that was cut off", count(recovered.swept, "left-over")));
    }
    let tree = Arc::new(tree);
    let (of, index) = (Arc::clone(&tree), source.index.clone());
    let mut stock = tokio::task::spawn_blocking(move || take_stock(&of, &index, resolved.files)).await?;
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
        let (client, index, tree) = (source.client.clone(), source.index.clone(), Arc::clone(tree));
        let progress = progress.clone();
        // A task of its own, so that downloads are hashed on all cores.
        tokio::spawn(async move {
            progress.begin(wanted.filename.as_str());
            let fetched = fetch(&client, &index, &tree, wanted.clone(), now).await;
            (wanted, fetched)
        })
    };
    let mut fetching = stream::iter(missing).map(start).buffer_unordered(source.jobs);
    while let Some(joined) = fetching.next().await {
        let (wanted, fetched) = joined?;
        let (project, filename) = (wanted.filename.project(), wanted.filename.as_str());
        match fetched {
            Ok(fetched) => {
                progress.done(&format!("saved {filename} ({})", bytes(fetched.size)));
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
