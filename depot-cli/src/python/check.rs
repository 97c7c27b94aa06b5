//! `depot python check`: what a server would say of distributions, before they are sent to one.

mod find;

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
};

use depot_dist::{
    Limits,
    rules::{self, Severity, Verdict},
};
use depot_proto::DistributionFilename;
use serde_json::{Value, json};

use crate::{
    args::CheckArgs,
    exit::{ExitStatus, UsageError},
    output::{JsonList, Printer, count},
};

/// Runs the verb.
pub(crate) async fn run(args: CheckArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let talk = printer.clone();
    tokio::task::spawn_blocking(move || check(&args, &talk)).await?
}

/// How many files there are of each kind.
#[derive(Default)]
struct Counts {
    files: usize,
    refused: usize,
    warned: usize,
    failed: usize,
}

fn check(args: &CheckArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (paths, mut failed) = find(&args.files)?;
    let mut rows = JsonList::begin(printer, &json!({ "schema": "depot.check/1" }), "files");
    let mut counts = Counts::default();
    for path in paths {
        match judge(&path) {
            Ok((filename, verdict)) => {
                let refused = verdict.is_refused() || (args.strict && !verdict.findings.is_empty());
                counts.files += 1;
                counts.refused += usize::from(refused);
                counts.warned += usize::from(!refused && !verdict.findings.is_empty());
                tell(&path, &verdict, refused, printer);
                rows.row(&to_json(&path, &filename, &verdict, refused));
            }
            Err(error) => failed.push((path.display().to_string(), error.to_string())),
        }
    }
    counts.failed = failed.len();
    for (item, reason) in &failed {
        printer.error(&format!("{item}: {reason}"));
    }
    let failures: Vec<_> =
        failed.iter().map(|(item, reason)| json!({ "item": item, "reason": reason })).collect();
    let Counts { files, refused, warned, failed } = counts;
    rows.end(&json!({
        "failed": failures,
        "counts": { "files": files, "refused": refused, "warned": warned, "failed": failed },
    }));
    printer.say(&format!("{} checked, {refused} refused, {warned} with warnings", count(files, "file")));
    Ok(match (refused, failed) {
        (0, 0) => ExitStatus::Done,
        (0, _) => ExitStatus::Partial,
        _ => ExitStatus::Failed,
    })
}

/// The distributions that are meant, and what is meant and cannot be looked at, with the reason.
type Found = (BTreeSet<PathBuf>, Vec<(String, String)>);

/// Finds what is meant.
pub(super) fn find(named: &[String]) -> Result<Found, UsageError> {
    let mut failed = Vec::new();
    // A file that is named twice is one.
    let mut paths = BTreeSet::new();
    for named in named {
        if named == "-" {
            let words = "`-` is not read: the rules need the file's name, and to read it more than once";
            return Err(UsageError(words.to_owned()));
        }
        match find::distributions(Path::new(named)) {
            Ok(found) => paths.extend(found),
            Err(error) => failed.push((named.clone(), error.to_string())),
        }
    }
    Ok((paths, failed))
}

/// What the rules say of a file.
pub(super) fn judge(path: &Path) -> anyhow::Result<(DistributionFilename, Verdict)> {
    let filename = find::filename(path)?;
    let verdict = rules::check(File::open(path)?, &filename, &Limits::default())?;
    Ok((filename, verdict))
}

fn tell(path: &Path, verdict: &Verdict, refused: bool, printer: &Printer) {
    let word = if refused { "refused" } else { "good" };
    printer.data(&format!("{}: {word}", path.display()));
    for finding in &verdict.findings {
        printer.data(&format!("  {}: {finding}", finding.severity));
        let about = rules::ALL.iter().find(|rule| rule.code == finding.rule);
        if let Some(about) = about {
            printer.detail(&format!("  {}: {}", about.code, about.about));
        }
    }
    if verdict.omitted > 0 {
        printer.data(&format!("  and {} more", verdict.omitted));
    }
}

fn to_json(path: &PathBuf, filename: &DistributionFilename, verdict: &Verdict, refused: bool) -> Value {
    let findings = verdict.findings.iter().map(|finding| {
        json!({
            "rule": finding.rule,
            "severity": match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            "member": finding.member,
            "what": finding.what,
        })
    });
    json!({
        "path": path,
        "project": filename.project(),
        "version": filename.version().to_string(),
        "verdict": if refused { "refused" } else { "good" },
        "findings": findings.collect::<Vec<_>>(),
        "omitted": verdict.omitted,
    })
}
