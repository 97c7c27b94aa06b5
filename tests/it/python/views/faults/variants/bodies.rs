//! Answers with another body than the right one, under whatever headers.

use std::io::Write as _;

use depot_tests::random_bytes;
use flate2::{Compression, write::GzEncoder};

use super::{LOGIN, Variant, send, variant};
use crate::python::views::faults::upstream::Part;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// With one bit of it another: where a page shows it, and a file holds what its name does not tell.
fn flipped(asked: &super::Asked) -> Vec<u8> {
    let mut body = asked.body.clone();
    let at = if asked.part == Part::Page { 0 } else { body.len() / 2 };
    body[at] ^= 1;
    body
}

pub(super) const ALL: &[Variant] = &[
    variant("a bit that is another", "xxx?x", |asked| send(asked.with(flipped(asked)))),
    variant("other bytes under the same version", "xxx?x", |asked| {
        let random = random_bytes(asked.body.len(), 99);
        send(asked.with(random))
    }),
    variant("zeros", "xxx?x", |asked| send(asked.with(vec![0; asked.body.len()]))),
    variant("nothing", "xxx?x", |asked| send(asked.with(""))),
    variant("a login page", "xxxxx", |asked| {
        send(asked.header("Content-Type", Some("text/html")).with(LOGIN))
    }),
    variant("a login page that calls itself what was asked for", "xxx?x", |asked| send(asked.with(LOGIN))),
    variant("a login page as long as what was asked for", "xxx?x", |asked| {
        let mut page = LOGIN.as_bytes().to_vec();
        page.resize(asked.body.len(), b' ');
        send(asked.header("Content-Type", Some("text/html")).with(page))
    }),
    variant("a media type of pictures", "xooox", |asked| {
        send(asked.header("Content-Type", Some("image/png")).answer())
    }),
    variant("no media type", "xooox", |asked| send(asked.header("Content-Type", None).answer())),
    variant("noise that calls itself gzip", "xxx?x", |asked| {
        let asked = asked.header("Content-Encoding", Some("gzip"));
        send(asked.with(random_bytes(asked.body.len(), 98)))
    }),
    variant("gzip that breaks off", "xxx?x", |asked| {
        let packed = gzip(&asked.body);
        let asked = asked.header("Content-Encoding", Some("gzip"));
        send(asked.with(&packed[..packed.len() / 2]))
    }),
    variant("gzip with a wrong sum", "xxx?x", |asked| {
        let mut packed = gzip(&asked.body);
        let sum = packed.len() - 8;
        packed[sum] ^= 1;
        send(asked.header("Content-Encoding", Some("gzip")).with(packed))
    }),
    variant("gzip where a file should be as it is", "oxx?x", |asked| {
        let packed = gzip(&asked.body);
        send(asked.header("Content-Encoding", Some("gzip")).with(packed))
    }),
    variant("what calls itself gzip and is not", "xooox", |asked| {
        send(asked.header("Content-Encoding", Some("gzip")).answer())
    }),
    variant("a coding that nobody asked for", "xxx?x", |asked| {
        send(asked.header("Content-Encoding", Some("br")).with(random_bytes(asked.body.len(), 97)))
    }),
    variant("a body that is announced as a gibibyte", "xxxxx", |asked| send(asked.head(1_u64 << 30))),
    variant("gzip that grows beyond all bounds", "xxx?x", |asked| {
        let asked = asked.header("Content-Encoding", Some("gzip"));
        // Members follow each other, so that what was packed once is sent again and again.
        let member = gzip(&vec![b' '; 8 << 20]);
        send(asked.with(member.repeat(64)))
    }),
    variant("text that is not UTF-8", "xxx?x", |asked| {
        let mut body = asked.body.clone();
        let at = body.len() - 3;
        body[at..].copy_from_slice(b"\xff\xfe\"");
        send(asked.with(body))
    }),
    variant("another file", "xxx?x", |asked| {
        let other: Vec<u8> = asked.body.iter().rev().copied().collect();
        send(asked.with(other))
    }),
    variant("half of it twice", "xxx?x", |asked| {
        let half = &asked.body[..asked.body.len() / 2];
        send(asked.with([half, half].concat()))
    }),
    variant("all of it twice", "xxx?x", |asked| send(asked.with(asked.body.repeat(2)))),
    variant("other bytes after it broke off", "oxx??", |asked| match (asked.part, asked.time) {
        (Part::Page, _) => send(asked.answer()),
        (_, 1) => send([asked.head(asked.body.len()), asked.body[..asked.body.len() / 2].to_vec()].concat()),
        _ => send(asked.with(flipped(asked))),
    }),
    variant("another part after it broke off", "o????", |asked| match (asked.part, asked.time) {
        (Part::Page, _) => send(asked.answer()),
        (_, 1) => send([asked.head(asked.body.len()), asked.body[..asked.body.len() / 2].to_vec()].concat()),
        _ if asked.has_range => {
            let range = format!("bytes 7-{}/{}", asked.body.len() + 6, asked.body.len() * 2);
            let asked = asked.header("Content-Range", None).header("Content-Range", Some(&range));
            send(asked.answer())
        }
        _ => send(asked.answer()),
    }),
];
