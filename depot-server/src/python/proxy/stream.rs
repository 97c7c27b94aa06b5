//! Passing a file on to one reader as it comes, without keeping it.

use std::{io, sync::Arc};

use bytes::Bytes;
use depot_index::{Client, Sink};
use depot_proto::{Sha256Hasher, simple::PageFile};
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::{
    Proxy,
    digests::Digests,
    error::ProxyError,
    fetched::{Described, Streamed},
    pace::Pace,
    upstream::Kind,
};

/// How many pieces wait for a reader who is slower than the upstream. A piece is some ten KiB.
const WAITING: usize = 8;

type Piece = Result<Bytes, ProxyError>;

/// Begins to pass a file on. Waits for the first of it, so that what cannot be had is told as such.
pub(super) async fn begin(
    proxy: &Arc<Proxy>,
    file: PageFile,
    described: Described,
) -> Result<Streamed, ProxyError> {
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let proxy = Arc::clone(proxy);
    tokio::spawn(async move {
        let passing = Passing::new(sender, Pace::begin(proxy.settings.pace));
        let digests = Digests::listed(&file.hashes);
        let mut passing = Passing { digests, ..passing };
        let ended = pass(&proxy, &file, &mut passing).await;
        let last = match ended {
            Ok(()) => passing.held.take().filter(|piece| !piece.is_empty()).map(Ok),
            Err(error) => Some(Err(error)),
        };
        if let Some(last) = last {
            // The reader may have left.
            let _ = passing.sender.send(last).await;
        }
    });
    let first = match receiver.recv().await {
        Some(first) => first?,
        None => Bytes::new(),
    };
    let rest = stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((piece.map_err(io::Error::other), receiver))
    });
    let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
    Ok(Streamed { described, body: first.chain(rest).boxed() })
}

async fn pass(proxy: &Proxy, file: &PageFile, passing: &mut Passing) -> Result<(), ProxyError> {
    let index = &proxy.upstream.index;
    let sink = &mut *passing;
    let question = async move |client: Client| client.download(index, file, sink).await;
    let downloaded = proxy.upstream.ask(Kind::File, &file.filename, None, question).await?;
    let missing = || ProxyError::Missing { what: file.filename.clone() };
    downloaded.ok_or_else(missing)?;
    if passing.again.is_some() {
        return Err(differs(&file.filename));
    }
    let mut digests = std::mem::take(&mut passing.digests);
    digests.update(passing.held.as_deref().unwrap_or_default());
    match digests.mismatch() {
        None => Ok(()),
        Some(digest) => {
            let reason = format!("its {digest} is not the one that is listed");
            Err(ProxyError::Damaged { what: file.filename.clone(), reason })
        }
    }
}

fn differs(what: &str) -> ProxyError {
    let reason = "it broke off, and came differently the second time".to_owned();
    ProxyError::Damaged { what: what.to_owned(), reason }
}

/// A file on its way through.
struct Passing {
    sender: mpsc::Sender<Piece>,
    /// The last piece that came, which goes on only when another follows, or the whole was found to be right.
    held: Option<Bytes>,
    sent: u64,
    hasher: Sha256Hasher,
    /// What it is known by where no SHA-256 is listed.
    digests: Digests,
    pace: Pace,
    /// How much came again of a file that is sent once more from its start, and what it hashes to: the reader has it.
    again: Option<(u64, Sha256Hasher)>,
}

impl Passing {
    fn new(sender: mpsc::Sender<Piece>, pace: Pace) -> Self {
        let (hasher, digests) = (Sha256Hasher::new(), Digests::default());
        Self { sender, held: None, sent: 0, hasher, digests, pace, again: None }
    }
}

impl Sink for Passing {
    fn restart(&mut self) -> io::Result<()> {
        self.held = None;
        self.again = (self.sent > 0).then(|| (0, Sha256Hasher::new()));
        Ok(())
    }

    async fn write(&mut self, mut chunk: Bytes) -> io::Result<()> {
        if !self.pace.is_kept(chunk.len()) {
            return Err(io::Error::other("it comes too slowly"));
        }
        if let Some((at, hasher)) = &mut self.again {
            let here = usize::try_from(self.sent - *at).unwrap_or(usize::MAX);
            let part = chunk.split_to(here.min(chunk.len()));
            hasher.update(&part);
            *at += part.len() as u64;
            if *at == self.sent {
                if hasher.clone().finish() != self.hasher.clone().finish() {
                    return Err(io::Error::other("what came again is not what came before"));
                }
                self.again = None;
            }
        }
        if chunk.is_empty() {
            return Ok(());
        }
        let Some(piece) = self.held.replace(chunk) else { return Ok(()) };
        self.sent += piece.len() as u64;
        self.hasher.update(&piece);
        self.digests.update(&piece);
        let passed = self.sender.send(Ok(piece)).await;
        self.pace.wait();
        passed.map_err(|_| io::Error::other("the reader has left"))
    }
}
