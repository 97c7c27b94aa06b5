//! Bytes that the kernel may hand to sockets without copying them: an anonymous file in memory.

use std::fs::File;

/// A file in memory with these bytes; none where the system has no such files, or no more of them.
#[cfg(target_os = "linux")]
pub(crate) fn share(bytes: &[u8]) -> Option<File> {
    use std::io::Write as _;

    use rustix::fs::{MemfdFlags, memfd_create};
    let mut file = File::from(memfd_create("depot-page", MemfdFlags::CLOEXEC).ok()?);
    file.write_all(bytes).ok()?;
    Some(file)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn share(_: &[u8]) -> Option<File> {
    None
}
