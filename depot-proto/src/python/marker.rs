//! Environment markers: where a requirement counts (PEP 508).

mod lenient;

use std::{fmt, str::FromStr};

use pep508_rs::{ExtraName, MarkerTree};

use super::environment::Environment;

/// An environment marker such as `python_version < "3.9" and sys_platform == "win32"`.
///
/// It is kept as written beside what it means: printed from its meaning it would say `python_full_version` where
/// `python_version` was written.
#[derive(Clone, Debug)]
pub struct Marker {
    text: String,
    tree: MarkerTree,
}

/// Why a text is not a marker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an environment marker: {reason}")]
pub struct MarkerError {
    /// The text.
    text: String,
    /// What the parser says.
    reason: String,
}

impl Marker {
    pub(super) fn read(text: &str, tree: MarkerTree) -> Self {
        Self { text: text.trim().to_owned(), tree }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is true in an environment, with these extras asked for.
    pub fn applies_in(&self, environment: &Environment, extras: &[String]) -> bool {
        let extras: Vec<ExtraName> = extras.iter().filter_map(|extra| extra.parse().ok()).collect();
        self.tree.evaluate(&environment.0, &extras)
    }

    /// Whether it is true in every environment.
    pub fn applies_everywhere(&self) -> bool {
        self.tree.is_true()
    }

    /// Whether it is true in no environment. Markers that contradict themselves are found out; that no such Python or
    /// platform exists is not.
    pub fn applies_nowhere(&self) -> bool {
        self.tree.is_false()
    }
}

/// Markers are equal if they are true in the same environments, however they are written.
impl PartialEq for Marker {
    fn eq(&self, other: &Self) -> bool {
        self.tree == other.tree
    }
}

impl Eq for Marker {}

impl FromStr for Marker {
    type Err = MarkerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rewritten = lenient::rewrite(text);
        let read =
            MarkerTree::from_str(rewritten.as_deref().unwrap_or(text)).map_err(|error| MarkerError {
                text: text.chars().take(200).collect(),
                reason: error.message.to_string().lines().next().unwrap_or_default().to_owned(),
            })?;
        Ok(Self::read(text, read))
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
