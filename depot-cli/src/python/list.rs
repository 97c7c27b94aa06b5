//! `depot python list`: the releases in a tree, a project at a time, so that memory does not grow with it.

use depot_proto::{DistributionFilename, FileRecord, ProjectName, Version, VersionKey};
use depot_tree::Tree;
use serde_json::json;

use std::collections::BTreeMap;

use super::{
    failed::{self, Failed},
    saved_tree,
    statuses::status_of,
};
use crate::{
    args::ListArgs,
    exit::ExitStatus,
    output::{JsonList, Printer, bytes, count},
};

/// The files of one version.
#[derive(Default)]
struct Release {
    version: Option<Version>,
    files: usize,
    bytes: u64,
    yanked: usize,
}

/// Runs the verb.
pub(crate) async fn run(args: ListArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let talk = printer.clone();
    tokio::task::spawn_blocking(move || list(&args, &talk)).await?
}

fn list(args: &ListArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let tree = saved_tree(&args.tree.dir)?;
    let head = json!({ "schema": "depot.list/1", "dir": args.tree.dir, "pattern": args.pattern });
    let mut rows = JsonList::begin(printer, &head, "releases");
    let (mut projects, mut releases, mut files, mut size) = (0, 0, 0, 0);
    let mut failed = Vec::new();
    for project in tree.projects()? {
        if !args.pattern.as_deref().is_none_or(|pattern| matches(pattern, project.as_str())) {
            continue;
        }
        let found = releases_of(&tree, &project, &mut failed)?;
        projects += usize::from(!found.is_empty());
        let status = status_of(&tree, &project).map(|status| status.status);
        for release in found.into_values().rev() {
            let version = release.version.map(|version| version.to_string()).unwrap_or_default();
            let is_yanked = release.yanked == release.files;
            let yanked = if is_yanked { ", yanked" } else { "" };
            let note = status.map(|status| format!(", {status}")).unwrap_or_default() + yanked;
            let number = count(release.files, "file");
            printer.data(&format!("{project} {version}  {number}, {}{note}", bytes(release.bytes)));
            rows.row(&json!({
                "project": project,
                "version": version,
                "files": release.files,
                "bytes": release.bytes,
                "yanked": is_yanked,
                "status": status.unwrap_or_default().as_str(),
            }));
            releases += 1;
            files += release.files;
            size += release.bytes;
        }
    }
    failed::tell(&failed, printer);
    rows.end(&json!({
        "failed": failed::to_json(&failed),
        "counts": { "projects": projects, "releases": releases, "files": files, "failed": failed.len() },
        "bytes": size,
    }));
    printer.say(&format!(
        "{} of {}, {} ({})",
        count(releases, "release"),
        count(projects, "project"),
        count(files, "file"),
        bytes(size)
    ));
    Ok(if failed.is_empty() { ExitStatus::Done } else { ExitStatus::Partial })
}

fn releases_of(
    tree: &Tree,
    project: &ProjectName,
    failed: &mut Vec<Failed>,
) -> anyhow::Result<BTreeMap<ByVersion, Release>> {
    let mut releases: BTreeMap<ByVersion, Release> = BTreeMap::new();
    for filename in tree.filenames(project)? {
        match read(tree, project, &filename) {
            Ok(Some((version, record))) => {
                let release = releases.entry(ByVersion(version.clone(), version.key())).or_default();
                release.files += 1;
                release.bytes += record.size;
                release.yanked += usize::from(record.effective_yank().is_yanked());
                release.version.get_or_insert(version);
            }
            Ok(None) => {}
            Err(error) => failed.push(Failed { item: filename, reason: error.to_string() }),
        }
    }
    Ok(releases)
}

fn read(tree: &Tree, project: &ProjectName, filename: &str) -> anyhow::Result<Option<(Version, FileRecord)>> {
    let Some(record) = tree.record(project, filename)? else { return Ok(None) };
    let version = DistributionFilename::parse(filename, project)?.version().clone();
    Ok(Some((version, record)))
}

/// Sorted as versions are, and alike where these are the same release.
struct ByVersion(Version, VersionKey);

impl PartialEq for ByVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByVersion {}

impl PartialOrd for ByVersion {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByVersion {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0).then_with(|| self.1.as_str().cmp(other.1.as_str()))
    }
}

/// Whether a project's name is what a pattern says, in which `*` stands for anything. `Tea_Pot` is `tea-pot` there too.
fn matches(pattern: &str, name: &str) -> bool {
    let mut normal = String::with_capacity(pattern.len());
    for c in pattern.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    let mut parts = normal.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_projects_in_any_spelling() {
        for (pattern, name, does) in [
            ("tea-pot", "tea-pot", true),
            ("Tea_.Pot", "tea-pot", true),
            ("tea", "tea-pot", false),
            ("tea*", "tea-pot", true),
            ("*pot", "tea-pot", true),
            ("*a-p*", "tea-pot", true),
            ("t*a*t", "tea-pot", true),
            ("t*x*t", "tea-pot", false),
            ("*", "tea-pot", true),
            ("tea*tea-pot", "tea-pot", false),
            ("", "tea-pot", false),
        ] {
            assert_eq!(matches(pattern, name), does, "{pattern} and {name}");
        }
    }
}
