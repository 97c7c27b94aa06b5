//! Why a configuration cannot be used, and where the value that is wrong was written.

use std::{fmt, io, path::PathBuf};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// On the command line, under this flag (with its dashes).
    Flag(&'static str),
    /// In this variable of the environment.
    Environment(&'static str),
    /// In the configuration file.
    File {
        /// As it was named.
        path: PathBuf,
        /// Counted from one.
        line: usize,
    },
    /// Nowhere.
    Default,
}

impl Origin {
    /// Which layer that is, in one word.
    pub(crate) fn layer(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Environment(_) => "environment",
            Self::File { .. } => "file",
            Self::Default => "default",
        }
    }

    /// Whether somebody wrote it: a default states nothing.
    pub(crate) fn is_stated(&self) -> bool {
        *self != Self::Default
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Why a configuration cannot be used. All of these are for whoever starts the server to mend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file is not there, or cannot be read.
    #[error("cannot read the configuration `{}`: {source}", path.display())]
    Unreadable {
        /// As it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A value is not what it must be, or a key is not known.
    #[error("{origin}: {words}")]
    Invalid {
        /// Where it was written.
        origin: Origin,
        /// What is wrong and what to write.
        words: String,
    },
    /// Settings that would be dangerous to guess are not stated.
    #[error("{0}")]
    Unstated(String),
    /// There is no folder that could be the default.
    #[error(
        "no data directory is known for this user: name one with --data-dir, DEPOT_DATA_DIR or `data_dir` in [server]"
    )]
    NoDataDir,
}

impl ConfigError {
    /// A value that is not what it must be.
    pub(super) fn invalid(origin: &Origin, words: impl Into<String>) -> Self {
        Self::Invalid { origin: origin.clone(), words: words.into() }
    }
}
