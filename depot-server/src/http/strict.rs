//! Requests that two readers could take for different ones are refused before anything is made of them, and their
//! connections closed (RFC 9112, 3.2 and 11.2).

use axum::http::{HeaderMap, Request, StatusCode, Uri, Version, header};
use depot_proto::ErrorCode;

use super::error::ApiError;

/// The longest target, in bytes: a name of a file has 250, and nobody asks a long question.
const MAX_TARGET: usize = 8 * 1024;

/// Why a request is refused, whatever it asks for; none if it is one.
pub(crate) fn refusal<B>(request: &Request<B>) -> Option<ApiError> {
    if target_len(request.uri()) > MAX_TARGET {
        let detail = format!("the address is longer than the {MAX_TARGET} bytes taken here");
        return Some(ApiError::new(StatusCode::URI_TOO_LONG, ErrorCode::BadRequest, detail));
    }
    // HTTP/2 has neither header.
    if request.version() > Version::HTTP_11 {
        return None;
    }
    let bad = |detail: &str| Some(ApiError::bad_request(ErrorCode::BadRequest, detail));
    if !has_plain_framing(request.headers()) {
        return bad("a body comes in chunks or with its length, in no other coding and only once");
    }
    if !has_one_host(request.headers(), request.version()) {
        return bad("the request must name one host, as `host` or `host:port`");
    }
    None
}

fn target_len(uri: &Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path().len() + uri.query().map_or(0, |query| query.len() + 1)
}

/// Whether the body is not in a coding of the connection other than `chunked`, once.
fn has_plain_framing(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

fn has_one_host(headers: &HeaderMap, version: Version) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        _ => false,
    }
}

/// Whether a text can be a host and a port; it may be empty.
pub(crate) fn is_host(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=:[]".contains(byte))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn status(headers: &[(&str, &str)], target: &str) -> Option<u16> {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refusal(&request.body(Body::empty()).unwrap()).map(|error| error.problem.status)
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let host = ("host", "depot.example:8080");
        for (headers, expected) in [
            (&[host][..], None),
            (&[("host", "[::1]:80")], None),
            (&[("host", "")], None),
            (&[host, ("transfer-encoding", "Chunked")], None),
            (&[host, ("transfer-encoding", "chunked, chunked")], Some(400)),
            (&[host, ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], Some(400)),
            (&[host, ("transfer-encoding", "gzip, chunked")], Some(400)),
            (&[host, ("transfer-encoding", "identity")], Some(400)),
            (&[], Some(400)),
            (&[host, host], Some(400)),
            (&[("host", "a b")], Some(400)),
            (&[("host", "user@depot.example")], Some(400)),
            (&[("host", "a, b")], Some(400)),
            (&[("host", "a/b")], Some(400)),
        ] {
            assert_eq!(status(headers, "/"), expected, "{headers:?}");
        }
        assert_eq!(status(&[host], &format!("/{}", "x".repeat(9000))), Some(414));
        assert_eq!(status(&[host], &format!("/?{}", "x".repeat(9000))), Some(414));
    }
}
