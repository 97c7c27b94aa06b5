//! How the process's file descriptors are shared out, so that no use of them starves another.

/// What each use may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Connections.
    pub(crate) connections: usize,
    /// Files kept open for those who ask for them.
    pub(crate) open_files: u64,
    /// Uploads that are received, two or three each.
    pub(crate) uploads: usize,
    /// Long pages that lie in files in memory.
    pub(crate) pages: usize,
}

impl Shares {
    /// The shares of a process that may have this many descriptors. Half go to connections; an eighth to open files and
    /// to uploads each, up to what is useful; the rest is for the store, the journal, listing folders and logging.
    pub(crate) fn of(limit: u64) -> Self {
        Self {
            connections: usize::try_from(limit / 2).unwrap_or(usize::MAX).clamp(8, 1 << 20),
            open_files: (limit / 8).clamp(4, 256),
            uploads: usize::try_from(limit / 16).unwrap_or(usize::MAX).clamp(2, 256),
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
        assert_eq!(Shares::of(64), Shares { connections: 32, open_files: 8, uploads: 4, pages: 2 });
        assert_eq!(Shares::of(1024), Shares { connections: 512, open_files: 128, uploads: 64, pages: 32 });
        assert_eq!(
            Shares::of(1 << 20),
            Shares { connections: 1 << 19, open_files: 256, uploads: 256, pages: 64 }
        );
    }
}
