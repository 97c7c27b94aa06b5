//! Sending the files of a release in one request.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use depot_proto::publish::{Manifest, PUBLISH_PATH, PublishAnswer};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, future, stream};
use reqwest::{
    Body,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};

use super::{Moved, Server, ServerError, stream_of};

impl Server {
    /// Publishes the files of a manifest, whose bytes are in the files at these paths, in its order. It may be done again:
    /// what is there by then is answered as such.
    pub(in crate::python) async fn publish(
        &self,
        manifest: &Manifest,
        paths: &[PathBuf],
    ) -> Result<PublishAnswer, ServerError> {
        let url = self.url(PUBLISH_PATH);
        let mut line = serde_json::to_vec(manifest).map_err(io::Error::from)?;
        line.push(b'\n');
        let line = Bytes::from(line);
        let length = line.len() as u64 + manifest.files.iter().map(|file| file.size).sum::<u64>();
        let sizes = manifest.files.iter().map(|file| file.size);
        let files: Vec<(PathBuf, u64)> = paths.iter().cloned().zip(sizes).collect();
        self.ask(&url, |moved| {
            let request = self.client.post(url.clone()).header(CONTENT_TYPE, "application/octet-stream");
            let body = Body::wrap_stream(body(line.clone(), files.clone(), moved.clone()));
            Ok(request.header(CONTENT_LENGTH, length).body(body))
        })
        .await
    }
}

/// The line, and then the files, each opened when its turn comes.
fn body(
    line: Bytes,
    files: Vec<(PathBuf, u64)>,
    moved: Moved,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let files = stream::iter(files).then(move |(path, size)| {
        let moved = moved.clone();
        async move {
            let file = tokio::task::spawn_blocking(move || open(&path)).await??;
            io::Result::Ok(stream_of(Arc::new(file), size, moved))
        }
    });
    stream::once(future::ready(Ok(line))).chain(files.try_flatten())
}

fn open(path: &Path) -> io::Result<File> {
    File::open(path)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot open `{}`: {error}", path.display())))
}
