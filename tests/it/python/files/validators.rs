//! Conditional requests, and codings that are never applied.

use super::{IMMUTABLE, depot_with_a_wheel};
use crate::python::depot::assert_refused;

#[test]
fn a_client_that_has_the_file_is_told_so() {
    let (depot, wheel) = depot_with_a_wheel();
    let etag = format!("\"{}\"", wheel.sha256());
    for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        for method in ["GET", "HEAD"] {
            let answer = depot.request(method, &wheel.path(), &[&format!("If-None-Match: {known}")]);
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{method} {known}");
            assert_eq!(answer.header("etag"), Some(etag.as_str()));
            assert_eq!(answer.header("cache-control"), Some(IMMUTABLE));
            assert_eq!(answer.header("content-range"), None);
        }
        let ranged = depot.get(&wheel.path(), &["Range: bytes=0-0", &format!("If-None-Match: {known}")]);
        assert_eq!(ranged.status, 304, "the condition comes before the range");
    }
    for other in ["\"other\"", "", &wheel.sha256()] {
        let file = depot.get(&wheel.path(), &[&format!("If-None-Match: {other}")]);
        assert_eq!((file.status, file.body.len()), (200, wheel.bytes.len()), "{other}");
    }
}

#[test]
fn files_are_never_compressed() {
    let (depot, wheel) = depot_with_a_wheel();
    let sdist = depot.publish(&super::sdist());
    for path in [wheel.path(), sdist.path(), format!("{}.metadata", wheel.path())] {
        let plain = depot.get(&path, &[]);
        for coding in ["gzip", "gzip, deflate, br, zstd", "gzip;q=1.0, identity;q=0", "*"] {
            let file = depot.get(&path, &[&format!("Accept-Encoding: {coding}")]);
            assert_eq!((file.status, file.header("content-encoding")), (200, None), "{path} {coding}");
            assert!(file.body == plain.body, "{path} {coding}");
            let part = depot.get(&path, &[&format!("Accept-Encoding: {coding}"), "Range: bytes=1-9"]);
            assert_eq!((part.status, part.body.as_slice()), (206, &plain.body[1..10]), "{path} {coding}");
        }
    }
}

#[test]
fn a_file_takes_no_other_methods() {
    let (depot, wheel) = depot_with_a_wheel();
    for path in [wheel.path(), wheel.upload_path(), format!("{}.metadata", wheel.path())] {
        for method in ["POST", "DELETE", "PATCH", "PROPFIND"] {
            let headers = ["Accept: application/json", "Content-Length: 0"];
            let refused = depot.request(method, &path, &headers);
            assert_refused(&refused, 405, "method-not-allowed");
            let allow = refused.header("allow").unwrap_or_else(|| panic!("{method} {path}: no Allow"));
            let allowed: Vec<_> = allow.split(',').map(str::trim).collect();
            assert!(allowed.contains(&"GET") && allowed.contains(&"HEAD"), "{allow}");
            assert_eq!(allowed.contains(&"PUT"), path == wheel.upload_path(), "{path}: {allow}");
        }
    }
    assert!(depot.get(&wheel.path(), &[]).body == wheel.bytes);
}
