//! What an import came to.

use std::{path::PathBuf, time::Duration};

use depot_proto::{FileRecord, ProjectName, Sha256Digest};
use serde_json::{Value, json};

use super::super::{manifest::Place, publish::Outcome, read::Signed, set::Set};
use crate::{
    args::ImportArgs,
    output::{Printer, bytes, count, explain, seconds},
    python::failed::{self, Failed},
};

/// What it came to.
pub(super) struct Report {
    id: Sha256Digest,
    base: Option<Sha256Digest>,
    signer: Option<String>,
    signed: Signed,
    to: String,
    dry_run: bool,
    receipt: Option<PathBuf>,
    removed: Vec<Place>,
    pub(super) planned: usize,
    imported: (usize, u64),
    updated: usize,
    present: usize,
    gone: usize,
    /// Of how many projects themselves something was news.
    pub(super) projects: usize,
    files: Vec<Value>,
    pub(super) failed: Vec<Failed>,
}

impl Report {
    pub(super) fn of(set: &Set, args: &ImportArgs, to: String) -> Self {
        let head = &set.heads[0];
        Self {
            id: head.manifest.id,
            base: head.manifest.base,
            signer: head.manifest.signer.clone(),
            signed: head.signed.clone(),
            to,
            dry_run: args.dry_run,
            receipt: args.receipt.clone(),
            removed: head.manifest.removed.clone(),
            planned: 0,
            imported: (0, 0),
            updated: 0,
            present: 0,
            gone: 0,
            projects: 0,
            files: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// Says how far the bundle is to be believed.
    pub(super) fn tell_signer(&self, printer: &Printer) {
        match &self.signed {
            Signed::By(key) => printer.detail(&format!("signed with the pinned key {}", key.id())),
            Signed::Unchecked => printer.say(&format!(
                "warning: the bundle says that key {} signed it, and none is pinned to check that: give it with --trust",
                self.signer.as_deref().unwrap_or_default()
            )),
            Signed::No => printer.say("warning: the bundle is not signed"),
        }
    }

    pub(super) fn row(&mut self, project: &ProjectName, record: &FileRecord, outcome: Outcome) {
        match outcome {
            Outcome::Imported => {
                self.imported.0 += 1;
                self.imported.1 += record.size;
            }
            Outcome::Updated => self.updated += 1,
            Outcome::Present => return self.present += 1,
            Outcome::Gone => self.gone += 1,
        }
        self.files.push(json!({
            "project": project,
            "filename": record.filename,
            "sha256": record.sha256,
            "size": record.size,
            "outcome": outcome.as_str(),
        }));
    }

    pub(super) fn fail(&mut self, filename: &str, error: &anyhow::Error) {
        self.failed.push(Failed { item: filename.to_owned(), reason: explain(error) });
    }

    pub(super) fn show(&self, took: Duration, printer: &Printer) {
        let seconds = seconds(took);
        failed::tell(&self.failed, printer);
        let mut parts = if self.dry_run {
            vec![format!("would import {}", count(self.planned, "file"))]
        } else {
            vec![
                format!("imported {} ({})", count(self.imported.0, "file"), bytes(self.imported.1)),
                format!("{} updated", self.updated),
                format!("{} there already", self.present),
            ]
        };
        if self.projects > 0 {
            parts.push(format!("news of {}", count(self.projects, "project")));
        }
        if !self.removed.is_empty() {
            parts.push(format!("{} gone at the source and kept here", self.removed.len()));
        }
        if !self.failed.is_empty() {
            parts.push(format!("{} failed", self.failed.len()));
        }
        printer.say(&format!("{} in {seconds} s, into {}, bundle {}", parts.join(", "), self.to, self.id));
        printer.json(&json!({
            "schema": "depot.bundle-import/1",
            "id": self.id,
            "base": self.base,
            "signer": self.signer,
            "trusted": matches!(self.signed, Signed::By(_)),
            "to": self.to,
            "dry-run": self.dry_run,
            "receipt": self.receipt,
            "files": self.files,
            "failed": failed::to_json(&self.failed),
            "removed": self.removed,
            "counts": {
                "planned": self.planned,
                "imported": self.imported.0,
                "updated": self.updated,
                "present": self.present,
                "gone": self.gone,
                "projects": self.projects,
                "removed": self.removed.len(),
                "failed": self.failed.len(),
            },
            "bytes": self.imported.1,
            "seconds": seconds,
        }));
    }
}
