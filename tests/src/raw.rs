//! HTTP/1.1 by hand: exactly these bytes go out, and what came back is read without forgiving anything.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long [`send`] waits for a whole response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A response, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawResponse {
    /// The status of the status line.
    pub status: u16,
    /// The whole status line, without its end.
    pub status_line: String,
    /// Names as they were sent, in order.
    pub headers: Vec<(String, String)>,
    /// The body, with a chunked coding taken off.
    pub body: Vec<u8>,
    /// Whether the body was as long as it was promised to be.
    pub complete: bool,
}

impl RawResponse {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends these bytes to the host of this URL and reads one response, within ten seconds.
///
/// # Errors
///
/// `UnexpectedEof` where the connection was closed before a response, `TimedOut`, `InvalidData` where the answer
/// is not HTTP.
pub fn send(url: &str, request: impl AsRef<[u8]>) -> io::Result<RawResponse> {
    let request = request.as_ref();
    let mut connection = RawConnection::open(url, TIMEOUT)?;
    // A server that refuses early closes before it has read everything; its answer still counts.
    let sent = connection.send(request);
    match connection.receive(request.starts_with(b"HEAD ")) {
        Err(error) => Err(sent.err().unwrap_or(error)),
        response => response,
    }
}

/// One connection, for requests that are pipelined, split or slow.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    timeout: Duration,
    /// Read and not yet used.
    buffer: Vec<u8>,
}

impl RawConnection {
    /// Connects to the host and port of this `http://` URL; `timeout` is for each response.
    pub fn open(url: &str, timeout: Duration) -> io::Result<Self> {
        let rest = url.strip_prefix("http://").unwrap_or(url);
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Self { stream, timeout, buffer: Vec::new() })
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }

    /// Reads at least this many bytes of whatever comes, and forgets them; how many they were.
    pub fn take_bytes(&mut self, number: usize) -> io::Result<usize> {
        let deadline = Instant::now() + self.timeout;
        while self.buffer.len() < number {
            if self.fill(deadline)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let taken = self.buffer.len();
        self.buffer.clear();
        Ok(taken)
    }

    /// Reads one response; `head` for the answer to a HEAD, which has no body. Interim responses (1xx) are skipped.
    pub fn receive(&mut self, head: bool) -> io::Result<RawResponse> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let response = self.receive_any(head, deadline)?;
            if !(100..200).contains(&response.status) {
                return Ok(response);
            }
        }
    }

    /// Whether the server closes the connection, without a further byte, within the timeout.
    pub fn is_closed(&mut self) -> bool {
        let deadline = Instant::now() + self.timeout;
        self.buffer.is_empty() && matches!(self.fill(deadline), Ok(0) | Err(_)) && Instant::now() < deadline
    }

    fn receive_any(&mut self, head: bool, deadline: Instant) -> io::Result<RawResponse> {
        let text = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 4);
                break text;
            }
            if self.fill(deadline)? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "closed before the end of the headers",
                ));
            }
        };
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or_default().to_owned();
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let (Some(status), true) = (status, status_line.starts_with("HTTP/1.")) else {
            return Err(invalid(&format!("not a status line: {status_line:?}")));
        };
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) =
                line.split_once(':').ok_or_else(|| invalid(&format!("not a header: {line:?}")))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut response = RawResponse { status, status_line, headers, body: Vec::new(), complete: true };
        if head || (100..200).contains(&status) || status == 204 || status == 304 {
            return Ok(response);
        }
        let chunked =
            response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        let length = match response.header("content-length") {
            Some(text) => {
                Some(text.parse::<usize>().map_err(|_| invalid("a Content-Length that is no number"))?)
            }
            None => None,
        };
        response.complete = if chunked {
            self.read_chunks(&mut response.body, deadline)?
        } else if let Some(length) = length {
            self.read_exactly(length, &mut response.body, deadline)?
        } else {
            while self.fill(deadline)? > 0 {}
            response.body = std::mem::take(&mut self.buffer);
            true
        };
        Ok(response)
    }

    /// Moves `length` bytes to `body`, or what there is before the end; says whether all came.
    fn read_exactly(&mut self, length: usize, body: &mut Vec<u8>, deadline: Instant) -> io::Result<bool> {
        let complete = loop {
            if self.buffer.len() >= length {
                break true;
            }
            if self.fill_body(deadline)? == 0 {
                break false;
            }
        };
        let end = length.min(self.buffer.len());
        body.extend(self.buffer.drain(..end));
        Ok(complete)
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>, deadline: Instant) -> io::Result<bool> {
        loop {
            let Some(line) = self.read_line(deadline)? else { return Ok(false) };
            let digits = line.split(';').next().unwrap_or_default().trim();
            let length =
                usize::from_str_radix(digits, 16).map_err(|_| invalid(&format!("not a chunk: {line:?}")))?;
            if length == 0 {
                // Trailers, then an empty line.
                while let Some(line) = self.read_line(deadline)? {
                    if line.is_empty() {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            if !self.read_exactly(length, body, deadline)? || self.read_line(deadline)?.is_none() {
                return Ok(false);
            }
        }
    }

    /// The next line without its end, or `None` where the connection ended.
    fn read_line(&mut self, deadline: Instant) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Ok(Some(line));
            }
            if self.fill_body(deadline)? == 0 {
                return Ok(None);
            }
        }
    }

    /// As [`Self::fill`]; inside a body a reset is one more way of being cut short.
    fn fill_body(&mut self, deadline: Instant) -> io::Result<usize> {
        match self.fill(deadline) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
            result => result,
        }
    }

    /// Reads what comes next into the buffer; 0 at the end of the connection.
    fn fill(&mut self, deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut part = [0; 16 * 1024];
        let length = self.stream.read(&mut part).map_err(|error| match error.kind() {
            // Linux says `WouldBlock` when the read timeout has passed.
            io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
            _ => error,
        })?;
        self.buffer.extend_from_slice(&part[..length]);
        Ok(length)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that reads a little, answers these bytes to one connection, and closes it.
    fn answering(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(answer).unwrap();
        });
        url
    }

    #[test]
    fn chunks_are_joined() {
        let url = answering(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
              3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nT: x\r\n\r\n",
        );
        let response = send(&url, "GET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!((response.status, response.text().as_str(), response.complete), (200, "abcd", true));
        assert_eq!(response.header("transfer-encoding"), Some("chunked"));
    }

    #[test]
    fn a_body_cut_short_is_not_complete() {
        let url = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
        let response = send(&url, "GET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!((response.text().as_str(), response.complete), ("abc", false));
    }

    #[test]
    fn a_head_has_no_body() {
        let url = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n");
        let response = send(&url, "HEAD / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!((response.body.len(), response.complete), (0, true));
    }

    #[test]
    fn silence_and_nonsense_are_errors() {
        let error = send(&answering(b""), "GET / HTTP/1.1\r\n\r\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let error = send(&answering(b"SSH-2.0\r\n\r\n"), "GET / HTTP/1.1\r\n\r\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut connection = RawConnection::open(&url, Duration::from_millis(100)).unwrap();
        assert_eq!(connection.receive(false).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
