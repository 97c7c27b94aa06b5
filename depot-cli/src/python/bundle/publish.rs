//! The second reading of a bundle: what was found right in the first one is published, several files at once.

use std::{
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use depot_proto::{FileRecord, ProjectName, ProjectRecord, Timestamp, layout::Part};
use depot_tree::{Incoming, Published, Tree};

use super::{
    Stop,
    keys::PublicKey,
    manifest::{Blob, Place},
    projects,
    set::Set,
    walk::{Carried, Take, walk},
};

/// A file to be published.
pub(super) struct Job {
    pub(super) carried: Carried,
    /// Its bytes; none where they are not carried or not wanted.
    pub(super) incoming: Option<Incoming>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its bytes were taken.
    Imported,
    /// It was there; what is told of it was news.
    Updated,
    /// It was there.
    Present,
    /// Only what is told of it was carried, and the file itself was removed here since the bundle that brought it.
    Gone,
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Updated => "updated",
            Self::Present => "present",
            Self::Gone => "gone",
        }
    }
}

/// A file, and what became of it.
pub(super) struct Done {
    pub(super) project: ProjectName,
    pub(super) record: FileRecord,
    pub(super) outcome: anyhow::Result<Outcome>,
}

/// Where what is carried goes.
pub(super) trait Destination: Sync {
    /// The tree whose `tmp/` takes the bytes.
    fn tree(&self) -> &Tree;
    /// Whether the bytes of a file are wanted.
    fn wants(&self, project: &ProjectName, filename: &str, blob: &Blob) -> bool;
    /// Publishes a file.
    fn publish(&self, job: Job) -> anyhow::Result<Outcome>;
    /// Takes what is said of a project itself; true if it was news.
    fn take_project(&self, record: &ProjectRecord) -> anyhow::Result<bool>;
}

/// Goes through the bundle again, and publishes what is in it. `each` is told what became of each file; if it says so, no
/// more is done. It answers of how many projects themselves something was news.
pub(super) fn publish_all(
    set: &Set,
    trusted: &[PublicKey],
    stop: &Stop,
    jobs: usize,
    to: &dyn Destination,
    each: &mut dyn FnMut(Done) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(jobs);
        let (done, results) = channel();
        let receiver = std::sync::Arc::new(Mutex::new(receiver));
        for _ in 0..jobs {
            let (receiver, done) = (std::sync::Arc::clone(&receiver), done.clone());
            scope.spawn(move || work(&receiver, &done, to));
        }
        drop(done);
        let mut feeder = Feeder { to, sender, incoming: None, results, projects: 0, each };
        let walked =
            set.heads.iter().try_for_each(|head| walk(head, &set.receipt, trusted, stop, &mut feeder));
        // The workers end when nothing more can come, and the results when the workers did.
        let Feeder { sender, results, projects, each, .. } = feeder;
        drop(sender);
        let rest = results.iter().try_for_each(each);
        walked.and(rest).map(|()| projects)
    })
}

fn work(receiver: &Mutex<Receiver<Job>>, done: &Sender<Done>, to: &dyn Destination) {
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        let (project, record) = (job.carried.project.clone(), job.carried.record.clone());
        if done.send(Done { project, record, outcome: to.publish(job) }).is_err() {
            return;
        }
    }
}

/// Takes what is read and gives it to the workers.
struct Feeder<'a> {
    to: &'a dyn Destination,
    sender: SyncSender<Job>,
    incoming: Option<Incoming>,
    results: Receiver<Done>,
    projects: usize,
    each: &'a mut dyn FnMut(Done) -> anyhow::Result<()>,
}

impl Take for Feeder<'_> {
    fn begin(&mut self, project: &ProjectName, filename: &str, blob: &Blob) -> anyhow::Result<()> {
        let is_wanted = self.to.wants(project, filename, blob);
        self.incoming = is_wanted.then(|| self.to.tree().begin(project)).transpose()?;
        Ok(())
    }

    fn chunk(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.incoming.as_mut().map_or(Ok(()), |incoming| incoming.write(bytes))?)
    }

    fn file(&mut self, carried: Carried) -> anyhow::Result<()> {
        let job = Job { carried, incoming: self.incoming.take() };
        anyhow::ensure!(self.sender.send(job).is_ok(), "the threads that publish ended");
        while let Ok(done) = self.results.try_recv() {
            (self.each)(done)?;
        }
        Ok(())
    }

    fn project(&mut self, record: &ProjectRecord) -> anyhow::Result<()> {
        self.projects += usize::from(self.to.take_project(record)?);
        Ok(())
    }
}

/// A tree as a destination.
pub(super) struct IntoTree {
    pub(super) tree: Tree,
    pub(super) now: Timestamp,
    /// Whether what is told of files that are there is taken: not from a bundle that a newer one came after.
    pub(super) takes_facts: bool,
}

impl Destination for IntoTree {
    fn tree(&self) -> &Tree {
        &self.tree
    }

    fn wants(&self, project: &ProjectName, filename: &str, blob: &Blob) -> bool {
        let known = self.tree.record(project, filename).ok().flatten();
        let is_there = known.is_some_and(|known| known.sha256 == blob.sha256);
        !(is_there && self.tree.has_bytes(project, filename, blob.size))
    }

    fn publish(&self, job: Job) -> anyhow::Result<Outcome> {
        let Job { carried, incoming } = job;
        let Carried { project, mut record, metadata, provenance, .. } = carried;
        record.facts_digest = Some(record.facts.digest());
        record.first_seen = Some(self.now);
        let filename = record.filename.clone();
        let mut is_imported = false;
        if let Some(incoming) = incoming {
            let sealed = incoming.seal()?;
            match self.tree.publish(&sealed, &record, metadata.as_deref())? {
                Published::Created => {}
                // It was wanted although it has a record: its bytes were lost.
                Published::Same(_) => self.tree.repair(&sealed, &filename)?,
                Published::Conflict(known) => anyhow::bail!(
                    "the tree has `{}` with other bytes (sha256 {}), which are kept",
                    known.filename,
                    known.sha256
                ),
            }
            is_imported = true;
        }
        let Some(known) = self.tree.record(&project, &filename)? else { return Ok(Outcome::Gone) };
        if let Some(provenance) = provenance {
            let path = Place::part(&project, &filename, Part::Provenance).to_string();
            if self.tree.document(&path)?.as_ref() != Some(&provenance) {
                self.tree.put_provenance(&project, &filename, &provenance)?;
            }
        }
        if let Some(metadata) = metadata
            && (known.core_metadata.is_none() || known.core_metadata == record.core_metadata)
            && self.tree.metadata(&project, &filename)?.as_ref() != Some(&metadata)
        {
            self.tree.write_metadata(&project, &filename, &metadata)?;
        }
        let takes_facts = self.takes_facts;
        let changed = self.tree.change_record(&project, &filename, |known| {
            let gets_metadata = known.core_metadata.is_none() && record.core_metadata.is_some();
            known.core_metadata = known.core_metadata.or(record.core_metadata);
            let is_news = takes_facts && known.take_facts(&record.facts, record.facts_digest);
            is_news || gets_metadata
        })?;
        let is_news = changed.is_some_and(|changed| changed.is_news());
        Ok(match (is_imported, is_news) {
            (true, _) => Outcome::Imported,
            (false, true) => Outcome::Updated,
            (false, false) => Outcome::Present,
        })
    }

    fn take_project(&self, record: &ProjectRecord) -> anyhow::Result<bool> {
        if self.takes_facts { projects::take(&self.tree, record) } else { Ok(false) }
    }
}
