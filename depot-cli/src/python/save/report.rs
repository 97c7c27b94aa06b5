//! What a save came to, for people and for programs.

use std::{collections::BTreeSet, time::Duration};

use depot_proto::{ProjectName, Target};
use serde_json::{Value, json};

use super::{
    super::{
        carried::News,
        fetch::{Fetched, Outcome},
        indexes::Indexes,
        resolve::{Failed, Wanted},
        solve::Need,
        statuses::Status,
    },
    plan::{Plan, Row},
};
use crate::{
    args::SaveArgs,
    output::{Printer, bytes, count, explain},
};

/// What the run came to.
#[derive(Default)]
pub(super) struct Report {
    /// The files, with what became of each; nothing in a dry run of one that is not there.
    pub(super) files: Vec<(Wanted, Option<Fetched>)>,
    /// Files that the tree has and nobody chose, of which an index said something new.
    pub(super) refreshed: Vec<News>,
    /// What could not be had.
    pub(super) failed: Vec<Failed>,
    /// How many documents of provenance were written.
    pub(super) provenance: usize,
    /// What is news of projects themselves.
    pub(super) statuses: Vec<(ProjectName, Status)>,
}

impl Report {
    pub(super) fn fail(&mut self, wanted: &Wanted, error: &anyhow::Error) {
        self.failed.push(Failed { item: wanted.filename.to_string(), reason: explain(error) });
    }

    pub(super) fn sort(&mut self) {
        self.files.sort_by(|(one, _), (two, _)| {
            let key = |wanted: &Wanted| (wanted.filename.project().clone(), wanted.filename.to_string());
            key(one).cmp(&key(two))
        });
    }

    /// The number of files that this became of, and of their bytes.
    fn sum(&self, outcome: Option<Outcome>) -> (usize, u64) {
        let of = self
            .files
            .iter()
            .filter(|(_, fetched)| fetched.as_ref().map(|fetched| fetched.outcome) == outcome);
        of.fold((0, 0), |(files, size), (wanted, fetched)| {
            let one = fetched.as_ref().map(|fetched| fetched.size).or(wanted.file.size);
            (files + 1, size + one.unwrap_or_default())
        })
    }

    pub(super) fn show(
        &self,
        args: &SaveArgs,
        indexes: &Indexes,
        plan: &Plan,
        took: Duration,
        printer: &Printer,
    ) {
        for failed in &self.failed {
            printer.error(&format!("{}: {}", failed.item, failed.reason));
        }
        let (planned, saved) = (self.sum(None), self.sum(Some(Outcome::Saved)));
        let present = self.sum(Some(Outcome::Present));
        let updated = self.sum(Some(Outcome::Updated)).0 + self.refreshed.len();
        let seconds = (took.as_secs_f64() * 100.0).round() / 100.0;
        if args.dry_run {
            for (wanted, _) in self.files.iter().filter(|(_, present)| present.is_none()) {
                let size = wanted.file.size.map_or_else(|| "size unknown".to_owned(), bytes);
                printer.data(&format!("{}  {size}", wanted.filename));
            }
        }
        let (verb, (files, size)) = if args.dry_run { ("would save", planned) } else { ("saved", saved) };
        let mut parts = vec![format!("{verb} {} ({})", count(files, "file"), bytes(size))];
        if updated > 0 {
            parts.push(format!("{updated} updated"));
        }
        parts.push(format!("{} there already", present.0));
        if self.provenance > 0 {
            parts.push(format!("provenance of {}", count(self.provenance, "file")));
        }
        if !self.failed.is_empty() {
            parts.push(format!("{} failed", self.failed.len()));
        }
        printer.say(&format!("{} in {seconds} s, in {}", parts.join(", "), args.tree.dir.display()));
        if !printer.is_json() {
            return;
        }
        let of_files = plan.targets_by_file();
        let row = |(wanted, fetched): (&Wanted, Option<&Fetched>)| {
            let for_these = of_files.get(wanted.filename.as_str()).into_iter().flatten().copied();
            row(wanted, fetched, &targets(for_these))
        };
        let chosen = self.files.iter().map(|(wanted, fetched)| (wanted, fetched.as_ref()));
        let files = chosen.chain(self.refreshed.iter().map(|news| (&news.wanted, Some(&news.fetched))));
        let failed = self.failed.iter().map(|failed| json!({ "item": failed.item, "reason": failed.reason }));
        let skipped = plan.skipped.iter().map(|(item, reason)| json!({ "item": item, "reason": reason }));
        printer.json(&json!({
            "schema": "depot.save/1",
            "index": indexes.main().as_url().as_str(),
            "extra-indexes": indexes.extra().iter().map(|index| index.as_url().as_str()).collect::<Vec<_>>(),
            "dir": args.tree.dir,
            "dry-run": args.dry_run,
            "targets": targets(plan.solutions.iter().map(|solution| &solution.target)),
            "packages": plan.releases().iter().map(release).collect::<Vec<_>>(),
            "files": files.map(row).collect::<Vec<_>>(),
            "statuses": self.statuses.iter().map(status).collect::<Vec<_>>(),
            "failed": failed.collect::<Vec<_>>(),
            "skipped": skipped.collect::<Vec<_>>(),
            "warnings": plan.warnings,
            "counts": {
                "planned": planned.0,
                "saved": saved.0,
                "updated": updated,
                "present": present.0,
                "provenance": self.provenance,
                "failed": self.failed.len(),
            },
            "bytes": saved.1,
            "resumed-bytes": self.files.iter().filter_map(|(_, fetched)| Some(fetched.as_ref()?.resumed)).sum::<u64>(),
            "seconds": seconds,
        }));
    }
}

fn targets<'a>(targets: impl IntoIterator<Item = &'a Target>) -> Vec<String> {
    targets.into_iter().map(ToString::to_string).collect()
}

fn status((project, status): &(ProjectName, Status)) -> Value {
    json!({ "project": project, "status": status.status.as_str(), "reason": status.reason })
}

/// A release and who needs it.
fn release(row: &Row<'_>) -> Value {
    let packages = || row.of.iter().map(|(_, package)| package);
    let needs: BTreeSet<&Need> = packages().flat_map(|package| &package.needed_by).collect();
    let needs = needs.into_iter().map(|need| match &need.parent {
        Some((project, version)) => json!({
            "project": project,
            "version": version.to_string(),
            "requirement": need.requirement,
        }),
        None => json!({ "project": null, "version": null, "requirement": need.requirement }),
    });
    let extras: BTreeSet<&String> = packages().flat_map(|package| &package.extras).collect();
    json!({
        "project": row.project,
        "version": row.version.to_string(),
        "extras": extras,
        "for-build": row.for_build,
        "targets": targets(row.of.iter().map(|(target, _)| *target).collect::<BTreeSet<_>>()),
        "needed-by": needs.collect::<Vec<_>>(),
    })
}

fn row(wanted: &Wanted, fetched: Option<&Fetched>, targets: &[String]) -> Value {
    let sha256 = fetched.map(|fetched| fetched.sha256).or_else(|| wanted.file.sha256());
    json!({
        "project": wanted.filename.project(),
        "version": wanted.filename.version().to_string(),
        "filename": wanted.filename.as_str(),
        "index": wanted.index.as_url().as_str(),
        "targets": targets,
        "sha256": sha256,
        "size": fetched.map(|fetched| fetched.size).or(wanted.file.size),
        "outcome": fetched.map_or("planned", |fetched| fetched.outcome.as_str()),
    })
}
