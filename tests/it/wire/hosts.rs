//! Who the client says the server is (attack 23): the answer is the same to the byte, whatever it says.

use depot_tests::{RawResponse, WheelBuilder, counted};

use super::exchange::{Kept, Published};
use crate::python::depot::Depot;

/// Lines that other servers have believed.
const CLAIMS: &[&str] = &[
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Server: evil.example",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Scheme: https",
    "X-Forwarded-Ssl: on",
    "X-Forwarded-Port: 666",
    "X-Forwarded-Prefix: //evil.example/",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 666",
    "Forwarded: for=127.0.0.1;host=evil.example;proto=https",
    "X-Real-IP: 127.0.0.1",
    "X-Host: evil.example",
    "X-HTTP-Host-Override: evil.example",
    "X-Original-Host: evil.example",
    "X-Original-URL: /python/simple/other/",
    "X-Rewrite-URL: /python/simple/other/",
    "X-HTTP-Method-Override: DELETE",
    "X-Method-Override: PUT",
    "X-Script-Name: /evil",
    "Front-End-Https: on",
    "Origin: https://evil.example",
    "Referer: https://evil.example/",
    "Via: 1.1 evil.example",
    "X-Request-Id: evil",
    "Cookie: admin=1",
];

const HOSTS: &[&str] = &[
    "evil.example",
    "evil.example:666",
    "127.0.0.1",
    "localhost",
    "[::1]",
    "depot.example.",
    "EVIL.EXAMPLE",
    "169.254.169.254",
];

/// An answer without what each answer has of its own.
pub(super) fn lasting(answer: &RawResponse) -> String {
    let id = answer.header("x-request-id").unwrap_or("no id").to_owned();
    let headers =
        answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let mut headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    headers.sort();
    format!("{}\n{}\n\n{}", answer.status_line, headers.join("\n"), answer.text().replace(&id, "ID"))
}

#[test]
fn no_claim_about_the_host_changes_an_answer() {
    let depot = Depot::start();
    let wheel = Published::wheel(&depot, &WheelBuilder::new("teapot", "1.0"));
    let requests: Vec<String> = [
        ("GET", "/python/simple/", "Accept: text/html\r\n"),
        ("GET", "/python/simple/", "Accept: application/vnd.pypi.simple.v1+json\r\n"),
        ("GET", "/python/simple/teapot/", "Accept: text/html\r\n"),
        ("GET", "/python/simple/teapot/", "Accept: application/vnd.pypi.simple.v1+json\r\n"),
        ("GET", "/python/simple/Teapot/", ""),
        ("GET", "/python/simple/teapot", ""),
        ("GET", "/python/simple", ""),
        ("GET", &wheel.path(), ""),
        ("HEAD", &wheel.path(), ""),
        ("GET", &format!("{}.metadata", wheel.path()), ""),
        ("GET", "/python/simple/nothing/", "Accept: application/problem+json\r\n"),
        ("GET", "/nowhere", "Accept: text/html\r\n"),
        ("GET", "/healthz", ""),
        ("DELETE", "/python/simple/", ""),
        ("PUT", "/python/simple/teapot/teapot-2.0.tar.gz", "Content-Length: 0\r\n"),
        ("GET", "/python/simple/", "Authorization: Bearer nonsense\r\n"),
    ]
    .map(|(method, path, lines)| format!("{method} {path} HTTP/1.1\r\nHost: depot.example\r\n{lines}\r\n"))
    .into();
    let mut kept = Kept::new(depot.url());
    let mut ask = |request: &str| lasting(&kept.ask(request.as_bytes()));
    let mut tried = 0;
    for request in &requests {
        let plain = ask(request);
        assert!(!plain.contains("depot.example"), "the host is in the answer: {plain}");
        let mut others: Vec<String> = CLAIMS
            .iter()
            .map(|claim| request.replacen("\r\n\r\n", &format!("\r\n{claim}\r\n\r\n"), 1))
            .collect();
        others.extend(HOSTS.iter().map(|host| request.replace("depot.example", host)));
        let (method, rest) = request.split_once(' ').unwrap();
        others.push(format!("{method} http://evil.example{rest}"));
        for other in others {
            assert_eq!(ask(&other), plain, "{other}");
            tried += 1;
        }
    }
    counted("attack 23", "claims about the host", tried);
}
