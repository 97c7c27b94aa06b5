//! `POST _/publish`: the files of one release, which become visible together or not at all.

mod manifest;
mod pieces;

use std::{sync::Arc, time::Instant};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Json},
};
use depot_proto::{
    DistributionFilename, Sha256Digest,
    publish::{MAX_MANIFEST_SIZE, PublishAnswer, PublishedFile},
    push::UploadOutcome,
};
use depot_tree::Sealed;

use self::{
    manifest::{File, Release},
    pieces::Pieces,
};
use super::{
    RepositoryState, Shared,
    receive::{Receiver, place},
    refuse_coding,
};
use crate::{
    auth::policy::Principal,
    http::{
        error::{ApiError, ApiResult},
        paced::Paced,
    },
    python::{
        plan::may_upload,
        projects::Coming,
        publish::{self, Candidate, PublishError, Room},
    },
};

/// `POST` of a release.
pub(super) async fn publish(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    let answer = take(&state, &principal, &parts.headers, &mut Paced::new(body, &state.wire)).await?;
    let is_new = answer.files.iter().any(|file| file.outcome == UploadOutcome::Created);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(answer)).into_response())
}

async fn take(
    state: &Arc<RepositoryState>,
    principal: &Principal,
    headers: &HeaderMap,
    body: &mut Paced,
) -> ApiResult<PublishAnswer> {
    refuse_coding(headers)?;
    let place = place(state).await?;
    let mut pieces = Pieces::new(body);
    let release = Release::read(&pieces.line(MAX_MANIFEST_SIZE).await?, state.repository.max_file_size)?;
    let release = may_be_sent(state, principal, release).await?;
    let mut candidates = Vec::with_capacity(release.files.len());
    for file in &release.files {
        candidates.push(receive(state, principal, &release, file, &mut pieces).await?);
    }
    pieces.end().await?;
    let turn = Arc::clone(&state.publishing).acquire_owned().await.map_err(ApiError::internal)?;
    let (state, principal) = (Arc::clone(state), principal.clone());
    tokio::task::spawn_blocking(move || {
        // Held until it is done, even if the client has gone by then.
        let _held = (place, turn);
        let outcomes =
            publish::publish_together(&state.repository, &release.project, candidates, &principal)?;
        let files = release.files.iter().zip(outcomes).map(|(file, outcome)| PublishedFile {
            filename: file.filename.to_string(),
            sha256: file.sha256,
            outcome,
        });
        Ok(PublishAnswer {
            project: release.project.to_string(),
            version: release.version.to_string(),
            files: files.collect(),
        })
    })
    .await?
}

/// Refuses what is certain to be refused when it is published: this spares the client the sending.
async fn may_be_sent(
    state: &Arc<RepositoryState>,
    principal: &Principal,
    release: Release,
) -> ApiResult<Release> {
    may_upload(&state.repository, principal, &release.project, false)?;
    for file in &release.files {
        file.provenance(principal)?;
    }
    let state = Arc::clone(state);
    tokio::task::spawn_blocking(move || {
        let repository = &state.repository;
        let mut room = Room::of(repository, &release.project).map_err(PublishError::from)?;
        for File { filename, sha256, size, .. } in &release.files {
            let known = repository.file(filename).map_err(PublishError::from)?;
            repository.projects.check(Coming { filename, is_here: known.is_some(), copy: None })?;
            match known {
                Some(known) if known.sha256 != *sha256 => {
                    return Err(
                        PublishError::Exists { filename: known.filename, sha256: known.sha256 }.into()
                    );
                }
                Some(_) => {}
                None => room.as_mut().map_or(Ok(()), |room| room.take(filename.as_str(), *size))?,
            }
        }
        Ok(release)
    })
    .await?
}

/// Receives the next file and judges it: the release is refused as soon as one of its files is.
async fn receive(
    state: &Arc<RepositoryState>,
    principal: &Principal,
    release: &Release,
    file: &File,
    pieces: &mut Pieces<'_>,
) -> ApiResult<Candidate> {
    let mut receiver = Receiver::new(state, &release.project, file.filename.as_str());
    let mut left = file.size;
    while left > 0 {
        let bytes = pieces.some(left, &file.filename).await?;
        left -= bytes.len() as u64;
        receiver.take(bytes).await?;
    }
    let came = Instant::now();
    let provenance = file.provenance(principal)?;
    let turn = Arc::clone(&state.publishing).acquire_owned().await.map_err(ApiError::internal)?;
    let (state, filename, announced) = (Arc::clone(state), file.filename.clone(), file.sha256);
    let judged = tokio::task::spawn_blocking(move || {
        let _held = turn;
        judge(&state, filename, receiver.seal()?, announced, provenance.as_deref())
    });
    let candidate = judged.await??;
    pieces.excuse(came.elapsed());
    Ok(candidate)
}

/// Whether the bytes are those that were announced, and good. May block.
fn judge(
    state: &RepositoryState,
    filename: DistributionFilename,
    mut sealed: Sealed,
    announced: Sha256Digest,
    provenance: Option<&[u8]>,
) -> ApiResult<Candidate> {
    if sealed.sha256() != announced {
        let (filename, what) = (filename.to_string(), "sha256");
        let (expected, actual) = (announced.to_string(), sealed.sha256().to_string());
        return Err(PublishError::NotAnnounced { filename, what, expected, actual }.into());
    }
    if let Some(document) = provenance {
        sealed.attach_provenance(document)?;
    }
    Ok(publish::examine(&state.repository, filename, sealed)?)
}
