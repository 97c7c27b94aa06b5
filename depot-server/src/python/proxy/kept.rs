//! Files that are kept: opened from the tree, and held open while they are asked for.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use depot_proto::{
    DistributionFilename, DistributionKind, ProjectName,
    layout::Part,
    simple::{MetadataMark, ProjectPage},
};
use depot_tree::{Tree, TreeError};
use moka::sync::Cache;

use super::error::ProxyError;
use crate::{
    clock,
    python::{
        files::{Content, FileError, Served, etag, open_bytes, open_sidecar},
        key::Key,
    },
};

/// The memory that small files and documents take, in bytes.
const MAX_SMALL: u64 = 64 << 20;

/// How long a file that is asked for again and again may go without a note that it is, in microseconds.
const TOUCHED_EVERY: i64 = 3600 * 1_000_000;

/// What the tree has of a file.
pub(super) enum Look {
    /// It is kept.
    Here(Arc<Served>),
    /// The wheel is kept, and this part is not in it.
    NoSuchPart,
    /// It is kept, and what is kept is spoiled.
    Damaged,
    /// It is not kept.
    Absent,
}

/// Opened files of one proxy.
pub(super) struct KeptFiles {
    open: Cache<Box<[u8]>, Arc<KeptFile>>,
    small: Cache<Box<[u8]>, Arc<KeptFile>>,
    /// Whether it is noted on disk what is asked for, because something will have to go one day.
    notes_use: bool,
}

/// A part of a kept file, open or in memory.
#[derive(Debug)]
pub(crate) struct KeptFile {
    pub(crate) served: Arc<Served>,
    /// When it was noted that it is asked for, in microseconds since 1970.
    touched: AtomicI64,
    is_let_go: AtomicBool,
}

impl KeptFiles {
    pub(super) fn new(max_open: u64, notes_use: bool) -> Self {
        let weight =
            |_: &_, opened: &Arc<KeptFile>| u32::try_from(opened.served.size + 512).unwrap_or(u32::MAX);
        let small = Cache::builder().max_capacity(MAX_SMALL).weigher(weight).build();
        Self { open: Cache::new(max_open), small, notes_use }
    }

    /// A part of a file that is open already.
    pub(super) fn cached(
        &self,
        tree: &Arc<Tree>,
        filename: &DistributionFilename,
        part: Part,
    ) -> Option<Arc<KeptFile>> {
        let key = key(filename, part)?;
        let opened = self.small.get(key.as_bytes()).or_else(|| self.open.get(key.as_bytes()))?;
        self.note_use(&opened, tree, filename, part);
        Some(opened)
    }

    /// Whether such a part, which somebody holds, would be the answer again. It may be so of one that had to make room in
    /// memory, and later on disk: its bytes are right for ever.
    pub(super) fn is_still(
        &self,
        opened: &KeptFile,
        tree: &Arc<Tree>,
        filename: &DistributionFilename,
        part: Part,
    ) -> bool {
        if opened.is_let_go.load(Ordering::Relaxed) {
            return false;
        }
        self.note_use(opened, tree, filename, part);
        true
    }

    fn note_use(&self, opened: &KeptFile, tree: &Arc<Tree>, filename: &DistributionFilename, part: Part) {
        if !self.notes_use || part != Part::Bytes {
            return;
        }
        let (now, touched) = (clock::now().micros(), opened.touched.load(Ordering::Relaxed));
        if now.saturating_sub(touched) > TOUCHED_EVERY {
            opened.touched.store(now, Ordering::Relaxed);
            let (tree, filename) = (Arc::clone(tree), filename.clone());
            tokio::task::spawn_blocking(move || touch(&tree, &filename));
        }
    }

    /// A part of a file of the tree. May block.
    pub(super) fn look(
        &self,
        tree: &Tree,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Look, ProxyError> {
        let disk = |error| ProxyError::disk(filename.as_str(), error);
        let record = match tree.record(filename.project(), filename.as_str()) {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Look::Absent),
            Err(error @ TreeError::Record { .. }) => {
                tracing::error!(%error, "the record of a kept file is spoiled, and the file is fetched again");
                return Ok(Look::Damaged);
            }
            Err(error) => return Err(disk(error)),
        };
        let opened = match (part, record.core_metadata) {
            (Part::Bytes, _) => open_bytes(tree, filename, record.sha256, record.size),
            (Part::Metadata, Some(sha256)) => open_sidecar(tree, filename, sha256),
            (Part::Metadata, None) if filename.kind() == DistributionKind::Wheel => {
                return Ok(Look::NoSuchPart);
            }
            // The metadata of others is had from upstream alone, and kept beside the page.
            (Part::Metadata, None) | (Part::Record | Part::Provenance, _) => return Ok(Look::Absent),
        };
        match opened {
            Ok(served) => {
                if self.notes_use && part == Part::Bytes {
                    touch(tree, filename);
                }
                Ok(Look::Here(self.put(filename, part, served)))
            }
            Err(FileError::Tree(error)) => Err(disk(error)),
            Err(error) => {
                tracing::error!(%error, "a kept file is spoiled, and is fetched again");
                Ok(Look::Damaged)
            }
        }
    }

    /// Holds a part of a file that was just opened.
    pub(super) fn put(&self, filename: &DistributionFilename, part: Part, served: Served) -> Arc<Served> {
        let cache = if matches!(served.content, Content::Memory(_)) { &self.small } else { &self.open };
        let served = Arc::new(served);
        if let Some(key) = key(filename, part) {
            let touched = AtomicI64::new(clock::now().micros());
            let opened = KeptFile { served: Arc::clone(&served), touched, is_let_go: AtomicBool::new(false) };
            // Whoever holds another document must not go on with it.
            if let Some(other) = cache.get(key.as_bytes())
                && other.served.etag != served.etag
            {
                other.is_let_go.store(true, Ordering::Relaxed);
            }
            cache.insert(key.as_bytes().into(), Arc::new(opened));
        }
        served
    }

    /// Lets go of a file that is kept no more; those who read it read on.
    pub(super) fn let_go(&self, filename: &DistributionFilename) {
        for key in
            [Part::Bytes, Part::Metadata, Part::Provenance].map(|part| key(filename, part)).iter().flatten()
        {
            self.let_go_of(key);
        }
    }

    /// Lets go of the metadata of files of which the page lists another, or none.
    pub(super) fn hold_to(&self, shown: &ProjectPage) {
        for file in &shown.files {
            let Some(key) = key_of(&shown.project, &file.filename, Part::Metadata) else { continue };
            let opened = self.small.get(key.as_bytes()).or_else(|| self.open.get(key.as_bytes()));
            let is_listed = |opened: &KeptFile| match file.core_metadata {
                MetadataMark::Sha256(sha256) => opened.served.etag == etag(sha256),
                MetadataMark::Absent | MetadataMark::Present => false,
            };
            if opened.is_some_and(|opened| !is_listed(&opened)) {
                self.let_go_of(&key);
            }
        }
    }

    fn let_go_of(&self, key: &Key) {
        for cache in [&self.small, &self.open] {
            if let Some(opened) = cache.remove(key.as_bytes()) {
                opened.is_let_go.store(true, Ordering::Relaxed);
            }
        }
    }
}

fn key(filename: &DistributionFilename, part: Part) -> Option<Key> {
    key_of(filename.project(), filename.as_str(), part)
}

fn key_of(project: &ProjectName, filename: &str, part: Part) -> Option<Key> {
    Key::new(&[project.as_str(), filename], part.suffix().as_bytes(), 0)
}

/// Notes that a file was asked for, as the time of its last change: what is kept never changes otherwise.
fn touch(tree: &Tree, filename: &DistributionFilename) {
    let path = tree.path(filename.project(), filename.as_str(), Part::Bytes);
    let touched = File::open(&path).and_then(|file| file.set_modified(clock::system()));
    if let Err(error) = touched {
        tracing::debug!(%filename, %error, "it cannot be noted that a file was asked for");
    }
}
