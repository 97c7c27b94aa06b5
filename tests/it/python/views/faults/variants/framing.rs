//! Answers that are no HTTP, or HTTP that can be read in two ways; and some that are only unusual.

use std::time::Duration;

use super::{Step, Variant, send, silent, variant};

/// A body in chunks of this size, without the last one.
fn chunks(body: &[u8], size: usize) -> Vec<u8> {
    let each =
        body.chunks(size).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    each.collect::<Vec<_>>().concat()
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

pub(super) const ALL: &[Variant] = &[
    variant("an end by closing, in the middle", "xxx?x", |asked| {
        send([asked.head_with(""), asked.body[..asked.body.len() / 2].to_vec()].concat())
    }),
    variant("an end by closing", "ooooo", |asked| send([asked.head_with(""), asked.body.clone()].concat())),
    variant("HTTP/1.0", "ooooo", |asked| {
        let answer = [asked.head_with(""), asked.body.clone()].concat();
        send([&b"HTTP/1.0"[..], &answer[8..]].concat())
    }),
    variant("chunks", "ooooo", |asked| {
        send([&asked.head_with(CHUNKED)[..], &chunks(&asked.body, 777), b"0\r\n\r\n"].concat())
    }),
    variant("chunks without an end", "x?xxx", |asked| {
        send([asked.head_with(CHUNKED), chunks(&asked.body, 777)].concat())
    }),
    variant("chunks that end too soon", "xxx?x", |asked| {
        let half = &asked.body[..asked.body.len() / 2];
        send([&asked.head_with(CHUNKED)[..], &chunks(half, 777), b"0\r\n\r\n"].concat())
    }),
    variant("a chunk whose size is no number", "xxxxx", |asked| {
        send([&asked.head_with(CHUNKED)[..], b"xyz\r\n", &asked.body].concat())
    }),
    variant("a chunk larger than can be", "xxxxx", |asked| {
        send([&asked.head_with(CHUNKED)[..], b"ffffffffffffffffff\r\n", &asked.body].concat())
    }),
    variant("a chunk with a line of a mebibyte", "xxxxx", |asked| {
        let line = format!("3;{}\r\n", "x".repeat(1 << 20));
        send([&asked.head_with(CHUNKED)[..], line.as_bytes(), &asked.body].concat())
    }),
    variant("a length that is too large", "xxxxx", |asked| {
        send([asked.head(asked.body.len() + 100_000), asked.body.clone()].concat())
    }),
    variant("a length that is too small", "xxxxx", |asked| {
        send([asked.head(asked.body.len() - 1), asked.body.clone()].concat())
    }),
    variant("two lengths", "xxxxx", |asked| {
        let (one, other) = (asked.body.len(), asked.body.len() / 2);
        let lines = format!("Content-Length: {one}\r\nContent-Length: {other}\r\n");
        send([asked.head_with(&lines), asked.body.clone()].concat())
    }),
    variant("a length below nothing", "xxxxx", |asked| send([asked.head(-1), asked.body.clone()].concat())),
    variant("a length that is no number", "xxxxx", |asked| {
        send([asked.head("many"), asked.body.clone()].concat())
    }),
    variant("a length beyond all disks", "xxxxx", |asked| {
        send([asked.head(1_u64 << 60), asked.body.clone()].concat())
    }),
    variant("a length beside chunks", "?????", |asked| {
        let lines = format!("Content-Length: {}\r\n{CHUNKED}", asked.body.len() / 2);
        send([&asked.head_with(&lines)[..], &chunks(&asked.body, 777), b"0\r\n\r\n"].concat())
    }),
    variant("more than was announced", "ooooo", |asked| send([asked.answer(), vec![b'x'; 1000]].concat())),
    variant("another answer after the answer", "ooooo", |asked| {
        vec![Step::Send([asked.answer(), asked.with("not this")].concat()), Step::Hold]
    }),
    variant("a connection that is kept and closed", "ooooo", |asked| {
        send([asked.header("Connection", Some("keep-alive")).answer()].concat())
    }),
    variant("a hundred interim answers before the answer", "ooooo", |asked| {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n".repeat(100);
        send([hints.as_bytes(), &asked.answer()].concat())
    }),
    silent("interim answers without end", |_| {
        let hint = b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec();
        vec![Step::Repeat(hint, Duration::from_millis(20))]
    }),
    silent("an upgrade to another protocol", |_| {
        vec![
            Step::Send(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n".to_vec(),
            ),
            Step::Hold,
        ]
    }),
    variant("a header of a mebibyte", "xxxxx", |asked| {
        let line = format!("X: {}\r\nContent-Length: {}\r\n", "x".repeat(1 << 20), asked.body.len());
        send([asked.head_with(&line), asked.body.clone()].concat())
    }),
    variant("a thousand headers", "xxxxx", |asked| {
        let lines = format!("{}Content-Length: {}\r\n", "X: x\r\n".repeat(1000), asked.body.len());
        send([asked.head_with(&lines), asked.body.clone()].concat())
    }),
    silent("headers without end", |_| {
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Step::Repeat(b"X: xxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n".to_vec(), Duration::from_millis(20)),
        ]
    }),
    variant("no HTTP", "xxxxx", |_| send("220 mail.example ESMTP\r\n250 HELP\r\n")),
    variant("no head at all", "xxxxx", |asked| send(asked.body.clone())),
    silent("HTTP/2 that nobody asked for", |_| {
        vec![Step::Send(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec()), Step::Hold]
    }),
    variant("a header with a NUL", "xxxxx", |asked| {
        let line = format!("X: a\0b\r\nContent-Length: {}\r\n", asked.body.len());
        send([asked.head_with(&line), asked.body.clone()].concat())
    }),
    variant("a header that is none", "xxxxx", |asked| {
        let line = format!("this is no header\r\nContent-Length: {}\r\n", asked.body.len());
        send([asked.head_with(&line), asked.body.clone()].concat())
    }),
];
