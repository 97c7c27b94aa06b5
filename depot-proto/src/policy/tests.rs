mod decisions;
mod pages;
mod reading;

use super::*;

fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The present of these tests.
fn now() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}
