//! `depot python push`: plan, run, report.

mod attested;

use std::{
    collections::BTreeSet,
    fs::File,
    sync::Arc,
    time::{Duration, Instant},
};

use depot_proto::{
    FileRecord, ProjectName, Sha256Digest, StatusRecord,
    layout::Part,
    push::{MAX_PLAN_FILES, PlanAnswer, PlanFile, PlanProject, UploadOutcome, Verdict},
    simple::ProjectStatus,
};
use depot_tree::Tree;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    failed::{self, Failed},
    saved_tree,
    server::Server,
};
use crate::{
    args::PushArgs,
    exit::ExitStatus,
    output::{Printer, bytes, count, explain, seconds},
    progress::Progress,
};

/// A file of the tree.
#[derive(Clone, Debug)]
struct Local {
    project: ProjectName,
    record: FileRecord,
    /// The digest of the provenance that lies beside it.
    provenance: Option<Sha256Digest>,
}

/// What the server wants of some files.
#[derive(Debug, Default)]
struct Plan {
    send: Vec<Local>,
    update: Vec<Local>,
    /// Whose provenance is wanted, once they are there.
    attest: Vec<Local>,
    have: usize,
    /// What is declared of projects, and is news to the server.
    projects: Vec<(ProjectName, StatusRecord)>,
    failed: Vec<Failed>,
}

/// What the run came to.
#[derive(Debug, Default)]
struct Report {
    planned: (usize, usize),
    sent: usize,
    updated: usize,
    have: usize,
    bytes: u64,
    /// Of how many files the provenance was news.
    provenance: usize,
    /// Of how many projects what is declared was news.
    projects: usize,
    failed: Vec<Failed>,
    files: Vec<Value>,
}

/// Runs the verb.
pub(crate) async fn run(args: PushArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let server = Server::open(&args.url, &args.token, &args.network, printer)?;
    let dir = &args.tree.dir;
    let tree = Arc::new(saved_tree(dir)?);
    let mut report = Report::default();
    let done = push_all(&server, &tree, &args, &mut report, printer).await;
    // What was done is told even where the rest could not be.
    if done.is_ok() || report.sent + report.updated + report.provenance + report.projects > 0 {
        show(&report, &args, &server, started.elapsed(), printer);
    }
    done?;
    Ok(if report.failed.is_empty() { ExitStatus::Done } else { ExitStatus::Partial })
}

/// Pushes the tree a plan at a time, so that memory does not grow with it.
async fn push_all(
    server: &Server,
    tree: &Arc<Tree>,
    args: &PushArgs,
    report: &mut Report,
    printer: &Printer,
) -> anyhow::Result<()> {
    let of = Arc::clone(tree);
    let mut names = tokio::task::spawn_blocking(move || of.projects()).await??.into_iter();
    loop {
        let of = Arc::clone(tree);
        let (files, rest, failed) = tokio::task::spawn_blocking(move || read_files(&of, names)).await??;
        names = rest;
        report.failed.extend(failed);
        if files.is_empty() {
            return Ok(());
        }
        for batch in files.chunks(MAX_PLAN_FILES) {
            let plan = ask(server, tree, batch).await?;
            push(server, tree, plan, args, report, printer).await?;
        }
    }
}

type Read = (Vec<Local>, std::vec::IntoIter<ProjectName>, Vec<Failed>);

/// The files of the next projects, until there are enough for a plan. A record that cannot be read fails alone.
fn read_files(tree: &Tree, mut projects: std::vec::IntoIter<ProjectName>) -> anyhow::Result<Read> {
    let (mut files, mut failed) = (Vec::new(), Vec::new());
    while files.len() < MAX_PLAN_FILES {
        let Some(project) = projects.next() else { break };
        for filename in tree.filenames(&project)? {
            match tree.record(&project, &filename) {
                Ok(Some(record)) if record.filename == filename => {
                    let provenance = attested::digest(tree, &project, &record);
                    files.push(Local { project: project.clone(), record, provenance });
                }
                Ok(Some(record)) => {
                    let reason = format!("its record speaks of `{}`", record.filename);
                    failed.push(Failed { item: filename, reason });
                }
                Ok(None) => {}
                Err(error) => failed.push(Failed { item: filename, reason: error.to_string() }),
            }
        }
    }
    Ok((files, projects, failed))
}

async fn ask(server: &Server, tree: &Arc<Tree>, files: &[Local]) -> anyhow::Result<Plan> {
    let names: BTreeSet<ProjectName> = files.iter().map(|local| local.project.clone()).collect();
    let of = Arc::clone(tree);
    let declared = tokio::task::spawn_blocking(move || declared(&of, names)).await?;
    let asked = files.iter().map(|local| PlanFile {
        project: local.project.to_string(),
        filename: local.record.filename.clone(),
        sha256: local.record.sha256,
        size: local.record.size,
        facts: local.record.facts.digest(),
        mirrored: local.record.is_mirrored(),
        provenance: local.provenance,
    });
    let projects = declared.iter().map(|(project, StatusRecord { state, reason })| PlanProject {
        project: project.to_string(),
        state: *state,
        reason: reason.clone(),
    });
    let response = server.plan_with(asked.collect(), projects.collect()).await?;
    let mut plan = Plan::default();
    for ((project, status), PlanAnswer { verdict, reason, .. }) in declared.into_iter().zip(response.projects)
    {
        match verdict {
            Verdict::Update => plan.projects.push((project, status)),
            Verdict::Forbidden => {
                let reason = reason.unwrap_or_else(|| "the server does not take it".to_owned());
                plan.failed.push(Failed { item: format!("that {project} is {}", status.state), reason });
            }
            _ => {}
        }
    }
    for (local, PlanAnswer { verdict, reason, provenance }) in files.iter().zip(response.answers) {
        plan.attest.extend(provenance.then(|| local.clone()));
        match verdict {
            Verdict::Have => plan.have += 1,
            Verdict::Update => plan.update.push(local.clone()),
            Verdict::Missing => plan.send.push(local.clone()),
            Verdict::Conflict => {
                let reason = reason.unwrap_or_default();
                let reason = format!("conflict: other bytes have this name there, and stay: {reason}");
                plan.failed.push(Failed { item: local.record.filename.clone(), reason });
            }
            Verdict::Forbidden => {
                let reason = reason.unwrap_or_else(|| "the server does not take it".to_owned());
                plan.failed.push(Failed { item: local.record.filename.clone(), reason });
            }
        }
    }
    // The largest first, so that none is left for last.
    plan.send.sort_by_key(|local| std::cmp::Reverse(local.record.size));
    Ok(plan)
}

/// What the tree knows that indexes declare of these projects. What cannot be read is somebody else's.
fn declared(tree: &Tree, projects: BTreeSet<ProjectName>) -> Vec<(ProjectName, StatusRecord)> {
    let declared = projects.into_iter().filter_map(|project| {
        let record = tree.project(&project).ok()??;
        let usual = || StatusRecord::new(ProjectStatus::Active, None);
        Some((project, record.declared.unwrap_or_else(usual)))
    });
    declared.collect()
}

async fn push(
    server: &Server,
    tree: &Arc<Tree>,
    plan: Plan,
    args: &PushArgs,
    report: &mut Report,
    printer: &Printer,
) -> anyhow::Result<()> {
    let size: u64 = plan.send.iter().map(|local| local.record.size).sum();
    printer.say(&format!(
        "plan: {} to send ({}), {} to update, {} there already, {} refused",
        count(plan.send.len(), "file"),
        bytes(size),
        plan.update.len(),
        plan.have,
        plan.failed.len(),
    ));
    report.planned.0 += plan.send.len();
    report.planned.1 += plan.update.len();
    report.have += plan.have;
    report.failed.extend(plan.failed);
    if args.dry_run {
        for local in plan.send.iter().chain(&plan.update) {
            printer.data(&format!("{}  {}", local.record.filename, bytes(local.record.size)));
            report.row(printer, local, "planned");
        }
        report.provenance += plan.attest.len();
        report.projects += plan.projects.len();
        for (project, status) in &plan.projects {
            printer.data(&format!("{project}  {}", status.state));
        }
        return Ok(());
    }
    let progress = Progress::start(printer, plan.send.len() + plan.update.len());
    let mut pushing = stream::iter(plan.send.into_iter().chain(plan.update))
        .map(|local| {
            let (server, tree, progress) = (server.clone(), Arc::clone(tree), progress.clone());
            tokio::spawn(async move {
                progress.begin(&local.record.filename);
                let pushed = push_one(&server, &tree, &local).await;
                (local, pushed)
            })
        })
        .buffer_unordered(args.jobs.get());
    while let Some(joined) = pushing.next().await {
        let (local, pushed) = joined?;
        let filename = &local.record.filename;
        match pushed {
            Ok(Pushed::Sent) => {
                report.sent += 1;
                report.bytes += local.record.size;
                report.row(printer, &local, "sent");
                progress.done(&format!("sent {filename} ({})", bytes(local.record.size)));
            }
            Ok(Pushed::Updated) => {
                report.updated += 1;
                report.row(printer, &local, "updated");
                progress.done(&format!("updated {filename}"));
            }
            Ok(Pushed::Present) => {
                report.have += 1;
                progress.done(&format!("there already: {filename}"));
            }
            Err(error) => {
                let failed = Failed { item: filename.clone(), reason: explain(&error) };
                progress.done(&format!("failed {}", failed.item));
                report.failed.push(failed);
            }
        }
    }
    progress.finish();
    attested::push(server, tree, plan.attest, args.jobs.get(), report).await;
    // After the files: a project is there only with some.
    for (project, status) in plan.projects {
        match server.declare(&project, &status).await {
            Ok(news) => report.projects += usize::from(news),
            Err(error) => {
                let item = format!("that {project} is {}", status.state);
                report.failed.push(Failed { item, reason: explain(&error.into()) });
            }
        }
    }
    Ok(())
}

/// What was done about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pushed {
    /// Its bytes went there.
    Sent,
    /// What is known of it went there.
    Updated,
    /// Nothing was needed any more.
    Present,
}

/// How often a file is announced and sent: once, and once more if the server forgot the announcement in between.
const TRIES: usize = 2;

/// Announces a file and sends it if it is wanted.
async fn push_one(server: &Server, tree: &Arc<Tree>, local: &Local) -> anyhow::Result<Pushed> {
    let Local { project, record, .. } = local;
    let mut tries = 0;
    loop {
        tries += 1;
        let announced = server.announce(project, record).await?;
        match announced.outcome {
            UploadOutcome::Send => {}
            UploadOutcome::Updated => return Ok(Pushed::Updated),
            UploadOutcome::Created | UploadOutcome::Same => return Ok(Pushed::Present),
        }
        let file = open_bytes(tree, local).await?;
        match server.send(project, record, &file).await {
            Err(error) if tries < TRIES && error.may_have_forgotten() => {}
            // The file may be no news to a server that had lost its bytes: that they went there counts.
            sent => return sent.map(|_| Pushed::Sent).map_err(Into::into),
        }
    }
}

async fn open_bytes(tree: &Arc<Tree>, local: &Local) -> anyhow::Result<Arc<File>> {
    let (tree, project, filename) = (Arc::clone(tree), local.project.clone(), local.record.filename.clone());
    let opened =
        tokio::task::spawn_blocking(move || tree.open_part(&project, &filename, Part::Bytes)).await??;
    let opened = opened.ok_or_else(|| anyhow::anyhow!("its bytes are not in the tree"))?;
    anyhow::ensure!(
        opened.size == local.record.size,
        "its bytes in the tree are {} and not {} long: save it again",
        opened.size,
        local.record.size
    );
    Ok(Arc::new(opened.file))
}

impl Report {
    /// Keeps what became of a file, where the result will list files.
    fn row(&mut self, printer: &Printer, local: &Local, outcome: &str) {
        if !printer.is_json() {
            return;
        }
        let record = &local.record;
        self.files.push(json!({
            "project": local.project,
            "filename": record.filename,
            "sha256": record.sha256,
            "size": record.size,
            "outcome": outcome,
        }));
    }
}

fn show(report: &Report, args: &PushArgs, server: &Server, took: Duration, printer: &Printer) {
    let seconds = seconds(took);
    failed::tell(&report.failed, printer);
    let mut parts = if args.dry_run {
        vec![
            format!("would send {}", count(report.planned.0, "file")),
            format!("update {}", report.planned.1),
        ]
    } else {
        vec![
            format!("sent {} ({})", count(report.sent, "file"), bytes(report.bytes)),
            format!("{} updated", report.updated),
        ]
    };
    if report.provenance > 0 {
        parts.push(format!("the provenance of {}", count(report.provenance, "file")));
    }
    if report.projects > 0 {
        parts.push(format!("news of {}", count(report.projects, "project")));
    }
    parts.push(format!("{} there already", report.have));
    if !report.failed.is_empty() {
        parts.push(format!("{} failed", report.failed.len()));
    }
    printer.say(&format!("{} in {seconds} s, to {}", parts.join(", "), server.shown()));
    printer.json(&json!({
        "schema": "depot.push/1",
        "server": server.shown(),
        "dir": args.tree.dir,
        "dry-run": args.dry_run,
        "files": report.files,
        "failed": failed::to_json(&report.failed),
        "counts": {
            "planned": if args.dry_run { report.planned.0 + report.planned.1 } else { 0 },
            "sent": report.sent,
            "updated": report.updated,
            "provenance": report.provenance,
            "projects": report.projects,
            "present": report.have,
            "failed": report.failed.len(),
        },
        "bytes": report.bytes,
        "seconds": seconds,
    }));
}
