//! How often files were downloaded: what counts, for whom it is told, and what of it is kept.

mod clients;
mod kept;
mod rights;
mod told;

use depot_tests::{RawConnection, WheelBuilder};
use serde_json::{Value, json};

use super::command::schema::assert_valid;
use super::depot::{Depot, body};

/// A header that nobody knows has a request answered by the router.
const ROUTED: &str = "Unheard-Of: x\r\n";

/// What `depot-server stats` says for programs. All that was sent before is counted by then.
#[track_caller]
fn stats(depot: &Depot, args: &[&str]) -> Value {
    let args = [&["stats", "--format", "json"], args].concat();
    let said: Value = serde_json::from_str(&depot.admin(&args).assert_success().stdout).unwrap();
    assert_valid(&said);
    said
}

/// What `/api/stats` says to whom.
#[track_caller]
fn asked(depot: &Depot, query: &str, token: Option<&str>) -> Value {
    let answer = depot.request("GET", &format!("/api/stats{query}"), token, "", b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said = body(&answer);
    assert_valid(&said);
    said
}

/// The rows by what they are about, each with its number.
fn rows(said: &Value, about: &str) -> Vec<(String, u64)> {
    let rows = said["rows"].as_array().unwrap().iter();
    rows.map(|row| (row[about].as_str().unwrap_or("-").to_owned(), row["downloads"].as_u64().unwrap()))
        .collect()
}

fn row(about: &str, downloads: u64) -> (String, u64) {
    (about.to_owned(), downloads)
}

/// The numbers by client.
#[track_caller]
fn by_client(depot: &Depot) -> Vec<(String, u64)> {
    rows(&stats(depot, &["--by", "client"]), "client")
}

fn pot(version: &str) -> WheelBuilder {
    WheelBuilder::new("tea-pot", version)
}

/// A file that is too large to be at hand.
fn kettle() -> WheelBuilder {
    WheelBuilder::new("kettle", "1.0").random_file("kettle/data.bin", 200_000, 1)
}

fn path_of(wheel: &WheelBuilder) -> String {
    format!("/python/files/{}/{}", wheel.project(), wheel.filename())
}

#[test]
fn a_download_is_a_whole_file_and_nothing_else() {
    let depot = Depot::start();
    for wheel in [pot("1.0"), kettle()] {
        depot.publish(&wheel);
        let path = path_of(&wheel);
        let len = wheel.build().len();
        let last = format!("Range: bytes=0-{}\r\n", len - 1);
        let etag = depot.get(&path).header("etag").unwrap().to_owned();
        let same = format!("If-None-Match: {etag}\r\n");
        let before = stats(&depot, &["--project", &wheel.project()])["total"].as_u64().unwrap();
        assert_eq!(before, 1, "{path}");
        for front in ["", ROUTED] {
            let ask = |method: &str, path: &str, lines: &str, status: u16| {
                let answer = depot.request(method, path, None, &format!("{lines}{front}"), b"");
                assert_eq!(answer.status, status, "{method} {path} {lines}");
            };
            // None of these is one.
            ask("HEAD", &path, "", 200);
            ask("GET", &path, &same, 304);
            ask("GET", &path, "Range: bytes=0-0\r\n", 206);
            ask("GET", &path, "Range: bytes=1-\r\n", 206);
            ask("GET", &path, "Range: bytes=-9\r\n", 206);
            ask("GET", &path, "Range: bytes=99999999-\r\n", 416);
            ask("GET", &format!("{path}.metadata"), "", 200);
            ask("GET", &format!("{path}.provenance"), "", 404);
            ask("GET", &path.replace("1.0", "7.0"), "", 404);
            ask("GET", &format!("/python/simple/{}/", wheel.project()), "", 200);
            // And each of these is.
            ask("GET", &path, "", 200);
            ask("GET", &path, "Range: bytes=0-\r\n", 206);
            ask("GET", &path, &last, 206);
            ask("GET", &path.replace("/files/", "/simple/"), "", 200);
            ask("GET", &path.replace("/python/", "/"), "", 200);
        }
        let said = stats(&depot, &["--project", &wheel.project()]);
        assert_eq!(rows(&said, "filename"), [row(&wheel.filename(), 11)], "{said}");
        assert_eq!(said["rows"][0]["repository"], "python");
    }
    assert_eq!(rows(&stats(&depot, &[]), "project"), [row("kettle", 11), row("tea-pot", 11)]);
}

#[test]
fn what_is_answered_before_the_router_is_counted_on_every_connection() {
    let depot = Depot::start();
    depot.publish(&pot("1.0"));
    let request = |method: &str, lines: &str| {
        format!("{method} {} HTTP/1.1\r\nHost: depot.example\r\n{lines}\r\n", path_of(&pot("1.0")))
    };
    let mut answered_in_front = 0;
    for _ in 0..3 {
        let mut connection = RawConnection::open(depot.url(), std::time::Duration::from_secs(20)).unwrap();
        for number in 0..50 {
            let head = number % 5 == 4;
            connection.send(request(if head { "HEAD" } else { "GET" }, "User-Agent: pip/26.3\r\n")).unwrap();
            let answer = connection.receive(head).unwrap();
            assert_eq!(answer.status, 200);
            answered_in_front += u64::from(answer.header("x-request-id").is_none());
        }
    }
    assert!(answered_in_front > 100, "{answered_in_front}");
    assert_eq!(by_client(&depot), [row("pip", 120)]);
}

#[test]
fn what_a_client_says_that_it_is_makes_nothing_grow() {
    let depot = Depot::start();
    depot.publish(&pot("1.0"));
    for number in 0..300 {
        let lines = format!("User-Agent: forged-{number}/{} (\u{e9} {number})\r\n", "x".repeat(number));
        let lines = if number % 2 == 0 { lines } else { format!("{lines}{ROUTED}") };
        assert_eq!(depot.request("GET", &path_of(&pot("1.0")), None, &lines, b"").status, 200);
    }
    for lines in ["", "User-Agent: \r\n", "User-Agent: PIP/1\r\nUser-Agent: uv/1\r\n"] {
        assert_eq!(depot.request("GET", &path_of(&pot("1.0")), None, lines, b"").status, 200);
    }
    assert_eq!(by_client(&depot), [row("other", 302), row("pip", 1)]);
    let said = stats(&depot, &["--project", "tea-pot", "--by", "file"]);
    assert_eq!(said["rows"].as_array().unwrap().len(), 1, "{said}");
}

#[test]
fn nothing_is_counted_where_that_is_not_wanted() {
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    std::fs::write(&config, "[statistics]\nenabled = false\n").unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap()]);
    depot.publish(&pot("1.0"));
    for lines in ["", ROUTED] {
        assert_eq!(depot.request("GET", &path_of(&pot("1.0")), None, lines, b"").status, 200);
    }
    assert_eq!(asked(&depot, "", None)["rows"], json!([]));
    assert_eq!(stats(&depot, &[])["total"], 0);
}
