//! Whole files, single ranges, and the ranges that are answered with the whole.

use super::{IMMUTABLE, depot_with_a_wheel};
use crate::python::index::lasting_headers;

#[test]
fn a_file_is_served_whole_with_what_caches_and_installers_need() {
    let (depot, wheel) = depot_with_a_wheel();
    let file = depot.get(&wheel.path(), &[]);
    assert_eq!((file.status, file.complete), (200, true));
    assert!(file.body == wheel.bytes);
    let etag = format!("\"{}\"", wheel.sha256());
    for (name, value) in [
        ("content-length", wheel.bytes.len().to_string().as_str()),
        ("content-type", "application/octet-stream"),
        ("accept-ranges", "bytes"),
        ("etag", &etag),
        ("cache-control", IMMUTABLE),
        ("x-content-type-options", "nosniff"),
        // Without a file name, which pip would take for its own.
        ("content-disposition", "attachment"),
    ] {
        assert_eq!(file.header(name), Some(value), "{name}");
    }
    for name in ["content-encoding", "transfer-encoding", "content-range", "vary"] {
        assert_eq!(file.header(name), None, "{name}");
    }
}

#[test]
fn a_head_has_the_headers_of_the_file_and_no_body() {
    let (depot, wheel) = depot_with_a_wheel();
    for path in [wheel.path(), format!("{}.metadata", wheel.path())] {
        let (get, head) = (depot.get(&path, &[]), depot.request("HEAD", &path, &[]));
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(lasting_headers(&head), lasting_headers(&get));
    }
}

#[test]
fn a_single_range_is_served_to_the_byte() {
    let (depot, wheel) = depot_with_a_wheel();
    let size = wheel.bytes.len();
    for (range, part) in [
        ("0-0".to_owned(), 0..1),
        ("-5".to_owned(), size - 5..size),
        ("-99999999".to_owned(), 0..size),
        ("-99999999999999999999999".to_owned(), 0..size),
        ("5-".to_owned(), 5..size),
        ("0-".to_owned(), 0..size),
        ("10-19".to_owned(), 10..20),
        ("262143-262144".to_owned(), 262_143..262_145),
        ("100-600000".to_owned(), 100..600_001),
        (format!("{}-", size - 1), size - 1..size),
        (format!("{}-99999999999999999999999", size - 2), size - 2..size),
        (format!("0-{size}"), 0..size),
    ] {
        let file = depot.get(&wheel.path(), &[&format!("Range: bytes={range}")]);
        let content_range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!((file.status, file.header("content-range")), (206, Some(&*content_range)), "{range}");
        assert_eq!(file.header("content-length"), Some(part.len().to_string().as_str()), "{range}");
        assert!(file.body == wheel.bytes[part], "{range}");
        assert_eq!(file.header("etag"), Some(&*format!("\"{}\"", wheel.sha256())));
        assert_eq!(file.header("accept-ranges"), Some("bytes"));
        assert_eq!(file.header("cache-control"), Some(IMMUTABLE));
    }
}

#[test]
fn a_range_beyond_the_end_is_refused_with_the_size() {
    let (depot, wheel) = depot_with_a_wheel();
    let size = wheel.bytes.len();
    let beyond =
        [format!("{size}-"), format!("{size}-{}", size + 5), "99999999999999999999-".into(), "-0".into()];
    for range in beyond {
        let refused = depot.get(&wheel.path(), &[&format!("Range: bytes={range}")]);
        let content_range = format!("bytes */{size}");
        assert_eq!(
            (refused.status, refused.header("content-range")),
            (416, Some(&*content_range)),
            "{range}"
        );
        assert!(refused.body.len() < 1000 && refused.complete, "{range}");
    }
}

#[test]
fn a_refused_range_is_not_kept_by_caches() {
    let (depot, wheel) = depot_with_a_wheel();
    let refused = depot.get(&wheel.path(), &["Range: bytes=99999999-"]);
    assert_eq!(refused.status, 416);
    let caching = refused.header("cache-control").unwrap_or_default();
    assert!(!caching.contains("immutable") && !caching.contains("max-age=3"), "{caching}");
}

#[test]
fn what_is_no_single_range_of_bytes_is_answered_with_the_whole() {
    let (depot, wheel) = depot_with_a_wheel();
    for range in [
        "bytes=0-1,3-4",
        "bytes=0-0,-1",
        "bytes=0-1, 999999999-",
        "bytes=5-2",
        "bytes=-",
        "bytes=",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes=--5",
        "bytes=+1-2",
        "bytes 0-1",
        "lines=0-1",
        "",
        "0-1",
    ] {
        let file = depot.get(&wheel.path(), &[&format!("Range: {range}")]);
        assert_eq!((file.status, file.header("content-range")), (200, None), "{range}");
        assert!(file.body == wheel.bytes, "{range}");
    }
}

#[test]
fn a_range_means_nothing_to_a_head() {
    let (depot, wheel) = depot_with_a_wheel();
    // RFC 9110, 14.2: range handling is defined for GET alone.
    let head = depot.request("HEAD", &wheel.path(), &["Range: bytes=0-0"]);
    assert_eq!((head.status, head.header("content-range")), (200, None));
    assert_eq!(head.header("content-length"), Some(wheel.bytes.len().to_string().as_str()));
}

#[test]
fn a_range_is_served_only_of_the_file_it_was_meant_for() {
    let (depot, wheel) = depot_with_a_wheel();
    let etag = format!("\"{}\"", wheel.sha256());
    let ask = |condition: &str| {
        let file = depot.get(&wheel.path(), &["Range: bytes=5-", &format!("If-Range: {condition}")]);
        (file.status, file.body.len())
    };
    assert_eq!(ask(&etag), (206, wheel.bytes.len() - 5));
    let bare = wheel.sha256();
    for other in ["\"other\"", &format!("W/{etag}"), &bare, "Thu, 01 Jan 1970 00:00:00 GMT", "", "*"] {
        assert_eq!(ask(other), (200, wheel.bytes.len()), "{other}");
    }
    // A range that the file does not have is no error where the file is another one.
    let beyond = depot.get(&wheel.path(), &["Range: bytes=99999999-", "If-Range: \"other\""]);
    assert_eq!(beyond.status, 200);
}

#[test]
fn a_download_is_resumed_where_it_broke_off() {
    let (depot, wheel) = depot_with_a_wheel();
    let mut got = depot.get(&wheel.path(), &["Range: bytes=0-299999"]).body;
    let etag = format!("If-Range: \"{}\"", wheel.sha256());
    got.extend(depot.get(&wheel.path(), &["Range: bytes=300000-", &etag]).body);
    assert!(got == wheel.bytes);
}
