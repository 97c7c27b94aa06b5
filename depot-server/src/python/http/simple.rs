//! `simple/` and `simple/{project}/`: the Simple API (PEP 503, 691).

use std::{borrow::Cow, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use depot_proto::{
    ProjectName,
    media_type::{PageFormat, negotiate},
};
use serde::Deserialize;

use super::{RepositoryState, Shared, project_name};
use crate::{
    auth::policy::Principal,
    coding::Coding,
    http::{
        conditional::none_match_names,
        error::{ApiError, ApiResult},
        pieces::Pieces,
        prepared::not_modified,
    },
    python::{
        pages::Page,
        root::{RootPage, root_of},
    },
    store::records::Serial,
};

const LAST_SERIAL: HeaderName = HeaderName::from_static("x-pypi-last-serial");

/// The query of a page.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    pub(super) format: Option<String>,
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
    let coding = Coding::negotiate_gzip(codings(&headers));
    // Asked before the page: a mirror must not believe that it has seen more than it has.
    let serial = state.repository.last_serial();
    let repository = &state.repository;
    let page = match state.roots.cached(&repository.names, &repository.name, format, coding) {
        Some(page) if state.may_list_all(&principal) => page,
        _ => {
            let state = Arc::clone(&state);
            tokio::task::spawn_blocking(move || list(&state, &principal, format, coding)).await?
        }
    };
    Ok(respond_root(state.anonymous_read, &headers, &page, Some(serial)))
}

/// All projects, or those that the caller may read.
fn list(state: &RepositoryState, principal: &Principal, format: PageFormat, coding: Coding) -> Arc<RootPage> {
    if state.may_list_all(principal)
        && let Some(page) = state.roots.page(&state.repository.names, &state.repository.name, format, coding)
    {
        return page;
    }
    let names = state.repository.names.list(&state.repository.name);
    root_of(names.iter().filter(|project| state.may_read(principal, Some(project)).is_ok()), format)
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
    let coding = coding_of(&headers);
    let unknown = || ApiError::not_found(format!("there is no project `{project}` here"));
    let page = match state.pages.cached(&state.repository, project.as_str(), format, coding) {
        Some(page) => page,
        None => render(&state, &project, format, coding).await?.ok_or_else(unknown)?,
    };
    Ok(respond_page(state.anonymous_read, &headers, &page))
}

async fn render(
    state: &Arc<RepositoryState>,
    project: &ProjectName,
    format: PageFormat,
    coding: Coding,
) -> ApiResult<Option<Arc<Page>>> {
    let (state, project) = (Arc::clone(state), project.clone());
    let rendered =
        tokio::task::spawn_blocking(move || state.pages.project(&state.repository, &project, format, coding));
    rendered.await?.map_err(|error| ApiError::from(&*error))
}

/// `GET simple` and `GET simple/{project}`: the page is one slash further, and under the normalized name.
pub(super) async fn add_slash(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    project: Option<Path<String>>,
    uri: Uri,
) -> ApiResult {
    // Where the page is says nothing, but who may read nothing is told so everywhere alike.
    state.may_read(&principal, None)?;
    to_slash(project.map(|Path(text)| text).as_deref(), &uri)
}

/// The redirect to the list, or to the page of a project.
pub(super) fn to_slash(project: Option<&str>, uri: &Uri) -> ApiResult {
    let target = match project {
        None => "simple/".to_owned(),
        Some(text) => format!("{}/", project_name(text)?),
    };
    Ok(redirect(&target, uri))
}

/// A redirect for ever, relative to the path that was asked for, with its query: both facts are permanent.
pub(super) fn redirect(target: &str, uri: &Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::try_from(format!("{target}{query}")) {
        Ok(location) => {
            let vary = HeaderValue::from_static("Accept, Accept-Encoding");
            (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location), (header::VARY, vary)])
                .into_response()
        }
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// The form to answer with, for the headers and the parameter `format`.
pub(super) fn format_of(headers: &HeaderMap, format: Option<&str>) -> ApiResult<PageFormat> {
    let mut lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    // Several Accept headers mean their list.
    let accept = lines
        .next()
        .map(|first| lines.fold(Cow::Borrowed(first), |all, line| Cow::Owned(format!("{all},{line}"))));
    negotiate(accept.as_deref(), format).map_err(|error| ApiError::not_acceptable(error.to_string()))
}

/// The coding to answer in.
pub(super) fn coding_of(headers: &HeaderMap) -> Coding {
    Coding::negotiate(codings(headers))
}

pub(super) fn codings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok())
}

/// A project's page, or the word that the client has it.
pub(super) fn respond_page(anonymous_read: bool, asked: &HeaderMap, page: &Page) -> Response {
    let headers = page_headers(anonymous_read, page);
    respond(headers, none_match_names(asked, &page.etag), || Body::from(page.body.clone()))
}

/// The list of projects, or the word that the client has it.
pub(super) fn respond_root(
    anonymous_read: bool,
    asked: &HeaderMap,
    page: &RootPage,
    serial: Option<Serial>,
) -> Response {
    let headers = root_headers(anonymous_read, page, serial);
    respond(headers, none_match_names(asked, &page.etag), || {
        Body::new(Pieces::new(Arc::clone(&page.pieces), page.len))
    })
}

fn respond(headers: HeaderMap, is_fresh: bool, body: impl FnOnce() -> Body) -> Response {
    if is_fresh {
        return not_modified(headers);
    }
    let mut response = Response::new(body());
    *response.headers_mut() = headers;
    response
}

/// The headers of a project's page.
pub(super) fn page_headers(anonymous_read: bool, page: &Page) -> HeaderMap {
    headers(anonymous_read, page.format, page.coding, &page.etag, page.serial)
}

/// The headers of the list of projects.
pub(super) fn root_headers(anonymous_read: bool, page: &RootPage, serial: Option<Serial>) -> HeaderMap {
    headers(anonymous_read, page.format, page.coding, &page.etag, serial)
}

fn headers(
    anonymous_read: bool,
    format: PageFormat,
    coding: Coding,
    etag: &Bytes,
    serial: Option<Serial>,
) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    if let Some(coding) = coding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    let (caching, vary) = if anonymous_read {
        ("no-cache", "Accept, Accept-Encoding")
    } else {
        ("private, no-cache", "Accept, Accept-Encoding, Authorization")
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    if let Some(serial) = serial {
        headers.insert(LAST_SERIAL, HeaderValue::from(serial));
    }
    // Validators are hexadecimal digits and fixed words in quotes.
    if let Ok(etag) = HeaderValue::from_maybe_shared(etag.clone()) {
        headers.insert(header::ETAG, etag);
    }
    headers
}
