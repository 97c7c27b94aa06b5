//! A client that does what every installer does, and nothing else: it asks for a project's page, reads there where the file
//! is, and asks for the file. Its connections are kept.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use depot_tests::sha256_hex;
use serde_json::Value;

use crate::ask::ACCEPT_JSON;

/// A file that is wanted.
pub(crate) struct Target {
    pub(crate) project: String,
    pub(crate) filename: String,
    pub(crate) sha256: String,
}

/// How long it took, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// From before the first connection until everything was there.
    pub(crate) whole: f64,
    /// From before the first file was asked for until its first byte was there.
    pub(crate) first_byte: f64,
}

/// Fetches all of these below `http://HOST/simple/`, so many at once; each is hashed when all are there, and must be what
/// is wanted.
pub(crate) fn pull(origin: &str, targets: &[Target], at_once: usize) -> Took {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let worker = || {
        let mut connection = Connection::open(origin);
        let (mut bodies, mut first_byte) = (Vec::new(), None);
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let page = connection.get(&format!("/simple/{}/", target.project));
            let body = connection.get(&address(&page.body, target));
            first_byte.get_or_insert(body.first_byte);
            bodies.push((target, body.body));
        }
        (bodies, first_byte)
    };
    let (whole, answers) = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once.min(targets.len())).map(|_| scope.spawn(worker)).collect();
        let answers: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        (started.elapsed(), answers)
    });
    let first_byte = answers.iter().find_map(|(_, first_byte)| *first_byte).unwrap_or_default();
    let mut pulled = 0;
    for (target, body) in answers.iter().flat_map(|(bodies, _)| bodies) {
        assert!(sha256_hex(body) == target.sha256, "{origin} gave other bytes for {}", target.filename);
        pulled += 1;
    }
    assert_eq!(pulled, targets.len(), "{origin}");
    Took { whole: whole.as_secs_f64(), first_byte: first_byte.as_secs_f64() }
}

/// The path of a file, as its project's page says.
fn address(page: &[u8], target: &Target) -> String {
    let page: Value = serde_json::from_slice(page).unwrap();
    let mut files = page["files"].as_array().unwrap().iter();
    let file = files.find(|file| file["filename"] == target.filename.as_str());
    let file = file.unwrap_or_else(|| panic!("{} is not listed", target.filename));
    assert_eq!(file["hashes"]["sha256"], target.sha256.as_str(), "{}", target.filename);
    let url = file["url"].as_str().unwrap();
    let path = match url.strip_prefix("../../") {
        Some(rest) => format!("/{rest}"),
        None => format!("/simple/{}/{url}", target.project),
    };
    assert!(!path.contains("..") && !url.contains("://"), "{url} is not where it was looked for");
    path
}

/// A connection that is kept.
struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

/// An answer of 200.
struct Answer {
    body: Vec<u8>,
    /// From before the question to the first byte of the body.
    first_byte: Duration,
}

impl Connection {
    fn open(origin: &str) -> Self {
        let host = origin.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        Self { stream: BufReader::with_capacity(256 * 1024, stream), host }
    }

    fn get(&mut self, path: &str) -> Answer {
        let started = Instant::now();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: {ACCEPT_JSON}\r\n\r\n", self.host);
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let status = self.line(path);
        assert!(status.starts_with("HTTP/1.1 200 "), "{}{path}: {status}", self.host);
        let mut length = None;
        loop {
            let line = self.line(path);
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let length = length.unwrap_or_else(|| panic!("{}{path} does not say how long it is", self.host));
        let mut body = vec![0; length];
        let (first, rest) = body.split_at_mut(length.min(1));
        self.stream.read_exact(first).unwrap();
        let first_byte = started.elapsed();
        self.stream.read_exact(rest).unwrap();
        Answer { body, first_byte }
    }

    fn line(&mut self, path: &str) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "{}{path} is not answered", self.host);
        line.trim_end().to_owned()
    }
}
