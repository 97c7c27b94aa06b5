//! Policies: which files of which releases readers see, by rules with reasons. The file is described in `docs/policy.md`.
//!
//! A [`Policy`] is read once from its text and decides about one file ([`Policy::decide`]), a whole page
//! ([`Policy::decide_page`]) or a project by its name alone ([`Policy::decide_project`]). It knows no clock: each
//! question says what time it is, and each answer that may change by itself says when.
//!
//! What a rule must know and nobody says counts against the file. The order in which rules are asked is that of
//! [`RuleCode`]: what holds for good comes before what passes, so that a moment that is told is one at which the file is
//! really shown.

mod entries;
mod page;
mod pattern;
mod read;
mod rule;
mod scoped;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::entries::Entries;
pub use self::{
    page::Filtered,
    rule::{Rule, RuleCode, RuleRef},
    scoped::Scoped,
};
use crate::{ProjectName, Timestamp, Version, document::Wrong, simple::ProjectStatus};

/// The largest text of a policy that is read, in bytes.
pub const MAX_SIZE: usize = 4 << 20;

/// Why a text is no policy: the line, and one sentence.
pub type PolicyError = Wrong;

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What may be shown; everything where there is no such list, and nothing where it is empty.
    allow: Option<Entries>,
    /// The list itself, which is told of what is not in it.
    allow_rule: Arc<Rule>,
    block: Entries,
    cooldown: Option<Cooldown>,
    /// The moment from which on uploads are hidden.
    freeze: Option<(Timestamp, Arc<Rule>)>,
    /// Each of these is hidden where there is a rule.
    yanked: Option<Arc<Rule>>,
    quarantined: Option<Arc<Rule>>,
    deprecated: Option<Arc<Rule>>,
    archived: Option<Arc<Rule>>,
    exceptions: Vec<Exception>,
}

/// How old a file must be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cooldown {
    micros: i64,
    rule: Arc<Rule>,
    /// Whether a file is shown of which nobody says when it was uploaded.
    allows_unknown: bool,
    /// What needs no cooldown.
    exempt: Entries,
}

/// An exception: for one version of one project the lists and times do not count, until it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The project.
    pub project: ProjectName,
    /// The version, and no other spelling of a part of it: `2.2.1` is `2.2.1.0` and not `2.2.1+local`.
    pub version: Version,
    /// The moment at which it ends.
    pub until: Timestamp,
    /// Its text, line, reason and author.
    pub rule: Arc<Rule>,
}

/// The file that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its project.
    pub project: &'a ProjectName,
    /// The version of its release; where it is not given, the file's name says it.
    pub version: Option<&'a Version>,
    /// Its name.
    pub filename: &'a str,
    /// When it was uploaded to the index that published it.
    pub upload_time: Option<Timestamp>,
    /// Whether it is yanked.
    pub yanked: bool,
    /// The state of life of its project.
    pub status: ProjectStatus,
}

/// Whether readers see a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// They do: nothing speaks against it, or this entry of `allow` or this exception speaks for it.
    Shown(Option<RuleRef>),
    /// They do not, by this rule.
    Hidden(RuleRef),
}

impl Decision {
    /// The rule that hides it.
    pub fn hidden(self) -> Option<RuleRef> {
        match self {
            Self::Shown(_) => None,
            Self::Hidden(rule) => Some(rule),
        }
    }

    /// Whether readers see it.
    pub fn is_shown(&self) -> bool {
        matches!(self, Self::Shown(_))
    }
}

impl Policy {
    /// Reads the text of a policy (TOML). An empty one hides only what is quarantined.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        read::policy(text)
    }

    /// Decides about one file. A page is decided at once by [`Policy::decide_page`].
    pub fn decide(&self, subject: Subject<'_>, now: Timestamp) -> Decision {
        self.about(subject.project).decide(&subject, now)
    }

    /// Decides about a project by its name alone: hidden are those of which nothing can be shown, whatever its files are.
    /// They need neither be listed nor asked for elsewhere.
    pub fn decide_project(&self, project: &ProjectName, now: Timestamp) -> Decision {
        self.about(project).decide_project(now)
    }

    /// The exceptions, in the order of the file.
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// The exceptions that have ended and do nothing, for whoever keeps the file.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = &Exception> {
        self.exceptions.iter().filter(move |exception| exception.until <= now)
    }

    /// The next moment at which an exception ends, and with it what [`Policy::decide_project`] may say.
    pub fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        self.exceptions.iter().map(|exception| exception.until).filter(|until| *until > now).min()
    }
}
