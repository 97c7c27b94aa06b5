//! What SIGTERM lets finish, and what it does not wait for.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use depot_tests::{RawConnection, WheelBuilder, sha256_hex};

use super::depot::{Depot, assert_accepted, uploads_under_way};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Connections on which nothing happens must not hold the server up for longer.
const SOON: Duration = Duration::from_secs(5);

/// A wheel of which half is more than a server holds back before it writes.
fn wheel() -> WheelBuilder {
    WheelBuilder::new("teapot", "1.0").random_file("teapot/data.bin", 4_000_000, 5)
}

/// Waits until the server has begun to write an upload.
fn wait_for_upload(depot: &Depot) {
    let deadline = Instant::now() + TIMEOUT;
    while uploads_under_way(&depot.tree()).is_empty() {
        assert!(Instant::now() < deadline, "no upload is under way");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Stops the server and fails if it takes its time.
#[track_caller]
fn assert_stops_soon(depot: &mut Depot) {
    let asked = Instant::now();
    depot.stop();
    assert!(asked.elapsed() < SOON, "it took {:?}", asked.elapsed());
}

#[test]
fn an_upload_under_way_finishes_after_sigterm_and_is_served_by_the_next_process() {
    let mut depot = Depot::start();
    let (filename, bytes) = (wheel().filename(), wheel().build());
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let mut upload = RawConnection::open(depot.url(), TIMEOUT).unwrap();
    let head = format!(
        "PUT /python/simple/teapot/{filename} HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n",
        depot.token(),
        bytes.len()
    );
    upload.send(head).unwrap();
    upload.send(first).unwrap();
    wait_for_upload(&depot);

    depot.server().ask_to_end();
    std::thread::sleep(Duration::from_millis(300));
    let refused = RawConnection::open(depot.url(), TIMEOUT).expect_err("a new connection is taken");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");
    upload.send(rest).unwrap();
    let answer = upload.receive(false).unwrap();
    assert!(answer.complete, "{}", answer.text());
    assert_accepted(&answer, 201, "created");
    assert!(upload.is_closed(), "the connection is kept for another request");
    depot.wait();

    depot.resume();
    depot.assert_tmp_is_empty();
    let listed = depot.listed("teapot");
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["hashes"]["sha256"], sha256_hex(&bytes));
    let served = depot.get(&format!("/python/files/teapot/{filename}"));
    assert_eq!((served.status, served.body), (200, bytes));
}

#[test]
fn an_idle_connection_that_is_kept_does_not_hold_up_the_exit() {
    let mut depot = Depot::start();
    let mut idle = RawConnection::open(depot.url(), TIMEOUT).unwrap();
    idle.send("GET /python/simple/ HTTP/1.1\r\nHost: depot\r\n\r\n").unwrap();
    let page = idle.receive(false).unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    assert_ne!(page.header("connection"), Some("close"), "the connection is meant to be kept");
    assert_stops_soon(&mut depot);
    assert!(idle.is_closed());
}

#[test]
fn a_connection_without_any_request_does_not_hold_up_the_exit() {
    let mut depot = Depot::start();
    let mut silent = RawConnection::open(depot.url(), TIMEOUT).unwrap();
    // Connections are accepted in order: once a later one is answered, the silent one has been taken.
    assert_eq!(depot.get("/healthz").status, 200);
    assert_stops_soon(&mut depot);
    assert!(silent.is_closed());
}

#[test]
fn a_request_whose_head_was_begun_is_answered_after_sigterm_whoever_answers_it() {
    for line in ["", "Authorization: Basic eDp5\r\n", "Cookie: a=b\r\n"] {
        let mut depot = Depot::start();
        let mut connection = RawConnection::open(depot.url(), TIMEOUT).unwrap();
        connection.send("GET /healthz HTTP/1.1\r\nHost: de").unwrap();
        std::thread::sleep(Duration::from_millis(200));
        depot.server().ask_to_end();
        std::thread::sleep(Duration::from_millis(200));
        connection.send(format!("pot\r\n{line}\r\n")).unwrap();
        let answer = connection.receive(false).unwrap();
        assert_eq!((answer.status, answer.complete), (200, true), "{line}");
        depot.wait();
    }
}
