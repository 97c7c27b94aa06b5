//! `simple/` and `simple/{project}/`: the Simple API (PEP 503, 691).

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use depot_proto::{
    ProjectName,
    media_type::{PageFormat, negotiate},
};
use serde::Deserialize;

use super::{RepositoryState, Shared, project_name};
use crate::{
    auth::policy::Principal,
    http::{
        conditional::none_match_names,
        error::{ApiError, ApiResult},
    },
    python::pages::{Page, Pages},
    store::records::Serial,
};

const LAST_SERIAL: HeaderName = HeaderName::from_static("x-pypi-last-serial");

/// The query of a page.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    format: Option<String>,
}

/// `GET simple/`: the projects.
pub(super) async fn root(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> ApiResult {
    state.may_read(&principal, None)?;
    let format = format_of(&headers, query.format.as_deref())?;
    // Asked before the page: a mirror must not believe that it has seen more than it has.
    let serial = state.repository.last_serial();
    let page = match state.pages.cached(&state.repository, None, format) {
        Some(page) if state.may_list_all(&principal) => page,
        _ => {
            let state = Arc::clone(&state);
            tokio::task::spawn_blocking(move || list(&state, &principal, format)).await?
        }
    };
    Ok(respond(&state, &headers, &page, serial))
}

/// All projects, or those that the caller may read.
fn list(state: &RepositoryState, principal: &Principal, format: PageFormat) -> Arc<Page> {
    if state.may_list_all(principal) {
        return state.pages.root(&state.repository, format);
    }
    let names = state.repository.names.list(&state.repository.name);
    let readable = names.iter().filter(|project| state.may_read(principal, Some(project)).is_ok());
    Pages::root_of(readable, format)
}

/// `GET simple/{project}/`: the files of a project.
pub(super) async fn project(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Path(text): Path<String>,
    Query(query): Query<PageQuery>,
    uri: Uri,
    headers: HeaderMap,
) -> ApiResult {
    let project = project_name(&text)?;
    state.may_read(&principal, Some(&project))?;
    if project.as_str() != text {
        return Ok(redirect(&format!("../{project}/"), &uri));
    }
    let format = format_of(&headers, query.format.as_deref())?;
    let unknown = || ApiError::not_found(format!("there is no project `{project}` here"));
    let page = match state.pages.cached(&state.repository, Some(&project), format) {
        Some(page) => page,
        None => render(&state, &project, format).await?.ok_or_else(unknown)?,
    };
    Ok(respond(&state, &headers, &page, page.serial))
}

async fn render(
    state: &Arc<RepositoryState>,
    project: &ProjectName,
    format: PageFormat,
) -> ApiResult<Option<Arc<Page>>> {
    let (state, project) = (Arc::clone(state), project.clone());
    let rendered =
        tokio::task::spawn_blocking(move || state.pages.project(&state.repository, &project, format)).await?;
    rendered.map_err(|error| ApiError::from(&*error))
}

/// `GET simple` and `GET simple/{project}`: the page is one slash further, and under the normalized name.
pub(super) async fn add_slash(project: Option<Path<String>>, uri: Uri) -> ApiResult {
    let target = match project {
        None => "simple/".to_owned(),
        Some(Path(text)) => format!("{}/", project_name(&text)?),
    };
    Ok(redirect(&target, &uri))
}

/// A redirect for ever, relative to the path that was asked for, with its query: both facts are permanent.
fn redirect(target: &str, uri: &Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::try_from(format!("{target}{query}")) {
        Ok(location) => {
            let vary = HeaderValue::from_static("Accept");
            (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location), (header::VARY, vary)])
                .into_response()
        }
        Err(error) => ApiError::internal(error).into_response(),
    }
}

fn format_of(headers: &HeaderMap, format: Option<&str>) -> ApiResult<PageFormat> {
    // Several Accept headers mean their list.
    let lines: Vec<_> =
        headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    let accept = (!lines.is_empty()).then(|| lines.join(","));
    negotiate(accept.as_deref(), format).map_err(|error| ApiError::not_acceptable(error.to_string()))
}

fn respond(state: &RepositoryState, headers: &HeaderMap, page: &Page, serial: Serial) -> Response {
    let fresh = none_match_names(headers, &page.etag);
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content_type = HeaderValue::from_static(page.format.content_type());
        ([(header::CONTENT_TYPE, content_type)], page.body.clone()).into_response()
    };
    let caching = if state.anonymous_read { "no-cache" } else { "private, no-cache" };
    let vary = if state.anonymous_read { "Accept" } else { "Accept, Authorization" };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    headers.insert(LAST_SERIAL, HeaderValue::from(serial));
    // Validators are hexadecimal digits in quotes.
    if let Ok(etag) = HeaderValue::try_from(&page.etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}
