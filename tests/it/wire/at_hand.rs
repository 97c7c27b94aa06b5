//! What is asked for again and again is answered by a shorter way. It is a way to the same answers.

use depot_tests::{RawResponse, SdistBuilder, WheelBuilder, counted};

use super::exchange::{Kept, Published};
use super::headers::{Kind, faults};
use super::hosts::lasting;
use crate::python::depot::Depot;

/// A line that keeps a request from the shortest way, and one that keeps it from the shorter one too. Neither changes
/// what is answered.
const DETOURS: [&str; 2] = ["TE: trailers\r\n", "Range: lines=0-1\r\n"];

const ACCEPT: &[&str] = &[
    "",
    "Accept: */*\r\n",
    "Accept: text/html\r\n",
    "Accept: application/vnd.pypi.simple.v1+json\r\n",
    "Accept: application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01\r\n",
    "Accept: image/png\r\n",
    "Accept: text/html\r\nAccept: application/vnd.pypi.simple.v1+json\r\n",
];

const ENCODINGS: &[&str] = &[
    "",
    "Accept-Encoding: gzip\r\n",
    "Accept-Encoding: gzip, zstd, br\r\n",
    "Accept-Encoding: identity;q=0\r\n",
    "Accept-Encoding: gzip;q=0, *;q=0\r\n",
    "Accept-Encoding: gzip\r\nAccept-Encoding: zstd\r\n",
];

fn depot_with_files() -> (Depot, Vec<String>) {
    let depot = Depot::start();
    let wheel = WheelBuilder::new("teapot", "1.0").random_file("leaves.bin", 3_000, 1);
    let wheel = Published::wheel(&depot, &wheel);
    let big = WheelBuilder::new("teapot", "2.0").random_file("leaves.bin", 600_000, 2);
    let big = Published::wheel(&depot, &big);
    let sdist = SdistBuilder::new("teapot", "1.0");
    assert_eq!(depot.put("teapot", &sdist.filename(), &sdist.build()).status, 201);
    let paths = vec![
        "/python/simple/".to_owned(),
        "/python/simple/teapot/".to_owned(),
        "/python/simple/Tea_Pot/".to_owned(),
        "/python/simple/teapot".to_owned(),
        "/python/simple/nothing/".to_owned(),
        wheel.path(),
        big.path(),
        format!("{}.metadata", wheel.path()),
        format!("/python/simple/teapot/{}", sdist.filename()),
        format!("/python/files/teapot/{}.json", wheel.filename),
        "/python/files/teapot/".to_owned(),
        "/python/files/teapot/nothing-1.0.tar.gz".to_owned(),
        "/healthz".to_owned(),
    ];
    (depot, paths)
}

#[test]
fn the_shorter_ways_lead_to_the_same_answers() {
    let (depot, paths) = depot_with_files();
    let mut kept = [Kept::new(depot.url()), Kept::new(depot.url()), Kept::new(depot.url())];
    let mut tried = 0;
    for path in &paths {
        let etag = depot.get(path).header("etag").unwrap_or("\"none\"").to_owned();
        let conditions = [
            String::new(),
            format!("If-None-Match: {etag}\r\n"),
            format!("If-None-Match: W/{etag}, \"other\"\r\n"),
            "If-None-Match: \"other\"\r\n".to_owned(),
            "If-None-Match: *\r\n".to_owned(),
        ];
        for (accept, encoding) in ACCEPT.iter().flat_map(|one| ENCODINGS.iter().map(move |two| (one, two))) {
            for (method, condition) in
                ["GET", "HEAD"].iter().flat_map(|one| conditions.iter().map(move |two| (one, two)))
            {
                let lines = format!("{accept}{encoding}{condition}");
                let request =
                    |detour: &str| format!("{method} {path} HTTP/1.1\r\nHost: depot\r\n{lines}{detour}\r\n");
                let [short, longer, longest] = &mut kept;
                let lasting = |mut answer: RawResponse| {
                    // What is not sent may have a length or none.
                    if answer.status == 304 {
                        answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
                    }
                    lasting(&answer)
                };
                let router = lasting(longest.ask(request(DETOURS[1]).as_bytes()));
                assert_eq!(
                    lasting(longer.ask(request(DETOURS[0]).as_bytes())),
                    router,
                    "{method} {path} {lines:?}"
                );
                // Once as it is the first time, once as it is ever after.
                for _ in 0..2 {
                    assert_eq!(
                        lasting(short.ask(request("").as_bytes())),
                        router,
                        "{method} {path} {lines:?}"
                    );
                }
                tried += 1;
            }
        }
    }
    counted("attack 23", "requests that were answered alike by every way", tried);
}

#[test]
fn what_is_at_hand_is_dressed_too() {
    let (depot, paths) = depot_with_files();
    let mut kept = Kept::new(depot.url());
    let mut tried = 0;
    for path in &paths {
        for line in ["", "If-None-Match: *\r\n", "Accept-Encoding: gzip\r\n"] {
            for method in ["GET", "HEAD", "GET", "HEAD"] {
                let answer =
                    kept.ask(format!("{method} {path} HTTP/1.1\r\nHost: depot\r\n{line}\r\n").as_bytes());
                let faults = faults(kind(path, &answer), &answer);
                assert!(faults.is_empty(), "{method} {path} {line:?}: {} {faults:?}", answer.status_line);
                tried += 1;
            }
        }
    }
    counted("attack 22", "answers at hand that wear what they must", tried);
}

fn kind(path: &str, answer: &RawResponse) -> Kind {
    match answer.status {
        301 | 304 => Kind::Nothing,
        200 if path.contains("teapot-") => Kind::File,
        200 if path.contains("simple") => Kind::Page,
        _ => Kind::Words,
    }
}

/// A connection that is answered by the shortest way sees every change that was acknowledged before it asks.
#[test]
fn nothing_at_hand_outlives_a_change() {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("teapot", "1.0"));
    let mut kept = Kept::new(depot.url());
    let mut ask = |path: &str, lines: &str| {
        let accept = "Accept: application/vnd.pypi.simple.v1+json\r\n";
        kept.ask(format!("GET {path} HTTP/1.1\r\nHost: depot\r\n{accept}{lines}\r\n").as_bytes())
    };
    for number in 2..40 {
        let path = "/python/simple/teapot/";
        let etag = ask(path, "").header("etag").unwrap().to_owned();
        let unchanged = format!("If-None-Match: {etag}\r\n");
        assert_eq!(ask(path, &unchanged).status, 304);
        let file = format!("/python/files/teapot/teapot-{number}.0-py3-none-any.whl");
        assert_eq!(ask(&file, "").status, 404);
        let other = format!("/python/simple/other-{number}/");
        assert_eq!(ask(&other, "").status, 404);
        let wheel = WheelBuilder::new("teapot", &format!("{number}.0"));
        depot.publish(&wheel);
        depot.publish(&WheelBuilder::new(&format!("other-{number}"), "1.0"));
        let page = ask(path, &unchanged);
        assert!(page.status == 200 && page.text().contains(&wheel.filename()), "{number}: {}", page.text());
        assert_eq!((ask(&file, "").body, ask(&other, "").status), (wheel.build(), 200));
        assert!(ask("/python/simple/", "").text().contains(&format!("\"other-{number}\"")), "{number}");
    }
}
