//! What is asked for most, answered in front of the router: pages that are rendered and files that are at hand, for
//! whoever sends no credentials where none are needed.
//!
//! An answer is made by the same functions that the router's handlers call, once, and kept with its head ready to be
//! sent. Everything that is not at hand, and everything odd, is left to the router. Nothing here waits, blocks, or
//! allocates for a request that was answered before.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};
use depot_proto::media_type::{PageFormat, negotiate};
use moka::sync::Cache;

use super::{
    RepositoryState, file,
    simple::{page_headers, root_headers},
};
use crate::{
    coding::Coding,
    http::{
        conditional::none_match_names,
        middleware::secure,
        prepared::{Prepared, PreparedBody},
    },
    python::{files::Content, key::Key},
    store::records::Serial,
};

/// Answers what is at hand.
#[derive(Clone)]
pub(crate) struct Hot {
    state: Arc<RepositoryState>,
    prepared: Cache<Box<[u8]>, Arc<Prepared>>,
}

/// What a request says that an answer may depend on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) accept: Option<&'a str>,
    pub(crate) accept_encoding: Option<&'a str>,
}

/// What a path means.
enum Place<'a> {
    Root,
    Page(&'a str),
    File(&'a str, &'a str),
}

impl Hot {
    /// What is at hand of this repository, in at most this many bytes; the pages among them are not copied.
    pub(crate) fn new(state: Arc<RepositoryState>, capacity: u64) -> Self {
        let weight = |_: &_, prepared: &Arc<Prepared>| u32::try_from(prepared.weight()).unwrap_or(u32::MAX);
        Self { state, prepared: Cache::builder().max_capacity(capacity).weigher(weight).build() }
    }

    /// The answer to a request by hyper, if it is at hand.
    pub(crate) fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        if (method != Method::GET && method != Method::HEAD)
            || uri.query().is_some()
            || headers.contains_key(header::AUTHORIZATION)
            || headers.contains_key(header::RANGE)
        {
            return None;
        }
        let asked = Asked {
            accept: only(headers, &header::ACCEPT).ok()?,
            accept_encoding: only(headers, &header::ACCEPT_ENCODING).ok()?,
        };
        let prepared = self.find(uri.path(), asked)?;
        let (is_fresh, is_head) = (none_match_names(headers, &prepared.etag), method == Method::HEAD);
        prepared.count(is_fresh, is_head, file::user_agent(headers));
        Some(prepared.respond(is_fresh, is_head))
    }

    /// What answers a plain `GET` or `HEAD` of this path without credentials, if it is at hand.
    pub(crate) fn find(&self, path: &str, asked: Asked<'_>) -> Option<Arc<Prepared>> {
        let state = &*self.state;
        // At this level every request is worth a line, and the router writes it.
        if !state.enabled
            || state.is_ruled
            || !state.anonymous_read
            || tracing::enabled!(tracing::Level::DEBUG)
        {
            return None;
        }
        let path = path.strip_prefix('/')?.strip_prefix(state.repository.name.as_str())?;
        let place = place(path)?;
        // A name that is written otherwise than it is kept is found by nobody here.
        let generation = match place {
            Place::Root => state.repository.last_serial(),
            Place::Page(project) | Place::File(project, _) => state.repository.serial_of(project)?,
        };
        let (format, coding) = match place {
            Place::File(..) => (PageFormat::Html, Coding::Identity),
            Place::Root | Place::Page(_) => {
                let accepted = asked.accept_encoding.into_iter();
                let coding = match place {
                    Place::Root => Coding::negotiate_gzip(accepted),
                    _ => Coding::negotiate(accepted),
                };
                (negotiate(asked.accept, None).ok()?, coding)
            }
        };
        // Not under its generation: an answer that is made again takes the place of the old one.
        let key = Key::new(&[path], &[format as u8, coding as u8], 0)?;
        if let Some(prepared) = self.prepared.get(key.as_bytes())
            && prepared.generation == generation
        {
            return Some(prepared);
        }
        let prepared = Arc::new(self.prepare(&place, format, coding, generation)?);
        self.prepared.insert(key.as_bytes().into(), Arc::clone(&prepared));
        Some(prepared)
    }

    fn prepare(
        &self,
        place: &Place<'_>,
        format: PageFormat,
        coding: Coding,
        generation: Serial,
    ) -> Option<Prepared> {
        let state = &*self.state;
        let (mut headers, etag, body) = match *place {
            Place::Root => {
                let serial = state.repository.last_serial();
                let page = state.roots.cached(&state.repository, format, coding)?;
                let body = PreparedBody::Pieces(Arc::clone(&page.pieces), page.len);
                (root_headers(state.anonymous_read, &page, Some(serial)), page.etag.clone(), body)
            }
            Place::Page(project) => {
                let page = state.pages.cached(&state.repository, project, format, coding)?;
                (
                    page_headers(state.anonymous_read, &page),
                    page.etag.clone(),
                    PreparedBody::Whole(page.body.clone()),
                )
            }
            Place::File(project, stored) => {
                let served = state.files.cached(&state.repository, project, stored)?;
                // What is open on disk is kept by its own cache, which knows how many descriptors there are.
                let Content::Memory(bytes) = &served.content else { return None };
                let body = PreparedBody::Whole(bytes.clone());
                (
                    file::headers(state.anonymous_read, Some(&served.etag), served.content_type),
                    served.etag.clone(),
                    body,
                )
            }
        };
        secure(&mut headers);
        let prepared = Prepared::new(generation, headers, etag, body);
        Some(match *place {
            Place::File(project, stored) => prepared.counted(state.tally(project, stored)),
            Place::Root | Place::Page(_) => prepared,
        })
    }
}

fn place(path: &str) -> Option<Place<'_>> {
    match path.strip_prefix("/simple/") {
        Some("") => Some(Place::Root),
        Some(rest) => match rest.split_once('/')? {
            (project, "") => Some(Place::Page(project)),
            (project, stored) => Some(Place::File(project, stored)),
        },
        None => {
            let (project, stored) = path.strip_prefix("/files/")?.split_once('/')?;
            Some(Place::File(project, stored))
        }
    }
}

/// A header that is there more than once, or is no text.
struct Odd;

/// The value of a header that is there once at most.
fn only<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Result<Option<&'a str>, Odd> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Odd),
        _ => Err(Odd),
    }
}
