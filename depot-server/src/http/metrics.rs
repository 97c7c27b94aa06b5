//! `GET /metrics`: numbers of the running server, in the text form that Prometheus reads.
//!
//! The form is a line for a number, so it is written here. What is counted is counted by plain atomics where it happens, and
//! read when somebody asks. Labels are names of repositories and words of the server's own: never a project, a user, or
//! anything else that a client says.

use std::{fmt::Write as _, net::IpAddr, sync::Arc};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::IntoResponse as _,
};

use super::{
    doors::Doors,
    error::{ApiError, ApiResult},
    forwarded::{self, Peer},
};
use crate::{auth::policy::Principal, config::Network};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Headers by which a proxy says that it speaks for somebody.
const PASSED_ON: [&str; 6] =
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "via"];

/// What the handler knows.
pub(crate) struct MetricsState {
    /// Writes the numbers down. May block for a moment.
    pub(crate) write: Box<dyn Fn(&mut Exposition) + Send + Sync>,
    /// Whether somebody who is no administrator, and elsewhere, may see them.
    pub(crate) may_see: Box<dyn Fn(&Principal) -> bool + Send + Sync>,
    /// From where `X-Forwarded-For` is believed.
    pub(crate) trusted: Vec<Network>,
}

/// The route, at the root.
pub(crate) fn doors() -> Doors<Arc<MetricsState>> {
    Doors::new().read("/metrics", metrics)
}

async fn metrics(
    State(state): State<Arc<MetricsState>>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    let peer = request.extensions().get().map(|Peer(peer)| *peer);
    if !is_here(peer, request.headers(), &state.trusted) {
        principal
            .may_administer()
            .or_else(|denied| (state.may_see)(&principal).then_some(()).ok_or(denied))?;
    }
    let written = tokio::task::spawn_blocking(move || {
        let mut exposition = Exposition::default();
        (state.write)(&mut exposition);
        exposition.0
    });
    let text = written.await.map_err(ApiError::from)?;
    let caching = HeaderValue::from_static("no-store");
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(TEXT)), (header::CACHE_CONTROL, caching)];
    Ok((headers, text).into_response())
}

/// Whether a request was made on this machine, and not handed on by anything that says so.
fn is_here(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Network]) -> bool {
    let Some(peer) = peer else { return false };
    let passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
    let client = forwarded::client(peer, headers, trusted);
    // A trusted proxy must say for whom it asks: one that says nothing may be asked by anybody.
    let is_proxy = trusted.iter().any(|network| network.contains(peer.to_canonical()));
    peer.to_canonical().is_loopback() && client.is_loopback() && !passed_on && !is_proxy
}

/// Numbers in the text form of Prometheus.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

/// What a number is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    /// It only grows, until the server starts again.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl Exposition {
    /// A metric with its numbers, each with the labels that tell it from the others. One without numbers is left out.
    pub(crate) fn metric<'a, L>(
        &mut self,
        name: &str,
        of: Type,
        help: &str,
        numbers: impl IntoIterator<Item = (L, u64)>,
    ) where
        L: AsRef<[(&'a str, &'a str)]>,
    {
        let of = match of {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
        };
        let mut is_first = true;
        for (labels, number) in numbers {
            if std::mem::take(&mut is_first) {
                let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {of}");
            }
            let labels: Vec<_> = labels
                .as_ref()
                .iter()
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(self.0, "{name}{labels} {number}");
        }
    }

    /// A metric that is one number.
    pub(crate) fn number(&mut self, name: &str, of: Type, help: &str, number: u64) {
        let none: [(&str, &str); 0] = [];
        self.metric(name, of, help, [(none, number)]);
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_read() {
        let mut exposition = Exposition::default();
        exposition.number("depot_serial", Type::Gauge, "The last change.", 7);
        let by_class = [([("status", "2xx")], 3), ([("status", "a\"b\\c\nd")], 0)];
        exposition.metric("depot_requests_total", Type::Counter, "Requests.", by_class);
        let none: [([(&str, &str); 0], u64); 0] = [];
        exposition.metric("depot_nothing", Type::Counter, "Nothing.", none);
        let text = "# HELP depot_serial The last change.\n# TYPE depot_serial gauge\ndepot_serial 7\n\
                    # HELP depot_requests_total Requests.\n# TYPE depot_requests_total counter\n\
                    depot_requests_total{status=\"2xx\"} 3\n\
                    depot_requests_total{status=\"a\\\"b\\\\c\\nd\"} 0\n";
        assert_eq!(exposition.0, text);
    }

    #[test]
    fn only_who_is_on_this_machine_itself_is_here() {
        let proxies: Vec<Network> = vec!["127.0.0.2/32".parse().unwrap()];
        for (peer, line, expected) in [
            (Some("127.0.0.1"), None, true),
            (Some("::1"), None, true),
            (Some("::ffff:127.0.0.1"), None, true),
            (Some("127.0.0.1"), Some(("x-forwarded-for", "127.0.0.1")), false),
            (Some("127.0.0.1"), Some(("via", "1.1 proxy")), false),
            (Some("127.0.0.1"), Some(("forwarded", "for=10.0.0.1")), false),
            (Some("127.0.0.2"), None, false),
            (Some("127.0.0.2"), Some(("x-forwarded-for", "127.0.0.1")), false),
            (Some("10.0.0.1"), None, false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = line {
                headers.insert(name, HeaderValue::from_static(value));
            }
            let peer = peer.map(|peer| peer.parse().unwrap());
            assert_eq!(is_here(peer, &headers, &proxies), expected, "{peer:?} {line:?}");
        }
    }
}
