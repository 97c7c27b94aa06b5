//! `packages/{path}`: a mirrored file under the path that it has at the index it comes from, so that a lock survives the
//! move when only its hosts are rewritten. The bytes, headers and rules are those of `files/`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, Method},
};
use depot_proto::layout::Part;

use super::{Shared, file};
use crate::{
    auth::policy::Principal,
    http::error::{ApiError, ApiResult},
    python::{files::FileError, upstream},
};

/// `GET` and `HEAD` of a file by its upstream path.
pub(super) async fn get(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    state.may_read(&principal, None)?;
    let stored = path.rsplit('/').next().unwrap_or_default();
    let (name, part) = Part::split(stored);
    let (mut readable, mut denied) = (Vec::new(), None);
    // Asked before it is looked whether they are here: who may not read a project learns nothing of it.
    for filename in upstream::meanings(name) {
        match state.may_read(&principal, Some(filename.project())) {
            Ok(()) => readable.push(filename),
            Err(error) => denied = denied.or(Some(error)),
        }
    }
    let path = path[..path.len() - part.suffix().len()].to_owned();
    let finding = Arc::clone(&state);
    let found = tokio::task::spawn_blocking(move || upstream::find(&finding.repository, readable, &path))
        .await?
        .map_err(FileError::from)?;
    match (found, denied) {
        (Some(filename), _) => file::send(&state, &principal, filename, part, &method, &headers).await,
        (None, Some(denied)) => Err(denied.into()),
        (None, None) => {
            Err(ApiError::not_found("no file that was mirrored from another index has this path"))
        }
    }
}
