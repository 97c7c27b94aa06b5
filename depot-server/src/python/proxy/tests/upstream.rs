//! A package index on this machine that misbehaves as told and remembers what it was asked.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use depot_proto::Sha256Digest;
use serde_json::{Value, json};

/// A way to misbehave at a path.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Status(u16, Option<u64>),
    /// Takes the question and never answers.
    Hang,
    /// So many bytes at a time, with this pause before each.
    Drip(usize, Duration),
    /// Announces the whole and ends after so many bytes.
    CutAt(usize),
    /// One bit is another.
    WrongBytes,
    /// A login page.
    Html,
    Redirect(String),
    /// The body without saying how long it is, up to so many bytes.
    Unannounced(usize),
    /// Announces so many bytes, and ends after so many.
    Short(usize, usize),
}

#[derive(Default)]
struct State {
    /// Body, media type, and entity tag by path.
    content: HashMap<String, (Vec<u8>, &'static str, Option<String>)>,
    /// With how many times it strikes.
    faults: HashMap<String, (Fault, usize)>,
    /// Whether `Range` is understood.
    ranges: bool,
    asked: Vec<Asked>,
}

/// A question as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    headers: HashMap<String, String>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

pub(super) struct TestIndex {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl TestIndex {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { ranges: true, ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream.unwrap(), &shared));
            }
        });
        Self { address, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn put(&self, path: &str, body: impl Into<Vec<u8>>, media_type: &'static str) {
        let body = body.into();
        let etag = format!("\"{}\"", Sha256Digest::of(&body));
        self.state().content.insert(path.to_owned(), (body, media_type, Some(etag)));
    }

    pub(super) fn remove(&self, path: &str) {
        self.state().content.remove(path);
    }

    /// Lists these files, which are entries of a JSON page, and puts their bytes where they are listed.
    pub(super) fn list(&self, files: &[(Value, &[u8])]) {
        let entries: Vec<&Value> = files.iter().map(|(entry, _)| entry).collect();
        let page = json!({ "meta": { "api-version": "1.4" }, "name": super::POT, "files": entries });
        self.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
        for (entry, bytes) in files {
            self.put(entry["url"].as_str().unwrap(), *bytes, "application/octet-stream");
        }
    }

    /// Misbehaves at a path for so many questions.
    pub(super) fn fault(&self, path: &str, fault: Fault, times: usize) {
        self.state().faults.insert(path.to_owned(), (fault, times));
    }

    pub(super) fn heal(&self) {
        self.state().faults.clear();
    }

    pub(super) fn without_ranges(&self) {
        self.state().ranges = false;
    }

    /// What was asked for at a path.
    pub(super) fn asked(&self, path: &str) -> Vec<Asked> {
        self.state().asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    pub(super) fn asked_in_all(&self) -> usize {
        self.state().asked.len()
    }
}

pub(super) const PAGE: &str = "/simple/tea-pot/";

pub(super) fn path_of(filename: &str) -> String {
    format!("/packages/ab/{filename}")
}

/// The entry of a file with everything that there is to say.
pub(super) fn entry(filename: &str, bytes: &[u8]) -> Value {
    json!({
        "filename": filename,
        "url": path_of(filename),
        "hashes": { "sha256": Sha256Digest::of(bytes).to_string() },
        "size": bytes.len(),
        "upload-time": "2026-01-02T03:04:05.000000Z",
        "yanked": false,
    })
}

/// That of a file of which nothing but the address is known.
pub(super) fn bare_entry(filename: &str) -> Value {
    json!({ "filename": filename, "url": path_of(filename), "hashes": {} })
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some(asked) = read_question(&mut stream) else { return };
    let (found, fault, ranges) = {
        let mut state = state.lock().unwrap();
        state.asked.push(asked.clone());
        let fault = match state.faults.get_mut(&asked.path) {
            Some((fault, times)) if *times > 0 => {
                *times -= 1;
                Some(fault.clone())
            }
            _ => None,
        };
        (state.content.get(&asked.path).cloned(), fault, state.ranges)
    };
    // Whoever asked may have gone, which is what some tests are about.
    let _ = answer(&mut stream, &asked, found, fault.as_ref(), ranges);
}

fn answer(
    stream: &mut TcpStream,
    asked: &Asked,
    found: Option<(Vec<u8>, &'static str, Option<String>)>,
    fault: Option<&Fault>,
    ranges: bool,
) -> std::io::Result<()> {
    let head = |status: u16, length: usize, more: &str| {
        format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n")
            .into_bytes()
    };
    match fault {
        Some(Fault::Status(status, retry_after)) => {
            let more = retry_after.map(|wait| format!("Retry-After: {wait}\r\n")).unwrap_or_default();
            return stream.write_all(&head(*status, 0, &more));
        }
        Some(Fault::Hang) => {
            thread::sleep(Duration::from_secs(8));
            return Ok(());
        }
        Some(Fault::Html) => {
            let login = b"<!DOCTYPE html><html><body><a href=\"/login\">Log in</a></body></html>";
            stream.write_all(&head(200, login.len(), "Content-Type: text/html\r\n"))?;
            return stream.write_all(login);
        }
        Some(Fault::Redirect(to)) => return stream.write_all(&head(302, 0, &format!("Location: {to}\r\n"))),
        _ => {}
    }
    let Some((mut body, media_type, etag)) = found else { return stream.write_all(&head(404, 0, "")) };
    let mut more = format!("Content-Type: {media_type}\r\n");
    if let Some(etag) = &etag {
        more.extend(["ETag: ", etag, "\r\n"]);
        if asked.header("if-none-match") == Some(etag) {
            return stream.write_all(&head(304, 0, &more));
        }
    }
    if matches!(fault, Some(Fault::WrongBytes)) {
        let middle = body.len() / 2;
        body[middle] ^= 1;
    }
    let range = asked.header("range").filter(|_| ranges).and_then(|range| part(range, body.len()));
    let mut status = 200;
    if let Some((start, end)) = range {
        status = 206;
        let range = format!("Content-Range: bytes {start}-{}/{}\r\n", end - 1, body.len());
        more.push_str(&range);
        body = body[start..end].to_vec();
    }
    match fault {
        Some(Fault::CutAt(at)) => {
            stream.write_all(&head(status, body.len(), &more))?;
            stream.write_all(&body[..(*at).min(body.len())])
        }
        Some(Fault::Short(announced, at)) => {
            stream.write_all(&head(status, *announced, &more))?;
            stream.write_all(&body[..*at])
        }
        Some(Fault::Unannounced(at)) => {
            stream.write_all(format!("HTTP/1.1 200 X\r\nConnection: close\r\n{more}\r\n").as_bytes())?;
            stream.write_all(&body[..(*at).min(body.len())])
        }
        Some(Fault::Drip(bytes, pause)) => {
            stream.write_all(&head(status, body.len(), &more))?;
            for piece in body.chunks(*bytes) {
                thread::sleep(*pause);
                stream.write_all(piece)?;
            }
            Ok(())
        }
        _ => {
            stream.write_all(&head(status, body.len(), &more))?;
            stream.write_all(&body)
        }
    }
}

fn part(range: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some(match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, (last + 1).min(size)),
        (Ok(first), Err(_)) => (first, size),
        (Err(_), Ok(count)) => (size.saturating_sub(count), size),
        (Err(_), Err(_)) => return None,
    })
}

fn read_question(stream: &mut TcpStream) -> Option<Asked> {
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
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Some(Asked { path, headers })
}

/// A wheel with this much besides its metadata; a zip of stored members.
pub(super) fn wheel(version: &str, ballast: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let noise: Vec<u8> = (0..ballast)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let (folder, metadata) = (format!("tea_pot-{version}.dist-info"), metadata(version));
    let wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    zip(&[
        ("tea_pot/noise.bin".to_owned(), noise),
        (format!("{folder}/WHEEL"), wheel.into()),
        (format!("{folder}/METADATA"), metadata.into_bytes()),
        (format!("{folder}/RECORD"), Vec::new()),
    ])
}

pub(super) fn metadata(version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: tea-pot\nVersion: {version}\nRequires-Python: >=3.9\n")
}

fn zip(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let offset = file.len() as u32;
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x5a]);
        common.extend(crc.sum().to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(bytes);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, count) = (file.len() as u32, members.len() as u16);
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend((directory.len() as u32).to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}
