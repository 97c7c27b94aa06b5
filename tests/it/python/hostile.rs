//! Names and paths that mean harm, over raw sockets: each is refused, and nothing outside the tree is read or written.

mod targets;

use std::collections::BTreeMap;
use std::path::PathBuf;

use depot_tests::{RawResponse, WheelBuilder, send};

use super::depot::{Depot, listing, mirrored};

/// What stands beside the data folder, and must never be read.
const SECRET: &str = "the secret beside the data folder";

/// A server with one file, a secret beside its data folder, and what lay where when all was well.
struct Fortress {
    depot: Depot,
    token: String,
    before: BTreeMap<PathBuf, Option<String>>,
}

impl Fortress {
    fn start() -> Self {
        let depot = Depot::start();
        std::fs::write(depot.around().join("secret"), SECRET).unwrap();
        depot.publish(&WheelBuilder::new("teapot", "1.0"));
        depot.assert_tmp_is_empty();
        let token = depot.token();
        let before = Self::see(&depot);
        Self { depot, token, before }
    }

    /// Everything but the insides of the store, which has a life of its own.
    fn see(depot: &Depot) -> BTreeMap<PathBuf, Option<String>> {
        let mut seen = listing(depot.around());
        seen.retain(|path, _| !path.starts_with("data/store"));
        seen
    }

    #[track_caller]
    fn assert_unchanged(&self) {
        self.depot.assert_tmp_is_empty();
        assert_eq!(Self::see(&self.depot), self.before);
        assert_eq!(self.depot.listed("teapot").len(), 1);
    }

    /// Sends exactly this target.
    fn request(&self, method: &str, target: &[u8], body: &[u8]) -> RawResponse {
        let head = format!(
            " HTTP/1.1\r\nHost: depot\r\nConnection: close\r\nAccept: application/json\r\n\
             Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        let request = [method.as_bytes(), b" ", target, head.as_bytes(), body].concat();
        let shown = String::from_utf8_lossy(&target[..target.len().min(200)]).into_owned();
        send(self.depot.url(), request).unwrap_or_else(|error| panic!("{method} {shown}: {error}"))
    }

    /// Names of Windows devices and the like are good names of projects: for those there is a redirect to the page
    /// that is not there, by a name that is nothing else.
    #[track_caller]
    fn assert_no_page(&self, target: &[u8]) {
        let answer = self.request("GET", target, b"");
        if answer.status != 301 {
            self.assert_4xx("GET", target, b"");
            return;
        }
        let location = answer.header("location").unwrap();
        let name = location.trim_start_matches("../").strip_suffix('/').unwrap();
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        assert!(is_plain && !name.is_empty() && location.matches("..").count() <= 1, "{location}");
    }

    #[track_caller]
    fn assert_4xx(&self, method: &str, target: &[u8], body: &[u8]) -> RawResponse {
        let answer = self.request(method, target, body);
        let shown = String::from_utf8_lossy(&target[..target.len().min(200)]).into_owned();
        let status = answer.status;
        assert!((400..500).contains(&status), "{method} {shown}: {status} {}", answer.text());
        assert!(!answer.text().contains(SECRET), "{method} {shown}: {}", answer.text());
        answer
    }
}

/// Steps out of a folder, in the spellings that servers have fallen for.
const STEPS: &[&str] = &[
    "..",
    "%2e%2e",
    "%2E%2e",
    ".%2e",
    "%2e.",
    "...",
    "..%00",
    "..%20",
    "..;",
    "%252e%252e",
    "%c0%ae%c0%ae",
    "%u002e%u002e",
    "%ef%bc%8e%ef%bc%8e",
    ".",
    "%2e",
];

/// What may stand between them.
const SEPARATORS: &[&str] =
    &["/", "%2f", "%2F", "%5c", "\\", "//", "/./", "%252f", "%255c", "%c0%af", "%ef%bc%8f"];

/// What they may lead to: the secret, the keys, the file that is there, a file that could be.
const ENDS: &[&str] = &[
    "secret",
    "admin.token",
    "files/teapot/teapot-1.0-py3-none-any.whl.json",
    "evil-1.0-py3-none-any.whl",
    "evil-1.0.tar.gz.json",
    "",
];

const STARTS: &[&str] =
    &["/python/files/teapot/", "/python/simple/teapot/", "/python/simple/", "/python/", "/"];

fn climbing_paths() -> Vec<String> {
    let mut paths = Vec::new();
    for start in STARTS {
        for step in STEPS {
            for separator in SEPARATORS {
                for depth in [1, 5] {
                    // The end goes round, so that all pairs come without all products.
                    let end = ENDS[paths.len() % ENDS.len()];
                    paths.push(format!("{start}{}{end}", format!("{step}{separator}").repeat(depth)));
                }
            }
        }
    }
    paths
}

#[test]
fn no_path_that_climbs_is_read() {
    let fortress = Fortress::start();
    let paths = climbing_paths();
    assert!(paths.len() > 1500, "{}", paths.len());
    for path in &paths {
        fortress.assert_4xx("GET", path.as_bytes(), b"");
    }
    fortress.assert_unchanged();
}

#[test]
fn no_path_that_climbs_is_written() {
    let fortress = Fortress::start();
    // Bytes of a mirrored file are taken whatever they are: only its name can stop this one.
    let bytes = b"evil";
    for path in climbing_paths() {
        let filename = path.rsplit('/').next().unwrap();
        let document = mirrored(filename, bytes).to_string();
        fortress.assert_4xx("PUT", format!("{path}.json").as_bytes(), document.as_bytes());
        fortress.assert_4xx("PUT", path.as_bytes(), bytes);
    }
    fortress.assert_unchanged();
}

/// File names that no file may have, some of them unreadable as a path.
fn hostile_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "%00",
        "teapot-1.0.tar.gz%00",
        "teapot-1.0%00.tar.gz",
        "teapot-1.0.tar.gz%0a",
        "%0d%0aX-Evil:%20yes-1.0.tar.gz",
        "%ff%fe-1.0.tar.gz",
        "teapot-%ff.tar.gz",
        "%c3%28-1.0.tar.gz",
        "%ed%a0%80.tar.gz",
        "teapot-1.0%e2%80%ae.tar.gz",
        "con",
        "NUL",
        "nul.tar.gz",
        "COM1.whl",
        "aux.json",
        "lpt1.zip",
        "CON-1.0",
        "CONIN$",
        "teapot-1.0.tar.gz:stream",
        "teapot-1.0.tar.gz::$DATA",
        "teapot-1.0.tar.gz.",
        "teapot-1.0.tar.gz%20",
        "C:%5Cteapot-1.0.tar.gz",
        "~",
        "~root",
        ".teapot-1.0.tar.gz",
        "-rf",
        "--help",
        "*",
        "%2a",
        "teapot-1.0.tar.gz%3f",
        "teapot-%24(id).tar.gz",
        "teapot-1.0.tar.gz;id",
        "%3Cscript%3E-1.0.tar.gz",
        "teapot-'1.0'.tar.gz",
        "teapot-\"1.0\".tar.gz",
        ".json",
        ".json.json",
        ".metadata",
        "tmp",
        ".lock",
        "%",
        "%2",
        "%zz",
        "%%",
        "teapot-1.0.tar.gz%",
        "teapot-1.0.tar.gz%2",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.push("teapot-1.0\u{202e}.tar.gz".into());
    names.push(format!("teapot-1.0+{}.tar.gz", "x".repeat(4096)).into());
    names.push(format!("{}-1.0.tar.gz", "a".repeat(4096)).into());
    names.push("%61".repeat(4096).into());
    names.push("a/".repeat(2048).into());
    names
}

#[test]
fn no_hostile_name_is_read_or_written() {
    let fortress = Fortress::start();
    let bytes = b"evil";
    for name in hostile_names() {
        let shown = String::from_utf8_lossy(&name).into_owned();
        let document = mirrored(&shown, bytes).to_string();
        for start in ["/python/simple/teapot/", "/python/files/teapot/", "/python/simple/", "/python/", "/"] {
            let target = [start.as_bytes(), &name].concat();
            if start == "/python/simple/" {
                fortress.assert_no_page(&target);
            } else {
                fortress.assert_4xx("GET", &target, b"");
            }
            fortress.assert_4xx("PUT", &target, bytes);
            fortress.assert_4xx("PUT", &[target.as_slice(), b".json"].concat(), document.as_bytes());
        }
        fortress.assert_no_page(&[b"/python/simple/", name.as_slice(), b"/"].concat());
    }
    fortress.assert_unchanged();
}
