//! Reading the body of a request from a client that may not be as slow as it likes.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use depot_proto::ErrorCode;
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::error::{ApiError, ApiResult};
use crate::config::WireLimits;

/// A body under limits of time: it may stand still for a while, and must keep up a least rate on average.
pub(crate) struct Paced {
    body: Body,
    stall: Duration,
    rate: u64,
    grace: Duration,
    /// When the least rate begins to count; none before the first bytes are asked for, as who must wait for a place may
    /// have been told not to send yet.
    counts_from: Option<Instant>,
    received: u64,
}

impl Paced {
    /// The body, from now on.
    pub(crate) fn new(body: Body, wire: &WireLimits) -> Self {
        let (stall, rate) = (wire.stall_timeout, wire.min_body_rate);
        Self { body, stall, rate, grace: wire.body_grace, counts_from: None, received: 0 }
    }

    /// The next bytes; none at the end. What lies ready is read however late it is.
    pub(crate) async fn next(&mut self) -> ApiResult<Option<Bytes>> {
        loop {
            let frame = tokio::time::timeout_at(self.deadline(), self.body.frame()).await;
            match frame.map_err(|_| ApiError::body_timeout())? {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.received += data.len() as u64;
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => {
                    let detail = format!("the body ended before it was whole: {error}");
                    return Err(ApiError::bad_request(ErrorCode::Truncated, detail));
                }
            }
        }
    }

    /// Does not count so much time, in which nobody asked for the next bytes: the client is not to blame for it.
    pub(crate) fn excuse(&mut self, busy: Duration) {
        if let Some(counts_from) = &mut self.counts_from {
            *counts_from += busy;
        }
    }

    /// The whole of a small body.
    pub(crate) async fn read_small(&mut self, limit: usize) -> ApiResult<Vec<u8>> {
        let mut read = Vec::new();
        while let Some(chunk) = self.next().await? {
            if read.len() + chunk.len() > limit {
                let detail = format!("the document is larger than the {limit} bytes taken here");
                return Err(ApiError::too_large(detail));
            }
            read.extend_from_slice(&chunk);
        }
        Ok(read)
    }

    /// When the next bytes must be there: before it stood still for too long, and before the average falls too low.
    fn deadline(&mut self) -> Instant {
        let now = Instant::now();
        let counts_from = *self.counts_from.get_or_insert(now + self.grace);
        match self.received.checked_div(self.rate) {
            None => now + self.stall,
            Some(paid_for) => (now + self.stall).min(counts_from + Duration::from_secs(paid_for)),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    /// A body of chunks of this size, one every so many seconds.
    fn body(size: usize, every: u64, chunks: usize) -> Body {
        Body::from_stream(stream::unfold(0, move |sent| async move {
            if sent == chunks {
                return None;
            }
            tokio::time::sleep(Duration::from_secs(every)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from(vec![0; size])), sent + 1))
        }))
    }

    async fn read(body: Body) -> (ApiResult<Vec<u8>>, u64) {
        let started = Instant::now();
        let read = Paced::new(body, &WireLimits::default()).read_small(1 << 20).await;
        (read, started.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_the_server_takes_is_not_the_clients() {
        for excused in [false, true] {
            let mut paced = Paced::new(body(2048, 2, 60), &WireLimits::default());
            paced.next().await.unwrap();
            let busy = Duration::from_mins(10);
            tokio::time::sleep(busy).await;
            if excused {
                paced.excuse(busy);
            }
            assert_eq!(paced.next().await.is_ok(), excused);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_given_up_and_a_steady_one_is_not() {
        assert_eq!(read(body(2048, 1, 60)).await.0.unwrap().len(), 2048 * 60);
        // In the time of grace anything goes.
        assert_eq!(read(body(1, 1, 9)).await.0.unwrap().len(), 9);
        let (refused, after) = read(body(100, 1, 600)).await;
        assert_eq!(refused.unwrap_err().problem.status, 408);
        assert!((10..=12).contains(&after), "{after}");
        let (refused, after) = read(body(1 << 19, 40, 2)).await;
        assert_eq!((refused.unwrap_err().problem.status, after), (408, 10));
    }
}
