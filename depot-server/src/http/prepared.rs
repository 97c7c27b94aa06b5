//! An answer that is made once and sent many times.

use std::{
    convert::Infallible,
    fs::File,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use depot_proto::statistics::Client;
use futures_util::stream;

use super::{pieces::Pieces, shared::share};
use crate::{descriptors::Shares, service::statistics::Tally};

/// What a kept answer takes beside its body and head, roughly.
const OVERHEAD: usize = 1024;

/// The body of an answer.
#[derive(Clone, Debug)]
pub(crate) enum PreparedBody {
    /// In one piece.
    Whole(Bytes),
    /// In many, with their length.
    Pieces(Arc<[Bytes]>, u64),
}

impl PreparedBody {
    fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Pieces(_, len) => *len,
        }
    }
}

/// An answer to a `GET` that found something, and the word that the client has it already.
#[derive(Debug)]
pub(crate) struct Prepared {
    headers: HeaderMap,
    /// The strong validator.
    pub(crate) etag: Bytes,
    /// The bytes.
    pub(crate) body: PreparedBody,
    /// The head as it is sent, but for the date and the empty line.
    pub(crate) head: Bytes,
    /// The head of the answer to who has it.
    pub(crate) fresh_head: Bytes,
    /// The body as a file in memory, once it was asked for often enough.
    shared: OnceLock<Option<Shared>>,
    asked: AtomicU32,
    /// Where it is counted how often it was downloaded, if it is a file.
    tally: Option<Arc<Tally>>,
}

/// Bodies from this size on are worth a file in memory: copying them takes longer than everything else.
const SHARED_FROM: usize = 16 * 1024;
/// How often a body is copied before it gets one.
const SHARED_AFTER: u32 = 4;
/// The most of them at a time: each takes a descriptor.
static MAX_SHARED: LazyLock<usize> = LazyLock::new(|| Shares::now().pages);

static SHARED: AtomicUsize = AtomicUsize::new(0);

/// A file in memory, which counts for as long as it lives.
#[derive(Debug)]
struct Shared(File);

impl Shared {
    fn new(bytes: &[u8]) -> Option<Self> {
        if SHARED.fetch_add(1, Ordering::Relaxed) >= *MAX_SHARED {
            SHARED.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let file = share(bytes);
        if file.is_none() {
            SHARED.fetch_sub(1, Ordering::Relaxed);
        }
        file.map(Self)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        SHARED.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Prepared {
    /// An answer with these headers.
    pub(crate) fn new(mut headers: HeaderMap, etag: Bytes, body: PreparedBody) -> Self {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        let head = write_head(StatusCode::OK, &headers);
        let fresh_head = write_head(StatusCode::NOT_MODIFIED, &fresh(headers.clone()));
        let (shared, asked) = (OnceLock::new(), AtomicU32::new(0));
        Self { headers, etag, body, head, fresh_head, shared, asked, tally: None }
    }

    /// The same, counting how often it is downloaded.
    pub(crate) fn counted(self, tally: Option<Arc<Tally>>) -> Self {
        Self { tally, ..self }
    }

    /// Counts a download, if this is a file and all of it is sent.
    pub(crate) fn count(&self, is_fresh: bool, is_head: bool, user_agent: &[u8]) {
        if let Some(tally) = self.tally.as_ref().filter(|_| !is_fresh && !is_head) {
            tally.count(Client::of(user_agent));
        }
    }

    /// The body as a file, from which the kernel sends it without copying, and its length; none where it is short, or
    /// is seldom asked for.
    pub(crate) fn shared(&self) -> Option<(&File, usize)> {
        let PreparedBody::Whole(bytes) = &self.body else { return None };
        if bytes.len() < SHARED_FROM {
            return None;
        }
        if self.shared.get().is_none() && self.asked.fetch_add(1, Ordering::Relaxed) < SHARED_AFTER {
            return None;
        }
        let shared = self.shared.get_or_init(|| Shared::new(bytes)).as_ref()?;
        Some((&shared.0, bytes.len()))
    }

    /// What it takes in memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let body = match &self.body {
            // A body that gets a file in memory is there twice.
            PreparedBody::Whole(bytes) if bytes.len() >= SHARED_FROM => 2 * bytes.len(),
            PreparedBody::Whole(bytes) => bytes.len(),
            // The pieces are the list's own; what is ours is the way to them.
            PreparedBody::Pieces(pieces, _) => size_of_val(&**pieces),
        };
        body + self.head.len() + self.fresh_head.len() + OVERHEAD
    }

    /// The answer for hyper: whole, for a `HEAD` without its body, or without what the client has.
    pub(crate) fn respond(&self, is_fresh: bool, is_head: bool) -> Response {
        if is_fresh {
            return not_modified(self.headers.clone());
        }
        let body = match &self.body {
            // HTTP/1 would leave the body out by itself, and HTTP/2 does not.
            _ if is_head => Body::empty(),
            PreparedBody::Whole(bytes) => Body::from(bytes.clone()),
            PreparedBody::Pieces(pieces, len) => Body::new(Pieces::new(Arc::clone(pieces), *len)),
        };
        let mut response = Response::new(body);
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// The body of an answer that has none, and of which the length is not to be told: of an empty one the framework would say
/// that it is 0 bytes long, and a client could take that for the length of what it has, or would get.
pub(crate) fn left_out() -> Body {
    Body::from_stream(stream::empty::<Result<Bytes, Infallible>>())
}

/// The word that the client has what these headers speak of.
pub(crate) fn not_modified(headers: HeaderMap) -> Response {
    let mut response = Response::new(left_out());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.headers_mut() = fresh(headers);
    response
}

/// The headers without those that speak of a body, which is not sent.
fn fresh(mut headers: HeaderMap) -> HeaderMap {
    for name in
        [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_DISPOSITION]
    {
        headers.remove(name);
    }
    headers
}

fn write_head(status: StatusCode, headers: &HeaderMap) -> Bytes {
    let mut head =
        format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or("")).into_bytes();
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.into()
}
