//! How much the server's memory grows by one file that is as large as it takes.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use depot_tests::{ServerProcess, random_bytes, sha256_hex};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{packages, process::memory_of};

/// Random bytes inside, in MiB: the wheel stays just below the 2 GiB that a server takes as it comes.
const MIB: u64 = 2047;
const FILENAME: &str = "huge-1.0-py3-none-any.whl";

/// What was measured.
pub(crate) struct Memory {
    /// The size of the file, in bytes.
    pub(crate) size: u64,
    /// The most memory the server had had before, in KiB.
    pub(crate) before: u64,
    /// The same after the upload.
    pub(crate) uploaded: u64,
    /// The same after the download.
    pub(crate) downloaded: u64,
    pub(crate) upload_seconds: f64,
    pub(crate) download_seconds: f64,
}

/// Pushes one wheel to a fresh server and fetches it again.
pub(crate) fn measure(folder: &Path) -> Memory {
    let tree = folder.join("tree");
    let (size, sha256) = save(&tree);
    let data_dir = folder.join("data");
    let server = ServerProcess::start(&data_dir, ["--host", "127.0.0.1"]);
    // A small push first, so that what grows is the file's doing and not that of the first request.
    let small = folder.join("small");
    packages::save_project(&small, "small", 3, |_| 100);
    packages::push(&small, &server);
    let peak = || memory_of(server.pid(), "VmHWM");
    let before = peak();
    let started = Instant::now();
    packages::push(&tree, &server);
    let (upload_seconds, uploaded) = (started.elapsed().as_secs_f64(), peak());
    let started = Instant::now();
    let fetched = fetch(server.url(), &format!("/python/files/huge/{FILENAME}"));
    let (download_seconds, downloaded) = (started.elapsed().as_secs_f64(), peak());
    assert_eq!(fetched, (size, sha256), "what came back is not what was sent");
    eprintln!("memory: {before} KiB before, {uploaded} after the upload, {downloaded} after the download");
    assert!(server.terminate().success());
    fs::remove_dir_all(data_dir).unwrap();
    Memory { size, before, uploaded, downloaded, upload_seconds, download_seconds }
}

/// Puts the wheel into a saved tree, a mebibyte at a time; its size and its digest.
fn save(root: &Path) -> (u64, String) {
    let folder = root.join("files/huge");
    fs::create_dir_all(&folder).unwrap();
    let metadata = "Metadata-Version: 2.1\nName: huge\nVersion: 1.0\n";
    let path = folder.join(FILENAME);
    let mut zip = ZipWriter::new(BufWriter::with_capacity(1 << 20, File::create(&path).unwrap()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip.start_file("huge/data.bin", stored).unwrap();
    for seed in 0..MIB {
        zip.write_all(&random_bytes(1 << 20, seed)).unwrap();
    }
    for (name, text) in [
        ("METADATA", metadata),
        ("WHEEL", "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        // Whether an installer would like it is not asked here: nothing is installed.
        ("RECORD", "huge/data.bin,,\nhuge-1.0.dist-info/RECORD,,\n"),
    ] {
        zip.start_file(format!("huge-1.0.dist-info/{name}"), stored).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().flush().unwrap();
    let (size, sha256) = digest(&mut File::open(&path).unwrap());
    let record = json!({
        "filename": FILENAME,
        "hashes": { "sha256": sha256 },
        "size": size,
        "core-metadata": { "sha256": sha256_hex(metadata.as_bytes()) },
        "depot": { "v": 1 },
    });
    fs::write(folder.join(format!("{FILENAME}.metadata")), metadata).unwrap();
    fs::write(folder.join(format!("{FILENAME}.json")), record.to_string()).unwrap();
    (size, sha256)
}

/// The length and the digest of what is served at a path.
fn fetch(url: &str, path: &str) -> (u64, String) {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    digest(&mut stream)
}

fn digest(from: &mut dyn std::io::Read) -> (u64, String) {
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        match from.read(&mut buffer).unwrap() {
            0 => break,
            read => {
                hasher.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
    let mut sha256 = String::new();
    for byte in hasher.finalize() {
        let _ = write!(sha256, "{byte:02x}");
    }
    (size, sha256)
}
