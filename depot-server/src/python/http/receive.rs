//! How the bytes of a file come in, whichever door they come through.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use depot_proto::ProjectName;
use depot_tree::{Incoming, Sealed, TreeError};
use tokio::sync::OwnedSemaphorePermit;

use super::RepositoryState;
use crate::http::error::{ApiError, ApiResult};

/// How much is held in memory before it is written and hashed, in bytes. Most wheels are smaller than this.
const BUFFER: usize = 256 * 1024;

/// How long an upload waits for a place among those that are received.
const PLACE: Duration = Duration::from_secs(30);

/// A place among the uploads that are received at the same time, held until the upload is done.
pub(super) async fn place(state: &RepositoryState) -> ApiResult<OwnedSemaphorePermit> {
    let place = tokio::time::timeout(PLACE, Arc::clone(&state.receiving).acquire_owned()).await;
    place.map_err(|_| ApiError::busy())?.map_err(ApiError::internal)
}

/// Bytes on their way into `tmp/`: what still fits the buffer at the end has not been written.
pub(super) struct Receiver {
    state: Arc<RepositoryState>,
    project: ProjectName,
    /// What the file is called in a refusal.
    shown: String,
    limit: u64,
    incoming: Option<Incoming>,
    buffered: Vec<u8>,
    total: u64,
}

impl Receiver {
    /// Receives a file of this project.
    pub(super) fn new(state: &Arc<RepositoryState>, project: &ProjectName, shown: &str) -> Self {
        Self {
            limit: state.repository.max_file_size,
            state: Arc::clone(state),
            project: project.clone(),
            shown: shown.to_owned(),
            incoming: None,
            buffered: Vec::new(),
            total: 0,
        }
    }

    /// Takes the next bytes.
    pub(super) async fn take(&mut self, bytes: Bytes) -> ApiResult<()> {
        self.total += bytes.len() as u64;
        if self.total > self.limit {
            return Err(too_large(&self.shown, self.limit));
        }
        self.buffered.extend_from_slice(&bytes);
        if self.buffered.len() < BUFFER {
            return Ok(());
        }
        let (state, project) = (Arc::clone(&self.state), self.project.clone());
        let (incoming, taken) = (self.incoming.take(), std::mem::take(&mut self.buffered));
        let written = tokio::task::spawn_blocking(move || {
            let written = write(&state, &project, incoming, &taken);
            written.map(|incoming| (incoming, taken))
        });
        let (incoming, mut buffer) = written.await??;
        buffer.clear();
        (self.incoming, self.buffered) = (Some(incoming), buffer);
        Ok(())
    }

    /// Ends the file. May block.
    pub(super) fn seal(self) -> Result<Sealed, TreeError> {
        write(&self.state, &self.project, self.incoming, &self.buffered)?.seal()
    }
}

fn write(
    state: &RepositoryState,
    project: &ProjectName,
    incoming: Option<Incoming>,
    bytes: &[u8],
) -> Result<Incoming, TreeError> {
    let mut incoming = match incoming {
        Some(incoming) => incoming,
        None => state.repository.tree.begin(project)?,
    };
    incoming.write(bytes)?;
    Ok(incoming)
}

pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(super) fn too_large(shown: &str, limit: u64) -> ApiError {
    ApiError::too_large(format!("`{shown}` is larger than the {limit} bytes taken here"))
}
