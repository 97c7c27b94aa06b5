//! A real backend that forgets everything at the end: for tests, and as the measure of the others.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use depot_proto::{ProjectName, RepositoryName, Subject, Timestamp, VersionKey, statistics::Day};

use super::{
    Accounts, Counters, Packages, Put, Row, StoreError,
    counts::{Count, Counted, Downloads, SeeFile, SeeProject, Span},
    records::{FileChange, ReleaseRecord, Serial, TokenRecord, UserRecord, put_into, standing},
};

type Key = (RepositoryName, ProjectName, VersionKey);
type File = (RepositoryName, ProjectName, String);

#[derive(Debug, Default)]
struct Held {
    applied: Serial,
    releases: BTreeMap<Key, ReleaseRecord>,
    tokens: BTreeMap<String, TokenRecord>,
    users: BTreeMap<Subject, UserRecord>,
    ever: BTreeMap<File, Count>,
    days: BTreeMap<(Day, File), Count>,
}

/// A store in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore(Mutex<Held>);

impl MemoryStore {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Packages for MemoryStore {
    fn applied(&self) -> Result<Serial, StoreError> {
        Ok(self.held().applied)
    }

    fn release(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        version: &VersionKey,
    ) -> Result<Option<ReleaseRecord>, StoreError> {
        let key = (repository.clone(), project.clone(), version.clone());
        Ok(self.held().releases.get(&key).cloned())
    }

    fn releases(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
    ) -> Result<Vec<ReleaseRecord>, StoreError> {
        let held = self.held();
        let of_project = held.releases.iter().filter(|((r, p, _), _)| r == repository && p == project);
        Ok(of_project.map(|(_, release)| release.clone()).collect())
    }

    fn put_files(&self, changes: &[FileChange]) -> Result<Vec<Put>, StoreError> {
        let mut held = self.held();
        let mut puts = Vec::new();
        for change in changes {
            let key = (change.repository.clone(), change.project.clone(), change.key.clone());
            let release = held.releases.entry(key).or_insert_with(|| change.empty_release());
            puts.push(put_into(release, change));
            held.applied = held.applied.max(change.serial);
        }
        Ok(puts)
    }

    fn replace_project(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        releases: &[ReleaseRecord],
        serial: Serial,
    ) -> Result<(), StoreError> {
        let mut held = self.held();
        held.releases.retain(|(r, p, _), _| r != repository || p != project);
        for release in releases {
            let key = depot_proto::Version::read(&release.version).key();
            let release = ReleaseRecord { serial, ..release.clone() };
            held.releases.insert((repository.clone(), project.clone(), key), release);
        }
        Ok(())
    }

    fn set_applied(&self, serial: Serial) -> Result<(), StoreError> {
        self.held().applied = serial;
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn scan(&self, visit: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        let mut rows: BTreeMap<_, Serial> = BTreeMap::new();
        for ((repository, project, _), release) in &self.held().releases {
            let serial = rows.entry((repository.clone(), project.clone())).or_default();
            *serial = release.serial.max(*serial);
        }
        for ((repository, project), serial) in rows {
            visit(Row { repository, project, serial });
        }
        Ok(())
    }
}

impl Accounts for MemoryStore {
    fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        Ok(self.held().tokens.values().cloned().collect())
    }

    fn put_token(&self, token: &TokenRecord) -> Result<(), StoreError> {
        let mut held = self.held();
        let revoked = held.tokens.get(&token.id).and_then(|known| known.revoked);
        let token = TokenRecord { revoked: revoked.or(token.revoked), ..token.clone() };
        held.tokens.insert(token.id.clone(), token);
        Ok(())
    }

    fn forget_token(&self, id: &str) -> Result<(), StoreError> {
        self.held().tokens.remove(id);
        Ok(())
    }

    fn revoke_token(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let mut held = self.held();
        let Some(token) = held.tokens.get_mut(id) else { return Ok(false) };
        token.revoked.get_or_insert(at);
        Ok(true)
    }

    fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        Ok(self.held().users.values().cloned().collect())
    }

    fn put_user(&self, user: &UserRecord) -> Result<UserRecord, StoreError> {
        let mut held = self.held();
        let stands = match held.users.remove(&user.name) {
            Some(known) => standing(known, user.clone()),
            None => user.clone(),
        };
        held.users.insert(user.name.clone(), stands.clone());
        Ok(stands)
    }
}

impl Held {
    /// The numbers of a span, each with the day that it is of.
    fn counts(&self, span: Span) -> Vec<(Option<Day>, &File, Count)> {
        match span {
            Span::Ever => self.ever.iter().map(|(file, count)| (None, file, *count)).collect(),
            Span::Days(from, to) => {
                let days = self.days.iter().filter(|((day, _), _)| (from..=to).contains(day));
                days.map(|((day, file), count)| (Some(*day), file, *count)).collect()
            }
        }
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, Count>, key: K, count: Count) {
    let sum = counts.entry(key).or_insert(Count { downloads: Downloads::default(), day: count.day });
    sum.downloads += count.downloads;
    sum.day = sum.day.max(count.day);
}

impl Counters for MemoryStore {
    fn add(&self, counted: &[Counted]) -> Result<(), StoreError> {
        let mut held = self.held();
        for counted in counted {
            let file = (counted.repository.clone(), counted.project.clone(), counted.filename.clone());
            let count = Count { downloads: counted.downloads, day: counted.day };
            if counted.is_of_day {
                add(&mut held.days, (counted.day, file.clone()), count);
            }
            add(&mut held.ever, file, count);
        }
        Ok(())
    }

    fn forget_before(&self, day: Day) -> Result<(), StoreError> {
        self.held().days.retain(|(of, _), _| *of >= day);
        Ok(())
    }

    fn first_day(&self) -> Result<Option<Day>, StoreError> {
        Ok(self.held().days.keys().next().map(|(day, _)| *day))
    }

    fn repositories(&self) -> Result<Vec<RepositoryName>, StoreError> {
        let mut names: Vec<_> = self.held().ever.keys().map(|(repository, ..)| repository.clone()).collect();
        names.dedup();
        Ok(names)
    }

    fn of_projects(&self, span: Span, see: SeeProject<'_>) -> Result<(), StoreError> {
        let mut projects = BTreeMap::new();
        for (day, (repository, project, _), count) in self.held().counts(span) {
            add(&mut projects, (day, repository.clone(), project.clone()), count);
        }
        for ((_, repository, project), count) in projects {
            if !see(&repository, &project, count) {
                break;
            }
        }
        Ok(())
    }

    fn of_files(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        span: Span,
        see: SeeFile<'_>,
    ) -> Result<(), StoreError> {
        for (_, (_, _, filename), count) in
            self.held().counts(span).into_iter().filter(|(_, (r, p, _), _)| r == repository && p == project)
        {
            if !see(filename, count) {
                break;
            }
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[test]
    fn conforms() {
        conformance::packages(&MemoryStore::default());
        conformance::accounts(&MemoryStore::default());
        conformance::counters(&MemoryStore::default());
    }
}
