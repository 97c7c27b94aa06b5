//! Requests that are odd as a whole: targets in other forms, methods, encodings, and what is no HTTP at all.

use depot_tests::send;

use super::Fortress;
use crate::python::depot::{assert_refused, body};

#[test]
fn a_refused_path_is_refused_as_a_problem_document() {
    let fortress = Fortress::start();
    for target in [
        "/python/simple/%ff/",
        "/python/simple/%ff",
        "/python/simple/teapot/%ff",
        "/python/files/teapot/%ff.whl",
        "/python/files/teapot/..%2f..%2fsecret",
        "/python/simple/teapot/?format=%ff",
        "/python/simple/teapot/?format=json&format=html",
        "/elsewhere",
    ] {
        let answer = fortress.assert_4xx("GET", target.as_bytes(), b"");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{target}: {}",
            answer.text()
        );
        assert!(body(&answer)["code"].is_string(), "{target}");
    }
    for method in ["POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        for target in
            ["/python/simple/", "/python/simple/teapot/", "/python/files/teapot/teapot-1.0-py3-none-any.whl"]
        {
            let answer = fortress.assert_4xx(method, target.as_bytes(), b"");
            assert_refused(&answer, 405, "method-not-allowed");
            assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")), "{method} {target}");
        }
    }
    fortress.assert_unchanged();
}

#[test]
fn a_target_in_another_form_is_no_way_around() {
    let fortress = Fortress::start();
    for target in [
        "http://depot/../secret",
        "http://depot/python/files/../../../../secret",
        "http://evil.example/python/files/teapot/..%2f..%2f..%2f..%2fsecret",
        "file:///etc/passwd",
        "evil.example:80",
        "*",
        "python/simple/",
        "../secret",
        "//evil.example/python/simple/",
        "///",
        "/python//simple/",
        "/python/simple//teapot/",
        "/python/simple/teapot//teapot-1.0-py3-none-any.whl",
        "/python/simple/teapot/teapot-1.0-py3-none-any.whl/",
        "/Python/simple/",
        "/python/SIMPLE/",
        "/python/files/teapot/teapot-1.0-py3-none-any.whl.json",
        "/python/tmp/",
        "/python/files/",
        "/python/files/teapot/",
        "/admin.token",
        "/data/admin.token",
    ] {
        fortress.assert_4xx("GET", target.as_bytes(), b"");
    }
    // No answer leads to another host, whatever the path or the host claims to be.
    for target in [
        "//evil.example/python/simple/teapot",
        "/python/simple/teapot",
        "http://evil.example/python/simple/teapot",
    ] {
        let answer = fortress.request("GET", target.as_bytes(), b"");
        assert!(
            answer.header("location").is_none_or(|to| to == "teapot/"),
            "{target}: {:?}",
            answer.header("location")
        );
    }
    fortress.assert_unchanged();
}

#[test]
fn a_target_that_http_forbids_is_answered_and_not_hung_up_on() {
    let fortress = Fortress::start();
    let names: [&[u8]; 8] = [
        b"teapot-1.0.tar.gz\0",
        b"teapot-\x01.tar.gz",
        b"teapot-\x7f.tar.gz",
        b"teapot-\xff\xfe.tar.gz",
        b"teapot-`id`.tar.gz",
        b"<script>-1.0.tar.gz",
        b"teapot 1.0.tar.gz",
        b"teapot-1.0.tar.gz\n",
    ];
    for name in names {
        let target = [b"/python/simple/teapot/", name].concat();
        fortress.assert_4xx("GET", &target, b"");
        fortress.assert_4xx("PUT", &target, b"evil");
    }
    fortress.assert_unchanged();
}

#[test]
fn nonsense_is_answered_and_the_server_lives_on() {
    let fortress = Fortress::start();
    let url = fortress.depot.url();
    let long_header = format!("GET / HTTP/1.1\r\nHost: depot\r\nX-Long: {}\r\n\r\n", "x".repeat(100_000));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: depot\r\n{}\r\n", "X-Many: x\r\n".repeat(5_000));
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: depot\r\n\r\n", "x".repeat(100_000));
    for request in [
        "\r\n\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "PUT /python/simple/a/a-1.zip HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "PUT /python/simple/a/a-1.zip HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        "PUT /python/simple/a/a-1.zip HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        "GET / HTTP/1.1\r\nBad Header\r\n\r\n",
        &long_header,
        &many_headers,
        &long_target,
    ] {
        // The connection may be closed without a word; where there is one it is a refusal.
        if let Ok(answer) = send(url, request) {
            assert!((400..500).contains(&answer.status), "{:.60}: {}", request, answer.status_line);
        }
    }
    fortress.assert_unchanged();
}
