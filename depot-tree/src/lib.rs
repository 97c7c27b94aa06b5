//! The depot layout on a local disk ([`depot_proto::layout`]): publish atomically and durably without replacing,
//! read, walk, verify, and finish what a crash left.
//!
//! The one guarantee everything stands on: **a file exists when its record exists**. Bytes are written to `tmp/`,
//! synced, linked to their name without replacing, and then the record is linked beside them and the folder synced.
//! Whatever happens between those steps, a reader sees the whole file or none, and what [`Tree::publish`] has
//! answered survives a crash.

mod beneath;
mod documents;
mod error;
mod gc;
mod incoming;
mod mend;
mod names;
mod projects;
mod publish;
mod read;
mod recover;
mod remove;
mod resumable;
mod session;
mod sync;
#[cfg(test)]
mod testing;
mod together;
mod tree;
mod verified;
mod verify;

pub use error::TreeError;
pub use gc::{LeftOvers, gc};
pub use incoming::{Incoming, Sealed};
pub use mend::Bytes;
pub use projects::ProjectChanged;
pub use publish::{Changed, Published};
pub use read::{OpenedFile, read_at};
pub use recover::Recovered;
pub use remove::Removal;
pub use resumable::{Resumable, ResumeNote};
pub use together::{Member, SetNote, Together};
pub use tree::Tree;
pub use verified::Verified;
pub use verify::{Finding, hash_each};
