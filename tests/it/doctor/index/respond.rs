//! What the index without faults answers.

use depot_tests::sha256_hex;

use super::{Answer, Gzip, Mode, Question, Setup};

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const HTML_V1: &str = "application/vnd.pypi.simple.v1+html";
const HTML: &str = "text/html";

pub(super) fn good(site: &Setup, question: &Question) -> Answer {
    let path = question.path.as_str();
    if question.method == "POST" {
        return if ["/legacy", "/legacy/"].contains(&path) {
            upload(site, question)
        } else {
            Answer::plain(405)
        };
    }
    if site.mode == Mode::Private && !question.has_token() {
        return Answer::plain(401).with("www-authenticate", "Basic realm=\"tea\"");
    }
    if let Some(name) = path.strip_prefix("/files/tea-pot/") {
        return file(site, question, name);
    }
    match path {
        "/simple/" => {
            let is_json = form(&question.header("accept")) == Some(JSON);
            let body = if is_json {
                r#"{"meta":{"api-version":"1.4"},"projects":[{"name":"Tea.Pot"}]}"#
            } else {
                "<!DOCTYPE html><html><body><a href=\"tea-pot/\">Tea.Pot</a></body></html>"
            };
            Answer::new(200, if is_json { JSON } else { HTML }, body)
        }
        "/simple/tea-pot/" => page(question, site.content.json(), site.content.html()),
        "/simple/doctor-test/" => {
            let json = site.content.upload_page();
            json.map_or_else(|| Answer::plain(404), |json| page(question, json, Vec::new()))
        }
        _ => {
            let name = path.strip_prefix("/simple/").unwrap_or_default().trim_end_matches('/');
            if name.to_lowercase().replace(['_', '.'], "-") == "tea-pot" {
                Answer::plain(301).with("location", "/simple/tea-pot/")
            } else {
                Answer::plain(404)
            }
        }
    }
}

/// The form that is wanted most; none where none of them is wanted.
fn form(accept: &str) -> Option<&'static str> {
    let mut best: Option<(&'static str, f32, bool)> = None;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let q = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        let offered = match name.replace("latest", "v1").as_str() {
            JSON => JSON,
            HTML_V1 => HTML_V1,
            HTML | "*/*" => HTML,
            _ => continue,
        };
        if q > 0.0 && best.is_none_or(|(_, other, is_wild)| q > other || (is_wild && q >= other)) {
            best = Some((offered, q, name == "*/*"));
        }
    }
    best.map(|(offered, ..)| offered)
}

fn page(question: &Question, json: Vec<u8>, html: Vec<u8>) -> Answer {
    let Some(form) = form(&question.header("accept")) else { return Answer::plain(406) };
    let is_asked_for = question.query.as_ref().is_some_and(|query| query.starts_with("format="));
    let form = if is_asked_for { JSON } else { form };
    let (kind, body) =
        if form == JSON { (form.to_owned(), json) } else { (format!("{form}; charset=utf-8"), html.clone()) };
    let etag = format!("\"{}-{}\"", &sha256_hex(&body)[..16], form.len());
    let mut answer = if question.header("if-none-match") == etag {
        Answer::new(304, &kind, Vec::new())
    } else {
        Answer::new(200, &kind, body)
    };
    if question.header("accept-encoding").contains("gzip") && answer.status == 200 {
        answer.gzip = Gzip::Yes;
    }
    answer.html = html;
    answer
        .with("etag", etag)
        .with("vary", "Accept, Accept-Encoding")
        .with("cache-control", "private, no-cache")
}

fn file(site: &Setup, question: &Question, name: &str) -> Answer {
    let octets = "application/octet-stream";
    if let Some(file) = site.content.files.get(name) {
        return ranged(question, &file.bytes);
    }
    if let Some(of) = name.strip_suffix(".metadata") {
        let metadata = site.content.files.get(of).and_then(|file| file.metadata.clone());
        return metadata.map_or_else(|| Answer::plain(404), |bytes| Answer::new(200, octets, bytes));
    }
    if name.ends_with(".provenance") {
        return Answer::new(200, "application/json", r#"{"version":1,"attestation_bundles":[]}"#);
    }
    Answer::plain(404)
}

/// A file, or a part of it.
fn ranged(question: &Question, bytes: &[u8]) -> Answer {
    let kind = "application/octet-stream";
    let etag = format!("\"{}\"", sha256_hex(bytes));
    let size = bytes.len();
    let dress = |answer: Answer| {
        let answer = answer.with("accept-ranges", "bytes").with("etag", &etag);
        answer.with("cache-control", "max-age=365000000, immutable")
    };
    let condition = question.header("if-range");
    let header = question.header("range");
    let range = header.strip_prefix("bytes=").filter(|_| condition.is_empty() || condition == etag);
    let Some((from, to)) = range.and_then(|range| range.split_once('-')) else {
        return dress(Answer::new(200, kind, bytes));
    };
    let (from, to) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), to) => (from, to.unwrap_or(size - 1).min(size - 1)),
        (Err(_), Ok(length)) => (size.saturating_sub(length), size - 1),
        _ => return dress(Answer::new(200, kind, bytes)),
    };
    if from >= size {
        return dress(Answer::plain(416).with("content-range", format!("bytes */{size}")));
    }
    let part = Answer::new(206, kind, &bytes[from..=to]);
    dress(part.with("content-range", format!("bytes {from}-{to}/{size}")))
}

/// Takes the form that twine sends.
fn upload(site: &Setup, question: &Question) -> Answer {
    if !question.has_token() {
        return Answer::plain(401).with("www-authenticate", "Basic realm=\"tea\"");
    }
    let body = &question.body;
    let find = |what: &[u8], from: usize| {
        body[from..].windows(what.len()).position(|part| part == what).map(|at| at + from).unwrap()
    };
    let name_at = find(b"filename=\"", 0) + 10;
    let name_end = find(b"\"", name_at);
    let filename = String::from_utf8(body[name_at..name_end].to_vec()).unwrap();
    let start = find(b"\r\n\r\n", name_end) + 4;
    let bytes = body[start..find(b"\r\n--depot-doctor", start)].to_vec();
    let mut uploads = site.content.uploads.lock().unwrap();
    if uploads.get(&filename).is_some_and(|known| *known != bytes) {
        return Answer::new(409, "text/plain", "File already exists");
    }
    uploads.insert(filename, bytes);
    Answer::plain(200)
}
