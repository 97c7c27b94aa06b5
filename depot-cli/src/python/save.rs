//! `depot python save`: plan, run, report.

mod plan;
mod provenance;
mod report;
mod stock;

use std::{collections::BTreeSet, env, path::Path, sync::Arc, time::Instant};

use anyhow::Context as _;
use depot_index::{Client, ClientOptions};
use depot_proto::{ProjectName, Target, simple::ProjectStatus};
use depot_tree::{Tree, TreeError};
use futures_util::{StreamExt as _, stream};

use self::{
    plan::{Plan, Wish, plan},
    report::Report,
    stock::{Stock, glance, take_stock},
};
use super::{
    carried::News,
    fetch::{Fetched, fetch},
    indexes::Indexes,
    inputs::{self, Asked},
    locks, relock,
    resolve::Wanted,
    sbom::{self, Bill},
    set::Set,
    statuses::Status,
    targets::{self, Chosen},
};
use crate::{
    args::SaveArgs,
    clock,
    exit::{ExitStatus, UsageError},
    network::{self, NetrcFile},
    output::{Printer, bytes, count},
    progress::Progress,
};

/// For how long what came of a file that broke off is kept for another run.
const KEPT_DAYS: u64 = 7;

/// Where files come from, and how many at once.
struct Source {
    client: Client,
    indexes: Arc<Indexes>,
    jobs: usize,
}

/// Runs the verb.
pub(crate) async fn run(args: SaveArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let args = match &args.set {
        Some(path) => {
            let set = Set::read(path)?;
            set.beside_save(args)
        }
        None => args,
    };
    let asked = read_asked(&args).await?;
    let wish = Wish::read(&args, &asked, printer)?;
    if args.pylock.is_some() && (!asked.locked.is_empty() || wish.is_plain()) {
        let words = "--pylock writes what was solved: with locks there is one already, and with --no-deps --all-files nothing is";
        return Err(UsageError(words.to_owned()).into());
    }
    // Where nothing follows from the targets, nobody is asked for them.
    let is_solved = asked.is_solved() && !wish.is_plain();
    let targets =
        if is_solved || args.targets.is_given() { choose_targets(&args, printer).await? } else { Vec::new() };
    let indexes = Arc::new(choose_indexes(&args, &asked, printer)?);
    for warning in asked.warnings.iter().chain(&asked.check_targets(&targets)) {
        printer.say(&format!("warning: {warning}"));
    }
    let NetrcFile { netrc, warning } = network::netrc();
    let client = Client::new(ClientOptions { netrc, ..options(&args)? })?;
    let source = Source { client, indexes, jobs: args.jobs.get() };
    let tree = if args.dry_run {
        Arc::new(Tree::open_read_only(&args.tree.dir))
    } else {
        let tree = open(&args.tree.dir, printer).await?;
        source.indexes.carried.watch(&tree);
        tree
    };
    let mut plan = plan(&source, &wish, &asked, &targets, (&tree, !args.dry_run)).await;
    for warning in &plan.warnings {
        printer.say(&format!("warning: {warning}"));
    }
    if let Some(hidden) = &plan.hidden {
        printer.say(hidden);
    }
    for (item, reason) in &plan.skipped {
        printer.say(&format!("skipped {item}: {reason}"));
    }
    tell(&plan, printer);
    let mut report = Report { failed: std::mem::take(&mut plan.failed), ..Report::default() };
    let files = std::mem::take(&mut plan.files);
    if args.dry_run {
        report.files = look(&source, &tree, files).await;
    } else {
        save(&source, &tree, files, &mut report, printer).await?;
        if args.choice.provenance {
            provenance::save(&source, &tree, &mut report, printer).await?;
        }
        report.refreshed = refresh_carried(&source, &tree, &report).await?;
        if let Some(warning) = plan::withdrawn(&report.refreshed, &plan.solutions) {
            printer.say(&format!("warning: {warning}"));
            plan.warnings.push(warning);
        }
        report.statuses = store_statuses(&source, &tree, printer).await?;
    }
    if let Some(path) = &args.sbom {
        write_bill(path, &tree, &plan, &report).await?;
    }
    // Only now it is known which hosts files lie at.
    if let Some(warning) = warning.filter(|_| source.client.used_netrc()) {
        printer.say(&format!("warning: {warning}"));
    }
    let lock = args.pylock.as_deref().map(|path| write_lock(path, &plan, &report, printer));
    report.show(&args, &source.indexes, &plan, started.elapsed(), printer);
    lock.transpose()?;
    Ok(if report.failed.is_empty() { ExitStatus::Done } else { ExitStatus::Partial })
}

/// Takes what indexes say of files that the tree has and nobody chose in this run.
async fn refresh_carried(source: &Source, tree: &Arc<Tree>, report: &Report) -> anyhow::Result<Vec<News>> {
    let done: BTreeSet<String> = report.files.iter().map(|(wanted, _)| wanted.filename.to_string()).collect();
    let (indexes, tree) = (Arc::clone(&source.indexes), Arc::clone(tree));
    Ok(tokio::task::spawn_blocking(move || indexes.carried.store(&tree, &done)).await??)
}

/// Writes down what indexes say of the projects themselves, and tells what of it is news.
async fn store_statuses(
    source: &Source,
    tree: &Arc<Tree>,
    printer: &Printer,
) -> anyhow::Result<Vec<(ProjectName, Status)>> {
    let (indexes, tree) = (Arc::clone(&source.indexes), Arc::clone(tree));
    let news = tokio::task::spawn_blocking(move || indexes.statuses.store(&tree)).await??;
    for (project, status) in &news {
        printer.say(&match status.status {
            ProjectStatus::Active => format!("{project} is active again"),
            _ => format!("warning: {project} is {}", status.told()),
        });
    }
    Ok(news)
}

/// Writes a lock of what was saved, if all of it was: a lock of the rest would install something else.
fn write_lock(path: &Path, plan: &Plan, report: &Report, printer: &Printer) -> anyhow::Result<()> {
    let shown = path.display();
    if !report.failed.is_empty() {
        printer.say(&format!("warning: `{shown}` is not written, because not everything could be saved"));
        return Ok(());
    }
    if !locks::is_pylock(path) {
        printer.say(&format!(
            "warning: installers know a lock by its name, `pylock.toml` or `pylock.NAME.toml`, and not `{shown}`"
        ));
    }
    let saved = report.files.iter().filter_map(|(wanted, fetched)| {
        let fetched = fetched.as_ref()?;
        Some((wanted.filename.to_string(), (fetched.sha256, fetched.size)))
    });
    let text = locks::write(&plan.solutions, &saved.collect())?;
    relock::replace(path, &text).with_context(|| format!("cannot write `{shown}`"))?;
    printer.detail(&format!("wrote {shown}"));
    Ok(())
}

/// Writes the bill of materials of what was saved. What failed is not in it, and it says that it is not all.
async fn write_bill(path: &Path, tree: &Arc<Tree>, plan: &Plan, report: &Report) -> anyhow::Result<()> {
    let mut bill = Bill::of_solutions(&plan.solutions);
    for (wanted, _) in &report.files {
        bill.add_file(&wanted.filename);
    }
    let (tree, path, failed) = (Arc::clone(tree), path.to_owned(), !report.failed.is_empty());
    let writing = tokio::task::spawn_blocking(move || {
        bill.leave_out_absent(&tree, failed);
        sbom::write(&path, &bill.to_document(&tree)?)
    });
    writing.await?
}

/// Chooses the targets and says which, before anything else is said: everything follows from them.
async fn choose_targets(args: &SaveArgs, printer: &Printer) -> anyhow::Result<Vec<Target>> {
    let typed = args.targets.clone();
    let Chosen { targets, told } = tokio::task::spawn_blocking(move || targets::targets(&typed)).await??;
    printer.say(&told);
    Ok(targets)
}

/// Says what was chosen, and who needs it.
fn tell(plan: &Plan, printer: &Printer) {
    let releases = plan.releases();
    if releases.is_empty() {
        return;
    }
    let runs: BTreeSet<_> =
        releases.iter().filter(|row| !row.for_build).map(|row| (row.project, row.version)).collect();
    let to_build = releases.iter().filter(|row| !runs.contains(&(row.project, row.version))).count();
    let more =
        if to_build > 0 { format!(", and {to_build} to build what is no wheel") } else { String::new() };
    printer.say(&format!("chose {}{more}", count(runs.len(), "version")));
    for row in releases {
        let needs = row.of.iter().flat_map(|(_, package)| &package.needed_by);
        let needs: BTreeSet<String> = needs.map(ToString::to_string).collect();
        let to_build = if row.for_build { " (to build)" } else { "" };
        let needs = needs.into_iter().collect::<Vec<_>>().join(", ");
        printer.detail(&format!("{} {}{to_build}: {needs}", row.project, row.version));
    }
}

/// Reading may wait for standard input, and must not keep an interrupt waiting with it.
async fn read_asked(args: &SaveArgs) -> anyhow::Result<Asked> {
    let sources = args.sources.clone();
    tokio::task::spawn_blocking(move || inputs::read(&sources)).await?
}

fn choose_indexes(args: &SaveArgs, asked: &Asked, printer: &Printer) -> anyhow::Result<Indexes> {
    let variable = |name: &str| env::var(name).ok();
    let main = args.index.index_url.as_deref();
    let indexes = Indexes::choose(main, &args.index.extra_index_url, asked, &variable)?;
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
async fn look(source: &Source, tree: &Tree, files: Vec<Wanted>) -> Vec<(Wanted, Option<Fetched>)> {
    let sized = stream::iter(files).map(|mut wanted| async move {
        let present = glance(tree, &wanted);
        if present.is_none() && wanted.file.size.is_none() {
            // A size that cannot be had is not worth a failure.
            wanted.file.size = source.client.size(&wanted.index, &wanted.file).await.ok().flatten();
        }
        (wanted, present)
    });
    sized.buffered(source.jobs).collect().await
}

/// Opens the tree, and puts away what runs that were cut off left in it.
async fn open(dir: &Path, printer: &Printer) -> anyhow::Result<Arc<Tree>> {
    let opened = dir.to_owned();
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
    Ok(Arc::new(tree))
}

async fn save(
    source: &Source,
    tree: &Arc<Tree>,
    files: Vec<Wanted>,
    report: &mut Report,
    printer: &Printer,
) -> anyhow::Result<()> {
    let of = Arc::clone(tree);
    let mut stock = tokio::task::spawn_blocking(move || take_stock(&of, files)).await?;
    for warning in &stock.warnings {
        printer.say(&format!("warning: {warning}"));
    }
    for (wanted, present) in std::mem::take(&mut stock.present) {
        match present {
            Ok(present) => {
                if let Some(warning) = &present.warning {
                    printer.say(&format!("warning: {warning}"));
                }
                report.files.push((wanted, Some(present)));
            }
            Err(error) => report.fail(&wanted, &error),
        }
    }
    printer.detail(&format!("{} there already", count(report.files.len(), "file")));
    fetch_missing(source, tree, &mut stock, report, printer).await?;
    stock.verified.store()?;
    report.sort();
    Ok(())
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
                    // What was downloaded to be read is not worth a word when it is saved.
                    resumed if resumed == 0 || resumed == fetched.size => {
                        format!("saved {filename} ({size})")
                    }
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
