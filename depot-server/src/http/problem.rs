//! The body of a refusal, in the form that the client reads.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use depot_proto::{PROBLEM_JSON, Problem};

/// The form in which a client reads refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For programs.
    Json,
    /// For browsers.
    Html,
    /// For those who name neither.
    Text,
}

impl Form {
    /// What the client prefers of the forms it names; of equals JSON, since browsers name none.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let ranges = lines.flat_map(|line| line.split(',')).filter_map(range);
        let best = ranges.max_by(|(one, q1), (two, q2)| {
            let rank = |form: &Self| u8::from(*form == Self::Json);
            q1.total_cmp(q2).then(rank(one).cmp(&rank(two)))
        });
        best.map_or(Self::Text, |(form, _)| form)
    }
}

/// The form that a media range means, with its quality; none for other types and for those that are not acceptable.
fn range(text: &str) -> Option<(Form, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next()?.to_ascii_lowercase();
    let form = if media_type == "application/json" || media_type.ends_with("+json") {
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
}
