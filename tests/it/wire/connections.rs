//! Connections that are kept, closed and given back.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use depot_tests::{RawConnection, RawResponse, ServerProcess, WheelBuilder, binary, counted};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::client::Wire;
use super::exchange::{Ending, Exchange, Kept, Published};
use crate::python::depot::Depot;

const PATIENCE: Duration = Duration::from_secs(10);

/// How many descriptors a server has open.
pub(super) fn descriptors(depot: &Depot) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", depot.server().pid())).unwrap().count()
}

/// Fails unless a server has at most this many descriptors open, within ten seconds.
#[track_caller]
pub(super) fn assert_descriptors_come_back(depot: &Depot, most: usize) {
    let deadline = Instant::now() + PATIENCE;
    while descriptors(depot) > most {
        assert!(Instant::now() < deadline, "{} descriptors, where there were {most}", descriptors(depot));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn fifty_requests_at_once_are_answered_in_their_order() {
    let depot = Depot::start();
    let wheel =
        Published::wheel(&depot, &WheelBuilder::new("teapot", "1.0").random_file("a.bin", 300_000, 1));
    let mut bytes = String::new();
    let paths = ["/healthz", "/python/simple/", "/nowhere", "/python/simple/Teapot", &wheel.path()];
    let expected: Vec<u16> = [200, 200, 404, 301, 206].into_iter().cycle().take(50).collect();
    for number in 0..50 {
        let last = if number == 49 { "Connection: close\r\n" } else { "" };
        let path = paths[number % paths.len()];
        let _ = write!(bytes, "GET {path} HTTP/1.1\r\nHost: depot\r\nRange: bytes={number}-\r\n{last}\r\n");
    }
    let seen = Exchange::of(depot.url(), bytes.as_bytes());
    assert_eq!((seen.statuses(), seen.ending), (expected, Ending::Closed));
    for (number, answer) in seen.answers.iter().enumerate().filter(|(_, answer)| answer.status == 206) {
        assert!(answer.complete && answer.body == wheel.bytes[number..], "{number}");
    }
}

#[test]
fn a_connection_is_closed_when_asked_and_kept_otherwise() {
    let depot = Depot::start();
    // What is sent, and whether the connection is still good afterwards.
    for (head, kept) in [
        ("HTTP/1.1\r\nHost: depot\r\n", true),
        ("HTTP/1.1\r\nHost: depot\r\nConnection: keep-alive\r\n", true),
        ("HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n", false),
        ("HTTP/1.1\r\nHost: depot\r\nConnection: Close\r\n", false),
        ("HTTP/1.1\r\nHost: depot\r\nConnection: x, close\r\n", false),
        ("HTTP/1.1\r\nHost: depot\r\nConnection: x\r\nConnection: close\r\n", false),
        ("HTTP/1.1\r\nHost: depot\r\nConnection: close\r\nConnection: keep-alive\r\n", false),
        ("HTTP/1.0\r\nHost: depot\r\n", false),
        ("HTTP/1.0\r\n", false),
        ("HTTP/1.0\r\nHost: depot\r\nConnection: keep-alive\r\n", true),
        ("HTTP/1.0\r\nHost: depot\r\nConnection: Keep-Alive\r\n", true),
    ] {
        for path in ["/healthz", "/python/simple/", "/nowhere"] {
            let mut connection = RawConnection::open(depot.url(), PATIENCE).unwrap();
            connection.send(format!("GET {path} {head}\r\n")).unwrap();
            let answer = connection.receive(false).unwrap();
            assert!(answer.complete && [200, 404].contains(&answer.status), "{head}: {}", answer.status_line);
            let said = answer.header("connection").unwrap_or_default().to_ascii_lowercase();
            if kept {
                assert_ne!(said, "close", "{head}");
                // An old client keeps the connection only if it is told to.
                assert!(head.starts_with("HTTP/1.1") || said == "keep-alive", "{head}: {said}");
                connection.send(format!("GET {path} {head}\r\n")).unwrap();
                assert_eq!(connection.receive(false).unwrap().status, answer.status, "{head}");
            } else {
                assert_eq!(said == "close", head.starts_with("HTTP/1.1"), "{head}: {said}");
                assert!(connection.is_closed(), "{head}");
            }
        }
    }
}

#[test]
fn an_old_client_is_never_sent_chunks() {
    let depot = Depot::start();
    let wheel = Published::wheel(&depot, &WheelBuilder::new("teapot", "1.0"));
    for path in
        ["/python/simple/", "/python/simple/teapot/", &wheel.path(), "/nowhere", "/healthz", "/readyz"]
    {
        for accept in ["", "Accept-Encoding: gzip, zstd\r\n"] {
            let bytes = format!("GET {path} HTTP/1.0\r\n{accept}\r\n");
            let seen = Exchange::of(depot.url(), bytes.as_bytes());
            let [answer] = &seen.answers[..] else { panic!("{path}: {:?}", seen.statuses()) };
            assert_eq!(answer.header("transfer-encoding"), None, "{path}");
            assert!(answer.complete && answer.header("content-length").is_some(), "{path}");
        }
    }
}

#[test]
fn a_request_in_pieces_is_a_request() {
    let depot = Depot::start();
    let request = "GET /python/simple/ HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n";
    let mut connection = RawConnection::open(depot.url(), PATIENCE).unwrap();
    for byte in request.as_bytes() {
        connection.send([*byte]).unwrap();
    }
    assert_eq!(connection.receive(false).unwrap().status, 200);
    assert!(connection.is_closed());
}

/// What is said of a page or a file without sending it is what would be sent (RFC 9110, 8.6): a cache that has it takes
/// over what it is told.
#[test]
fn what_is_not_sent_is_not_described_wrongly() {
    let depot = Depot::start();
    let wheel = Published::wheel(&depot, &WheelBuilder::new("teapot", "1.0"));
    let mut kept = Kept::new(depot.url());
    for path in
        ["/python/simple/", "/python/simple/teapot/", &wheel.path(), &format!("{}.metadata", wheel.path())]
    {
        // A detour first, by which nothing is at hand, then as clients ask.
        for detour in ["Range: lines=0-1\r\n", ""] {
            let mut ask = |method: &str, lines: &str| {
                let request = format!("{method} {path} HTTP/1.1\r\nHost: depot\r\n{detour}{lines}\r\n");
                kept.ask(request.as_bytes())
            };
            let whole = ask("GET", "");
            let length = Some(whole.body.len().to_string());
            let said = |answer: &RawResponse| answer.header("content-length").map(str::to_owned);
            let head = ask("HEAD", "");
            assert_eq!((head.status, said(&head)), (200, length.clone()), "{path}");
            for method in ["GET", "HEAD"] {
                let unchanged = ask(method, "If-None-Match: *\r\n");
                assert_eq!(unchanged.status, 304, "{path}");
                let is_right = said(&unchanged).is_none_or(|said| Some(said) == length);
                assert!(is_right, "{method} {path} {detour:?}: {:?}", said(&unchanged));
                for name in ["etag", "cache-control", "vary"] {
                    assert_eq!(unchanged.header(name), whole.header(name), "{method} {path}: {name}");
                }
            }
        }
    }
}

/// A client that asks and goes away, in whatever state, leaves nothing behind.
#[test]
fn a_thousand_connections_leave_no_descriptor() {
    let depot = Depot::start();
    let wheel =
        Published::wheel(&depot, &WheelBuilder::new("teapot", "1.0").random_file("a.bin", 8_000_000, 1));
    // What a server opens once and keeps is open by then.
    for path in ["/python/simple/", "/python/simple/teapot/", &wheel.path()] {
        assert_eq!(depot.get(path).status, 200);
    }
    let before = descriptors(&depot);
    let token = depot.token();
    let upload = format!(
        "PUT /python/simple/teapot/teapot-2.0.tar.gz HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 9999\r\n\r\nhalf"
    );
    let file = format!("GET {} HTTP/1.1\r\nHost: depot\r\n\r\n", wheel.path());
    let requests: [&str; 7] = [
        "",
        "GET /python",
        "GET /healthz HTTP/1.1\r\nHost: depot\r\n\r\n",
        "GET /python/simple/ HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n",
        "nonsense\r\n\r\n",
        &upload,
        &file,
    ];
    for number in 0..1_000 {
        let mut connection = RawConnection::open(depot.url(), PATIENCE).unwrap();
        let _ = connection.send(requests[number % requests.len()]);
        // Half of them are gone before the answer comes.
        if number % 2 == 0 && [2, 3, 4].contains(&(number % requests.len())) {
            let _ = connection.receive(false);
        }
    }
    assert_descriptors_come_back(&depot, before);
    depot.assert_tmp_is_empty();
    counted("attack 26", "connections that were dropped and left no descriptor", 1_000);
}

/// A server that may have 160 descriptors, for itself and for everyone.
fn poor_server(data_dir: &Path) -> ServerProcess {
    let mut command = Command::new("sh");
    command.env_clear().arg("-c").arg("ulimit -n 160; exec \"$@\"").arg("sh").arg(binary("depot-server"));
    command.arg("serve").arg("--data-dir").arg(data_dir).args(["--port", "0"]);
    ServerProcess::start_command(command, data_dir)
}

/// Connections take descriptors, and so do files: as long as there is a limit, those that are there come first.
#[test]
fn more_connections_than_descriptors_wait_and_break_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = poor_server(folder.path());
    let token = server.token();
    let mut wire = Wire::open(server.url(), &token).unwrap();
    let first = WheelBuilder::new("teapot", "1.0");
    assert_eq!(wire.put_bytes("teapot", &first.filename(), &first.build()).unwrap().status, 201);
    // Fewer than what the system keeps waiting for who listens, and more than can be taken.
    let crowd: Vec<RawConnection> = (0..220)
        .map(|_| {
            let mut connection = RawConnection::open(server.url(), PATIENCE).unwrap();
            connection.send("GET /healthz HTTP/1.1\r\nHost: depot\r\n").unwrap();
            connection
        })
        .collect();
    // All that can be taken are taken by then.
    std::thread::sleep(Duration::from_secs(1));
    // Nothing here was opened before: each needs a descriptor of its own.
    for number in 2..10 {
        let wheel = WheelBuilder::new("teapot", &format!("{number}.0"));
        let answer = wire.put_bytes("teapot", &wheel.filename(), &wheel.build()).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(wire.file("teapot", &wheel.filename()).unwrap(), wheel.build());
    }
    assert_eq!(wire.page("teapot").unwrap().files.len(), 9);
    drop(crowd);
    let answer =
        depot_tests::send(server.url(), "GET /readyz HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n");
    assert_eq!(answer.unwrap().status, 200);
    counted("attack 26", "connections to a server of 160 descriptors", 220);
}

/// The bound on connections, met: it takes ten thousand descriptors on either side.
mod long {
    use super::*;

    #[test]
    #[ignore = "part of make test-faults"]
    fn connections_beyond_the_bound_wait_their_turn() {
        const BOUND: usize = 10_000;
        let limit = getrlimit(Resource::Nofile);
        if limit.maximum.is_some_and(|maximum| maximum < 2 * BOUND as u64) {
            depot_tests::skipped("10,000 connections: this process may not have so many descriptors");
            return;
        }
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
        let depot = Depot::start();
        let mut crowd: Vec<RawConnection> =
            (0..BOUND).map(|_| RawConnection::open(depot.url(), Duration::from_secs(20)).unwrap()).collect();
        let deadline = Instant::now() + PATIENCE;
        while descriptors(&depot) < BOUND {
            assert!(Instant::now() < deadline, "{} connections were taken", descriptors(&depot));
            std::thread::sleep(Duration::from_millis(20));
        }
        let healthz = "GET /healthz HTTP/1.1\r\nHost: depot\r\n\r\n";
        let mut late = RawConnection::open(depot.url(), Duration::from_secs(1)).unwrap();
        late.send(healthz).unwrap();
        assert_eq!(late.receive(false).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        // The others are served, and one that leaves makes place.
        crowd[0].send(healthz).unwrap();
        assert_eq!(crowd[0].receive(false).unwrap().status, 200);
        crowd.truncate(BOUND - 1);
        let mut late = RawConnection::open(depot.url(), PATIENCE).unwrap();
        crowd.truncate(BOUND - 2);
        late.send(healthz).unwrap();
        assert_eq!(late.receive(false).unwrap().status, 200);
        counted("attack 26", "connections at once", BOUND as u64);
    }
}
