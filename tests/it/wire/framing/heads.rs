//! Heads that are not quite heads.

use std::time::Duration;

use super::Verdict::{Closed, Either, Refused, Understood};
use depot_tests::{RawConnection, WheelBuilder};

use super::{Case, Depot, Exchange, HIDDEN, at, case, try_all};

/// A request that is answered with 200, with one more line in its head.
fn get(line: &[u8]) -> Vec<u8> {
    [b"GET /healthz HTTP/1.1\r\nHost: depot\r\n", line, b"\r\n\r\n"].concat()
}

fn start_lines() -> Vec<Case> {
    let line = |line: &str| format!("{line}\r\nHost: depot\r\n\r\n");
    let hello = [b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".as_slice(), &[0; 160]].concat();
    vec![
        case("HTTP/0.9", Refused, "GET /healthz\r\n\r\n"),
        case("HTTP/0.9 without an empty line", Refused, "GET /healthz\r\n"),
        case("HTTP/1.2", Refused, line("GET /healthz HTTP/1.2")),
        case("HTTP/2.0", Refused, line("GET /healthz HTTP/2.0")),
        case("a version of two digits", Refused, line("GET /healthz HTTP/1.10")),
        case("a version with a zero in front", Refused, line("GET /healthz HTTP/01.1")),
        case("a version in small letters", Refused, line("GET /healthz http/1.1")),
        case("half a version", Refused, line("GET /healthz HTTP/1")),
        case("another protocol", Refused, line("GET /healthz ICY/1.1")),
        case("a space after the version", Refused, line("GET /healthz HTTP/1.1 ")),
        case("two spaces before the target", Refused, line("GET  /healthz HTTP/1.1")),
        case("two spaces after the target", Refused, line("GET /healthz  HTTP/1.1")),
        case("tabs for spaces", Refused, line("GET\t/healthz\tHTTP/1.1")),
        case("a space in the target", Refused, line("GET /health z HTTP/1.1")),
        case("a space before the method", Refused, line(" GET /healthz HTTP/1.1")),
        case("a method of separators", Refused, line("G@T(/) /healthz HTTP/1.1")),
        case("a method with a NUL", Refused, line("G\0T /healthz HTTP/1.1")),
        case("no method", Refused, line("/healthz HTTP/1.1")),
        case("a method in small letters", Understood(4), line("get /healthz HTTP/1.1")),
        case(
            "a method of 70,000 letters",
            Refused,
            line(&format!("{} /healthz HTTP/1.1", "A".repeat(70_000))),
        ),
        case("an authority for a target", Either, line("GET evil.example:80 HTTP/1.1")),
        case("CONNECT", Either, line("CONNECT evil.example:80 HTTP/1.1")),
        case("CONNECT to a path", Either, line("CONNECT /healthz HTTP/1.1")),
        case("an asterisk for a target", Either, line("GET * HTTP/1.1")),
        case("OPTIONS of the whole server", Either, line("OPTIONS * HTTP/1.1")),
        case("a whole URL for a target", Understood(2), line("GET http://depot/healthz HTTP/1.1")),
        case("a URL of another scheme", Either, line("GET file:///healthz HTTP/1.1")),
        case("a line feed alone in the start line", Refused, "GET /healthz\nHTTP/1.1\r\nHost: depot\r\n\r\n"),
        case("carriage returns for line ends", Refused, "GET /healthz HTTP/1.1\rHost: depot\r\r"),
        case("an empty line before it", Understood(2), [b"\r\n", &*get(b"X-A: b")].concat()),
        case("a TLS hello", Refused, hello),
        case("SSH", Refused, "SSH-2.0-OpenSSH_9.2\r\n"),
        case("zeros", Refused, [0; 100]),
    ]
}

fn header_lines() -> Vec<Case> {
    let host = |host: &str| format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
    vec![
        case("a folded line", Refused, get(b"X-A: b\r\n c")),
        case("a folded line, with a tab", Refused, get(b"X-A: b\r\n\tc")),
        case("a folded line with a length in it", Refused, get(b"X-A: b\r\n Content-Length: 64")),
        case("a space before the first header", Refused, "GET /healthz HTTP/1.1\r\n Host: depot\r\n\r\n"),
        case("a space before the colon", Refused, get(b"X-A : b")),
        case("a tab before the colon", Refused, get(b"X-A\t: b")),
        case("a space before the colon of a length", Refused, get(b"Content-Length : 64")),
        case("a space in a name", Refused, get(b"X A: b")),
        case("no name", Refused, get(b": b")),
        case("no colon", Refused, get(b"X-A")),
        case("a NUL in a name", Refused, get(b"X-\0A: b")),
        case("a name that is not ASCII", Refused, get("X-ä: b".as_bytes())),
        case("brackets in a name", Refused, get(b"X(a): b")),
        case("a NUL in a value", Refused, get(b"X-A: b\0c")),
        case("a control character in a value", Refused, get(b"X-A: b\x01c")),
        case("an escape character in a value", Refused, get(b"X-A: b\x1b[2Jc")),
        case("a delete character in a value", Refused, get(b"X-A: b\x7fc")),
        case("a carriage return in a value", Refused, get(b"X-A: b\rContent-Length: 64")),
        case("a carriage return before the line end", Refused, get(b"X-A: b\r")),
        case("a line feed alone between headers", Either, get(b"X-A: b\nX-B: c")),
        case("line feeds for line ends", Either, "GET /healthz HTTP/1.1\nHost: depot\n\n"),
        case("bytes above ASCII in a value", Understood(2), get(b"X-A: \xff\xfe")),
        case("an underscore for a hyphen in a length", Understood(2), get(b"Content_Length: 64")),
        // RFC 9112, 3.2: a server must refuse these, because each reader would pick another host.
        case("no host", Refused, "GET /healthz HTTP/1.1\r\n\r\n"),
        case("no host beside a whole URL", Refused, "GET http://depot/healthz HTTP/1.1\r\n\r\n"),
        case("two hosts", Refused, get(b"Host: evil.example")),
        case("two hosts that agree", Refused, get(b"Host: depot")),
        case("a host that is none", Refused, host("a b/c")),
        case("a host with a user", Refused, host("user@depot")),
        case("a list of hosts", Refused, host("depot, evil.example")),
    ]
}

/// Requests that want to be something else than HTTP/1.1 from here on.
fn other_protocols() -> Vec<Case> {
    const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    vec![
        case("an upgrade to websockets", Either, get(b"Connection: Upgrade\r\nUpgrade: websocket")),
        case("an upgrade to TLS", Either, get(b"Connection: Upgrade\r\nUpgrade: TLS/1.0")),
        case(
            "an upgrade to HTTP/2",
            Either,
            get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"),
        ),
        case("the preface of HTTP/2", Closed, PREFACE),
        case("the preface of HTTP/2, and settings", Closed, format!("{PREFACE}\0\0\0\x04\0\0\0\0\0")),
        case("another expectation", Either, get(b"Expect: 200-ok")),
        case("an expectation without a body", Understood(2), get(b"Expect: 100-continue")),
    ]
}

/// What is asked for again and again has a door of its own, which must be as narrow as the other.
const AT_HAND: &str = "/python/simple/teapot/";

/// A server that has a page at hand.
fn depot_with_a_page() -> Depot {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("teapot", "1.0"));
    let mut connection = RawConnection::open(depot.url(), Duration::from_secs(10)).unwrap();
    for _ in 0..3 {
        connection.send(format!("GET {AT_HAND} HTTP/1.1\r\nHost: depot\r\n\r\n")).unwrap();
        assert_eq!(connection.receive(false).unwrap().status, 200);
    }
    depot
}

#[test]
fn no_odd_start_line_hides_a_second_request() {
    let depot = depot_with_a_page();
    try_all(&depot, &start_lines(), "odd start lines");
    try_all(&depot, &at(start_lines(), AT_HAND), "odd start lines, for what is at hand");
}

#[test]
fn no_odd_header_hides_a_second_request() {
    let depot = depot_with_a_page();
    try_all(&depot, &header_lines(), "odd header lines");
    try_all(&depot, &at(header_lines(), AT_HAND), "odd header lines, for what is at hand");
}

#[test]
fn no_other_protocol_is_spoken() {
    let depot = depot_with_a_page();
    let mut cases = other_protocols();
    cases.extend(at(other_protocols(), AT_HAND));
    try_all(&depot, &cases, "requests for other protocols");
    for case in cases {
        let seen = Exchange::of(depot.url(), &[case.bytes.as_slice(), HIDDEN].concat());
        assert!(!seen.statuses().contains(&101), "{}", case.name);
    }
}
