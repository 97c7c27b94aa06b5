//! Requests that are too much (attack 27): refused early, by their size alone, and with no more read than that takes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use depot_tests::counted;

use super::exchange::{Ending, Exchange};
use crate::python::depot::Depot;

/// The most that a server may take of a body that it refuses, and that the system may hold between it and the client.
const READ_AND_BUFFERED: usize = 32 << 20;

/// So many header lines, each with a value of this many bytes.
fn lines(count: usize, length: usize) -> String {
    let line = |number: usize| format!("X-{number}: {}\r\n", "x".repeat(length));
    (0..count).map(line).collect::<Vec<_>>().concat()
}

#[test]
fn a_head_that_is_too_much_is_refused_and_its_connection_closed() {
    let depot = Depot::start();
    let get = |target: &str, lines: &str| format!("GET {target} HTTP/1.1\r\nHost: depot\r\n{lines}\r\n");
    let long = |length: usize| format!("/{}", "x".repeat(length));
    let cases: Vec<(&str, String, &[u16])> = vec![
        ("a header of 64 KiB", get("/healthz", &lines(1, 64 << 10)), &[431, 400]),
        ("a header of 1 MiB", get("/healthz", &lines(1, 1 << 20)), &[431, 400]),
        ("80 headers of 1 KiB", get("/healthz", &lines(80, 1 << 10)), &[431, 400]),
        ("150 headers", get("/healthz", &lines(150, 1)), &[431, 400]),
        ("10,000 headers", get("/healthz", &lines(10_000, 1)), &[431, 400]),
        ("10,000 equal headers", get("/healthz", &"X: y\r\n".repeat(10_000)), &[431, 400]),
        (
            "a header that never ends",
            get("/healthz", &lines(1, 1 << 20)).replace("\r\n\r\n", ""),
            &[431, 400],
        ),
        ("a name of 64 KiB", get("/healthz", &format!("{}: x\r\n", "x".repeat(64 << 10))), &[431, 400]),
        (
            "a cookie of 100 KB",
            get("/healthz", &format!("Cookie: {}\r\n", "a=b; ".repeat(20_000))),
            &[431, 400],
        ),
        ("a target of 8 KiB and one", get(&long(8 << 10), ""), &[414]),
        ("a target of 20 KB", get(&long(20_000), ""), &[414]),
        ("a target of 60 KB", get(&long(60_000), ""), &[414]),
        ("a target of 100 KB", get(&long(100_000), ""), &[414, 431, 400]),
        ("a query of 20 KB", get(&format!("/python/simple/?{}", "x".repeat(20_000)), ""), &[414]),
        ("a host of 20 KB", get(&format!("http://{}/healthz", "x".repeat(20_000)), ""), &[414, 400]),
        (
            "a method of 100 KB",
            get("/healthz", "").replace("GET", &"A".repeat(100_000)),
            &[400, 414, 431, 501],
        ),
        ("1 MiB of empty lines", "\r\n".repeat(512 << 10), &[400, 431]),
        ("1 MiB without a line end", "x".repeat(1 << 20), &[400, 414, 431]),
    ];
    let mut faults = Vec::new();
    for (name, bytes, statuses) in &cases {
        let seen = Exchange::of(depot.url(), bytes.as_bytes());
        // Where the client still sends when the server has gone, its system may throw the answer away.
        let lost = seen.answers.is_empty() && bytes.len() > 200_000;
        let refused = matches!(&seen.answers[..], [answer] if statuses.contains(&answer.status));
        if seen.ending != Ending::Closed || !(refused || lost) {
            faults.push(format!("{name}: {:?}, then {:?}", seen.statuses(), seen.ending));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
    counted("attack 27", "heads that are too much", cases.len() as u64);
}

#[test]
fn a_large_head_below_the_limits_is_taken() {
    let depot = Depot::start();
    for (target, lines, status) in [
        ("/healthz".to_owned(), lines(80, 500), 200),
        ("/healthz".to_owned(), format!("X: {}\r\n", "x".repeat(48 << 10)), 200),
        (format!("/python/simple/?x={}", "x".repeat(8_000)), String::new(), 200),
        // A token may be long: PyPI's with many caveats are.
        ("/python/simple/".to_owned(), format!("Authorization: Bearer {}\r\n", "x".repeat(16 << 10)), 401),
    ] {
        let answer = depot.request("GET", &target, None, &lines, b"");
        assert_eq!(answer.status, status, "{target:.40} {lines:.40}");
    }
}

/// Sends a head, then as much of a body as is taken within ten seconds; how much that was, and what came back.
fn pour(depot: &Depot, head: &str, chunked: bool, most: usize) -> (usize, String) {
    let authority = depot.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let zeros = vec![0; 64 << 10];
    let piece = if chunked { [b"10000\r\n".as_slice(), &zeros, b"\r\n"].concat() } else { zeros };
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut sent = 0;
    while sent < most && Instant::now() < deadline && stream.write_all(&piece).is_ok() {
        sent += piece.len();
    }
    // Who has sent nothing yet waits to be told to.
    if most > 0 {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    (sent, String::from_utf8_lossy(&answer).into_owned())
}

fn upload(depot: &Depot, path: &str, lines: &str) -> String {
    let token = depot.token();
    format!(
        "PUT /python/simple/teapot/{path} HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {token}\r\n{lines}\r\n"
    )
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_before_it_comes() {
    let depot = Depot::start_with(&["--max-file-size", "100000"]);
    for (path, size) in [
        ("teapot-1.0.tar.gz", 100_001_u64),
        ("teapot-1.0.tar.gz", 1 << 40),
        ("teapot-1.0.tar.gz", u64::MAX - 1),
        ("teapot-1.0-py3-none-any.whl", 100_001),
    ] {
        let lines =
            format!("Accept: application/problem+json\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n");
        let began = Instant::now();
        let (_, answer) = pour(&depot, &upload(&depot, path, &lines), false, 0);
        // Who is told to go on has sent it all by the time it is refused.
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert!(began.elapsed() < Duration::from_secs(4), "{size} bytes: {:?}", began.elapsed());
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.to_ascii_lowercase().contains("connection: close"), "{head}");
        if size > 1 << 60 {
            // Nobody can mean that: whoever reads the head may refuse it.
            assert!(["400", "413", "431"].contains(&&answer[9..12]), "{answer}");
        } else {
            assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"too-large\""), "{answer}");
        }
    }
    depot.assert_tmp_is_empty();
    counted("attack 27", "bodies that were refused before they came", 4);
}

#[test]
fn a_body_that_grows_too_large_is_stopped() {
    let depot = Depot::start_with(&["--max-file-size", "100000"]);
    let most = 256 << 20;
    let sized = format!("Content-Length: {most}\r\n");
    let mut tried = 0;
    for (path, lines, chunked) in [
        ("teapot-1.0.tar.gz", "Transfer-Encoding: chunked\r\n", true),
        ("teapot-1.0.tar.gz", &sized, false),
        ("teapot-1.0.tar.gz.json", "Transfer-Encoding: chunked\r\n", true),
        ("teapot-1.0.tar.gz.json", &sized, false),
        // Without a right to it, and without a name that can be: refused for that, and not read either.
        ("other-1.0.tar.gz", "Transfer-Encoding: chunked\r\n", true),
    ] {
        let began = Instant::now();
        let (sent, answer) = pour(&depot, &upload(&depot, path, lines), chunked, most);
        assert!(sent < READ_AND_BUFFERED, "{path} {lines:?}: {sent} bytes were taken");
        // The answer is lost where the system throws it away with the rest of what came; it is never a success.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert!(began.elapsed() < Duration::from_secs(20), "{path}: {:?}", began.elapsed());
        tried += 1;
    }
    let plan = format!(
        "POST /python/_/plan HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {}\r\nContent-Length: {most}\r\n\r\n",
        depot.token()
    );
    let (sent, answer) = pour(&depot, &plan, false, most);
    assert!(sent < 64 << 20, "{sent} bytes of a plan were taken");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    depot.assert_tmp_is_empty();
    counted("attack 27", "bodies that were stopped on their way", tried + 1);
}
