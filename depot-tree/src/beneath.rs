//! Opening what lies in a tree, and nothing that a link in it leads to.

use std::{fs::File, io, path::Path};

/// Opens a file below a root for reading; none if it is not there, or if there is a link on the way or in its place: no
/// tree has links. The root itself may be one, as where a tree lies is its keeper's choice.
pub(crate) fn open(root: &Path, below: &Path) -> io::Result<Option<File>> {
    match open_plain(root, below) {
        Ok(file) => Ok(Some(file)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | LINK) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a link in the way is called, by the system and by us.
const LINK: io::ErrorKind = io::ErrorKind::InvalidFilename;

#[cfg(target_os = "linux")]
fn open_plain(root: &Path, below: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
    let folder = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(&folder, below, flags, Mode::empty(), resolve) {
        Ok(file) => Ok(file.into()),
        // Kernels before 5.6, and sandboxes that know no newer calls.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => open_looking(root, below),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::XDEV) => Err(LINK.into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_plain(root: &Path, below: &Path) -> io::Result<File> {
    open_looking(root, below)
}

/// Opens a file for reading and writing, made if it is not there. One that is a link, or has another name, was planted by
/// somebody who wants that written into: it is refused.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(path)?;
        if file.metadata()?.nlink() > 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has another name"));
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

/// Opens for reading by looking at each step first.
fn open_looking(root: &Path, below: &Path) -> io::Result<File> {
    let mut path = root.to_owned();
    for part in below {
        path.push(part);
        if std::fs::symlink_metadata(&path)?.is_symlink() {
            return Err(LINK.into());
        }
    }
    File::open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn links_are_not_followed_but_for_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("tree/files/six")).unwrap();
        fs::write(at("tree/files/six/a"), "a").unwrap();
        fs::write(at("secret"), "s").unwrap();
        symlink(at("secret"), at("tree/files/six/b")).unwrap();
        symlink(at("tree/files/six"), at("tree/files/seven")).unwrap();
        symlink(at("tree"), at("link")).unwrap();
        for way in [open_plain, open_looking] {
            for root in ["tree", "link"] {
                assert!(way(&at(root), Path::new("files/six/a")).is_ok());
                for (below, kind) in
                    [("files/six/b", LINK), ("files/seven/a", LINK), ("files/six/c", io::ErrorKind::NotFound)]
                {
                    assert_eq!(way(&at(root), Path::new(below)).unwrap_err().kind(), kind, "{below}");
                }
            }
        }
        assert!(open(&at("tree"), Path::new("files/six/b")).unwrap().is_none());
    }
}
