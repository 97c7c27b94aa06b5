//! The names that trusted jobs may publish under: they are reserved from when the publishers are written down, and not only
//! from when a job first comes.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use depot_proto::{ProjectName, RepositoryName, scope::Scope};

use super::{Stamp, publishers::Publishers, stamp};

/// How often it is looked whether the file of publishers changed.
const LOOKED_AT: Duration = Duration::from_secs(1);

/// What the publishers may, as of when their file was read.
pub(super) struct Reserving(Mutex<Read>);

struct Read {
    scopes: Arc<[Scope]>,
    /// The file that was read.
    stamp: Option<Stamp>,
    looked: Instant,
    /// The file when it was last looked at: one that changed is read once it rests, so that half a file frees no name.
    seen: Option<Stamp>,
}

impl Reserving {
    pub(super) fn new(publishers: &Publishers, stamp: Option<Stamp>) -> Self {
        let scopes = publishers.scopes().cloned().collect();
        Self(Mutex::new(Read { scopes, stamp, looked: Instant::now(), seen: stamp }))
    }

    /// Whether a publisher may publish under a name and not under every name, by the file as it is.
    pub(super) fn reserves(&self, path: &Path, repository: &RepositoryName, project: &ProjectName) -> bool {
        let scopes = {
            let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if read.looked.elapsed() >= LOOKED_AT {
                read.look(path);
            }
            Arc::clone(&read.scopes)
        };
        scopes.iter().any(|scope| scope.reserves(repository, project))
    }
}

impl Read {
    fn look(&mut self, path: &Path) {
        self.looked = Instant::now();
        let now = stamp(path);
        let rests = self.seen == now;
        self.seen = now;
        if rests && self.stamp != now {
            self.stamp = now;
            // What is wrong with it is said when a job comes; until it is right, names stay reserved as they were.
            if let Ok(publishers) = Publishers::read(path) {
                self.scopes = publishers.scopes().cloned().collect();
            }
        }
    }
}
