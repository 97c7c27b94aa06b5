//! The policies that repositories follow, each in a file that may change while the server runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use depot_proto::policy::{self, Policy, PolicyError};

use super::listing::next_version;
use crate::{
    clock,
    followed::{Followed, stamp},
};

/// Why a policy cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyFileError {
    /// The file cannot be read.
    #[error("cannot read the policy `{}`: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It says nothing that can be followed.
    #[error("the policy `{}`, {source}", path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: PolicyError,
    },
}

/// A policy as it was read.
#[derive(Debug)]
pub(crate) struct InForce {
    pub(crate) policy: Policy,
    /// Another one for each text.
    pub(crate) version: u64,
}

/// A policy in a file. Once it was read it holds until another one that can be followed takes its place: a file that is
/// damaged or gone opens nothing.
pub(crate) type PolicyFile = Followed<InForce>;

impl PolicyFile {
    /// Reads a file, which must be there and be right.
    pub(crate) fn open(path: PathBuf) -> Result<Self, PolicyFileError> {
        let stamp = stamp(&path);
        let in_force = read(&path)?;
        for exception in in_force.policy.expired(clock::now()) {
            let rule = &exception.rule.text;
            tracing::warn!(path = %path.display(), rule, "an exception of the policy has ended and does nothing");
        }
        Ok(Self::new(path, stamp, in_force, |path| match read_again(path) {
            Ok(in_force) => {
                tracing::info!(path = %path.display(), "the policy was read again");
                Some(in_force)
            }
            Err(error) => {
                tracing::error!(%error, "the policy as it was before stays in force");
                None
            }
        }))
    }

    /// The policy that holds now.
    pub(crate) fn in_force(&self) -> Arc<InForce> {
        self.now()
    }
}

/// An empty file is what is left of one that was cut off, and not a policy that opens everything.
fn read_again(path: &Path) -> Result<InForce, PolicyFileError> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
        let source =
            io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty: write a comment to have no rules");
        return Err(PolicyFileError::Io { path: path.to_owned(), source });
    }
    read(path)
}

fn read(path: &Path) -> Result<InForce, PolicyFileError> {
    let failed = |source| PolicyFileError::Io { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > policy::MAX_SIZE as u64 {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, "it is too large for a policy")));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let policy =
        Policy::parse(&text).map_err(|source| PolicyFileError::Wrong { path: path.to_owned(), source })?;
    Ok(InForce { policy, version: next_version() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_is_damaged_later_leaves_the_one_before_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        assert!(PolicyFile::open(path.clone()).is_err());
        fs::write(&path, "block = ['six']").unwrap();
        let file = PolicyFile::open(path.clone()).unwrap();
        let blocks = |name: &str| {
            file.look_until_it_rests();
            !file.in_force().policy.decide_project(&name.parse().unwrap(), clock::now()).is_shown()
        };
        assert!(blocks("six") && !blocks("tea"));
        for damaged in ["block = [", "blok = ['tea']", ""] {
            fs::write(&path, damaged).unwrap();
            assert!(blocks("six"), "{damaged}");
        }
        fs::remove_file(&path).unwrap();
        assert!(blocks("six"));
        fs::write(&path, "block = ['tea', 'pot']").unwrap();
        assert!(!blocks("six") && blocks("tea"));
    }
}
