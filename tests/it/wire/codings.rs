//! Codings of bodies (attack 29): none is taken off on the way in, none is put on a file on the way out.

use depot_tests::{SdistBuilder, WheelBuilder, counted, sha256_hex};

use super::exchange::Published;
use crate::python::depot::{Depot, assert_refused, mirrored};

const CODINGS: &[&str] = &[
    "gzip",
    "GZIP",
    "x-gzip",
    "deflate",
    "compress",
    "br",
    "zstd",
    "dcb",
    "aws-chunked",
    "chunked",
    "gzip, gzip",
    "identity, gzip",
    "gzip, identity",
    "gzip;q=0",
    "nonsense",
    "identity\r\nContent-Encoding: gzip",
    "gzip\r\nContent-Encoding: identity",
];

#[test]
fn no_body_in_a_coding_is_taken() {
    let depot = Depot::start();
    let bytes = b"abc";
    let record = mirrored("teapot-1.0.tar.gz", bytes).to_string();
    assert_eq!(depot.announce("teapot", &mirrored("teapot-1.0.tar.gz", bytes)).status, 202);
    let token = depot.token();
    let doors: [(&str, &str, &[u8]); 3] = [
        ("PUT", "/python/simple/teapot/teapot-1.0.tar.gz", bytes),
        ("PUT", "/python/simple/teapot/teapot-1.0.tar.gz.json", record.as_bytes()),
        ("POST", "/python/_/plan", br#"{"files": []}"#),
    ];
    let mut tried = 0;
    for (method, path, body) in doors {
        for coding in CODINGS {
            let line = format!("Content-Encoding: {coding}\r\n");
            let answer = depot.request(method, path, Some(&token), &line, body);
            assert_eq!(answer.status, 415, "{method} {path} {coding:?}: {}", answer.text());
            assert_refused(&answer, 415, "unsupported-coding");
            tried += 1;
        }
    }
    depot.assert_tmp_is_empty();
    assert_eq!(depot.stored("teapot", "teapot-1.0.tar.gz"), None);
    let answer = depot.request("PUT", doors[0].1, Some(&token), "Content-Encoding: identity\r\n", bytes);
    assert_eq!(answer.status, 201, "{}", answer.text());
    counted("attack 29", "bodies in a coding", tried);
}

const ACCEPTED: &[&str] = &[
    "gzip",
    "br",
    "zstd",
    "gzip, deflate, br, zstd",
    "*",
    "identity;q=0, gzip",
    "*;q=0",
    "gzip;q=1, identity;q=0.5",
    "aws-chunked",
    "",
];

#[test]
fn no_coding_is_put_on_a_file() {
    let depot = Depot::start();
    // The content could be compressed well, and is not.
    let wheel =
        WheelBuilder::new("teapot", "1.0").metadata_line(&format!("Summary: {}", "tea ".repeat(2_000)));
    let wheel = Published::wheel(&depot, &wheel);
    let sdist = SdistBuilder::new("teapot", "1.0");
    assert_eq!(depot.put("teapot", &sdist.filename(), &sdist.build()).status, 201);
    let text = mirrored("teapot-0.1.tar.gz", &b"tea ".repeat(5_000));
    assert_eq!(depot.announce("teapot", &text).status, 202);
    assert_eq!(depot.put("teapot", "teapot-0.1.tar.gz", &b"tea ".repeat(5_000)).status, 201);
    let paths = [
        wheel.path(),
        format!("{}.metadata", wheel.path()),
        format!("/python/files/teapot/{}", sdist.filename()),
        "/python/files/teapot/teapot-0.1.tar.gz".to_owned(),
    ];
    let mut tried = 0;
    for path in &paths {
        let plain = depot.get(path);
        assert_eq!(plain.status, 200, "{path}");
        for accepted in ACCEPTED {
            for range in ["", "Range: bytes=10-\r\n"] {
                let lines = format!("Accept-Encoding: {accepted}\r\n{range}");
                let answer = depot.request("GET", path, None, &lines, b"");
                let start = if range.is_empty() { 0 } else { 10 };
                assert_eq!(answer.header("content-encoding"), None, "{path} {accepted}");
                assert_eq!(answer.header("etag"), plain.header("etag"), "{path} {accepted}");
                assert_eq!(sha256_hex(&answer.body), sha256_hex(&plain.body[start..]), "{path} {accepted}");
                let varies = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("vary"));
                for (_, value) in varies {
                    assert!(!value.to_ascii_lowercase().contains("encoding"), "{path}: {value}");
                }
                tried += 1;
            }
        }
    }
    counted("attack 29", "files asked for in a coding", tried);
}
