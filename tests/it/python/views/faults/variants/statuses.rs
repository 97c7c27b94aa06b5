//! Answers with another status than 200.

use super::{LOGIN, Variant, send, status, variant};

pub(super) const ALL: &[Variant] = &[
    variant("500", "xxxxx", |_| status("500 Internal Server Error", "", "")),
    variant("502 with a web page", "xxxxx", |_| {
        status("502 Bad Gateway", "Content-Type: text/html\r\n", LOGIN)
    }),
    variant("503 and a wait in seconds", "xxxxx", |_| {
        status("503 Service Unavailable", "Retry-After: 1\r\n", "")
    }),
    variant("503 and a wait until a date", "xxxxx", |_| {
        status("503 Service Unavailable", "Retry-After: Thu, 01 Jan 2026 00:00:00 GMT\r\n", "")
    }),
    variant("503 and a wait that is none", "xxxxx", |_| {
        status("503 Service Unavailable", "Retry-After: soon\r\n", "")
    }),
    variant("504", "xxxxx", |_| status("504 Gateway Timeout", "", "")),
    variant("524", "xxxxx", |_| status("524 A Timeout Occurred", "", "")),
    variant("429 and a wait", "xxxxx", |_| status("429 Too Many Requests", "Retry-After: 1\r\n", "")),
    variant("400", "xxxxx", |_| status("400 Bad Request", "", "")),
    variant("401", "xxxxx", |_| {
        status("401 Unauthorized", "WWW-Authenticate: Basic realm=\"index\"\r\n", "")
    }),
    variant("403", "xxxxx", |_| status("403 Forbidden", "", "")),
    variant("407", "xxxxx", |_| {
        status("407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"way out\"\r\n", "")
    }),
    variant("408", "xxxxx", |_| status("408 Request Timeout", "", "")),
    variant("416", "xxxxx", |_| status("416 Range Not Satisfiable", "Content-Range: bytes */7\r\n", "")),
    variant("451", "xxxxx", |_| status("451 Unavailable For Legal Reasons", "", "")),
    variant("204", "xxxxx", |_| send("HTTP/1.1 204 No Content\r\n\r\n")),
    variant("205", "xxxxx", |_| status("205 Reset Content", "", "")),
    variant("206 of a part that nobody asked for", "xxxxx", |asked| {
        let half = asked.body.len() / 2;
        let part = asked.header("Content-Range", None);
        let range = format!("bytes 0-{}/{}", half - 1, asked.body.len());
        let mut part = part.header("Content-Range", Some(&range));
        part.status = "206 Partial Content";
        send(part.with(&asked.body[..half]))
    }),
    variant("206 that does not say which part", "xxxxx", |asked| {
        let mut part = asked.header("Content-Range", None);
        part.status = "206 Partial Content";
        send(part.answer())
    }),
    variant("304 that nobody asked for", "xxxxx", |_| send("HTTP/1.1 304 Not Modified\r\n\r\n")),
    variant("300 that names nothing", "xxxxx", |_| status("300 Multiple Choices", "", "")),
    variant("302 that leads nowhere", "xxxxx", |_| status("302 Found", "", LOGIN)),
    variant("999", "xxxxx", |_| status("999 Request denied", "", "")),
];
