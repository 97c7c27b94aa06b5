//! `files/{project}/{filename}` and its `.metadata`; `simple/{project}/{filename}` is the same.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use depot_proto::{DistributionFilename, layout::Part};

use super::{RepositoryState, Shared, project_name};
use crate::{
    auth::policy::Principal,
    http::{
        body::FileBody,
        conditional::{none_match_names, range_applies},
        error::{ApiError, ApiResult},
        range::{Wanted, wanted},
    },
    python::files::{Content, Served},
};

/// `GET` and `HEAD` of a file.
pub(super) async fn get(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Path((project, stored)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let project = project_name(&project)?;
    state.may_read(&principal, Some(&project))?;
    let (filename, part) = Part::split(&stored);
    let filename = DistributionFilename::parse(filename, &project)
        .map_err(|error| ApiError::not_found(format!("there is no such file: {error}")))?;
    let served = match state.files.cached(&state.repository, &filename, part) {
        Some(served) => Some(served),
        None => {
            let (state, filename) = (Arc::clone(&state), filename.clone());
            tokio::task::spawn_blocking(move || state.files.open(&state.repository, &filename, part))
                .await??
        }
    };
    let served = served.ok_or_else(|| match part {
        Part::Bytes => ApiError::not_found(format!("there is no file `{filename}` here")),
        _ => ApiError::not_found(format!("no {} is served for `{filename}`", part.suffix())),
    })?;
    Ok(respond(&state, &method, &headers, &served))
}

fn respond(state: &RepositoryState, method: &Method, asked: &HeaderMap, served: &Arc<Served>) -> Response {
    let etag = served.etag.as_str();
    let range = asked.get(header::RANGE).and_then(|range| range.to_str().ok());
    // Ranges are defined for GET alone (RFC 9110, 14.2).
    let range = range.filter(|_| method == Method::GET && range_applies(asked, etag));
    let mut response = if none_match_names(asked, etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match wanted(range, served.size) {
            Wanted::Whole => body(served, 0..served.size),
            Wanted::Part(range) => {
                let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, served.size);
                let mut response = body(served, range);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                insert(&mut response, header::CONTENT_RANGE, &content_range);
                response
            }
            Wanted::Unsatisfiable => {
                let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
                insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", served.size));
                response
            }
        }
    };
    insert(&mut response, header::ACCEPT_RANGES, "bytes");
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        return response;
    }
    insert(&mut response, header::ETAG, etag);
    // A name has the same bytes for ever.
    let caching = format!("{}, max-age=365000000, immutable", state.cache_scope());
    insert(&mut response, header::CACHE_CONTROL, &caching);
    response
}

fn body(served: &Arc<Served>, range: std::ops::Range<u64>) -> Response {
    let length = range.end - range.start;
    let body = match &served.content {
        Content::File(file) => Body::new(FileBody::new(Arc::clone(file), range)),
        // In memory, so its size fits.
        Content::Memory(bytes) => Body::from(bytes.slice(range.start as usize..range.end as usize)),
    };
    let mut response = body.into_response();
    insert(&mut response, header::CONTENT_TYPE, "application/octet-stream");
    insert(&mut response, header::CONTENT_LENGTH, &length.to_string());
    response
}

/// All values are made here, of digits and fixed words.
fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}
