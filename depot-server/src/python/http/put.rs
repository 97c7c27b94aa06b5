//! `PUT simple/{project}/{filename}`, the bytes, and `PUT simple/{project}/{filename}.json`, the record; in either order. And
//! `PUT simple/{project}/{filename}.provenance`, what attests of a copy that is here.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Json, Response},
};
use depot_proto::{
    DistributionFilename, ErrorCode, FileRecord, Sha256Digest,
    layout::Part,
    push::{FACTS_HEADER, MAX_PROVENANCE_SIZE, MAX_RECORD_SIZE, UploadAnswer, UploadOutcome},
};

use super::{
    RepositoryState, Shared, project_name,
    receive::{Receiver, content_length, place, too_large},
    refuse_coding,
};
use crate::{
    auth::policy::Principal,
    http::{
        error::{ApiError, ApiResult},
        paced::Paced,
    },
    python::{plan::may_upload, projects::Coming, publish},
};

/// `PUT` of a file, of its record or of its provenance.
pub(super) async fn put(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Path((project, stored)): Path<(String, String)>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    let mut body = Paced::new(body, &state.wire);
    let answer = match Target::of(&project, &stored, &parts.headers)? {
        Target::Bytes(filename) => {
            receive_bytes(&state, &principal, filename, &parts.headers, &mut body).await?
        }
        Target::Record(filename) => receive_record(&state, &principal, filename, &mut body).await?,
        Target::Provenance(filename) => receive_provenance(&state, &principal, filename, &mut body).await?,
    };
    Ok(respond(&answer))
}

/// What a path names.
enum Target {
    Bytes(DistributionFilename),
    Record(DistributionFilename),
    Provenance(DistributionFilename),
}

impl Target {
    fn of(project: &str, stored: &str, headers: &HeaderMap) -> ApiResult<Self> {
        refuse_coding(headers)?;
        let project = project_name(project)
            .map_err(|error| ApiError::bad_request(ErrorCode::InvalidName, error.problem.detail))?;
        let (filename, part) = Part::split(stored);
        let filename = DistributionFilename::parse(filename, &project)
            .map_err(|error| ApiError::bad_request(ErrorCode::InvalidFilename, error.to_string()))?;
        match part {
            Part::Bytes => Ok(Self::Bytes(filename)),
            Part::Record => Ok(Self::Record(filename)),
            Part::Provenance => Ok(Self::Provenance(filename)),
            Part::Metadata => Err(ApiError::bad_request(
                ErrorCode::InvalidFilename,
                "send the file or its .json; its metadata is read from the file",
            )),
        }
    }
}

async fn receive_record(
    state: &Arc<RepositoryState>,
    principal: &Principal,
    filename: DistributionFilename,
    body: &mut Paced,
) -> ApiResult<UploadAnswer> {
    // Before the record is read it is not known whether it speaks of a mirrored file; some right is needed anyway.
    let rights =
        [false, true].map(|mirrored| may_upload(&state.repository, principal, filename.project(), mirrored));
    if let [Err(denied), Err(_)] = rights {
        return Err(denied.into());
    }
    let document = body.read_small(MAX_RECORD_SIZE).await?;
    let (state, principal) = (Arc::clone(state), principal.clone());
    tokio::task::spawn_blocking(move || {
        let stored = state.repository.file(&filename).map_err(|error| ApiError::from(&error))?;
        let record = FileRecord::read(&document, stored.map(|stored| stored.size))
            .map_err(publish::PublishError::from)?;
        Ok(publish::announce(&state.repository, &filename, record, &principal)?)
    })
    .await?
}

async fn receive_provenance(
    state: &Arc<RepositoryState>,
    principal: &Principal,
    filename: DistributionFilename,
    body: &mut Paced,
) -> ApiResult<UploadAnswer> {
    may_upload(&state.repository, principal, filename.project(), true)?;
    let document = body.read_small(MAX_PROVENANCE_SIZE).await?;
    let (state, principal) = (Arc::clone(state), principal.clone());
    tokio::task::spawn_blocking(move || {
        Ok(publish::attest(&state.repository, &filename, &document, &principal)?)
    })
    .await?
}

async fn receive_bytes(
    state: &Arc<RepositoryState>,
    principal: &Principal,
    filename: DistributionFilename,
    headers: &HeaderMap,
    body: &mut Paced,
) -> ApiResult<UploadAnswer> {
    let announced = state.repository.announced(&filename, principal);
    if facts_of(headers)?
        .is_some_and(|facts| announced.as_ref().is_none_or(|record| record.facts.digest() != facts))
    {
        return Err(ApiError::not_announced());
    }
    let copy = announced.as_ref().filter(|record| record.is_mirrored()).map(|record| record.sha256);
    may_upload(&state.repository, principal, filename.project(), copy.is_some())?;
    // Refused again, for certain, when they are published; this spares the client the sending.
    state.repository.projects.check(Coming { filename: &filename, is_here: true, copy })?;
    let limit = state.repository.max_file_size;
    if content_length(headers).is_some_and(|length| length > limit) {
        return Err(too_large(filename.as_str(), limit));
    }
    let place = place(state).await?;
    let mut receiver = Receiver::new(state, filename.project(), filename.as_str());
    while let Some(bytes) = body.next().await? {
        receiver.take(bytes).await?;
    }
    let turn = Arc::clone(&state.publishing).acquire_owned().await.map_err(ApiError::internal)?;
    let (state, principal) = (Arc::clone(state), principal.clone());
    tokio::task::spawn_blocking(move || {
        // Held until it is done, even if the client has gone by then.
        let _held = (place, turn);
        let sealed = receiver.seal()?;
        Ok(publish::publish(&state.repository, &filename, sealed, announced.as_deref(), &principal)?)
    })
    .await?
}

/// The facts that the client says it announced, by their digest.
fn facts_of(headers: &HeaderMap) -> ApiResult<Option<Sha256Digest>> {
    let Some(value) = headers.get(FACTS_HEADER) else { return Ok(None) };
    let digest = value.to_str().ok().and_then(|text| text.parse().ok());
    let detail = "the x-depot-facts header is not a sha256 digest";
    digest.map(Some).ok_or_else(|| ApiError::bad_request(ErrorCode::BadRequest, detail))
}

fn respond(answer: &UploadAnswer) -> Response {
    let status = match answer.outcome {
        UploadOutcome::Created => StatusCode::CREATED,
        UploadOutcome::Same | UploadOutcome::Updated => StatusCode::OK,
        UploadOutcome::Send => StatusCode::ACCEPTED,
    };
    (status, Json(answer)).into_response()
}
