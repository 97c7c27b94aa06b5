//! Is the process alive, and can it do its work?

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use depot_proto::ErrorCode;

use super::error::ApiError;
use crate::service::commit::Committer;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: pages and files are served and uploads are taken.
pub(crate) async fn readyz(State(committer): State<Arc<Committer>>) -> Result<&'static str, ApiError> {
    if committer.is_well() {
        return Ok("ready\n");
    }
    let detail = "the journal cannot be written: pages and files are served, uploads are refused";
    Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail))
}
