//! Opened files, kept open while they are asked for.

use std::{fs::File, io::Read as _, sync::Arc};

use bytes::Bytes;
use depot_dist::Limits;
use depot_proto::{
    DistributionFilename, ProjectName, Sha256Digest, StatusRecord,
    layout::{self, Part},
};
use depot_tree::{Tree, TreeError};
use moka::sync::Cache;

use super::{key::Key, projects::because, repository::Repository};
use crate::store::StoreError;

/// Files up to this size are read and hashed when they are first asked for, and kept in memory: most wheels of pure
/// Python, and every sidecar.
pub(super) const SMALL: u64 = 64 * 1024;
/// The most memory that small files take, in bytes.
const MAX_SMALL: u64 = 64 << 20;

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
    /// Its project offers no files.
    #[error("project `{project}` is quarantined{reason}, and none of its files are sent", reason = because(.reason.as_deref()))]
    Quarantined {
        /// The project.
        project: ProjectName,
        /// Why it is.
        reason: Option<String>,
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
    pub(crate) etag: Bytes,
    /// Their media type.
    pub(crate) content_type: &'static str,
}

/// The media type of core metadata.
pub(super) const METADATA: &str = "text/plain; charset=utf-8";
/// The media type of PEP 740 documents.
pub(super) const PROVENANCE: &str = "application/vnd.pypi.integrity.v1+json";

impl Served {
    /// A small document with this digest.
    pub(super) fn document(bytes: Vec<u8>, sha256: Sha256Digest, content_type: &'static str) -> Self {
        let (size, content) = (bytes.len() as u64, Content::Memory(bytes.into()));
        Self { content, size, etag: etag(sha256), content_type }
    }
}

/// Where the bytes are.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// On disk.
    File(Arc<File>),
    /// In memory: what is small, hashed before it is sent.
    Memory(Bytes),
}

/// The opened files of one repository, each as of the last change of its project: after another, whether it is still
/// there is asked again.
pub(crate) struct Files {
    open: Cache<Box<[u8]>, Arc<Served>>,
    small: Cache<Box<[u8]>, Arc<Served>>,
}

impl Files {
    /// Keeps at most this many files open.
    pub(crate) fn new(max_open: u64) -> Self {
        let weight = |_: &_, served: &Arc<Served>| u32::try_from(served.size + 512).unwrap_or(u32::MAX);
        Self {
            open: Cache::new(max_open),
            small: Cache::builder().max_capacity(MAX_SMALL).weigher(weight).build(),
        }
    }

    /// A part of a file by its stored name, if it is at hand already.
    pub(crate) fn cached(&self, repository: &Repository, project: &str, stored: &str) -> Option<Arc<Served>> {
        let generation = repository.serial_of(project)?;
        let key = Key::new(&[project, stored], &[], generation)?;
        self.small.get(key.as_bytes()).or_else(|| self.open.get(key.as_bytes()))
    }

    /// A part of a file; none if the file, or that part of it, is not here. May block.
    pub(crate) fn open(
        &self,
        repository: &Repository,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Option<Arc<Served>>, FileError> {
        let project = filename.project();
        let Some(generation) = repository.serial(project) else { return Ok(None) };
        let Some(record) = repository.file(filename)? else { return Ok(None) };
        let status = repository.projects.get(project).and_then(|record| record.shown().cloned());
        if let Some(StatusRecord { state, reason }) = status
            && !state.offers_files()
        {
            return Err(FileError::Quarantined { project: project.clone(), reason });
        }
        let served = match part {
            Part::Bytes => open_bytes(&repository.tree, filename, record.sha256, record.size)?,
            Part::Metadata => match record.core_metadata {
                None => return Ok(None),
                Some(sha256) => open_sidecar(&repository.tree, filename, sha256)?,
            },
            Part::Provenance => match record.provenance {
                None => return Ok(None),
                Some(sha256) => open_provenance(&repository.tree, filename, sha256)?,
            },
            Part::Record => return Ok(None),
        };
        let served = Arc::new(served);
        let stored = format!("{filename}{}", part.suffix());
        if let Some(key) = Key::new(&[project.as_str(), &stored], &[], generation) {
            let cache = if matches!(served.content, Content::Memory(_)) { &self.small } else { &self.open };
            cache.insert(key.as_bytes().into(), Arc::clone(&served));
        }
        Ok(Some(served))
    }
}

/// What is said of a file by its name. Nothing here is to be shown by a browser.
pub(super) fn content_type(filename: &str) -> &'static str {
    let ends = |suffixes: &[&str]| {
        let name = filename.to_ascii_lowercase();
        suffixes.iter().any(|suffix| name.ends_with(suffix))
    };
    if ends(&[".tar.gz", ".tgz"]) {
        "application/gzip"
    } else if ends(&[".zip"]) {
        "application/zip"
    } else if ends(&[".tar.bz2", ".tbz"]) {
        "application/x-bzip2"
    } else if ends(&[".tar.xz"]) {
        "application/x-xz"
    } else {
        // Wheels are zip archives and have no media type of their own.
        "application/octet-stream"
    }
}

fn damaged(filename: &DistributionFilename, reason: impl Into<String>) -> FileError {
    let (filename, reason) = (filename.to_string(), reason.into());
    tracing::error!(filename, reason, "a file of the tree is damaged");
    FileError::Damaged { filename, reason }
}

pub(super) fn etag(sha256: Sha256Digest) -> Bytes {
    format!("\"{sha256}\"").into()
}

/// Bytes of another length are never begun to be sent: a short body under a good status is worse than none.
pub(super) fn open_bytes(
    tree: &Tree,
    filename: &DistributionFilename,
    sha256: Sha256Digest,
    size: u64,
) -> Result<Served, FileError> {
    let opened = tree.open_part(filename.project(), filename.as_str(), Part::Bytes)?;
    let opened = opened.ok_or_else(|| damaged(filename, "its bytes are gone"))?;
    if opened.size != size {
        return Err(damaged(filename, format!("its bytes are {} and not {size} long", opened.size)));
    }
    let content = if size <= SMALL {
        Content::Memory(read_small(&opened.file, filename, sha256, size)?)
    } else {
        Content::File(Arc::new(opened.file))
    };
    Ok(Served { content, size, etag: etag(sha256), content_type: content_type(filename.as_str()) })
}

/// What is read whole is hashed too: a small file that is damaged on disk is never sent.
fn read_small(
    mut file: &File,
    filename: &DistributionFilename,
    sha256: Sha256Digest,
    size: u64,
) -> Result<Bytes, FileError> {
    let mut bytes = Vec::with_capacity(size as usize);
    file.read_to_end(&mut bytes).map_err(|error| damaged(filename, format!("it cannot be read: {error}")))?;
    if Sha256Digest::of(&bytes) != sha256 {
        return Err(damaged(filename, "its bytes are not those that were published"));
    }
    Ok(bytes.into())
}

/// The sidecar as it was published. One that a power cut took is derived from the wheel again.
pub(super) fn open_sidecar(
    tree: &Tree,
    filename: &DistributionFilename,
    sha256: Sha256Digest,
) -> Result<Served, FileError> {
    let (project, name) = (filename.project(), filename.as_str());
    let mut metadata = tree.metadata(project, name)?;
    if metadata.as_deref().is_none_or(|metadata| Sha256Digest::of(metadata) != sha256) {
        let opened = tree.open_part(project, name, Part::Bytes)?;
        let opened = opened.ok_or_else(|| damaged(filename, "its bytes are gone"))?;
        let contents = depot_dist::read(opened.file, filename, &Limits::default());
        let derived = contents.map_err(|error| damaged(filename, error.to_string()))?.raw_metadata;
        if Sha256Digest::of(&derived) != sha256 {
            return Err(damaged(filename, "its metadata is not what was published"));
        }
        if let Err(error) = tree.write_metadata(project, name, &derived) {
            tracing::warn!(%filename, %error, "metadata that was lost could not be stored again");
        }
        metadata = Some(derived);
    }
    Ok(Served::document(metadata.unwrap_or_default(), sha256, METADATA))
}

/// The PEP 740 document as it was put together when the file was published.
fn open_provenance(
    tree: &Tree,
    filename: &DistributionFilename,
    sha256: Sha256Digest,
) -> Result<Served, FileError> {
    let below = layout::file_path(filename.project(), filename.as_str(), Part::Provenance);
    let document = tree.document(&below)?;
    let document = document.filter(|document| Sha256Digest::of(document) == sha256);
    let body = document.ok_or_else(|| damaged(filename, "its provenance is not what was published"))?;
    Ok(Served::document(body, sha256, PROVENANCE))
}
