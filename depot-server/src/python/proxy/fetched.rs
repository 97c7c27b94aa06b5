//! A file on its way to a reader.

use std::{io, sync::Arc};

use bytes::Bytes;
use depot_proto::Sha256Digest;
use futures_util::stream::BoxStream;

use super::{error::ProxyError, flight::Flight};
use crate::python::files::Served;

/// A file, or a part of it, as a proxy has it.
pub(crate) enum Fetched {
    /// It is kept.
    Here(Arc<Served>),
    /// It was fetched just now: a document, which comes whole.
    Now(Arc<Served>),
    /// It is not fetched, as only what is known of it was wanted.
    Described(Described),
    /// It is being fetched, and will be kept.
    Coming(Coming),
    /// It is being fetched for this reader alone.
    Streamed(Streamed),
    /// It is for the reader to fetch it there.
    Elsewhere(String),
}

/// What is known of a file before its bytes are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// Its size in bytes, if that is known.
    pub(crate) size: Option<u64>,
    /// Its digest, if that is known.
    pub(crate) sha256: Option<Sha256Digest>,
    /// Its media type.
    pub(crate) content_type: &'static str,
    /// Whether parts of it can be had: of what passes through they would be complete before anybody knows that they are
    /// right.
    pub(crate) has_ranges: bool,
}

/// A file that is being fetched once for all who ask for it.
pub(crate) struct Coming {
    /// What is known of it.
    pub(crate) described: Described,
    pub(super) flight: Arc<Flight>,
}

/// A file that is being fetched for one reader.
pub(crate) struct Streamed {
    /// What is known of it.
    pub(crate) described: Described,
    pub(super) body: Body,
}

/// Bytes in order. It ends in an error, and never as if it were whole, if what came is not the file: who sends it on must
/// break the connection then.
pub(crate) type Body = BoxStream<'static, io::Result<Bytes>>;

impl Coming {
    /// All bytes, as they come. The last of them are held back until the whole was found to be the file.
    pub(crate) fn body(self) -> Body {
        self.flight.follow()
    }

    /// Waits for the whole file, which is then kept: for who wants a part of it. A part would be complete before anybody
    /// knows that it is right.
    pub(crate) async fn finished(self) -> Result<Arc<Served>, ProxyError> {
        self.flight.ended().await?.ok_or_else(|| ProxyError::broken_off(&self.flight.what))
    }
}

impl Streamed {
    /// All bytes, as they come, the last of them held back likewise.
    pub(crate) fn body(self) -> Body {
        self.body
    }
}
