//! What is left of a body that was refused. Most clients read no answer before they have sent everything, and learn
//! nothing but that the connection broke if it is closed on what they send; so it is taken, and thrown away.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Version, header},
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::{sync::oneshot, time::timeout};

/// How much is taken of a body that says not how long it is, or that it is longer than any that could be taken.
const MOST: u64 = 8 << 20;

/// For how long it is taken.
const AT_MOST: Duration = Duration::from_secs(10);

/// For how long nothing may come: who stopped sending reads already.
const STALL: Duration = Duration::from_secs(2);

/// What a handler will leave of a body.
pub(crate) struct Leftover {
    left: Option<oneshot::Receiver<Rest>>,
    /// Whether the client waits to be told to send it.
    waits: bool,
    /// What it says its length is.
    length: Option<u64>,
}

/// The unread part of a body.
struct Rest {
    body: Body,
    /// Whether some of it was asked for: whoever waited for that was told to send.
    begun: bool,
}

impl Leftover {
    /// The same request, and what will be left of its body.
    pub(crate) fn watch(request: Request) -> (Request, Self) {
        // HTTP/2 stops the sender of one body without breaking anything.
        if request.version() > Version::HTTP_11 || request.body().is_end_stream() {
            return (request, Self { left: None, waits: false, length: None });
        }
        let waits = request.headers().contains_key(header::EXPECT);
        let length = request.body().size_hint().exact();
        let (back, left) = oneshot::channel();
        let watched = |body| Body::new(Watched { rest: Rest { body, begun: false }, back: Some(back) });
        (request.map(watched), Self { left: Some(left), waits, length })
    }

    /// Takes what is left, when the handler has refused the request. `longest` is the longest body that could be taken; one
    /// that is no longer is taken whole if it comes in time. The connection of any other is closed with the answer.
    pub(crate) async fn settle(self, longest: u64, answer: &mut HeaderMap) {
        // One that was read to its end is not given back.
        let Some(Ok(rest)) = self.left.map(|mut left| left.try_recv()) else { return };
        let most = self.length.filter(|length| *length <= longest).unwrap_or(MOST);
        // Who waits to be told to go on is not told so, only to be refused.
        let is_coming = !self.waits || rest.begun;
        if !is_coming || !take(rest.body, most).await {
            answer.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Takes so many bytes of a body; whether that was all of it.
async fn take(mut body: Body, most: u64) -> bool {
    let taking = async {
        let mut taken = 0;
        while taken <= most {
            match timeout(STALL, body.frame()).await {
                Ok(None) => return true,
                Ok(Some(Ok(frame))) => taken += frame.data_ref().map_or(0, |data| data.len() as u64),
                Ok(Some(Err(_))) | Err(_) => return false,
            }
        }
        false
    };
    timeout(AT_MOST, taking).await.unwrap_or(false)
}

/// A body that is given back when it is dropped before its end.
struct Watched {
    rest: Rest,
    /// None once it ended.
    back: Option<oneshot::Sender<Rest>>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.rest.begun = true;
        let polled = Pin::new(&mut self.rest.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.back = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.rest.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(back) = self.back.take()
            && !self.rest.body.is_end_stream()
        {
            let (body, begun) = (std::mem::take(&mut self.rest.body), self.rest.begun);
            // Nobody waits for it where the connection has gone.
            let _ = back.send(Rest { body, begun });
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use futures_util::stream;

    use super::*;

    /// A request with a body of so many pieces, one every so many milliseconds.
    fn request(pieces: usize, size: usize, every: u64) -> Request {
        let pieces = stream::unfold(0, move |sent| async move {
            tokio::time::sleep(Duration::from_millis(every)).await;
            (sent < pieces).then(|| (Ok::<_, std::io::Error>(Bytes::from(vec![0; size])), sent + 1))
        });
        Request::new(Body::from_stream(pieces))
    }

    /// Whether the connection lives on after a handler took so many pieces and refused the rest, and after how many seconds.
    async fn lives_on(request: Request, takes: usize) -> (bool, u64) {
        let (request, leftover) = Leftover::watch(request);
        let mut body = request.into_body();
        for _ in 0..takes {
            let _ = body.frame().await;
        }
        drop(body);
        let (mut headers, started) = (HeaderMap::new(), tokio::time::Instant::now());
        leftover.settle(1 << 30, &mut headers).await;
        (!headers.contains_key(header::CONNECTION), started.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_taken_if_it_comes_soon_and_is_not_too_much() {
        assert_eq!(lives_on(request(5, 1 << 20, 1), 0).await, (true, 0));
        assert_eq!(lives_on(request(5, 1 << 20, 1), 3).await, (true, 0));
        assert_eq!(lives_on(request(3, 10, 1), 4).await, (true, 0), "it was read to its end");
        assert_eq!(lives_on(Request::new(Body::empty()), 0).await, (true, 0));
        // Too much, too slow on the whole, and one that stands still.
        assert_eq!(lives_on(request(5000, 1 << 20, 1), 0).await, (false, 0));
        assert_eq!(lives_on(request(5000, 1, 1000), 0).await, (false, 10));
        assert_eq!(lives_on(request(2, 1, 60_000), 0).await, (false, 2));
    }

    #[tokio::test]
    async fn who_waits_to_be_told_to_send_is_refused_without_a_byte() {
        let mut waiting = request(1, 1, 60_000);
        waiting.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        assert_eq!(lives_on(waiting, 0).await, (false, 0));
    }

    #[tokio::test]
    async fn a_body_that_says_its_length_is_taken_whole_if_it_could_have_been() {
        for (longest, is_taken) in [(20 << 20, true), (19 << 20, false)] {
            let (request, leftover) = Leftover::watch(Request::new(Body::from(vec![0; 20 << 20])));
            drop(request);
            let mut headers = HeaderMap::new();
            leftover.settle(longest, &mut headers).await;
            assert_eq!(headers.is_empty(), is_taken);
        }
    }
}
