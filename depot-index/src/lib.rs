//! A client for any Python package index, whether it speaks HTML (PEP 503) or JSON (PEP 691).
//!
//! * [`Client::project`] reads a project's page, whichever form the index has; [`Client::page`] asks whether one that is
//!   known still holds.
//! * [`Client::metadata`] reads a file's core metadata without downloading the file: from the sidecar (PEP 658), or
//!   from the end of a wheel by range requests.
//! * [`Client::size`] asks for a file's size.
//! * [`Client::download`] streams a file into a [`Sink`] and verifies what came; [`Client::resume`] goes on where an
//!   earlier download ended.
//!
//! What always holds: the root page of an index, which names every project, is requested by [`Client::root`] alone;
//! credentials go to the origin they were given for and nowhere else; memory is bounded by the limits in [`ClientOptions`]; what may be
//! better the next time is tried again, and nothing else is. How many requests run at once is the caller's choice.

mod attempts;
mod client;
mod coding;
mod download;
mod error;
mod guard;
mod index_url;
mod metadata;
mod netrc;
mod page;
mod remote_zip;
mod request;
#[cfg(test)]
mod testing;

pub use attempts::{Attempts, wanted_wait};
pub use client::{Client, ClientOptions, connections};
pub use download::{Begun, Downloaded, Held, Sink};
pub use error::IndexError;
pub use guard::Guard;
pub use index_url::{Credentials, DEFAULT_INDEX, IndexUrl, IndexUrlError};
pub use netrc::Netrc;
pub use page::{Answer, FetchedPage, Validators};
