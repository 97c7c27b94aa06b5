//! A server that answers what a test tells it to, byte for byte, and remembers what it was asked.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use depot_proto::{ProjectName, Sha256Digest, retry::Backoff, simple::PageFile};

use crate::{Client, ClientOptions, IndexUrl};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    /// How many requests came before this one.
    pub(crate) before: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The bytes of `body` that a range header asks for; none if there is no such header.
    pub(crate) fn part_of<'a>(&self, body: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        let size = body.len();
        let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) => (first, (last + 1).min(size)),
            (Ok(first), Err(_)) => (first, size),
            (Err(_), Ok(count)) => (size.saturating_sub(count), size),
            (Err(_), Err(_)) => return None,
        };
        Some((start, &body[start..end]))
    }
}

/// What to send before the connection is closed.
pub(crate) enum Reply {
    Bytes(Vec<u8>),
    /// Sends this, then nothing for longer than any test waits.
    Hang(Vec<u8>),
}

impl From<Vec<u8>> for Reply {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

pub(crate) struct FakeServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeServer {
    pub(crate) fn start<R: Into<Reply>>(answer: impl Fn(&Asked) -> R + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                thread::spawn(move || serve(stream.unwrap(), &*answer, &log));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn index(&self) -> IndexUrl {
        self.url("/simple/").parse().unwrap()
    }

    /// The index at this server, with credentials.
    pub(crate) fn private_index(&self) -> IndexUrl {
        format!("http://me:secret@{}/simple/", self.address).parse().unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve<R: Into<Reply>>(
    mut stream: TcpStream,
    answer: &(impl Fn(&Asked) -> R + ?Sized),
    log: &Mutex<Vec<Asked>>,
) {
    let Some(mut asked) = read_request(&mut stream) else { return };
    {
        let mut log = log.lock().unwrap();
        asked.before = log.len();
        log.push(asked.clone());
    }
    // The client may have gone, which is what some tests are about.
    match answer(&asked).into() {
        Reply::Bytes(bytes) => drop(stream.write_all(&bytes)),
        Reply::Hang(bytes) => {
            drop(stream.write_all(&bytes));
            thread::sleep(Duration::from_secs(20));
        }
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Some(Asked { method, path, headers, before: 0 })
}

/// A whole answer: the headers given, `Content-Length`, `Connection: close`, the body.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    answer_announcing(body.len(), status, headers, body)
}

/// The same with a `Content-Length` of its own.
pub(crate) fn answer_announcing(
    length: usize,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    head += "\r\n";
    [head.as_bytes(), body].concat()
}

/// An answer that ends where the connection does.
pub(crate) fn answer_without_length(body: &[u8]) -> Vec<u8> {
    [&b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"[..], body].concat()
}

pub(crate) fn redirect(status: u16, to: &str) -> Vec<u8> {
    answer(status, &[("Location", to)], b"")
}

/// A client that tries three times, without waits to speak of.
pub(crate) fn client() -> Client {
    client_with(|_| {})
}

pub(crate) fn client_with(change: impl FnOnce(&mut ClientOptions)) -> Client {
    let moment = Duration::from_millis(1);
    let mut options = ClientOptions {
        backoff: Backoff { retries: 2, first: moment, max: moment },
        read_timeout: Duration::from_millis(500),
        system_proxy: false,
        ..ClientOptions::default()
    };
    change(&mut options);
    Client::new(options).unwrap()
}

pub(crate) fn project() -> ProjectName {
    "teapot-tools".parse().unwrap()
}

pub(crate) const WHEEL: &str = "teapot_tools-1.0-py3-none-any.whl";

/// The page's entry for a file of which nothing but the address is known.
pub(crate) fn unknown_file(filename: &str, url: String) -> PageFile {
    PageFile { filename: filename.to_owned(), url, ..PageFile::default() }
}

/// The page's entry for a file with these bytes.
pub(crate) fn known_file(filename: &str, url: String, bytes: &[u8]) -> PageFile {
    PageFile {
        hashes: [("sha256".to_owned(), Sha256Digest::of(bytes).to_string())].into(),
        size: Some(bytes.len() as u64),
        ..unknown_file(filename, url)
    }
}

/// The error with everything that led to it, as a program prints it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.extend([": ", &error.to_string()]);
        source = error.source();
    }
    text
}
