//! Counting in memory.
//!
//! A file that is at hand has a [`Tally`] of its own: a number for each client, and the first download since the numbers
//! were taken puts it on a list. Any other file is looked up in one of several tables, each with a lock of its own. Both
//! are emptied when what they hold is taken, so that what is held is bounded by the files of a few seconds, and by [`MOST`].

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher as _, RandomState},
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use depot_proto::{
    ProjectName, RepositoryName,
    statistics::{Client, Day},
};

use crate::store::counts::{Counted, Downloads};

/// So many files are taken at once, without waiting for more time to pass.
const MANY: usize = 16 * 1024;

/// The most files of which numbers are held. Downloads of more are not counted.
pub(super) const MOST: usize = 4 * MANY;

/// Nobody waits longer than this for what was counted to be added.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// The tables of files that are not at hand.
const TABLES: usize = 16;

/// What was counted, by `repository/project/filename`; no part of it holds a slash.
pub(super) type Taken = BTreeMap<String, Downloads>;

type Table = HashMap<String, Downloads>;

/// What was counted and not taken.
#[derive(Debug, Default)]
pub(super) struct Counting {
    tables: [Mutex<Table>; TABLES],
    hasher: RandomState,
    common: Arc<Common>,
}

/// What tallies share with the tables.
#[derive(Debug, Default)]
struct Common {
    /// Tallies that counted something since they were taken.
    touched: Mutex<Vec<Arc<Tally>>>,
    /// Files in the tables and on that list.
    held: AtomicUsize,
    lost: AtomicU64,
    bell: Mutex<Bell>,
    rung: Condvar,
}

/// What the thread is told that adds what was counted.
#[derive(Debug, Default)]
struct Bell {
    is_stopped: bool,
    /// There is much to be taken.
    is_much: bool,
    /// How often it was asked to add all there is, and how many of these questions are done.
    asked: u64,
    done: u64,
}

/// Why waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// It is time, or there is much.
    Due,
    /// Somebody waits for it; which of those who asked is the last.
    Asked(u64),
    /// Nothing is counted any more.
    Stopped,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counting {
    pub(super) fn count(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        filename: &str,
        client: Client,
    ) {
        let file = name_of(repository, project, filename);
        let place = self.hasher.hash_one(&file) as usize % TABLES;
        let mut table = lock(&self.tables[place]);
        if let Some(downloads) = table.get_mut(&file) {
            downloads.add(client, 1);
        } else if self.common.hold() {
            table.insert(file, Downloads::by(client, 1));
        } else {
            self.lose(1);
        }
    }

    pub(super) fn tally(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        filename: &str,
    ) -> Arc<Tally> {
        Arc::new(Tally {
            file: name_of(repository, project, filename),
            times: Default::default(),
            is_touched: AtomicBool::new(false),
            common: Arc::clone(&self.common),
        })
    }

    /// Takes all that was counted.
    pub(super) fn take(&self) -> Taken {
        let mut taken = Taken::new();
        for table in &self.tables {
            let table = mem::take(&mut *lock(table));
            self.common.held.fetch_sub(table.len(), Ordering::Relaxed);
            for (file, downloads) in table {
                *taken.entry(file).or_default() += downloads;
            }
        }
        let touched = mem::take(&mut *lock(&self.common.touched));
        self.common.held.fetch_sub(touched.len(), Ordering::Relaxed);
        for tally in touched {
            let downloads = tally.take();
            // Most are there once; only those that were looked up too are in both.
            match taken.get_mut(&tally.file) {
                Some(sum) => *sum += downloads,
                None => drop(taken.insert(tally.file.clone(), downloads)),
            }
        }
        taken
    }

    pub(super) fn lose(&self, downloads: u64) {
        self.common.lost.fetch_add(downloads, Ordering::Relaxed);
    }

    pub(super) fn take_lost(&self) -> u64 {
        self.common.lost.swap(0, Ordering::Relaxed)
    }

    /// Waits for so long, or until there is a reason to wait no more.
    pub(super) fn wait(&self, time: Duration) -> Woken {
        let until = Instant::now() + time;
        let mut bell = lock(&self.common.bell);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if bell.is_stopped {
                return Woken::Stopped;
            }
            if bell.asked > bell.done {
                return Woken::Asked(bell.asked);
            }
            if left.is_zero() || mem::take(&mut bell.is_much) {
                return Woken::Due;
            }
            bell = self.common.rung.wait_timeout(bell, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks for what was counted to be added, and waits until it is, or cannot be.
    pub(super) fn settle(&self) {
        let mut bell = lock(&self.common.bell);
        bell.asked += 1;
        let mine = bell.asked;
        self.common.rung.notify_all();
        let until = Instant::now() + SETTLED_WITHIN;
        while bell.done < mine && !bell.is_stopped {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            bell = self.common.rung.wait_timeout(bell, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says that all is added that was counted before these questions.
    pub(super) fn settled(&self, asked: u64) {
        lock(&self.common.bell).done = asked;
        self.common.rung.notify_all();
    }

    pub(super) fn stop(&self) {
        lock(&self.common.bell).is_stopped = true;
        self.common.rung.notify_all();
    }
}

impl Common {
    /// Makes room for another file; false if there is none.
    fn hold(&self) -> bool {
        let held = self.held.fetch_add(1, Ordering::Relaxed);
        if held >= MOST {
            self.held.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        if held == MANY {
            lock(&self.bell).is_much = true;
            self.rung.notify_all();
        }
        true
    }
}

fn name_of(repository: &RepositoryName, project: &ProjectName, filename: &str) -> String {
    [repository.as_str(), project.as_str(), filename].join("/")
}

/// What is added to the store for a file; none if that is not what [`name_of`] wrote.
pub(super) fn counted(file: &str, day: Day, downloads: Downloads) -> Option<Counted> {
    let mut parts = file.splitn(3, '/');
    Some(Counted {
        repository: parts.next()?.parse().ok()?,
        project: parts.next()?.parse().ok()?,
        filename: parts.next()?.to_owned(),
        day,
        is_of_day: true,
        downloads,
    })
}

/// The downloads of one file that is at hand.
#[derive(Debug)]
pub(crate) struct Tally {
    file: String,
    times: [AtomicU32; Client::ALL.len()],
    /// Whether it is on the list.
    is_touched: AtomicBool,
    common: Arc<Common>,
}

impl Tally {
    /// Counts a download. Waits for nobody, and allocates nothing but a place on the list, once in a while.
    pub(crate) fn count(self: &Arc<Self>, client: Client) {
        // Whoever takes the numbers first says that it is not on the list, and then looks at them. So either this one is
        // seen there, or it is seen here that the list must be told: both need the same order of all four steps.
        self.times[usize::from(client.code())].fetch_add(1, Ordering::SeqCst);
        if !self.is_touched.load(Ordering::SeqCst) && !self.is_touched.swap(true, Ordering::SeqCst) {
            if self.common.hold() {
                lock(&self.common.touched).push(Arc::clone(self));
            } else {
                // The next one tries again, and has this one counted too.
                self.is_touched.store(false, Ordering::SeqCst);
            }
        }
    }

    fn take(&self) -> Downloads {
        self.is_touched.store(false, Ordering::SeqCst);
        let mut downloads = Downloads::default();
        for (client, times) in Client::ALL.into_iter().zip(&self.times) {
            downloads.add(client, u64::from(times.swap(0, Ordering::SeqCst)));
        }
        downloads
    }
}

impl Drop for Tally {
    /// What was counted while there was no room on the list, and never came there.
    fn drop(&mut self) {
        let times = self.times.iter_mut().map(|times| u64::from(*times.get_mut())).sum();
        self.common.lost.fetch_add(times, Ordering::Relaxed);
    }
}
