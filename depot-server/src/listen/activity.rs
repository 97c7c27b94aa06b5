//! Whether anything moves on a connection of HTTP/2: hyper pings its other end, and one that answers pings and does
//! nothing else would be kept for ever.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// What is seen of a connection.
#[derive(Default)]
pub(super) struct Activity {
    /// Whether a request was answered whose body was not read to its end.
    pub(super) unread: AtomicBool,
    /// Bytes that the system took.
    pub(super) written: AtomicU64,
    /// Requests that are being worked on: how slowly their bodies may come is judged where they are read.
    working: AtomicUsize,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A request is worked on for as long as the answer lives.
    pub(super) fn work(self: &Arc<Self>) -> Working {
        self.working.fetch_add(1, Ordering::Relaxed);
        Working(Arc::clone(self))
    }

    /// Done when within a window nothing was worked on and fewer bytes than these went out: pings are fewer, and an answer
    /// of which no more is read in that time stands still.
    pub(super) async fn ceases(&self, window: Duration, least: u64) {
        let half = window / 2;
        let mut earlier = self.written.load(Ordering::Relaxed);
        tokio::time::sleep(half).await;
        let mut before = self.written.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(half).await;
            let now = self.written.load(Ordering::Relaxed);
            if self.working.load(Ordering::Relaxed) == 0 && now - earlier < least {
                return;
            }
            (earlier, before) = (before, now);
        }
    }
}

/// A request that is worked on.
pub(super) struct Working(Arc<Activity>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_moves_ceases() {
        let (activity, started) = (Activity::new(), Instant::now());
        let other = Arc::clone(&activity);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            let working = other.work();
            tokio::time::sleep(Duration::from_secs(100)).await;
            drop(working);
            for _ in 0..10 {
                other.written.fetch_add(100, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        });
        activity.ceases(Duration::from_secs(30), 200).await;
        assert!((225..=260).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    }
}
