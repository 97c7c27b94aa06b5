//! Files that are not on disk as they were published: an honest failure, and never a short body.

use std::fs::File;
use std::path::Path;

use depot_tests::{RawResponse, WheelBuilder, send};

use super::depot_with_a_wheel;
use crate::python::depot::assert_refused;

/// Cuts a file on disk to this length, or makes it longer.
fn resize(path: &Path, length: u64) {
    File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[track_caller]
fn assert_unavailable(answer: &RawResponse) {
    assert_eq!(answer.status, 503, "{:?}", answer.headers);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.header("content-range"), None);
    let caching = answer.header("cache-control").unwrap_or_default();
    assert!(!caching.contains("immutable"), "{caching}");
}

#[test]
fn a_file_of_another_length_is_unavailable_and_never_short() {
    let (depot, wheel) = depot_with_a_wheel();
    let (on_disk, size) = (depot.stored(&wheel), wheel.bytes.len() as u64);
    for length in [size - 1, 300_000, 0, size + 1] {
        // Before anyone asks for it, so that it is not open yet.
        resize(&on_disk, length);
        for range in ["X-No: range", "Range: bytes=0-0", "Range: bytes=-5"] {
            let answer = depot.get(&wheel.path(), &["Accept: application/json", range]);
            assert_unavailable(&answer);
            assert_refused(&answer, 503, "file-damaged");
            let detail = answer.text();
            assert!(detail.contains(&wheel.filename) && !detail.contains("/files/"), "{detail}");
        }
        assert_eq!(depot.request("HEAD", &wheel.path(), &[]).status, 503);
    }
    assert!(depot.log().contains("is damaged"), "the keeper is told");
    // What is not damaged is still served, and what is mended is served again.
    let lid = depot.publish(&WheelBuilder::new("lid", "1.0"));
    assert!(depot.get(&lid.path(), &[]).body == lid.bytes);
    std::fs::write(&on_disk, &wheel.bytes).unwrap();
    assert!(depot.get(&wheel.path(), &[]).body == wheel.bytes);
}

#[test]
fn a_file_that_is_gone_is_unavailable_and_not_unknown() {
    let (depot, wheel) = depot_with_a_wheel();
    std::fs::remove_file(depot.stored(&wheel)).unwrap();
    assert_unavailable(&depot.get(&wheel.path(), &[]));
    // The sidecar is still what was published.
    assert!(depot.get(&format!("{}.metadata", wheel.path()), &[]).body == wheel.metadata);
}

#[test]
fn a_file_that_is_cut_while_it_is_open_does_not_end_well() {
    let (depot, wheel) = depot_with_a_wheel();
    assert!(depot.get(&wheel.path(), &[]).body == wheel.bytes);
    resize(&depot.stored(&wheel), 300_000);
    for range in ["X-No: range", "Range: bytes=299990-300010", "Range: bytes=-5"] {
        let head = "HTTP/1.1\r\nHost: depot.example\r\nConnection: close";
        // No answer at all is as good as one that breaks off.
        let Ok(answer) =
            send(depot.server().url(), format!("GET {} {head}\r\n{range}\r\n\r\n", wheel.path()))
        else {
            continue;
        };
        let ended_well = answer.status < 300 && answer.complete;
        assert!(!ended_well, "{range}: {} with {} bytes", answer.status, answer.body.len());
    }
    assert_eq!(depot.get("/healthz", &[]).status, 200, "and the server lives on");
}
