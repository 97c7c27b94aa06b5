//! `.metadata` (PEP 658): what the wheel says of itself, to the byte.

use depot_tests::{WheelBuilder, sha256_hex};

use super::{IMMUTABLE, depot_with_a_wheel};
use crate::python::depot::assert_refused;
use crate::python::index::Index;

#[test]
fn the_metadata_of_a_wheel_is_that_of_the_wheel_and_of_the_page() {
    let depot = Index::start();
    // Line ends, folded lines, a body and letters beyond ASCII are handed on as they are.
    let metadata =
        b"Metadata-Version: 2.1\r\nName: Tea.Pot\r\nVersion: 1.0\r\nSummary: a\r\n  folded line\r\n\
        Requires-Dist: lid>=0.3\r\nAuthor: caf\xc3\xa9\r\n\r\nA body: with a colon.\n\n\n";
    let wheel = depot.publish(&WheelBuilder::new("Tea.Pot", "1.0").raw_metadata(&metadata[..]));
    let served = depot.get(&format!("{}.metadata", wheel.path()), &[]);
    assert_eq!((served.status, served.body.as_slice()), (200, &metadata[..]));
    let page = depot.json("/python/simple/tea-pot/");
    assert_eq!(page["files"][0]["core-metadata"]["sha256"], sha256_hex(metadata));
    assert_eq!(served.header("etag"), Some(&*format!("\"{}\"", sha256_hex(metadata))));
    assert_eq!(served.header("cache-control"), Some(IMMUTABLE));
    assert_eq!(served.header("content-encoding"), None);
}

#[test]
fn metadata_answers_ranges_and_conditions_as_files_do() {
    let (depot, wheel) = depot_with_a_wheel();
    let path = format!("{}.metadata", wheel.path());
    let size = wheel.metadata.len();
    let part = depot.get(&path, &["Range: bytes=-5"]);
    assert_eq!((part.status, part.body.as_slice()), (206, &wheel.metadata[size - 5..]));
    assert_eq!(part.header("content-range"), Some(&*format!("bytes {}-{}/{size}", size - 5, size - 1)));
    let beyond = depot.get(&path, &[&format!("Range: bytes={size}-")]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some(&*format!("bytes */{size}"))));
    let etag = format!("If-None-Match: \"{}\"", sha256_hex(&wheel.metadata));
    assert_eq!(depot.get(&path, &[&etag]).status, 304);
    let of_the_wheel = format!("If-None-Match: \"{}\"", wheel.sha256());
    assert_eq!(depot.get(&path, &[&of_the_wheel]).status, 200);
}

#[test]
fn an_sdist_has_no_metadata_beside_it() {
    let depot = Index::start();
    let sdist = depot.publish(&super::sdist());
    for path in [sdist.path(), sdist.upload_path()] {
        let refused = depot.get(&format!("{path}.metadata"), &["Accept: application/json"]);
        assert_refused(&refused, 404, "not-found");
    }
    let page = depot.get("/python/simple/tea-pot/", &["Accept: text/html"]).text();
    assert!(!page.contains("metadata"), "{page}");
}

#[test]
fn metadata_that_is_lost_or_damaged_on_disk_is_read_out_of_the_wheel_again() {
    let (mut depot, wheel) = depot_with_a_wheel();
    let on_disk = depot.stored(&wheel).with_extension("whl.metadata");
    assert_eq!(std::fs::read(&on_disk).unwrap(), wheel.metadata);
    let path = format!("{}.metadata", wheel.path());

    depot.restart_after(|| std::fs::remove_file(&on_disk).unwrap());
    let served = depot.get(&path, &[]);
    assert_eq!((served.status, served.body == wheel.metadata), (200, true));
    assert_eq!(std::fs::read(&on_disk).unwrap(), wheel.metadata, "and it is on disk again");

    depot.restart_after(|| {
        std::fs::remove_file(&on_disk).unwrap();
        std::fs::write(&on_disk, b"Metadata-Version: 2.1\nName: evil\nVersion: 1\n").unwrap();
    });
    let served = depot.get(&path, &[]);
    assert_eq!((served.status, served.body == wheel.metadata), (200, true));
    assert_eq!(std::fs::read(&on_disk).unwrap(), wheel.metadata);

    depot.restart_after(|| std::fs::write(&on_disk, b"").unwrap());
    assert!(depot.get(&path, &[]).body == wheel.metadata);
}
