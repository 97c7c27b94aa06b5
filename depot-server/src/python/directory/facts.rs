//! What is known of files that have no record: found out when they are first asked for, and kept while they stay as they
//! are.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use depot_dist::Limits;
use depot_proto::{DistributionFilename, DistributionKind, Sha256Digest, Sha256Hasher, layout::Part};
use moka::sync::Cache;

use super::scan::{Stamp, open_file};

/// The files of which the facts are remembered.
const REMEMBERED: u64 = 200_000;

/// What is known of a file.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) size: u64,
    pub(super) sha256: Sha256Digest,
    pub(super) core_metadata: Option<Sha256Digest>,
    pub(super) requires_python: Option<String>,
}

/// What is known of all files, each as it was at its stamp.
pub(super) struct Facts {
    known: Cache<(PathBuf, Stamp), Known>,
    /// How often a file was read.
    pub(super) read: AtomicUsize,
}

/// What was found out and cannot be kept.
enum Unkept {
    /// The file is another one by now, though not in its bytes.
    Known(Known),
    Failed(io::Error),
}

impl Default for Facts {
    fn default() -> Self {
        Self { known: Cache::new(REMEMBERED), read: AtomicUsize::default() }
    }
}

impl Facts {
    /// What is known of an open file, which is read if it is not the one that was read before: once for all who ask at the
    /// same time. May block.
    pub(super) fn of(&self, path: &Path, file: &File, filename: &DistributionFilename) -> io::Result<Known> {
        let Some(stamp) = Stamp::of(&file.metadata()?) else {
            return self.read(path, file, filename).map(|(known, _)| known);
        };
        let found =
            self.known.try_get_with((path.to_owned(), stamp), || match self.read(path, file, filename) {
                Ok((known, then)) if then == Some(stamp) => Ok(known),
                Ok((known, _)) => Err(Unkept::Known(known)),
                Err(error) => Err(Unkept::Failed(error)),
            });
        found.or_else(|unkept| match &*unkept {
            Unkept::Known(known) => Ok(known.clone()),
            Unkept::Failed(error) => Err(io::Error::new(error.kind(), error.to_string())),
        })
    }

    /// Reads a file, and its stamp when that is done.
    fn read(
        &self,
        path: &Path,
        file: &File,
        filename: &DistributionFilename,
    ) -> io::Result<(Known, Option<Stamp>)> {
        self.read.fetch_add(1, Ordering::Relaxed);
        let before = file.metadata()?;
        let known = read(path, file, filename)?;
        let after = file.metadata()?;
        // One that is written to while it is read has no facts.
        if (before.len(), before.modified().ok()) != (after.len(), after.modified().ok()) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "it changes while it is read"));
        }
        Ok((known, Stamp::of(&after)))
    }
}

fn read(path: &Path, mut file: &File, filename: &DistributionFilename) -> io::Result<Known> {
    file.rewind()?;
    let sha256 = hash(file)?;
    let beside = beside(path);
    file.rewind()?;
    let inside = depot_dist::read(file, filename, &Limits::default());
    file.rewind()?;
    if let Err(error) = &inside {
        tracing::debug!(%filename, %error, "a file tells no metadata");
    }
    let inside = inside.ok();
    let is_wheel = filename.kind() == DistributionKind::Wheel;
    let metadata = beside.or_else(|| inside.as_ref().map(|inside| inside.raw_metadata.clone()));
    Ok(Known {
        size: file.metadata()?.len(),
        sha256,
        core_metadata: metadata.filter(|_| is_wheel).map(|metadata| Sha256Digest::of(&metadata)),
        requires_python: inside.and_then(|inside| inside.metadata.requires_python),
    })
}

fn hash(mut file: &File) -> io::Result<Sha256Digest> {
    let (mut hasher, mut buffer) = (Sha256Hasher::new(), vec![0; 256 * 1024]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// The metadata that lies beside a file.
fn beside(path: &Path) -> Option<Vec<u8>> {
    let mut path = path.as_os_str().to_owned();
    path.push(Part::Metadata.suffix());
    let metadata = std::fs::symlink_metadata(&path).ok()?;
    let fits = metadata.is_file() && metadata.len() <= Limits::default().max_metadata_size;
    fits.then(|| std::fs::read(&path).ok()).flatten()
}

/// The metadata of a wheel: what lies beside it, or what is in it. May block.
pub(super) fn metadata(path: &Path, filename: &DistributionFilename) -> Option<Vec<u8>> {
    if filename.kind() != DistributionKind::Wheel {
        return None;
    }
    beside(path).or_else(|| {
        let inside = depot_dist::read(open_file(path).ok()?, filename, &Limits::default());
        inside.ok().map(|inside| inside.raw_metadata)
    })
}
