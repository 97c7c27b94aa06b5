//! A response body that reads a file: without blocking where the page cache has the bytes, on a blocking thread
//! otherwise.

use std::{
    fs::File,
    io,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::chunk::{CHUNK, Chunk};

/// A part of a file as a body.
pub(crate) struct FileBody {
    file: Arc<File>,
    rest: Range<u64>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    /// The bytes of `file` in `range`, which it must have.
    pub(crate) fn new(file: Arc<File>, range: Range<u64>) -> Self {
        Self { file, rest: range, reading: None }
    }

    fn next_len(&self) -> usize {
        usize::try_from(self.rest.end - self.rest.start).unwrap_or(CHUNK).min(CHUNK)
    }

    /// What the page cache has; none if reading would wait.
    #[cfg(target_os = "linux")]
    fn read_now(&self) -> Option<Bytes> {
        use rustix::io::{ReadWriteFlags, preadv2};
        let mut chunk = Chunk::take();
        let mut space = [io::IoSliceMut::new(chunk.space(self.next_len()))];
        match preadv2(&*self.file, &mut space, self.rest.start, ReadWriteFlags::NOWAIT) {
            // Some kernels answer 0 where they mean "not now", so it is not taken for the end.
            Ok(0) | Err(_) => None,
            Ok(read) => Some(chunk.freeze(read)),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn read_now(&self) -> Option<Bytes> {
        None
    }

    fn read_later(&self) -> JoinHandle<io::Result<Bytes>> {
        let (file, start, len) = (Arc::clone(&self.file), self.rest.start, self.next_len());
        tokio::task::spawn_blocking(move || {
            let mut chunk = Chunk::take();
            match depot_tree::read_at(&file, chunk.space(len), start)? {
                // The file is shorter than it was: the connection must break, not end well.
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                read => Ok(chunk.freeze(read)),
            }
        })
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.reading.is_none() {
            if let Some(bytes) = self.read_now() {
                self.rest.start += bytes.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            self.reading = Some(self.read_later());
        }
        let Some(reading) = self.reading.as_mut() else { return Poll::Pending };
        let read = match Pin::new(reading).poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(read) => read.unwrap_or_else(|stopped| Err(io::Error::other(stopped))),
        };
        self.reading = None;
        Poll::Ready(Some(read.map(|bytes| {
            self.rest.start += bytes.len() as u64;
            Frame::data(bytes)
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.end - self.rest.start)
    }
}
