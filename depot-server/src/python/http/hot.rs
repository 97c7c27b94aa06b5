//! What is asked for most, answered in front of the router: pages that are rendered and files that are at hand, for
//! whoever sends no credentials where none are needed.
//!
//! An answer is made by the same functions that the router's handlers call, once, and kept with its head ready to be
//! sent. What it was made of is kept beside it, and compared with what is so now before it is sent again. Everything that
//! is not at hand, and everything odd, is left to the router. Nothing here waits for another index or reads a file that is
//! served; once a second it is looked whether a policy changed.

mod hosted;
mod view;

use std::sync::Arc;

use axum::{
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};
use bytes::Bytes;
use depot_proto::{
    DistributionFilename, ProjectName,
    layout::Part,
    media_type::{PageFormat, negotiate},
};
use moka::sync::Cache;

use super::{RepositoryState, file};
use crate::{
    coding::Coding,
    http::{
        conditional::none_match_names,
        middleware::secure,
        prepared::{Prepared, PreparedBody},
    },
    python::{
        files::{Content, Served},
        key::Key,
        view::View,
    },
    service::statistics::Tally,
    store::records::Serial,
};

/// Answers what is at hand.
#[derive(Clone)]
pub(crate) struct Hot {
    hosted: Arc<RepositoryState>,
    views: Arc<[Arc<View>]>,
    made: Cache<Box<[u8]>, Arc<Made>>,
}

/// What a request says that an answer may depend on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) is_head: bool,
    pub(crate) accept: Option<&'a str>,
    pub(crate) accept_encoding: Option<&'a str>,
    /// It changes no answer, and is counted.
    pub(crate) user_agent: &'a [u8],
}

/// What is answered to one request.
pub(crate) struct Answer {
    pub(crate) prepared: Arc<Prepared>,
    /// Whether the client has it already.
    pub(crate) is_fresh: bool,
    pub(crate) is_head: bool,
}

/// What answers below a mount.
enum Mounted<'a> {
    Hosted,
    View(&'a View),
}

/// What a path below a mount means.
#[derive(Clone, Copy)]
enum Place<'a> {
    Root,
    Page(&'a str),
    File(&'a str, &'a str),
}

/// How it is to be told.
#[derive(Clone, Copy)]
struct Form {
    format: PageFormat,
    coding: Coding,
}

/// An answer that was made.
struct Made {
    prepared: Arc<Prepared>,
    basis: Basis,
}

/// What it was made of: for as long as that is so, it is the answer.
enum Basis {
    /// The change of the hosted repository that it shows last.
    Serial(Serial),
    /// What a view shows.
    View(view::Basis),
}

/// What is found out about a place.
enum Found {
    /// The answer that is known is the answer.
    Same,
    /// It is this one now.
    Made(Made),
}

impl Hot {
    /// What is at hand of these, in at most this many bytes; the pages among them are not copied.
    pub(crate) fn new(hosted: Arc<RepositoryState>, views: &[Arc<View>], capacity: u64) -> Self {
        let weight = |_: &_, made: &Arc<Made>| u32::try_from(made.prepared.weight()).unwrap_or(u32::MAX);
        let made = Cache::builder().max_capacity(capacity).weigher(weight).build();
        Self { hosted, views: views.into(), made }
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
            is_head: method == Method::HEAD,
            accept: only(headers, &header::ACCEPT).ok()?,
            accept_encoding: only(headers, &header::ACCEPT_ENCODING).ok()?,
            user_agent: file::user_agent(headers),
        };
        let answer = self.find(uri.path(), asked, |etag| none_match_names(headers, etag))?;
        Some(answer.prepared.respond(answer.is_fresh, answer.is_head))
    }

    /// What answers a plain `GET` or `HEAD` of this path without credentials, if it is at hand. `has` says whether the
    /// client has what this validator stands for.
    pub(crate) fn find(
        &self,
        path: &str,
        asked: Asked<'_>,
        has: impl FnOnce(&[u8]) -> bool,
    ) -> Option<Answer> {
        // At this level every request is worth a line, and the router writes it.
        if tracing::enabled!(tracing::Level::DEBUG) {
            return None;
        }
        let made = self.made(path, asked)?;
        let is_fresh = has(&made.prepared.etag);
        // Of what is answered from here this is the one place where it is counted.
        made.prepared.count(is_fresh, asked.is_head, asked.user_agent);
        Some(Answer { prepared: Arc::clone(&made.prepared), is_fresh, is_head: asked.is_head })
    }

    fn made(&self, path: &str, asked: Asked<'_>) -> Option<Arc<Made>> {
        let (mounted, below) = self.mounted(path)?;
        let place = place(below)?;
        let form = form(place, asked)?;
        // Not under what it is made of: an answer that is made again takes the place of the old one.
        let key = Key::new(&[path], &[form.format as u8, form.coding as u8], 0)?;
        let known = self.made.get(key.as_bytes());
        let found = match mounted {
            Mounted::Hosted => hosted::find(&self.hosted, place, form, known.as_deref())?,
            Mounted::View(view) => view::find(view, place, form, known.as_deref())?,
        };
        match found {
            Found::Same => known,
            Found::Made(made) => {
                let made = Arc::new(made);
                self.made.insert(key.as_bytes().into(), Arc::clone(&made));
                Some(made)
            }
        }
    }

    /// What answers at a path, and the rest of the path, from its slash.
    fn mounted<'a>(&self, path: &'a str) -> Option<(Mounted<'_>, &'a str)> {
        let first = path.strip_prefix('/')?.split('/').next()?;
        // These are never the name of a repository that has a mount.
        let (mount, below) =
            if matches!(first, "simple" | "files") { ("", path) } else { path.split_at(first.len() + 1) };
        if first == self.hosted.repository.name.as_str() && !self.hosted.is_ruled {
            return self.hosted.enabled.then_some((Mounted::Hosted, below));
        }
        let view = self.views.iter().find(|view| view.mount == mount)?;
        Some((Mounted::View(view), below))
    }
}

impl Made {
    /// With where its downloads are counted, if it is a file.
    fn new(
        basis: Basis,
        mut headers: HeaderMap,
        etag: Bytes,
        body: PreparedBody,
        tally: Option<Arc<Tally>>,
    ) -> Self {
        secure(&mut headers);
        Self { prepared: Arc::new(Prepared::new(headers, etag, body).counted(tally)), basis }
    }
}

/// The body of a file that is in memory. What is open on disk is kept by its own cache, which knows how many descriptors
/// there are.
fn in_memory(served: &Served) -> Option<PreparedBody> {
    match &served.content {
        Content::Memory(bytes) => Some(PreparedBody::Whole(bytes.clone())),
        Content::File(_) => None,
    }
}

/// The file and its part that a path names, if both are written as they are kept; what is not is found by nobody here.
fn named(project: &str, stored: &str) -> Option<(DistributionFilename, Part)> {
    let (name, part) = Part::split(stored);
    let filename = DistributionFilename::parse(name, &exactly(project)?).ok()?;
    (filename.as_str() == name).then_some((filename, part))
}

/// The project of this name, if that is how it is kept.
fn exactly(text: &str) -> Option<ProjectName> {
    text.parse::<ProjectName>().ok().filter(|project| project.as_str() == text)
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

fn form(place: Place<'_>, asked: Asked<'_>) -> Option<Form> {
    let accepted = asked.accept_encoding.into_iter();
    let coding = match place {
        Place::File(..) => return Some(Form { format: PageFormat::Html, coding: Coding::Identity }),
        Place::Root => Coding::negotiate_gzip(accepted),
        Place::Page(_) => Coding::negotiate(accepted),
    };
    Some(Form { format: negotiate(asked.accept, None).ok()?, coding })
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
