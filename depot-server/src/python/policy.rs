//! The policies that repositories follow, each in a file that may change while the server runs.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use depot_proto::policy::{self, Policy, PolicyError};

use super::view::next_version;
use crate::clock;

/// How often it is looked whether the file changed.
const LOOKED_AT: Duration = Duration::from_secs(1);

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
#[derive(Debug)]
pub(crate) struct PolicyFile {
    path: PathBuf,
    read: Mutex<Read>,
}

#[derive(Debug)]
struct Read {
    in_force: Arc<InForce>,
    looked: Instant,
    stamp: Option<(SystemTime, u64)>,
    /// The stamp of a file that changed, when it was last looked at: it is read once it has rested, so that nobody follows
    /// the half of a policy.
    resting: Option<(SystemTime, u64)>,
}

impl PolicyFile {
    /// Reads a file, which must be there and be right.
    pub(crate) fn open(path: PathBuf) -> Result<Self, PolicyFileError> {
        let stamp = stamp(&path);
        let in_force = Arc::new(read(&path)?);
        for exception in in_force.policy.expired(clock::now()) {
            let rule = &exception.rule.text;
            tracing::warn!(path = %path.display(), rule, "an exception of the policy has ended and does nothing");
        }
        Ok(Self { path, read: Mutex::new(Read { in_force, looked: Instant::now(), stamp, resting: stamp }) })
    }

    /// The policy that holds now. Looks at the file from time to time, which takes a moment.
    pub(crate) fn in_force(&self) -> Arc<InForce> {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if known.looked.elapsed() < LOOKED_AT {
            return Arc::clone(&known.in_force);
        }
        known.looked = Instant::now();
        let stamp = stamp(&self.path);
        let rests = known.resting == stamp;
        known.resting = stamp;
        if stamp != known.stamp && rests {
            known.stamp = stamp;
            match read_again(&self.path) {
                Ok(in_force) => {
                    tracing::info!(path = %self.path.display(), "the policy was read again");
                    known.in_force = Arc::new(in_force);
                }
                Err(error) => tracing::error!(%error, "the policy as it was before stays in force"),
            }
        }
        Arc::clone(&known.in_force)
    }
}

/// An empty file is what is left of one that was cut off, and not a policy that opens everything.
fn read_again(path: &std::path::Path) -> Result<InForce, PolicyFileError> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
        let source =
            io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty: write a comment to have no rules");
        return Err(PolicyFileError::Io { path: path.to_owned(), source });
    }
    read(path)
}

fn stamp(path: &std::path::Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &std::path::Path) -> Result<InForce, PolicyFileError> {
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
            // As if it had been looked at twice, long ago.
            for _ in 0..2 {
                file.read.lock().unwrap().looked = Instant::now().checked_sub(2 * LOOKED_AT).unwrap();
                file.in_force();
            }
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
