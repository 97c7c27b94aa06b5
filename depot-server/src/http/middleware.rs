//! What happens around every request, in this order: an id, the log line, the body of a refusal, the headers that all
//! answers bear.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use depot_proto::{ErrorCode, Problem};

use super::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The bearer of a request's credentials, for the log.
#[derive(Clone, Debug)]
pub(crate) struct Who(pub(crate) String);

/// Ids start at a random number, so that those of two runs do not meet in a log.
pub(crate) struct RequestIds(AtomicU64);

impl RequestIds {
    pub(crate) fn new() -> Self {
        let mut seed = [0; 8];
        // Without random numbers the ids start at 0, and are still distinct within a run.
        let _ = getrandom::fill(&mut seed);
        Self(AtomicU64::new(u64::from_le_bytes(seed)))
    }

    fn next(&self) -> String {
        format!("{:016x}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// The envelope of every request.
pub(crate) async fn envelope(ids: &RequestIds, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = ids.next();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let reads = Reads::of(request.headers());
    let mut response = next.run(request).await;
    let refusal = response.extensions_mut().remove::<ApiError>();
    // The framework refuses paths and queries that it cannot decode, in words of its own.
    let refusal = refusal.or_else(|| {
        let undecodable =
            || ApiError::bad_request(ErrorCode::BadRequest, "the path or query cannot be decoded");
        (response.status() == StatusCode::BAD_REQUEST).then(undecodable)
    });
    if let Some(ApiError { problem, cause }) = refusal {
        if let Some(cause) = cause {
            tracing::error!(cause, id, "a request failed");
        }
        let with_id = Problem { request_id: Some(id.clone()), ..*problem };
        write_problem(&mut response, &with_id, reads, method == Method::HEAD);
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::try_from(&id) {
        headers.insert(REQUEST_ID, id);
    }
    log(&method, &path, &id, &response, started);
    response
}

/// What is changed, and what fails, is worth a line; what is read only when asked for.
fn log(method: &Method, path: &str, id: &str, response: &Response, started: Instant) {
    let status = response.status();
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    let ms = (ms * 100.0).round() / 100.0;
    let who = response.extensions().get::<Who>().map_or("-", |who| who.0.as_str());
    let status_code = status.as_u16();
    if status.is_server_error() {
        tracing::warn!(%method, path, status = status_code, ms, who, id, "request");
    } else if !method.is_safe() || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        tracing::info!(%method, path, status = status_code, ms, who, id, "request");
    } else {
        tracing::debug!(%method, path, status = status_code, ms, who, id, "request");
    }
}

/// The form in which a client reads refusals.
#[derive(Clone, Copy)]
enum Reads {
    Json,
    Html,
    Text,
}

impl Reads {
    /// Programs name JSON, browsers HTML, and who names neither reads text.
    fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if accept.contains("json") {
            Self::Json
        } else if accept.contains("text/html") {
            Self::Html
        } else {
            Self::Text
        }
    }
}

fn write_problem(response: &mut Response, problem: &Problem, reads: Reads, head: bool) {
    let (content_type, body) = match reads {
        Reads::Json => (PROBLEM_JSON, serde_json::to_string(problem).unwrap_or_default()),
        Reads::Html => (HeaderValue::from_static("text/html; charset=utf-8"), html(problem)),
        Reads::Text => (HeaderValue::from_static("text/plain; charset=utf-8"), format!("{problem}\n")),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.entry(header::VARY).or_insert(HeaderValue::from_static("Accept"));
    // What is not there may be there in a moment.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    *response.body_mut() = if head { Body::empty() } else { Body::from(body) };
}

fn html(problem: &Problem) -> String {
    let title = escape(&problem.title);
    let detail = escape(&problem.detail);
    let status = problem.status;
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{status} {title}</title></head>\n\
         <body><h1>{status} {title}</h1><p>{detail}</p></body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The answer where no route fits.
pub(crate) async fn no_route() -> ApiError {
    ApiError::not_found("nothing is served at this path; a repository's index is at /<repository>/simple/")
}

/// The answer where a route takes other methods.
pub(crate) async fn no_method() -> ApiError {
    let detail = "this path does not take this method; uploads go to simple/<project>/<filename> by PUT";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, detail)
}
