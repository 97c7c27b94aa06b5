//! Reading releases from the tree, which is the truth, into the store, which is its index.

use std::{collections::BTreeMap, sync::Arc};

use depot_dist::Limits;
use depot_proto::{
    DistributionFilename, DistributionKind, FileRecord, ProjectName, RepositoryName, Sha256Digest,
    VersionKey, layout::Part,
};
use depot_tree::{Tree, TreeError};

use super::repository::Repository;
use crate::{
    clock,
    service::{commit::CommitError, names::Names},
    store::{
        Packages, StoreError,
        records::{Change, Entry, ReleaseRecord, Serial},
    },
};

/// Why a repository could not be read again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReindexError {
    /// The tree could not be walked.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The tree holds nothing.
    #[error("the tree is empty, but {known} projects are known from it: is its disk there?")]
    EmptyTree {
        /// How many.
        known: usize,
    },
    /// The store could not take what was read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a project's releases. A file whose record cannot be read is passed over with a warning; it stays in the tree. One
/// that was deleted is passed over even if it is still there. What the disk would not tell is not taken for absent: that is
/// an error.
pub(crate) fn read_project(tree: &Tree, project: &ProjectName) -> Result<Vec<ReleaseRecord>, TreeError> {
    let mut releases: BTreeMap<VersionKey, ReleaseRecord> = BTreeMap::new();
    let record = match tree.project(project) {
        // Said at every start, and by a scrub.
        Err(TreeError::Project { .. }) => None,
        record => record?,
    };
    let is_deleted =
        |filename: &String| record.as_ref().is_some_and(|record| record.tombstone(filename).is_some());
    for filename in tree.filenames(project)?.into_iter().filter(|filename| !is_deleted(filename)) {
        match read_file(tree, project, &filename) {
            Ok((named, file)) => {
                let version = named.version();
                let empty = || ReleaseRecord { version: version.to_string(), serial: 0, files: Vec::new() };
                releases.entry(version.key()).or_insert_with(empty).files.push(file);
            }
            Err(Skipped::Damaged(reason)) => {
                tracing::warn!(%project, filename, reason, "a file of the tree is passed over");
            }
            Err(Skipped::Unreadable(error)) => return Err(error),
        }
    }
    Ok(releases.into_values().collect())
}

/// Why a file is not among a project's files.
enum Skipped {
    /// It is not what its record says, or its record says nothing.
    Damaged(String),
    /// The disk would not tell.
    Unreadable(TreeError),
}

impl From<TreeError> for Skipped {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Record { .. } => Self::Damaged(error.to_string()),
            TreeError::Full { .. }
            | TreeError::Distrusted { .. }
            | TreeError::Io { .. }
            | TreeError::Project { .. } => Self::Unreadable(error),
        }
    }
}

fn read_file(
    tree: &Tree,
    project: &ProjectName,
    filename: &str,
) -> Result<(DistributionFilename, FileRecord), Skipped> {
    let damaged = |reason: &str| Skipped::Damaged(reason.to_owned());
    let named = DistributionFilename::parse(filename, project);
    let named = named.map_err(|error| Skipped::Damaged(error.to_string()))?;
    let mut record = tree.record(project, filename)?.ok_or_else(|| damaged("its record is gone"))?;
    if record.filename != filename {
        return Err(Skipped::Damaged(format!("its record speaks of `{}`", record.filename)));
    }
    // It stays on its page: without it, installers would silently choose another version of it.
    if !tree.has_bytes(project, filename, record.size) {
        tracing::error!(%project, filename, "the bytes of a file are gone or cut short; it cannot be served");
        return Ok((named, record));
    }
    if named.kind() == DistributionKind::Wheel && record.core_metadata.is_none() {
        complete(tree, &named, &mut record);
    }
    Ok((named, record))
}

/// Gives a wheel that was saved by other means its core metadata, where it can be had.
fn complete(tree: &Tree, named: &DistributionFilename, record: &mut FileRecord) {
    let project = named.project();
    let Ok(Some(bytes)) = tree.open_part(project, named.as_str(), Part::Bytes) else { return };
    let Ok(contents) = depot_dist::read(bytes.file, named, &Limits::default()) else { return };
    let add = |record: &mut FileRecord| {
        record.core_metadata = Some(Sha256Digest::of(&contents.raw_metadata));
        let requires_python = contents.metadata.requires_python.clone();
        record.facts.requires_python = requires_python.or_else(|| record.facts.requires_python.take());
        true
    };
    let written = tree
        .write_metadata(project, named.as_str(), &contents.raw_metadata)
        .and_then(|()| tree.change_record(project, named.as_str(), add));
    match written {
        Ok(Some(changed)) => record.clone_from(&changed.record),
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%project, filename = named.as_str(), %error, "core metadata could not be stored");
        }
    }
}

/// The projects that a tree holds or that were known from it. A tree that holds nothing although much is known is not
/// taken at its word: its disk may not be there.
pub(crate) fn projects(
    repository: &RepositoryName,
    tree: &Tree,
    names: &Names,
) -> Result<Vec<ProjectName>, ReindexError> {
    let mut projects = tree.projects()?;
    let known = names.list(repository);
    if projects.is_empty() && !known.is_empty() {
        return Err(ReindexError::EmptyTree { known: known.len() });
    }
    projects.extend(known);
    projects.sort_unstable();
    projects.dedup();
    Ok(projects)
}

/// Commits a change of a project that is read again from its tree, in turn with all others. Its serial moves on, so
/// nothing that is rendered or open of it is found any more.
pub(crate) fn reread(
    repository: &Repository,
    project: &ProjectName,
    change: Change,
    who: &str,
) -> Result<(), CommitError> {
    let entry = Entry { time: clock::now(), who: who.to_owned(), change };
    let (tree, of) = (Arc::clone(&repository.tree), project.clone());
    let read = Box::new(move || read_project(&tree, &of).map_err(|error| error.to_string()));
    repository.committer.project(entry, &repository.name, project, read)?;
    Ok(())
}

/// Whether two lists of releases hold the same files, whatever their order and the numbers of their changes.
pub(crate) fn are_alike(one: &[ReleaseRecord], two: &[ReleaseRecord]) -> bool {
    fn files(releases: &[ReleaseRecord]) -> BTreeMap<&str, &FileRecord> {
        releases
            .iter()
            .flat_map(|release| &release.files)
            .map(|file| (file.filename.as_str(), file))
            .collect()
    }
    files(one) == files(two)
}

/// Reads a whole repository into the store; the numbers of projects and files.
pub(crate) fn rebuild(
    repository: &RepositoryName,
    tree: &Tree,
    packages: &dyn Packages,
    names: &Names,
    serial: Serial,
) -> Result<(usize, usize), ReindexError> {
    let (mut kept, mut files) = (0, 0);
    for project in projects(repository, tree, names)? {
        let releases = read_project(tree, &project)?;
        kept += usize::from(!releases.is_empty());
        files += releases.iter().map(|release| release.files.len()).sum::<usize>();
        packages.replace_project(repository, &project, &releases, serial)?;
        names.set(repository, &project, serial, !releases.is_empty());
    }
    Ok((kept, files))
}
