//! `POST _/plan`: the batch question before a push.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::{IntoResponse as _, Json},
};
use depot_proto::{
    ErrorCode,
    push::{MAX_PLAN_FILES, PlanRequest},
};

use super::{Shared, refuse_coding};
use crate::{
    auth::policy::Principal,
    http::{
        error::{ApiError, ApiResult},
        paced::Paced,
    },
    python::plan,
};

/// The largest plan read, in bytes: as many files as one may name, at 800 bytes each.
const MAX_PLAN_SIZE: usize = MAX_PLAN_FILES * 800;

/// Answers a plan.
pub(super) async fn plan(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    refuse_coding(&parts.headers)?;
    let document = Paced::new(body, &state.wire).read_small(MAX_PLAN_SIZE).await?;
    let state = Arc::clone(&state);
    let response = tokio::task::spawn_blocking(move || {
        let request: PlanRequest = serde_json::from_slice(&document).map_err(|error| {
            ApiError::bad_request(ErrorCode::BadRequest, format!("the plan cannot be read: {error}"))
        })?;
        if request.files.len().max(request.projects.len()) > MAX_PLAN_FILES {
            return Err(ApiError::too_large(format!(
                "a plan names at most {MAX_PLAN_FILES} files, and as many projects"
            )));
        }
        plan::answer(&state.repository, &principal, &request).map_err(|error| ApiError::from(&error))
    })
    .await??;
    Ok(Json(response).into_response())
}
