//! Requirements (PEP 508): which versions of which project.

use std::{fmt, str::FromStr};

use pep440_rs::VersionSpecifiers;
use pep508_rs::{VerbatimUrl, VersionOrUrl};

use super::{
    environment::Environment,
    lenient,
    marker::Marker,
    name::{ProjectName, ProjectNameError},
    version::Version,
};

/// A requirement such as `requests[socks] ~= 2.32 ; python_version >= "3.9"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The project required.
    pub project: ProjectName,
    /// The extras asked for, normalized.
    pub extras: Vec<String>,
    /// Which versions will do; empty if all will.
    pub specifiers: VersionSpecifiers,
    /// The address given with `@`, which names a file and not versions.
    pub url: Option<String>,
    /// The environment marker.
    pub marker: Option<Marker>,
}

/// Why a text is not a requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// It does not follow PEP 508.
    #[error("`{text}` is not a requirement: {reason}")]
    Malformed {
        /// The text.
        text: String,
        /// What the parser says.
        reason: String,
    },
    /// The project's name is refused.
    #[error(transparent)]
    Name(#[from] ProjectNameError),
}

impl Requirement {
    /// Reads a requirement as the metadata of old releases has it: what PEP 508 refuses there is read for what was meant,
    /// as installers do.
    pub fn read_leniently(text: &str) -> Result<Self, RequirementError> {
        let refused = match text.parse() {
            Ok(requirement) => return Ok(requirement),
            Err(refused) => refused,
        };
        let (what, marker) = text.split_once(';').map_or((text, None), |(what, marker)| (what, Some(marker)));
        let name_end = what.find(['<', '>', '=', '!', '~', '(']).unwrap_or(what.len());
        let (name, specifiers) = what.split_at(name_end);
        let specifiers = specifiers.trim().trim_start_matches('(').trim_end_matches(')');
        let Some(specifiers) = lenient::specifiers(specifiers) else { return Err(refused) };
        let marker = marker.map(|marker| format!(" ;{marker}")).unwrap_or_default();
        format!("{name}{specifiers}{marker}").parse().map_err(|_| refused)
    }

    /// Whether the specifiers name this version, pre-releases or not.
    ///
    /// A version that is not PEP 440 is named by no specifier, and by the absence of all.
    pub fn contains(&self, version: &Version) -> bool {
        match version {
            Version::Pep440(version) => self.specifiers.contains(version),
            Version::Legacy(_) => self.specifiers.is_empty(),
        }
    }

    /// Lets only those versions do that `constraint` names too.
    pub fn narrow(&mut self, constraint: &Self) {
        self.specifiers = self.specifiers.iter().chain(constraint.specifiers.iter()).cloned().collect();
    }

    /// Whether it is one in an environment, with these extras of the project that requires it asked for.
    pub fn applies_in(&self, environment: &Environment, extras: &[String]) -> bool {
        self.marker.as_ref().is_none_or(|marker| marker.applies_in(environment, extras))
    }

    /// Whether the marker is true in no environment, so that the requirement is one nowhere. Markers that contradict
    /// themselves are found out; that no such Python or platform exists is not.
    pub fn applies_nowhere(&self) -> bool {
        self.marker.as_ref().is_some_and(Marker::applies_nowhere)
    }

    /// Whether there is no marker, or one that is true in every environment.
    pub fn applies_everywhere(&self) -> bool {
        self.marker.as_ref().is_none_or(Marker::applies_everywhere)
    }

    /// Whether the other one's marker is true in the same environments, however the two are written.
    pub fn applies_where(&self, other: &Self) -> bool {
        (self.applies_everywhere() && other.applies_everywhere())
            || (self.marker.is_some() && self.marker == other.marker)
    }

    /// Whether a specifier mentions a pre-release, which asks for pre-releases (PEP 440).
    pub fn mentions_prerelease(&self) -> bool {
        self.specifiers.iter().any(|specifier| specifier.version().any_prerelease())
    }

    /// Whether the requirement pins one version with `==` (without `.*`) or `===`, which may choose a yanked file
    /// (PEP 592).
    pub fn is_pinned(&self) -> bool {
        use pep440_rs::Operator::{Equal, ExactEqual};
        self.specifiers.iter().any(|specifier| matches!(specifier.operator(), Equal | ExactEqual))
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let text = text.trim();
        let read: pep508_rs::Requirement<VerbatimUrl> =
            text.parse().map_err(|error: pep508_rs::Pep508Error<_>| RequirementError::Malformed {
                text: text.chars().take(200).collect(),
                // The parser adds the text and an underline on further lines; the first says what is wrong.
                reason: error.message.to_string().lines().next().unwrap_or_default().to_owned(),
            })?;
        let (specifiers, url) = match read.version_or_url {
            None => (VersionSpecifiers::empty(), None),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => (specifiers, None),
            Some(VersionOrUrl::Url(url)) => (VersionSpecifiers::empty(), Some(url.to_string())),
        };
        let marker = marker_of(text).filter(|marker| !marker.trim().is_empty());
        Ok(Self {
            project: read.name.as_ref().parse()?,
            extras: read.extras.iter().map(ToString::to_string).collect(),
            specifiers,
            url,
            // Read again: lists of versions may have commas, which the parser passes over with the whole comparison.
            marker: marker.map(|marker| marker.parse().unwrap_or_else(|_| Marker::read(marker, read.marker))),
        })
    }
}

/// What stands after the `;`. An address may have one in it; the marker's has a space before it there.
fn marker_of(text: &str) -> Option<&str> {
    let of_address = text.split_once('@').filter(|(before, _)| !before.contains(';'));
    match of_address {
        Some((_, address)) => {
            let address = address.trim_start();
            address.find(char::is_whitespace).and_then(|end| address[end..].trim_start().strip_prefix(';'))
        }
        None => text.split_once(';').map(|(_, marker)| marker),
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.project)?;
        if !self.extras.is_empty() {
            write!(f, "[{}]", self.extras.join(","))?;
        }
        if let Some(url) = &self.url {
            write!(f, " @ {url}")?;
        }
        let mut specifiers = self.specifiers.iter();
        if let Some(first) = specifiers.next() {
            write!(f, "{first}")?;
        }
        specifiers.try_for_each(|specifier| write!(f, ",{specifier}"))?;
        if let Some(marker) = &self.marker {
            write!(f, " ; {marker}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(text: &str) -> Requirement {
        text.parse().unwrap()
    }

    #[test]
    fn markers_are_the_same_where_they_are_true_in_the_same_environments() {
        for (one, other, same) in [
            ("a", "a ; python_version >= '3' or python_version < '3'", true),
            ("a ; python_version<'3.9'", "a>1 ; (\"3.9\" > python_version)", true),
            ("a ; python_version<'3.9'", "a", false),
            ("a ; python_version<'3.9'", "a ; python_version<'3.10'", false),
            ("a ; os_name=='x' and extra=='y'", "a ; extra=='y' and os_name=='x'", true),
        ] {
            let (first, second) = (requirement(one), requirement(other));
            assert_eq!(first.applies_where(&second), same, "{one} | {other}");
            assert_eq!(second.applies_where(&first), same, "{other} | {one}");
        }
    }

    #[test]
    fn a_requirement_is_read_and_printed() {
        for (text, printed) in [
            ("Requests", "requests"),
            ("requests[Socks, use_chardet] ~= 2.32", "requests[socks,use-chardet]~=2.32"),
            ("a_b (>=1,<2)", "a-b>=1,<2"),
            ("a ==1.*; python_version < '3.9'", "a==1.* ; python_version < '3.9'"),
        ] {
            assert_eq!(requirement(text).to_string(), printed);
        }
    }

    #[test]
    fn an_address_keeps_its_semicolons() {
        let read = requirement("a @ https://index.example/a;b.whl ; python_version<'3.9'");
        assert_eq!(read.url.as_deref(), Some("https://index.example/a;b.whl"));
        assert_eq!(read.marker.unwrap().as_str(), "python_version<'3.9'");
        assert!(requirement("a @ https://index.example/a;b.whl").marker.is_none());
        assert_eq!(requirement("a ; sys_platform == '@'").marker.unwrap().as_str(), "sys_platform == '@'");
    }

    #[test]
    fn what_old_metadata_meant_is_read() {
        for (text, meant) in [
            ("a>=1,<2", Some("a>=1,<2")),
            ("a (>=2.7.*)", Some("a>=2.7")),
            ("a[x]>=1.0<2 ; os_name == 'nt'", Some("a[x]>=1.0,<2 ; os_name == 'nt'")),
            ("a (>dev)", Some("a>0.0.0.dev0")),
            ("a>>1", None),
            ("a b", None),
            ("a>=1.* ; nonsense", None),
        ] {
            let read = Requirement::read_leniently(text).ok().map(|read| read.to_string());
            assert_eq!(read.as_deref(), meant, "{text}");
        }
    }

    #[test]
    fn specifiers_follow_pep_440() {
        for (text, version, contained) in [
            ("a", "1.0", true),
            ("a", "not-a-version", true),
            ("a>0", "not-a-version", false),
            ("a==1.0", "1", true),
            ("a==1.0", "1.0+local", true),
            ("a~=2.2", "2.9", true),
            ("a~=2.2", "3.0", false),
            ("a>1.0", "1.0.post1", false),
            ("a<2.0", "2.0rc1", false),
            ("a>=2.0rc1", "2.0rc1", true),
        ] {
            assert_eq!(requirement(text).contains(&Version::read(version)), contained, "{text} {version}");
        }
        assert!(requirement("a>=2.0rc1").mentions_prerelease());
        assert!(!requirement("a>=2.0").mentions_prerelease());
        assert!(requirement("a==2.0").is_pinned());
        assert!(!requirement("a==2.*").is_pinned());
    }

    #[test]
    fn a_marker_may_be_true_nowhere_or_everywhere() {
        for (marker, nowhere, everywhere) in [
            ("python_version < '3.9'", false, false),
            ("python_version < '3' and python_version >= '3'", true, false),
            ("sys_platform == 'linux' and sys_platform == 'win32'", true, false),
            ("python_version < '3' or python_version >= '3'", false, true),
            ("extra == 'test'", false, false),
        ] {
            let read = requirement(&format!("a ; {marker}"));
            assert_eq!(
                (read.applies_nowhere(), read.applies_everywhere()),
                (nowhere, everywhere),
                "{marker}"
            );
        }
        assert!(!requirement("a").applies_nowhere() && requirement("a").applies_everywhere());
    }

    #[test]
    fn refusals_say_why() {
        for text in ["", "-x", "a>>1", "a[", "a==", "../a", "a b", "a ; nonsense"] {
            let error = text.parse::<Requirement>().unwrap_err().to_string();
            assert!(!error.contains('\n') && error.contains('`'), "{text}: {error}");
        }
    }
}
