//! A socket whose other end may not stand still for ever, and that is closed so that the last answer arrives.

use std::{
    future::Future as _,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use super::activity::Activity;
use crate::config::WireLimits;

/// How long, and how much of, what still comes is read and thrown away after an answer to a request whose body was not
/// read: a socket that is closed with unread bytes takes the answer back from a client that has not read it yet.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 8 << 20;

/// A socket under limits of time.
pub(super) struct Timed<S> {
    stream: S,
    /// What was read of it before.
    read: Bytes,
    /// Within this time a blocked writer must get rid of `least` bytes.
    window: Duration,
    least: u64,
    /// Bytes written since the timer was set.
    written: u64,
    /// Whether the last write found no space.
    blocked: bool,
    timer: Option<Pin<Box<Sleep>>>,
    activity: Arc<Activity>,
    /// Set when the writing side was closed: until when what comes is read, and how much of it.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Timed<S> {
    /// A socket of which `read` was read already.
    pub(super) fn new(stream: S, read: Bytes, wire: &WireLimits, activity: Arc<Activity>) -> Self {
        let window = wire.stall_timeout;
        let least = wire.min_body_rate.saturating_mul(window.as_secs()).max(1);
        Self {
            stream,
            read,
            window,
            least,
            written: 0,
            blocked: false,
            timer: None,
            activity,
            lingering: None,
        }
    }

    /// Notes what a write came to, and breaks a connection whose other end hardly reads.
    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        poll: Poll<io::Result<T>>,
        bytes: impl Fn(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        match poll {
            Poll::Ready(done) => {
                self.blocked = false;
                let written = done.as_ref().map_or(0, bytes) as u64;
                self.written += written;
                self.activity.written.fetch_add(written, Ordering::Relaxed);
                Poll::Ready(done)
            }
            Poll::Pending => {
                let window = self.window;
                let fresh = self.timer.is_none();
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(window)));
                if fresh {
                    self.written = 0;
                }
                let was_blocked = std::mem::replace(&mut self.blocked, true);
                while timer.as_mut().poll(context).is_ready() {
                    // A timer that ran out while nothing was blocked says nothing.
                    if was_blocked && self.written < self.least {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    self.written = 0;
                    timer.as_mut().reset(Instant::now() + window);
                }
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.read.is_empty() {
            let len = self.read.len().min(buffer.remaining());
            buffer.put_slice(&self.read.split_to(len));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, poll, |written| *written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, poll, |written| *written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, poll, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !this.activity.unread.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        let (until, read) = this.lingering.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), 0));
        let mut space = [0; 16 * 1024];
        while *read < LINGER_BYTES && until.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *read += buffer.filled().len(),
                // The other end has closed its side too, or is gone.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A request's body, which tells when it was not read to its end.
pub(super) struct Noted {
    body: Incoming,
    activity: Arc<Activity>,
}

impl Noted {
    pub(super) fn new(body: Incoming, activity: Arc<Activity>) -> Self {
        Self { body, activity }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if !self.body.is_end_stream() {
            self.activity.unread.store(true, Ordering::Relaxed);
        }
    }
}

impl Body for Noted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    fn limits() -> WireLimits {
        WireLimits { stall_timeout: Duration::from_secs(30), min_body_rate: 1, ..WireLimits::default() }
    }

    fn unread() -> Arc<Activity> {
        let activity = Activity::new();
        activity.unread.store(true, Ordering::Relaxed);
        activity
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stands_still_is_left() {
        let (near, _far) = duplex(1024);
        let started = Instant::now();
        let error =
            Timed::new(near, Bytes::new(), &limits(), unread()).write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!((30..=61).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_slow_but_reads_is_waited_for() {
        let (near, mut far) = duplex(1024);
        let reading = tokio::spawn(async move {
            let mut read = 0;
            let mut space = [0; 512];
            while let Ok(some @ 1..) = far.read(&mut space).await {
                read += some;
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
            read
        });
        let mut near = Timed::new(near, Bytes::new(), &limits(), unread());
        near.write_all(&[0; 16 * 1024]).await.unwrap();
        drop(near);
        assert_eq!(reading.await.unwrap(), 16 * 1024);
    }

    #[tokio::test(start_paused = true)]
    async fn a_close_waits_for_what_is_still_sent_but_not_for_ever() {
        let (near, mut far) = duplex(1024);
        let sending = tokio::spawn(async move {
            while far.write_all(&[0; 512]).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let started = Instant::now();
        // A sender that never ends.
        let mut near = Timed::new(near, Bytes::new(), &limits(), unread());
        near.shutdown().await.unwrap();
        drop(near);
        assert!(started.elapsed() <= LINGER + Duration::from_secs(1));
        sending.await.unwrap();
    }
}
