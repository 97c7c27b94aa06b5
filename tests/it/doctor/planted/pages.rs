//! Faults of connections, access, forms and names.

use super::{Planted, absent, as_json, html, json};
use crate::doctor::index::{Answer, Mode};

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        id: "reach.keep-alive",
        mode: Mode::Open,
        what: "every answer closes its connection",
        edit: |_, answer| {
            answer.set("connection", "close");
        },
    },
    Planted {
        id: "reach.plain-http",
        mode: Mode::Proxied,
        what: "another machine, over plain http",
        edit: |_, _| {},
    },
    Planted {
        id: "access.status",
        mode: Mode::Private,
        what: "403 without credentials",
        edit: |question, answer| {
            if question.header("authorization").is_empty() {
                *answer = Answer::plain(403);
            }
        },
    },
    Planted {
        id: "access.status",
        mode: Mode::Private,
        what: "a redirect to a login page",
        edit: |question, answer| {
            if question.header("authorization").is_empty() {
                answer.redirect(302, "/login");
            }
        },
    },
    Planted {
        id: "access.challenge",
        mode: Mode::Private,
        what: "401 without a challenge",
        edit: |question, answer| {
            if question.header("authorization").is_empty() {
                answer.remove("www-authenticate");
            }
        },
    },
    Planted {
        id: "access.challenge",
        mode: Mode::Private,
        what: "a challenge for tokens alone",
        edit: |question, answer| {
            if question.header("authorization").is_empty() {
                answer.set("www-authenticate", "Bearer");
            }
        },
    },
    Planted {
        id: "access.wrong",
        mode: Mode::Private,
        what: "403 for wrong credentials",
        edit: |question, answer| {
            if !question.header("authorization").is_empty() && answer.status == 401 {
                answer.status = 403;
            }
        },
    },
    Planted {
        id: "access.files",
        mode: Mode::Private,
        what: "files for everybody",
        edit: |question, answer| {
            if question.is_file() && answer.status == 401 {
                *answer = Answer::new(200, "x/y", "x");
            }
        },
    },
    Planted {
        id: "access.public-cache",
        mode: Mode::Private,
        what: "pages that a shared cache keeps",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set("cache-control", "public, no-cache");
            }
        },
    },
    Planted {
        id: "form.accepted",
        mode: Mode::Open,
        what: "406 for `*/*`",
        edit: |question, answer| {
            if question.is_page() && question.header("accept") == "*/*" {
                *answer = Answer::plain(406);
            }
        },
    },
    Planted {
        id: "form.accepted",
        mode: Mode::Open,
        what: "500 for uv",
        edit: |question, answer| {
            if question.is_page() && question.header("accept").contains("q=0.2") {
                *answer = Answer::plain(500);
            }
        },
    },
    Planted {
        id: "form.type",
        mode: Mode::Open,
        what: "JSON as `application/json`",
        edit: |question, answer| {
            if json(question, answer) && question.header("accept").contains("v1+json") {
                answer.set("content-type", "application/json");
            }
        },
    },
    Planted {
        id: "form.type",
        mode: Mode::Open,
        what: "a type in capitals",
        edit: |question, answer| {
            if html(question, answer) && question.header("accept") == "text/html" {
                answer.set("content-type", "Text/HTML; charset=utf-8");
            }
        },
    },
    Planted {
        id: "form.type",
        mode: Mode::Open,
        what: "a space before the semicolon",
        edit: |question, answer| {
            if html(question, answer) && question.header("accept") == "text/html" {
                answer.set("content-type", "text/html ; charset=utf-8");
            }
        },
    },
    Planted {
        id: "form.wanted",
        mode: Mode::Open,
        what: "JSON for who takes HTML alone",
        edit: |question, answer| {
            if html(question, answer) && question.header("accept") == "text/html" {
                as_json(answer);
            }
        },
    },
    Planted {
        id: "form.default",
        mode: Mode::Open,
        what: "JSON for who takes anything",
        edit: |question, answer| {
            if html(question, answer) && question.header("accept").contains("*/*") {
                as_json(answer);
            }
        },
    },
    Planted {
        id: "form.json",
        mode: Mode::Open,
        what: "HTML alone",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set("content-type", "text/html");
                answer.body = answer.html.clone();
            }
            if question.is_page() {
                answer.set("etag", "\"html\"");
            }
            if question.header("if-none-match") == "\"html\"" {
                answer.status = 304;
            }
        },
    },
    Planted {
        id: "form.quality",
        mode: Mode::Open,
        what: "`q` is passed over",
        edit: |question, answer| {
            if html(question, answer) && question.header("accept").contains("json;q=0.1") {
                as_json(answer);
            }
        },
    },
    Planted {
        id: "form.quality",
        mode: Mode::Open,
        what: "`q=0` is passed over",
        edit: |question, answer| {
            if html(question, answer) && question.header("accept").contains("json;q=0,") {
                as_json(answer);
            }
        },
    },
    Planted {
        id: "form.versioned-html",
        mode: Mode::Open,
        what: "versioned HTML under another name",
        edit: |question, answer| {
            if question.is_page() && question.header("accept") == "application/vnd.pypi.simple.v1+html" {
                answer.set("content-type", "text/html");
            }
        },
    },
    Planted {
        id: "form.latest",
        mode: Mode::Open,
        what: "`latest` is unknown",
        edit: |question, answer| {
            if question.header("accept").contains("latest") {
                *answer = Answer::plain(406);
            }
        },
    },
    Planted {
        id: "form.unknown",
        mode: Mode::Open,
        what: "500 for an unknown form",
        edit: |question, answer| {
            if question.header("accept").contains("x-depot-doctor") {
                *answer = Answer::plain(500);
            }
        },
    },
    Planted {
        id: "form.parameter",
        mode: Mode::Open,
        what: "500 for `?format=`",
        edit: |question, answer| {
            if question.query.is_some() {
                *answer = Answer::plain(500);
            }
        },
    },
    Planted {
        id: "form.vary",
        mode: Mode::Open,
        what: "pages without `Vary: Accept`",
        edit: |question, answer| {
            if question.is_page() {
                answer.set("vary", "Accept-Encoding");
            }
        },
    },
    Planted {
        id: "form.vary",
        mode: Mode::Open,
        what: "`Vary: *`",
        edit: |question, answer| {
            if question.is_page() {
                answer.set("vary", "*");
            }
        },
    },
    Planted {
        id: "names.absent",
        mode: Mode::Open,
        what: "a page for every name",
        edit: |question, answer| {
            if absent(question) {
                *answer = Answer::new(200, "text/html", "<html></html>");
            }
        },
    },
    Planted {
        id: "names.absent",
        mode: Mode::Open,
        what: "403 for unknown names",
        edit: |question, answer| {
            if absent(question) {
                *answer = Answer::plain(403);
            }
        },
    },
    Planted {
        id: "names.absent",
        mode: Mode::Open,
        what: "500 for unknown names",
        edit: |question, answer| {
            if absent(question) {
                *answer = Answer::plain(500);
            }
        },
    },
    Planted {
        id: "names.absent",
        mode: Mode::Open,
        what: "a redirect to another index",
        edit: |question, answer| {
            if absent(question) {
                answer.redirect(302, "http://127.0.0.1:9/simple/x/");
            }
        },
    },
    Planted {
        id: "names.absent",
        mode: Mode::Open,
        what: "a redirect to a login page",
        edit: |question, answer| {
            if absent(question) {
                answer.redirect(302, "/login");
            } else if question.path == "/login" {
                *answer = Answer::new(200, "text/html", "who?");
            }
        },
    },
    Planted {
        id: "names.invalid",
        mode: Mode::Open,
        what: "500 for an invalid name",
        edit: |question, answer| {
            if question.path == "/simple/-x-/" {
                *answer = Answer::plain(500);
            }
        },
    },
    Planted {
        id: "names.slash",
        mode: Mode::Open,
        what: "404 without the slash",
        edit: |question, answer| {
            if question.path == "/simple/tea-pot" {
                *answer = Answer::plain(404);
            }
        },
    },
    Planted {
        id: "names.slash",
        mode: Mode::Open,
        what: "a page of relative links without the slash",
        edit: |question, answer| {
            if question.path == "/simple/tea-pot" {
                *answer = Answer::new(200, "text/html", "<a href='a.whl'>a.whl</a>");
            }
        },
    },
    Planted {
        id: "names.spelling",
        mode: Mode::Open,
        what: "404 for capitals",
        edit: |question, answer| {
            if question.path.contains("TEA") {
                *answer = Answer::plain(404);
            }
        },
    },
    Planted {
        id: "names.redirect",
        mode: Mode::Open,
        what: "redirects to where the server thinks that it is",
        edit: |_, answer| {
            if answer.status == 301 {
                answer.redirect(301, "http://127.0.0.1:9/simple/tea-pot/");
            }
        },
    },
    Planted {
        id: "names.redirect",
        mode: Mode::Open,
        what: "capitals lead to the list of projects",
        edit: |question, answer| {
            if question.path.contains("TEA") {
                answer.redirect(301, "/simple/");
            }
        },
    },
];
