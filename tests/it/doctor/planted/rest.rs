//! Faults of ranges, metadata, the list of projects and uploads.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{Planted, is_closed, json};
use crate::doctor::index::{Answer, Mode};

/// Uploads of who may.
static SENT: AtomicUsize = AtomicUsize::new(0);

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        id: "range.supported",
        mode: Mode::Open,
        what: "no ranges",
        edit: |question, answer| {
            if question.is_wheel() {
                answer.remove("accept-ranges");
                if answer.status == 206 {
                    answer.status = 200;
                }
            }
        },
    },
    Planted {
        id: "range.claimed",
        mode: Mode::Open,
        what: "ranges that are promised and not given",
        edit: |question, answer| {
            if question.is_wheel() && answer.status == 206 {
                answer.status = 200;
            }
        },
    },
    Planted {
        id: "range.said",
        mode: Mode::Open,
        what: "ranges that nobody is told of",
        edit: |question, answer| {
            if question.is_wheel() {
                answer.remove("accept-ranges");
            }
        },
    },
    Planted {
        id: "range.bytes",
        mode: Mode::Open,
        what: "other bytes",
        edit: |question, answer| {
            if question.is_wheel() && is_closed(question) && answer.status == 206 {
                answer.body[0] ^= 1;
            }
        },
    },
    Planted {
        id: "range.bytes",
        mode: Mode::Open,
        what: "another range",
        edit: |question, answer| {
            if question.is_wheel() && is_closed(question) && answer.status == 206 {
                answer.set("content-range", "bytes 0-63/64");
            }
        },
    },
    Planted {
        id: "range.suffix",
        mode: Mode::Open,
        what: "no ends of files",
        edit: |question, answer| {
            if question.is_wheel() && question.header("range").starts_with("bytes=-") {
                *answer = Answer::plain(416);
            }
        },
    },
    Planted {
        id: "range.suffix",
        mode: Mode::Open,
        what: "a suffix taken for a beginning",
        edit: |question, answer| {
            if question.is_wheel() && question.header("range") == "bytes=-64" {
                answer.set("content-range", "bytes 0-64/1000");
            }
        },
    },
    Planted {
        id: "range.beyond",
        mode: Mode::Open,
        what: "416 without a size",
        edit: |_, answer| {
            if answer.status == 416 {
                answer.remove("content-range");
            }
        },
    },
    Planted {
        id: "range.beyond",
        mode: Mode::Open,
        what: "200 for what is beyond the end",
        edit: |_, answer| {
            if answer.status == 416 {
                answer.status = 200;
            }
        },
    },
    Planted {
        id: "range.if-range",
        mode: Mode::Open,
        what: "parts of another version",
        edit: |question, answer| {
            if question.header("if-range").contains("made-this-up") {
                answer.status = 206;
            }
        },
    },
    Planted {
        id: "range.resume",
        mode: Mode::Open,
        what: "`If-Range` is never true",
        edit: |question, answer| {
            if !question.header("if-range").is_empty() && answer.status == 206 {
                answer.status = 200;
            }
        },
    },
    Planted {
        id: "metadata.offered",
        mode: Mode::Open,
        what: "a wheel without metadata",
        edit: |question, answer| {
            if json(question, answer) {
                answer.drop_from_file("core-metadata");
            }
        },
    },
    Planted {
        id: "metadata.served",
        mode: Mode::Open,
        what: "metadata that is only promised",
        edit: |question, answer| {
            if question.is_metadata() {
                *answer = Answer::plain(404);
            }
        },
    },
    Planted {
        id: "metadata.sha256",
        mode: Mode::Open,
        what: "the digest of something else",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("core-metadata", json!({ "sha256": "0".repeat(64) }));
            }
        },
    },
    Planted {
        id: "metadata.same",
        mode: Mode::Open,
        what: "metadata of another build",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("core-metadata", json!(true));
            } else if question.is_metadata() {
                answer.body.extend_from_slice(b"x");
            }
        },
    },
    Planted {
        id: "metadata.requires-python",
        mode: Mode::Open,
        what: "a page that does not tell",
        edit: |question, answer| {
            if json(question, answer) {
                answer.drop_from_file("requires-python");
            }
        },
    },
    Planted {
        id: "metadata.requires-python",
        mode: Mode::Open,
        what: "that of another file",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("requires-python", json!(">=3.12"));
            }
        },
    },
    Planted {
        id: "metadata.provenance",
        mode: Mode::Open,
        what: "provenance that is not there",
        edit: |question, answer| {
            if question.path.ends_with(".provenance") {
                *answer = Answer::plain(404);
            }
        },
    },
    Planted {
        id: "root.page",
        mode: Mode::Root,
        what: "no list",
        edit: |question, answer| {
            if question.path == "/simple/" {
                *answer = Answer::plain(404);
            }
        },
    },
    Planted {
        id: "root.page",
        mode: Mode::Root,
        what: "an object without projects",
        edit: |question, answer| {
            if question.path == "/simple/" && answer.is_json() {
                answer.change(|page| drop(page.as_object_mut().unwrap().remove("projects")));
            }
        },
    },
    Planted {
        id: "root.project",
        mode: Mode::Root,
        what: "a list without the project",
        edit: |question, answer| {
            if question.path == "/simple/" && answer.is_json() {
                answer.change(|page| page["projects"] = json!([{ "name": "other" }]));
            }
        },
    },
    Planted {
        id: "root.links",
        mode: Mode::Root,
        what: "absolute links",
        edit: |question, answer| {
            if question.path == "/simple/" && answer.is_html() {
                answer.replace("href=\"tea-pot/\"", "href=\"/simple/tea-pot/\"");
            }
        },
    },
    Planted {
        id: "root.links",
        mode: Mode::Root,
        what: "names that are not normalized",
        edit: |question, answer| {
            if question.path == "/simple/" && answer.is_html() {
                answer.replace("href=\"tea-pot/\"", "href=\"Tea.Pot/\"");
            }
        },
    },
    Planted {
        id: "upload.challenge",
        mode: Mode::Upload,
        what: "403 without credentials",
        edit: |question, answer| {
            if question.method == "POST" && answer.status == 401 {
                *answer = Answer::plain(403);
            }
        },
    },
    Planted {
        id: "upload.challenge",
        mode: Mode::Upload,
        what: "uploads of anybody",
        edit: |question, answer| {
            if question.method == "POST" && answer.status == 401 {
                *answer = Answer::plain(200);
            }
        },
    },
    Planted {
        id: "upload.taken",
        mode: Mode::Upload,
        what: "no uploads",
        edit: |question, answer| {
            if question.method == "POST" && question.has_token() {
                *answer = Answer::new(400, "text/plain", "no");
            }
        },
    },
    Planted {
        id: "upload.slash",
        mode: Mode::Upload,
        what: "a redirect to the slash",
        edit: |question, answer| {
            if question.method == "POST" && question.path == "/legacy" {
                answer.redirect(301, "/legacy/");
            }
        },
    },
    Planted {
        id: "upload.listed",
        mode: Mode::Upload,
        what: "a page that never lists it",
        edit: |question, answer| {
            if question.path == "/simple/doctor-test/" {
                *answer = Answer::plain(404);
            }
        },
    },
    Planted {
        id: "upload.listed",
        mode: Mode::Upload,
        what: "a page without its digest",
        edit: |question, answer| {
            if question.path == "/simple/doctor-test/" && answer.status == 200 {
                answer.set_file("hashes", json!({}));
            }
        },
    },
    Planted {
        id: "upload.same",
        mode: Mode::Upload,
        what: "400 for the same again",
        edit: |question, answer| {
            if question.method == "POST"
                && question.path == "/legacy/"
                && question.has_token()
                && SENT.fetch_add(1, Ordering::Relaxed) == 1
            {
                *answer = Answer::new(400, "text/plain", "no");
            }
        },
    },
    Planted {
        id: "upload.other",
        mode: Mode::Upload,
        what: "other bytes are taken",
        edit: |_, answer| {
            if answer.status == 409 {
                *answer = Answer::plain(200);
            }
        },
    },
    Planted {
        id: "upload.words",
        mode: Mode::Upload,
        what: "a refusal that nobody knows",
        edit: |_, answer| {
            if answer.status == 409 {
                *answer = Answer::new(400, "text/plain", "no");
            }
        },
    },
];
