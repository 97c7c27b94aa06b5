//! The plain port, where nobody can agree on HTTP/2.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use depot_tests::counted;

use super::frames::{PREFACE, SETTINGS, get, settings};
use crate::python::depot::Depot;

/// All that comes back, until the server closes.
fn answer_to(depot: &Depot, parts: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(depot.url().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for part in parts {
        let _ = stream.write_all(part);
    }
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return answer,
            Ok(length) => answer.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the connection is kept open"),
            Err(_) => return answer,
        }
    }
}

#[test]
fn http_2_is_not_spoken_on_a_plain_port() {
    let depot = Depot::start();
    let (settings, request) = (settings(&[]), get(1, "/healthz"));
    let upgrade =
        b"GET /healthz HTTP/1.1\r\nHost: depot\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\
          HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let after_one = b"GET /healthz HTTP/1.1\r\nHost: depot\r\n\r\n";
    let cases: [(&str, Vec<&[u8]>); 6] = [
        ("prior knowledge", vec![PREFACE, &settings, &request]),
        ("the preface alone", vec![PREFACE]),
        ("the preface in two parts", vec![&PREFACE[..10], &PREFACE[10..], &settings]),
        ("frames without a preface", vec![&settings, &request]),
        ("an upgrade", vec![upgrade, PREFACE, &settings]),
        ("prior knowledge after a request", vec![after_one, PREFACE, &settings, &request]),
    ];
    for (name, parts) in &cases {
        let answer = answer_to(&depot, parts);
        let shown = String::from_utf8_lossy(&answer);
        // A server that speaks it sends its settings first: a frame of that kind on no stream.
        let speaks = answer.windows(6).any(|window| window == [SETTINGS, 0, 0, 0, 0, 0]);
        assert!(!speaks && !shown.contains(" 101 "), "{name}: {shown:?}");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{name}: {shown:?}");
        assert!(shown.matches("HTTP/1.").count() <= 2, "{name}: {shown:?}");
    }
    assert_eq!(depot.get("/healthz").status, 200);
    counted("attack 30", "ways to HTTP/2 on a plain port", cases.len() as u64);
}
