//! Buffers that file bodies read into, used again: a fresh one of this size costs the kernel sixty-four page faults.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// The size of a buffer, in bytes; measured as the best for files in the page cache.
pub(super) const CHUNK: usize = 256 * 1024;

/// The most buffers kept while nobody uses them: 16 MiB.
const MAX_IDLE: usize = 64;

static IDLE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// A buffer that goes back where it came from.
pub(super) struct Chunk {
    buffer: Box<[u8]>,
    filled: usize,
}

impl Chunk {
    pub(super) fn take() -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { buffer: idle.unwrap_or_else(|| vec![0; CHUNK].into_boxed_slice()), filled: 0 }
    }

    /// The first `len` bytes, to be read into.
    pub(super) fn space(&mut self, len: usize) -> &mut [u8] {
        let len = len.min(CHUNK);
        &mut self.buffer[..len]
    }

    /// The first `filled` bytes, to be sent; the buffer comes back when they were.
    pub(super) fn freeze(mut self, filled: usize) -> Bytes {
        self.filled = filled.min(CHUNK);
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(buffer);
        }
    }
}
