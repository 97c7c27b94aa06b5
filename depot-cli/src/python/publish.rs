//! `depot python publish`: check, ask, send, report.

mod prepare;

use std::time::{Duration, Instant};

use depot_proto::{
    Facts,
    publish::{MAX_FILES, Manifest, ManifestFile},
    push::{MAX_PLAN_FILES, PlanAnswer, PlanFile, UploadOutcome, Verdict},
};
use serde_json::{Value, json};

use self::prepare::{Distribution, Release, prepare};
use super::{
    failed::{self, Failed},
    server::Server,
};
use crate::{
    args::PublishArgs,
    exit::ExitStatus,
    output::{Printer, bytes, count, explain, seconds},
    progress::Progress,
};

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is there now.
    Created,
    /// It was there.
    Present,
    /// It would be sent.
    Planned,
    /// Its release was not published.
    Failed,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Present => "present",
            Self::Planned => "planned",
            Self::Failed => "failed",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Created => "published",
            Self::Present => "there already",
            Self::Planned => "would be published",
            Self::Failed => "not published",
        }
    }
}

/// What the run came to.
#[derive(Debug, Default)]
struct Report {
    files: Vec<Value>,
    failed: Vec<Failed>,
    /// How many releases there are, and of how many nothing failed.
    releases: (usize, usize),
    created: usize,
    present: usize,
    planned: usize,
    bytes: u64,
}

/// Runs the verb.
pub(crate) async fn run(args: PublishArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let (named, url) = args.read()?;
    let server = Server::connect(url, &args.access, printer)?;
    let (named, strict, talk) = (named.to_vec(), args.strict, printer.clone());
    let prepared = tokio::task::spawn_blocking(move || prepare(&named, strict, &talk)).await?;
    let (releases, refused) = prepared?;
    let mut report = Report { releases: (releases.len(), 0), ..Report::default() };
    // What is wrong with one of them is wrong with what was built: nothing goes out of it.
    if !refused.is_empty() {
        report.failed = refused;
        failed::tell(&report.failed, printer);
        printer.say("nothing was sent");
        print(&report, &args, &server, seconds(started.elapsed()), printer);
        return Ok(ExitStatus::Failed);
    }
    let answers = ask(&server, &releases).await?;
    let progress = Progress::start(printer, releases.iter().map(|release| release.files.len()).sum());
    let mut answers = answers.into_iter();
    for release in &releases {
        let of_release: Vec<PlanAnswer> = answers.by_ref().take(release.files.len()).collect();
        progress.begin(&format!("{} {}", release.project, release.version));
        report.publish(&server, release, &of_release, args.dry_run, printer).await;
        release.files.iter().for_each(|_| progress.step());
    }
    progress.finish();
    show(&report, &args, &server, started.elapsed(), printer);
    Ok(match report.releases {
        (all, good) if all == good => ExitStatus::Done,
        (_, 0) => ExitStatus::Failed,
        _ => ExitStatus::Partial,
    })
}

/// What the server says of each file of all releases, in order, before any is sent.
async fn ask(server: &Server, releases: &[Release]) -> anyhow::Result<Vec<PlanAnswer>> {
    let files: Vec<PlanFile> = releases
        .iter()
        .flat_map(|release| &release.files)
        .map(|file| PlanFile {
            project: file.filename.project().to_string(),
            filename: file.filename.to_string(),
            sha256: file.sha256,
            size: file.size,
            facts: Facts::default().digest(),
            mirrored: false,
            provenance: None,
        })
        .collect();
    let mut answers = Vec::with_capacity(files.len());
    for files in files.chunks(MAX_PLAN_FILES) {
        answers.extend(server.plan(files.to_vec()).await?);
    }
    Ok(answers)
}

impl Report {
    /// Publishes what is missing of a release, unless something of it is refused.
    async fn publish(
        &mut self,
        server: &Server,
        release: &Release,
        answers: &[PlanAnswer],
        dry_run: bool,
        printer: &Printer,
    ) {
        let of_release = format!("{} {}", release.project, release.version);
        let mut missing = Vec::new();
        let before = self.failed.len();
        for (file, PlanAnswer { verdict, reason, .. }) in release.files.iter().zip(answers) {
            let reason = || reason.clone().unwrap_or_else(|| "the server does not take it".to_owned());
            let mut refuse = |reason| self.failed.push(Failed { item: file.filename.to_string(), reason });
            match verdict {
                // What else is known of it is not this verb's affair.
                Verdict::Have | Verdict::Update => {}
                Verdict::Missing => missing.push(file),
                Verdict::Conflict => {
                    refuse(format!(
                        "other bytes have this name there, and stay: {}: publish a new version",
                        reason()
                    ));
                }
                Verdict::Forbidden => refuse(reason()),
            }
        }
        if self.failed.len() == before && missing.len() > MAX_FILES {
            let reason =
                format!("it has {} files to send, and {MAX_FILES} can be published at once", missing.len());
            self.failed.push(Failed { item: of_release.clone(), reason });
        }
        let mut outcome = if dry_run { Outcome::Planned } else { Outcome::Created };
        if self.failed.len() > before {
            outcome = Outcome::Failed;
        } else if !dry_run && !missing.is_empty() {
            match send(server, release, &missing).await {
                // Somebody may have been faster with some of them: they are there, and that is what counts.
                Ok(created) => self.bytes += created,
                Err(error) => {
                    outcome = Outcome::Failed;
                    self.failed.push(Failed { item: of_release, reason: explain(&error) });
                }
            }
        }
        self.releases.1 += usize::from(outcome != Outcome::Failed);
        for (file, PlanAnswer { verdict, .. }) in release.files.iter().zip(answers) {
            let is_there = matches!(verdict, Verdict::Have | Verdict::Update);
            self.row(file, if is_there { Outcome::Present } else { outcome }, printer);
        }
    }

    fn row(&mut self, file: &Distribution, outcome: Outcome, printer: &Printer) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Present => self.present += 1,
            Outcome::Planned => self.planned += 1,
            Outcome::Failed => {}
        }
        printer.data(&format!("{}  {}", file.filename, outcome.words()));
        self.files.push(json!({
            "path": file.path,
            "project": file.filename.project(),
            "version": file.filename.version().to_string(),
            "filename": file.filename.as_str(),
            "sha256": file.sha256,
            "size": file.size,
            "attestations": file.attestations.len(),
            "outcome": outcome.name(),
        }));
    }
}

/// Sends files of a release; the bytes of those that were not there.
async fn send(server: &Server, release: &Release, files: &[&Distribution]) -> anyhow::Result<u64> {
    let manifest = Manifest {
        project: release.project.to_string(),
        files: files
            .iter()
            .map(|file| ManifestFile {
                filename: file.filename.to_string(),
                sha256: file.sha256,
                size: file.size,
                attestations: file.attestations.clone(),
            })
            .collect(),
    };
    let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
    let answer = server.publish(&manifest, &paths).await?;
    let created = files.iter().zip(&answer.files);
    let created = created.filter(|(_, file)| file.outcome == UploadOutcome::Created);
    Ok(created.map(|(file, _)| file.size).sum())
}

fn show(report: &Report, args: &PublishArgs, server: &Server, took: Duration, printer: &Printer) {
    failed::tell(&report.failed, printer);
    let seconds = seconds(took);
    let (releases, good) = report.releases;
    let done = if args.dry_run {
        format!("would publish {}", count(report.planned, "file"))
    } else {
        format!("published {} ({})", count(report.created, "file"), bytes(report.bytes))
    };
    let failed = if good < releases {
        format!(", {} failed", count(releases - good, "release"))
    } else {
        String::new()
    };
    let there = report.present;
    printer.say(&format!("{done}, {there} there already{failed} in {seconds} s, to {}", server.shown()));
    print(report, args, server, seconds, printer);
}

/// The result for programs.
fn print(report: &Report, args: &PublishArgs, server: &Server, seconds: f64, printer: &Printer) {
    let (releases, good) = report.releases;
    printer.json(&json!({
        "schema": "depot.publish/1",
        "server": server.shown(),
        "dry-run": args.dry_run,
        "files": report.files,
        "failed": failed::to_json(&report.failed),
        "counts": {
            "releases": releases,
            "failed-releases": releases - good,
            "created": report.created,
            "present": report.present,
            "planned": report.planned,
        },
        "bytes": report.bytes,
        "seconds": seconds,
    }));
}
