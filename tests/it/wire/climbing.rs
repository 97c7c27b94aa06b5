//! Paths that climb out of the tree (attack 17), as they are and not as a client library would tidy them: none is read,
//! none is written, and none upsets the server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use depot_tests::{WheelBuilder, counted};

use super::exchange::Kept;
use crate::python::depot::{Depot, listing};

const SECRET: &str = "the secret beside the data folder";

const STARTS: &[&str] = &[
    "/python/files/teapot/",
    "/python/simple/teapot/",
    "/python/files/",
    "/python/",
    "/",
    "//",
    "http://depot/python/files/teapot/",
    "http://evil.example/",
];

const STEPS: &[&str] = &[
    "..",
    "%2e%2e",
    ".%2E",
    "%2e.",
    "..%00",
    "..%20",
    "..;x=y",
    "..%3b",
    "%252e%252e",
    "%25252e%25252e",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae%f0%80%80%ae",
    "%c0%2e",
    "%u002e%u002e",
    "%ef%bc%8e%ef%bc%8e",
    "....",
    "..%ff",
    ".%09.",
    "%2e%00%2e",
];

const SEPARATORS: &[&str] = &[
    "/",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    "//",
    "/./",
    "%252f",
    "%255c",
    "%c0%af",
    "%e0%80%af",
    "%ef%bc%8f",
    "%c1%9c",
    "/%2f",
    "%2f%5c",
];

const ENDS: &[&str] = &[
    "secret",
    "etc/passwd",
    "admin.token",
    "data/admin.token",
    "keys",
    "files/teapot/teapot-1.0-py3-none-any.whl.json",
    "tmp/evil-1.0-py3-none-any.whl",
    "evil-1.0.tar.gz",
    "C:/Windows/win.ini",
    "",
];

/// Names that some systems read as something else than a name.
const DEVICES: &[&str] = &[
    "con",
    "prn",
    "aux",
    "nul",
    "com1",
    "com9",
    "lpt1",
    "CONIN$",
    "CONOUT$",
    "clock$",
    "con.whl",
    "nul.tar.gz",
    "COM1-1.0.tar.gz",
    "aux-1.0-py3-none-any.whl",
    "nul::$DATA",
    "teapot-1.0.tar.gz::$DATA",
    "teapot-1.0.tar.gz:x",
    "%5c%5c.%5cpipe%5cx",
    "%5c%5c%3f%5cC:%5cx",
    "C:",
    "C:%5cx.whl",
    "c%3a%5cx.tar.gz",
    "teapo~1.whl",
    "~",
    "~root",
    "teapot-1.0.tar.gz.",
    "teapot-1.0.tar.gz%20",
    "teapot-1.0.tar.gz%00",
    "teapot-1.0.tar.gz%00.whl",
    "%00",
    "%0a",
];

/// Every step with every separator from every start, once and many times; the ends go round.
fn climbing() -> Vec<String> {
    let mut paths = BTreeSet::new();
    for start in STARTS {
        for step in STEPS {
            for separator in SEPARATORS {
                for depth in [1, 2, 3, 6, 40] {
                    let end = ENDS[paths.len() % ENDS.len()];
                    paths.insert(format!("{start}{}{end}", format!("{step}{separator}").repeat(depth)));
                }
            }
        }
    }
    paths.into_iter().collect()
}

/// Names that are strange by themselves, where files are read and where they are written.
fn strange() -> Vec<String> {
    let long = [
        "a".repeat(4096),
        "%61".repeat(1365),
        "a/".repeat(2000),
        "../".repeat(1300),
        "%2e%2e%2f".repeat(450),
    ];
    let names = DEVICES.iter().map(ToString::to_string).chain(long);
    let folders = ["/python/files/teapot/", "/python/simple/teapot/", "/python/files/", "/python/", "/"];
    names.flat_map(|name| folders.map(|folder| format!("{folder}{name}"))).collect()
}

/// Everything but the insides of the store, which has a life of its own.
fn see(depot: &Depot) -> BTreeMap<PathBuf, Option<String>> {
    let mut seen = listing(depot.around());
    seen.retain(|path, _| !path.starts_with("data/store"));
    seen
}

#[test]
fn no_path_that_climbs_is_read_or_written() {
    let depot = Depot::start();
    std::fs::write(depot.around().join("secret"), SECRET).unwrap();
    depot.publish(&WheelBuilder::new("teapot", "1.0"));
    depot.assert_tmp_is_empty();
    let before = see(&depot);
    let mut paths = climbing();
    paths.extend(strange());
    assert!(paths.len() >= 10_000, "{}", paths.len());
    let token = depot.token();
    let mut kept = Kept::new(depot.url());
    let mut faults = Vec::new();
    for path in &paths {
        for method in ["GET", "HEAD", "PUT"] {
            let body = if method == "PUT" { "evil" } else { "" };
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let answer = kept.ask(request.as_bytes());
            let is_refused = (400..500).contains(&answer.status) && answer.complete;
            if !is_refused || answer.text().contains(SECRET) {
                faults.push(format!("{method} {path:.120}: {}", answer.status_line));
            }
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), paths.len() * 3, faults.join("\n"));
    depot.assert_tmp_is_empty();
    assert_eq!(see(&depot), before);
    assert_eq!(depot.listed("teapot").len(), 1);
    counted("attack 17", "paths that climb, each by GET, HEAD and PUT", paths.len() as u64);
}

/// Bytes that may not stand in a target at all are refused before anything reads them as a path.
#[test]
fn no_raw_byte_in_a_path_is_read_as_one() {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("teapot", "1.0"));
    let before = see(&depot);
    let mut kept = Kept::new(depot.url());
    let mut tried = 0;
    for start in ["/python/files/teapot/", "/python/simple/teapot/", "/"] {
        for byte in (0..=0x20).chain(0x7f..=0xff).chain(*b"\"<>\\^`{|}") {
            for end in [b"".as_slice(), b"/../../secret", b"teapot-1.0-py3-none-any.whl"] {
                let request =
                    [b"GET ", start.as_bytes(), &[byte], end, b" HTTP/1.1\r\nHost: depot\r\n\r\n"].concat();
                let answer = kept.ask(&request);
                assert!((400..500).contains(&answer.status), "{byte:#x}: {}", answer.status_line);
                tried += 1;
            }
        }
    }
    assert_eq!(see(&depot), before);
    counted("attack 17", "targets with bytes that no target may have", tried);
}
