//! `files/{project}/{filename}` and its `.metadata`; `simple/{project}/{filename}` is the same.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use depot_proto::{DistributionFilename, ProjectName, RepositoryName, layout::Part, statistics::Client};

use super::{RepositoryState, Shared, file_caching, project_name};
use crate::{
    auth::policy::Principal,
    clock,
    http::{
        body::FileBody,
        conditional::{none_match_names, range_applies},
        error::{ApiError, ApiResult},
        prepared::not_modified,
        range::{Wanted, wanted},
    },
    python::files::{Content, Served},
    service::{
        downloads::{Download, Downloads},
        statistics::Statistics,
    },
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
    let (filename, part) = part_of(&project, &stored)?;
    send(&state, &principal, filename, part, &method, &headers).await
}

/// Which file of a project, and which part of it, an address means.
pub(super) fn part_of(project: &ProjectName, stored: &str) -> ApiResult<(DistributionFilename, Part)> {
    let (filename, part) = Part::split(stored);
    let filename = DistributionFilename::parse(filename, project)
        .map_err(|error| ApiError::not_found(format!("there is no such file: {error}")))?;
    Ok((filename, part))
}

/// Sends a part of a file to someone who may read its project.
pub(super) async fn send(
    state: &Arc<RepositoryState>,
    principal: &Principal,
    filename: DistributionFilename,
    part: Part,
    method: &Method,
    headers: &HeaderMap,
) -> ApiResult {
    let stored = format!("{filename}{}", part.suffix());
    let served = match state.files.cached(&state.repository, filename.project().as_str(), &stored) {
        Some(served) => Some(served),
        None => {
            let (state, filename) = (Arc::clone(state), filename.clone());
            tokio::task::spawn_blocking(move || state.files.open(&state.repository, &filename, part))
                .await??
        }
    };
    let served = served.ok_or_else(|| match part {
        _ if state.repository.projects.is_deleted(filename.project(), filename.as_str()) => {
            ApiError::gone(format!("`{filename}` was deleted here"))
        }
        Part::Bytes => ApiError::not_found(format!("there is no file `{filename}` here")),
        _ => ApiError::not_found(format!("no {} is served for `{filename}`", part.suffix())),
    })?;
    let response = respond(state.anonymous_read, method, headers, &served);
    if part == Part::Bytes && method == Method::GET {
        if response.status().is_success() {
            note(state.downloads.as_deref(), principal, &state.repository.name, &filename);
        }
        count(state.statistics.as_deref(), &response, &state.repository.name, &filename, headers);
    }
    Ok(response)
}

/// Records who fetches a file, where that is wanted.
pub(super) fn note(
    downloads: Option<&Downloads>,
    principal: &Principal,
    repository: &RepositoryName,
    filename: &DistributionFilename,
) {
    let Some(downloads) = downloads else { return };
    if matches!(principal, Principal::Anonymous) {
        return;
    }
    downloads.note(Download {
        time: clock::now(),
        who: principal.name().to_owned(),
        token: principal.id().to_owned(),
        repository: repository.to_string(),
        project: filename.project().to_string(),
        filename: filename.to_string(),
    });
}

/// Counts a download, where they are counted, if the answer to a `GET` is one: the whole file, or the way to it.
pub(super) fn count(
    statistics: Option<&Statistics>,
    response: &Response,
    repository: &RepositoryName,
    filename: &DistributionFilename,
    asked: &HeaderMap,
) {
    if let Some(statistics) = statistics.filter(|_| is_whole(response, asked)) {
        let client = Client::of(user_agent(asked));
        statistics.count(repository, filename.project(), filename.as_str(), client);
    }
}

/// What a client says it is; empty if it says nothing.
pub(super) fn user_agent(asked: &HeaderMap) -> &[u8] {
    asked.get(header::USER_AGENT).map_or(&[], HeaderValue::as_bytes)
}

/// Whether an answer sends a whole file, or tells where it is. A part of one is sent to who has the rest already, or wants
/// no more than a look at it: it counts only if it is all there is.
fn is_whole(response: &Response, asked: &HeaderMap) -> bool {
    match response.status() {
        StatusCode::OK => true,
        StatusCode::FOUND => !asked.contains_key(header::RANGE),
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
            let range = range.and_then(|range| range.strip_prefix("bytes 0-")?.split_once('/'));
            range
                .and_then(|(last, size)| Some((last.parse::<u64>().ok()?, size.parse::<u64>().ok()?)))
                .is_some_and(|(last, size)| last.checked_add(1) == Some(size))
        }
        _ => false,
    }
}

/// The file, a range of it, or the word that the client has it.
pub(super) fn respond(
    anonymous_read: bool,
    method: &Method,
    asked: &HeaderMap,
    served: &Arc<Served>,
) -> Response {
    let headers = headers(anonymous_read, Some(&served.etag), served.content_type);
    if none_match_names(asked, &served.etag) {
        return not_modified(headers);
    }
    let range = asked.get(header::RANGE).and_then(|range| range.to_str().ok());
    // Ranges are defined for GET alone (RFC 9110, 14.2).
    let range = range.filter(|_| method == Method::GET && range_applies(asked, &served.etag));
    match wanted(range, served.size) {
        Wanted::Whole => body(headers, served, 0..served.size),
        Wanted::Part(range) => {
            let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, served.size);
            let mut response = body(headers, served, range);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            insert(&mut response, header::CONTENT_RANGE, &content_range);
            response
        }
        Wanted::Unsatisfiable => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            insert(&mut response, header::ACCEPT_RANGES, "bytes");
            insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", served.size));
            response
        }
    }
}

/// The headers of a file that is sent, but for those that a range changes.
pub(super) fn headers(anonymous_read: bool, etag: Option<&Bytes>, content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Without a name: whoever saves the file takes the address's.
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Validators are hexadecimal digits in quotes.
    if let Some(Ok(etag)) = etag.map(|etag| HeaderValue::from_maybe_shared(etag.clone())) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(file_caching(anonymous_read)));
    headers
}

fn body(headers: HeaderMap, served: &Arc<Served>, range: std::ops::Range<u64>) -> Response {
    let length = range.end - range.start;
    let body = match &served.content {
        Content::File(file) => Body::new(FileBody::new(Arc::clone(file), range)),
        // In memory, so its size fits.
        Content::Memory(bytes) => Body::from(bytes.slice(range.start as usize..range.end as usize)),
    };
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// All values are made here, of digits and fixed words.
fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}
