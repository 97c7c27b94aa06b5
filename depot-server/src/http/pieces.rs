//! A response body of many pieces that lie in memory already and are not put together for it.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Pieces, sent one after another.
pub(crate) struct Pieces {
    all: Arc<[Bytes]>,
    next: usize,
    rest: u64,
}

impl Pieces {
    /// All of the pieces, which are `len` bytes in all.
    pub(crate) fn new(pieces: Arc<[Bytes]>, len: u64) -> Self {
        Self { all: pieces, next: 0, rest: len }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while let Some(piece) = self.all.get(self.next).cloned() {
            self.next += 1;
            if !piece.is_empty() {
                self.rest -= piece.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.rest == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest)
    }
}
