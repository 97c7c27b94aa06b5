//! Files and folders that are the server's own: readable by their owner alone, written whole or not at all, and never
//! through somebody else's link.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::random;

/// Puts `bytes` at `path`, durably, in the place of what was there, readable by the owner alone. The folder must be
/// depot's own: what has the same name but for the ending `new` is taken for a left-over.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    write_whole(&new, bytes)?;
    fs::rename(&new, path)?;
    sync_folder(folder_of(path))
}

/// The same in a folder of which nothing is known.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = scratch(path)?;
    write_whole(&new, bytes)?;
    take_name(&new, path)
}

/// The same, but refused as `AlreadyExists` if something is there.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let new = scratch(path)?;
    write_whole(&new, bytes)?;
    // A link does not replace; a check before a rename would leave a moment in between.
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    linked?;
    sync_folder(folder_of(path))
}

/// Where to write what will be at `path`: beside it, under a name that nobody has.
pub(crate) fn scratch(path: &Path) -> io::Result<PathBuf> {
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
    let mut scratch = std::ffi::OsString::from(".");
    scratch.push(name);
    scratch.push(format!(".{}", random::id()?));
    Ok(folder_of(path).join(scratch))
}

/// Gives what was written and synced at `new` the name `path`, durably; removes it if that cannot be.
pub(crate) fn take_name(new: &Path, path: &Path) -> io::Result<()> {
    let renamed = fs::rename(new, path);
    if renamed.is_err() {
        let _ = fs::remove_file(new);
    }
    renamed?;
    sync_folder(folder_of(path))
}

fn write_whole(new: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = create_file(new).and_then(|mut file| {
        file.write_all(bytes)?;
        if file.metadata()?.len() != bytes.len() as u64 {
            return Err(io::Error::new(io::ErrorKind::WriteZero, "the disk took less than it said"));
        }
        file.sync_all()
    });
    if written.is_err() {
        // A file that could not be synced is not to be synced again.
        let _ = fs::remove_file(new);
    }
    written
}

/// Creates a file that only its owner may read, in the place of one that was there; it is not synced.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    // Left by a crash, or planted by somebody who wants to read along: neither is written into.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Creates a folder that only its owner may enter, with its parents, durably; one that exists is left as it is.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), create_folder)?;
    match create_new_folder(path) {
        // Somebody was faster, and may not have synced its name yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => sync_folder(folder_of(path)),
        created => created,
    }
}

/// Creates a folder that only its owner may enter, durably; one that exists is refused.
pub(crate) fn create_new_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    sync_folder(folder_of(path))
}

/// Opens a file for appending; it is made if it is not there.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    refuse_shared_file(path)?;
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Creates such a folder inside the data directory, where a link is nobody's wish: it would have the server write
/// somewhere else.
pub(crate) fn create_own_folder(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_dir() => {
            let words = format!("`{}` is a link or a file, and must be a folder of its own", path.display());
            Err(io::Error::new(io::ErrorKind::NotADirectory, words))
        }
        _ => create_folder(path),
    }
}

/// Lets nobody but its owner into a folder any more.
pub(crate) fn close_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Refuses a folder into which everyone may put what they like.
pub(crate) fn refuse_open_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path)?.permissions());
        if mode & 0o002 != 0 {
            let words = format!("everyone may write into it: run `chmod o-w` on `{}`", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
    }
    Ok(())
}

/// Refuses a file that has another name, or is a link: who planted it wants what is written here somewhere else.
pub(crate) fn refuse_shared_file(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) => {
            #[cfg(unix)]
            let names = std::os::unix::fs::MetadataExt::nlink(&metadata);
            #[cfg(not(unix))]
            let names = 1;
            if metadata.is_file() && names == 1 {
                return Ok(());
            }
            let words =
                format!("`{}` is a link or has another name, and must be a file of its own", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidInput, words))
        }
    }
}

/// Reads a secret file; refused if others may read it too.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    read_unless(path, 0o077)
}

/// The same for a secret that is made by others, who give it to a group: a key that several servers use.
pub(crate) fn read_shared_with_group(path: &Path) -> io::Result<String> {
    read_unless(path, 0o007)
}

/// Reads a file unless its mode has any of these bits.
fn read_unless(path: &Path, refused: u32) -> io::Result<String> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path)?.permissions());
        if mode & refused != 0 {
            let words = format!("`{}` may be read by others: run `chmod 600` on it", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
    }
    #[cfg(not(unix))]
    let _ = refused;
    fs::read_to_string(path)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Syncs everything in a folder, however deep, with as few calls as the system allows.
pub(crate) fn sync_all(folder: &Path) -> io::Result<()> {
    // One call for the whole file system, which writes what waits in the best order.
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(File::open(folder)?)?;
    #[cfg(not(target_os = "linux"))]
    {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                sync_all(&path)?;
            } else {
                File::open(&path)?.sync_all()?;
            }
        }
        sync_folder(folder)?;
    }
    Ok(())
}

/// Removes everything in a folder that is not named here.
pub(crate) fn empty_folder(folder: &Path, but: &[&str]) -> io::Result<()> {
    for path in entries_but(folder, but)? {
        if fs::symlink_metadata(&path)?.is_dir() {
            fs::remove_dir_all(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// What is in a folder and not named here.
pub(crate) fn entries_but(folder: &Path, but: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !but.iter().any(|name| entry.file_name() == *name) {
            entries.push(entry.path());
        }
    }
    Ok(entries)
}

pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
