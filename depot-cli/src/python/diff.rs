//! `depot python diff`: a tree beside another one, or beside what a bundle or a receipt says that the other side has.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Context as _;
use depot_proto::{
    ProjectName,
    layout::{FILES, Part, file_path, project_path},
};
use depot_tree::Tree;
use serde_json::{Value, json};

use super::{
    bundle::{Held, Receipt, held_in, marks_in, receipt_at, told_of},
    saved_tree,
};
use crate::{
    args::DiffArgs,
    exit::ExitStatus,
    output::{JsonList, Printer, count},
};

/// What the tree is compared with.
enum Other {
    Tree(Tree),
    Receipt(Receipt),
}

impl Other {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if !path.is_dir() {
            return receipt_at(path).map(Self::Receipt);
        }
        anyhow::ensure!(path.join(FILES).is_dir(), "there is no saved tree in `{}`", path.display());
        Ok(Self::Tree(Tree::open_read_only(path)))
    }

    fn projects(&self) -> anyhow::Result<Vec<ProjectName>> {
        Ok(match self {
            Self::Tree(tree) => tree.projects()?,
            Self::Receipt(receipt) => receipt.projects_with_files().cloned().collect(),
        })
    }

    fn marks(&self) -> anyhow::Result<BTreeMap<ProjectName, String>> {
        match self {
            Self::Tree(tree) => marks_in(tree),
            Self::Receipt(receipt) => Ok(receipt.marks()),
        }
    }

    fn files(&self, project: &ProjectName) -> anyhow::Result<BTreeMap<String, Held>> {
        match self {
            Self::Tree(tree) => held_in(tree, project),
            Self::Receipt(receipt) => Ok(receipt.files_of(project).cloned().unwrap_or_default()),
        }
    }
}

/// A difference: who has something.
#[derive(Clone, Copy)]
enum Change {
    Added,
    Removed,
    Changed,
}

impl Change {
    /// How two sides differ, if they do.
    fn of<T: PartialEq>(ours: Option<&T>, theirs: Option<&T>) -> Option<Self> {
        match (ours, theirs) {
            (Some(_), None) => Some(Self::Added),
            (None, Some(_)) => Some(Self::Removed),
            (Some(ours), Some(theirs)) if ours != theirs => Some(Self::Changed),
            _ => None,
        }
    }

    fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// Runs the verb.
pub(crate) async fn run(args: DiffArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let talk = printer.clone();
    tokio::task::spawn_blocking(move || diff(&args, &talk)).await?
}

fn diff(args: &DiffArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let tree = saved_tree(&args.tree.dir)?;
    let other = Other::open(&args.other)
        .with_context(|| format!("cannot compare with `{}`", args.other.display()))?;
    let projects: BTreeSet<ProjectName> = tree.projects()?.into_iter().chain(other.projects()?).collect();
    let head = json!({ "schema": "depot.diff/1", "dir": args.tree.dir, "other": args.other });
    let mut rows = JsonList::begin(printer, &head, "files");
    let mut counts = [0; 3];
    for project in projects {
        let (ours, theirs) = (held_in(&tree, &project)?, other.files(&project)?);
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for filename in names {
            let (ours, theirs) = (ours.get(filename), theirs.get(filename));
            let Some(change) = Change::of(ours, theirs) else { continue };
            let what = match (ours, theirs) {
                (Some(ours), Some(theirs)) => what_changed(&tree, &other, &project, filename, ours, theirs)?,
                _ => Vec::new(),
            };
            counts[change as usize] += 1;
            let path = file_path(&project, filename, Part::Bytes);
            let note = if what.is_empty() { String::new() } else { format!("  {}", what.join(", ")) };
            printer.data(&format!("{} {path}{note}", change.sign()));
            let change = change.as_str();
            rows.row(&json!({ "project": project, "filename": filename, "change": change, "what": what }));
        }
    }
    let projects = projects_changed(&tree, &other)?;
    for (project, change) in &projects {
        printer.data(&format!("{} {}", change.sign(), project_path(project)));
    }
    let [added, removed, changed] = counts;
    let is_same = counts == [0; 3] && projects.is_empty();
    let of_projects =
        projects.iter().map(|(project, change)| json!({ "project": project, "change": change.as_str() }));
    rows.end(&json!({
        "projects": of_projects.collect::<Vec<_>>(),
        "same": is_same,
        "counts": { "added": added, "removed": removed, "changed": changed },
    }));
    let news = if projects.is_empty() {
        String::new()
    } else {
        format!(", news of {}", count(projects.len(), "project"))
    };
    printer.say(&if is_same {
        format!("`{}` and `{}` hold the same", args.tree.dir.display(), args.other.display())
    } else {
        format!(
            "{added} added, {removed} removed, {changed} changed{news}, beside `{}`",
            args.other.display()
        )
    });
    Ok(if is_same { ExitStatus::Done } else { ExitStatus::Failed })
}

/// Of which projects themselves something else is known.
fn projects_changed(tree: &Tree, other: &Other) -> anyhow::Result<Vec<(ProjectName, Change)>> {
    let (ours, theirs) = (marks_in(tree)?, other.marks()?);
    let names: BTreeSet<&ProjectName> = ours.keys().chain(theirs.keys()).collect();
    let changed = names
        .into_iter()
        .filter_map(|name| Some((name.clone(), Change::of(ours.get(name), theirs.get(name))?)));
    Ok(changed.collect())
}

/// Which facts of a file differ; a receipt does not tell.
fn what_changed(
    tree: &Tree,
    other: &Other,
    project: &ProjectName,
    filename: &str,
    ours: &Held,
    theirs: &Held,
) -> anyhow::Result<Vec<String>> {
    if ours.sha256() != theirs.sha256() {
        return Ok(vec!["bytes".to_owned()]);
    }
    let Other::Tree(other) = other else { return Ok(vec!["facts".to_owned()]) };
    let (ours, theirs) = (told_of(tree, project, filename)?, told_of(other, project, filename)?);
    let keys = |told: &Value| told.as_object().map(|told| told.keys().cloned().collect()).unwrap_or_default();
    let keys: BTreeSet<String> = BTreeSet::union(&keys(&ours), &keys(&theirs)).cloned().collect();
    let differs = |key: &String| ours.get(key) != theirs.get(key);
    // Depot's own facts are where it comes from.
    let name = |key: String| if key == "depot" { "origin".to_owned() } else { key };
    let mut what: Vec<String> = keys.into_iter().filter(differs).map(name).collect();
    if what.is_empty() {
        what.push("provenance".to_owned());
    }
    Ok(what)
}
