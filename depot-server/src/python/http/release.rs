//! `POST _/yank`, `_/unyank`, `_/delete`, `_/status` and `_/roles`: what becomes of releases that are here.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::{IntoResponse as _, Json, Response},
};
use depot_proto::{
    ErrorCode, ProjectName, Yanked,
    release::{FilesRequest, MAX_REQUEST_SIZE, ProjectAnswer, RoleRequest, StatusRequest, YankRequest},
    scope::Action,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{RepositoryState, Shared, refuse_coding};
use crate::{
    auth::policy::Principal,
    http::{
        error::{ApiError, ApiResult},
        paced::Paced,
    },
    python::release::{self, ReleaseError},
};

/// What lets someone yank.
pub(super) const YANKING: Action = Action::Yank;
/// What lets someone do all else to a project: an owner may, and who may delete it anyway.
pub(super) const OWNING: Action = Action::Delete;

/// `POST _/yank`.
pub(super) async fn yank(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    perform(state, principal, request, YANKING, |state, principal, project, asked: YankRequest| {
        let yanked = Yanked::because(asked.reason.as_deref().unwrap_or_default());
        release::yank(&state.repository, project, &asked.files, &yanked, principal)
    })
    .await
}

/// `POST _/unyank`.
pub(super) async fn unyank(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    perform(state, principal, request, YANKING, |state, principal, project, asked: FilesRequest| {
        release::yank(&state.repository, project, &asked, &Yanked::No, principal)
    })
    .await
}

/// `POST _/delete`.
pub(super) async fn delete(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    perform(state, principal, request, OWNING, |state, principal, project, asked: FilesRequest| {
        release::delete(&state.repository, project, &asked, principal)
    })
    .await
}

/// `POST _/status`.
pub(super) async fn status(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    perform(state, principal, request, OWNING, |state, principal, project, asked: StatusRequest| {
        let StatusRequest { state: status, reason, .. } = asked;
        release::set_status(&state.repository, project, status, reason.as_deref(), principal)
            .map(|changed| answer(state, project, changed))
    })
    .await
}

/// `POST _/roles`.
pub(super) async fn roles(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    perform(state, principal, request, OWNING, |state, principal, project, asked: RoleRequest| {
        // What was granted can always be taken.
        if asked.granted && !state.subjects.has(&asked.subject) {
            return Err(ReleaseError::Nobody(asked.subject));
        }
        release::set_role(&state.repository, project, &asked, principal)
            .map(|changed| answer(state, project, changed))
    })
    .await
}

fn answer(state: &RepositoryState, project: &ProjectName, changed: bool) -> ProjectAnswer {
    let record = state.repository.projects.get(project);
    let record = record.as_deref();
    ProjectAnswer {
        project: project.to_string(),
        changed,
        status: record.and_then(|record| record.shown().cloned()),
        owners: record.map(|record| record.owners.iter().cloned().collect()).unwrap_or_default(),
        pushers: record.map(|record| record.pushers.iter().cloned().collect()).unwrap_or_default(),
    }
}

/// A document that names a project.
trait Asked: DeserializeOwned + Send + 'static {
    fn project(&self) -> &str;
}

impl Asked for FilesRequest {
    fn project(&self) -> &str {
        &self.project
    }
}

impl Asked for YankRequest {
    fn project(&self) -> &str {
        &self.files.project
    }
}

impl Asked for StatusRequest {
    fn project(&self) -> &str {
        &self.project
    }
}

impl Asked for RoleRequest {
    fn project(&self) -> &str {
        &self.project
    }
}

/// Reads the document, asks whether the caller may do this to its project, and does it.
async fn perform<A: Asked, R: Serialize + Send + 'static>(
    state: Arc<RepositoryState>,
    principal: Principal,
    request: Request,
    needed: Action,
    act: impl FnOnce(&RepositoryState, &Principal, &ProjectName, A) -> Result<R, ReleaseError> + Send + 'static,
) -> ApiResult<Response> {
    let (parts, body) = request.into_parts();
    refuse_coding(&parts.headers)?;
    let document = Paced::new(body, &state.wire).read_small(MAX_REQUEST_SIZE).await?;
    let asked: A = serde_json::from_slice(&document).map_err(|error| {
        ApiError::bad_request(ErrorCode::BadRequest, format!("the request cannot be read: {error}"))
    })?;
    let project = asked.project().parse::<ProjectName>();
    let project =
        project.map_err(|error| ApiError::bad_request(ErrorCode::InvalidName, error.to_string()))?;
    principal.may(&[needed], &state.repository.name, &project)?;
    let done = tokio::task::spawn_blocking(move || act(&state, &principal, &project, asked)).await??;
    Ok(Json(done).into_response())
}
