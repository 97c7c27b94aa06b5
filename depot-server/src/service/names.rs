//! The names of all projects, in memory, each with the serial of its last change.
//!
//! This is what tells a rendered page from a stale one without asking the store.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Bound,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use depot_proto::{ProjectName, RepositoryName};

use crate::store::records::Serial;

/// The names of every repository.
#[derive(Debug, Default)]
pub(crate) struct Names(RwLock<HashMap<RepositoryName, Listed>>);

/// How many names that came or went are remembered one by one; who has seen less of the list reads it all.
const REMEMBERED: usize = 4096;

#[derive(Debug, Default)]
struct Listed {
    projects: BTreeMap<ProjectName, Serial>,
    /// How many names came or went since the server was started.
    version: u64,
    /// The last of them, up to [`REMEMBERED`].
    changed: VecDeque<ProjectName>,
    /// The serial of the last change of anything in the repository.
    last: Serial,
}

impl Listed {
    fn note_name(&mut self, project: &ProjectName) {
        self.version += 1;
        self.changed.push_back(project.clone());
        if self.changed.len() > REMEMBERED {
            self.changed.pop_front();
        }
    }
}

/// What became of a list since someone saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// These names came or went.
    Changed(Vec<ProjectName>),
    /// More than is remembered.
    TooMuch,
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
                listed.note_name(project);
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

    /// Makes these, which are sorted, all the names of a repository.
    pub(crate) fn replace(&self, repository: &RepositoryName, names: &[ProjectName]) {
        let mut repositories = self.write();
        let listed = repositories.entry(repository.clone()).or_default();
        let is_gone = |name: &&ProjectName| names.binary_search(name).is_err();
        let gone: Vec<ProjectName> = listed.projects.keys().filter(is_gone).cloned().collect();
        for name in gone {
            listed.projects.remove(&name);
            listed.note_name(&name);
        }
        for name in names {
            if !listed.projects.contains_key(name) {
                listed.projects.insert(name.clone(), listed.last);
                listed.note_name(name);
            }
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
            listed.note_name(project);
        }
    }

    /// The serial of a project's last change, by its normalized name; none if it is not there.
    pub(crate) fn serial(&self, repository: &RepositoryName, project: &str) -> Option<Serial> {
        self.read().get(repository)?.projects.get(project).copied()
    }

    /// The serial of the repository's last change.
    pub(crate) fn last(&self, repository: &RepositoryName) -> Serial {
        self.read().get(repository).map_or(0, |listed| listed.last)
    }

    /// The version of a repository's list of names: another after each name that came or went.
    pub(crate) fn version(&self, repository: &RepositoryName) -> u64 {
        self.read().get(repository).map_or(0, |listed| listed.version)
    }

    /// The version of the list, and what became of it since `seen`.
    pub(crate) fn since(&self, repository: &RepositoryName, seen: u64) -> (u64, Since) {
        let repositories = self.read();
        let Some(listed) = repositories.get(repository) else { return (0, Since::Changed(Vec::new())) };
        let count = usize::try_from(listed.version - seen.min(listed.version)).unwrap_or(usize::MAX);
        let since = if count > listed.changed.len() {
            Since::TooMuch
        } else {
            Since::Changed(listed.changed.range(listed.changed.len() - count..).cloned().collect())
        };
        (listed.version, since)
    }

    /// The names from `from` (or the first) up to, but without, `to` (or the last), sorted.
    pub(crate) fn stretch(
        &self,
        repository: &RepositoryName,
        from: Option<&ProjectName>,
        to: Option<&ProjectName>,
    ) -> Vec<ProjectName> {
        let repositories = self.read();
        let Some(listed) = repositories.get(repository) else { return Vec::new() };
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        let to = to.map_or(Bound::Unbounded, Bound::Excluded);
        listed.projects.range::<ProjectName, _>((from, to)).map(|(name, _)| name.clone()).collect()
    }

    /// The names of a repository, sorted.
    pub(crate) fn list(&self, repository: &RepositoryName) -> Vec<ProjectName> {
        match self.read().get(repository) {
            Some(listed) => listed.projects.keys().cloned().collect(),
            None => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_which_names_came_and_went() {
        let (names, repository) = (Names::default(), RepositoryName::default_hosted());
        let name = |text: &str| text.parse::<ProjectName>().unwrap();
        assert_eq!(names.since(&repository, 0), (0, Since::Changed(vec![])));
        names.note(&repository, &name("b"), 1);
        names.note(&repository, &name("a"), 2);
        // A change of what is there changes no list.
        names.note(&repository, &name("a"), 3);
        assert_eq!(names.since(&repository, 0), (2, Since::Changed(vec![name("b"), name("a")])));
        assert_eq!(names.since(&repository, 2), (2, Since::Changed(vec![])));
        names.set(&repository, &name("b"), 4, false);
        assert_eq!(names.since(&repository, 2), (3, Since::Changed(vec![name("b")])));
        assert_eq!(names.stretch(&repository, None, Some(&name("b"))), [name("a")]);
        assert_eq!(names.last(&repository), 4);
        names.replace(&repository, &[name("a"), name("d")]);
        names.replace(&repository, &[name("a"), name("d")]);
        names.replace(&repository, &[name("a")]);
        assert_eq!(names.since(&repository, 3), (5, Since::Changed(vec![name("d"), name("d")])));
        assert_eq!(names.list(&repository), [name("a")]);
        for number in 0..REMEMBERED {
            names.note(&repository, &name(&format!("c{number}")), 5);
        }
        assert!(matches!(names.since(&repository, 5), (_, Since::Changed(_))));
        assert!(matches!(names.since(&repository, 4), (_, Since::TooMuch)));
    }
}
