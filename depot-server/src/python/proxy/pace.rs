//! The pace at which a file must come: one that drips would hold its place for ever.

use std::time::Duration;

use tokio::time::Instant;

/// A file must come at this pace at least, in bytes a second, on the average over some time of waiting for it.
const LEAST: u64 = 1024;

/// How fast a file comes. Only the time counts in which somebody waits for the upstream: a slow reader is not its fault.
#[derive(Debug)]
pub(super) struct Pace {
    over: Duration,
    since: Instant,
    waited: Duration,
    came: u64,
}

impl Pace {
    /// Begins to wait, and to judge after each such time of waiting.
    pub(super) fn begin(over: Duration) -> Self {
        Self { over, since: Instant::now(), waited: Duration::ZERO, came: 0 }
    }

    /// So many bytes came; false if that is too slow.
    pub(super) fn is_kept(&mut self, len: usize) -> bool {
        self.waited += self.since.elapsed();
        self.came += len as u64;
        self.wait();
        if self.waited < self.over {
            return true;
        }
        let (came, waited) = (std::mem::take(&mut self.came), std::mem::take(&mut self.waited));
        u128::from(came) * 1000 >= u128::from(LEAST) * waited.as_millis()
    }

    /// Waits for the upstream again.
    pub(super) fn wait(&mut self) {
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_drips_is_told_from_what_is_read_slowly() {
        let mut pace = Pace::begin(Duration::from_mins(1));
        for _ in 0..59 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(pace.is_kept(100));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!pace.is_kept(100));
        let mut pace = Pace::begin(Duration::from_mins(1));
        for _ in 0..100 {
            assert!(pace.is_kept(100));
            tokio::time::advance(Duration::from_secs(10)).await;
            pace.wait();
        }
        for _ in 0..200 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(pace.is_kept(2000));
        }
    }
}
