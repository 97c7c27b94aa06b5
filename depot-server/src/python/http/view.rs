//! The doors of a view: the same addresses as those of the hosted repository, for readers alone.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use depot_proto::{DistributionFilename, RepositoryName, layout::Part};

use super::{
    legacy, project_name,
    simple::{self, PageQuery},
};
use crate::{
    auth::policy::Principal,
    coding::Coding,
    http::{
        conditional::none_match_names,
        doors::{Doors, Needs},
        error::{ApiError, ApiResult},
        prepared::{left_out, not_modified},
    },
    python::{
        listing::CacheState,
        proxy::{Described, Fetched},
        upstream,
        view::{
            View,
            member::{Opened, Wanted},
        },
    },
};

/// Where an answer was taken from, if another index has a say in it.
const CACHE: HeaderName = HeaderName::from_static("x-depot-cache");

type Shared = State<Arc<View>>;

/// The routes under a view's mount, which is empty at the root.
pub(crate) fn doors(mount: &str) -> Doors<Arc<View>> {
    let elsewhere = Doors::new()
        .post("/simple", Needs::Nobody, wrong_door)
        .post("/simple/", Needs::Nobody, wrong_door)
        .post("/simple/{project}", Needs::Nobody, wrong_door)
        .post("/simple/{project}/", Needs::Nobody, wrong_door)
        .put("/simple/{project}/{filename}", Needs::Nobody, wrong_door);
    let elsewhere = if mount.is_empty() { elsewhere } else { elsewhere.below(mount) };
    reading(mount).and(elsewhere)
}

/// Those of them that read.
pub(crate) fn reading(mount: &str) -> Doors<Arc<View>> {
    let reading = Doors::new()
        .read("/simple", add_slash)
        .read("/simple/", root)
        .read("/simple/{project}", add_slash)
        .read("/simple/{project}/", project)
        .read("/simple/{project}/{filename}", file)
        .read("/files/{project}/{filename}", file)
        .read("/packages/{*path}", packages);
    if mount.is_empty() { reading } else { reading.below(mount) }
}

/// An upload to where nothing is published.
async fn wrong_door() -> Response {
    legacy::refusal(&RepositoryName::default_hosted())
}

async fn add_slash(
    State(view): Shared,
    Extension(principal): Extension<Principal>,
    project: Option<Path<String>>,
    uri: Uri,
) -> ApiResult {
    view.may_read(&principal, None)?;
    simple::to_slash(project.map(|Path(text)| text).as_deref(), &uri)
}

async fn root(
    State(view): Shared,
    Extension(principal): Extension<Principal>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> ApiResult {
    view.may_read(&principal, None)?;
    let format = simple::format_of(&headers, query.format.as_deref())?;
    let coding = Coding::negotiate_gzip(simple::codings(&headers));
    let anonymous_read = view.anonymous_read;
    let at_hand = if view.may_list_all(&principal) { view.list_at_hand(format, coding) } else { None };
    let page = match at_hand {
        Some(page) => page,
        None => {
            let upstream = view.upstream_names().await;
            tokio::task::spawn_blocking(move || view.list(&principal, &upstream, format, coding)).await?
        }
    };
    Ok(simple::respond_root(anonymous_read, &headers, &page, None))
}

async fn project(
    State(view): Shared,
    Extension(principal): Extension<Principal>,
    Path(text): Path<String>,
    Query(query): Query<PageQuery>,
    uri: Uri,
    headers: HeaderMap,
) -> ApiResult {
    let project = project_name(&text)?;
    let readable = view.may_read(&principal, Some(&project))?;
    if project.as_str() != text {
        return Ok(simple::redirect(&format!("../{project}/"), &uri));
    }
    let format = simple::format_of(&headers, query.format.as_deref())?;
    let coding = simple::coding_of(&headers);
    let unknown = || ApiError::not_found(format!("there is no project `{project}` here"));
    let (shown, cache) = view.project(&project, readable).await?.ok_or_else(unknown)?;
    let page = match view.pages.cached_of(&view.name, &shown, format, coding) {
        Some(page) => Some(page),
        None => {
            let (view, shown) = (Arc::clone(&view), Arc::clone(&shown));
            let render = move || view.pages.rendered_of(&view.name, &shown, format, coding);
            tokio::task::spawn_blocking(render).await?
        }
    };
    let page = page.ok_or_else(unknown)?;
    Ok(told(simple::respond_page(view.anonymous_read, &headers, &page), cache))
}

async fn file(
    State(view): Shared,
    Extension(principal): Extension<Principal>,
    Path((project, stored)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let project = project_name(&project)?;
    view.may_read(&principal, Some(&project))?;
    let (filename, part) = super::file::part_of(&project, &stored)?;
    send(&view, &principal, &filename, part, &method, &headers).await
}

/// A file by the path that it has at the index it comes from.
async fn packages(
    State(view): Shared,
    Extension(principal): Extension<Principal>,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    view.may_read(&principal, None)?;
    let stored = path.rsplit('/').next().unwrap_or_default();
    let (name, part) = Part::split(stored);
    let path = &path[..path.len() - part.suffix().len()];
    let (mut readable, mut denied) = (Vec::new(), None);
    // Asked before it is looked whether they are here: who may not read a project learns nothing of it.
    for filename in upstream::meanings(name) {
        match view.may_read(&principal, Some(filename.project())) {
            Ok(members) => readable.push((filename, members)),
            Err(error) => denied = denied.or(Some(error)),
        }
    }
    match (view.at(&readable, path).await?, denied) {
        (Some(filename), _) => send(&view, &principal, &filename, part, &method, &headers).await,
        (None, Some(denied)) => Err(denied.into()),
        (None, None) => Err(ApiError::not_found("no file that comes from another index has this path")),
    }
}

async fn send(
    view: &Arc<View>,
    principal: &Principal,
    filename: &DistributionFilename,
    part: Part,
    method: &Method,
    headers: &HeaderMap,
) -> ApiResult {
    let readable = view.may_read(principal, Some(filename.project()))?;
    let wanted = if *method == Method::HEAD { Wanted::Description } else { Wanted::Bytes };
    let opened = view.open(filename, part, wanted, readable).await?;
    let (from, opened) = opened.ok_or_else(|| match part {
        Part::Bytes => ApiError::not_found(format!("there is no file `{filename}` here")),
        _ => ApiError::not_found(format!("no {} is served for `{filename}`", part.suffix())),
    })?;
    let public = view.anonymous_read;
    let here = |served, cache| told(super::file::respond(public, method, headers, &served), cache);
    let response = match opened {
        Opened::Here(served) => here(served, CacheState::Here),
        Opened::Fetched(Fetched::Here(served)) => here(served, CacheState::Hit),
        Opened::Fetched(Fetched::Now(served)) => here(served, CacheState::Miss),
        Opened::Fetched(Fetched::Described(described)) => coming(public, headers, &described, left_out()),
        Opened::Fetched(Fetched::Elsewhere(url)) => elsewhere(&url)?,
        Opened::Fetched(Fetched::Streamed(streamed)) => {
            let described = streamed.described;
            coming(public, headers, &described, Body::from_stream(streamed.body()))
        }
        Opened::Fetched(Fetched::Coming(flight)) if headers.contains_key(header::RANGE) => {
            here(flight.finished().await.map_err(ApiError::from)?, CacheState::Miss)
        }
        Opened::Fetched(Fetched::Coming(flight)) => {
            let described = flight.described;
            coming(public, headers, &described, Body::from_stream(flight.body()))
        }
    };
    if part == Part::Bytes && *method == Method::GET {
        if response.status().is_success() || response.status() == StatusCode::FOUND {
            super::file::note(view.downloads.as_deref(), principal, from, filename);
        }
        super::file::count(view.statistics.as_deref(), &response, from, filename, headers);
    }
    Ok(response)
}

/// A file of which the bytes are on their way.
fn coming(public: bool, asked: &HeaderMap, described: &Described, body: Body) -> Response {
    let etag = described.sha256.map(|sha256| bytes::Bytes::from(format!("\"{sha256}\"")));
    let mut headers = super::file::headers(public, etag.as_ref(), described.content_type);
    if !described.has_ranges {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    }
    if etag.is_some_and(|etag| none_match_names(asked, &etag)) {
        return told(not_modified(headers), CacheState::Miss);
    }
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    if let Some(size) = described.size {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    }
    told(response, CacheState::Miss)
}

/// Where the client finds the file itself. Not for ever: what is kept here may change.
fn elsewhere(url: &str) -> ApiResult {
    let location = HeaderValue::try_from(url).map_err(ApiError::internal)?;
    let caching = HeaderValue::from_static("no-cache");
    Ok((StatusCode::FOUND, [(header::LOCATION, location), (header::CACHE_CONTROL, caching)]).into_response())
}

fn told(mut response: Response, cache: CacheState) -> Response {
    tell(response.headers_mut(), cache);
    response
}

/// Says where an answer was taken from.
pub(super) fn tell(headers: &mut HeaderMap, cache: CacheState) {
    if let Some(word) = cache.word() {
        headers.insert(CACHE, HeaderValue::from_static(word));
    }
}
