//! Waiting for a server for as long as something moves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How often a request moved on so far. The timeouts of the HTTP client would count the time that a body takes to be
/// sent, and a large file takes its time.
#[derive(Clone, Debug, Default)]
pub(super) struct Moved(Arc<AtomicU64>);

impl Moved {
    /// It moved on.
    pub(super) fn on(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Waits for this to be done; none if nothing moved for so long.
pub(super) async fn while_it_moves<T>(
    moved: &Moved,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    loop {
        let before = moved.so_far();
        match tokio::time::timeout(limit, work.as_mut()).await {
            Ok(done) => return Some(done),
            Err(_) if moved.so_far() == before => return None,
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_moves_is_waited_for_longer_than_the_limit_and_what_does_not_is_given_up() {
        let moved = Moved::default();
        let slow = async {
            for _ in 0..40 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                moved.on();
            }
        };
        let limit = Duration::from_secs(1);
        assert_eq!(while_it_moves(&moved, limit, slow).await, Some(()));
        assert_eq!(while_it_moves(&moved, limit, std::future::pending::<()>()).await, None);
    }
}
