//! `PUT _/projects/{project}`: what the index of a mirrored project declares of it.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Json},
};
use depot_proto::{
    ErrorCode, StatusRecord,
    push::{ProjectAnswer, UploadOutcome},
};

use super::{Shared, project_name, refuse_coding};
use crate::{
    auth::policy::Principal,
    http::{
        error::{ApiError, ApiResult},
        paced::Paced,
    },
    python::{
        declared::{self, DeclareError},
        projects::ProjectError,
    },
};

/// The largest body, in bytes: a state, and a reason that is cut when it is longer than a sentence or two.
const MAX_BODY: usize = 16 * 1024;

pub(super) async fn declare(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Path(project): Path<String>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    refuse_coding(&parts.headers)?;
    let project = project_name(&project)
        .map_err(|error| ApiError::bad_request(ErrorCode::InvalidName, error.problem.detail))?;
    principal.may(&[depot_proto::scope::Action::Mirror], &state.repository.name, &project)?;
    let document = Paced::new(body, &state.wire).read_small(MAX_BODY).await?;
    let state = Arc::clone(&state);
    let news = tokio::task::spawn_blocking(move || {
        let said: StatusRecord = serde_json::from_slice(&document).map_err(|error| {
            ApiError::bad_request(ErrorCode::BadRequest, format!("the state cannot be read: {error}"))
        })?;
        declared::declare(&state.repository, &principal, &project, &said).map_err(ApiError::from)
    })
    .await??;
    let outcome = if news { UploadOutcome::Updated } else { UploadOutcome::Same };
    Ok(Json(ProjectAnswer { outcome }).into_response())
}

impl From<DeclareError> for ApiError {
    fn from(error: DeclareError) -> Self {
        let detail = error.to_string();
        match error {
            DeclareError::Denied(denied) => denied.into(),
            DeclareError::Absent(_) => Self::not_found(detail),
            DeclareError::NotMirrored(_) => Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, detail),
            DeclareError::Project(ProjectError::Refused(refused)) => refused.into(),
            DeclareError::Project(ProjectError::Tree(error)) => error.into(),
            DeclareError::Project(ProjectError::Commit(error)) => error.into(),
            DeclareError::Store(error) => Self::from(&error),
        }
    }
}
