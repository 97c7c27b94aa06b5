//! Who owns which files of `tmp/`: each open tree holds a lock there for as long as it lives, so that the files of
//! a process that died can be told from those of one that works.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use depot_proto::{ProjectName, layout};

use crate::{
    beneath,
    error::{OnPath as _, TreeError},
};

pub(crate) const LOCK_SUFFIX: &str = ".lock";

/// Held by whoever links, opens a session or judges one.
const LINKING: &str = "linking.lock";

/// This process's share of `tmp/`.
#[derive(Debug)]
pub(crate) struct Session {
    tmp: PathBuf,
    id: String,
    next: AtomicU64,
    // Held, not used: the lock ends with the file.
    _lock: File,
}

impl Session {
    pub(crate) fn start(root: &Path) -> Result<Self, TreeError> {
        let tmp = root.join(layout::TMP);
        let id = random_id().on("draw a random number for", &tmp)?;
        let path = tmp.join(format!("{id}{LOCK_SUFFIX}"));
        // Between its creation and its locking the session would look dead.
        let _alone = lock_tree(&tmp)?;
        let lock = File::create_new(&path).on("create", &path)?;
        lock.lock().on("lock", &path)?;
        Ok(Self { tmp, id, next: AtomicU64::new(0), _lock: lock })
    }

    /// A new path in `tmp/` without its suffix: the session, a number and the project that it is for.
    pub(crate) fn stem(&self, project: &ProjectName) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.tmp.join(format!("{}-{number}.{project}", self.id))
    }

    /// A new path in `tmp/` of something that is no upload; swept with the session.
    pub(crate) fn next_scratch(&self, name: &str) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.scratch(&format!("{number}.{name}"))
    }

    /// The path in `tmp/` of something that is no upload; swept with the session.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.tmp.join(format!("{}-{name}", self.id))
    }
}

impl Session {
    /// Ends the session: what it leaves in `tmp/` is anybody's to sweep.
    pub(crate) fn end(&self) {
        // A lock file left behind is swept by the next one to open the tree.
        let _ = fs::remove_file(self.tmp.join(format!("{}{LOCK_SUFFIX}", self.id)));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

/// Keeps other processes from linking, and from opening and judging sessions, for as long as it lives.
pub(crate) struct TreeLock(File);

pub(crate) fn lock_tree(tmp: &Path) -> Result<TreeLock, TreeError> {
    let path = tmp.join(LINKING);
    let lock = beneath::open_own(&path).on("open", &path)?;
    lock.lock().on("lock", &path)?;
    Ok(TreeLock(lock))
}

impl TreeLock {
    /// Whether this session was the last to say that it links; from now on it is. Whoever links says so first, so that
    /// the others know when what they remember of the tree is old.
    pub(crate) fn was_ours(&mut self, session: &Session) -> bool {
        use std::io::{Read as _, Seek as _, Write as _};
        let mut last = [0; 16];
        if self.0.read_exact(&mut last).is_ok() && last == session.id.as_bytes() {
            return true;
        }
        // Not said, it is not remembered either: the next time asks the folders again.
        let _ = self.0.rewind().and_then(|()| self.0.write_all(session.id.as_bytes()));
        false
    }
}

/// Which session a name in `tmp/` belongs to.
pub(crate) fn session_of(name: &str) -> Option<&str> {
    let id = name.split(['-', '.']).next()?;
    (id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// Whether nobody holds the session's lock any more. The tree must be locked ([`lock_tree`]).
pub(crate) fn is_dead(tmp: &Path, id: &str) -> bool {
    match File::open(tmp.join(format!("{id}{LOCK_SUFFIX}"))) {
        Ok(lock) => !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

fn random_id() -> std::io::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}
