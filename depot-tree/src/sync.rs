//! Making names durable.

use std::{fs, path::Path};

use crate::error::{OnPath as _, TreeError};

/// Syncs a folder, so that the names in it survive power loss.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> Result<(), TreeError> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).on("sync the folder", folder)
}

/// Elsewhere folders cannot be opened for syncing; the file system orders its own metadata.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> Result<(), TreeError> {
    Ok(())
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
