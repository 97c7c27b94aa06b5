//! Answering requests: credentials, faults, ranges.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    IF_RANGE, LOCATION, RANGE, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use percent_encoding::percent_decode_str;
use tokio::runtime::Runtime;

use super::pages::{self, Form};
use super::{Fault, LoggedRequest, Site, Style, normalized};
use crate::archives::sha256_hex;

/// One of the two listeners.
#[derive(Clone)]
struct Door {
    site: Arc<Site>,
    foreign: bool,
}

/// Serves the site at both listeners until the runtime ends.
pub(super) fn start(site: &Arc<Site>, listeners: [TcpListener; 2]) -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let inside = runtime.enter();
    for (listener, foreign) in listeners.into_iter().zip([false, true]) {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let app = Router::new().fallback(answer).with_state(Door { site: Arc::clone(site), foreign });
        runtime.spawn(async move { axum::serve(listener, app).await });
    }
    drop(inside);
    runtime
}

/// An answer before it is sent, so that faults can change it.
struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
}

impl Answer {
    fn new(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, content_type.to_owned())], body: body.into() }
    }

    fn status(status: StatusCode) -> Self {
        Self::new(status, "text/plain; charset=utf-8", status.to_string())
    }

    fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The response, its body sent as `flow` says; a HEAD has the headers of the whole body and none of it.
    fn into_response(self, method: &Method, flow: &Flow) -> Response {
        let mut response = Response::builder().status(self.status).header(CONTENT_LENGTH, self.body.len());
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let body = if method == Method::HEAD { Body::empty() } else { flow.body(self.body) };
        response.body(body).unwrap()
    }
}

/// How a body leaves.
enum Flow {
    Whole,
    CutAt(usize),
    Drip { bytes: usize, every: Duration },
}

impl Flow {
    fn body(&self, bytes: Bytes) -> Body {
        match *self {
            Self::Whole => bytes.into(),
            Self::CutAt(length) => {
                let head = bytes.slice(..length.min(bytes.len()));
                let cut = stream::once(async {
                    // What was written must leave the machine before the connection is closed.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Err(io::Error::other("cut short on purpose"))
                });
                Body::from_stream(stream::once(async { Ok(head) }).chain(cut))
            }
            Self::Drip { bytes: size, every } => {
                Body::from_stream(stream::unfold(bytes, move |mut rest| async move {
                    if rest.is_empty() {
                        return None;
                    }
                    tokio::time::sleep(every).await;
                    let drop = rest.split_to(size.clamp(1, rest.len()));
                    Some((Ok::<_, io::Error>(drop), rest))
                }))
            }
        }
    }
}

async fn answer(State(door): State<Door>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
    let site = &door.site;
    site.content().log.push(LoggedRequest {
        method: parts.method.to_string(),
        path: path.clone(),
        foreign: door.foreign,
        authorization: header(&parts.headers, &AUTHORIZATION),
        range: header(&parts.headers, &RANGE),
        if_range: header(&parts.headers, &IF_RANGE),
        if_none_match: header(&parts.headers, &IF_NONE_MATCH),
        accept: header(&parts.headers, &ACCEPT),
        user_agent: header(&parts.headers, &USER_AGENT),
    });
    tokio::time::sleep(site.latency).await;

    if !door.foreign
        && site.authorization.is_some()
        && header(&parts.headers, &AUTHORIZATION) != site.authorization
    {
        return Answer::status(StatusCode::UNAUTHORIZED)
            .header(WWW_AUTHENTICATE, "Basic realm=\"fake\"")
            .into_response(&parts.method, &Flow::Whole);
    }
    let fault = take_fault(site, &path);
    let mut flow = Flow::Whole;
    let answer = match &fault {
        Some(Fault::NotFound) => Answer::status(StatusCode::NOT_FOUND),
        Some(Fault::Status { code, retry_after }) => {
            let answer = Answer::status(StatusCode::from_u16(*code).unwrap());
            match retry_after {
                Some(seconds) => answer.header(RETRY_AFTER, seconds.to_string()),
                None => answer,
            }
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::HtmlInstead) => {
            Answer::new(StatusCode::OK, "text/html", "<!DOCTYPE html><html><body>Please log in</body></html>")
        }
        Some(Fault::Redirect(url)) => Answer::status(StatusCode::FOUND).header(LOCATION, url),
        Some(Fault::Truncate(length)) => {
            flow = Flow::CutAt(*length);
            good_answer(site, &parts.method, &parts.headers, &path, false)
        }
        Some(Fault::SlowDrip { bytes, every }) => {
            flow = Flow::Drip { bytes: *bytes, every: *every };
            good_answer(site, &parts.method, &parts.headers, &path, false)
        }
        Some(Fault::WrongBytes) => good_answer(site, &parts.method, &parts.headers, &path, true),
        None => good_answer(site, &parts.method, &parts.headers, &path, false),
    };
    if path.starts_with("/files/") && parts.method == Method::GET {
        let whole = answer.body.len();
        let sent = if let Flow::CutAt(length) = flow { length.min(whole) } else { whole };
        site.content().sent += sent as u64;
    }
    answer.into_response(&parts.method, &flow)
}

/// The fault of this path, or of all, counted down.
fn take_fault(site: &Site, path: &str) -> Option<Fault> {
    let mut content = site.content();
    match &mut content.doom {
        Some((0, fault)) => return Some(fault.clone()),
        Some((left, _)) => *left -= 1,
        None => {}
    }
    let (fault, times) = content.faults.get_mut(path)?;
    match times {
        None => {}
        Some(0) => return None,
        Some(times) => *times -= 1,
    }
    Some(fault.clone())
}

/// What an index without faults answers; `wrong` flips one bit of a body before it is cut into ranges.
fn good_answer(site: &Site, method: &Method, headers: &HeaderMap, path: &str, wrong: bool) -> Answer {
    if method != Method::GET && method != Method::HEAD {
        return Answer::status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let mut answer = find(site, headers, path).unwrap_or_else(|| Answer::status(StatusCode::NOT_FOUND));
    if wrong && !answer.body.is_empty() {
        let mut bytes = answer.body.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        answer.body = bytes.into();
    }
    if site.etags && answer.status == StatusCode::OK && path.starts_with("/simple/") {
        let etag = format!("\"{}\"", sha256_hex(&answer.body));
        if header(headers, &IF_NONE_MATCH).as_ref() == Some(&etag) {
            (answer.status, answer.body) = (StatusCode::NOT_MODIFIED, Bytes::new());
        }
        return answer.header(ETAG, etag);
    }
    if !site.ranges || answer.status != StatusCode::OK || !path.starts_with("/files/") {
        return answer;
    }
    let mut range = header(headers, &RANGE);
    if site.etags {
        let etag = format!("\"{}\"", sha256_hex(&answer.body));
        if header(headers, &IF_RANGE).is_some_and(|wanted| wanted != etag) {
            range = None;
        }
        answer = answer.header(ETAG, etag);
    }
    cut(answer.header(ACCEPT_RANGES, "bytes"), range.as_deref())
}

fn find(site: &Site, headers: &HeaderMap, path: &str) -> Option<Answer> {
    let mut segments = path.split('/').skip(1);
    if let (Some("files" | "simple"), Some(name)) = (segments.next(), segments.next()) {
        site.fill(name);
    }
    let content = site.content();
    if let Some(rest) = path.strip_prefix("/files/") {
        let (name, filename) = rest.split_once('/')?;
        let files = &content.projects.get(name)?.files;
        if let Some(file) = files.iter().find(|file| file.filename == filename) {
            return Some(Answer::new(StatusCode::OK, "application/octet-stream", file.bytes.clone()));
        }
        if let Some(filename) = filename.strip_suffix(".provenance") {
            let provenance = files.iter().find(|file| file.filename == filename)?.provenance.clone()?;
            return Some(Answer::new(StatusCode::OK, "application/vnd.pypi.integrity.v1+json", provenance));
        }
        let filename = filename.strip_suffix(".metadata").filter(|_| site.style == Style::Json)?;
        let metadata = files.iter().find(|file| file.filename == filename)?.metadata.clone()?;
        return Some(Answer::new(StatusCode::OK, "application/octet-stream", metadata));
    }

    let form = Form::choose(site.style, &header(headers, &ACCEPT).unwrap_or_default());
    let rest = path.strip_prefix("/simple")?;
    if rest == "/" {
        return Some(Answer::new(
            StatusCode::OK,
            form.content_type(),
            pages::root(content.projects.keys(), form),
        ));
    }
    let name = rest.trim_matches('/');
    let canonical = format!("/{}/", normalized(name));
    if rest != canonical {
        return Some(
            Answer::status(StatusCode::MOVED_PERMANENTLY).header(LOCATION, format!("/simple{canonical}")),
        );
    }
    let page = pages::project(site, name, content.projects.get(name)?, form);
    Some(Answer::new(StatusCode::OK, form.content_type(), page))
}

/// Answers one `bytes=` range: the part, 416, or the whole where the header is not one plain range.
fn cut(mut answer: Answer, range: Option<&str>) -> Answer {
    let total = answer.body.len();
    let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
        return answer;
    };
    let bounds = match (first.trim().parse::<usize>().ok(), last.trim().parse::<usize>().ok()) {
        (Some(first), Some(last)) if first <= last => Some((first, last.min(total.saturating_sub(1)))),
        (Some(first), None) if last.trim().is_empty() => Some((first, total.saturating_sub(1))),
        (None, Some(length)) if first.trim().is_empty() => {
            // `-0` asks for nothing, which is no range at all: 416 as for one beyond the end.
            let from = if length == 0 { total } else { total.saturating_sub(length) };
            Some((from, total.saturating_sub(1)))
        }
        _ => None,
    };
    let Some((first, last)) = bounds else { return answer };
    if first >= total {
        return Answer::status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(CONTENT_RANGE, format!("bytes */{total}"));
    }
    answer.status = StatusCode::PARTIAL_CONTENT;
    answer.body = answer.body.slice(first..=last);
    answer.header(CONTENT_RANGE, format!("bytes {first}-{last}/{total}"))
}

/// All values of a header, joined by `, `.
fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
