//! Where the bytes of a file go while it is fetched: to the tree's `tmp/`, where those who wait for it read them.

use std::{fs::File, io, sync::Arc, time::Duration};

use bytes::Bytes;
use depot_index::{Begun, Downloaded, Sink};
use depot_proto::ProjectName;
use depot_tree::{Incoming, Tree, TreeError, read_at};
use tokio::time::Instant;

use super::{
    error::ProxyError,
    flight::{Flight, HELD_BACK},
    pace::Pace,
};

/// How much is gathered before it is written, in bytes, and for how long.
const BUFFER: usize = 256 * 1024;
/// How much of the beginning is: whoever waits for the first bytes has them at once.
const FIRST: u64 = 16 * 1024;
const GATHERED_FOR: Duration = Duration::from_millis(50);

/// A file on its way into the tree.
pub(super) struct Writer {
    flight: Arc<Flight>,
    incoming: Option<Incoming>,
    buffer: Vec<u8>,
    flushed: Instant,
    /// How much came again of a file that is sent once more from its start: those who follow it must not notice.
    again: Option<u64>,
    /// The size of the whole, if it is known.
    size: Option<u64>,
    /// Whether anybody said how long the file is.
    pub(super) is_sized: bool,
    pace: Pace,
    /// Why it does not go on, where that is not the upstream's fault.
    pub(super) failure: Option<ProxyError>,
}

impl Writer {
    /// Begins a file of this size, if it is known. May block.
    pub(super) fn begin(
        tree: &Tree,
        project: &ProjectName,
        flight: Arc<Flight>,
        size: Option<u64>,
        pace: Pace,
    ) -> Result<Self, TreeError> {
        let incoming = tree.begin(project)?;
        if let Some(size) = size {
            flight.announced(size);
        }
        flight.reads(incoming.reader()?);
        Ok(Self {
            flight,
            incoming: Some(incoming),
            buffer: Vec::new(),
            flushed: Instant::now(),
            again: None,
            size,
            is_sized: size.is_some(),
            pace,
            failure: None,
        })
    }

    /// Ends a file that was found to be this.
    pub(super) async fn finish(mut self, downloaded: &Downloaded) -> Result<Incoming, ProxyError> {
        let what = self.flight.what.clone();
        let flushed = self.flush().await;
        let is_whole = self.again.is_none();
        let incoming = self.incoming.take().filter(|_| flushed.is_ok());
        let incoming =
            incoming.ok_or_else(|| self.failure.unwrap_or_else(|| ProxyError::broken_off(&what)))?;
        // Who follows was told a size: of a file that came at another one at last, they would take a part for the whole.
        let is_as_told = self.size.is_none_or(|size| size == downloaded.size);
        if !is_whole || !is_as_told || incoming.size() != downloaded.size {
            return Err(differs(&what));
        }
        Ok(incoming)
    }

    /// How much is gathered now: little at first, and more as it goes on. Of what is held back nobody waits for a part.
    fn enough(&self) -> usize {
        match self.size {
            Some(size) if size <= HELD_BACK => BUFFER,
            _ => usize::try_from(self.written().max(FIRST)).unwrap_or(BUFFER).min(BUFFER),
        }
    }

    fn written(&self) -> u64 {
        self.incoming.as_ref().map_or(0, Incoming::size)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.flushed = Instant::now();
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut incoming = self.incoming.take().ok_or_else(gone)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = tokio::task::spawn_blocking(move || {
            incoming.write(&buffer).map(|()| {
                buffer.clear();
                (incoming, buffer)
            })
        });
        match written.await.map_err(io::Error::other)? {
            Ok((incoming, buffer)) => {
                self.flight.written(incoming.size(), self.size);
                (self.incoming, self.buffer) = (Some(incoming), buffer);
                Ok(())
            }
            Err(error) => Err(self.fail(ProxyError::disk(&self.flight.what, error))),
        }
    }

    /// Compares what comes again with what is here, and returns what goes beyond it.
    async fn compare(&mut self, at: u64, mut chunk: Bytes) -> io::Result<Bytes> {
        let here = self.written().saturating_sub(at);
        let part = chunk.split_to(usize::try_from(here).unwrap_or(usize::MAX).min(chunk.len()));
        let end = at + part.len() as u64;
        self.again = (end < self.written()).then_some(end);
        let file = Arc::clone(self.flight.file().ok_or_else(gone)?);
        let same = tokio::task::spawn_blocking(move || is_at(&file, at, &part));
        if !same.await.map_err(io::Error::other)?? {
            return Err(self.fail(differs(&self.flight.what)));
        }
        Ok(chunk)
    }

    fn too_slow(&mut self) -> io::Error {
        let (what, reason) = (self.flight.what.clone(), "it comes too slowly".to_owned());
        self.fail(ProxyError::Unreachable { what, reason, retry_after: None })
    }

    fn fail(&mut self, error: ProxyError) -> io::Error {
        let words = error.to_string();
        self.failure = Some(error);
        io::Error::other(words)
    }
}

impl Sink for Writer {
    fn restart(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.again = (self.written() > 0).then_some(0);
        Ok(())
    }

    fn begun(&mut self, begun: &Begun<'_>) -> io::Result<()> {
        self.is_sized |= begun.length.is_some();
        if let (None, Some(length)) = (self.size, begun.length) {
            self.size = Some(length);
            self.flight.announced(length);
        }
        Ok(())
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        if !self.pace.is_kept(chunk.len()) {
            return Err(self.too_slow());
        }
        let chunk = match self.again {
            Some(at) => self.compare(at, chunk).await?,
            None => chunk,
        };
        self.buffer.extend_from_slice(&chunk);
        if self.buffer.len() >= self.enough() || self.flushed.elapsed() >= GATHERED_FOR {
            self.flush().await?;
        }
        self.pace.wait();
        Ok(())
    }
}

fn differs(what: &str) -> ProxyError {
    let reason = "it broke off, and came differently the second time".to_owned();
    ProxyError::Damaged { what: what.to_owned(), reason }
}

fn gone() -> io::Error {
    io::Error::other("the file is gone")
}

/// Whether a file has these bytes there.
fn is_at(file: &File, mut at: u64, mut bytes: &[u8]) -> io::Result<bool> {
    let mut buffer = vec![0; bytes.len()];
    while !bytes.is_empty() {
        let read = read_at(file, &mut buffer[..bytes.len()], at)?;
        if read == 0 || buffer[..read] != bytes[..read] {
            return Ok(false);
        }
        (at, bytes) = (at + read as u64, &bytes[read..]);
    }
    Ok(true)
}
