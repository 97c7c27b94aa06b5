//! The harness of depot's tests: packages that really install, an index that misbehaves on demand, the real
//! commands as processes, and the real clients.
//!
//! Everything here is written apart from the code under test (names are escaped, archives built and pages
//! rendered again in the plainest way), so that a mistake there is not repeated here.
//!
//! Nothing here needs an async runtime: each part works the same in `#[test]` and in `#[tokio::test]`.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "a test harness fails by panicking, with all it knows"
)]

mod archives;
mod ci;
mod clients;
pub mod corpus;
mod counts;
mod cut;
mod index;
mod line;
mod process;
mod proxy;
mod raw;
mod real;

pub use archives::{SdistBuilder, WheelBuilder, escaped_name, random_bytes, sha256_hex};
pub use ci::CiSystem;
pub use clients::{Client, Clients, Room};
pub use counts::{counted, skipped};
pub use cut::{Cut, Then};
pub use index::{FakeFile, FakeIndex, FakeIndexBuilder, Fault, LoggedRequest, Style};
pub use line::Line;
pub use process::{Output, ServerProcess, binary, depot, depot_command, run, run_reading, workspace_root};
pub use proxy::{ProxiedRequest, Proxy};
pub use raw::{RawConnection, RawResponse, send};
pub use real::RealProjects;
