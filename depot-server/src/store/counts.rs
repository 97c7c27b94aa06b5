//! What is counted of downloads, as stores take and give it.

use std::{
    collections::BTreeMap,
    ops::{AddAssign, SubAssign},
};

use depot_proto::{
    ProjectName, RepositoryName,
    statistics::{Client, Day},
};

use super::{Counters, StoreError};

const CLIENTS: usize = Client::ALL.len();

/// How often each client fetched something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Downloads([u64; CLIENTS]);

impl Downloads {
    /// None but these.
    pub(crate) fn by(client: Client, times: u64) -> Self {
        let mut downloads = Self::default();
        downloads.add(client, times);
        downloads
    }

    pub(crate) fn add(&mut self, client: Client, times: u64) {
        let sum = &mut self.0[usize::from(client.code())];
        *sum = sum.saturating_add(times);
    }

    /// By all of them.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, times| sum.saturating_add(*times))
    }

    /// Those who fetched it at all.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Client, u64)> {
        Client::ALL.into_iter().zip(self.0).filter(|(_, times)| *times > 0)
    }
}

impl AddAssign for Downloads {
    fn add_assign(&mut self, other: Self) {
        other.iter().for_each(|(client, times)| self.add(client, times));
    }
}

impl SubAssign for Downloads {
    /// Never below nothing.
    fn sub_assign(&mut self, other: Self) {
        for (left, times) in self.0.iter_mut().zip(other.0) {
            *left = left.saturating_sub(times);
        }
    }
}

/// Downloads of a file that are to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The repository that has it.
    pub(crate) repository: RepositoryName,
    /// Its project.
    pub(crate) project: ProjectName,
    /// Its name.
    pub(crate) filename: String,
    /// On which day.
    pub(crate) day: Day,
    /// Whether they belong to the numbers of that day. If not, it is the last of several days that are not kept one by one.
    pub(crate) is_of_day: bool,
    /// How many.
    pub(crate) downloads: Downloads,
}

/// Over which time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// All of it.
    Ever,
    /// From one day to another, both counted, as far as days are kept.
    Days(Day, Day),
}

/// How often something was downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// How often.
    pub(crate) downloads: Downloads,
    /// On which day; over all time, on which day last.
    pub(crate) day: Day,
}

/// Is shown the numbers of projects, one by one; false if it has seen enough.
pub(crate) type SeeProject<'a> = &'a mut dyn FnMut(&RepositoryName, &ProjectName, Count) -> bool;

/// Is shown the numbers of files by their names, one by one; false if it has seen enough.
pub(crate) type SeeFile<'a> = &'a mut dyn FnMut(&str, Count) -> bool;

/// Visits all that is counted, file by file, in the form in which another store takes it: the numbers of each day, and those
/// of the days before that are not kept one by one. What is counted meanwhile is in it or not.
pub(crate) fn each(
    store: &dyn Counters,
    see: &mut dyn FnMut(Counted) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut projects = Vec::new();
    store.of_projects(Span::Ever, &mut |repository, project, _| {
        projects.push((repository.clone(), project.clone()));
        true
    })?;
    for (repository, project) in projects {
        let counted = |filename: &str, count: Count, is_of_day| Counted {
            repository: repository.clone(),
            project: project.clone(),
            filename: filename.to_owned(),
            day: count.day,
            is_of_day,
            downloads: count.downloads,
        };
        let mut left: BTreeMap<String, Count> = BTreeMap::new();
        store.of_files(&repository, &project, Span::Ever, &mut |filename, count| {
            left.insert(filename.to_owned(), count);
            true
        })?;
        let mut failed = None;
        store.of_files(
            &repository,
            &project,
            Span::Days(Day::default(), Day::LAST),
            &mut |filename, count| {
                if let Some(left) = left.get_mut(filename) {
                    left.downloads -= count.downloads;
                }
                failed = see(counted(filename, count, true)).err();
                failed.is_none()
            },
        )?;
        failed.map_or(Ok(()), Err)?;
        for (filename, count) in left.into_iter().filter(|(_, count)| count.downloads.total() > 0) {
            see(counted(&filename, count, false))?;
        }
    }
    Ok(())
}

/// Adds all that is counted in one store to another.
pub(crate) fn copy(from: &dyn Counters, to: &dyn Counters) -> Result<(), StoreError> {
    let mut batch = Vec::new();
    each(from, &mut |counted| {
        batch.push(counted);
        if batch.len() < BATCH {
            return Ok(());
        }
        to.add(&std::mem::take(&mut batch))
    })?;
    to.add(&batch)?;
    to.flush()
}

/// Numbers that are added at once.
const BATCH: usize = 1000;
