//! Files of rules that may change while the server runs: looked at from time to time, and followed once they rest.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, TryLockError},
    time::{Duration, Instant, SystemTime},
};

/// A file that was not looked at for so long is looked at by whoever asks. A server looks at its files itself, each second.
const LEFT_ALONE: Duration = Duration::from_secs(3);

/// How long a file that changed must stay as it is to be followed, so that nobody follows half a file.
const RESTED: Duration = Duration::from_millis(500);

/// By what it is noticed that a file changed.
pub(crate) type Stamp = (SystemTime, u64);

/// The stamp of a file; none if it is not there.
pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// What a file said when it last could be followed: one that is damaged or gone changes nothing.
#[derive(Debug)]
pub(crate) struct Followed<T> {
    path: PathBuf,
    /// Reads the file, and says so or why not.
    read: fn(&Path) -> Option<T>,
    held: RwLock<Arc<T>>,
    look: Mutex<Look>,
}

#[derive(Debug)]
struct Look {
    when: Instant,
    /// The stamp of the file that was read.
    read: Option<Stamp>,
    /// The stamp when it was last looked at, and since when it is that.
    seen: Option<Stamp>,
    since: Instant,
}

impl<T> Followed<T> {
    /// Follows a file that had this stamp just before this was read of it.
    pub(crate) fn new(path: PathBuf, stamp: Option<Stamp>, held: T, read: fn(&Path) -> Option<T>) -> Self {
        let now = Instant::now();
        let look = Look { when: now, read: stamp, seen: stamp, since: now };
        Self { path, read, held: RwLock::new(Arc::new(held)), look: Mutex::new(look) }
    }

    /// What holds now. Takes a moment where nobody looked at the file for long, and waits for nobody who does.
    pub(crate) fn now(&self) -> Arc<T> {
        let look = match self.look.try_lock() {
            Ok(look) => Some(look),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(mut look) = look.filter(|look| look.when.elapsed() >= LEFT_ALONE) {
            self.look_again(&mut look);
        }
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the file. May block.
    pub(crate) fn look(&self) {
        self.look_again(&mut self.look.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn look_again(&self, look: &mut Look) {
        look.when = Instant::now();
        let stamp = stamp(&self.path);
        if look.seen != stamp {
            (look.seen, look.since) = (stamp, look.when);
        }
        if look.read == stamp || look.since.elapsed() < RESTED {
            return;
        }
        look.read = stamp;
        if let Some(held) = (self.read)(&self.path) {
            *self.held.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(held);
        }
    }
}

#[cfg(test)]
impl<T> Followed<T> {
    /// As if this much time had passed since it was looked at last.
    pub(crate) fn wait(&self, time: Duration) {
        let mut look = self.look.lock().unwrap();
        look.when = look.when.checked_sub(time).unwrap();
        look.since = look.since.checked_sub(time).unwrap();
    }

    /// As if it had been looked at all the time.
    pub(crate) fn look_until_it_rests(&self) {
        self.look();
        self.wait(RESTED);
        self.look();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(path: &Path) -> Option<u32> {
        fs::read_to_string(path).ok()?.parse().ok()
    }

    fn one() -> (tempfile::TempDir, Followed<u32>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        fs::write(&path, "1").unwrap();
        let followed = Followed::new(path.clone(), stamp(&path), 1, number);
        (folder, followed)
    }

    #[test]
    fn a_file_is_followed_once_it_rests_and_what_is_wrong_changes_nothing() {
        let (_folder, followed) = one();
        let mut said = Vec::new();
        for text in [Some("22"), Some("333"), Some("4, no number"), None, Some("55555")] {
            match text {
                Some(text) => fs::write(&followed.path, text).unwrap(),
                None => fs::remove_file(&followed.path).unwrap(),
            }
            // However often it is looked at.
            for _ in 0..3 {
                followed.look();
            }
            let at_once = *followed.now();
            followed.wait(RESTED);
            followed.look();
            said.push((at_once, *followed.now()));
        }
        assert_eq!(said, [(1, 22), (22, 333), (333, 333), (333, 333), (333, 55555)]);
    }

    #[test]
    fn a_file_that_goes_on_changing_does_not_rest() {
        let (_folder, followed) = one();
        for length in 2..6 {
            fs::write(&followed.path, "2".repeat(length)).unwrap();
            followed.wait(RESTED);
            followed.look();
            assert_eq!(*followed.now(), 1);
        }
    }

    #[test]
    fn where_nobody_looks_whoever_asks_does_and_waits_for_no_other() {
        let (_folder, followed) = one();
        fs::write(&followed.path, "22").unwrap();
        for _ in 0..3 {
            followed.wait(RESTED);
            assert_eq!(*followed.now(), 1, "it was looked at not long ago");
        }
        followed.wait(LEFT_ALONE);
        assert_eq!(*followed.now(), 1, "seen for the first time");
        followed.wait(LEFT_ALONE);
        assert_eq!(*followed.now(), 22);
        fs::write(&followed.path, "333").unwrap();
        followed.look();
        followed.wait(LEFT_ALONE);
        let other = followed.look.lock().unwrap();
        assert_eq!(*followed.now(), 22, "while another one looks");
        drop(other);
        assert_eq!(*followed.now(), 333);
    }

    #[test]
    fn one_look_that_failed_badly_is_not_the_last() {
        let (_folder, followed) = one();
        fs::write(&followed.path, "22").unwrap();
        followed.look();
        followed.wait(LEFT_ALONE);
        std::thread::scope(|scope| {
            let failing = scope.spawn(|| {
                let _look = followed.look.lock().unwrap();
                panic!("for the test");
            });
            assert!(failing.join().is_err());
        });
        assert!(followed.look.is_poisoned());
        assert_eq!(*followed.now(), 22);
    }
}
