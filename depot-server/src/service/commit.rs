//! The one writer: takes changes from all requests, writes them to the journal and the store in groups, and tells who
//! waits.
//!
//! A change is acknowledged when its journal line is synced. The store follows in the same group, but is not waited
//! for to reach the disk: it notes the last serial it holds, and what it lost is caught up from the journal and the
//! tree at the next start.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread::JoinHandle,
};

use depot_proto::{FileRecord, ProjectName, RepositoryName};

use super::names::Names;
use crate::store::{
    Packages, Put, StoreError,
    journal::{Journal, Position},
    records::{Entry, FileChange, ReleaseRecord, Serial},
};

/// From how many changes on a group is not added to; more wait for the next, so that none waits long.
const GROUP: usize = 512;

/// What failed, to who asks later.
const WHAT: &str = "journal or the store";

/// Why a change was not committed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// The journal or the store could not take it.
    #[error("{0}")]
    Store(Arc<StoreError>),
    /// What was to be committed could not be read.
    #[error("{0}")]
    Unreadable(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// What a change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    /// Its number.
    pub(crate) serial: Serial,
    /// What became of the file, where it was about one.
    pub(crate) put: Option<Put>,
}

/// Reads the releases of a project as its tree has them when its turn comes, or says why it cannot.
pub(crate) type ReadReleases = Box<dyn FnOnce() -> Result<Vec<ReleaseRecord>, String> + Send>;

/// Reads a file's record as its tree has it when its turn comes: of several changes of one file the last to be applied
/// is then never an older one.
pub(crate) type ReadRecord = Box<dyn FnOnce() -> Option<FileRecord> + Send>;

enum Effect {
    /// Only the journal is concerned.
    Note,
    /// A file's record; its serial is filled in, and the record is read.
    File(Box<FileChange>, ReadRecord),
    /// A project is read again.
    Project(RepositoryName, ProjectName, ReadReleases),
}

struct Work {
    entry: Entry,
    effect: Effect,
    done: SyncSender<Result<Committed, CommitError>>,
}

/// Changes that are in one group: all of them are in the journal and the store at once, or none.
type Together = Vec<Work>;

/// The handle to the writer.
pub(crate) struct Committer {
    sender: Mutex<Option<Sender<Together>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    well: Arc<AtomicBool>,
    position: Arc<Mutex<Position>>,
    published: Arc<AtomicU64>,
}

impl Committer {
    /// Starts the writer.
    pub(crate) fn start(
        journal: Journal,
        packages: Arc<dyn Packages>,
        names: Arc<Names>,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let well = Arc::new(AtomicBool::new(true));
        let position = journal.position();
        let published = Arc::new(AtomicU64::new(0));
        let mut writer =
            Writer { journal, packages, names, well: Arc::clone(&well), published: Arc::clone(&published) };
        let thread =
            std::thread::Builder::new().name("commit".to_owned()).spawn(move || writer.run(&receiver))?;
        let (sender, thread) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { sender, thread, well, position, published })
    }

    /// Commits a file's record. Blocks until the group it is in is on disk.
    pub(crate) fn file(
        &self,
        entry: Entry,
        change: FileChange,
        read: ReadRecord,
    ) -> Result<Committed, CommitError> {
        self.commit(entry, Effect::File(Box::new(change), read))
    }

    /// Commits records of files that belong to one release: readers of the store see all or none. Blocks until they are on
    /// disk.
    pub(crate) fn files(
        &self,
        files: Vec<(Entry, FileChange, ReadRecord)>,
    ) -> Result<Vec<Committed>, CommitError> {
        let changes = files.into_iter();
        self.commit_all(changes.map(|(entry, change, read)| (entry, Effect::File(Box::new(change), read))))
    }

    /// Reads a project again, in turn with all other changes.
    pub(crate) fn project(
        &self,
        entry: Entry,
        repository: &RepositoryName,
        project: &ProjectName,
        read: ReadReleases,
    ) -> Result<Committed, CommitError> {
        self.commit(entry, Effect::Project(repository.clone(), project.clone(), read))
    }

    /// Writes a line to the journal.
    pub(crate) fn note(&self, entry: Entry) -> Result<Committed, CommitError> {
        self.commit(entry, Effect::Note)
    }

    fn commit(&self, entry: Entry, effect: Effect) -> Result<Committed, CommitError> {
        self.commit_all([(entry, effect)])?.pop().ok_or(CommitError::Stopping)
    }

    fn commit_all(
        &self,
        changes: impl IntoIterator<Item = (Entry, Effect)>,
    ) -> Result<Vec<Committed>, CommitError> {
        let (mut works, mut waiting) = (Vec::new(), Vec::new());
        for (entry, effect) in changes {
            let (done, wait) = sync_channel(1);
            works.push(Work { entry, effect, done });
            waiting.push(wait);
        }
        if works.is_empty() {
            return Ok(Vec::new());
        }
        {
            let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
            let sender = sender.as_ref().ok_or(CommitError::Stopping)?;
            sender.send(works).map_err(|_| CommitError::Stopping)?;
        }
        waiting.into_iter().map(|wait| wait.recv().unwrap_or(Err(CommitError::Stopping))).collect()
    }

    /// Whether changes can be taken; an error after a failure that only a new start can mend.
    pub(crate) fn check_well(&self) -> Result<(), CommitError> {
        if self.well.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(CommitError::Store(Arc::new(StoreError::Failed(WHAT))))
    }

    /// How far the journal goes: everything that was acknowledged is before that.
    pub(crate) fn position(&self) -> Position {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many files became visible since the start.
    pub(crate) fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Takes no more changes and waits until those taken are written.
    pub(crate) fn stop(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic of the writer was logged when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Writer {
    journal: Journal,
    packages: Arc<dyn Packages>,
    names: Arc<Names>,
    /// Cleared by a failure after which journal and store may disagree: what is in the journal is brought into the
    /// store by the next start, and until then nothing may be put on top of the gap.
    well: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
}

/// What became of each change of a group.
type Outcomes = Vec<Result<Option<Put>, CommitError>>;

impl Writer {
    fn run(&mut self, receiver: &Receiver<Together>) {
        while let Ok(mut group) = receiver.recv() {
            while group.len() < GROUP
                && let Ok(more) = receiver.try_recv()
            {
                group.extend(more);
            }
            self.write(group);
        }
    }

    fn write(&mut self, mut group: Vec<Work>) {
        let first = self.journal.head() + 1;
        match self.try_write(first, &mut group) {
            Ok(outcomes) => {
                for ((work, outcome), serial) in group.into_iter().zip(outcomes).zip(first..) {
                    // Whoever waited may have gone; the change stands.
                    let _ = work.done.send(outcome.map(|put| Committed { serial, put }));
                }
            }
            Err(error) => {
                tracing::error!(%error, changes = group.len(), "changes could not be committed");
                let error = Arc::new(error);
                for work in group {
                    let _ = work.done.send(Err(CommitError::Store(Arc::clone(&error))));
                }
            }
        }
    }

    fn try_write(&mut self, first: Serial, group: &mut [Work]) -> Result<Outcomes, StoreError> {
        if !self.well.load(Ordering::Relaxed) {
            return Err(StoreError::Failed(WHAT));
        }
        if let Err(error) = self.journal.append(group.iter().map(|work| &work.entry)) {
            self.well.store(self.journal.is_well(), Ordering::Relaxed);
            return Err(error);
        }
        // sled panics on damage that it meets.
        let applied = catch_unwind(AssertUnwindSafe(|| self.apply(first, group)));
        let applied = applied.unwrap_or_else(|_| Err(StoreError::Damaged("it panicked".to_owned())));
        if applied.is_err() {
            self.well.store(false, Ordering::Relaxed);
        }
        applied
    }

    /// Brings a group that is in the journal into the store and the names.
    fn apply(&self, first: Serial, group: &mut [Work]) -> Result<Outcomes, StoreError> {
        let mut outcomes: Outcomes = group.iter().map(|_| Ok(None)).collect();
        let mut files = Vec::new();
        let mut at = Vec::new();
        for (index, work) in group.iter_mut().enumerate() {
            let serial = first + index as Serial;
            match std::mem::replace(&mut work.effect, Effect::Note) {
                Effect::Note => {}
                Effect::File(mut change, read) => {
                    change.serial = serial;
                    change.file = read().unwrap_or(change.file);
                    files.push(*change);
                    at.push(index);
                }
                Effect::Project(repository, project, read) => {
                    // What came before it in the group must be in the store before it is read over.
                    self.put(&mut files, &mut at, &mut outcomes)?;
                    match read() {
                        Ok(releases) => {
                            self.packages.replace_project(&repository, &project, &releases, serial)?;
                            self.names.set(&repository, &project, serial, !releases.is_empty());
                        }
                        // What is known stays as it is.
                        Err(reason) => outcomes[index] = Err(CommitError::Unreadable(reason)),
                    }
                }
            }
        }
        self.put(&mut files, &mut at, &mut outcomes)?;
        self.packages.set_applied(first + group.len() as Serial - 1)?;
        Ok(outcomes)
    }

    fn put(
        &self,
        files: &mut Vec<FileChange>,
        at: &mut Vec<usize>,
        outcomes: &mut Outcomes,
    ) -> Result<(), StoreError> {
        if files.is_empty() {
            return Ok(());
        }
        let puts = self.packages.put_files(files)?;
        for ((change, index), put) in files.drain(..).zip(at.drain(..)).zip(puts) {
            outcomes[index] = Ok(Some(put));
            self.published.fetch_add(u64::from(put == Put::Created), Ordering::Relaxed);
            self.names.note(&change.repository, &change.project, change.serial);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
