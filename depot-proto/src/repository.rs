//! Names of repositories, which are also path segments and key prefixes.

use std::str::FromStr;

/// The segments that routes begin with: a repository mounted there would shadow them.
const RESERVED: [&str; 12] = [
    "simple", "files", "packages", "legacy", "upload", "api", "search", "admin", "metrics", "healthz",
    "readyz", "static",
];

/// The name of a repository: 1 to 64 of `a-z`, `0-9` and `-`, starting with a letter or digit, and no route's name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(String);

/// Why a text is no repository name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryNameError {
    /// Characters or length out of bounds.
    #[error("`{0}` is not a repository name: 1 to 64 of a-z, 0-9 and `-`, starting with a letter or digit")]
    Malformed(String),
    /// The name of a route.
    #[error("`{0}` cannot name a repository: it is the first segment of a route")]
    Reserved(String),
}

impl RepositoryName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The default hosted repository, `python`.
    pub fn default_hosted() -> Self {
        Self("python".to_owned())
    }
}

impl FromStr for RepositoryName {
    type Err = RepositoryNameError;

    fn from_str(text: &str) -> Result<Self, RepositoryNameError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 64 || text.starts_with('-') || !text.chars().all(fits) {
            return Err(RepositoryNameError::Malformed(text.chars().take(80).collect()));
        }
        if RESERVED.contains(&text) {
            return Err(RepositoryNameError::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

crate::text::is_a_name!(RepositoryName);
