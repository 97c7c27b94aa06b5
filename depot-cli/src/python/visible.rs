//! Which of the files that are offered count in a run: those that are old enough, and those that a policy shows.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use depot_proto::{
    DistributionFilename, ProjectName, Timestamp, moment,
    policy::{self, Policy, Scoped, Subject},
    simple::{PageFile, ProjectStatus},
};

use super::inputs::Place;
use crate::{args::ChoiceArgs, clock, exit::UsageError, output::Printer};

/// What the words of a rule are told after.
pub(super) const HIDDEN_BY_POLICY: &str = "hidden by policy: ";

/// What files there are for a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Visible {
    /// Files uploaded at this moment or later are not there, and neither are those without a date.
    pub(super) exclude_newer: Option<Timestamp>,
    pub(super) policy: Option<Arc<Obeyed>>,
}

/// A policy at the moment of the run.
#[derive(Debug)]
pub(super) struct Obeyed {
    policy: Policy,
    now: Timestamp,
}

/// The same for one project.
pub(super) struct Seen<'v> {
    exclude_newer: Option<Timestamp>,
    policy: Option<(Scoped<'v>, Timestamp)>,
    project: &'v ProjectName,
    status: ProjectStatus,
}

/// Why a file is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unseen {
    /// It was uploaded too late, or nobody says when.
    TooNew,
    /// The policy hides it, and why.
    Policy(String),
}

impl Visible {
    /// Reads it from what was typed, and says what is idle in the policy. The file is read, which blocks.
    pub(super) fn read(args: &ChoiceArgs, printer: &Printer) -> anyhow::Result<Self> {
        let now = clock::now();
        let exclude_newer = args.exclude_newer.as_deref().map(|text| moment::read(text, now));
        let exclude_newer =
            exclude_newer.transpose().map_err(|why| UsageError(format!("--exclude-newer: {why}")))?;
        let Some(path) = &args.policy else { return Ok(Self { exclude_newer, policy: None }) };
        let policy = read(path)?;
        for exception in policy.expired(now) {
            let rule = &exception.rule;
            let place = Place::File(path.as_path().into(), rule.line.unwrap_or(1));
            printer
                .say(&format!("warning: {place}: the exception for `{}` ended, and does nothing", rule.text));
        }
        printer.detail(&format!("policy: {}", path.display()));
        Ok(Self { exclude_newer, policy: Some(Arc::new(Obeyed { policy, now })) })
    }

    /// What the policy alone says.
    pub(super) fn by_policy_alone(&self) -> Self {
        Self { exclude_newer: None, policy: self.policy.clone() }
    }

    /// What it says of a project, whose state its index declares.
    pub(super) fn of<'v>(&'v self, project: &'v ProjectName, status: ProjectStatus) -> Seen<'v> {
        let policy = self.policy.as_ref().map(|obeyed| (obeyed.policy.about(project), obeyed.now));
        Seen { exclude_newer: self.exclude_newer, policy, project, status }
    }
}

impl Seen<'_> {
    /// Why a file is not there, if it is not.
    pub(super) fn unseen(&self, filename: &DistributionFilename, file: &PageFile) -> Option<Unseen> {
        // As in uv, a file counts as too new where its index does not say when it was uploaded: else an index that says
        // nothing would let everything through.
        if let Some(limit) = self.exclude_newer
            && file.upload_time.is_none_or(|time| time >= limit)
        {
            return Some(Unseen::TooNew);
        }
        let (scoped, now) = self.policy.as_ref()?;
        let subject = Subject {
            project: self.project,
            version: Some(filename.version()),
            filename: filename.as_str(),
            upload_time: file.upload_time,
            yanked: file.yanked.is_yanked(),
            status: self.status,
        };
        let rule = scoped.decide(&subject, *now).hidden()?;
        Some(Unseen::Policy(format!("{HIDDEN_BY_POLICY}{rule}")))
    }
}

fn read(path: &Path) -> anyhow::Result<Policy> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read the policy `{shown}`"))?.len();
    anyhow::ensure!(size <= policy::MAX_SIZE as u64, "cannot read `{shown}`: it is too large for a policy");
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the policy `{shown}`"))?;
    Policy::parse(&text).map_err(|wrong| {
        let place = Place::File(path.into(), wrong.line);
        anyhow::anyhow!("{place}: {}", wrong.words)
    })
}
