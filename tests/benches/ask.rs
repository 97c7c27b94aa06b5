//! One request, and what came back, as far as two servers must agree on it.

use std::{
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

/// What pip sends; uv's differs in nothing that matters here.
pub(crate) const ACCEPT_JSON: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
pub(crate) const ACCEPT_HTML: &str = "text/html";

/// Headers of a request.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// An answer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    /// Empty where there is none.
    pub(crate) coding: String,
    pub(crate) body: Vec<u8>,
}

/// Beside the answer: what differs from server to server, and how long it took.
pub(crate) struct Asked {
    pub(crate) answer: Answer,
    pub(crate) etag: Option<String>,
    /// From before the connection to the last byte, in seconds.
    pub(crate) seconds: f64,
}

/// As [`try_ask`], of a server that answers.
pub(crate) fn ask(url: &str, path: &str, headers: &Headers) -> Asked {
    try_ask(url, path, headers).unwrap_or_else(|error| panic!("{url}{path}: {error}"))
}

/// Asks over a connection of its own; an error where nothing comes for a minute. Panics where the answer is not HTTP, or
/// shorter than it says.
pub(crate) fn try_ask(url: &str, path: &str, headers: &Headers) -> io::Result<Asked> {
    let host = url.trim_start_matches("http://");
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    request += "\r\n";
    let started = Instant::now();
    let mut stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::with_capacity(1 << 23);
    stream.read_to_end(&mut bytes)?;
    let seconds = started.elapsed().as_secs_f64();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("{url}{path} is not answered with HTTP"));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let body = bytes.split_off(end + 4);
    let header = |name: &str| {
        let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let body = match header("transfer-encoding") {
        Some(_) => without_chunks(&body),
        None => body,
    };
    let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    if let Some(length) = header("content-length").filter(|_| status != 304) {
        assert_eq!(length, body.len().to_string(), "{url}{path} was cut off");
    }
    let text = |name: &str| header(name).unwrap_or_default();
    let answer =
        Answer { status, content_type: text("content-type"), coding: text("content-encoding"), body };
    Ok(Asked { answer, etag: header("etag"), seconds })
}

/// The body without the marks of the chunked coding.
fn without_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size.split(';').next().unwrap().trim(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}
