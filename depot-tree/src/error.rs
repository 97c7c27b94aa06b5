//! What can go wrong with a tree, by what the caller can do about it.

use std::{io, path::PathBuf};

use depot_proto::{ProjectRecordError, RecordError};

/// A failure of a tree.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The disk is full, or more than the process may use: free some space and try again; nothing was published.
    #[error("no space left to {what} `{}`", path.display())]
    Full {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
    },
    /// A folder could not be synced, so nobody knows which of its names are on the disk, and asking again would be
    /// answered with a success that means nothing. Nothing is published until the tree is opened again.
    #[error("a folder of `{}` could not be synced earlier; start again once its disk is well", root.display())]
    Distrusted {
        /// The root of the tree.
        root: PathBuf,
    },
    /// Another failure of the file system.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file record in the tree cannot be read.
    #[error("`{}` cannot be read as what it should be: {source}", path.display())]
    Record {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A project record in the tree cannot be read.
    #[error("`{}` cannot be read as what it should be: {source}", path.display())]
    Project {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: ProjectRecordError,
    },
}

impl TreeError {
    /// Whether the cause is that something is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Names the operation and the path of an I/O error.
pub(crate) trait OnPath<T> {
    fn on(self, what: &'static str, path: impl Into<PathBuf>) -> Result<T, TreeError>;
}

impl<T> OnPath<T> for io::Result<T> {
    fn on(self, what: &'static str, path: impl Into<PathBuf>) -> Result<T, TreeError> {
        self.map_err(|source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                TreeError::Full { what, path: path.into() }
            }
            _ => TreeError::Io { what, path: path.into(), source },
        })
    }
}
