//! Parts of files (attack 28): whatever is asked, what comes is the right bytes under the right name, or the whole, and
//! never more than the whole.

use std::fmt::Write as _;
use std::ops::Range;

use depot_tests::{RawResponse, counted, random_bytes, sha256_hex};

use super::exchange::Kept;
use crate::python::depot::{Depot, mirrored};

const SIZE: u64 = 2_000;
const FILENAME: &str = "teapot-1.0.tar.gz";
const PATH: &str = "/python/files/teapot/teapot-1.0.tar.gz";

/// What a `Range` header asks for, known from how it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Part(Range<u64>),
    /// Nothing that the file has.
    Beyond,
    /// Not one range: the whole, or a refusal.
    Other,
}

fn clipped(first: u64, end: u64) -> Asked {
    if first < SIZE { Asked::Part(first..end.min(SIZE)) } else { Asked::Beyond }
}

/// Every pair of these positions, each as a first byte alone, and each as the length of an end.
const POSITIONS: [u64; 12] =
    [0, 1, 2, 499, 1000, 1998, 1999, 2000, 2001, 9_999, 4_294_967_295, 9_223_372_036_854_775_807];

fn well_formed() -> Vec<(String, Asked)> {
    let mut headers = Vec::new();
    for first in POSITIONS {
        headers.push((format!("bytes={first}-"), clipped(first, SIZE)));
        let suffix = match first {
            0 => Asked::Beyond,
            length => Asked::Part(SIZE.saturating_sub(length)..SIZE),
        };
        headers.push((format!("bytes=-{first}"), suffix));
        for last in POSITIONS {
            let asked = if first <= last { clipped(first, last.saturating_add(1)) } else { Asked::Other };
            headers.push((format!("bytes={first}-{last}"), asked));
        }
    }
    headers
}

fn malformed() -> Vec<String> {
    let mut headers: Vec<String> = [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--1",
        "bytes=-1-",
        "bytes=1--2",
        "bytes=1-2-3",
        "bytes=a-b",
        "bytes=0x0-0x9",
        "bytes=+0-9",
        "bytes=0-+9",
        "bytes=0.0-9",
        "bytes=1e1-20",
        "bytes=0 -9 9",
        "bytes=٠-٩",
        "bytes:0-9",
        "bytes 0-9",
        "bytes=0-9;x",
        "bytes=\"0-9\"",
        "bytes=*",
        "bytes=*/2000",
        "bytes=0-9/2000",
        "lines=0-9",
        "none",
        "none=0-9",
        "seconds=0-1",
        "=0-9",
        "0-9",
        "bytes=0–9",
        "bytes=-+5",
        "bytes=- 5-",
        "b\u{131}ytes=0-9",
        // Several ranges: apart, touching, overlapping, backwards, empty, hostile.
        "bytes=0-0,2-2",
        "bytes=0-9,10-19",
        "bytes=0-99,50-149",
        "bytes=10-19,0-9",
        "bytes=0-9,",
        "bytes=,0-9,,",
        "bytes=0-9,-1",
        "bytes=0-,0-",
        "bytes=-1,-1",
        "bytes=0-9,9999-",
        "bytes=9999-,0-9",
        "bytes=9999-,9999-",
        "bytes=0-9,a-b",
        "bytes=0-9, bytes=10-19",
        "bytes=0-0,1999-1999",
        "bytes=0-1999,0-1999",
    ]
    .map(str::to_owned)
    .into();
    for count in [10, 100, 1_000] {
        for one in ["0-", "0-0", "-1", "5-,0-", "0-1999"] {
            headers.push(format!("bytes={}", vec![one; count].join(",")));
        }
    }
    headers
}

/// What is wrong with an answer to a range, if anything.
fn fault(bytes: &[u8], asked: &Asked, applies: bool, head: bool, answer: &RawResponse) -> Option<String> {
    let kind = answer.header("content-type").unwrap_or_default();
    if kind.contains("multipart") || answer.header("transfer-encoding").is_some() || !answer.complete {
        return Some("not one plain body".into());
    }
    if answer.body.len() as u64 > SIZE {
        return Some("more than the file".into());
    }
    let length = answer.header("content-length").and_then(|length| length.parse::<u64>().ok());
    let body = (!head).then_some(answer.body.as_slice());
    let range = answer.header("content-range");
    let is_whole = answer.status == 200
        && range.is_none()
        && length == Some(SIZE)
        && body.is_none_or(|body| body == bytes);
    let is_beyond = answer.status == 416 && range == Some(&*format!("bytes */{SIZE}"));
    let well = match asked {
        // A range means nothing to a HEAD (RFC 9110, 14.2), nor with a validator of another file.
        _ if head || !applies => is_whole,
        Asked::Beyond => is_beyond,
        Asked::Other => is_whole || is_beyond,
        Asked::Part(part) => {
            let content_range = format!("bytes {}-{}/{SIZE}", part.start, part.end - 1);
            answer.status == 206
                && range == Some(&*content_range)
                && length == Some(part.end - part.start)
                && answer.body == bytes[part.start as usize..part.end as usize]
        }
    };
    (!well).then(|| format!("{} with {range:?}, {length:?}", answer.status_line))
}

fn depot_with_a_file() -> (Depot, Vec<u8>) {
    let depot = Depot::start();
    let bytes = random_bytes(SIZE as usize, 28);
    assert_eq!(depot.announce("teapot", &mirrored(FILENAME, &bytes)).status, 202);
    assert_eq!(depot.put("teapot", FILENAME, &bytes).status, 201);
    (depot, bytes)
}

#[test]
fn every_range_is_the_right_bytes_or_the_whole() {
    let (depot, bytes) = depot_with_a_file();
    let mut headers = well_formed();
    headers.extend(malformed().into_iter().map(|header| (header, Asked::Other)));
    assert!(headers.len() >= 150, "{}", headers.len());
    let sha256 = sha256_hex(&bytes);
    let conditions = [
        (String::new(), true),
        (format!("If-Range: \"{sha256}\"\r\n"), true),
        ("If-Range: \"other\"\r\n".to_owned(), false),
        (format!("If-Range: W/\"{sha256}\"\r\n"), false),
        ("If-Range: Fri, 31 Dec 2100 23:59:59 GMT\r\n".to_owned(), false),
    ];
    let mut kept = Kept::new(depot.url());
    let (mut faults, mut tried) = (Vec::new(), 0);
    for (range, asked) in &headers {
        for method in ["GET", "HEAD"] {
            for (condition, applies) in &conditions {
                let request =
                    format!("{method} {PATH} HTTP/1.1\r\nHost: depot\r\nRange: {range}\r\n{condition}\r\n");
                let answer = kept.ask(request.as_bytes());
                let found = fault(&bytes, asked, *applies, method == "HEAD", &answer);
                faults.extend(found.map(|fault| format!("{method} {range:.60} {condition:?}: {fault}")));
                tried += 1;
            }
        }
    }
    assert!(faults.is_empty(), "{} of {tried}:\n{}", faults.len(), faults.join("\n"));
    counted("attack 28", "requests for ranges", tried);
}

#[test]
fn several_range_headers_are_no_way_to_more() {
    let (depot, bytes) = depot_with_a_file();
    for count in [2, 50, 90] {
        let mut lines = String::new();
        for number in 0..count {
            let _ = write!(lines, "Range: bytes={number}-\r\n");
        }
        let answer = depot.request("GET", PATH, None, &lines, b"");
        // One of them, or none: never all.
        assert!([200, 206, 400, 416].contains(&answer.status), "{}", answer.status_line);
        assert!(answer.body.len() <= bytes.len(), "{} bytes", answer.body.len());
        assert!(!answer.header("content-type").unwrap_or_default().contains("multipart"));
    }
}

#[test]
fn what_is_made_anew_has_no_parts() {
    let (depot, _) = depot_with_a_file();
    for path in
        ["/python/simple/", "/python/simple/teapot/", "/healthz", "/nowhere", "/python/simple/Tea.Pot"]
    {
        let whole = depot.get(path);
        for range in ["bytes=0-0", "bytes=-1", "bytes=999999-", "bytes=0-0,0-0"] {
            let answer = depot.request("GET", path, None, &format!("Range: {range}\r\n"), b"");
            assert_eq!(answer.status, whole.status, "{path} {range}");
            assert_eq!(answer.header("content-range"), None, "{path} {range}");
            assert_eq!(answer.body.len(), whole.body.len(), "{path} {range}");
        }
    }
}
