//! Opening sled, whatever state it is in.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use super::super::StoreError;

/// A leaf of sled holds up to sixteen values and may fill a quarter of a segment before it spills into files that
/// are never synced: 8 MiB leaves room for releases of 128 KiB each. Fixed when the store is made.
const SEGMENT_SIZE: usize = 8 << 20;
const CACHE: u64 = 64 << 20;
/// Nothing that was acknowledged depends on it, and sled syncs each time whether there is something to sync or not.
const FLUSH_EVERY_MS: u64 = 1000;

/// An opened store.
pub(crate) struct Opened {
    pub(crate) db: sled::Db,
    /// Why an earlier store was put aside; the one that was opened is then empty.
    pub(crate) replaced: Option<String>,
}

/// Opens the store in `folder`. One that cannot be opened is put aside as `<folder>.damaged` and a new one is made.
pub(crate) fn open(folder: &Path) -> Result<Opened, StoreError> {
    let existed = folder.join("db").exists();
    fs::create_dir_all(folder).map_err(|source| StoreError::io("store", source))?;
    let first = match try_open(folder) {
        Ok(db) => {
            // An empty folder that should not be: the caller sees an empty store and rebuilds it.
            let replaced = (existed && !db.was_recovered()).then(|| "its data was gone".to_owned());
            return Ok(Opened { db, replaced });
        }
        Err(reason) => reason,
    };
    // Without its snapshots sled replays the whole log, which is sound where only a snapshot was damaged.
    remove_snapshots(folder, "").map_err(|source| StoreError::io("store", source))?;
    if let Ok(db) = try_open(folder) {
        return Ok(Opened { db, replaced: None });
    }
    let aside = folder.with_extension("damaged");
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(StoreError::io("store", error)),
        _ => {}
    }
    fs::rename(folder, &aside).map_err(|source| StoreError::io("store", source))?;
    let db = try_open(folder).map_err(StoreError::Damaged)?;
    Ok(Opened { db, replaced: Some(first) })
}

/// sled panics on much of what can be wrong with its files, in the thread that opens them or in its own.
fn try_open(folder: &Path) -> Result<sled::Db, String> {
    // A snapshot that a crash cut off would be read as if it were whole.
    remove_snapshots(folder, ".generating").map_err(|error| error.to_string())?;
    let config = sled::Config::new()
        .path(folder)
        .segment_size(SEGMENT_SIZE)
        .cache_capacity(CACHE)
        .flush_every_ms(Some(FLUSH_EVERY_MS));
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
