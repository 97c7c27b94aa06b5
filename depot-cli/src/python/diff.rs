//! `depot python diff`: a tree beside another one, or beside what a bundle or a receipt says that the other side has.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Context as _;
use depot_proto::{
    ProjectName,
    layout::{FILES, file_path},
};
use depot_tree::Tree;
use serde_json::{Value, json};

use super::{
    bundle::{Held, Receipt, held_in, receipt_at, told_of},
    saved_tree,
};
use crate::{
    args::DiffArgs,
    exit::ExitStatus,
    output::{JsonList, Printer},
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

    fn files(&self, project: &ProjectName) -> anyhow::Result<BTreeMap<String, Held>> {
        match self {
            Self::Tree(tree) => held_in(tree, project),
            Self::Receipt(receipt) => Ok(receipt.files_of(project).cloned().unwrap_or_default()),
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
    let (mut added, mut removed, mut changed) = (0, 0, 0);
    for project in projects {
        let (ours, theirs) = (held_in(&tree, &project)?, other.files(&project)?);
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for filename in names {
            let (sign, change, what) = match (ours.get(filename), theirs.get(filename)) {
                (Some(_), None) => ('+', "added", Vec::new()),
                (None, _) => ('-', "removed", Vec::new()),
                (Some(ours), Some(theirs)) if ours == theirs => continue,
                (Some(ours), Some(theirs)) => {
                    ('~', "changed", what_changed(&tree, &other, &project, filename, ours, theirs)?)
                }
            };
            match change {
                "added" => added += 1,
                "removed" => removed += 1,
                _ => changed += 1,
            }
            let path = file_path(&project, filename, depot_proto::layout::Part::Bytes);
            let note = if what.is_empty() { String::new() } else { format!("  {}", what.join(", ")) };
            printer.data(&format!("{sign} {path}{note}"));
            rows.row(&json!({ "project": project, "filename": filename, "change": change, "what": what }));
        }
    }
    let is_same = added + removed + changed == 0;
    rows.end(&json!({
        "same": is_same,
        "counts": { "added": added, "removed": removed, "changed": changed },
    }));
    printer.say(&if is_same {
        format!("`{}` and `{}` hold the same", args.tree.dir.display(), args.other.display())
    } else {
        format!("{added} added, {removed} removed, {changed} changed, beside `{}`", args.other.display())
    });
    Ok(if is_same { ExitStatus::Done } else { ExitStatus::Failed })
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
