//! Project names (PEP 503, PEP 508).

use std::str::FromStr;

/// A project's name in its normalized form: lower case, each run of `-`, `_` and `.` one `-`.
///
/// Two spellings of one project are equal, because only the normalized form is kept
/// ([PEP 503](https://peps.python.org/pep-0503/#normalized-names)).
///
/// ```
/// use depot_proto::ProjectName;
/// let name: ProjectName = "Foo__Bar.baz".parse().unwrap();
/// assert_eq!(name.as_str(), "foo-bar-baz");
/// assert!("_private_".parse::<ProjectName>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectName(String);

/// The text is not a project name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a project name: ASCII letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit"
)]
pub struct ProjectNameError(String);

impl ProjectName {
    /// The longest name taken; longer ones could not become a file name with its sidecars.
    pub const MAX_LEN: usize = 200;

    /// The normalized name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as the file names of its distributions spell it: `_` for `-`.
    pub fn as_filename_part(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl FromStr for ProjectName {
    type Err = ProjectNameError;

    fn from_str(text: &str) -> Result<Self, ProjectNameError> {
        let wrong = || ProjectNameError(text.chars().take(80).collect());
        let bytes = text.as_bytes();
        let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        if !ends(bytes.first()) || !ends(bytes.last()) || bytes.len() > Self::MAX_LEN {
            return Err(wrong());
        }
        let mut name = String::with_capacity(bytes.len());
        for &byte in bytes {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' => name.push(char::from(byte)),
                b'A'..=b'Z' => name.push(char::from(byte.to_ascii_lowercase())),
                b'-' | b'_' | b'.' if !name.ends_with('-') => name.push('-'),
                b'-' | b'_' | b'.' => {}
                _ => return Err(wrong()),
            }
        }
        Ok(Self(name))
    }
}

crate::text::is_a_name!(ProjectName);
