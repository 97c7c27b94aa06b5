//! What happens around every request, in this order: an id, the log line, the body of a refusal, the headers that all
//! answers bear.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use depot_proto::{ErrorCode, Problem};

use super::{
    error::ApiError,
    problem::{self, Form},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
    let form = Form::of(request.headers());
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
        problem::write(&mut response, &with_id, form, method == Method::HEAD);
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

/// The answer where no route fits.
pub(crate) async fn no_route() -> ApiError {
    ApiError::not_found("nothing is served at this path; a repository's index is at /<repository>/simple/")
}

/// The answer where a route takes other methods.
pub(crate) async fn no_method() -> ApiError {
    let detail = "this path does not take this method; uploads go to simple/<project>/<filename> by PUT";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, detail)
}
