//! The pages of the Simple API, to the byte where clients look at bytes.

mod addresses;
mod caching;
pub(super) mod content;
mod negotiation;
pub(super) mod reading;

use depot_tests::WheelBuilder;

use super::index::Index;

const ROOT: &str = "/python/simple/";
const PAGE: &str = "/python/simple/tea-pot/";

/// A server that has one project, `tea-pot`.
fn depot_with_a_teapot() -> Index {
    let depot = Index::start();
    depot.publish(&WheelBuilder::new("Tea.Pot", "1.0").requires_python(">=3.8"));
    depot
}
