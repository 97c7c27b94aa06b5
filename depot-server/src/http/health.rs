//! Is the process alive, and can it do its work?

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use depot_proto::ErrorCode;

use super::error::ApiError;

/// Whether uploads can be taken, or why not. May block.
pub(crate) type Ready = Arc<dyn Fn() -> Result<(), ApiError> + Send + Sync>;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: pages and files are served and uploads are taken.
pub(crate) async fn readyz(State(ready): State<Ready>) -> Result<&'static str, ApiError> {
    tokio::task::spawn_blocking(move || ready()).await?.map(|()| "ready\n").map_err(|why| {
        let detail = format!("pages and files are served, and uploads are refused: {}", why.problem.detail);
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail);
        ApiError { cause: why.cause, ..error }
    })
}
