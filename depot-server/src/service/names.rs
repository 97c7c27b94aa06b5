//! The names of all projects, in memory, each with the serial of its last change.
//!
//! This is what tells a rendered page from a stale one without asking the store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use depot_proto::{ProjectName, RepositoryName};

use crate::store::records::Serial;

/// The names of every repository.
#[derive(Debug, Default)]
pub(crate) struct Names(RwLock<HashMap<RepositoryName, Listed>>);

#[derive(Debug, Default)]
struct Listed {
    projects: BTreeMap<ProjectName, Serial>,
    /// The serial of the last change that added or removed a name.
    names_changed: Serial,
    /// The serial of the last change of anything in the repository.
    last: Serial,
}

/// What a repository's root page depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RootState {
    /// Changes whenever the list of names does.
    pub(crate) names_changed: Serial,
    /// The serial of the last change of anything.
    pub(crate) last: Serial,
}

impl Names {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<RepositoryName, Listed>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<RepositoryName, Listed>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a change of a project that is there.
    pub(crate) fn note(&self, repository: &RepositoryName, project: &ProjectName, serial: Serial) {
        let mut repositories = self.write();
        let listed = repositories.entry(repository.clone()).or_default();
        listed.last = listed.last.max(serial);
        match listed.projects.get_mut(project) {
            Some(known) => *known = serial.max(*known),
            None => {
                listed.projects.insert(project.clone(), serial);
                listed.names_changed = listed.names_changed.max(serial);
            }
        }
    }

    /// Notes that a project is there, or that it is not.
    pub(crate) fn set(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        serial: Serial,
        is_there: bool,
    ) {
        if is_there {
            self.note(repository, project, serial);
        } else {
            self.forget(repository, project, serial);
        }
    }

    /// Notes the last change of anything; a release that is gone may have had it.
    pub(crate) fn note_last(&self, repository: &RepositoryName, serial: Serial) {
        let mut repositories = self.write();
        let listed = repositories.entry(repository.clone()).or_default();
        listed.last = listed.last.max(serial);
    }

    /// Notes that a project is gone.
    fn forget(&self, repository: &RepositoryName, project: &ProjectName, serial: Serial) {
        let mut repositories = self.write();
        let listed = repositories.entry(repository.clone()).or_default();
        listed.last = listed.last.max(serial);
        if listed.projects.remove(project).is_some() {
            listed.names_changed = listed.names_changed.max(serial);
        }
    }

    /// The serial of a project's last change; none if it is not there.
    pub(crate) fn serial(&self, repository: &RepositoryName, project: &ProjectName) -> Option<Serial> {
        self.read().get(repository)?.projects.get(project).copied()
    }

    /// What the root page depends on.
    pub(crate) fn root(&self, repository: &RepositoryName) -> RootState {
        match self.read().get(repository) {
            Some(listed) => RootState { names_changed: listed.names_changed, last: listed.last },
            None => RootState { names_changed: 0, last: 0 },
        }
    }

    /// The names of a repository, sorted.
    pub(crate) fn list(&self, repository: &RepositoryName) -> Vec<ProjectName> {
        match self.read().get(repository) {
            Some(listed) => listed.projects.keys().cloned().collect(),
            None => Vec::new(),
        }
    }
}
