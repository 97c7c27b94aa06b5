//! What was found, for people and for programs.

use std::{collections::BTreeSet, time::Duration};

use depot_proto::ProjectName;
use serde_json::{Value, json};

use super::checks::{AREAS, Check, Level, Tool};
use crate::output::{Printer, bytes, count, seconds};

/// The most examples of one fault that are told.
const EXAMPLES: usize = 3;

/// One thing that was looked at.
struct Finding {
    check: &'static Check,
    level: Level,
    project: Option<ProjectName>,
    seen: String,
}

/// A file that was downloaded.
struct Downloaded {
    project: ProjectName,
    filename: String,
    size: u64,
}

/// Everything that was looked at.
#[derive(Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    files: Vec<Downloaded>,
    /// The project that is looked at now.
    project: Option<ProjectName>,
    /// Why more could not be looked at.
    stopped: Option<String>,
}

/// What a run was, beside what it found.
pub(super) struct Run<'a> {
    pub(super) index: String,
    pub(super) projects: &'a [ProjectName],
    pub(super) strict: bool,
    pub(super) uploads: bool,
    pub(super) requests: u64,
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

impl Report {
    /// What follows is about this project, or about the whole index.
    pub(super) fn about(&mut self, project: Option<&ProjectName>) {
        self.project = project.cloned();
    }

    /// It holds.
    pub(super) fn well(&mut self, check: &'static Check, seen: impl Into<String>) {
        self.add(check, Level::Ok, seen.into());
    }

    /// It does not hold.
    pub(super) fn found(&mut self, check: &'static Check, seen: impl Into<String>) {
        self.add(check, check.level, seen.into());
    }

    pub(super) fn judge(&mut self, check: &'static Check, holds: bool, seen: impl Into<String>) {
        if holds { self.well(check, seen) } else { self.found(check, seen) }
    }

    /// It holds if nothing is wrong.
    pub(super) fn weigh(&mut self, check: &'static Check, wrong: &[String], seen: impl Into<String>) {
        if wrong.is_empty() {
            return self.well(check, seen);
        }
        let mut words = wrong.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join("; ");
        if wrong.len() > EXAMPLES {
            words = format!("{words}; and {} more", wrong.len() - EXAMPLES);
        }
        self.found(check, words);
    }

    /// What is looked at twice, for two files of a project, is one finding: the worse one, or both faults.
    fn add(&mut self, check: &'static Check, level: Level, seen: String) {
        let project = self.project.clone();
        let known =
            self.findings.iter_mut().find(|known| known.check.id == check.id && known.project == project);
        match known {
            None => self.findings.push(Finding { check, level, project, seen }),
            Some(known) if level > known.level => (known.level, known.seen) = (level, seen),
            Some(known) if level == known.level && level != Level::Ok && !known.seen.contains(&seen) => {
                known.seen = format!("{}; {seen}", known.seen);
            }
            Some(_) => {}
        }
    }

    pub(super) fn downloaded(&mut self, filename: &str, size: u64) {
        if let Some(project) = self.project.clone() {
            self.files.push(Downloaded { project, filename: filename.to_owned(), size });
        }
    }

    /// More cannot be looked at; the first reason counts.
    pub(super) fn stop(&mut self, why: String) {
        self.stopped.get_or_insert(why);
    }

    pub(super) fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    fn of(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether something is bad enough for the exit code.
    pub(super) fn is_bad(&self, strict: bool) -> bool {
        let bar = if strict { Level::Warning } else { Level::Failure };
        self.findings.iter().any(|finding| finding.level >= bar)
    }

    /// How the tools fare, each in a few words.
    fn verdicts(&self, uploads: bool) -> Vec<(Tool, String)> {
        let verdict = |tool: Tool| {
            if tool == Tool::Twine && !uploads {
                return "not looked at (--upload)".to_owned();
            }
            let hurt = |level| {
                let hurt = self
                    .findings
                    .iter()
                    .filter(|found| found.level == level && found.check.hurts.contains(&tool));
                // The same fault of several projects is one.
                hurt.map(|found| found.check.id).collect::<BTreeSet<_>>().len()
            };
            let hurts = [Level::Failure, Level::Warning, Level::Note].map(|level| (level, hurt(level)));
            let words: Vec<String> = hurts
                .iter()
                .filter(|(_, number)| *number > 0)
                .map(|(level, number)| count(*number, level.as_str()))
                .collect();
            match (words.is_empty(), self.stopped.is_some()) {
                (true, true) => "not looked at".to_owned(),
                (true, false) => "finds what it needs".to_owned(),
                (false, _) => words.join(", "),
            }
        };
        Tool::ALL.into_iter().map(|tool| (tool, verdict(tool))).collect()
    }

    pub(super) fn show(&self, run: &Run, printer: &Printer) {
        for (area, heading) in AREAS {
            let in_area = self.findings.iter().filter(|finding| finding.check.area() == area);
            for (number, finding) in in_area.enumerate() {
                if number == 0 {
                    printer.data(heading);
                }
                Self::show_one(finding, run.projects.len() > 1, printer);
            }
        }
        for file in &self.files {
            printer.detail(&format!("downloaded {} ({})", file.filename, bytes(file.size)));
        }
        printer.data("");
        for (tool, verdict) in self.verdicts(run.uploads) {
            printer.data(&format!("{:<8} {verdict}", tool.as_str()));
        }
        printer.data(&format!(
            "{}: {}, {} and {} in {}; {}, {}, {} s",
            if self.stopped.is_some() {
                "not all could be looked at"
            } else if self.is_bad(run.strict) {
                "the index is not well"
            } else if self.of(Level::Warning) > 0 {
                "the index works, not well for all"
            } else {
                "the index is well"
            },
            count(self.of(Level::Failure), "failure"),
            count(self.of(Level::Warning), "warning"),
            count(self.of(Level::Note), "note"),
            count(self.findings.len(), "check"),
            count(usize::try_from(run.requests).unwrap_or(usize::MAX), "request"),
            bytes(run.bytes),
            seconds(run.took),
        ));
        printer.json(&self.document(run));
    }

    fn show_one(finding: &Finding, names_projects: bool, printer: &Printer) {
        let Finding { check, level, project, seen } = finding;
        let project =
            project.as_ref().filter(|_| names_projects).map(|name| format!("{name}: ")).unwrap_or_default();
        let what =
            if *level == Level::Ok { check.holds.to_owned() } else { format!("not so: {}", check.holds) };
        printer.data(&format!("  {:<7}  {:<25}  {project}{what}: {seen}", level.as_str(), check.id));
        if *level != Level::Ok {
            let hurts: Vec<_> = check.hurts.iter().map(|tool| tool.as_str()).collect();
            let whom = if hurts.is_empty() { String::new() } else { format!("hurts {}: ", hurts.join(", ")) };
            printer.data(&format!("{:38}{whom}{}", "", check.advice));
        }
    }

    fn document(&self, run: &Run) -> Value {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|Finding { check, level, project, seen }| {
                let is_ok = *level == Level::Ok;
                let hurts: Vec<_> = check.hurts.iter().filter(|_| !is_ok).map(|tool| tool.as_str()).collect();
                json!({
                    "id": check.id,
                    "area": check.area(),
                    "level": level.as_str(),
                    "project": project,
                    "holds": check.holds,
                    "seen": seen,
                    "hurts": hurts,
                    "advice": (!is_ok).then_some(check.advice),
                })
            })
            .collect();
        let files: Vec<Value> = self
            .files
            .iter()
            .map(|file| json!({ "project": file.project, "filename": file.filename, "size": file.size }))
            .collect();
        let counts: serde_json::Map<String, Value> =
            Level::ALL.iter().map(|level| (level.as_str().to_owned(), self.of(*level).into())).collect();
        json!({
            "schema": "depot.doctor/1",
            "index": run.index,
            "projects": run.projects,
            "well": self.stopped.is_none() && !self.is_bad(run.strict),
            "stopped": self.stopped,
            "findings": findings,
            "files": files,
            "counts": counts,
            "requests": run.requests,
            "bytes": run.bytes,
            "seconds": seconds(run.took),
        })
    }
}
