//! What happens around every request, in this order: an id, the log line, the body of a refusal, the headers that all
//! answers bear.

use std::{
    borrow::Cow,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use depot_proto::{ErrorCode, Problem};

use super::{
    error::ApiError,
    forwarded::{self, Peer},
    leftover::Leftover,
    problem::{self, Form},
    strict,
    tally::Tally,
};
use crate::{auth::password, config::Network};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a browser may do with an answer: show it, follow its links, save what they lead to, and nothing else.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      sandbox allow-downloads allow-top-navigation";

/// Gives an answer the headers that every one bears.
pub(crate) fn secure(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // No other site may take in what a browser behind the firewall can reach.
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
}

/// The bearer of a request's credentials, for the log.
#[derive(Clone, Debug)]
pub(crate) struct Who(pub(crate) String);

/// What the envelope knows.
pub(crate) struct Envelope {
    /// The id of the next request. They start at a random number, so that those of two runs do not meet in a log.
    next_id: AtomicU64,
    /// From where `X-Forwarded-For` is believed.
    trusted: Vec<Network>,
    /// The longest body that any route takes, in bytes.
    longest: u64,
    tally: Arc<Tally>,
}

impl Envelope {
    pub(crate) fn new(trusted: Vec<Network>, longest: u64, tally: Arc<Tally>) -> Self {
        let mut seed = [0; 8];
        // Without random numbers the ids start at 0, and are still distinct within a run.
        let _ = getrandom::fill(&mut seed);
        Self { next_id: AtomicU64::new(u64::from_le_bytes(seed)), trusted, longest, tally }
    }

    fn next_id(&self) -> String {
        format!("{:016x}", self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Who asks, for the log; none inside another application that does not say.
    fn client(&self, request: &Request) -> Option<IpAddr> {
        let Peer(peer) = *request.extensions().get()?;
        Some(forwarded::client(peer, request.headers(), &self.trusted))
    }
}

/// What the log says of a request.
struct Line {
    method: String,
    path: String,
    /// Whether the method only reads.
    is_safe: bool,
    id: String,
    client: Option<IpAddr>,
    started: Instant,
}

/// The envelope of every request.
pub(crate) async fn envelope(around: &Envelope, request: Request, next: Next) -> Response {
    let line = Line {
        method: shortened(request.method().as_str(), 32),
        path: shortened(&without_tokens(request.uri().path()), 1024),
        is_safe: request.method().is_safe(),
        id: around.next_id(),
        client: around.client(&request),
        started: Instant::now(),
    };
    let (form, is_head) = (Form::of(request.headers()), request.method() == Method::HEAD);
    let prints_status_line = problem::is_of_a_form(request.headers());
    let mut response = match strict::refusal(&request) {
        None => {
            let (request, leftover) = Leftover::watch(request);
            let mut response = next.run(request).await;
            if is_refusal(response.status()) {
                leftover.settle(around.longest, response.headers_mut()).await;
            }
            response
        }
        Some(refusal) => {
            let mut response = refusal.into_response();
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    };
    let refusal = response.extensions_mut().remove::<ApiError>();
    // The framework refuses paths and queries that it cannot decode, in words of its own.
    let refusal = refusal.or_else(|| {
        let undecodable =
            || ApiError::bad_request(ErrorCode::BadRequest, "the path or query cannot be decoded");
        (response.status() == StatusCode::BAD_REQUEST).then(undecodable)
    });
    if let Some(ApiError { problem, cause, .. }) = refusal {
        if let Some(cause) = cause {
            tracing::error!(cause, id = line.id, "a request failed");
        }
        let with_id = Problem { request_id: Some(line.id.clone()), ..*problem };
        problem::write(&mut response, &with_id, form, is_head);
        if prints_status_line {
            problem::tell_in_status_line(&mut response, &with_id);
        }
    }
    let headers = response.headers_mut();
    secure(headers);
    if let Ok(id) = HeaderValue::try_from(&line.id) {
        headers.insert(REQUEST_ID, id);
    }
    around.tally.count(response.status());
    log(&line, &response);
    response
}

/// Whether an answer is one that its reader should not miss. Who was too slow was waited for already.
fn is_refusal(status: StatusCode) -> bool {
    (status.is_client_error() || status.is_server_error()) && status != StatusCode::REQUEST_TIMEOUT
}

/// A path whose segments are no tokens: one that is typed where its id belongs is no less a secret.
fn without_tokens(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(password::is_token) {
        return Cow::Borrowed(path);
    }
    let shown = |segment| if password::is_token(segment) { "***" } else { segment };
    path.split('/').map(shown).collect::<Vec<_>>().join("/").into()
}

/// The beginning of a text that a client may make as long as it likes.
fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// What is changed, and what fails, is worth a line; what is read only when asked for.
fn log(line: &Line, response: &Response) {
    let Line { method, path, is_safe, id, client, started } = line;
    let status = response.status();
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    let ms = (ms * 100.0).round() / 100.0;
    let who = response.extensions().get::<Who>().map_or("-", |who| who.0.as_str());
    let client = client.map(tracing::field::display);
    let status_code = status.as_u16();
    if status.is_server_error() {
        tracing::warn!(%method, path, status = status_code, ms, who, client, id, "request");
    } else if !is_safe || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        tracing::info!(%method, path, status = status_code, ms, who, client, id, "request");
    } else {
        tracing::debug!(%method, path, status = status_code, ms, who, client, id, "request");
    }
}

/// The answer where no route fits.
pub(crate) async fn no_route() -> ApiError {
    let detail = "nothing is served at this path; a repository's index is at /<repository>/simple/, and uploads go to \
                  /<repository>/";
    ApiError::not_found(detail)
}

/// The answer where a route takes other methods.
pub(crate) async fn no_method() -> ApiError {
    let detail = "this path does not take this method; forms are uploaded to /<repository>/ by POST, files to \
                  simple/<project>/<filename> by PUT";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, detail)
}
