//! Files: the bytes that were published, in whole and in part, under every spelling of their address.

mod addresses;
mod damage;
mod metadata;
mod ranges;
mod validators;

use depot_tests::{SdistBuilder, WheelBuilder};

use super::index::{Built, Index};

/// As each file is to be kept: the name has these bytes for ever.
const IMMUTABLE: &str = "public, max-age=365000000, immutable";

/// A server with a wheel of several chunks, whose version has a `+`.
fn depot_with_a_wheel() -> (Index, Built) {
    let depot = Index::start();
    let wheel = WheelBuilder::new("Tea.Pot", "1.0+lab.2").random_file("tea_pot/leaves.bin", 700_000, 1);
    let built = depot.publish(&wheel);
    assert!(built.bytes.len() > 700_000);
    (depot, built)
}

/// An sdist of an epoch, so that its name has a `!`.
fn sdist() -> SdistBuilder {
    SdistBuilder::new("Tea.Pot", "1!2.0")
}
