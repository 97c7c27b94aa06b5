//! Faults of caching, compression and files.

use serde_json::json;

use super::{Planted, json};
use crate::doctor::index::{Answer, Gzip, Mode};

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        id: "cache.page-validator",
        mode: Mode::Open,
        what: "no `ETag`",
        edit: |question, answer| {
            if question.is_page() {
                answer.remove("etag");
            }
        },
    },
    Planted {
        id: "cache.page-unchanged",
        mode: Mode::Open,
        what: "200 for an unchanged page",
        edit: |_, answer| {
            if answer.status == 304 {
                answer.status = 200;
            }
        },
    },
    Planted {
        id: "cache.page-unchanged",
        mode: Mode::Open,
        what: "304 for another version",
        edit: |_, answer| {
            if answer.status == 304 {
                answer.set("etag", "\"other\"");
            }
        },
    },
    Planted {
        id: "cache.page-forms",
        mode: Mode::Open,
        what: "one `ETag` for all forms",
        edit: |question, answer| {
            if question.is_page() {
                answer.set("etag", "\"same\"");
                if question.header("if-none-match") == "\"same\"" {
                    answer.status = 304;
                }
            }
        },
    },
    Planted {
        id: "cache.page-store",
        mode: Mode::Open,
        what: "`no-store`",
        edit: |question, answer| {
            if question.is_page() {
                answer.set("cache-control", "no-store");
            }
        },
    },
    Planted {
        id: "cache.page-age",
        mode: Mode::Open,
        what: "a day",
        edit: |question, answer| {
            if question.is_page() {
                answer.set("cache-control", "public, max-age=86400");
            }
        },
    },
    Planted {
        id: "cache.page-age",
        mode: Mode::Open,
        what: "for ever",
        edit: |question, answer| {
            if question.is_page() {
                answer.set("cache-control", "immutable");
            }
        },
    },
    Planted {
        id: "cache.page-control",
        mode: Mode::Open,
        what: "no word about it",
        edit: |question, answer| {
            if question.is_page() {
                answer.remove("cache-control");
            }
        },
    },
    Planted {
        id: "cache.file",
        mode: Mode::Open,
        what: "a file without validator and age",
        edit: |question, answer| {
            if question.is_file() {
                answer.remove("etag");
                answer.set("cache-control", "immutable");
            }
        },
    },
    Planted {
        id: "cache.file-age",
        mode: Mode::Open,
        what: "a minute",
        edit: |question, answer| {
            if question.is_file() {
                answer.set("cache-control", "max-age=60");
            }
        },
    },
    Planted {
        id: "coding.page",
        mode: Mode::Open,
        what: "pages as they are",
        edit: |question, answer| {
            if question.is_page() {
                answer.gzip = Gzip::No;
            }
        },
    },
    Planted {
        id: "coding.same",
        mode: Mode::Open,
        what: "a coding that is only claimed",
        edit: |question, answer| {
            if question.is_page() && answer.gzip == Gzip::Yes {
                answer.gzip = Gzip::Claimed;
            }
        },
    },
    Planted {
        id: "coding.vary",
        mode: Mode::Open,
        what: "compressed pages for who takes none",
        edit: |question, answer| {
            if question.is_page() {
                answer.set("vary", "Accept");
            }
        },
    },
    Planted {
        id: "coding.file",
        mode: Mode::Open,
        what: "a compressed sdist",
        edit: |question, answer| {
            if question.is_file()
                && question.path.ends_with(".tar.gz")
                && question.header("accept-encoding").contains("gzip")
            {
                answer.gzip = Gzip::Yes;
            }
        },
    },
    Planted {
        id: "coding.file",
        mode: Mode::Open,
        what: "sdists that are labelled as compressed",
        edit: |question, answer| {
            if question.is_file() && question.path.ends_with(".tar.gz") {
                answer.gzip = Gzip::Claimed;
            }
        },
    },
    Planted {
        id: "file.link",
        mode: Mode::Open,
        what: "an address that nobody can ask",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("url", json!("ftp://127.0.0.1/tea_pot-1.0-py3-none-any.whl"));
            }
        },
    },
    Planted {
        id: "file.query",
        mode: Mode::Open,
        what: "a signature in the address",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change_file(|file| {
                    let url = format!("{}?signature=1", file["url"].as_str().unwrap());
                    file.insert("url".to_owned(), json!(url));
                });
            }
        },
    },
    Planted {
        id: "file.origin",
        mode: Mode::Open,
        what: "files at another origin",
        edit: |question, answer| {
            if json(question, answer) {
                let host = question.header("host").replace("127.0.0.1", "localhost");
                answer.replace("\"/files/", &format!("\"http://{host}/files/"));
            }
        },
    },
    Planted {
        id: "file.served",
        mode: Mode::Open,
        what: "a file that is not there",
        edit: |question, answer| {
            if question.is_wheel() {
                *answer = Answer::plain(404);
            }
        },
    },
    Planted {
        id: "file.served",
        mode: Mode::Open,
        what: "a page in place of a file",
        edit: |question, answer| {
            if question.is_wheel() {
                answer.redirect(302, "/login");
            }
        },
    },
    Planted {
        id: "file.sha256",
        mode: Mode::Open,
        what: "the digest of something else",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("hashes", json!({ "sha256": "0".repeat(64) }));
            }
        },
    },
    Planted {
        id: "file.size",
        mode: Mode::Open,
        what: "the size of something else",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("size", json!(7));
            }
        },
    },
    Planted {
        id: "file.length",
        mode: Mode::Open,
        what: "a file of no said length",
        edit: |question, answer| {
            if question.is_wheel() && question.method == "GET" && answer.status == 200 {
                answer.says_length = false;
            }
        },
    },
    Planted {
        id: "file.head",
        mode: Mode::Open,
        what: "405 for HEAD",
        edit: |question, answer| {
            if question.is_wheel() && question.method == "HEAD" {
                *answer = Answer::plain(405);
            }
        },
    },
    Planted {
        id: "file.head",
        mode: Mode::Open,
        what: "a HEAD of no length",
        edit: |question, answer| {
            if question.is_wheel() && question.method == "HEAD" {
                answer.set("content-length", "0");
            }
        },
    },
    Planted {
        id: "file.disposition",
        mode: Mode::Open,
        what: "another name for the file",
        edit: |question, answer| {
            if question.is_wheel() {
                answer.set("content-disposition", "attachment; filename=\"download.whl\"");
            }
        },
    },
    Planted {
        id: "file.plus",
        mode: Mode::Open,
        what: "`+` is taken for a space",
        edit: |question, answer| {
            if question.raw_path.contains('+') {
                *answer = Answer::plain(404);
            }
        },
    },
    Planted {
        id: "file.plus",
        mode: Mode::Open,
        what: "`%2B` is not taken for `+`",
        edit: |question, answer| {
            if question.raw_path.contains("%2B") && question.is_file() {
                *answer = Answer::plain(404);
            }
        },
    },
    Planted {
        id: "file.too-large",
        mode: Mode::Open,
        what: "nothing that is small",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change(|page| {
                    for file in page["files"].as_array_mut().unwrap() {
                        file["size"] = json!(30_000_000);
                    }
                });
            }
        },
    },
];
