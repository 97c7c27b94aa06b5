//! Files that only their owner may read, written whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Puts `bytes` at `path`, durably, in the place of what was there, readable by the owner alone.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = write_beside(path, bytes)?;
    fs::rename(&new, path)?;
    sync_folder(folder_of(path))
}

/// The same, but refused as `AlreadyExists` if something is there.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = write_beside(path, bytes)?;
    // A link does not replace; a check before a rename would leave a moment in between.
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    linked?;
    sync_folder(folder_of(path))
}

fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let new = path.with_extension("new");
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(new)
}

/// Creates a folder that only its owner may enter, with its parents; one that exists is left as it is.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    if path.is_dir() {
        return Ok(());
    }
    builder.create(path)?;
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
}

/// Reads a secret file; refused if others may read it too.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path)?.permissions());
        if mode & 0o077 != 0 {
            let words = format!("`{}` may be read by others: run `chmod 600` on it", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
    }
    fs::read_to_string(path)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
