//! A look into a file that may not be saved in the end: its bytes are kept where a download that broke off would be, so
//! that saving it then costs no second download.

use std::{fs::File, io, sync::Arc};

use bytes::Bytes;
use depot_index::{Client, Held, Sink};
use depot_tree::Tree;

use super::{super::solve::Offer, sink};

/// Downloads a file and reads it on a blocking thread. Without a tree to keep it in, it is gone afterwards.
pub(in crate::python) async fn peek<T: Send + 'static>(
    client: &Client,
    tree: Option<&Arc<Tree>>,
    offer: &Offer,
    read: impl FnOnce(&mut File) -> T + Send + 'static,
) -> anyhow::Result<T> {
    if let Some(tree) = tree {
        let (mut sink, held) = sink::open(tree, &offer.filename, &offer.file, true).await?;
        client.resume(&offer.index, &offer.file, &mut sink, held).await?;
        return sink.look(read).await;
    }
    let mut sink = Nameless(tokio::task::spawn_blocking(tempfile::tempfile).await??);
    client.resume(&offer.index, &offer.file, &mut sink, Held::default()).await?;
    let seen = tokio::task::spawn_blocking(move || -> io::Result<T> {
        use io::Seek as _;
        sink.0.rewind()?;
        Ok(read(&mut sink.0))
    });
    Ok(seen.await??)
}

/// A file without a name, which nobody has to remove.
struct Nameless(File);

impl Sink for Nameless {
    fn restart(&mut self) -> io::Result<()> {
        use io::Seek as _;
        self.0.set_len(0)?;
        self.0.rewind()
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        use io::Write as _;
        let mut file = self.0.try_clone()?;
        tokio::task::spawn_blocking(move || file.write_all(&chunk)).await?
    }
}
