//! Uploads that end early, never end, or are too large.

use std::fs;
use std::time::{Duration, Instant};

use depot_proto::push::MAX_RECORD_SIZE;
use depot_tests::{RawConnection, WheelBuilder};

use crate::python::depot::{Depot, assert_accepted, assert_refused, record, uploads_under_way};

const LIMIT: usize = 4_000;

fn small() -> WheelBuilder {
    WheelBuilder::new("teapot", "1.0")
}

fn large() -> WheelBuilder {
    small().random_file("teapot/data.bin", 6_000_000, 7)
}

/// The head of an upload, to be followed by a body of any length.
fn head(depot: &Depot, filename: &str, framing: &str) -> String {
    let token = depot.token();
    format!(
        "PUT /python/simple/teapot/{filename} HTTP/1.1\r\nHost: depot\r\nAccept: application/json\r\n\
         Authorization: Bearer {token}\r\n{framing}\r\n\r\n"
    )
}

fn assert_nothing_is_visible(depot: &Depot) {
    depot.assert_tmp_is_empty();
    assert_refused(&depot.get("/python/simple/teapot/"), 404, "not-found");
    let filename = small().filename();
    assert_refused(&depot.get(&format!("/python/files/teapot/{filename}")), 404, "not-found");
    let folder = depot.tree().join("files").join("teapot");
    assert!(!folder.exists() || fs::read_dir(&folder).unwrap().next().is_none());
}

fn wait_until_bytes_are_in_tmp(depot: &Depot) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while uploads_under_way(&depot.tree()).is_empty() {
        assert!(Instant::now() < deadline, "the upload never reached tmp");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_body_that_ends_before_its_length_leaves_nothing() {
    let depot = Depot::start();
    let bytes = large().build();
    for cut in [0, 1, 1000, 3_000_000, bytes.len() - 1] {
        let mut connection = RawConnection::open(depot.url(), Duration::from_secs(10)).unwrap();
        let framing = format!("Content-Length: {}", bytes.len());
        connection.send(head(&depot, &small().filename(), &framing)).unwrap();
        connection.send(&bytes[..cut]).unwrap();
        if cut > 2_000_000 {
            wait_until_bytes_are_in_tmp(&depot);
        }
        connection.finish().unwrap();
        // The other half of the connection is open: whoever still reads is told.
        if let Ok(answer) = connection.receive(false) {
            assert_refused(&answer, 400, "truncated");
        }
        assert_nothing_is_visible(&depot);
    }
    assert_accepted(&depot.put("teapot", &small().filename(), &bytes), 201, "created");
}

#[test]
fn a_client_that_vanishes_in_the_middle_leaves_nothing() {
    let depot = Depot::start();
    let bytes = large().build();
    for (framing, start) in [
        (format!("Content-Length: {}", bytes.len()), String::new()),
        ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n", bytes.len())),
    ] {
        let mut connection = RawConnection::open(depot.url(), Duration::from_secs(10)).unwrap();
        connection.send(head(&depot, &small().filename(), &framing)).unwrap();
        connection.send(start).unwrap();
        connection.send(&bytes[..3_000_000]).unwrap();
        wait_until_bytes_are_in_tmp(&depot);
        drop(connection);
        assert_nothing_is_visible(&depot);
    }
}

#[test]
fn a_chunked_body_without_its_last_chunk_leaves_nothing() {
    let depot = Depot::start();
    let bytes = small().build();
    let mut connection = RawConnection::open(depot.url(), Duration::from_secs(10)).unwrap();
    connection.send(head(&depot, &small().filename(), "Transfer-Encoding: chunked")).unwrap();
    // All bytes of the wheel, which would be a sound one.
    connection.send(format!("{:x}\r\n", bytes.len())).unwrap();
    connection.send(&bytes).unwrap();
    connection.send("\r\n").unwrap();
    connection.finish().unwrap();
    if let Ok(answer) = connection.receive(false) {
        assert_refused(&answer, 400, "truncated");
    }
    assert_nothing_is_visible(&depot);
}

#[test]
fn a_chunked_body_is_taken_where_it_is_whole() {
    let depot = Depot::start();
    let (filename, bytes) = (small().filename(), small().build());
    let mut body = Vec::new();
    for chunk in bytes.chunks(100) {
        body.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        body.extend(chunk);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\n\r\n");
    let path = format!("/python/simple/teapot/{filename}");
    let token = depot.token();
    let answer = depot.request("PUT", &path, Some(&token), "Transfer-Encoding: chunked\r\n", &body);
    assert_accepted(&answer, 201, "created");
    assert_eq!(depot.get(&format!("/python/files/teapot/{filename}")).body, bytes);
}

#[test]
fn a_file_above_the_limit_is_refused_by_its_length_and_by_its_bytes() {
    let depot = Depot::start_with(&["--max-file-size", &LIMIT.to_string()]);
    let wheel = small().random_file("teapot/data.bin", LIMIT, 7);
    let (filename, bytes, token) = (wheel.filename(), wheel.build(), depot.token());
    assert_refused(&depot.put("teapot", &filename, &bytes), 413, "too-large");
    assert_nothing_is_visible(&depot);

    let chunked = [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n0\r\n\r\n"].concat();
    let path = format!("/python/simple/teapot/{filename}");
    let refused = depot.request("PUT", &path, Some(&token), "Transfer-Encoding: chunked\r\n", &chunked);
    assert_refused(&refused, 413, "too-large");
    assert_nothing_is_visible(&depot);

    let fitting = small().build();
    assert!(fitting.len() < LIMIT);
    assert_accepted(&depot.put("teapot", &filename, &fitting), 201, "created");
}

#[test]
fn a_chunked_body_without_end_is_cut_off_at_the_limit() {
    let depot = Depot::start_with(&["--max-file-size", "2000000"]);
    let mut connection = RawConnection::open(depot.url(), Duration::from_secs(20)).unwrap();
    connection.send(head(&depot, &small().filename(), "Transfer-Encoding: chunked")).unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
    let mut sent = 0;
    while sent < 64 << 20 && connection.send(&chunk).is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 64 << 20, "the server took 64 MiB of a body that may have 2 MB");
    assert_nothing_is_visible(&depot);
}

#[test]
fn a_record_that_is_too_large_is_refused() {
    let depot = Depot::start();
    let (filename, bytes) = (small().filename(), small().build());
    let mut large = record(&filename, &bytes);
    large["x-padding"] = "x".repeat(MAX_RECORD_SIZE).into();
    assert_refused(&depot.announce("teapot", &large), 413, "too-large");
    depot.publish(&small());
    assert_refused(&depot.announce("teapot", &large), 413, "too-large");
    assert!(depot.stored_record("teapot", &filename).get("x-padding").is_none());
}

#[test]
fn who_sends_a_large_file_in_vain_gets_to_read_why() {
    let depot = Depot::start_with(&["--max-file-size", "2000000"]);
    let (filename, bytes) = (large().filename(), large().build());
    let path = format!("/python/simple/teapot/{filename}");
    let readable = depot.new_token("reader", &["read"]);
    for _ in 0..5 {
        assert_refused(&depot.put("teapot", &filename, &bytes), 413, "too-large");
        assert_refused(&depot.request("PUT", &path, None, "", &bytes), 401, "unauthenticated");
        assert_refused(&depot.request("PUT", &path, Some("depot_x"), "", &bytes), 401, "invalid-token");
        assert_refused(&depot.put_as(&readable, "teapot", &filename, &bytes), 403, "forbidden");
    }
}
