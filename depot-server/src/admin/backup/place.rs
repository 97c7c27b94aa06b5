//! Where a backup is made, and how it gets its name.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use super::WHAT;
use crate::{
    app::{Depot, format::UNFINISHED},
    private,
};

/// Where a backup is made until it is whole.
pub(super) enum Place {
    /// In the folder itself, which was there and empty: it may be a mount point or behind a link, and then no other
    /// folder can take its name.
    Inside(PathBuf),
    /// Beside it, under another name.
    Beside {
        /// Where it is made.
        partial: PathBuf,
        /// What it is called when it is whole.
        to: PathBuf,
    },
}

impl Place {
    /// Where the backup is made, if it may be made at all; nothing is touched.
    pub(super) fn of(depot: &Depot, to: &Path) -> Result<Self, String> {
        let name = to.file_name().filter(|_| to.is_absolute());
        let name = name.ok_or_else(|| format!("`{}` is no path of a new folder", to.display()))?;
        let unusable = |error: io::Error| format!("`{}` cannot be used: {error}", to.display());
        match fs::symlink_metadata(to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => {
                // What a link leads to must be there.
                let inside = found.and_then(|_| to.canonicalize()).map_err(unusable)?;
                refuse_inside(depot, &inside)?;
                let entries = private::entries_but(&inside, &[]).map_err(unusable)?;
                if !entries.is_empty() && !is_cut_off(&inside) {
                    return Err(format!(
                        "`{}` is not empty: name a folder that is not there yet",
                        to.display()
                    ));
                }
                return Ok(Self::Inside(inside));
            }
        }
        let parent = to.parent().unwrap_or(Path::new("/"));
        let parent = parent.canonicalize().map_err(|error| {
            format!("the folder of the backup, `{}`, cannot be used: {error}", parent.display())
        })?;
        refuse_inside(depot, &parent)?;
        let mut partial = name.to_owned();
        partial.push(".partial");
        let partial = parent.join(partial);
        let is_free = match fs::symlink_metadata(&partial) {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(metadata) => metadata.is_dir() && (is_empty(&partial) || is_cut_off(&partial)),
        };
        if is_free {
            return Ok(Self::Beside { partial, to: parent.join(name) });
        }
        Err(format!(
            "`{}` is in the way, and no backup that was cut off: move it away, or rename it if it is a whole one",
            partial.display()
        ))
    }

    /// The folder that is filled.
    pub(super) fn room(&self) -> &Path {
        let (Self::Inside(room) | Self::Beside { partial: room, .. }) = self;
        room
    }

    /// Makes the folder, or makes it one that its owner alone may enter: there will be keys in it.
    pub(super) fn make(&self) -> io::Result<()> {
        let room = self.room();
        if let Self::Beside { .. } = self
            && !is_cut_off(room)
        {
            // One that is empty may be anybody's, and whoever has it open would read along.
            match fs::remove_dir(room) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            return private::create_new_folder(room);
        }
        if !is_own(&fs::metadata(room)?) {
            let words = "it belongs to another user, who could read the keys in it";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
        private::close_folder(room)
    }

    /// Gives the backup, which is whole and synced, its name.
    pub(super) fn name(&self) -> Result<(), String> {
        let Self::Beside { partial, to } = self else { return Ok(()) };
        let renamed = fs::rename(partial, to).and_then(|()| match to.parent() {
            Some(folder) => private::sync_folder(folder),
            None => Ok(()),
        });
        renamed
            .map_err(|error| format!("cannot rename `{}` to `{}`: {error}", partial.display(), to.display()))
    }

    /// Removes what came to nothing, for its room.
    pub(super) fn clear(&self) {
        // What is inside a folder that was there is gone already.
        if let Self::Beside { partial, .. } = self {
            let _ = fs::remove_dir_all(partial);
        }
    }
}

fn refuse_inside(depot: &Depot, folder: &Path) -> Result<(), String> {
    if depot.config.data_dir.canonicalize().is_ok_and(|data_dir| folder.starts_with(data_dir)) {
        return Err(
            "a backup inside the data directory would be lost with it: name a folder outside".to_owned()
        );
    }
    Ok(())
}

fn is_empty(folder: &Path) -> bool {
    private::entries_but(folder, &[]).is_ok_and(|entries| entries.is_empty())
}

/// Whether a folder holds what a backup of this user left when it was cut off, which the next one may remove.
fn is_cut_off(folder: &Path) -> bool {
    let mark = folder.join(UNFINISHED);
    let is_mark = fs::symlink_metadata(&mark).is_ok_and(|mark| mark.is_file() && is_own(&mark));
    if !is_mark || !fs::symlink_metadata(folder).is_ok_and(|folder| is_own(&folder)) {
        return false;
    }
    match fs::read_to_string(&mark) {
        // It was made before it was written, and nothing is put beside it until it is.
        Ok(what) if what.is_empty() => {
            private::entries_but(folder, &[UNFINISHED]).is_ok_and(|entries| entries.is_empty())
        }
        Ok(what) => what.trim_end() == WHAT,
        Err(_) => false,
    }
}

/// Whether this user owns it.
fn is_own(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::uid(metadata) == rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    {
        let _ = metadata;
        true
    }
}
