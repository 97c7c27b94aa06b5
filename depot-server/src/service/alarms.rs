//! Alarms: what the keeper of a server should look at. Each is said once in a run of the server, and counted.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use depot_proto::{ProjectName, RepositoryName, Sha256Digest};

/// The alarms that are remembered, each by a digest, so that none is said or counted twice. After so many there is nothing
/// left to be told.
const REMEMBERED: usize = 200_000;

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Alarm {
    /// Another index has a name that is owned here.
    OwnedElsewhere,
    /// A repository has other bytes under the name of a file than are served here.
    OtherBytes,
}

impl Alarm {
    /// Its word in metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::OwnedElsewhere => "owned-name-elsewhere",
            Self::OtherBytes => "other-bytes",
        }
    }
}

/// Where a name was seen that nobody else should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// In the list of all projects.
    List,
    /// As a page that was kept before the name was owned here.
    Page,
}

/// The alarms of one run of the server.
#[derive(Debug, Default)]
pub(crate) struct Alarms(Mutex<Sounded>);

#[derive(Debug, Default)]
struct Sounded {
    known: HashSet<u64>,
    /// Another one in each run, so that nobody can make an alarm that is taken for another.
    digests: RandomState,
    counts: BTreeMap<(RepositoryName, Alarm), u64>,
}

impl Alarms {
    /// Another index has a name that is owned here. Nothing of it is served, and nobody is asked for it: but whoever looks
    /// for the name elsewhere finds that one.
    pub(crate) fn owned_elsewhere(&self, repository: &RepositoryName, project: &ProjectName, seen: Seen) {
        if !self.is_news(Alarm::OwnedElsewhere, repository, project.as_str()) {
            return;
        }
        let place = match seen {
            Seen::List => "its list of projects",
            Seen::Page => "a page that was kept before",
        };
        tracing::warn!(
            %repository, %project, place,
            "another index has a name that is owned here: nothing of it is served from there, and nothing is asked"
        );
    }

    /// A repository has other bytes under a name than the one whose bytes are served.
    pub(crate) fn other_bytes(
        &self,
        (kept, other): (&RepositoryName, &RepositoryName),
        filename: &str,
        (served, found): (Option<Sha256Digest>, Option<Sha256Digest>),
    ) {
        let [served, found] = [served, found].map(|sha256| sha256.map(|sha256| sha256.to_string()));
        let [served, found] = [served, found].map(Option::unwrap_or_default);
        if self.is_news(Alarm::OtherBytes, other, &format!("{filename} {kept} {served} {found}")) {
            tracing::error!(
                filename, %kept, %other, served, found,
                "two repositories have different bytes under one name; the first one's are served"
            );
        }
    }

    /// A repository has other bytes than a file had that was deleted where its name belongs.
    pub(crate) fn deleted_bytes(
        &self,
        other: &RepositoryName,
        filename: &str,
        (deleted, found): (Sha256Digest, Option<Sha256Digest>),
    ) {
        let found = found.map(|sha256| sha256.to_string()).unwrap_or_default();
        if self.is_news(Alarm::OtherBytes, other, &format!("{filename} deleted {deleted} {found}")) {
            tracing::error!(
                filename, %other, %deleted, found,
                "a repository has other bytes than a file of that name that was deleted here; they are not served"
            );
        }
    }

    /// Another index says that a file which is kept of it has other bytes now.
    pub(crate) fn changed_bytes(
        &self,
        repository: &RepositoryName,
        filename: &str,
        (kept, found): (Sha256Digest, Sha256Digest),
    ) {
        if self.is_news(Alarm::OtherBytes, repository, &format!("{filename} {kept} {found}")) {
            tracing::error!(
                %repository, filename, %kept, %found,
                "an index has other bytes now under the name of a file that is kept: the kept ones stay, and are served"
            );
        }
    }

    /// How many alarms there were, by repository and kind.
    pub(crate) fn counts(&self) -> Vec<(RepositoryName, Alarm, u64)> {
        let sounded = self.lock();
        let counts = sounded.counts.iter();
        counts.map(|((repository, alarm), count)| (repository.clone(), *alarm, *count)).collect()
    }

    fn is_news(&self, alarm: Alarm, repository: &RepositoryName, what: &str) -> bool {
        let mut sounded = self.lock();
        let digest = sounded.digests.hash_one((alarm, repository, what));
        if sounded.known.len() >= REMEMBERED || !sounded.known.insert(digest) {
            return false;
        }
        *sounded.counts.entry((repository.clone(), alarm)).or_default() += 1;
        true
    }

    fn lock(&self) -> MutexGuard<'_, Sounded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_counted_once_and_again_when_it_is_about_something_else() {
        let alarms = Alarms::default();
        let [python, pypi] = ["python", "pypi"].map(|name| name.parse::<RepositoryName>().unwrap());
        let (six, tea): (ProjectName, ProjectName) = ("six".parse().unwrap(), "tea".parse().unwrap());
        for _ in 0..3 {
            alarms.owned_elsewhere(&pypi, &six, Seen::List);
            alarms.owned_elsewhere(&pypi, &six, Seen::Page);
            alarms.owned_elsewhere(&pypi, &tea, Seen::Page);
            for found in ["a", "b"] {
                let found = Some(Sha256Digest::of(found.as_bytes()));
                alarms.other_bytes((&python, &pypi), "six-1-py3-none-any.whl", (None, found));
            }
        }
        let expected = [(pypi.clone(), Alarm::OwnedElsewhere, 2), (pypi, Alarm::OtherBytes, 2)];
        assert_eq!(alarms.counts(), expected);
    }

    #[test]
    fn of_more_alarms_than_are_remembered_none_is_counted_twice() {
        let (alarms, pypi) = (Alarms::default(), "pypi".parse::<RepositoryName>().unwrap());
        let told = |number: usize| alarms.is_news(Alarm::OtherBytes, &pypi, &number.to_string());
        assert!((0..REMEMBERED).all(told));
        assert!(!(0..REMEMBERED + 9).any(told));
        assert_eq!(alarms.counts(), [(pypi.clone(), Alarm::OtherBytes, REMEMBERED as u64)]);
    }
}
