//! Frames by the thousand, each cheap to send: the connection is closed, or they cost the server no more than they cost
//! the client.

use depot_tests::counted;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, get, literal, request, settings,
};
use super::secure::{End, Http2, Secure};

/// The most that a flood may leave in memory, in KiB.
const MOST: u64 = 64 << 10;

const CANCEL: &[u8] = &[0, 0, 0, 8];

/// Sends a flood in parts until the server has had enough; how many parts that were, and how it ended.
fn flood(connection: &mut Http2, parts: u32, part: impl Fn(u32) -> Vec<u8>) -> (u32, End) {
    let mut sent = 0;
    while sent < parts && connection.send(&part(sent)).is_ok() {
        sent += 1;
    }
    (sent, connection.end())
}

/// The number of the stream that a client opens as its `number`th.
fn stream(number: u32) -> u32 {
    2 * number + 1
}

/// A flood of `parts` parts, which ends in the connection's end; how many were sent until then.
fn assert_is_stopped(secure: &Secure, name: &str, parts: u32, part: impl Fn(u32) -> Vec<u8>) -> u32 {
    let before = secure.memory();
    let (sent, end) = flood(&mut secure.http2(&[]), parts, part);
    assert_ne!(end, End::Open, "{name}: the connection is open after {sent} parts");
    // That something was wrong is said, unless the client sent too much to be told.
    assert!(!matches!(end, End::Told(0)), "{name}: {end:?}");
    let grown = secure.memory().saturating_sub(before);
    assert!(grown < MOST, "{name}: {grown} KiB more than before");
    secure.assert_is_well();
    sent
}

/// A flood that may be borne to its end, as long as the server is well beside it; how many parts were sent.
fn assert_is_borne(secure: &Secure, name: &str, parts: u32, part: impl Fn(u32) -> Vec<u8>) -> u32 {
    let before = secure.memory();
    let mut connection = secure.http2(&[]);
    let mut sent = 0;
    while sent < parts && connection.send(&part(sent)).is_ok() {
        sent += 1;
        if sent == parts / 2 {
            secure.assert_is_well();
        }
    }
    let grown = secure.memory().saturating_sub(before);
    assert!(grown < MOST, "{name}: {grown} KiB more than before");
    drop(connection);
    secure.assert_is_well();
    sent
}

#[test]
fn ten_thousand_streams_that_are_reset_at_once_end_the_connection() {
    let Some(secure) = Secure::start() else { return };
    let mut sent = 0;
    // CVE-2023-44487: each reset makes room for the next, while the work goes on.
    sent += assert_is_stopped(&secure, "rapid reset", 10_000, |number| {
        [get(stream(number), "/python/simple/"), frame(RST_STREAM, 0, stream(number), CANCEL)].concat()
    });
    // CVE-2025-8671: the same, with frames that make the server reset the stream.
    sent += assert_is_stopped(&secure, "resets that the server is made to send", 10_000, |number| {
        [get(stream(number), "/python/simple/"), frame(WINDOW_UPDATE, 0, stream(number), &[0; 4])].concat()
    });
    sent += assert_is_stopped(&secure, "data after the end", 10_000, |number| {
        [get(stream(number), "/python/simple/"), frame(DATA, END_STREAM, stream(number), b"x")].concat()
    });
    counted(
        "attack 30",
        "streams that were opened and reset, until the end of the connection",
        u64::from(sent),
    );
}

#[test]
fn headers_that_never_end_end_the_connection() {
    let Some(secure) = Secure::start() else { return };
    let mut sent = 0;
    let filler: Vec<u8> =
        (0..100).flat_map(|number| literal(&format!("x-{number}"), &"x".repeat(100))).collect();
    let start = |block: &[u8]| frame(HEADERS, END_STREAM, 1, block);
    // CVE-2024-27316 and its kin.
    sent += assert_is_stopped(&secure, "continuations", 20_000, |number| match number {
        0 => start(&request("GET", "/healthz")),
        _ => frame(CONTINUATION, 0, 1, &filler),
    });
    sent += assert_is_stopped(&secure, "empty continuations", 100_000, |number| match number {
        0 => start(&request("GET", "/healthz")),
        _ => frame(CONTINUATION, 0, 1, &[]).repeat(10),
    });
    sent += assert_is_stopped(&secure, "continuations of one byte", 20_000, |number| match number {
        0 => start(&request("GET", "/healthz")),
        // Half of a literal whose other half never comes.
        1 => frame(CONTINUATION, 0, 1, &[0, 0x7f, 0xff, 0xff, 0x03]),
        _ => frame(CONTINUATION, 0, 1, b"x").repeat(10),
    });
    counted("attack 30", "parts of headers that never end, until the end of the connection", u64::from(sent));
}

#[test]
fn a_small_block_of_many_headers_is_not_unpacked() {
    let Some(secure) = Secure::start() else { return };
    // One entry of 4,000 bytes is put into the table, and named 12,000 times: 48 MB in 16 KB.
    let length = 4_000_u32 - 127;
    let mut entry = vec![0x40, 1, b'x', 0x7f, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8];
    entry.extend(vec![b'y'; 4_000]);
    let named = vec![0xbe; 12_000];
    let before = secure.memory();
    let mut connection = secure.http2(&[]);
    for number in 0..20 {
        let block = [request("GET", "/healthz"), entry.clone(), named.clone()].concat();
        let (first, rest) = block.split_at(16_000.min(block.len()));
        let head = frame(HEADERS, END_STREAM, stream(number), first);
        let _ = connection.send(&[head, frame(CONTINUATION, END_HEADERS, stream(number), rest)].concat());
    }
    // Each is refused on its stream (431), or the connection is closed.
    let mut refused = 0;
    while let Ok(Some(frame)) = connection.next() {
        if frame.kind == HEADERS {
            assert_ne!(frame.payload[0], 0x88, "48 MB of headers were taken");
            refused += 1;
        }
        if refused == 20 {
            break;
        }
    }
    let grown = secure.memory().saturating_sub(before);
    assert!(grown < MOST, "{grown} KiB more than before");
    secure.assert_is_well();
    counted("attack 30", "requests with 48 MB of headers in 16 KB", 20);
}

#[test]
fn frames_that_mean_nothing_harm_nobody() {
    let Some(secure) = Secure::start() else { return };
    let mut sent = 0;
    // Each wants an answer; none of the answers is read.
    sent += assert_is_borne(&secure, "pings", 3_000, |_| frame(PING, 0, 0, b"8 bytes.").repeat(100));
    sent += assert_is_borne(&secure, "settings", 3_000, |_| settings(&[(4, 65_535)]).repeat(100));
    sent += assert_is_borne(&secure, "priorities", 3_000, |number| {
        frame(PRIORITY, 0, stream(number), &[0, 0, 0, 0, 1]).repeat(100)
    });
    sent += assert_is_borne(&secure, "unknown frames", 3_000, |_| frame(0xee, 0, 0, b"x").repeat(100));
    sent +=
        assert_is_borne(&secure, "windows", 3_000, |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(100));
    sent += assert_is_borne(&secure, "empty data", 3_000, |number| match number {
        0 => frame(HEADERS, END_HEADERS, 1, &request("PUT", "/python/simple/teapot/teapot-1.0.tar.gz")),
        _ => frame(DATA, 0, 1, &[]).repeat(100),
    });
    counted("attack 30", "frames that mean nothing", 100 * u64::from(sent));
}

#[test]
fn frames_that_may_not_be_end_the_connection() {
    let Some(secure) = Secure::start() else { return };
    let block = request("GET", "/healthz");
    let whole = END_STREAM | END_HEADERS;
    let cases: [(&str, Vec<u8>); 14] = [
        ("a stream that is the server's", frame(HEADERS, whole, 2, &block)),
        ("headers on no stream", frame(HEADERS, whole, 0, &block)),
        ("data on no stream", frame(DATA, 0, 0, b"x")),
        ("data on a stream that is not open", frame(DATA, 0, 5, b"x")),
        ("streams that count down", [get(5, "/healthz"), get(3, "/healthz")].concat()),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &block)),
        ("a ping among headers", [frame(HEADERS, 0, 1, &block), frame(PING, 0, 0, &[0; 8])].concat()),
        ("a ping of 7 bytes", frame(PING, 0, 0, &[0; 7])),
        ("settings of 5 bytes", frame(SETTINGS, 0, 0, &[0; 5])),
        ("a window that overflows", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(2)),
        ("a frame of 16 MiB", [&[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1], &[0; 4096][..]].concat()),
        ("an initial window of 2^31", settings(&[(4, 1 << 31)])),
        ("an index that no table has", frame(HEADERS, whole, 1, &[0xff, 0xff, 0x7f])),
        ("HTTP/1.1", b"GET /healthz HTTP/1.1\r\nHost: depot\r\n\r\n".repeat(10)),
    ];
    for (name, bytes) in &cases {
        let mut connection = secure.http2(&[]);
        let _ = connection.send(bytes);
        let end = connection.end();
        assert!(matches!(end, End::Closed | End::Told(1..)), "{name}: {end:?}");
    }
    secure.assert_is_well();
    counted("attack 30", "frames that may not be", cases.len() as u64);
}

/// What HTTP/1.1 refuses by its form has no other way in.
#[test]
fn no_header_means_in_http_2_what_it_could_not_in_http_1() {
    let Some(secure) = Secure::start() else { return };
    let plain = request("GET", "/python/simple/");
    let with = |name: &str, value: &str| [plain.clone(), literal(name, value)].concat();
    let pseudo = |method: &str, path: &str| request(method, path);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a line end in a value", with("x-a", "b\r\nx-evil: yes")),
        ("a NUL in a value", with("x-a", "b\0c")),
        ("a line end in a name", with("x-a\r\nx-evil", "b")),
        ("a colon in a name", with("x-a:b", "c")),
        ("a name in capitals", with("X-A", "b")),
        ("an empty name", with("", "b")),
        ("a connection", with("connection", "close")),
        ("a transfer coding", with("transfer-encoding", "chunked")),
        ("an upgrade", with("upgrade", "h2c")),
        ("a length of a body that is not there", with("content-length", "5")),
        ("a path without a slash", pseudo("GET", "python/simple/")),
        ("a path with a line end", pseudo("GET", "/\r\nHost: evil")),
        ("a path with a space", pseudo("GET", "/ HTTP/1.1")),
        ("an empty path", pseudo("GET", "")),
        ("a method with a space", pseudo("GET / HTTP/1.1", "/")),
        ("two paths", with(":path", "/healthz")),
        ("a status", with(":status", "200")),
        ("an unknown word of its own", with(":evil", "yes")),
        ("a word of its own after the others", [with("x-a", "b"), literal(":method", "PUT")].concat()),
        ("no method", literal(":path", "/healthz")),
    ];
    for (name, block) in &cases {
        let mut connection = secure.http2(&[]);
        connection.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, block)).unwrap();
        let mut verdict = None;
        while let Ok(Some(frame)) = connection.next() {
            match (frame.kind, frame.stream) {
                (HEADERS, 1) => verdict = Some(frame.payload[0] != 0x88),
                (RST_STREAM, 1) => verdict = verdict.or(Some(true)),
                _ => {}
            }
            if verdict.is_some() {
                break;
            }
        }
        // Closed without an answer is refused too.
        assert_ne!(verdict, Some(false), "{name}: answered with 200");
    }
    secure.assert_is_well();
    counted("attack 30", "headers that HTTP/1.1 would not have had", cases.len() as u64);
}
