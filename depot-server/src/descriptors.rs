//! How the process's file descriptors are shared out, so that no use of them starves another.

/// What each use may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Connections.
    pub(crate) connections: usize,
    /// Files kept open for those who ask for them.
    pub(crate) open_files: u64,
    /// Those that come from other indexes, of all of them together.
    pub(crate) pulled_files: u64,
    /// Questions to other indexes at the same time, to all of them together: as many for files, with three each, as for
    /// pages and metadata.
    pub(crate) questions: usize,
    /// Uploads that are received, two or three each.
    pub(crate) uploads: usize,
    /// Long pages that lie in files in memory.
    pub(crate) pages: usize,
}

impl Shares {
    /// The shares of a process that may have this many descriptors. Half go to connections; an eighth to open files, and
    /// some more to uploads and to other indexes, up to what is useful; the rest is for the store, the journal, listing
    /// folders and logging.
    pub(crate) fn of(limit: u64) -> Self {
        Self {
            connections: usize::try_from(limit / 2).unwrap_or(usize::MAX).clamp(8, 1 << 20),
            open_files: (limit / 16).clamp(4, 256),
            pulled_files: (limit / 16).clamp(4, 256),
            questions: usize::try_from(limit / 64).unwrap_or(usize::MAX).clamp(1, 4096),
            uploads: usize::try_from(limit / 20).unwrap_or(usize::MAX).clamp(2, 256),
            pages: usize::try_from(limit / 32).unwrap_or(usize::MAX).clamp(1, 64),
        }
    }

    /// The shares of this process as it is.
    pub(crate) fn now() -> Self {
        Self::of(limit())
    }
}

/// Asks for as many descriptors as the process may have: the usual limit of 1,024 is there for programs that look at
/// all of them at once.
pub(crate) fn raise() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current < maximum
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        {
            tracing::warn!(%error, "the limit of open files could not be raised");
        }
    }
}

fn limit() -> u64 {
    #[cfg(unix)]
    return rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20);
    #[cfg(not(unix))]
    return 8192;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_starved_however_few_there_are() {
        let all = |shares: &Shares| [shares.open_files, shares.pulled_files, shares.connections as u64];
        let some = |shares: &Shares| [shares.questions, shares.uploads, shares.pages];
        for (limit, files, others) in [
            (64, [4, 4, 32], [1, 3, 2]),
            (1024, [64, 64, 512], [16, 51, 32]),
            (1 << 20, [256, 256, 1 << 19], [4096, 256, 64]),
        ] {
            let shares = Shares::of(limit);
            assert_eq!((all(&shares), some(&shares)), (files, others), "{limit}");
        }
    }

    #[test]
    fn all_of_them_together_are_fewer_than_there_are() {
        for limit in [64, 256, 1024, 4096, 1 << 16, 1 << 20] {
            let Shares { connections, open_files, pulled_files, questions, uploads, pages } =
                Shares::of(limit);
            // An upload has up to three, a download the connection, the file that is written and the one that is read.
            let together = connections + 3 * uploads + 4 * questions + pages;
            assert!(together as u64 + open_files + pulled_files <= limit - limit / 16, "{limit}");
        }
    }
}
