//! The part of a policy that is about one project, and what it decides.

use std::{cell::OnceCell, sync::Arc};

use super::{Cooldown, Decision, Exception, Policy, RuleCode, RuleRef, Subject, entries::Entry, rule::Rule};
use crate::{DistributionFilename, ProjectName, Timestamp, Version, simple::ProjectStatus};

/// The rules of a policy that are about one project, for whoever has many of its files to decide about. Most policies have
/// none but the times, and then nothing is allocated here and no file's version is read.
#[derive(Clone, Debug)]
pub struct Scoped<'p> {
    policy: &'p Policy,
    allows: Option<Vec<&'p Entry>>,
    blocks: Vec<&'p Entry>,
    exempts: Vec<&'p Entry>,
    exceptions: Vec<&'p Exception>,
}

/// The version of a file, which is read from its name when a rule asks for it.
pub(super) enum LazyVersion<'a> {
    Given(&'a Version),
    Named { project: &'a ProjectName, filename: &'a str, read: OnceCell<Option<Version>> },
}

impl<'a> LazyVersion<'a> {
    pub(super) fn of(project: &'a ProjectName, filename: &'a str) -> Self {
        Self::Named { project, filename, read: OnceCell::new() }
    }

    /// The version, unless the name cannot be read.
    pub(super) fn get(&self) -> Option<&Version> {
        match self {
            Self::Given(version) => Some(version),
            Self::Named { project, filename, read } => read
                .get_or_init(|| {
                    let read = DistributionFilename::parse(filename, project).ok()?;
                    Some(read.version().clone())
                })
                .as_ref(),
        }
    }
}

impl Policy {
    /// The rules that are about a project.
    pub fn about(&self, project: &ProjectName) -> Scoped<'_> {
        Scoped {
            policy: self,
            allows: self.allow.as_ref().map(|allow| allow.about(project)),
            blocks: self.block.about(project),
            exempts: self
                .cooldown
                .as_ref()
                .map(|cooldown| cooldown.exempt.about(project))
                .unwrap_or_default(),
            exceptions: self.exceptions.iter().filter(|exception| exception.project == *project).collect(),
        }
    }
}

fn told(code: RuleCode, rule: &Arc<Rule>) -> RuleRef {
    RuleRef { code, rule: Arc::clone(rule), until: None }
}

impl Scoped<'_> {
    /// Decides about a file of the project.
    pub fn decide(&self, file: &Subject<'_>, now: Timestamp) -> Decision {
        let version = &match file.version {
            Some(version) => LazyVersion::Given(version),
            None => LazyVersion::of(file.project, file.filename),
        };
        let exception = self.exception(version, now);
        let mut is_lifted = false;
        let by_list = match self.by_lists(version) {
            Decision::Hidden(_) if exception.is_some() => {
                is_lifted = true;
                None
            }
            Decision::Hidden(rule) => return Decision::Hidden(rule),
            Decision::Shown(rule) => rule,
        };
        if let Some(rule) = self.by_index(file) {
            return Decision::Hidden(rule);
        }
        match self.by_times(file, version, now) {
            Some(_) if exception.is_some() => is_lifted = true,
            Some(rule) => return Decision::Hidden(rule),
            None => {}
        }
        match exception.filter(|_| is_lifted) {
            Some(exception) => Decision::Shown(Some(RuleRef {
                until: Some(exception.until),
                ..told(RuleCode::Exception, &exception.rule)
            })),
            None => Decision::Shown(by_list),
        }
    }

    pub(super) fn decide_project(&self, now: Timestamp) -> Decision {
        if self.exceptions.iter().any(|exception| now < exception.until) {
            return Decision::Shown(None);
        }
        if let Some(entry) = self.blocks.iter().find(|entry| entry.is_of_all()) {
            return Decision::Hidden(told(RuleCode::Blocked, &entry.rule));
        }
        if self.allows.as_ref().is_some_and(Vec::is_empty) {
            return Decision::Hidden(told(RuleCode::NotAllowed, &self.policy.allow_rule));
        }
        Decision::Shown(None)
    }

    /// The exception for a version that has not ended, of several the one that lasts longest.
    fn exception(&self, version: &LazyVersion<'_>, now: Timestamp) -> Option<&Exception> {
        let live = self.exceptions.iter().filter(|exception| now < exception.until);
        let fitting = live.filter(|exception| version.get() == Some(&exception.version));
        fitting.max_by_key(|exception| exception.until).copied()
    }

    /// What the lists say. What has no version that specifiers could be compared with is blocked by them, and not allowed.
    fn by_lists(&self, version: &LazyVersion<'_>) -> Decision {
        if let Some(entry) = self.blocks.iter().find(|entry| entry.names(version, true)) {
            return Decision::Hidden(told(RuleCode::Blocked, &entry.rule));
        }
        let Some(allows) = &self.allows else { return Decision::Shown(None) };
        match allows.iter().find(|entry| entry.names(version, false)) {
            Some(entry) => Decision::Shown(Some(told(RuleCode::Allowed, &entry.rule))),
            None => Decision::Hidden(told(RuleCode::NotAllowed, &self.policy.allow_rule)),
        }
    }

    /// What is hidden for what its index says of it; no exception lifts that.
    fn by_index(&self, file: &Subject<'_>) -> Option<RuleRef> {
        let (code, rule) = match file.status {
            ProjectStatus::Active => (RuleCode::Yanked, None),
            ProjectStatus::Quarantined => (RuleCode::Quarantined, self.policy.quarantined.as_ref()),
            ProjectStatus::Archived => (RuleCode::Archived, self.policy.archived.as_ref()),
            ProjectStatus::Deprecated => (RuleCode::Deprecated, self.policy.deprecated.as_ref()),
        };
        let yanked = self.policy.yanked.as_ref().filter(|_| file.yanked);
        let yanked = || yanked.map(|rule| told(RuleCode::Yanked, rule));
        rule.map(|rule| told(code, rule)).or_else(yanked)
    }

    fn by_times(&self, file: &Subject<'_>, version: &LazyVersion<'_>, now: Timestamp) -> Option<RuleRef> {
        if let Some((limit, rule)) = &self.policy.freeze {
            match file.upload_time {
                None => return Some(told(RuleCode::NoUploadTime, rule)),
                Some(time) if time >= *limit => return Some(told(RuleCode::Frozen, rule)),
                Some(_) => {}
            }
        }
        let Cooldown { micros, rule, allows_unknown, .. } = self.policy.cooldown.as_ref()?;
        let until = match file.upload_time {
            None if *allows_unknown => return None,
            None => None,
            // Past the end of the calendar it is never shown, and there is no moment to tell.
            Some(time) => match time.micros().checked_add(*micros).and_then(Timestamp::from_micros) {
                Some(until) if until <= now => return None,
                until => until,
            },
        };
        if self.exempts.iter().any(|entry| entry.names(version, false)) {
            return None;
        }
        let code = if file.upload_time.is_none() { RuleCode::NoUploadTime } else { RuleCode::Cooldown };
        Some(RuleRef { until, ..told(code, rule) })
    }
}
