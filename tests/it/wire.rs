//! HTTP by hand against the real server, over sockets that no client library has been polite on.
//!
//! [`client`] is what other suites speak with. The rest are the attacks on what lies below the index itself: paths,
//! heads, framing, slowness, size, ranges, codings and protocols.

mod at_hand;
mod client;
mod climbing;
mod codings;
mod connections;
mod exchange;
mod framing;
mod headers;
mod hosts;
mod http2;
mod oversize;
mod ranges;
mod redirects;
mod reflected;
mod slow;

pub(crate) use client::{Listed, Wire, record};
