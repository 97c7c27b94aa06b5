//! Bodies whose length is said twice, wrongly, or in a way that some readers take for another.

use depot_tests::counted;

use super::Verdict::{Closed, Either, Refused, Understood};
use super::{BODY, Case, Ending, Exchange, FILENAME, HIDDEN, awaiting, case, try_all};

/// Numbers that are not quite numbers. Read leniently, the body is the one that the server waits for.
fn lengths(head: &str) -> Vec<Case> {
    let put = |lines: &str| format!("{head}{lines}\r\n\r\nabc");
    let one = |value: &str| format!("{head}Content-Length: {value}\r\n\r\nabc");
    let both = 3 + HIDDEN.len();
    vec![
        case("two lengths", Refused, put("Content-Length: 3\r\nContent-Length: 4")),
        case("a longer length second", Refused, put(&format!("Content-Length: 3\r\nContent-Length: {both}"))),
        case("a longer length first", Refused, put(&format!("Content-Length: {both}\r\nContent-Length: 3"))),
        case("a list of lengths", Refused, one("3, 4")),
        case("a length below zero", Refused, one("-3")),
        case("a length with a plus", Refused, one("+3")),
        case("a hexadecimal length", Refused, one("0x3")),
        case("a length in quotes", Refused, one("\"3\"")),
        case("a length with a point", Refused, one("3.0")),
        case("a length with an exponent", Refused, one("3e0")),
        case("a length with an underscore", Refused, one("3_0")),
        case("a length with a space inside", Refused, one("3 4")),
        case("a length in other digits", Refused, one("\u{ff13}")),
        case("an empty length", Refused, one("")),
        case("a length that is a word", Refused, one("three")),
        case("a length of 20 digits", Refused, one("99999999999999999999")),
        case("a length of 2^64 - 1", Refused, one("18446744073709551615")),
        case("a length of 2^64", Refused, one("18446744073709551616")),
        case("a length of 2^64 and 3", Refused, one("18446744073709551619")),
        case("a length of 400 digits", Refused, one(&"9".repeat(400))),
        case("a length on a folded line", Refused, one("\r\n 3")),
        case("a length after a vertical tab", Refused, one("\x0b3")),
    ]
}

/// Codings of the whole that are not exactly `chunked`.
fn codings(head: &str) -> Vec<Case> {
    let put = |lines: &str| format!("{head}{lines}\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    let one = |value: &str| put(&format!("Transfer-Encoding: {value}"));
    let old = |lines: &str| put(lines).replace("HTTP/1.1", "HTTP/1.0");
    // RFC 9112, 6.1: a request with both may be answered by its coding, and then the connection must be closed.
    let other = |lines: &str| put(lines).replace("abc", "abd");
    vec![
        case("a length, then a coding", Closed, other("Content-Length: 4\r\nTransfer-Encoding: chunked")),
        case("a coding, then a length", Closed, other("Transfer-Encoding: chunked\r\nContent-Length: 4")),
        case("chunked twice in a line", Refused, one("chunked, chunked")),
        case("chunked in two lines", Refused, one("chunked\r\nTransfer-Encoding: chunked")),
        case("gzip under chunks", Refused, one("gzip, chunked")),
        case("gzip under chunks, in two lines", Refused, one("gzip\r\nTransfer-Encoding: chunked")),
        case("identity under chunks", Refused, one("identity, chunked")),
        case("chunks under identity", Refused, one("chunked, identity")),
        case("chunks under another line", Refused, one("chunked\r\nTransfer-Encoding: x")),
        case("identity", Refused, one("identity")),
        case("gzip", Refused, one("gzip")),
        case("a coding that ends in chunked", Refused, one("xchunked")),
        case("a coding that begins with chunked", Refused, one("chunkedx")),
        case("chunked with a parameter", Refused, one("chunked;q=1")),
        case("chunked in quotes", Refused, one("\"chunked\"")),
        case("chunked after a vertical tab", Refused, one("\x0bchunked")),
        case("chunked after a comma", Either, other("Transfer-Encoding: , chunked")),
        case("no coding", Refused, one("")),
        case("a coding with a space before its colon", Refused, put("Transfer-Encoding : chunked")),
        case("chunked on a folded line", Refused, one("\r\n chunked")),
        case("chunked on the fold of another", Refused, put("X-A: b\r\n Transfer-Encoding: chunked")),
        case("chunks in HTTP/1.0", Refused, old("Connection: keep-alive\r\nTransfer-Encoding: chunked")),
        case("both in HTTP/1.0", Refused, old("Content-Length: 3\r\nTransfer-Encoding: chunked")),
    ]
}

/// Chunks that are not quite chunks. Read leniently each is the body that the server waits for.
fn chunks(head: &str) -> Vec<Case> {
    let put = |body: &str| format!("{head}Transfer-Encoding: chunked\r\n\r\n{body}");
    let size = |size: &str| put(&format!("{size}\r\nabc\r\n0\r\n\r\n"));
    let end = |end: &str| put(&format!("3\r\nabc\r\n0\r\n{end}"));
    vec![
        case("a line feed after the size", Refused, put("3\nabc\r\n0\r\n\r\n")),
        case("a carriage return after the size", Refused, put("3\rabc\r\n0\r\n\r\n")),
        case("a line feed after the chunk", Refused, put("3\r\nabc\n0\r\n\r\n")),
        case("nothing after the chunk", Refused, put("3\r\nabc0\r\n\r\n")),
        case("line feeds at the end", Refused, put("3\r\nabc\r\n0\n\n")),
        case("a line feed in an extension", Refused, put("3;a\nabc\r\n0\r\n\r\n")),
        case("a size of 17 digits", Refused, size("10000000000000003")),
        case("a size of 400 digits", Refused, size(&"f".repeat(400))),
        case("a size below zero", Refused, size("-3")),
        case("a size with a plus", Refused, size("+3")),
        case("a size with 0x", Refused, size("0x3")),
        case("a size with an underscore", Refused, size("3_")),
        case("a size of other letters", Refused, size("g")),
        case("a space before the size", Refused, size(" 3")),
        case("no size", Refused, size("")),
        case("no size, an extension", Refused, size(";a=b")),
        case("a size that is too small", Refused, size("2")),
        case("a size that is too large", Refused, size("4")),
        case("an extension of 70,000 bytes", Refused, size(&format!("3;{}", "a".repeat(70_000)))),
        case("a trailer that is no header", Refused, end("X Y\r\n\r\n")),
        case("a trailer on a folded line", Refused, end("X: y\r\n z\r\n\r\n")),
        case("5,000 trailers", Refused, end(&format!("{}\r\n", "X: y\r\n".repeat(5_000)))),
    ]
}

/// What is odd and yet allowed: the first is refused for its bytes and not for its framing, and the second is seen.
fn allowed(head: &str) -> Vec<Case> {
    let put = |lines: &str| format!("{head}{lines}\r\n\r\nabd");
    let chunked = |value: &str, body: &str| format!("{head}Transfer-Encoding:{value}\r\n\r\n{body}");
    let plain = "3\r\nabd\r\n0\r\n\r\n";
    vec![
        case("a length", Understood(4), put("Content-Length: 3")),
        case("a length with zeros in front", Either, put("Content-Length: 0003")),
        case("a length twice, the same", Either, put("Content-Length: 3\r\nContent-Length: 3")),
        case("a list of equal lengths", Either, put("Content-Length: 3, 3")),
        case(
            "a length that is to be forgotten",
            Closed,
            put("Connection: close, Content-Length\r\nContent-Length: 3"),
        ),
        case("chunks", Understood(4), chunked(" chunked", plain)),
        case("chunks in capitals", Understood(4), chunked(" CHUNKED", plain)),
        case("chunks after a tab", Understood(4), chunked("\tchunked", plain)),
        case("chunks before a space", Understood(4), chunked(" chunked ", plain)),
        case("an extension", Understood(4), chunked(" chunked", "3;a=b\r\nabd\r\n0;c\r\n\r\n")),
        case("a size with zeros in front", Either, chunked(" chunked", "0000003\r\nabd\r\n0\r\n\r\n")),
        case("a space after the size", Either, chunked(" chunked", "3 \r\nabd\r\n0\r\n\r\n")),
        case(
            "trailers that say a length",
            Understood(4),
            chunked(" chunked", "3\r\nabd\r\n0\r\nContent-Length: 64\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ),
    ]
}

#[test]
fn no_odd_length_hides_a_second_request() {
    let (depot, head) = awaiting();
    try_all(&depot, &lengths(&head), "odd lengths");
}

#[test]
fn no_odd_coding_hides_a_second_request() {
    let (depot, head) = awaiting();
    try_all(&depot, &codings(&head), "odd transfer codings");
}

#[test]
fn no_odd_chunk_hides_a_second_request() {
    let (depot, head) = awaiting();
    try_all(&depot, &chunks(&head), "odd chunks");
    // The body that all of these nearly were is taken.
    let path = format!("/python/simple/teapot/{FILENAME}");
    let body = b"3\r\nabc\r\n0\r\n\r\n";
    let taken = depot.request("PUT", &path, Some(&depot.token()), "Transfer-Encoding: chunked\r\n", body);
    assert_eq!(taken.status, 201, "{}", taken.text());
    assert_eq!(depot.stored("teapot", FILENAME).as_deref(), Some(BODY));
}

#[test]
fn what_the_standard_allows_is_understood() {
    let (depot, head) = awaiting();
    try_all(&depot, &allowed(&head), "allowed oddities of framing");
}

#[test]
fn a_body_that_nobody_wanted_is_not_the_next_request() {
    let (depot, _) = awaiting();
    let behind = b"GET /healthz HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n";
    let length = HIDDEN.len();
    let mut tried = 0;
    for start in [
        "GET /python/simple/",
        "HEAD /python/simple/",
        "GET /healthz",
        "GET /nowhere",
        "DELETE /python/simple/",
        "GET /python/simple/Tea.Pot",
        "PUT /python/simple/teapot/teapot-1.0.tar.gz",
        "PUT /python/simple/teapot/teapot-1.0.tar.gz.json",
        "POST /python/_/plan",
    ] {
        let head = format!("{start} HTTP/1.1\r\nHost: depot\r\n");
        let long = format!("{head}Content-Length: {length}\r\n\r\n");
        let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n");
        for body in
            [[long.as_bytes(), HIDDEN].concat(), [chunked.as_bytes(), HIDDEN, b"\r\n0\r\n\r\n"].concat()]
        {
            // What is hidden here is the body; what stands behind it is a request that may be answered.
            let seen = Exchange::of(depot.url(), &[body.as_slice(), behind].concat());
            let statuses = seen.statuses();
            assert_eq!(seen.ending, Ending::Closed, "{start}: {statuses:?}");
            assert!(statuses.len() == 1 || statuses[1..] == [200], "{start}: {statuses:?}");
            tried += 1;
        }
    }
    counted("attack 25", "requests as bodies that nobody reads", tried);
}
