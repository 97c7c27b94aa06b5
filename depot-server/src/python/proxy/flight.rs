//! A file that is being fetched, seen by those who wait for it: each reads the growing file for itself.

use std::{
    fs::File,
    io,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;

use super::{error::ProxyError, fetched::Body};
use crate::python::files::Served;

/// How much a reader takes at a time, in bytes: this, for each reader, is the memory that it costs to follow.
const READ: u64 = 64 * 1024;

/// How much of the end of a file is held back until the whole was found to be right, in bytes. What is smaller than this
/// is never sent unverified.
pub(super) const HELD_BACK: u64 = 64 * 1024;

/// A file that is being fetched.
pub(crate) struct Flight {
    /// What it is called when something is wrong.
    pub(super) what: String,
    progress: watch::Sender<Progress>,
    file: OnceLock<Arc<File>>,
    size: OnceLock<u64>,
}

#[derive(Clone, Default)]
struct Progress {
    /// How many bytes may be read.
    visible: u64,
    stage: Stage,
}

/// How far a file has come.
#[derive(Clone, Default)]
enum Stage {
    /// It comes.
    #[default]
    Coming,
    /// All of it came and is right.
    Verified,
    /// It is kept; none if it was not to be.
    Landed(Option<Arc<Served>>),
    /// It will not come.
    Failed(ProxyError),
}

impl Flight {
    pub(super) fn new(what: &str) -> Self {
        let (progress, _) = watch::channel(Progress::default());
        Self { what: what.to_owned(), progress, file: OnceLock::new(), size: OnceLock::new() }
    }

    /// Where the bytes are read that come.
    pub(super) fn reads(&self, file: File) {
        // There is one file to a flight.
        let _ = self.file.set(Arc::new(file));
    }

    pub(super) fn file(&self) -> Option<&Arc<File>> {
        self.file.get()
    }

    /// The whole is said to have this size.
    pub(super) fn announced(&self, size: u64) {
        // Who follows was told the first; a file of another size ends in an error.
        let _ = self.size.set(size);
    }

    /// How many bytes it is said to have, or was found to have.
    pub(super) fn size(&self) -> Option<u64> {
        let progress = self.progress.borrow();
        let is_whole = matches!(progress.stage, Stage::Verified | Stage::Landed(_));
        if is_whole { Some(progress.visible) } else { self.size.get().copied() }
    }

    /// So many bytes are written, of so many if that is known.
    pub(super) fn written(&self, written: u64, size: Option<u64>) {
        let open = match size {
            Some(size) => written.min(size.saturating_sub(HELD_BACK)),
            None => written.saturating_sub(HELD_BACK),
        };
        self.progress.send_modify(|progress| progress.visible = progress.visible.max(open));
    }

    /// All bytes are written, and right.
    pub(super) fn verified(&self, size: u64) {
        let verified = Progress { visible: size, stage: Stage::Verified };
        self.progress.send_modify(|progress| *progress = verified);
    }

    pub(super) fn landed(&self, kept: Option<Arc<Served>>) {
        self.progress.send_modify(|progress| progress.stage = Stage::Landed(kept));
    }

    /// It will not come, or cannot be kept: those who have not seen it verified are told.
    pub(super) fn failed(&self, error: ProxyError) {
        self.progress.send_modify(|progress| match progress.stage {
            Stage::Coming => progress.stage = Stage::Failed(error),
            // The bytes are right, and whoever reads them may finish.
            Stage::Verified => progress.stage = Stage::Landed(None),
            Stage::Landed(_) | Stage::Failed(_) => {}
        });
    }

    /// Waits until there is something to read, or nothing to wait for; what is kept, if it is by then.
    pub(super) async fn begun(&self) -> Result<Option<Arc<Served>>, ProxyError> {
        let mut progress = self.progress.subscribe();
        let has_begun =
            |progress: &Progress| progress.visible > 0 || !matches!(progress.stage, Stage::Coming);
        let progress = progress.wait_for(has_begun).await.map_err(|_| ProxyError::broken_off(&self.what))?;
        match &progress.stage {
            Stage::Failed(error) => Err(error.clone()),
            Stage::Landed(kept) => Ok(kept.clone()),
            Stage::Coming | Stage::Verified => Ok(None),
        }
    }

    /// Waits for the end; none if it is not kept.
    pub(super) async fn ended(&self) -> Result<Option<Arc<Served>>, ProxyError> {
        let mut progress = self.progress.subscribe();
        let has_ended = |progress: &Progress| matches!(progress.stage, Stage::Landed(_) | Stage::Failed(_));
        let progress = progress.wait_for(has_ended).await.map_err(|_| ProxyError::broken_off(&self.what))?;
        match &progress.stage {
            Stage::Failed(error) => Err(error.clone()),
            Stage::Landed(kept) => Ok(kept.clone()),
            Stage::Coming | Stage::Verified => Err(ProxyError::broken_off(&self.what)),
        }
    }

    /// All bytes, as they come.
    pub(super) fn follow(self: Arc<Self>) -> Body {
        let progress = self.progress.subscribe();
        let reader = Reader { flight: self, progress, at: 0 };
        let chunks = stream::try_unfold(reader, |mut reader| async move {
            let chunk = reader.next().await?;
            Ok(chunk.map(|chunk| (chunk, reader)))
        });
        chunks.boxed()
    }
}

/// One who follows a flight.
struct Reader {
    flight: Arc<Flight>,
    progress: watch::Receiver<Progress>,
    at: u64,
}

impl Reader {
    /// The next bytes; none at the end of a file that is right.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let (visible, is_over) = {
                let progress = self.progress.borrow_and_update();
                match &progress.stage {
                    Stage::Failed(error) => return Err(io::Error::other(error.clone())),
                    Stage::Coming => (progress.visible, false),
                    Stage::Verified | Stage::Landed(_) => (progress.visible, true),
                }
            };
            if self.at < visible {
                return self.read(visible - self.at).await.map(Some);
            }
            if is_over {
                return Ok(None);
            }
            if self.progress.changed().await.is_err() {
                return Err(io::Error::other(ProxyError::broken_off(&self.flight.what)));
            }
        }
    }

    async fn read(&mut self, most: u64) -> io::Result<Bytes> {
        let file = self.flight.file().ok_or(io::ErrorKind::NotFound)?;
        let (len, at) = (most.min(READ) as usize, self.at);
        let bytes = match read_now(file, len, at) {
            Some(bytes) => bytes,
            None => {
                let file = Arc::clone(file);
                tokio::task::spawn_blocking(move || read(&file, len, at)).await??
            }
        };
        self.at += bytes.len() as u64;
        Ok(bytes)
    }
}

/// What the page cache has, which what was just written mostly is; none if reading would wait.
#[cfg(target_os = "linux")]
fn read_now(file: &File, len: usize, at: u64) -> Option<Bytes> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut buffer = vec![0; len];
    let mut space = [io::IoSliceMut::new(&mut buffer)];
    match preadv2(file, &mut space, at, ReadWriteFlags::NOWAIT) {
        Ok(0) | Err(_) => None,
        Ok(read) => {
            buffer.truncate(read);
            Some(buffer.into())
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn read_now(_: &File, _: usize, _: u64) -> Option<Bytes> {
    None
}

fn read(file: &File, len: usize, at: u64) -> io::Result<Bytes> {
    let mut buffer = vec![0; len];
    match depot_tree::read_at(file, &mut buffer, at)? {
        // It was written before it was said to be there.
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            buffer.truncate(read);
            Ok(buffer.into())
        }
    }
}
