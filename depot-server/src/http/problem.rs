//! The body of a refusal, in the form that the client reads.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use depot_proto::{PROBLEM_JSON, Problem};
use hyper::ext::ReasonPhrase;
use serde_json::json;

const FORM: &[u8] = b"multipart/form-data";

/// The most characters of a refusal in the status line.
const MAX_REASON: usize = 500;

/// The form in which a client reads refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For programs.
    Json,
    /// For uv, which shows the `code` of a refused upload: with PyPI's words for the keys.
    Message,
    /// For browsers.
    Html,
    /// For those who name neither.
    Text,
}

impl Form {
    /// What the client prefers of the forms it names; of equals JSON, since browsers name none.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let uploads = is_of_a_form(headers);
        let ranges = lines.flat_map(|line| line.split(',')).filter_map(|text| range(text, uploads));
        let best = ranges.max_by(|(one, q1), (two, q2)| {
            let rank = |form: &Self| match form {
                Self::Json => 2,
                Self::Message => 1,
                Self::Html | Self::Text => 0,
            };
            q1.total_cmp(q2).then(rank(one).cmp(&rank(two)))
        });
        best.map_or(Self::Text, |(form, _)| form)
    }
}

/// Whether a request carries a form: those that send one read of a refusal what they have always read.
pub(super) fn is_of_a_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type
        .and_then(|value| value.get(..FORM.len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(FORM))
}

/// Says a refusal in the status line, where clients look that print nothing else of it. HTTP/2 has none.
pub(super) fn tell_in_status_line(response: &mut Response, problem: &Problem) {
    let printable = |char: char| if char.is_ascii_graphic() || char == ' ' { char } else { '?' };
    let words: String = problem.detail.chars().map(printable).take(MAX_REASON).collect();
    if let Ok(reason) = ReasonPhrase::try_from(words.into_bytes()) {
        response.extensions_mut().insert(reason);
    }
}

/// The form that a media range means, with its quality; none for other types and for those that are not acceptable.
fn range(text: &str, uploads: bool) -> Option<(Form, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next()?.to_ascii_lowercase();
    let form = if uploads && media_type == "application/json" {
        Form::Message
    } else if media_type == "application/json" || media_type.ends_with("+json") {
        Form::Json
    } else if media_type == "text/html" {
        Form::Html
    } else if media_type == "text/plain" {
        Form::Text
    } else {
        return None;
    };
    let quality =
        parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
    (quality > 0.0).then_some((form, quality))
}

/// Gives a response the problem as its body.
pub(super) fn write(response: &mut Response, problem: &Problem, form: Form, is_head: bool) {
    let (content_type, body) = match form {
        Form::Json => (PROBLEM_JSON, serde_json::to_string(problem).unwrap_or_default()),
        Form::Message => ("application/json", message(problem)),
        Form::Html => ("text/html; charset=utf-8", html(problem)),
        Form::Text => ("text/plain; charset=utf-8", format!("{problem}\n")),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.entry(header::VARY).or_insert(HeaderValue::from_static("Accept"));
    // What is not there may be there in a moment.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    *response.body_mut() = if is_head { Body::empty() } else { Body::from(body) };
}

fn message(problem: &Problem) -> String {
    let Problem { status, title, detail, request_id, .. } = problem;
    let code = format!("{status} {detail}");
    json!({ "code": code, "message": detail, "title": title, "request_id": request_id }).to_string()
}

fn html(problem: &Problem) -> String {
    let title = escape(&problem.title);
    let detail = escape(&problem.detail);
    let status = problem.status;
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{status} {title}</title></head>\n\
         <body><h1>{status} {title}</h1><p>{detail}</p></body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_the_form_it_prefers() {
        for (accept, form) in [
            ("*/*", Form::Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Form::Html),
            ("application/vnd.pypi.simple.v1+json, text/html; q=0.01", Form::Json),
            ("application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7", Form::Json),
            ("application/json;q=0, text/html", Form::Html),
            ("text/html, application/problem+json", Form::Json),
            ("image/png", Form::Text),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Form::of(&headers), form, "{accept}");
        }
        assert_eq!(Form::of(&HeaderMap::new()), Form::Text);
    }

    #[test]
    fn who_uploads_a_form_gets_the_json_that_it_asks_for() {
        let uv = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7";
        for (accept, form) in [
            (uv, Form::Message),
            ("*/*", Form::Text),
            ("application/json, application/problem+json", Form::Json),
            ("application/vnd.pypi.simple.v1+json, application/problem+json", Form::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("Multipart/form-data; boundary=x"));
            assert_eq!(Form::of(&headers), form, "{accept}");
        }
    }
}
