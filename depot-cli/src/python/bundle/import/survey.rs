//! What the first reading of a bundle is for: that all of it is right, and that it goes together with what is there.

use std::collections::HashMap;

use depot_proto::{
    ProjectName, ProjectRecord, Sha256Digest,
    push::{PlanFile, Verdict},
};
use depot_tree::{Tree, TreeError};

use super::super::{
    history::History,
    manifest::Blob,
    set::{Group, Set},
    upload::ask,
    walk::{Carried, Take},
};
use crate::{output::count, progress::Progress, python::server::Server};

/// What is known of the files that are carried.
pub(super) struct Survey {
    progress: Progress,
    files: Vec<PlanFile>,
}

/// How much is to be brought.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) files: usize,
    pub(super) bytes: u64,
}

impl Survey {
    pub(super) fn new(progress: Progress) -> Self {
        Self { progress, files: Vec::new() }
    }
}

impl Take for Survey {
    fn begin(&mut self, _: &ProjectName, filename: &str, _: &Blob) -> anyhow::Result<()> {
        self.progress.begin(filename);
        Ok(())
    }

    fn chunk(&mut self, _: &[u8]) -> anyhow::Result<()> {
        Ok(())
    }

    fn file(&mut self, carried: Carried) -> anyhow::Result<()> {
        let record = &carried.record;
        self.progress.advance();
        self.files.push(PlanFile {
            project: carried.project.to_string(),
            filename: record.filename.clone(),
            sha256: record.sha256,
            size: record.size,
            facts: record.facts.digest(),
            mirrored: record.is_mirrored(),
            provenance: None,
        });
        Ok(())
    }

    fn project(&mut self, _: &ProjectRecord) -> anyhow::Result<()> {
        Ok(())
    }
}

/// What a bundle presumes, and carries, that does not go together with what is there.
#[derive(Default)]
struct Misfits {
    /// Files with other bytes there.
    conflicts: Vec<String>,
    /// Files that the bundle builds on, and that are not there.
    lacking: Vec<String>,
    /// Files that may not be brought there, with the reason.
    forbidden: Vec<String>,
}

impl Misfits {
    /// Refuses the bundle if there are any.
    fn judge(&self, set: &Set, place: &str) -> anyhow::Result<()> {
        let named = |files: &[String], what: &str| match files {
            [] => String::new(),
            [one] => format!("{what} `{one}`"),
            [first, rest @ ..] => format!("{what} `{first}` and {}", count(rest.len(), "other file")),
        };
        if !self.lacking.is_empty() {
            let base = set.heads[0].manifest.base.map(|base| base.to_string()).unwrap_or_default();
            anyhow::bail!(
                "the bundle builds on bundle {base}, which was not imported here: {place} lacks{}; import that one \
                 first, or make one with a receipt of what is here",
                named(&self.lacking, "")
            );
        }
        anyhow::ensure!(
            self.conflicts.is_empty(),
            "nothing was imported: {place} has{} with other bytes, which are kept",
            named(&self.conflicts, "")
        );
        anyhow::ensure!(self.forbidden.is_empty(), "nothing was imported: {}", self.forbidden.join("; "));
        Ok(())
    }
}

/// Compares a bundle with the tree that it is for.
pub(super) fn compare_with_tree(set: &Set, tree: &Tree, history: &History) -> anyhow::Result<Planned> {
    let mut planned = Planned::default();
    let mut misfits = Misfits::default();
    let mut listed: Option<(&ProjectName, Vec<String>)> = None;
    for Group { project, filename, bytes } in set.groups() {
        if listed.as_ref().is_none_or(|(of, _)| *of != project) {
            listed = Some((project, tree.filenames(project)?));
        }
        let there =
            listed.iter().flat_map(|(_, names)| names).find(|name| name.eq_ignore_ascii_case(filename));
        let Some(item) = bytes else { continue };
        let is_same = match there {
            None => false,
            Some(name) if name != filename => {
                misfits.conflicts.push(filename.to_owned());
                continue;
            }
            Some(_) => match tree.record(project, filename) {
                Ok(Some(known)) if known.sha256 != item.blob.sha256 => {
                    misfits.conflicts.push(filename.to_owned());
                    continue;
                }
                Ok(Some(_)) => tree.has_bytes(project, filename, item.blob.size),
                // It is put back if the bytes beside it are those that are carried.
                Ok(None) | Err(TreeError::Record { .. }) => false,
                Err(error) => return Err(error.into()),
            },
        };
        if !is_same {
            planned.files += 1;
            planned.bytes += item.blob.size;
        }
    }
    let manifest = &set.heads[0].manifest;
    // What was removed since the base was imported here was removed by whoever keeps this tree.
    if manifest.base.is_some_and(|base| !history.has(base) && !history.has(manifest.id)) {
        for (project, filename, sha256, _) in presumed(set) {
            match tree.record(project, filename) {
                Ok(Some(known)) if known.sha256 == sha256 => {}
                Ok(Some(_)) => misfits.conflicts.push(filename.to_owned()),
                Ok(None) => misfits.lacking.push(filename.to_owned()),
                Err(error) => return Err(error.into()),
            }
        }
    }
    misfits.judge(set, "the tree")?;
    Ok(planned)
}

/// What a bundle builds on: the files of its receipt whose bytes it does not carry.
fn presumed(set: &Set) -> impl Iterator<Item = (&ProjectName, &str, Sha256Digest, u64)> {
    let mut carried = set.groups().filter(|group| group.bytes.is_some()).peekable();
    let files = set.receipt.files.iter().flat_map(|(project, files)| {
        files.iter().map(move |(filename, held)| (project, filename.as_str(), held.0, held.1))
    });
    // Both are sorted alike.
    files.filter(move |(project, filename, ..)| {
        let is_carried =
            carried.peek().is_some_and(|group| (group.project, group.filename) == (*project, *filename));
        if is_carried {
            carried.next();
        }
        !is_carried
    })
}

/// Compares a bundle with the server that it is for, which says what it wants of it.
pub(super) async fn compare_with_server(
    set: &Set,
    server: &Server,
    survey: Survey,
) -> anyhow::Result<(HashMap<(ProjectName, String), Verdict>, Planned)> {
    let mut planned = Planned::default();
    let mut misfits = Misfits::default();
    let base: Vec<PlanFile> = presumed(set)
        .map(|(project, filename, sha256, size)| PlanFile {
            project: project.to_string(),
            filename: filename.to_owned(),
            sha256,
            size,
            facts: Sha256Digest::of(b""),
            mirrored: false,
            provenance: None,
        })
        .collect();
    for (file, answer) in base.iter().zip(ask(server, &base).await?) {
        match answer.verdict {
            Verdict::Missing => misfits.lacking.push(file.filename.clone()),
            Verdict::Conflict => misfits.conflicts.push(file.filename.clone()),
            // Whether they may be sent is asked of those that are.
            Verdict::Have | Verdict::Update | Verdict::Forbidden => {}
        }
    }
    let mut verdicts = HashMap::new();
    for (file, answer) in survey.files.iter().zip(ask(server, &survey.files).await?) {
        match answer.verdict {
            Verdict::Conflict => misfits.conflicts.push(file.filename.clone()),
            Verdict::Forbidden => {
                let reason = answer.reason.unwrap_or_else(|| "the server does not take it".to_owned());
                misfits.forbidden.push(format!("{}: {reason}", file.filename));
            }
            Verdict::Missing => {
                planned.files += 1;
                planned.bytes += file.size;
            }
            Verdict::Have | Verdict::Update => {}
        }
        verdicts.insert((file.project.parse()?, file.filename.clone()), answer.verdict);
    }
    misfits.judge(set, "the server")?;
    Ok((verdicts, planned))
}
