//! Opened files, kept open while they are asked for.

use std::{fs::File, sync::Arc};

use bytes::Bytes;
use depot_dist::Limits;
use depot_proto::{DistributionFilename, ProjectName, Sha256Digest, layout::Part};
use depot_tree::TreeError;
use moka::sync::Cache;

use super::repository::Repository;
use crate::store::{StoreError, records::Serial};

/// The most files kept open; well below the usual limit of 1,024 descriptors a process.
const MAX_OPEN: u64 = 256;
/// The most memory that sidecars kept in memory take, in bytes.
const MAX_SIDECARS: u64 = 16 << 20;

/// Why a file cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The tree does not hold what the store says it does.
    #[error("`{filename}` is damaged on the server: {reason}")]
    Damaged {
        /// Which file.
        filename: String,
        /// What is wrong.
        reason: String,
    },
    /// The tree cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file, open and checked against its record.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// The bytes.
    pub(crate) content: Content,
    /// Their number.
    pub(crate) size: u64,
    /// Their strong validator: their digest, in quotes.
    pub(crate) etag: String,
}

/// Where the bytes are.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// On disk.
    File(Arc<File>),
    /// In memory: sidecars, which are small and were hashed before they are sent.
    Memory(Bytes),
}

/// A file, as of the last change of its project: after another, whether it is still there is asked again.
type Key = (ProjectName, String, Serial);

/// The opened files of one repository.
pub(crate) struct Files {
    bytes: Cache<Key, Arc<Served>>,
    sidecars: Cache<Key, Arc<Served>>,
}

impl Files {
    pub(crate) fn new() -> Self {
        let weight = |_: &Key, served: &Arc<Served>| u32::try_from(served.size + 256).unwrap_or(u32::MAX);
        Self {
            bytes: Cache::new(MAX_OPEN),
            sidecars: Cache::builder().max_capacity(MAX_SIDECARS).weigher(weight).build(),
        }
    }

    /// A part of a file, if it is open already.
    pub(crate) fn cached(
        &self,
        repository: &Repository,
        filename: &DistributionFilename,
        part: Part,
    ) -> Option<Arc<Served>> {
        self.cache(part).get(&key(repository, filename)?)
    }

    /// A part of a file; none if the file, or that part of it, is not here. May block.
    pub(crate) fn open(
        &self,
        repository: &Repository,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Option<Arc<Served>>, FileError> {
        let Some(key) = key(repository, filename) else { return Ok(None) };
        let Some(record) = repository.file(filename)? else { return Ok(None) };
        let served = match part {
            Part::Bytes => open_bytes(repository, filename, record.sha256, record.size)?,
            Part::Metadata => match record.core_metadata {
                None => return Ok(None),
                Some(sha256) => open_sidecar(repository, filename, sha256)?,
            },
            Part::Record | Part::Provenance => return Ok(None),
        };
        let served = Arc::new(served);
        self.cache(part).insert(key, Arc::clone(&served));
        Ok(Some(served))
    }

    fn cache(&self, part: Part) -> &Cache<Key, Arc<Served>> {
        if part == Part::Metadata { &self.sidecars } else { &self.bytes }
    }
}

fn key(repository: &Repository, filename: &DistributionFilename) -> Option<Key> {
    let serial = repository.serial(filename.project())?;
    Some((filename.project().clone(), filename.as_str().to_owned(), serial))
}

fn damaged(filename: &DistributionFilename, reason: impl Into<String>) -> FileError {
    let (filename, reason) = (filename.to_string(), reason.into());
    tracing::error!(filename, reason, "a file of the tree is damaged");
    FileError::Damaged { filename, reason }
}

fn etag(sha256: Sha256Digest) -> String {
    format!("\"{sha256}\"")
}

/// Bytes of another length are never begun to be sent: a short body under a good status is worse than none.
fn open_bytes(
    repository: &Repository,
    filename: &DistributionFilename,
    sha256: Sha256Digest,
    size: u64,
) -> Result<Served, FileError> {
    let opened = repository.tree.open_part(filename.project(), filename.as_str(), Part::Bytes)?;
    let opened = opened.ok_or_else(|| damaged(filename, "its bytes are gone"))?;
    if opened.size != size {
        return Err(damaged(filename, format!("its bytes are {} and not {size} long", opened.size)));
    }
    Ok(Served { content: Content::File(Arc::new(opened.file)), size, etag: etag(sha256) })
}

/// The sidecar as it was published. One that a power cut took is derived from the wheel again.
fn open_sidecar(
    repository: &Repository,
    filename: &DistributionFilename,
    sha256: Sha256Digest,
) -> Result<Served, FileError> {
    let (project, name) = (filename.project(), filename.as_str());
    let mut metadata = repository.tree.metadata(project, name)?;
    if metadata.as_deref().is_none_or(|metadata| Sha256Digest::of(metadata) != sha256) {
        let opened = repository.tree.open_part(project, name, Part::Bytes)?;
        let opened = opened.ok_or_else(|| damaged(filename, "its bytes are gone"))?;
        let contents = depot_dist::read(opened.file, filename, &Limits::default());
        let derived = contents.map_err(|error| damaged(filename, error.to_string()))?.raw_metadata;
        if Sha256Digest::of(&derived) != sha256 {
            return Err(damaged(filename, "its metadata is not what was published"));
        }
        if let Err(error) = repository.tree.write_metadata(project, name, &derived) {
            tracing::warn!(%filename, %error, "metadata that was lost could not be stored again");
        }
        metadata = Some(derived);
    }
    let body = Bytes::from(metadata.unwrap_or_default());
    Ok(Served { size: body.len() as u64, etag: etag(sha256), content: Content::Memory(body) })
}
