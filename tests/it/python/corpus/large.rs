//! A wheel that is larger than the memory that judging it may take.

use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use depot_tests::{counted, random_bytes};
use sha2::{Digest as _, Sha256};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::python::depot::Depot;

const MIB: usize = 1 << 20;
const FILENAME: &str = "pot-1.0-py3-none-any.whl";

/// What every wheel has beside its `RECORD`.
const SMALL: [(&str, &str); 2] = [
    ("METADATA", "Metadata-Version: 2.1\nName: pot\nVersion: 1.0\n"),
    ("WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n"),
];

/// Writes a good wheel with two members of half of so many MiB each, one stored and one deflated.
fn write_wheel(path: &Path, mib: usize) {
    let mut zip = zip::ZipWriter::new(BufWriter::new(File::create(path).unwrap()));
    let block = random_bytes(MIB, 7);
    let mut record = Vec::new();
    let methods = [("stored", CompressionMethod::Stored), ("deflated", CompressionMethod::Deflated)];
    for (name, method) in methods {
        let options = SimpleFileOptions::default().compression_method(method).compression_level(None);
        zip.start_file(format!("pot/{name}"), options.large_file(true)).unwrap();
        let mut hasher = Sha256::new();
        for _ in 0..mib / 2 {
            zip.write_all(&block).unwrap();
            hasher.update(&block);
        }
        let digest = URL_SAFE_NO_PAD.encode(hasher.finalize());
        writeln!(record, "pot/{name},sha256={digest},{}", mib / 2 * MIB).unwrap();
    }
    for (name, text) in SMALL {
        let name = format!("pot-1.0.dist-info/{name}");
        zip.start_file(&name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
        writeln!(record, "{name},sha256={digest},{}", text.len()).unwrap();
    }
    writeln!(record, "pot-1.0.dist-info/RECORD,,").unwrap();
    zip.start_file("pot-1.0.dist-info/RECORD", SimpleFileOptions::default()).unwrap();
    zip.write_all(&record).unwrap();
    zip.finish().unwrap().flush().unwrap();
}

/// Writes a good wheel with so many members that together have so many MiB, every other one deflated.
fn write_wheel_of_many(path: &Path, members: usize, mib: usize) {
    let mut zip = zip::ZipWriter::new(BufWriter::new(File::create(path).unwrap()));
    let block = random_bytes(MIB, 8);
    let size = mib * MIB / members;
    let mut record = Vec::new();
    let mut add = |name: &str, bytes: &[u8], method| {
        let options = SimpleFileOptions::default().compression_method(method).compression_level(None);
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
        writeln!(record, "{name},sha256={digest},{}", bytes.len()).unwrap();
    };
    for number in 0..members {
        let method = if number % 2 == 0 { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let at = number * 997 % (MIB - size);
        let folder = number / 1000;
        add(
            &format!("pot/folder_{folder}/a_module_with_a_long_name_{number}.py"),
            &block[at..at + size],
            method,
        );
    }
    for (name, text) in SMALL {
        add(&format!("pot-1.0.dist-info/{name}"), text.as_bytes(), CompressionMethod::Deflated);
    }
    writeln!(record, "pot-1.0.dist-info/RECORD,,").unwrap();
    zip.start_file("pot-1.0.dist-info/RECORD", SimpleFileOptions::default()).unwrap();
    zip.write_all(&record).unwrap();
    zip.finish().unwrap().flush().unwrap();
}

/// The most memory the server has had, in bytes.
fn peak(depot: &Depot) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", depot.server().pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn upload(depot: &Depot, path: &Path) -> String {
    let length = fs::metadata(path).unwrap().len();
    let mut stream = TcpStream::connect(depot.url().strip_prefix("http://").unwrap()).unwrap();
    write!(
        stream,
        "PUT /python/simple/pot/{FILENAME} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n",
        depot.token()
    )
    .unwrap();
    std::io::copy(&mut File::open(path).unwrap(), &mut stream).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Publishes a wheel that this writes, and fails if the server's memory grew by more MiB.
#[expect(clippy::print_stderr, reason = "how long it took is worth seeing")]
fn assert_published_within(most: usize, write: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILENAME);
    write(&path);
    let depot = Depot::start();
    let before = peak(&depot);
    let started = Instant::now();
    let answer = upload(&depot, &path);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let grown = peak(&depot).saturating_sub(before);
    eprintln!("published after {:?}, and {} KiB more were needed", started.elapsed(), grown / 1024);
    assert!(grown < (most * MIB) as u64, "the server grew by {grown} bytes");
}

#[test]
fn a_large_wheel_is_judged_in_little_memory() {
    assert_published_within(32, |path| write_wheel(path, 256));
    counted("attack 12", "MiB of a wheel judged in less than 32 MiB of memory", 256);
}

#[test]
fn a_wheel_of_sixty_thousand_members_is_judged_in_little_memory() {
    assert_published_within(64, |path| write_wheel_of_many(path, 60_000, 200));
    counted("attack 12", "members of a wheel of 200 MiB judged in less than 64 MiB of memory", 60_000);
}
