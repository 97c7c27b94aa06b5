//! Opening sled, whatever state it is in.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use super::super::StoreError;

/// How a store is laid out and treated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// A leaf of sled holds up to sixteen values and may fill a quarter of a segment before it spills into files that are
    /// never synced. Fixed when the store is made.
    segment_size: usize,
    /// How much of it may be in memory, in bytes.
    cache: u64,
    /// How often it is synced, which sled does whether there is something to sync or not.
    flush_every_ms: u64,
}

/// Of releases: 8 MiB leave room for values of 128 KiB each. Nothing that was acknowledged depends on sled's syncs.
pub(super) const RECORDS: Shape = Shape { segment_size: 8 << 20, cache: 64 << 20, flush_every_ms: 1000 };

/// Of what is counted: values of some bytes, the last seconds of which may be lost.
pub(super) const NUMBERS: Shape = Shape { segment_size: 512 << 10, cache: 16 << 20, flush_every_ms: 5000 };

/// Opens the store in `folder`; [`StoreError::Damaged`] if it cannot be opened whatever is tried.
pub(super) fn open(folder: &Path, shape: Shape) -> Result<sled::Db, StoreError> {
    let io = |source| StoreError::io("store", source);
    let existed = folder.join("db").exists();
    fs::create_dir_all(folder).map_err(io)?;
    let reason = match try_open(folder, shape) {
        // An empty one where there was one that was not: whoever reads it sees that it lacks everything.
        Ok(db) => {
            if existed && !db.was_recovered() {
                tracing::error!("the store's data was gone; an empty one takes its place");
            }
            return Ok(db);
        }
        Err(reason) => reason,
    };
    // Without its snapshots sled replays the whole log, which is sound where only a snapshot was damaged.
    remove_snapshots(folder, "").map_err(io)?;
    try_open(folder, shape).map_err(|_| StoreError::Damaged(reason))
}

/// Puts a damaged store aside, in the place of one that was put aside before; what the next one is, is told.
pub(super) fn put_aside(folder: &Path, reason: &str, next: &str) -> Result<(), StoreError> {
    let io = |source| StoreError::io("store", source);
    let aside = folder.with_extension("damaged");
    tracing::error!(reason, aside = %aside.display(), "the store is damaged; it is put aside, and the next one is {next}");
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    fs::rename(folder, &aside).map_err(io)
}

/// sled panics on much of what can be wrong with its files, in the thread that opens them or in its own.
fn try_open(folder: &Path, shape: Shape) -> Result<sled::Db, String> {
    // A snapshot that a crash cut off would be read as if it were whole.
    remove_snapshots(folder, ".generating").map_err(|error| error.to_string())?;
    let config = sled::Config::new()
        .path(folder)
        .segment_size(shape.segment_size)
        .cache_capacity(shape.cache)
        .flush_every_ms(Some(shape.flush_every_ms));
    match quietly(|| config.open()) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(panic),
    }
}

/// Runs what may panic and returns the panic's words.
pub(super) fn quietly<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
    })
}

fn remove_snapshots(folder: &Path, suffix: &str) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(suffix) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
