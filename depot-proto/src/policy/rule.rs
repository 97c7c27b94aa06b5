//! The rule that decided, as it can be told.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Which kind of rule decided. The words of [`RuleCode::as_str`] are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleCode {
    /// An entry of `block` names it.
    Blocked,
    /// There is a list `allow`, and no entry of it names it.
    NotAllowed,
    /// Its index withholds the project.
    Quarantined,
    /// The project is archived, and the policy hides such.
    Archived,
    /// The project is deprecated, and the policy hides such.
    Deprecated,
    /// It is yanked, and the policy hides such.
    Yanked,
    /// It was uploaded after the freeze.
    Frozen,
    /// Nobody says when it was uploaded, and a rule must know.
    NoUploadTime,
    /// It is younger than the cooldown.
    Cooldown,
    /// An exception lifts what would hide it.
    Exception,
    /// An entry of `allow` names it.
    Allowed,
}

impl RuleCode {
    /// The code's name in JSON and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::NotAllowed => "not-allowed",
            Self::Quarantined => "quarantined",
            Self::Archived => "archived",
            Self::Deprecated => "deprecated",
            Self::Yanked => "yanked",
            Self::Frozen => "frozen",
            Self::NoUploadTime => "no-upload-time",
            Self::Cooldown => "cooldown",
            Self::Exception => "exception",
            Self::Allowed => "allowed",
        }
    }
}

impl fmt::Display for RuleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rule as it stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its text: what an entry names, or a key with its value. One that nobody wrote is told as it could be written.
    #[serde(rename = "rule")]
    pub text: String,
    /// Its line, counted from 1; none where nobody wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The reason that is given for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who made the exception.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// The rule that decided about a file. As text it says why, to stand after `hidden by policy: `.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRef {
    /// Which kind of rule.
    pub code: RuleCode,
    /// The rule.
    #[serde(flatten)]
    pub rule: Arc<Rule>,
    /// Until when it holds: a file in its cooldown is shown from then on, an exception lifts nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { text, line, reason, by } = &*self.rule;
        match self.code {
            RuleCode::Blocked => write!(f, "blocked by `{text}`")?,
            RuleCode::NotAllowed => write!(f, "no entry of `allow` names it")?,
            RuleCode::Quarantined | RuleCode::Archived | RuleCode::Deprecated => {
                write!(f, "the project is {}", self.code)?;
            }
            RuleCode::Yanked => write!(f, "it is yanked")?,
            RuleCode::Frozen => write!(f, "uploaded later than `{text}` allows")?,
            RuleCode::NoUploadTime => {
                write!(f, "nobody says when it was uploaded, and `{text}` must know")?;
            }
            RuleCode::Cooldown => write!(f, "`{text}`")?,
            RuleCode::Exception => write!(f, "an exception for `{text}`")?,
            RuleCode::Allowed => write!(f, "allowed by `{text}`")?,
        }
        if let Some(until) = self.until {
            // Fractions of a second interest nobody here.
            let told = until.to_string();
            write!(f, " until {}Z", told.split('.').next().unwrap_or_default())?;
        }
        if let Some(line) = line {
            write!(f, " (line {line})")?;
        }
        if let Some(reason) = reason {
            write!(f, ": {reason}")?;
        }
        if let Some(by) = by {
            write!(f, ", by {by}")?;
        }
        Ok(())
    }
}
