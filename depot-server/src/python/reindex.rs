//! Reading releases from the tree, which is the truth, into the store, which is its index.

use std::collections::BTreeMap;

use depot_dist::Limits;
use depot_proto::{
    DistributionFilename, DistributionKind, FileRecord, ProjectName, RepositoryName, Sha256Digest,
    VersionKey, layout::Part,
};
use depot_tree::{Tree, TreeError};

use crate::{
    service::names::Names,
    store::{
        Packages, StoreError,
        records::{ReleaseRecord, Serial},
    },
};

/// Why a repository could not be read again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReindexError {
    /// The tree could not be walked.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The store could not take what was read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a project's releases. A file that cannot be served, because its record or its bytes are damaged, is passed
/// over with a warning; it stays in the tree.
pub(crate) fn read_project(tree: &Tree, project: &ProjectName) -> Vec<ReleaseRecord> {
    let filenames = match tree.filenames(project) {
        Ok(filenames) => filenames,
        Err(error) => {
            tracing::error!(%project, %error, "a project cannot be listed");
            return Vec::new();
        }
    };
    let mut releases: BTreeMap<VersionKey, ReleaseRecord> = BTreeMap::new();
    for filename in filenames {
        match read_file(tree, project, &filename) {
            Ok((named, file)) => {
                let version = named.version();
                let empty = || ReleaseRecord { version: version.to_string(), serial: 0, files: Vec::new() };
                releases.entry(version.key()).or_insert_with(empty).files.push(file);
            }
            Err(reason) => tracing::warn!(%project, filename, reason, "a file of the tree is passed over"),
        }
    }
    releases.into_values().collect()
}

fn read_file(
    tree: &Tree,
    project: &ProjectName,
    filename: &str,
) -> Result<(DistributionFilename, FileRecord), String> {
    let named = DistributionFilename::parse(filename, project).map_err(|error| error.to_string())?;
    let record = tree.record(project, filename).map_err(|error| error.to_string())?;
    let mut record = record.ok_or("its record is gone")?;
    if record.filename != filename {
        return Err(format!("its record speaks of `{}`", record.filename));
    }
    let bytes = tree.open_part(project, filename, Part::Bytes).map_err(|error| error.to_string())?;
    let size = bytes.map(|bytes| bytes.size).ok_or("its bytes are gone")?;
    if size != record.size {
        return Err(format!("its bytes are {size} and not {} long", record.size));
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
    record.core_metadata = Some(Sha256Digest::of(&contents.raw_metadata));
    let facts = &mut record.facts;
    facts.requires_python = facts.requires_python.take().or(contents.metadata.requires_python);
    let written = tree
        .write_metadata(project, named.as_str(), &contents.raw_metadata)
        .and_then(|()| tree.replace_record(project, record));
    if let Err(error) = written {
        tracing::warn!(%project, filename = named.as_str(), %error, "core metadata could not be stored");
        record.core_metadata = None;
    }
}

/// Reads a whole repository into the store; the numbers of projects and files.
pub(crate) fn rebuild(
    repository: &RepositoryName,
    tree: &Tree,
    packages: &dyn Packages,
    names: &Names,
    serial: Serial,
) -> Result<(usize, usize), ReindexError> {
    let (mut projects, mut files) = (0, 0);
    for project in tree.projects()? {
        let releases = read_project(tree, &project);
        if releases.is_empty() {
            continue;
        }
        projects += 1;
        files += releases.iter().map(|release| release.files.len()).sum::<usize>();
        packages.replace_project(repository, &project, &releases, serial)?;
        names.note(repository, &project, serial);
    }
    Ok((projects, files))
}
