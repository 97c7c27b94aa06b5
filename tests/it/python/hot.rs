//! What lies ready is answered in front of the router; whoever asks must not be able to tell.

mod views;

use std::time::Duration;

use depot_tests::{RawConnection, RawResponse, WheelBuilder};

use super::depot::Depot;

/// A header that nobody knows makes a request one for hyper; a query makes it one for the router.
const ODD: &str = "Unheard-Of: x\r\n";

const JSON: &str = "Accept: application/vnd.pypi.simple.v1+json\r\n";
const HTML: &str = "Accept: text/html\r\n";

fn connection(depot: &Depot) -> RawConnection {
    RawConnection::open(depot.url(), Duration::from_secs(20)).unwrap()
}

fn request(method: &str, path: &str, lines: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: depot.example\r\n{lines}\r\n")
}

fn ask(depot: &Depot, method: &str, path: &str, lines: &str) -> RawResponse {
    let mut connection = connection(depot);
    connection.send(request(method, path, lines)).unwrap();
    connection.receive(method == "HEAD").unwrap()
}

/// What an answer says, but for what differs from one to the next.
fn said(answer: RawResponse) -> (String, Vec<(String, String)>, Vec<u8>) {
    let mut headers = answer.headers;
    headers.retain(|(name, _)| name != "date" && name != "x-request-id");
    headers.sort();
    (answer.status_line, headers, answer.body)
}

fn wheel(version: &str, size: usize) -> WheelBuilder {
    WheelBuilder::new("teapot", version).random_file("teapot/data.bin", size, 1)
}

#[test]
fn the_answers_are_the_routers() {
    let depot = Depot::start();
    for number in 0..30 {
        depot.publish(&wheel(&format!("1.{number}"), 100));
    }
    depot.publish(&wheel("2.0", 200_000));
    let small = format!("/python/files/teapot/{}", wheel("1.0", 100).filename());
    let large = format!("/python/files/teapot/{}", wheel("2.0", 200_000).filename());
    let metadata = format!("{small}.metadata");
    let direct = small.replace("/files/", "/simple/");
    let paths = ["/python/simple/", "/python/simple/teapot/", &small, &large, &metadata, &direct];
    for path in paths {
        for form in ["", JSON, HTML, "Accept: */*\r\n"] {
            for coding in ["", "Accept-Encoding: gzip, deflate\r\n", "Accept-Encoding: zstd\r\n"] {
                for method in ["GET", "HEAD"] {
                    let lines = format!("{form}{coding}");
                    let routed = ask(&depot, method, &format!("{path}?x=1"), &lines);
                    assert_eq!(routed.status, 200, "{path}");
                    assert!(routed.header("x-request-id").is_some(), "it went through the router");
                    let etag = routed.header("etag").unwrap().to_owned();
                    let routed = said(routed);
                    // The first may find it not at hand yet, and make it so.
                    for _ in 0..3 {
                        assert_eq!(
                            said(ask(&depot, method, path, &lines)),
                            routed,
                            "{method} {path} {lines}"
                        );
                        let odd = format!("{lines}{ODD}");
                        assert_eq!(said(ask(&depot, method, path, &odd)), routed, "{method} {path} {odd}");
                    }
                    let lines = format!("{lines}If-None-Match: \"other\", W/{etag}\r\n");
                    let fresh = said(ask(&depot, method, path, &lines));
                    assert_eq!(fresh.0, "HTTP/1.1 304 Not Modified");
                    for (path, lines) in
                        [(path.to_owned(), format!("{lines}{ODD}")), (format!("{path}?x=1"), lines)]
                    {
                        assert_eq!(fresh, said(ask(&depot, method, &path, &lines)), "{path} {lines}");
                    }
                }
            }
        }
    }
    // It really was answered in front.
    assert!(ask(&depot, "GET", "/python/simple/teapot/", JSON).header("x-request-id").is_none());
    assert!(ask(&depot, "GET", &small, "").header("x-request-id").is_none());
}

#[test]
fn a_change_is_seen_at_once() {
    let depot = Depot::start();
    let mut connection = connection(&depot);
    for number in 0..20 {
        let version = format!("1.{number}");
        depot.publish(&wheel(&version, 100));
        for lines in [JSON, HTML, "Accept-Encoding: gzip\r\n"] {
            connection.send(request("HEAD", "/python/simple/teapot/", lines)).unwrap();
            let serial = connection.receive(true).unwrap().header("x-pypi-last-serial").unwrap().to_owned();
            let page = ask(&depot, "GET", "/python/simple/teapot/", &format!("{JSON}{ODD}"));
            assert_eq!(page.header("x-pypi-last-serial"), Some(serial.as_str()));
            assert!(page.text().contains(&wheel(&version, 100).filename()));
        }
    }
}

#[test]
fn requests_of_both_kinds_on_one_connection_are_answered_in_order() {
    let depot = Depot::start();
    depot.publish(&wheel("1.0", 100));
    let page = "/python/simple/teapot/";
    ask(&depot, "GET", page, JSON);
    let mut all = String::new();
    let mut kinds = Vec::new();
    for number in 0..50 {
        let (path, lines) = match number % 5 {
            // From the first of these on the connection is hyper's.
            4 if number > 20 => ("/python/simple/nothing/", ODD),
            3 => (page, HTML),
            _ => (page, JSON),
        };
        all += &request("GET", path, lines);
        kinds.push(path == page && lines == JSON);
    }
    let mut connection = connection(&depot);
    connection.send(all).unwrap();
    for is_json in kinds {
        let answer = connection.receive(false).unwrap();
        let is = answer.header("content-type").is_some_and(|kind| kind.ends_with("v1+json"));
        assert_eq!(is, is_json, "{}", answer.status_line);
    }
}

#[test]
fn a_request_that_comes_in_pieces_is_one_request() {
    let depot = Depot::start();
    depot.publish(&wheel("1.0", 100));
    let whole = request("GET", "/python/simple/teapot/", JSON);
    let expected = said(ask(&depot, "GET", "/python/simple/teapot/", JSON));
    let mut connection = connection(&depot);
    for size in [1, 7, 50] {
        for piece in whole.as_bytes().chunks(size) {
            connection.send(piece).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(said(connection.receive(false).unwrap()), expected);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_were_asked_for_do_not_stay_open() {
    let depot = Depot::start();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", depot.server().pid())).unwrap().count();
    let wheels: Vec<WheelBuilder> = (0..350).map(|number| wheel(&format!("1.{number}"), 70_000)).collect();
    for wheel in &wheels {
        depot.publish(wheel);
    }
    let before = open();
    for wheel in &wheels {
        let path = format!("/python/files/teapot/{}", wheel.filename());
        for lines in ["", "", ODD] {
            assert_eq!(ask(&depot, "GET", &path, lines).status, 200);
        }
    }
    // Some are kept open for who asks next, within a bound.
    let kept = open() - before;
    assert!(kept < 300, "{kept} files are open");
}
