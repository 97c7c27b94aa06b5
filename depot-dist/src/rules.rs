//! The rules that a distribution is judged by before it is published, and the verdict over one.
//!
//! [`read()`](crate::read()) asks what has to hold before an installer may be told of a file; [`check`] asks more: that
//! every reader sees the same archive, that nothing in it could do harm where it is unpacked, and that what it says of
//! itself holds. It goes once over all bytes of the file and keeps none of them, so it takes as long as unpacking does.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Read, Seek, SeekFrom},
};

use depot_proto::{DistributionFilename, SdistFormat};

use crate::{DistError, Limits};

mod entry_points;
pub(crate) mod list;
mod metadata;
mod names;
mod record;
mod rows;
mod sdist;
mod wheel;
mod zip;

pub use list::ALL;

/// The most findings of one rule that a verdict keeps; of the rest it knows how many there are.
const MOST_OF_A_RULE: usize = 10;

/// The most findings that a verdict keeps.
const MOST_FINDINGS: usize = 100;

/// How bad it is when a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth mending, and harmless.
    Warning,
    /// What breaks it is not published.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is called, in records and results; it never changes.
    pub code: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// What it asks, for people.
    pub about: &'static str,
}

/// A rule that a distribution breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's code.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The member of the archive that breaks it, escaped and cut for display; none if it is the archive as a whole.
    pub member: Option<String>,
    /// How it is broken, escaped for display.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.rule)?;
        match &self.member {
            Some(member) => write!(f, "`{member}` {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// What the rules say of a distribution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The rules that are broken, in the order in which that was seen.
    pub findings: Vec<Finding>,
    /// How many more there were than are kept.
    pub omitted: usize,
}

impl Verdict {
    /// Whether a rule is broken that a file must keep to be published.
    pub fn is_refused(&self) -> bool {
        self.errors().next().is_some()
    }

    /// The findings that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// The codes of the rules that are broken, each once, in alphabetical order.
    pub fn codes(&self) -> Vec<&'static str> {
        let mut codes: Vec<_> = self.findings.iter().map(|finding| finding.rule).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    pub(crate) fn add(&mut self, rule: &'static Rule, what: impl Into<Cow<'static, str>>) {
        self.push(rule, None, what.into());
    }

    pub(crate) fn add_of(&mut self, rule: &'static Rule, member: &[u8], what: impl Into<Cow<'static, str>>) {
        self.push(rule, Some(crate::member::display(member)), what.into());
    }

    /// Takes in why the archive could not be read further. An error of the reader itself is handed back: it says nothing
    /// about the file.
    pub(crate) fn add_error(&mut self, error: DistError) -> Result<(), DistError> {
        let Some(rule) = error.rule() else { return Err(error) };
        match error {
            DistError::UnsafeMember { member, reason, .. } => self.push(rule, Some(member), reason.into()),
            other => self.push(rule, None, other.to_string().into()),
        }
        Ok(())
    }

    fn push(&mut self, rule: &'static Rule, member: Option<String>, what: Cow<'static, str>) {
        let same = self.findings.iter().filter(|finding| finding.rule == rule.code);
        let finding = Finding { rule: rule.code, severity: rule.severity, member, what: what.into_owned() };
        if same.clone().any(|known| *known == finding) {
            return;
        }
        // The first error of all is kept whatever came before it: it is what refuses the file.
        let full = self.findings.len() >= MOST_FINDINGS || same.count() >= MOST_OF_A_RULE;
        if full && (rule.severity == Severity::Warning || self.is_refused()) {
            self.omitted += 1;
        } else {
            self.findings.push(finding);
        }
    }
}

/// Judges a distribution by all rules for its kind.
///
/// It blocks, and reads the whole file: of a wheel every member is unpacked and compared with its checksum and with
/// `RECORD`, a tar is unpacked to its end. Memory is bounded by [`Limits`] and does not grow with the file. An archive
/// that is not sound is not looked at further, so there may be more to find behind an error.
///
/// An error is the reader's.
pub fn check<R: Read + Seek>(
    mut reader: R,
    filename: &DistributionFilename,
    limits: &Limits,
) -> io::Result<Verdict> {
    let mut verdict = Verdict::default();
    names::check_filename(filename, &mut verdict);
    let file_size = reader.seek(SeekFrom::End(0))?;
    reader.rewind()?;
    let checked = match filename {
        DistributionFilename::Wheel(wheel) => {
            wheel::check(&mut reader, filename, wheel, limits, &mut verdict)
        }
        DistributionFilename::Sdist(sdist) => match sdist.format {
            SdistFormat::Zip => sdist::check_zip(&mut reader, filename, limits, &mut verdict),
            SdistFormat::TarGz => sdist::check_tar_gz(&mut reader, file_size, filename, limits, &mut verdict),
            SdistFormat::Tar => sdist::check_tar(&mut reader, file_size, filename, limits, &mut verdict),
            SdistFormat::OtherTar => {
                Err(DistError::unsupported("a source archive that is neither .tar.gz, .zip nor .tar"))
            }
        },
        DistributionFilename::Legacy(_) => {
            Err(DistError::unsupported("a distribution that is neither wheel nor source archive"))
        }
    };
    match checked.or_else(|error| verdict.add_error(error)) {
        Err(DistError::Io(error)) => Err(error),
        _ => Ok(verdict),
    }
}

#[cfg(test)]
mod tests;
