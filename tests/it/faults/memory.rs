//! Many large files at once, in a bounded memory.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use depot_proto::Sha256Hasher;
use depot_tests::{ServerProcess, counted, skipped};
use serde_json::json;
use tempfile::tempdir;

use super::say;
use super::shim::serve;
use super::world::open;
use crate::wire::record;

const MIB: u64 = 1 << 20;

/// A file that is not held anywhere: the same block again and again. Being mirrored, it need not be a wheel.
struct Large {
    number: u64,
    mib: u64,
}

impl Large {
    fn block(&self) -> Vec<u8> {
        depot_tests::random_bytes(MIB as usize, self.number)
    }

    fn project(&self) -> String {
        format!("large-{}", self.number)
    }

    fn filename(&self) -> String {
        format!("large_{}-1.0-py3-none-any.whl", self.number)
    }

    fn sha256(&self) -> String {
        let (block, mut hasher) = (self.block(), Sha256Hasher::new());
        (0..self.mib).for_each(|_| hasher.update(&block));
        hasher.finish().to_string()
    }

    fn upload(&self, server: &ServerProcess) -> io::Result<()> {
        let length = self.mib * MIB;
        let mut record = record(&self.filename(), &self.sha256(), length as usize, None);
        let url = "https://files.example/large";
        record["depot"] = json!({ "v": 1, "origin": { "kind": "mirrored", "index": "https://index.example/simple/", "url": url } });
        let answer = open(server).put_record(&self.project(), &self.filename(), &record)?;
        assert_eq!(answer.status, 202, "{}", answer.text());
        let mut stream = TcpStream::connect(server.url().strip_prefix("http://").unwrap())?;
        let (path, token) =
            (format!("/python/simple/{}/{}", self.project(), self.filename()), server.token());
        write!(
            stream,
            "PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )?;
        let block = self.block();
        for _ in 0..self.mib {
            stream.write_all(&block)?;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        Ok(())
    }

    fn download(&self, server: &ServerProcess) -> io::Result<()> {
        let stream = TcpStream::connect(server.url().strip_prefix("http://").unwrap())?;
        write!(
            &stream,
            "GET /python/files/{}/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            self.project(),
            self.filename()
        )?;
        let mut reader = BufReader::with_capacity(MIB as usize, stream);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let block = self.block();
        let mut read = vec![0; block.len()];
        for _ in 0..self.mib {
            reader.read_exact(&mut read)?;
            assert!(read == block, "wrong bytes");
        }
        assert_eq!(reader.read(&mut read)?, 0);
        Ok(())
    }
}

/// The most memory that a process has had, in KiB.
fn high_water(server: &ServerProcess) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// Uploads and downloads so many files of so many MiB at once, and returns by how many KiB the server grew.
fn growth(server: &ServerProcess, at_once: u64, mib: u64) -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let files: Vec<Large> =
        (0..at_once).map(|_| Large { number: NUMBER.fetch_add(1, Ordering::Relaxed), mib }).collect();
    let before = high_water(server);
    thread::scope(|scope| {
        for file in &files {
            scope.spawn(|| {
                file.upload(server).unwrap();
                file.download(server).unwrap();
            });
        }
    });
    high_water(server) - before
}

fn bounded(one: u64, eight: u64) {
    let folder = tempdir().unwrap();
    let server = ServerProcess::start_command(serve(folder.path()), folder.path());
    // What is allocated once is not what is asked about.
    growth(&server, 1, 1);
    for (at_once, mib, bound) in [(1, one, 32), (8, eight, 160)] {
        let grown = growth(&server, at_once, mib);
        say(format!("{at_once} x {mib} MiB up and down: the server grew by {grown} KiB"));
        assert!(grown < bound * 1024, "{at_once} x {mib} MiB: grew by {grown} KiB");
        counted(
            "fault 10",
            &format!("KiB that a server grew by, moving {at_once} x {mib} MiB up and down"),
            grown,
        );
    }
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn memory_does_not_grow_with_the_size_of_files() {
    bounded(256, 64);
}

mod long {
    use super::*;

    #[test]
    #[ignore = "part of make test-faults"]
    fn memory_does_not_grow_with_the_size_of_very_large_files() {
        bounded(2048, 1024);
    }

    /// A control group of its own; it is removed at the end.
    struct Group(std::path::PathBuf);

    impl Group {
        fn new(bytes: u64) -> Option<Self> {
            let name = format!("depot-test-{}", std::process::id());
            // The second version of control groups, and the first.
            let places = [("", "memory.max"), ("memory", "memory.limit_in_bytes")];
            places.into_iter().find_map(|(folder, limit)| {
                let path = Path::new("/sys/fs/cgroup").join(folder).join(&name);
                fs::create_dir(&path).ok()?;
                let group = Self(path);
                // The folder is a group if the kernel put files into it.
                let file = fs::File::options().write(true).open(group.0.join(limit));
                file.ok()?.write_all(bytes.to_string().as_bytes()).ok()?;
                Some(group)
            })
        }
    }

    impl Drop for Group {
        fn drop(&mut self) {
            let _ = fs::remove_dir(&self.0);
        }
    }

    #[test]
    #[ignore = "part of make test-faults"]
    fn a_server_that_may_have_192_mib_moves_gigabytes() {
        let Some(group) = Group::new(192 * MIB) else {
            return skipped("a server in 192 MiB: no control group can be made here");
        };
        let folder = tempdir().unwrap();
        let server = ServerProcess::start_command(serve(folder.path()), folder.path());
        fs::write(group.0.join("cgroup.procs"), server.pid().to_string()).unwrap();
        let grown = growth(&server, 8, 512);
        counted(
            "fault 10",
            "KiB that a server bound to 192 MiB grew by, moving 8 x 512 MiB up and down",
            grown,
        );
        assert_eq!(server.terminate().code(), Some(0));
    }
}
