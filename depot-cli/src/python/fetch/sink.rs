//! Where a download goes: into `tmp/`, on blocking threads; a large one so that another run can go on with it.

use std::{fs::File, io, sync::Arc};

use bytes::Bytes;
use depot_index::{Begun, Held, Sink};
use depot_proto::{DistributionFilename, redact::SafeUrl, simple::PageFile};
use depot_tree::{Incoming, Resumable, ResumeNote, Tree, TreeError};

/// How much is held before it is written and hashed on a blocking thread, in bytes.
const BUFFER: usize = 512 * 1024;

/// The smallest file that is kept for another run when its download breaks off, in bytes. A smaller one is quicker
/// fetched than kept.
const WORTH_KEEPING: u64 = 1 << 20;

/// Takes what is downloaded.
pub(super) struct TreeSink {
    store: Option<Store>,
    /// What the bytes are, where they are kept.
    note: Option<ResumeNote>,
    buffered: Vec<Bytes>,
    len: usize,
    is_restarted: bool,
}

enum Store {
    Once(Incoming),
    Kept(Resumable),
}

/// A sink for this file, with what it holds of it already. With `keep` even a small file is kept, so that another sink
/// for it has all of it.
pub(super) async fn open(
    tree: &Arc<Tree>,
    filename: &DistributionFilename,
    file: &PageFile,
    keep: bool,
) -> anyhow::Result<(TreeSink, Held)> {
    let sink = |store, note| TreeSink {
        store: Some(store),
        note,
        buffered: Vec::new(),
        len: 0,
        is_restarted: false,
    };
    if let (Some(sha256), Some(size)) = (file.sha256(), file.size)
        && (keep || size >= WORTH_KEEPING || tree.keeps(sha256))
    {
        let of = Arc::clone(tree);
        let kept = tokio::task::spawn_blocking(move || of.resume(sha256)).await??;
        // Where another process downloads the same file, this one does without keeping.
        if let Some(kept) = kept {
            let url = address(file);
            let same = |note: &ResumeNote| note.url == url && note.size == size;
            let etag = kept.note().filter(same).and_then(|note| note.etag);
            let held = Held { size: kept.size(), hasher: kept.hasher().clone(), etag };
            let note = ResumeNote { url, etag: None, sha256, size };
            return Ok((sink(Store::Kept(kept), Some(note)), held));
        }
    }
    Ok((sink(Store::Once(tree.begin(filename.project())?), None), Held::default()))
}

/// The file's address as it may be written down: a query may be a signature, and changes from day to day.
fn address(file: &PageFile) -> String {
    let url = file.url.parse::<SafeUrl>().map(|url| {
        let mut url = url.without_credentials();
        url.set_query(None);
        url.to_string()
    });
    url.unwrap_or_default()
}

impl Store {
    fn write(&mut self, bytes: &[u8]) -> Result<(), TreeError> {
        match self {
            Self::Once(incoming) => incoming.write(bytes),
            Self::Kept(resumable) => resumable.write(bytes),
        }
    }
}

impl TreeSink {
    /// Writes what is held.
    async fn flush(&mut self) -> io::Result<()> {
        let mut store = self.store.take().ok_or_else(gone)?;
        let chunks = std::mem::take(&mut self.buffered);
        self.len = 0;
        let written = tokio::task::spawn_blocking(move || {
            let written = chunks.iter().try_for_each(|chunk| store.write(chunk));
            written.map(|()| store)
        });
        self.store = Some(written.await?.map_err(io::Error::other)?);
        Ok(())
    }

    /// Whether what was held at the beginning is gone.
    pub(super) fn is_restarted(&self) -> bool {
        self.is_restarted
    }

    /// Reads what came, on a blocking thread. What is kept stays.
    pub(super) async fn look<T: Send + 'static>(
        mut self,
        read: impl FnOnce(&mut File) -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        self.flush().await?;
        let store = self.store.take().ok_or_else(gone)?;
        let seen = tokio::task::spawn_blocking(move || match store {
            Store::Once(incoming) => Ok(read(incoming.seal()?.reader()?)),
            Store::Kept(mut resumable) => resumable.look(read),
        });
        Ok(seen.await??)
    }

    pub(super) async fn finish(
        mut self,
        tree: &Tree,
        filename: &DistributionFilename,
    ) -> anyhow::Result<Incoming> {
        self.flush().await?;
        match self.store.take().ok_or_else(gone)? {
            Store::Once(incoming) => Ok(incoming),
            Store::Kept(resumable) => Ok(resumable.into_incoming(tree, filename.project())?),
        }
    }
}

impl Drop for TreeSink {
    /// A run that is interrupted drops its downloads: what came counts for the next one, even the last of it.
    fn drop(&mut self) {
        if let Some(store @ Store::Kept(_)) = &mut self.store {
            let _ = self.buffered.iter().try_for_each(|chunk| store.write(chunk));
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the file is gone")
}

impl Sink for TreeSink {
    fn restart(&mut self) -> io::Result<()> {
        self.buffered.clear();
        self.len = 0;
        self.is_restarted = true;
        match self.store.as_mut().ok_or_else(gone)? {
            Store::Once(incoming) => incoming.restart().map_err(io::Error::other),
            Store::Kept(resumable) => resumable.restart().map_err(io::Error::other),
        }
    }

    fn begun(&mut self, begun: &Begun<'_>) -> io::Result<()> {
        match (&self.store, &mut self.note) {
            (Some(Store::Kept(resumable)), Some(note)) => {
                note.etag = begun.etag.map(str::to_owned);
                resumable.write_note(note).map_err(io::Error::other)
            }
            _ => Ok(()),
        }
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        self.len += chunk.len();
        self.buffered.push(chunk);
        if self.len >= BUFFER { self.flush().await } else { Ok(()) }
    }
}
