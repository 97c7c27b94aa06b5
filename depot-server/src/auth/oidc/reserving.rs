//! The names that trusted jobs may publish under: they are reserved from when the publishers are written down, and not only
//! from when a job first comes.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
};

use depot_proto::{ProjectName, RepositoryName, scope::Scope};

use super::publishers::Publishers;
use crate::followed::{Followed, Stamp};

/// What the publishers may, as of when their file was read.
pub(super) struct Reserving(Followed<Vec<Scope>>);

impl Reserving {
    pub(super) fn new(path: PathBuf, stamp: Option<Stamp>, publishers: &Publishers) -> Self {
        let scopes = |publishers: &Publishers| publishers.scopes().cloned().collect();
        // What is wrong with it is said when a job comes; until it is right, names stay reserved as they were.
        Self(Followed::new(path, stamp, scopes(publishers), |path| {
            Some(Publishers::read(path).ok()?.scopes().cloned().collect())
        }))
    }

    /// Whether a publisher may publish under a name and not under every name.
    pub(super) fn reserves(&self, repository: &RepositoryName, project: &ProjectName) -> bool {
        self.0.now().iter().any(|scope| scope.reserves(repository, project))
    }

    /// A number that differs where other names are reserved.
    pub(super) fn version(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.now().hash(&mut hasher);
        hasher.finish()
    }

    /// Looks at the file. May block.
    pub(super) fn look(&self) {
        self.0.look();
    }
}
