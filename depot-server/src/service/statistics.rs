//! How often files are downloaded: counted in memory as they go out, and added to the store every few seconds.
//!
//! What counts is an answer with the whole of a file, when it begins. To count costs an increment for a file that is at
//! hand, and an entry in one of several tables for any other; nobody waits for the store. What a crash loses is what was
//! counted since the last time that it was added: [`ADDED_EVERY`].

mod counting;
pub(crate) mod question;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use depot_proto::{
    ProjectName, RepositoryName,
    statistics::{Client, Day},
};

pub(crate) use self::counting::Tally;
use self::counting::{Counting, MOST, Taken, Woken};
use crate::{
    clock,
    store::{Counters, StoreError, counts::Counted},
};

/// How often what was counted is added to the store, unless there is so much of it that it is sooner.
pub(crate) const ADDED_EVERY: Duration = Duration::from_secs(5);

/// Files whose numbers are added in one step.
const BATCH: usize = 1000;

/// How often the log is told that something is wrong.
const COMPLAIN: Duration = Duration::from_mins(1);

/// Counts downloads.
pub(crate) struct Statistics {
    counting: Arc<Counting>,
    /// What was added since the start.
    total: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Statistics {
    /// Starts counting. Days are kept one by one for so many days.
    pub(crate) fn start(store: Arc<dyn Counters>, keep_days: u32) -> std::io::Result<Self> {
        let counting = Arc::new(Counting::default());
        let total = Arc::new(AtomicU64::new(0));
        let mut adder = Adder {
            counting: Arc::clone(&counting),
            total: Arc::clone(&total),
            store,
            keep_days,
            today: Day::of(clock::now()),
            kept_from: None,
            waiting: Taken::default(),
            complained: None,
        };
        let thread = std::thread::Builder::new().name("statistics".to_owned()).spawn(move || adder.run())?;
        Ok(Self { counting, total, thread: Mutex::new(Some(thread)) })
    }

    /// Counts a download.
    pub(crate) fn count(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        filename: &str,
        client: Client,
    ) {
        self.counting.count(repository, project, filename, client);
    }

    /// Where the downloads of a file are counted that is fetched again and again.
    pub(crate) fn tally(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        filename: &str,
    ) -> Arc<Tally> {
        self.counting.tally(repository, project, filename)
    }

    /// How many downloads there were since the start, a few seconds late.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Adds to the store what was counted until now, and waits for that.
    pub(crate) fn settle(&self) {
        self.counting.settle();
    }

    /// Adds what was counted, and counts no more.
    pub(crate) fn stop(&self) {
        self.counting.stop();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic was logged when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Statistics {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Adds to the store what was counted, in a thread of its own.
struct Adder {
    counting: Arc<Counting>,
    total: Arc<AtomicU64>,
    store: Arc<dyn Counters>,
    keep_days: u32,
    /// The day of what is being counted.
    today: Day,
    /// The first day that is kept, once those before it were forgotten.
    kept_from: Option<Day>,
    /// What the store would not take.
    waiting: Taken,
    complained: Option<Instant>,
}

impl Adder {
    fn run(&mut self) {
        loop {
            self.forget();
            // What is counted belongs to the day in which the waiting begins: it ends with that day.
            self.today = Day::of(clock::now());
            let rest = Duration::from_secs(Day::rest(clock::now()));
            let woken = self.counting.wait(ADDED_EVERY.min(rest));
            let added = self.add();
            if let Woken::Asked(asked) = woken {
                self.counting.settled(asked);
            }
            if let Err(error) = added {
                self.complain(&error.to_string());
            }
            let lost = self.counting.take_lost();
            if lost > 0 {
                tracing::warn!(
                    lost,
                    "more files were downloaded than could be counted; these downloads were not"
                );
            }
            if woken == Woken::Stopped {
                return;
            }
        }
    }

    fn add(&mut self) -> Result<(), StoreError> {
        for (file, downloads) in self.counting.take() {
            self.total.fetch_add(downloads.total(), Ordering::Relaxed);
            *self.waiting.entry(file).or_default() += downloads;
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        while !self.waiting.is_empty() {
            let batch: Vec<_> = self.waiting.iter().take(BATCH).collect();
            let counted: Vec<Counted> = batch
                .iter()
                .filter_map(|(file, downloads)| counting::counted(file, self.today, **downloads))
                .collect();
            let files: Vec<String> = batch.into_iter().map(|(file, _)| file.clone()).collect();
            if let Err(error) = self.store.add(&counted) {
                // It may do so later; what is too much until then is lost.
                while self.waiting.len() > MOST {
                    if let Some((_, downloads)) = self.waiting.pop_last() {
                        self.counting.lose(downloads.total());
                    }
                }
                return Err(error);
            }
            for file in files {
                self.waiting.remove(&file);
            }
        }
        // From here on only the end of the whole machine loses them.
        self.store.flush()
    }

    /// Forgets the days that are not kept any more, once a day.
    fn forget(&mut self) {
        let from = Day::of(clock::now()).before(self.keep_days.saturating_sub(1));
        if self.kept_from == Some(from) {
            return;
        }
        match self.store.forget_before(from) {
            Ok(()) => self.kept_from = Some(from),
            Err(error) => self.complain(&error.to_string()),
        }
    }

    fn complain(&mut self, reason: &str) {
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN) {
            tracing::warn!(reason, "what was counted of downloads cannot be stored");
            self.complained = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests;
