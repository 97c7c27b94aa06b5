//! Where redirects lead (attack 24): to a page of this index, by a path relative to the one that was asked for.

use depot_tests::{WheelBuilder, counted};
use reqwest::Url;

use super::exchange::Kept;
use crate::python::depot::Depot;

/// Parts that have led elsewhere.
const PARTS: &[&str] = &[
    "evil.example",
    "//evil.example",
    "///evil.example",
    "/%2fevil.example",
    "%2f%2fevil.example",
    "\\evil.example",
    "/\\evil.example",
    "%5cevil.example",
    "%5c%5cevil.example",
    "/%5c/evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "https:%2f%2fevil.example",
    "javascript:alert(1)",
    "data:text,x",
    "@evil.example",
    "user:pass@evil.example",
    ";@evil.example",
    "%09//evil.example",
    "%0a//evil.example",
    "%0d%0aLocation:%20//evil.example",
    "%20//evil.example",
    ".",
    "..",
    "../..",
    "%2e%2e",
    "..%2f..%2fevil.example",
    "%2e%2e%2f%2e%2e%2fevil.example",
    "%252f%252fevil.example",
    "evil.example%00",
    "evil.example%23",
    "evil.example%3f",
    "%e2%80%ae",
    "%ef%bc%8f%ef%bc%8fevil.example",
    "\u{ff0f}\u{ff0f}evil.example",
    "evil。example",
    "xn--evil",
    "Evil_Example",
    "EVIL--EXAMPLE",
    "Evil.Example",
    "e.v.i.l",
    "E",
    "con",
    "0",
];

const QUERIES: &[&str] = &[
    "",
    "?",
    "?next=//evil.example",
    "?format=json",
    "?//evil.example",
    "?/\\evil.example",
    "?#//evil.example",
    "?x=%0d%0aLocation:%20//evil.example",
    "?@evil.example",
];

fn paths() -> Vec<String> {
    let mut paths = Vec::new();
    for start in ["", "/", "/python/", "/python/simple/", "/python/files/", "/python/simple/teapot/"] {
        for part in PARTS {
            for end in ["", "/"] {
                for query in QUERIES {
                    paths.push(format!("{start}{part}{end}{query}"));
                }
            }
        }
    }
    // Names of every shape that a name may have, with and without its slash.
    for number in 0..500_u32 {
        let glue = ["-", "_", ".", "--", "._."][number as usize % 5];
        for end in ["", "/"] {
            paths.push(format!("/python/simple/Tea{glue}Pot{glue}{number}{end}"));
        }
    }
    paths.push("/python/simple".into());
    paths
}

#[test]
fn no_redirect_leaves_the_index() {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("teapot", "1.0"));
    let mut kept = Kept::new(depot.url());
    let (mut redirects, mut tried) = (0, 0);
    for path in paths() {
        for host in ["depot.example", "evil.example"] {
            let answer = kept.ask(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
            assert!(answer.status < 500, "{path}: {}", answer.status_line);
            tried += 1;
            assert_eq!(answer.header("refresh"), None, "{path}");
            let Some(location) = answer.header("location") else {
                assert!(!(300..400).contains(&answer.status), "{path}: {}", answer.status_line);
                continue;
            };
            redirects += 1;
            assert_eq!(answer.status, 301, "{path}");
            let (target, _) = location.split_once('?').unwrap_or((location, ""));
            let is_plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-/.".contains(&byte);
            let is_relative = !target.starts_with('/') && !target.contains("//") && target.ends_with('/');
            assert!(is_relative && target.bytes().all(is_plain), "{path}: {location}");
            // As a browser would follow it.
            let asked = path.strip_prefix("https://evil.example").unwrap_or(&path);
            let to =
                Url::parse("https://depot.example").unwrap().join(asked).unwrap().join(location).unwrap();
            assert_eq!(to.origin().ascii_serialization(), "https://depot.example", "{path}: {location}");
            assert!(to.path().starts_with("/python/simple/"), "{path}: {location}");
        }
    }
    assert!(redirects > 1_000, "{redirects}");
    counted("attack 24", "paths that could lead elsewhere", tried);
}
