//! Versions of Python itself, and whether one will do for a file (`Requires-Python`).

use std::{fmt, str::FromStr};

use pep440_rs::{Operator, VersionSpecifiers};

use super::lenient;

/// A release line of Python, such as 3.12.
///
/// ```
/// # use depot_proto::PythonVersion;
/// let version: PythonVersion = "3.12".parse().unwrap();
/// assert!(version > "3.9".parse().unwrap());
/// assert_eq!(version.to_string(), "3.12");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PythonVersion {
    /// 3, of all that is supported.
    pub major: u8,
    /// 12 of 3.12.
    pub minor: u8,
}

/// Why a text is not a version of Python.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version of Python; write one like `3.12`")]
pub struct PythonVersionError(pub(super) String);

impl PythonVersion {
    /// The version with these numbers.
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }

    /// Its first release, which stands for all of them: 3.12.0.
    pub fn first_release(self) -> pep440_rs::Version {
        pep440_rs::Version::new([u64::from(self.major), u64::from(self.minor), 0])
    }

    /// As in tags: `312`.
    pub(super) fn nodot(self) -> String {
        format!("{}{}", self.major, self.minor)
    }
}

impl FromStr for PythonVersion {
    type Err = PythonVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('.').ok_or_else(|| PythonVersionError(text.to_owned()))?;
        number(major).zip(number(minor)).map_or_else(
            || Err(PythonVersionError(text.to_owned())),
            |(major, minor)| Ok(Self { major, minor }),
        )
    }
}

/// A number without sign or leading zeros.
pub(super) fn number<N: FromStr>(text: &str) -> Option<N> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Which Pythons a file can be installed for (the field `Requires-Python`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiresPython(VersionSpecifiers);

/// A `Requires-Python` that cannot be read. Installers take it as none, and say so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` says nothing that can be understood about versions of Python")]
pub struct RequiresPythonError(String);

impl RequiresPython {
    /// Whether a Python of this full version will do. As in pip, a pre-release counts as its release (3.15.0rc1 as 3.15.0),
    /// and upper bounds count.
    pub fn allows(&self, full_version: &pep440_rs::Version) -> bool {
        self.0.contains(&full_version.only_release())
    }

    /// Whether Pythons of this line will do, as far as its first release stands for them. What leaves out single releases
    /// of it (`!=3.9.0,!=3.9.1`, as cryptography does) does not leave out the line, whose others are what people have.
    pub fn allows_line(&self, line: PythonVersion) -> bool {
        let first = line.first_release();
        let mut counting = self.0.iter().filter(|specifier| *specifier.operator() != Operator::NotEqual);
        counting.all(|specifier| specifier.contains(&first))
    }
}

impl FromStr for RequiresPython {
    type Err = RequiresPythonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = text.parse().ok().or_else(|| lenient::specifiers(text));
        read.map(Self).ok_or_else(|| RequiresPythonError(text.chars().take(100).collect()))
    }
}

impl fmt::Display for RequiresPython {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_python_is_two_numbers() {
        for text in ["3.12", "2.7", "3.0"] {
            assert_eq!(text.parse::<PythonVersion>().unwrap().to_string(), text);
        }
        for text in ["", "3", "3.", "3.12.1", "3.012", "3.+1", "a.b", "3.300"] {
            assert!(text.parse::<PythonVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_is_not_left_out_by_its_single_releases() {
        for (text, line, allowed) in [
            (">=3.8,!=3.9.0,!=3.9.1", "3.9", true),
            ("!=3.9.0,>=3.9,!=3.9.1", "3.9", true),
            ("!=3.9,>=3.8", "3.9", true),
            (">=3.9.2", "3.9", false),
            (">=3.8,!=3.9.*", "3.9", false),
            (">=3.8,!=3.9.0", "3.8", true),
            (">=3.8,!=3.9.0", "3.7", false),
            (">=3.6,<3.9", "3.9", false),
        ] {
            let read = text.parse::<RequiresPython>().unwrap();
            assert_eq!(read.allows_line(line.parse().unwrap()), allowed, "{text} {line}");
        }
    }

    #[test]
    fn a_file_says_which_pythons_it_is_for() {
        for (text, version, allowed) in [
            ("", "3.12.0", true),
            (">=3.8", "3.12.0", true),
            (">=3.13", "3.12.0", false),
            (">=3.6,<4", "3.12.0", true),
            (">=3.6,<3.12", "3.12.0", false),
            ("<=3.12", "3.12.0", true),
            ("<=3.12", "3.12.1", false),
            ("!=3.12.*", "3.12.4", false),
            ("~=3.8", "3.12.0", true),
            (">=3.15", "3.15.0rc1", true),
            // What only older tools took.
            (">=3.8.*", "3.12.0", true),
            (">=3.8.*", "3.7.0", false),
            (">=3.6, !=3.0*,", "3.12.0", true),
            (">=2.7,!=3.0.*,!=3.1.*,<4.*", "3.1.0", false),
            ("'>=3.7'", "3.6.0", false),
            (">=3.6<4", "4.0.0", false),
        ] {
            let read = text.parse::<RequiresPython>().unwrap();
            assert_eq!(read.allows(&version.parse().unwrap()), allowed, "{text} {version}");
        }
        for text in ["three", ">=", "=>3.6", "py3", ">=3.6 or so"] {
            let error = text.parse::<RequiresPython>().unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
