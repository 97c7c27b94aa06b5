//! Accounts: who may log in, what they may do, and that they may do nothing once they are disabled or deleted.

mod cli;
mod dead;
mod forms;
mod keys;
mod logins;
mod rest;
mod roles;
mod users;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{RawResponse, WheelBuilder};

use crate::python::depot::Depot;

/// The header line of a name and a password.
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{password}")))
}

/// Reads the list of projects.
fn read_as(depot: &Depot, name: &str, password: &str) -> RawResponse {
    depot.request("GET", "/python/simple/", None, &basic(name, password), b"")
}

/// Uploads a wheel.
fn publish_as(depot: &Depot, name: &str, password: &str, wheel: &WheelBuilder) -> RawResponse {
    let path = format!("/python/simple/{}/{}", wheel.project(), wheel.filename());
    depot.request("PUT", &path, None, &basic(name, password), &wheel.build())
}
