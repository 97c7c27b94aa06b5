//! What can befall an index, and what its clients may see of it then.

mod bodies;
mod framing;
mod pages;
mod redirects;
mod statuses;
mod times;

use super::upstream::{Asked, Step};

/// A way to misbehave.
#[derive(Clone, Copy)]
pub(super) struct Variant {
    pub(super) name: &'static str,
    /// What clients see of each thing that they ask for, in the order of [`super::table::WANTED`]: `x` is an error, `o` the
    /// right bytes, `?` either, `~` either or that there is none, and `*` a page that says what the index says: nobody can
    /// tell such a lie from the truth.
    pub(super) expected: &'static str,
    pub(super) act: fn(&Asked) -> Vec<Step>,
    /// Whether the proxy may be led to private addresses, so that it is what is there that fails.
    pub(super) may_roam: bool,
    /// Whether an answer does not come, or not to its end.
    pub(super) is_silent: bool,
}

const fn variant(name: &'static str, expected: &'static str, act: fn(&Asked) -> Vec<Step>) -> Variant {
    Variant { name, expected, act, may_roam: false, is_silent: false }
}

/// One of which nothing comes, or what comes has no end.
const fn silent(name: &'static str, act: fn(&Asked) -> Vec<Step>) -> Variant {
    Variant { is_silent: true, ..variant(name, "xxxxx", act) }
}

/// Those in which there is no answer, or another one than that which was asked for.
pub(super) fn troubled() -> Vec<Variant> {
    [statuses::ALL, redirects::ALL, times::ALL].concat()
}

/// Those in which there is one, and it is not to be trusted.
pub(super) fn garbled() -> Vec<Variant> {
    [framing::ALL, bodies::ALL, pages::ALL].concat()
}

/// One answer, and the end of the connection.
fn send(bytes: impl Into<Vec<u8>>) -> Vec<Step> {
    vec![Step::Send(bytes.into())]
}

/// An answer with this status, these header lines and this body.
fn status(line: &str, headers: &str, body: &str) -> Vec<Step> {
    send(format!("HTTP/1.1 {line}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()))
}

/// A page for people.
const LOGIN: &str = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><a href=\"/login\">Log in</a></body></html>";
