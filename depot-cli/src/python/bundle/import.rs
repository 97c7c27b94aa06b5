//! `depot python bundle import`: check everything, then bring it where it belongs.
//!
//! A bundle is read twice. The first time everything is compared with the manifest, and nothing is written anywhere; what
//! the destination has is compared with what the bundle builds on and with what it carries. Only then it is read again
//! and published, file by file, each compared once more before it becomes visible. So a bundle that is wrong anywhere
//! changes nothing, and one whose import is cut off is continued by the same command.

mod report;
mod scratch;
mod survey;

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
    time::Instant,
};

use anyhow::Context as _;
use depot_tree::Tree;
use tokio::runtime::Handle;

use self::{
    report::Report,
    scratch::Scratch,
    survey::{Survey, compare_with_server, compare_with_tree},
};
use super::{
    Stop,
    history::History,
    keys::{self, PublicKey},
    publish::{Destination, IntoTree, Outcome, publish_all},
    set::Set,
    upload::ToServer,
    walk::walk,
};
use crate::{
    args::ImportArgs,
    clock,
    exit::ExitStatus,
    output::{Printer, bytes, count},
    progress::Progress,
    python::server::Server,
};

/// Where it goes.
enum To {
    Tree(PathBuf),
    Server(Box<Server>),
}

impl To {
    fn of(args: &ImportArgs, printer: &Printer) -> anyhow::Result<Self> {
        let Some(to) = &args.to else { return Ok(Self::Tree(args.tree.dir.clone())) };
        if !to.contains("://") {
            return Ok(Self::Tree(to.into()));
        }
        Ok(Self::Server(Box::new(Server::open(to, &args.token, &args.network, printer)?)))
    }

    /// For a message.
    fn shown(&self) -> String {
        match self {
            Self::Tree(path) => path.display().to_string(),
            Self::Server(server) => server.shown().to_owned(),
        }
    }
}

/// Runs the verb.
pub(super) async fn run(args: ImportArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let trusted = keys::trusted(&args.trust)?;
    let to = To::of(&args, printer)?;
    let stop = Stop::default();
    let _guard = stop.guard();
    let (talk, runtime) = (printer.clone(), Handle::current());
    let importing = tokio::task::spawn_blocking(move || {
        let import = Import { args, trusted, stop, printer: talk, runtime };
        import.run(to)
    });
    let report = importing.await??;
    report.show(started.elapsed(), printer);
    Ok(if report.failed.is_empty() { ExitStatus::Done } else { ExitStatus::Partial })
}

struct Import {
    args: ImportArgs,
    trusted: Vec<PublicKey>,
    stop: Stop,
    printer: Printer,
    runtime: Handle,
}

impl Import {
    fn run(&self, to: To) -> anyhow::Result<Report> {
        let set = Set::open(&self.args.files, &self.trusted)?;
        let mut report = Report::of(&set, &self.args, to.shown());
        report.tell_signer(&self.printer);
        match to {
            To::Tree(dir) => self.bring_to_tree(&set, &dir, &mut report)?,
            To::Server(server) => self.bring_to_server(&set, *server, &mut report)?,
        }
        if let Some(path) =
            self.args.receipt.as_ref().filter(|_| !self.args.dry_run && report.failed.is_empty())
        {
            set.receipt.write(path)?;
        }
        Ok(report)
    }

    fn bring_to_tree(&self, set: &Set, dir: &Path, report: &mut Report) -> anyhow::Result<()> {
        let id = set.receipt.bundle;
        let before = Tree::open_read_only(dir);
        let history = History::of(&before);
        // What is wrong with the tree is said before much is read, and seen again after that: it may take hours.
        compare_with_tree(set, &before, &history)?;
        self.survey(set)?;
        let planned = compare_with_tree(set, &before, &history)?;
        self.printer.say(&format!(
            "checked: {} ({}) to import, {} to look at",
            count(planned.files, "file"),
            bytes(planned.bytes),
            set.groups().count() - planned.files
        ));
        if self.args.dry_run {
            report.planned = planned.files;
            return Ok(());
        }
        let opened = Tree::open(dir).and_then(|(tree, recovered)| {
            // Nothing but the tree knows of a saved file, so there is nothing to bring up.
            tree.settle(&recovered)?;
            Ok(tree)
        });
        let tree = opened.with_context(|| format!("cannot use the tree `{}`", dir.display()))?;
        let takes_facts = !history.is_passed(id);
        if !takes_facts {
            self.printer
                .say("a newer bundle was imported after this one: only files that are missing are taken");
        }
        let into = IntoTree { tree, now: clock::now(), takes_facts };
        self.publish(set, &into, report, true)?;
        history.remember(&into.tree, id)
    }

    fn bring_to_server(&self, set: &Set, server: Server, report: &mut Report) -> anyhow::Result<()> {
        // A server that is not there, or does not take the token, says so before much is read.
        self.runtime.block_on(server.plan(Vec::new()))?;
        let survey = self.survey(set)?;
        let (verdicts, planned) = self.runtime.block_on(compare_with_server(set, &server, survey))?;
        self.printer.say(&format!(
            "checked: {} ({}) to send",
            count(planned.files, "file"),
            bytes(planned.bytes)
        ));
        if self.args.dry_run {
            report.planned = planned.files;
            return Ok(());
        }
        let scratch = Scratch::create()?;
        let (tree, _) = Tree::open(scratch.path())?;
        let to = ToServer {
            server,
            runtime: self.runtime.clone(),
            scratch: tree,
            verdicts,
            declared: Mutex::default(),
        };
        self.publish(set, &to, report, false)?;
        let (news, failed) = to.declare()?;
        report.projects = news;
        report.failed.extend(failed);
        Ok(())
    }

    /// Reads everything for the first time.
    fn survey(&self, set: &Set) -> anyhow::Result<Survey> {
        let progress = Progress::start(&self.printer, set.groups().count());
        let mut survey = Survey::new(progress.clone());
        for head in &set.heads {
            self.printer.detail(&format!("checking `{}`", head.path.display()));
            walk(head, &set.receipt, &self.trusted, &self.stop, &mut survey)?;
        }
        progress.finish();
        Ok(survey)
    }

    /// Reads everything again, and publishes it. What fails ends it, or is told at the end.
    fn publish(
        &self,
        set: &Set,
        to: &dyn Destination,
        report: &mut Report,
        ends_on_failure: bool,
    ) -> anyhow::Result<()> {
        let progress = Progress::start(&self.printer, set.groups().count());
        let mut each = |done: super::publish::Done| {
            let filename = &done.record.filename;
            match done.outcome {
                Ok(outcome) => {
                    progress.done(&format!("{} {filename}", outcome.as_str()));
                    report.row(&done.project, &done.record, outcome);
                    if outcome == Outcome::Gone {
                        progress.warn(&format!(
                            "`{filename}` was removed here; what is new about it is left out"
                        ));
                    }
                    Ok(())
                }
                Err(error) if ends_on_failure => Err(error.context(format!("cannot import `{filename}`"))),
                Err(error) => {
                    progress.done(&format!("failed {filename}"));
                    report.fail(filename, &error);
                    Ok(())
                }
            }
        };
        let jobs = self.args.jobs.get();
        let published = publish_all(set, &self.trusted, &self.stop, jobs, to, &mut each);
        progress.finish();
        report.projects = published?;
        Ok(())
    }
}
