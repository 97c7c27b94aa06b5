//! Plain requests for what is at hand, answered before hyper sees the connection.
//!
//! Most requests are a `GET` of a page or a small file that was asked for before. Their answers lie ready with their heads
//! ([`Prepared`]), so all that is left is to find the end of the request, look the answer up, and hand it to the socket
//! in one call. The first request that is anything else (another method, a body, credentials, a range, an answer that
//! is not at hand, a head that is odd in any way) goes with its connection to hyper, and stays there: everything that
//! must be judged is judged in one place.

use std::{
    fs::File,
    future::{Future as _, poll_fn},
    io::{self, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    net::TcpStream,
    sync::watch,
    time::{Instant, Sleep},
};

use super::{
    Site, date,
    request::{Parsed, Plain, parse},
};
use crate::{
    config::WireLimits,
    http::{conditional, prepared::PreparedBody},
    python::http::hot::{Answer, Asked, Hot},
};

/// Heads that are longer than this are hyper's affair.
const BUFFER: usize = 4096;

/// Bodies of more pieces than this are hyper's affair.
const PIECES: usize = 8;

/// What became of a connection.
pub(super) enum Left {
    /// It is over.
    Closed,
    /// It is hyper's now, with these bytes that were read of it.
    Handed(TcpStream, Bytes),
}

/// Answers plain requests for as long as there is nothing else.
pub(super) async fn serve(
    stream: TcpStream,
    site: &Site,
    wire: &WireLimits,
    mut stop: watch::Receiver<bool>,
) -> Left {
    let mut connection = Connection {
        stream,
        buffer: BytesMut::with_capacity(BUFFER),
        timer: Box::pin(tokio::time::sleep(wire.head_timeout)),
        since: Instant::now(),
    };
    // Asked for again and again, and made once.
    let mut stopping = pin!(async move { stop.wait_for(|stop| *stop).await.map(|_| ()) });
    loop {
        let (wanted, len) = match parse(&connection.buffer) {
            Parsed::Plain(plain, len) => (find(&site.hot, &plain), len),
            Parsed::Unfinished if connection.buffer.len() < BUFFER => {
                let read = poll_fn(|context| {
                    let read = connection.poll_read(context, wire);
                    // Whoever is in the middle of a request may finish it.
                    let may_stop = read.is_pending() && connection.buffer.is_empty();
                    if may_stop && stopping.as_mut().poll(context).is_ready() {
                        return Poll::Ready(Ok(0));
                    }
                    read
                });
                match read.await {
                    Ok(1..) => continue,
                    _ => return Left::Closed,
                }
            }
            Parsed::Unfinished | Parsed::Other => (None, 0),
        };
        let Some(answer) = wanted else {
            return Left::Handed(connection.stream, connection.buffer.freeze());
        };
        if connection.write(&answer, wire).await.is_err() {
            return Left::Closed;
        }
        site.tally.count_ready(answer.is_fresh);
        connection.buffer.advance(len);
        connection.since = Instant::now();
    }
}

fn find(hot: &Hot, plain: &Plain<'_>) -> Option<Answer> {
    let asked = Asked {
        is_head: plain.is_head,
        accept: plain.accept,
        accept_encoding: plain.accept_encoding,
        user_agent: plain.user_agent,
    };
    let has = |etag: &[u8]| plain.if_none_match.is_some_and(|value| conditional::names(value, etag));
    let answer = hot.find(plain.path, asked, has)?;
    match &answer.prepared.body {
        PreparedBody::Pieces(pieces, _) if pieces.len() > PIECES => None,
        PreparedBody::Whole(_) | PreparedBody::Pieces(..) => Some(answer),
    }
}

struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    timer: Pin<Box<Sleep>>,
    /// Since when the client is waited for.
    since: Instant,
}

impl Connection {
    /// Reads more; 0 at the end of the stream, and for a client that takes too long.
    fn poll_read(&mut self, context: &mut Context<'_>, wire: &WireLimits) -> Poll<io::Result<usize>> {
        let mut space = [0; BUFFER];
        let room = BUFFER - self.buffer.len();
        let mut buffer = ReadBuf::new(&mut space[..room]);
        match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
            Poll::Ready(read) => {
                self.buffer.extend_from_slice(buffer.filled());
                Poll::Ready(read.map(|()| buffer.filled().len()))
            }
            Poll::Pending if self.is_late(context, self.since + wire.head_timeout) => Poll::Ready(Ok(0)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Sends an answer; an error if the client does not read it.
    async fn write(&mut self, answer: &Answer, wire: &WireLimits) -> io::Result<()> {
        let Answer { prepared, is_fresh, is_head } = answer;
        let date = date::line();
        let head = if *is_fresh { &prepared.fresh_head } else { &prepared.head };
        let mut slices = [IoSlice::new(&[]); PIECES + 2];
        slices[0] = IoSlice::new(head);
        slices[1] = IoSlice::new(&date);
        if *is_fresh || *is_head {
            return self.write_slices(&mut slices[..2], wire).await;
        }
        if let Some((file, len)) = prepared.shared() {
            let head = [head, &date[..]].concat();
            return self.write_shared(&head, file, len, wire).await;
        }
        let mut count = 2;
        match &prepared.body {
            PreparedBody::Whole(bytes) => {
                slices[count] = IoSlice::new(bytes);
                count += 1;
            }
            PreparedBody::Pieces(pieces, _) => {
                for piece in pieces.iter() {
                    slices[count] = IoSlice::new(piece);
                    count += 1;
                }
            }
        }
        self.write_slices(&mut slices[..count], wire).await
    }

    async fn write_slices(&mut self, mut rest: &mut [IoSlice<'_>], wire: &WireLimits) -> io::Result<()> {
        let mut until = None;
        poll_fn(|context| {
            while !rest.is_empty() {
                match Pin::new(&mut self.stream).poll_write_vectored(context, rest) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(written)) => {
                        IoSlice::advance_slices(&mut rest, written);
                        until = None;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return self.poll_late(context, &mut until, wire),
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Sends a head, and then a file in memory without copying it.
    #[cfg(target_os = "linux")]
    async fn write_shared(
        &mut self,
        head: &[u8],
        file: &File,
        len: usize,
        wire: &WireLimits,
    ) -> io::Result<()> {
        use rustix::{
            fs::sendfile,
            net::{SendFlags, send},
        };
        use tokio::io::Interest;
        let (mut sent, mut offset, mut until) = (0, 0_u64, None);
        poll_fn(|context| {
            loop {
                let rest = len - usize::try_from(offset).unwrap_or(len);
                if sent == head.len() && rest == 0 {
                    return Poll::Ready(Ok(()));
                }
                match self.stream.poll_write_ready(context) {
                    Poll::Ready(ready) => ready?,
                    Poll::Pending => return self.poll_late(context, &mut until, wire),
                }
                let stream = &self.stream;
                let written = stream.try_io(Interest::WRITABLE, || {
                    if sent < head.len() {
                        // The body follows: it may go in the same packet.
                        sent += send(stream, &head[sent..], SendFlags::MORE | SendFlags::NOSIGNAL)?;
                        return Ok(1);
                    }
                    Ok(sendfile(stream, file, Some(&mut offset), rest)?)
                });
                match written {
                    Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    Ok(_) => until = None,
                    // The readiness was old news; it is asked for again.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        })
        .await
    }

    #[cfg(not(target_os = "linux"))]
    async fn write_shared(&mut self, _: &[u8], _: &File, _: usize, _: &WireLimits) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits for a client that reads nothing, up to a time that is set when the waiting begins.
    fn poll_late(
        &mut self,
        context: &mut Context<'_>,
        until: &mut Option<Instant>,
        wire: &WireLimits,
    ) -> Poll<io::Result<()>> {
        let until = *until.get_or_insert_with(|| Instant::now() + wire.stall_timeout);
        if self.is_late(context, until) {
            Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
        } else {
            Poll::Pending
        }
    }

    /// Whether it is later than this. The timer is set anew only when it has run out: on the way from one request to
    /// the next nothing is done about it.
    fn is_late(&mut self, context: &mut Context<'_>, until: Instant) -> bool {
        if self.timer.deadline() > until {
            self.timer.as_mut().reset(until);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= until {
                return true;
            }
            self.timer.as_mut().reset(until);
        }
        false
    }
}
