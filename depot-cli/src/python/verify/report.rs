//! What a verification says at its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use depot_proto::{ProjectName, Target};
use serde_json::{Value, json};

use super::{
    Found, Installed,
    found::{self, Row},
    stored::{Stored, Wrong},
};
use crate::{
    output::{Printer, bytes, count},
    python::solve::Link,
};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Whether something was named, and not every release of the tree taken.
    is_named: bool,
    /// The targets that were looked at.
    targets: Vec<Target>,
    /// The index that was asked, without credentials; none if the tree was read.
    pub(super) server: Option<String>,
    pub(super) stored: Stored,
    pub(super) found: Found,
    /// Projects with files in the tree of which a target can install none.
    passed_over: BTreeMap<ProjectName, BTreeSet<Target>>,
    pub(super) installed: Option<Installed>,
}

impl Report {
    pub(super) fn new(is_named: bool, targets: Vec<Target>) -> Self {
        Self { is_named, targets, ..Self::default() }
    }

    /// Notes the projects that are only for others than this target.
    pub(super) fn passed_over(&mut self, target: &Target, projects: impl IntoIterator<Item = ProjectName>) {
        for project in projects {
            self.passed_over.entry(project).or_default().insert(target.clone());
        }
    }

    /// Whether nothing is missing or wrong.
    pub(super) fn is_well(&self) -> bool {
        self.stored.wrong.is_empty()
            && self.found.missing().len() == 0
            && self.found.failed().is_empty()
            && self.installed.as_ref().is_none_or(|installed| installed.failed.is_empty())
    }

    /// Prints the result.
    pub(super) fn show(&self, dir: &Path, took: Duration, printer: &Printer) {
        let targets = &self.targets[..];
        for Wrong { project, filename, reason, .. } in &self.stored.wrong {
            let folder = project.as_ref().map(|project| format!("{project}/")).unwrap_or_default();
            printer.data(&format!("wrong: {folder}{filename}: {reason}"));
        }
        let first = if self.is_named { "asked for" } else { "saved" };
        for row in self.found.missing() {
            let others = row.affects.len().saturating_sub(1);
            let others = match others {
                0 => String::new(),
                1 => "; 1 other needs it too".to_owned(),
                others => format!("; {others} others need it too"),
            };
            let whole = found::chain(&row.missing, first);
            printer.data(&format!("missing: {whole}{}{others}", on(&row.targets, targets)));
        }
        for (failed, of) in self.found.failed() {
            printer.data(&format!("failed: {}{}: {}", failed.item, on(of, targets), failed.reason));
        }
        for failed in self.installed.iter().flat_map(|installed| &installed.failed) {
            printer.data(&format!("failed: {}: {}", failed.item, failed.reason));
            for line in &failed.output {
                printer.data(&format!("    {line}"));
            }
        }
        self.show_passed_over(targets, printer);
        printer.json(&self.to_json(dir, took));
        printer.say(&self.summary(targets));
    }

    /// That a target can install nothing of a project is no failure where nobody asked for it there.
    fn show_passed_over(&self, targets: &[Target], printer: &Printer) {
        const SHOWN: usize = 8;
        let mut of: BTreeMap<&BTreeSet<Target>, Vec<&ProjectName>> = BTreeMap::new();
        for (project, on) in &self.passed_over {
            of.entry(on).or_default().push(project);
        }
        for (on, projects) in of {
            let mut shown: Vec<_> = projects.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
            if projects.len() > SHOWN {
                shown.push(format!("{} more", projects.len() - SHOWN));
            }
            let on: Vec<_> = if on.len() == targets.len() && on.len() > 1 {
                vec!["any of the targets".to_owned()]
            } else {
                on.iter().map(ToString::to_string).collect()
            };
            printer.say(&format!(
                "warning: the files of {} are for other targets than {}: name what must install there",
                shown.join(", "),
                on.join(", ")
            ));
        }
    }

    fn summary(&self, targets: &[Target]) -> String {
        let mut parts = Vec::new();
        if self.server.is_none() {
            let Stored { files, bytes: size, wrong } = &self.stored;
            let wrong = match wrong.len() {
                0 => "all as recorded".to_owned(),
                number => format!("{number} wrong"),
            };
            parts.push(format!("read {} ({}), {wrong}", count(*files, "file"), bytes(*size)));
        } else {
            parts.push(format!("asked for {}", count(self.stored.files, "file")));
        }
        let lacking = self.found.missing().len() + self.found.failed().len();
        let result = if lacking == 0 {
            "nothing is missing".to_owned()
        } else {
            format!("{lacking} missing or failed")
        };
        let on = if targets.is_empty() {
            String::new()
        } else {
            format!(" for {}", count(targets.len(), "target"))
        };
        let verb = if self.found.asked == 1 { "needs" } else { "need" };
        parts.push(format!("looked for what {} {verb}{on}, {result}", count(self.found.asked, "thing")));
        if let Some(installed) = &self.installed {
            let failed = installed.failed.len();
            let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
            parts.push(format!(
                "installed {} with {}, built {}{failed}",
                count(installed.packages, "package"),
                installed.tool,
                count(installed.built, "sdist"),
            ));
        }
        parts.join("; ")
    }

    fn to_json(&self, dir: &Path, took: Duration) -> Value {
        let names = |of: &BTreeSet<Target>| of.iter().map(ToString::to_string).collect::<Vec<_>>();
        let wrong = self.stored.wrong.iter().map(|one| {
            json!({
                "project": one.project,
                "filename": one.filename,
                "what": one.what.as_str(),
                "reason": one.reason,
            })
        });
        let failed = self.found.failed().iter().map(
            |(failed, of)| json!({ "item": failed.item, "reason": failed.reason, "targets": names(of) }),
        );
        let passed_over =
            self.passed_over.iter().map(|(project, of)| json!({ "project": project, "targets": names(of) }));
        json!({
            "schema": "depot.verify/1",
            "server": self.server,
            "dir": dir,
            "well": self.is_well(),
            "targets": self.targets.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "wrong": wrong.collect::<Vec<_>>(),
            "missing": self.found.missing().map(missing).collect::<Vec<_>>(),
            "failed": failed.collect::<Vec<_>>(),
            "passed-over": passed_over.collect::<Vec<_>>(),
            "warnings": self.found.warnings,
            "install": self.installed.as_ref().map(Installed::to_json),
            "counts": {
                "files": self.stored.files,
                "wrong": self.stored.wrong.len(),
                "asked": self.found.asked,
                "missing": self.found.missing().len(),
                "failed": self.found.failed().len(),
            },
            "bytes": self.stored.bytes,
            "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
        })
    }
}

fn missing(row: &Row) -> Value {
    let link = |link: &Link| {
        json!({
            "project": link.project,
            "version": link.version.to_string(),
            "requirement": link.requirement,
            "for-build": link.to_build,
        })
    };
    json!({
        "requirement": row.missing.requirement,
        "for-build": row.missing.to_build,
        "reason": row.missing.why,
        "chain": row.missing.chain.iter().map(link).collect::<Vec<_>>(),
        "targets": row.targets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "affects": row.affects,
    })
}

/// For which targets something is, unless it is for all.
fn on(of: &BTreeSet<Target>, all: &[Target]) -> String {
    if of.is_empty() || of.len() == all.len() {
        return String::new();
    }
    let names: Vec<_> = of.iter().map(ToString::to_string).collect();
    format!(" [{}]", names.join(", "))
}
