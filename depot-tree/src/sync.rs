//! Making names durable.

use std::{fs, path::Path};

use crate::error::{OnPath as _, TreeError};

/// Syncs a folder, so that the names in it survive power loss. Nothing is done where folders cannot be opened for
/// syncing; the file system orders its own metadata there.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), TreeError> {
    sync_folder_or(folder, || ())
}

/// Syncs a folder; `failed` is told if the sync itself fails, as opposed to coming to it.
pub(crate) fn sync_folder_or(folder: &Path, failed: impl FnOnce()) -> Result<(), TreeError> {
    if !cfg!(unix) {
        return Ok(());
    }
    let opened = fs::File::open(folder).on("open the folder", folder)?;
    opened.sync_all().inspect_err(|_| failed()).on("sync the folder", folder)
}

/// The same for a folder of a tree, which may not be a link: whoever put one there would have the tree written, and
/// read, somewhere else.
pub(crate) fn create_own_folder(folder: &Path) -> Result<(), TreeError> {
    match fs::symlink_metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => {
            let words = "it is a link or a file, and must be a folder of its own";
            Err(std::io::Error::new(std::io::ErrorKind::NotADirectory, words)).on("use the folder", folder)
        }
        _ => create_folder(folder),
    }
}

/// Creates a folder, durably, with its parents.
pub(crate) fn create_folder(folder: &Path) -> Result<(), TreeError> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent()
        && !parent.as_os_str().is_empty()
    {
        create_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        created => created.on("create the folder", folder)?,
    }
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => Ok(()),
    }
}
