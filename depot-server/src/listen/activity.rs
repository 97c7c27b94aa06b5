//! Whether anything moves on a connection of HTTP/2: hyper pings its other end, and one that answers pings and does
//! nothing else would be kept for ever.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// What moves on a connection.
pub(super) struct Activity {
    last: Mutex<Instant>,
    /// Requests that are being worked on: how slowly their bodies may come is judged where they are read.
    working: AtomicUsize,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { last: Mutex::new(Instant::now()), working: AtomicUsize::new(0) })
    }

    /// A request is worked on for as long as the answer lives.
    pub(super) fn work(self: &Arc<Self>) -> Working {
        self.working.fetch_add(1, Ordering::Relaxed);
        Working(Arc::clone(self))
    }

    fn note(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Done when nothing has moved for this long.
    pub(super) async fn ceases(&self, limit: Duration) {
        loop {
            let until = *self.last.lock().unwrap_or_else(PoisonError::into_inner) + limit;
            if Instant::now() < until {
                tokio::time::sleep_until(until).await;
            } else if self.working.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(limit).await;
            } else {
                return;
            }
        }
    }
}

/// A request that is worked on.
pub(super) struct Working(Arc<Activity>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.note();
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer; each piece that the connection takes of it is a sign of life.
pub(super) struct Taken<B> {
    body: B,
    activity: Arc<Activity>,
}

impl<B> Taken<B> {
    pub(super) fn new(body: B, activity: Arc<Activity>) -> Self {
        Self { body, activity }
    }
}

impl<B: Body + Unpin> Body for Taken<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let poll = Pin::new(&mut self.body).poll_frame(context);
        if poll.is_ready() {
            self.activity.note();
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_moves_ceases() {
        let (activity, started) = (Activity::new(), Instant::now());
        let limit = Duration::from_secs(30);
        let other = Arc::clone(&activity);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            let working = other.work();
            tokio::time::sleep(Duration::from_secs(100)).await;
            drop(working);
        });
        activity.ceases(limit).await;
        assert!((150..=181).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    }
}
