//! Opening what lies in a tree, and nothing that a link in it leads to.

use std::{fs::File, io, path::Path};

/// Opens a file below a root for reading; a link on the way there, or in its place, is an error. The root itself may be
/// one: where a tree lies is its keeper's choice.
#[cfg(target_os = "linux")]
pub(crate) fn open(root: &Path, below: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
    let folder = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(&folder, below, flags, Mode::empty(), resolve) {
        Ok(file) => Ok(file.into()),
        // Kernels before 5.6, and sandboxes that know no newer calls.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => open_looking(root, below),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn open(root: &Path, below: &Path) -> io::Result<File> {
    open_looking(root, below)
}

/// The same by looking at each step first.
fn open_looking(root: &Path, below: &Path) -> io::Result<File> {
    let mut path = root.to_owned();
    for part in below {
        path.push(part);
        if std::fs::symlink_metadata(&path)?.is_symlink() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is a link in its place"));
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
        for way in [open, open_looking] {
            for root in ["tree", "link"] {
                assert!(way(&at(root), Path::new("files/six/a")).is_ok());
                assert!(way(&at(root), Path::new("files/six/b")).is_err());
                assert!(way(&at(root), Path::new("files/seven/a")).is_err());
                let missing = way(&at(root), Path::new("files/six/c")).unwrap_err();
                assert_eq!(missing.kind(), io::ErrorKind::NotFound);
            }
        }
    }
}
