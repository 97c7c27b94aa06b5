//! An index that is written by hand: what it answers under a fault are exactly these bytes, at exactly these times.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use depot_tests::{WheelBuilder, random_bytes, sha256_hex};
use rustix::net::sockopt::set_socket_linger;
use serde_json::{Value, json};

use super::variants::Variant;

/// How long an index holds what it holds.
const HELD: Duration = Duration::from_secs(15);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Page,
    File,
    Metadata,
}

/// What an index does about a request, in order; at the end it closes the connection.
pub(super) enum Step {
    Send(Vec<u8>),
    /// These bytes one at a time, with this pause before each.
    Drip(Vec<u8>, Duration),
    /// These bytes again and again, with this pause before each, for as long as somebody takes them.
    Repeat(Vec<u8>, Duration),
    /// Nothing more, without closing.
    Hold,
    Reset,
}

/// A request, with what would be the right answer.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) part: Part,
    /// Whether the rest of a file is asked for, or some other part of it.
    pub(super) has_range: bool,
    /// How often this was asked for under the fault, beginning with 1.
    pub(super) time: usize,
    pub(super) status: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// `http://127.0.0.1:PORT` of the index.
    pub(super) origin: String,
    /// The same of a server on this machine that nobody may be led to.
    pub(super) canary: String,
}

impl Asked {
    /// The head of the answer, saying that so many bytes follow.
    pub(super) fn head(&self, length: impl std::fmt::Display) -> Vec<u8> {
        self.head_with(&format!("Content-Length: {length}\r\n"))
    }

    /// The head of the answer, with these lines and without a length.
    pub(super) fn head_with(&self, lines: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend([lines, "\r\n"]);
        head.into_bytes()
    }

    /// The answer, whole.
    pub(super) fn answer(&self) -> Vec<u8> {
        [self.head(self.body.len()), self.body.clone()].concat()
    }

    /// The answer with another body.
    pub(super) fn with(&self, body: impl Into<Vec<u8>>) -> Vec<u8> {
        Self { body: body.into(), ..self.clone() }.answer()
    }

    /// The answer with a header of another value, or without it.
    pub(super) fn header(&self, name: &'static str, value: Option<&str>) -> Self {
        let mut asked = self.clone();
        asked.headers.retain(|(other, _)| *other != name);
        asked.headers.extend(value.map(|value| (name, value.to_owned())));
        asked
    }

    /// The page with every file changed.
    pub(super) fn page(&self, change: impl Fn(&mut Value)) -> Vec<u8> {
        let mut page: Value = serde_json::from_slice(&self.body).unwrap();
        page["files"].as_array_mut().unwrap().iter_mut().for_each(change);
        self.with(page.to_string())
    }
}

/// A file that the index has.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) filename: String,
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: String,
    pub(super) metadata: Option<Vec<u8>>,
    /// Whether its page says that it has metadata.
    says_so: bool,
}

/// The projects, each with an sdist, a wheel with metadata beside it, and one without.
pub(super) const PROJECTS: [&str; 3] = ["kept", "listed", "cold"];

fn goods(project: &str, seed: u64) -> Vec<Good> {
    let sdist = [&b"\x1f\x8b"[..], &random_bytes(200_000, seed)].concat();
    let sha256 = sha256_hex(&sdist);
    let filename = format!("{project}-1.tar.gz");
    let sdist = Good { filename, bytes: sdist, sha256, metadata: None, says_so: false };
    let wheels = ["2", "3"].map(|version| {
        let wheel = WheelBuilder::new(project, version).random_file("ballast.bin", 90_000, seed);
        let (filename, bytes, metadata) = (wheel.filename(), wheel.build(), Some(wheel.metadata()));
        Good { filename, sha256: sha256_hex(&bytes), bytes, metadata, says_so: version == "2" }
    });
    [sdist].into_iter().chain(wheels).collect()
}

/// The index; every variant has one of its own in it.
pub(super) struct Upstream {
    shared: Arc<Shared>,
}

struct Shared {
    origin: String,
    canary: String,
    variants: Vec<Variant>,
    projects: HashMap<&'static str, Vec<Good>>,
    /// Which variants misbehave.
    on: Vec<AtomicBool>,
    /// How often each was asked for what, while it did.
    struck: Mutex<HashMap<(usize, String), usize>>,
    led_astray: AtomicUsize,
}

impl Upstream {
    pub(super) fn start(variants: Vec<Variant>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let canary = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = |address: SocketAddr| format!("http://{address}");
        let projects = (0..).zip(PROJECTS).map(|(seed, project)| (project, goods(project, seed)));
        let shared = Arc::new(Shared {
            origin: url(listener.local_addr().unwrap()),
            canary: url(canary.local_addr().unwrap()),
            on: variants.iter().map(|_| AtomicBool::new(false)).collect(),
            variants,
            projects: projects.collect(),
            struck: Mutex::default(),
            led_astray: AtomicUsize::new(0),
        });
        let watching = Arc::clone(&shared);
        thread::spawn(move || {
            for _ in canary.incoming() {
                watching.led_astray.fetch_add(1, Ordering::Relaxed);
            }
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // Whoever asked may go at any time, which is no failure of the index.
                thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Self { shared }
    }

    pub(super) fn url(&self, variant: usize) -> String {
        format!("{}/{variant}/simple/", self.shared.origin)
    }

    pub(super) fn variants(&self) -> &[Variant] {
        &self.shared.variants
    }

    pub(super) fn files(&self, project: &str) -> &[Good] {
        &self.shared.projects[project]
    }

    pub(super) fn misbehave(&self, variant: usize, whether: bool) {
        self.shared.on[variant].store(whether, Ordering::SeqCst);
    }

    /// How often a path of a variant was asked for while that misbehaved.
    pub(super) fn struck(&self, variant: usize, path: &str) -> usize {
        let struck = self.shared.struck.lock().unwrap();
        struck.get(&(variant, path.to_owned())).copied().unwrap_or(0)
    }

    /// How many connections came to where nobody may be led.
    pub(super) fn led_astray(&self) -> usize {
        self.shared.led_astray.load(Ordering::Relaxed)
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    while let Some(head) = read_head(&mut stream)? {
        let target = head.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
        let mut segments = target.splitn(3, '/').skip(1);
        let variant = segments.next().and_then(|number| number.parse::<usize>().ok());
        let (Some(variant), Some(path)) = (variant, segments.next()) else { return Ok(()) };
        let misbehaves = shared.on[variant].load(Ordering::SeqCst);
        let mut asked = right_answer(shared, variant, path, &head);
        if misbehaves && asked.body.is_empty() {
            // There is more to spoil in a page than in the word that it still holds.
            asked = right_answer(shared, variant, path, "");
        }
        if !misbehaves {
            stream.write_all(&asked.answer())?;
            continue;
        }
        {
            let mut struck = shared.struck.lock().unwrap();
            let times = struck.entry((variant, path.to_owned())).or_default();
            *times += 1;
            asked.time = *times;
        }
        for step in (shared.variants[variant].act)(&asked) {
            take(&mut stream, step)?;
        }
        return stream.shutdown(Shutdown::Both);
    }
    Ok(())
}

fn take(stream: &mut TcpStream, step: Step) -> io::Result<()> {
    let until = Instant::now() + HELD;
    match step {
        Step::Send(bytes) => stream.write_all(&bytes)?,
        Step::Drip(bytes, every) => {
            for byte in bytes {
                thread::sleep(every);
                stream.write_all(&[byte])?;
                if Instant::now() > until {
                    break;
                }
            }
        }
        Step::Repeat(bytes, every) => {
            while Instant::now() < until {
                thread::sleep(every);
                stream.write_all(&bytes)?;
            }
        }
        Step::Hold => {
            stream.set_read_timeout(Some(HELD))?;
            while matches!(stream.read(&mut [0; 1024]), Ok(1..)) {}
        }
        Step::Reset => {
            // What was sent before must have been read.
            thread::sleep(Duration::from_millis(100));
            set_socket_linger(&*stream, Some(Duration::ZERO))?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    }
    Ok(())
}

fn read_head(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let (mut head, mut part) = (Vec::new(), [0; 4096]);
    // Nobody sends anything after it before it was answered.
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut part)? {
            0 => return Ok(None),
            // Somebody wants to speak TLS here.
            _ if part[0] == 0x16 && head.is_empty() => {
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
                return Ok(None);
            }
            length => head.extend_from_slice(&part[..length]),
        }
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

fn right_answer(shared: &Shared, variant: usize, path: &str, head: &str) -> Asked {
    let line = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let mut asked = Asked {
        part: Part::Page,
        has_range: false,
        time: 0,
        status: "404 Not Found",
        headers: Vec::new(),
        body: b"nothing".to_vec(),
        origin: shared.origin.clone(),
        canary: shared.canary.clone(),
    };
    let mut segments = path.split('/');
    let (kind, project) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let Some(files) = shared.projects.get(project) else { return asked };
    let name = segments.next().unwrap_or_default();
    if kind == "simple" {
        asked.headers.push(("Content-Type", "application/vnd.pypi.simple.v1+json".to_owned()));
        asked.body = page(variant, project, files).into_bytes();
    } else {
        let (filename, is_file) =
            name.strip_suffix(".metadata").map_or((name, true), |filename| (filename, false));
        let Some(file) = files.iter().find(|file| file.filename == filename) else { return asked };
        if !is_file && !file.says_so {
            return asked;
        }
        asked.part = if is_file { Part::File } else { Part::Metadata };
        asked.headers.push(("Content-Type", "application/octet-stream".to_owned()));
        asked.body = if is_file { file.bytes.clone() } else { file.metadata.clone().unwrap() };
    }
    asked.status = "200 OK";
    let etag = format!("\"{project}-{name}-{}\"", asked.body.len());
    if asked.part == Part::Page && line("if-none-match").as_deref() == Some(&etag) {
        (asked.status, asked.body) = ("304 Not Modified", Vec::new());
    }
    let range = line("range").filter(|_| line("if-range").is_none_or(|version| version == etag));
    asked.headers.push(("ETag", etag));
    if let Some((from, to)) = range.and_then(|range| bounds(&range, asked.body.len())) {
        let range = format!("bytes {from}-{}/{}", to - 1, asked.body.len());
        asked.headers.push(("Content-Range", range));
        (asked.status, asked.has_range) = ("206 Partial Content", true);
        asked.body = asked.body[from..to].to_vec();
    }
    asked
}

fn page(variant: usize, project: &str, files: &[Good]) -> String {
    let files = files.iter().map(|file| {
        let mut entry = json!({
            "filename": file.filename,
            "url": format!("/{variant}/files/{project}/{}", file.filename),
            "hashes": { "sha256": file.sha256 },
            "size": file.bytes.len(),
            "upload-time": "2026-01-02T03:04:05.000000Z",
        });
        if let Some(metadata) = file.metadata.as_ref().filter(|_| file.says_so) {
            entry["core-metadata"] = json!({ "sha256": sha256_hex(metadata) });
        }
        entry
    });
    let files: Vec<Value> = files.collect();
    json!({ "meta": { "api-version": "1.4" }, "name": project, "files": files }).to_string()
}

/// The bytes that a range means, from the first to the one after the last.
fn bounds(range: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some(match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first.min(size), (last + 1).min(size)),
        (Ok(first), Err(_)) => (first.min(size), size),
        (Err(_), Ok(count)) => (size.saturating_sub(count), size),
        (Err(_), Err(_)) => return None,
    })
}
