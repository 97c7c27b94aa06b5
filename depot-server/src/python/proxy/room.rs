//! Keeping within the room that files may take: what was not asked for the longest goes first.

use std::{
    cmp::Ordering as Order,
    collections::{BTreeSet, BinaryHeap},
    fs,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use depot_proto::{DistributionFilename, ProjectName, layout::Part};
use depot_tree::{Removal, Tree, TreeError};

use super::{Proxy, counters::Event};

/// The share of the room that is left free when some is made, so that not every file makes some: a tenth.
const FREED: u64 = 10;

/// Nobody has counted yet.
const UNKNOWN: u64 = u64::MAX;

/// The room of one proxy.
pub(super) struct Room {
    /// The most bytes that files take.
    max: Option<u64>,
    used: AtomicU64,
    /// Held by the one who makes room.
    making: Mutex<()>,
}

impl Room {
    pub(super) fn new(max: Option<u64>) -> Self {
        Self { max, used: AtomicU64::new(UNKNOWN), making: Mutex::new(()) }
    }

    /// A file took so many bytes; makes room if that was too much. May block.
    pub(super) fn took(&self, proxy: &Proxy, size: u64) {
        let used = match self.used.load(Ordering::Relaxed) {
            UNKNOWN => UNKNOWN,
            _ => self.used.fetch_add(size, Ordering::Relaxed).saturating_add(size),
        };
        let Some(max) = self.max.filter(|max| used > *max) else { return };
        let Ok(_one) = self.making.try_lock() else { return };
        if let Err(error) = self.make(proxy, max) {
            tracing::warn!(%error, "no room can be made for files that are kept");
        }
    }

    /// Counts what is kept, if nobody did yet. May block for as long as it takes to look at every file.
    pub(super) fn count(&self, tree: &Tree) -> Result<(), TreeError> {
        let mut used = 0;
        each_file(tree, |file| used += file.size)?;
        // Another one may have, in the meantime.
        let _ = self.used.compare_exchange(UNKNOWN, used, Ordering::Relaxed, Ordering::Relaxed);
        Ok(())
    }

    /// The bytes that files take, as far as they were counted.
    pub(super) fn used(&self) -> Option<u64> {
        Some(self.used.load(Ordering::Relaxed)).filter(|used| *used != UNKNOWN)
    }

    fn make(&self, proxy: &Proxy, max: u64) -> Result<(), TreeError> {
        let mut used = 0;
        each_file(&proxy.tree, |file| used += file.size)?;
        self.used.store(used, Ordering::Relaxed);
        if used <= max {
            return Ok(());
        }
        let mut gone = oldest(&proxy.tree, used - (max - max / FREED))?;
        gone.sort_unstable_by(|one, two| (&one.project, &one.filename).cmp(&(&two.project, &two.filename)));
        let names: Vec<_> = gone.iter().map(|file| (file.project.clone(), file.filename.clone())).collect();
        for file in &gone {
            pin(proxy, file);
        }
        if proxy.tree.remove(&names)? == Removal::InUse {
            tracing::warn!("no room is made for files that are kept, as somebody else has the tree open");
            return Ok(());
        }
        for file in &gone {
            proxy.counters.count(Event::Evicted);
            self.used.fetch_sub(file.size, Ordering::Relaxed);
            if let Ok(filename) = DistributionFilename::parse(&file.filename, &file.project) {
                proxy.kept.let_go(&filename);
            }
        }
        let (files, bytes) = (gone.len(), gone.iter().map(|file| file.size).sum::<u64>());
        tracing::info!(files, bytes, "files that were not asked for the longest made room");
        for project in gone.iter().map(|file| &file.project).collect::<BTreeSet<_>>() {
            proxy.learnt(project);
        }
        Ok(())
    }
}

/// Keeps the record of a file that goes, if upstream does not say what its bytes are: they must be the same when they come
/// again.
fn pin(proxy: &Proxy, file: &KeptFile) {
    let Ok(filename) = DistributionFilename::parse(&file.filename, &file.project) else { return };
    let entry = proxy.in_memory(&file.project).or_else(|| proxy.load(&file.project));
    let listed = entry
        .as_ref()
        .and_then(|entry| entry.upstream.files.iter().find(|listed| listed.filename == file.filename));
    if listed.is_none_or(|listed| listed.sha256().is_some()) {
        return;
    }
    if let Ok(Some(record)) = proxy.tree.record(&file.project, &file.filename) {
        proxy.keep_part(&filename, Part::Record, &record.to_document());
    }
}

/// A file that is kept, and when it was asked for last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeptFile {
    used: SystemTime,
    size: u64,
    project: ProjectName,
    filename: String,
}

impl Ord for KeptFile {
    /// By the time of their last use.
    fn cmp(&self, other: &Self) -> Order {
        (self.used, &self.filename).cmp(&(other.used, &other.filename))
    }
}

impl PartialOrd for KeptFile {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

/// The files that were not asked for the longest and take so many bytes together: no more are held in memory.
fn oldest(tree: &Tree, excess: u64) -> Result<Vec<KeptFile>, TreeError> {
    let mut chosen = BinaryHeap::new();
    let mut size = 0_u64;
    each_file(tree, |file| {
        size += file.size;
        chosen.push(file);
        // The youngest of them stays if the others are enough.
        while chosen.peek().is_some_and(|youngest: &KeptFile| size - youngest.size >= excess) {
            size -= chosen.pop().map_or(0, |youngest| youngest.size);
        }
    })?;
    Ok(chosen.into_vec())
}

fn each_file(tree: &Tree, mut each: impl FnMut(KeptFile)) -> Result<(), TreeError> {
    for project in tree.projects()? {
        for filename in tree.filenames(&project)? {
            // One that is gone meanwhile takes no room.
            let Ok(bytes) = fs::metadata(tree.path(&project, &filename, Part::Bytes)) else { continue };
            let used = bytes.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            each(KeptFile { used, size: bytes.len(), project: project.clone(), filename });
        }
    }
    Ok(())
}
