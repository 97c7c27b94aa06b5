//! Reading every file of a repository again and comparing it with its record; what can be derived is mended, what cannot
//! is reported, and bytes that are wrong are taken out of the tree if that is asked for.
//!
//! Nothing here is trusted to be still: uploads go on, so whatever is changed is looked at again under the tree's lock.

mod project;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use depot_dist::Limits;
use depot_proto::{
    DistributionFilename, FileRecord, ProjectName, RecordError, RepositoryName, Sha256Digest, layout::Part,
};
use depot_tree::{Bytes, TreeError, hash_each};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    reindex::{self, ReindexError},
    repository::Repository,
};
use crate::{clock, private, service::commit::CommitError, store::records::Change};

/// Files read at the same time: one disk gains little from more, and clients want it too.
const READING: usize = 2;

/// How much of a file's name stands in the names of what is kept of it, in bytes.
const LONGEST_KEPT: usize = 180;

/// How often the keeper is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// The bytes are not there.
    BytesMissing,
    /// The bytes are not what the record says.
    BytesWrong,
    /// The disk would not give the bytes.
    BytesUnreadable,
    /// The record is gone, and the store knows the file.
    RecordMissing,
    /// The record cannot be read.
    RecordUnreadable,
    /// A newer depot wrote the record.
    RecordTooNew,
    /// The record is that of another file.
    RecordOfAnother,
    /// The core metadata is gone or not what the record says.
    MetadataWrong,
    /// Something lies there without a record; it is not served.
    NoRecord,
    /// The file was deleted, and something of it lies there still; it is not served.
    StillThere,
    /// The record of the project itself is gone, and the server knows it.
    ProjectRecordMissing,
    /// The record of the project itself cannot be read.
    ProjectRecordUnreadable,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It is right again.
    Mended,
    /// The bytes were taken out; the file is answered with 503 until the right ones come.
    Quarantined,
    /// It was left as it is.
    Left,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// The repository.
    pub(crate) repository: RepositoryName,
    /// The project.
    pub(crate) project: ProjectName,
    /// The file's name.
    pub(crate) filename: String,
    /// What is wrong.
    pub(crate) fault: Fault,
    /// What became of it.
    pub(crate) outcome: Outcome,
    /// A few words more.
    pub(crate) detail: String,
}

impl Finding {
    /// Whether someone must see to it: what was mended, and what was never visible, needs nobody.
    pub(crate) fn is_damage(&self) -> bool {
        self.outcome != Outcome::Mended && self.fault != Fault::NoRecord
    }
}

/// What a scrub came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scrubbed {
    /// Files that have a record, or had one.
    pub(crate) files: u64,
    /// Bytes that were read.
    pub(crate) bytes: u64,
    /// What is wrong, by project and file.
    pub(crate) findings: Vec<Finding>,
}

/// How to go about it.
pub(crate) struct Options<'a> {
    /// Where records that are replaced, and bytes that are taken out, go.
    pub(crate) quarantine: &'a Path,
    /// Whether bytes that are wrong are taken out.
    pub(crate) takes_out: bool,
    /// The most bytes read in a second.
    pub(crate) rate: Option<u64>,
    /// Who the journal says did it.
    pub(crate) who: &'a str,
    /// Is told how far it is; false ends it.
    pub(crate) tell: &'a (dyn Fn(String) -> bool + Sync),
}

/// Why a scrub ended early. What was mended until then is mended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScrubError {
    /// The tree could not be walked.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The tree is not there.
    #[error(transparent)]
    Reindex(#[from] ReindexError),
    /// What was taken out could not be written down.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Nobody wants to know any more.
    #[error("it was told to stop")]
    Stopped,
}

/// Reads a whole repository. Blocks for as long as that takes.
pub(crate) fn scrub(repository: &Repository, options: &Options<'_>) -> Result<Scrubbed, ScrubError> {
    let mut projects = reindex::projects(&repository.name, &repository.tree, &repository.names)?;
    projects.extend(repository.projects.all().iter().map(|record| record.name.clone()));
    projects.sort_unstable();
    projects.dedup();
    let scrub = Scrub {
        repository,
        options,
        next: Mutex::new(projects.into_iter()),
        findings: Mutex::default(),
        files: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
        began: Instant::now(),
        told: Mutex::new(Instant::now()),
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..READING).map(|_| scope.spawn(|| scrub.run())).collect();
        // A reader that panicked met a mistake of ours: that is no clean bill.
        readers.into_iter().try_for_each(|reader| reader.join().unwrap_or(Err(ScrubError::Stopped)))
    })?;
    let mut findings = scrub.findings.into_inner().unwrap_or_else(PoisonError::into_inner);
    findings.sort_by(|a, b| (&a.project, &a.filename, a.fault).cmp(&(&b.project, &b.filename, b.fault)));
    Ok(Scrubbed { files: scrub.files.into_inner(), bytes: scrub.bytes.into_inner(), findings })
}

struct Scrub<'a> {
    repository: &'a Repository,
    options: &'a Options<'a>,
    next: Mutex<std::vec::IntoIter<ProjectName>>,
    findings: Mutex<Vec<Finding>>,
    files: AtomicU64,
    bytes: AtomicU64,
    stopped: AtomicBool,
    began: Instant,
    told: Mutex<Instant>,
}

/// One file under scrutiny.
struct Subject<'a> {
    project: &'a ProjectName,
    filename: &'a str,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scrub<'_> {
    fn run(&self) -> Result<(), ScrubError> {
        loop {
            let project = lock(&self.next).next();
            let Some(project) = project else { return Ok(()) };
            let done = self.project(&project);
            if done.is_err() {
                self.stopped.store(true, Ordering::Relaxed);
                return done;
            }
        }
    }

    fn project(&self, project: &ProjectName) -> Result<(), ScrubError> {
        // The store first: what it knows was in the tree before.
        let releases = match self.repository.packages.releases(&self.repository.name, project) {
            Ok(releases) => releases,
            Err(error) => {
                tracing::warn!(%project, %error, "the store cannot help to mend this project");
                Vec::new()
            }
        };
        let files = releases.into_iter().flat_map(|release| release.files);
        let known: BTreeMap<String, FileRecord> = files.map(|file| (file.filename.clone(), file)).collect();
        self.project_record(project)?;
        for stray in self.repository.tree.strays(project)? {
            if !known.contains_key(Part::split(&stray).0) {
                let subject = Subject { project, filename: &stray };
                self.report(&subject, Fault::NoRecord, Outcome::Left, "it is not served".to_owned());
            }
        }
        let mut filenames: BTreeSet<String> = self.repository.tree.filenames(project)?.into_iter().collect();
        filenames.extend(known.keys().cloned());
        for filename in &filenames {
            self.file(&Subject { project, filename }, known.get(filename))?;
            self.files.fetch_add(1, Ordering::Relaxed);
            self.go_on()?;
        }
        Ok(())
    }

    fn file(&self, subject: &Subject<'_>, known: Option<&FileRecord>) -> Result<(), ScrubError> {
        let Subject { project, filename } = *subject;
        let record = match self.repository.tree.record(project, filename) {
            Ok(Some(record)) if record.filename != filename => {
                let detail = format!("the record speaks of `{}`", record.filename);
                self.report(subject, Fault::RecordOfAnother, Outcome::Left, detail);
                return Ok(());
            }
            Ok(Some(record)) => record,
            Ok(None) => {
                // It was listed by the store, or else it went while we looked.
                let Some(known) = known.filter(|_| !self.is_deleted(subject)) else { return Ok(()) };
                self.mend_record(subject, known, Fault::RecordMissing, "the record is gone".to_owned())?;
                known.clone()
            }
            Err(TreeError::Record { source: source @ RecordError::TooNew(_), .. }) => {
                self.report(subject, Fault::RecordTooNew, Outcome::Left, source.to_string());
                return Ok(());
            }
            Err(TreeError::Record { source, .. }) => {
                let Some(known) = known else {
                    self.report(subject, Fault::RecordUnreadable, Outcome::Left, source.to_string());
                    return Ok(());
                };
                self.keep_damaged_record(subject)?;
                self.mend_record(subject, known, Fault::RecordUnreadable, source.to_string())?;
                known.clone()
            }
            Err(error) => {
                self.report(subject, Fault::RecordUnreadable, Outcome::Left, error.to_string());
                return Ok(());
            }
        };
        if self.bytes(subject, &record)? {
            self.metadata(subject, &record);
        }
        Ok(())
    }

    /// The store's record of a file is the tree's, as of its last change: it was read from there.
    fn mend_record(
        &self,
        subject: &Subject<'_>,
        known: &FileRecord,
        fault: Fault,
        detail: String,
    ) -> Result<(), ScrubError> {
        self.repository.tree.put_record_back(subject.project, known)?;
        self.report(subject, fault, Outcome::Mended, detail);
        Ok(())
    }

    /// What is about to be replaced may still tell someone something.
    fn keep_damaged_record(&self, subject: &Subject<'_>) -> Result<(), ScrubError> {
        let path = self.repository.tree.path(subject.project, subject.filename, Part::Record);
        let kept = std::fs::read(&path).and_then(|damaged| {
            let kept = self.kept(subject, &format!("json.{}", Sha256Digest::of(&damaged)));
            private::create_folder(kept.parent().unwrap_or(self.options.quarantine))?;
            private::write(&kept, &damaged)
        });
        kept.map_err(|source| TreeError::Io { what: "keep a copy of", path, source }.into())
    }

    /// Whether the bytes are what the record says.
    fn bytes(&self, subject: &Subject<'_>, record: &FileRecord) -> Result<bool, ScrubError> {
        let Subject { project, filename } = *subject;
        // Bytes that someone put there while these were read are judged too; nobody does that without end.
        for _ in 0..3 {
            let opened = match self.repository.tree.open_part(project, filename, Part::Bytes) {
                Ok(Some(opened)) => opened,
                Ok(None) => {
                    let detail = "upload or push it again".to_owned();
                    self.report(subject, Fault::BytesMissing, Outcome::Left, detail);
                    return Ok(false);
                }
                Err(error) => {
                    self.report(subject, Fault::BytesUnreadable, Outcome::Left, error.to_string());
                    return Ok(false);
                }
            };
            let read =
                opened.file.metadata().and_then(|seen| Ok((Bytes::of(&seen), self.hash(&opened.file)?)));
            let (seen, found) = match read {
                Ok(read) => read,
                Err(_) if self.stopped.load(Ordering::Relaxed) => return Err(ScrubError::Stopped),
                Err(error) => {
                    self.report(subject, Fault::BytesUnreadable, Outcome::Left, error.to_string());
                    return Ok(false);
                }
            };
            if found == record.sha256 && opened.size == record.size {
                return Ok(true);
            }
            let detail = format!(
                "sha256 {found}, {} bytes; {} and {} were published",
                opened.size, record.sha256, record.size
            );
            if !self.options.takes_out {
                self.report(subject, Fault::BytesWrong, Outcome::Left, detail);
                return Ok(false);
            }
            if self.take_out(subject, record, &seen, (found, opened.size))? {
                self.report(subject, Fault::BytesWrong, Outcome::Quarantined, detail);
                return Ok(false);
            }
        }
        let detail = "they changed each time they were read".to_owned();
        self.report(subject, Fault::BytesWrong, Outcome::Left, detail);
        Ok(false)
    }

    /// Reads what the disk has, as slowly as asked.
    fn hash(&self, file: &File) -> io::Result<Sha256Digest> {
        // What is in memory is not what is on the disk, and the disk is what rots. Nothing that waits to be written is
        // dropped by this.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
        hash_each(file, &mut |read| {
            let bytes = self.bytes.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
            self.wait_for_turn(bytes);
            self.go_on().map_err(io::Error::other)
        })
    }

    fn wait_for_turn(&self, bytes: u64) {
        let Some(rate) = self.options.rate else { return };
        let due = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        while let Some(ahead) = due.checked_sub(self.began.elapsed()) {
            if ahead.is_zero() || self.go_on().is_err() {
                return;
            }
            std::thread::sleep(ahead.min(Duration::from_millis(200)));
        }
    }

    /// Tells how far it is, now and then; an error if it is to end.
    fn go_on(&self) -> Result<(), ScrubError> {
        {
            let mut told = lock(&self.told);
            if told.elapsed() >= TELL_EVERY {
                *told = Instant::now();
                let (files, bytes) = (self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
                let found = lock(&self.findings).len();
                let words = format!("{files} files, {} MiB read, {found} findings", bytes >> 20);
                if !(self.options.tell)(words) {
                    self.stopped.store(true, Ordering::Relaxed);
                }
            }
        }
        if self.stopped.load(Ordering::Relaxed) { Err(ScrubError::Stopped) } else { Ok(()) }
    }

    /// Takes bytes out of the tree, with a note beside them; false if others took their place. On return nobody is served
    /// them: whoever has them open has them under the serial before.
    fn take_out(
        &self,
        subject: &Subject<'_>,
        record: &FileRecord,
        seen: &Bytes,
        (found, size): (Sha256Digest, u64),
    ) -> Result<bool, ScrubError> {
        let Subject { project, filename } = *subject;
        let to = self.kept(subject, &found.to_string());
        let note = json!({
            "schema": "depot.quarantined/1",
            "repository": self.repository.name,
            "project": project,
            "filename": filename,
            "expected": { "sha256": record.sha256, "size": record.size },
            "found": { "sha256": found, "size": size },
            "time": clock::now(),
        });
        let at = self.kept(subject, &format!("{found}.json"));
        let noted = private::create_folder(at.parent().unwrap_or(self.options.quarantine))
            .and_then(|()| private::write(&at, format!("{note:#}\n").as_bytes()));
        noted.map_err(|source| TreeError::Io { what: "write", path: at.clone(), source })?;
        if !self.repository.tree.take_out(project, filename, Part::Bytes, seen, &to)? {
            let _ = std::fs::remove_file(&at);
            return Ok(false);
        }
        tracing::error!(%project, filename, %found, "the bytes of a file are wrong and are taken out");
        let repository = self.repository;
        let change = Change::Quarantine {
            repository: repository.name.clone(),
            project: project.clone(),
            filename: filename.to_owned(),
            sha256: found,
        };
        reindex::reread(repository, project, change, self.options.who)?;
        Ok(true)
    }

    /// The sidecar can always be derived from right bytes.
    fn metadata(&self, subject: &Subject<'_>, record: &FileRecord) {
        let Subject { project, filename } = *subject;
        let Some(expected) = record.core_metadata else { return };
        let tree = &self.repository.tree;
        let detail = match tree.metadata(project, filename) {
            Ok(Some(metadata)) if Sha256Digest::of(&metadata) == expected => return,
            Ok(Some(_)) => "it is not what was published".to_owned(),
            Ok(None) => "it is gone".to_owned(),
            Err(error) => error.to_string(),
        };
        match self.derive_metadata(subject, expected) {
            Ok(()) => self.report(subject, Fault::MetadataWrong, Outcome::Mended, detail),
            Err(why) => {
                let detail = format!("{detail}, and cannot be derived: {why}");
                self.report(subject, Fault::MetadataWrong, Outcome::Left, detail);
            }
        }
    }

    fn derive_metadata(&self, subject: &Subject<'_>, expected: Sha256Digest) -> Result<(), String> {
        let Subject { project, filename } = *subject;
        let tree = &self.repository.tree;
        let named = DistributionFilename::parse(filename, project).map_err(|error| error.to_string())?;
        let bytes = tree.open_part(project, filename, Part::Bytes).map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or("its wheel is gone")?;
        let contents = depot_dist::read(bytes.file, &named, &Limits::default()).map_err(|e| e.to_string())?;
        if Sha256Digest::of(&contents.raw_metadata) != expected {
            return Err("that of the wheel is another".to_owned());
        }
        tree.write_metadata(project, filename, &contents.raw_metadata).map_err(|error| error.to_string())
    }

    /// Where something of a file is kept outside the tree.
    fn kept(&self, subject: &Subject<'_>, what: &str) -> PathBuf {
        let folder = self.options.quarantine.join(self.repository.name.as_str());
        // With what follows it must fit the 255 bytes of common file systems; the note has the whole name.
        let cut = subject.filename.floor_char_boundary(LONGEST_KEPT);
        folder.join(subject.project.as_str()).join(format!("{}.{what}", &subject.filename[..cut]))
    }

    fn report(&self, subject: &Subject<'_>, fault: Fault, outcome: Outcome, detail: String) {
        // What was deleted while it was looked at is not missed.
        if fault != Fault::StillThere && self.is_deleted(subject) {
            return;
        }
        let finding = Finding {
            repository: self.repository.name.clone(),
            project: subject.project.clone(),
            filename: subject.filename.to_owned(),
            fault,
            outcome,
            detail,
        };
        lock(&self.findings).push(finding);
    }
}
