//! Is this the head of a plain request?

use httparse::{EMPTY_HEADER, Request, Status};

use crate::http::strict::is_host;

/// More headers than any client of an index sends; a head with more is hyper's affair.
const MAX_HEADERS: usize = 32;

/// What the bytes of a connection begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// The head of a plain request, and its length.
    Plain(Plain<'a>, usize),
    /// The beginning of a head.
    Unfinished,
    /// Anything else.
    Other,
}

/// A `GET` or `HEAD` without body, credentials, range, or wishes about the connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plain<'a> {
    pub(super) path: &'a str,
    pub(super) is_head: bool,
    pub(super) accept: Option<&'a str>,
    pub(super) accept_encoding: Option<&'a str>,
    pub(super) if_none_match: Option<&'a str>,
    /// The first, if there are several: it changes no answer.
    pub(super) user_agent: &'a [u8],
}

/// Reads what a connection begins with.
pub(super) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Status::Partial) => Parsed::Unfinished,
        Ok(Status::Complete(len)) => plain(&request).map_or(Parsed::Other, |plain| Parsed::Plain(plain, len)),
        Err(_) => Parsed::Other,
    }
}

fn plain<'a>(request: &Request<'_, 'a>) -> Option<Plain<'a>> {
    let is_head = match request.method? {
        "GET" => false,
        "HEAD" => true,
        _ => return None,
    };
    let path = request.path.filter(|path| path.starts_with('/') && !path.contains(['?', '#', '%']))?;
    if request.version != Some(1) {
        return None;
    }
    let mut plain = Plain { path, is_head, ..Plain::default() };
    let mut host = None;
    for header in request.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let slot = if is("host") {
            &mut host
        } else if is("accept") {
            &mut plain.accept
        } else if is("accept-encoding") {
            &mut plain.accept_encoding
        } else if is("if-none-match") {
            &mut plain.if_none_match
        } else if is("user-agent") {
            if plain.user_agent.is_empty() {
                plain.user_agent = header.value;
            }
            continue;
        } else {
            let stays = is("connection") && header.value.eq_ignore_ascii_case(b"keep-alive");
            if stays || PASSED_OVER.iter().any(|name| is(name)) || is_custom(header.name) {
                continue;
            }
            return None;
        };
        // A second one of these must be put together with the first, or refused.
        let value = std::str::from_utf8(header.value).ok()?;
        if slot.replace(value).is_some() {
            return None;
        }
    }
    is_host(host?.as_bytes()).then_some(plain)
}

/// What clients say that changes no answer to a plain request; everything that is not named here might.
const PASSED_OVER: [&str; 6] =
    ["accept-language", "cache-control", "pragma", "referer", "dnt", "upgrade-insecure-requests"];

/// Names that nobody has given a meaning which concerns a server: browsers' hints, tracing of proxies. A proxy's
/// `X-Forwarded-*` says who asks, which only a line of the log would tell.
fn is_custom(name: &str) -> bool {
    let begins = |prefix: &str| {
        name.get(..prefix.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix))
    };
    begins("sec-") || (begins("x-") && !begins("x-depot-") && !begins("x-http-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &str) -> String {
        format!("GET /python/simple/six/ HTTP/1.1\r\nHost: depot.example\r\n{lines}\r\n")
    }

    #[test]
    fn the_requests_of_installers_are_plain() {
        for lines in [
            "",
            "User-Agent: pip/26.3\r\nAccept: text/html\r\nAccept-Encoding: gzip, deflate\r\n\
             Cache-Control: max-age=0\r\nConnection: keep-alive\r\n",
            "accept: */*\r\nuser-agent: uv/0.13\r\naccept-encoding: gzip\r\nif-none-match: \"x\"\r\n",
            "X-Forwarded-For: 192.0.2.1\r\nsec-fetch-mode: navigate\r\n",
        ] {
            let head = head(lines);
            let Parsed::Plain(plain, len) = parse(head.as_bytes()) else { panic!("{lines}") };
            assert_eq!((plain.path, len), ("/python/simple/six/", head.len()));
            let is_named = lines.to_ascii_lowercase().contains("user-agent");
            assert_eq!(plain.user_agent.is_empty(), !is_named, "{lines}");
        }
    }

    #[test]
    fn what_must_be_judged_is_not_plain() {
        for lines in [
            "Content-Length: 0\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Authorization: Basic eDp5\r\n",
            "Range: bytes=0-1\r\n",
            "If-Range: \"x\"\r\n",
            "Expect: 100-continue\r\n",
            "Connection: close\r\n",
            "Connection: Upgrade\r\nUpgrade: h2c\r\n",
            "Accept: a/b\r\nAccept: c/d\r\n",
            "Host: other.example\r\n",
            "host: depot.example\r\n",
            "Te: trailers\r\n",
            "X-Depot-Facts: x\r\n",
            "X-HTTP-Method-Override: PUT\r\n",
            "If-Modified-Since: Sat, 21 Nov 2026 00:00:00 GMT\r\n",
            "Accept : text/html\r\n",
            " Accept: text/html\r\n",
            "Unheard-Of: x\r\n",
        ] {
            assert_eq!(parse(head(lines).as_bytes()), Parsed::Other, "{lines}");
        }
        for head in [
            "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /%61 HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "\x16\x03\x01",
        ] {
            assert_eq!(parse(head.as_bytes()), Parsed::Other, "{head}");
        }
    }

    #[test]
    fn a_head_is_waited_for_to_its_end() {
        let head = head("Accept: text/html\r\n");
        for end in 0..head.len() {
            assert_eq!(parse(&head.as_bytes()[..end]), Parsed::Unfinished, "{end}");
        }
    }
}
