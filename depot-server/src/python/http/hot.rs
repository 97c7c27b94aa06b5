//! What is asked for most, answered in front of the router: pages that are rendered and files that are at hand, for
//! whoever sends no credentials where none are needed.
//!
//! Everything else, and everything odd, is left to the router, whose answers are the same. Nothing here allocates for a
//! path, waits or blocks.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};

use super::{
    RepositoryState, file,
    simple::{coding_of, format_of, respond_page, respond_root},
};
use crate::http::middleware::secure;

/// Answers what is at hand.
#[derive(Clone)]
pub(crate) struct Hot(Arc<RepositoryState>);

impl Hot {
    /// What is at hand of this repository.
    pub(crate) fn new(state: Arc<RepositoryState>) -> Self {
        Self(state)
    }

    /// The answer, if it is at hand.
    pub(crate) fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let state = &*self.0;
        if !state.anonymous_read
            || (method != Method::GET && method != Method::HEAD)
            || uri.query().is_some()
            || headers.contains_key(header::AUTHORIZATION)
            // At this level every request is worth a line, and the router writes it.
            || tracing::enabled!(tracing::Level::DEBUG)
        {
            return None;
        }
        let path = uri.path().strip_prefix('/')?.strip_prefix(state.repository.name.as_str())?;
        // A name that is written otherwise than it is kept is found by nobody here.
        let mut response = match path.strip_prefix("/simple/") {
            Some("") => root(state, headers)?,
            Some(rest) => match rest.split_once('/')? {
                (project, "") => page(state, project, headers)?,
                (project, stored) => served(state, project, stored, method, headers)?,
            },
            None => {
                let (project, stored) = path.strip_prefix("/files/")?.split_once('/')?;
                served(state, project, stored, method, headers)?
            }
        };
        secure(response.headers_mut());
        Some(response)
    }
}

fn root(state: &RepositoryState, headers: &HeaderMap) -> Option<Response> {
    let serial = state.repository.last_serial();
    let format = format_of(headers, None).ok()?;
    let page = state.roots.cached(&state.repository, format, coding_of(headers))?;
    Some(respond_root(state, headers, &page, serial))
}

fn page(state: &RepositoryState, project: &str, headers: &HeaderMap) -> Option<Response> {
    let format = format_of(headers, None).ok()?;
    let page = state.pages.cached(&state.repository, project, format, coding_of(headers))?;
    Some(respond_page(state, headers, &page))
}

fn served(
    state: &RepositoryState,
    project: &str,
    stored: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Option<Response> {
    let served = state.files.cached(&state.repository, project, stored)?;
    Some(file::respond(state, method, headers, &served))
}
