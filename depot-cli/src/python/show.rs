//! `depot python show`: all that a tree knows of a project's files.

use depot_dist::Limits;
use depot_proto::{
    CoreMetadata, DistributionFilename, DistributionKind, FileRecord, Origin, ProjectName, Version,
    layout::Part, metadata,
};
use depot_tree::Tree;
use serde_json::{Value, json};

use super::{
    failed::{self, Failed},
    saved_tree,
    statuses::status_of,
};
use crate::{
    args::ShowArgs,
    exit::{ExitStatus, UsageError},
    output::{JsonList, Printer, bytes, count},
};

/// Runs the verb.
pub(crate) async fn run(args: ShowArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let talk = printer.clone();
    tokio::task::spawn_blocking(move || show(&args, &talk)).await?
}

fn show(args: &ShowArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (project, wanted) = read_spec(&args.spec)?;
    let tree = saved_tree(&args.tree.dir)?;
    let mut files = Vec::new();
    let mut failed = Vec::new();
    for filename in tree.filenames(&project)? {
        let name = match DistributionFilename::parse(&filename, &project) {
            Ok(name) => name,
            Err(error) => {
                failed.push(Failed { item: filename, reason: error.to_string() });
                continue;
            }
        };
        if wanted.as_ref().is_none_or(|wanted| name.version() == wanted) {
            files.push(name);
        }
    }
    anyhow::ensure!(
        !files.is_empty() || !failed.is_empty(),
        "there is nothing of `{}` in `{}`",
        args.spec,
        args.tree.dir.display()
    );
    // The newest first.
    files.sort_by(|a, b| b.version().cmp(a.version()).then_with(|| a.as_str().cmp(b.as_str())));
    let status = status_of(&tree, &project);
    if let Some(status) = &status {
        printer.data(&format!("{project} is {}", status.told()));
    }
    let head = json!({
        "schema": "depot.show/1",
        "dir": args.tree.dir,
        "project": project,
        "status": status.as_ref().map_or("active", |status| status.status.as_str()),
        "status-reason": status.and_then(|status| status.reason),
    });
    let mut rows = JsonList::begin(printer, &head, "files");
    let (mut shown, mut size) = (0, 0);
    for name in files {
        match tree.record(&project, name.as_str()) {
            Ok(Some(record)) => {
                let metadata = metadata_of(&tree, &name);
                tell(&tree, &name, &record, metadata.as_ref(), printer);
                rows.row(&to_json(&tree, &name, &record, metadata.as_ref()));
                shown += 1;
                size += record.size;
            }
            Ok(None) => {}
            Err(error) => failed.push(Failed { item: name.to_string(), reason: error.to_string() }),
        }
    }
    failed::tell(&failed, printer);
    rows.end(&json!({
        "failed": failed::to_json(&failed),
        "counts": { "files": shown, "failed": failed.len() },
        "bytes": size,
    }));
    printer.say(&format!("{} of {project} ({})", count(shown, "file"), bytes(size)));
    Ok(if failed.is_empty() { ExitStatus::Done } else { ExitStatus::Partial })
}

/// `PROJECT` or `PROJECT==VERSION`.
fn read_spec(text: &str) -> anyhow::Result<(ProjectName, Option<Version>)> {
    let (project, version) = match text.split_once("==") {
        Some((project, version)) => (project, Some(version.trim())),
        None => (text, None),
    };
    let wrong = |why: String| UsageError(format!("`{text}` is neither PROJECT nor PROJECT==VERSION: {why}"));
    let project: ProjectName = project.trim().parse().map_err(|error| wrong(format!("{error}")))?;
    if version.is_some_and(|version| version.is_empty() || version.contains('*')) {
        return Err(wrong("name one version".to_owned()).into());
    }
    Ok((project, version.map(Version::read)))
}

/// What a file says of itself, from beside it or from inside.
pub(super) fn metadata_of(tree: &Tree, name: &DistributionFilename) -> Option<CoreMetadata> {
    if let Some(beside) = tree.metadata(name.project(), name.as_str()).ok().flatten() {
        return metadata::parse(&beside).ok();
    }
    let opened = tree.open_part(name.project(), name.as_str(), Part::Bytes).ok()??;
    depot_dist::read(opened.file, name, &Limits::default()).ok().map(|contents| contents.metadata)
}

fn kind(name: &DistributionFilename) -> &'static str {
    match name.kind() {
        DistributionKind::Wheel => "wheel",
        DistributionKind::Sdist => "sdist",
        DistributionKind::Legacy => "legacy",
    }
}

fn tags(name: &DistributionFilename) -> Option<String> {
    match name {
        DistributionFilename::Wheel(wheel) => {
            Some(format!("{}-{}-{}", wheel.python, wheel.abi, wheel.platform))
        }
        _ => None,
    }
}

fn tell(
    tree: &Tree,
    name: &DistributionFilename,
    record: &FileRecord,
    metadata: Option<&CoreMetadata>,
    printer: &Printer,
) {
    let line = |what: &str, text: &str| printer.data(&format!("  {what:<16}{text}"));
    printer.data(name.as_str());
    line("version", &name.version().to_string());
    line("kind", &tags(name).map_or_else(|| kind(name).to_owned(), |tags| format!("wheel for {tags}")));
    line("size", &format!("{} ({})", bytes(record.size), record.size));
    line("sha256", &record.sha256.to_string());
    if let Some(requires_python) = &record.facts.requires_python {
        line("requires python", requires_python);
    }
    if record.effective_yank().is_yanked() {
        line("yanked", record.effective_yank().reason().unwrap_or("without a reason"));
    }
    if let Some(uploaded) = record.facts.upload_time {
        line("uploaded", &uploaded.to_string());
    }
    if let Some(first_seen) = record.first_seen {
        line("here since", &first_seen.to_string());
    }
    if let Some(origin) = &record.facts.origin {
        line("origin", &origin.to_string());
    }
    if !record.verdict().is_empty() {
        line("breaks", &record.verdict().join(", "));
    }
    for requirement in metadata.iter().flat_map(|metadata| &metadata.requires_dist) {
        line("requires", requirement);
    }
    if !tree.has_bytes(name.project(), name.as_str(), record.size) {
        line("damaged", "its bytes are not there, or have another size");
    }
}

fn to_json(
    tree: &Tree,
    name: &DistributionFilename,
    record: &FileRecord,
    metadata: Option<&CoreMetadata>,
) -> Value {
    let origin = record.facts.origin.as_ref().map(|origin| match origin {
        Origin::FirstParty => json!({ "kind": "first-party", "index": null, "url": null }),
        Origin::Mirrored { index, url } => json!({ "kind": "mirrored", "index": index, "url": url }),
    });
    json!({
        "filename": name.as_str(),
        "version": name.version().to_string(),
        "kind": kind(name),
        "tags": tags(name),
        "size": record.size,
        "sha256": record.sha256,
        "requires-python": record.facts.requires_python,
        "yanked": record.effective_yank().is_yanked(),
        "yanked-reason": record.effective_yank().reason(),
        "upload-time": record.facts.upload_time,
        "first-seen": record.first_seen,
        "origin": origin,
        "verdict": record.verdict(),
        "summary": metadata.and_then(|metadata| metadata.summary.as_deref()),
        "requires-dist": metadata.map(|metadata| &metadata.requires_dist),
        "whole": tree.has_bytes(name.project(), name.as_str(), record.size),
    })
}
