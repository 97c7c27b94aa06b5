//! Every byte of a tree against its records, read from the disk: nothing that was remembered counts.

use std::{
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use depot_proto::{DistributionFilename, DistributionKind, ProjectName, layout::Part};
use depot_tree::{Finding, Tree, Verified};

use crate::{
    output::{Printer, explain},
    progress::Progress,
};

/// What is wrong with one file of the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wrong {
    /// None for what lies in no project's folder.
    pub(super) project: Option<ProjectName>,
    /// Its name in the folder of the project, or among these folders.
    pub(super) filename: String,
    pub(super) what: Fault,
    pub(super) reason: String,
}

/// Which part of a file is wrong, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    BytesMissing,
    BytesDiffer,
    MetadataMissing,
    MetadataDiffers,
    /// The record cannot be read, or is that of something else.
    Record,
    /// It lies there without a record.
    NoRecord,
    /// It could not be read.
    Unreadable,
}

impl Fault {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::BytesMissing => "bytes-missing",
            Self::BytesDiffer => "bytes-differ",
            Self::MetadataMissing => "metadata-missing",
            Self::MetadataDiffers => "metadata-differs",
            Self::Record => "record",
            Self::NoRecord => "no-record",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What the tree holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) wrong: Vec<Wrong>,
}

/// Reads everything, so many files at once, a quarter of a mebibyte of each in memory. It blocks.
pub(super) fn check(tree: &Arc<Tree>, jobs: NonZeroUsize, printer: &Printer) -> anyhow::Result<Stored> {
    let mut files: Vec<(ProjectName, String)> = Vec::new();
    let mut strays: Vec<(ProjectName, String)> = Vec::new();
    for project in tree.projects()? {
        files.extend(tree.filenames(&project)?.into_iter().map(|name| (project.clone(), name)));
        strays.extend(tree.strays(&project)?.into_iter().map(|name| (project.clone(), name)));
    }
    let progress = Progress::start(printer, files.len());
    let (next, stored) = (AtomicUsize::new(0), Mutex::new(Stored::default()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.get().min(files.len()) {
            scope.spawn(|| {
                while let Some((project, filename)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    progress.begin(filename);
                    let (size, wrong) = check_file(tree, project, filename);
                    let mut stored = stored.lock().unwrap_or_else(PoisonError::into_inner);
                    stored.bytes += size;
                    stored.wrong.extend(wrong);
                    progress.step();
                }
            });
        }
    });
    progress.finish();
    let mut stored = stored.into_inner().unwrap_or_else(PoisonError::into_inner);
    stored.files = files.len();
    // Another run may have been between the bytes and the record of a file when the folder was listed.
    let is_there = |stray: &str, project: &ProjectName| {
        let (filename, part) = Part::split(stray);
        tree.path(project, filename, part).exists() && !tree.path(project, filename, Part::Record).exists()
    };
    for (project, stray) in strays.into_iter().filter(|(project, stray)| is_there(stray, project)) {
        let reason =
            "it lies there without a record, so it is not used: save it again, or remove it".to_owned();
        let project = Some(project);
        stored.wrong.push(Wrong { project, filename: stray, what: Fault::NoRecord, reason });
    }
    for filename in tree.outside_projects()? {
        let reason = "it lies where the folders of projects do and is none, so nothing of it is used: save what it has, \
                      or remove it";
        let (what, reason) = (Fault::NoRecord, reason.to_owned());
        stored.wrong.push(Wrong { project: None, filename, what, reason });
    }
    stored.wrong.sort();
    forget(tree.root(), &stored.wrong);
    Ok(stored)
}

/// A save believes what it found right before as long as it looks the same, and rotten bits look the same. A tree that
/// cannot be written to is not saved into either.
fn forget(root: &Path, wrong: &[Wrong]) {
    let mut differing = wrong.iter().filter(|one| one.what == Fault::BytesDiffer).peekable();
    if differing.peek().is_none() {
        return;
    }
    let Ok((tree, recovered)) = Tree::open(root) else { return };
    // What a run that was cut off left is finished as by the next save.
    let _ = tree.settle(&recovered);
    let mut verified = Verified::load(&tree);
    for one in differing {
        if let Some(project) = &one.project {
            verified.forget(project, &one.filename);
        }
    }
    let _ = verified.store();
}

/// The size of a file, and what is wrong with it.
fn check_file(tree: &Tree, project: &ProjectName, filename: &str) -> (u64, Vec<Wrong>) {
    let wrong = |what, reason: String| Wrong {
        project: Some(project.clone()),
        filename: filename.to_owned(),
        what,
        reason,
    };
    let name = match DistributionFilename::parse(filename, project) {
        Ok(name) => name,
        Err(error) => return (0, vec![wrong(Fault::Record, error.to_string())]),
    };
    let record = match tree.record(project, filename) {
        Ok(Some(record)) => record,
        Ok(None) => return (0, Vec::new()),
        Err(error @ depot_tree::TreeError::Record { .. }) => {
            return (0, vec![wrong(Fault::Record, format!("{}: save it again", explain(&error.into())))]);
        }
        Err(error) => return (0, vec![wrong(Fault::Unreadable, explain(&error.into()))]),
    };
    let mut found = Vec::new();
    if record.filename != filename {
        let reason = format!("its record is that of `{}`", record.filename);
        found.push(wrong(Fault::Record, reason));
    }
    match tree.verify(project, filename) {
        Ok(Finding::Right | Finding::Absent) => {}
        Ok(Finding::BytesMissing) => {
            let reason = "it has a record and no bytes: save it again".to_owned();
            found.push(wrong(Fault::BytesMissing, reason));
        }
        Ok(Finding::WrongSize { expected, actual }) => {
            let reason = format!("it has {actual} bytes, and its record says {expected}: save it again");
            found.push(wrong(Fault::BytesDiffer, reason));
        }
        Ok(Finding::WrongHash { expected, actual }) => {
            let reason = format!("its sha256 is {actual}, and its record says {expected}: save it again");
            found.push(wrong(Fault::BytesDiffer, reason));
        }
        Err(error) => found.push(wrong(Fault::Unreadable, explain(&error.into()))),
    }
    // Metadata beside a wheel; an index may promise that of an sdist too, which nobody keeps.
    if name.kind() == DistributionKind::Wheel {
        match tree.verify_metadata(project, filename) {
            Ok(Finding::BytesMissing) => {
                let reason = "the metadata beside it is gone: save it again".to_owned();
                found.push(wrong(Fault::MetadataMissing, reason));
            }
            Ok(Finding::WrongHash { expected, actual }) => {
                let reason = format!(
                    "the metadata beside it has the sha256 {actual}, and its record says {expected}: save it again"
                );
                found.push(wrong(Fault::MetadataDiffers, reason));
            }
            Ok(_) => {}
            Err(error) => found.push(wrong(Fault::Unreadable, explain(&error.into()))),
        }
    }
    (record.size, found)
}
