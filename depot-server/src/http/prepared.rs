//! An answer that is made once and sent many times.

use std::{convert::Infallible, fs::File, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;

use super::{body::FileBody, pieces::Pieces};

/// What a kept answer takes beside its body and head, roughly.
const OVERHEAD: usize = 1024;

/// The body of an answer.
#[derive(Clone, Debug)]
pub(crate) enum PreparedBody {
    /// In one piece.
    Whole(Bytes),
    /// In many, with their length.
    Pieces(Arc<[Bytes]>, u64),
    /// On disk, with its length.
    File(Arc<File>, u64),
}

impl PreparedBody {
    fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Pieces(_, len) | Self::File(_, len) => *len,
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
}

impl Prepared {
    /// An answer with these headers.
    pub(crate) fn new(mut headers: HeaderMap, etag: Bytes, body: PreparedBody) -> Self {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        let head = write_head(StatusCode::OK, &headers);
        let fresh_head = write_head(StatusCode::NOT_MODIFIED, &fresh(headers.clone()));
        Self { headers, etag, body, head, fresh_head }
    }

    /// What it takes in memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let body = match &self.body {
            PreparedBody::Whole(bytes) => bytes.len(),
            PreparedBody::Pieces(..) | PreparedBody::File(..) => 0,
        };
        body + self.head.len() + self.fresh_head.len() + OVERHEAD
    }

    /// The answer for hyper, whole or without what the client has.
    pub(crate) fn respond(&self, is_fresh: bool) -> Response {
        if is_fresh {
            return not_modified(self.headers.clone());
        }
        let body = match &self.body {
            PreparedBody::Whole(bytes) => Body::from(bytes.clone()),
            PreparedBody::Pieces(pieces, len) => Body::new(Pieces::new(Arc::clone(pieces), *len)),
            PreparedBody::File(file, len) => Body::new(FileBody::new(Arc::clone(file), 0..*len)),
        };
        let mut response = Response::new(body);
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// The word that the client has what these headers speak of.
pub(crate) fn not_modified(headers: HeaderMap) -> Response {
    // A body whose length nobody knows beforehand: of another the framework would say that it is 0 bytes long, and a
    // client could take that for the length of what it has.
    let mut response = Response::new(Body::from_stream(stream::empty::<Result<Bytes, Infallible>>()));
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
