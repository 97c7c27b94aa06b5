//! A data directory that was in use, and what must hold of any copy of it, however damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use depot_tests::{ServerProcess, WheelBuilder, binary, run, sha256_hex};
use tempfile::TempDir;

use crate::wire::Wire;

/// A start that takes longer is no start: even in a debug build, even while other tests run.
const READY: Duration = Duration::from_secs(15);

/// A file that was uploaded.
pub(super) struct Uploaded {
    pub(super) project: String,
    pub(super) filename: String,
    pub(super) sha256: String,
}

/// The data directory of a server that was stopped as it should be.
pub(super) struct Fixture {
    folder: TempDir,
    pub(super) files: Vec<Uploaded>,
    pub(super) live: Token,
    pub(super) revoked: Token,
    /// The twin of the revoked token, as it was before that.
    pub(super) twin_before: Vec<u8>,
}

/// A token and its id.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) id: String,
}

/// A copy, to be damaged.
pub(super) struct Copied(TempDir);

fn admin(data_dir: &Path, args: &[&str]) -> depot_tests::Output {
    let mut command = Command::new(binary("depot-server"));
    command.env_clear().args(args).arg("--data-dir").arg(data_dir);
    run(&mut command).assert_success()
}

fn issue(data_dir: &Path, user: &str) -> Token {
    let output = admin(data_dir, &["token", "create", "--user", user]);
    let id = output.stderr.strip_prefix("token ").unwrap().split(' ').next().unwrap().to_owned();
    Token { text: output.stdout.trim().to_owned(), id }
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let server = ServerProcess::start(path, [""; 0]);
        let (live, revoked) = (issue(path, "robot"), issue(path, "thief"));
        let mut wire = Wire::open(server.url(), &live.text).unwrap();
        let mut files = Vec::new();
        for number in 0..36 {
            let project = format!("kept-{}", number % 12);
            let wheel = WheelBuilder::new(&project, &format!("1.{}", number / 12));
            files.push(upload(&mut wire, &wheel));
        }
        let twin_before = fs::read(twin(path, &revoked)).unwrap();
        admin(path, &["token", "revoke", &revoked.id]);
        assert_eq!(server.terminate().code(), Some(0));
        // A second life, so that the store has a snapshot of the first.
        let server = ServerProcess::start(path, [""; 0]);
        let mut wire = Wire::open(server.url(), &live.text).unwrap();
        files.push(upload(&mut wire, &WheelBuilder::new("kept-0", "2.0")));
        drop(wire);
        assert_eq!(server.terminate().code(), Some(0));
        Self { folder, files, live, revoked, twin_before }
    }

    pub(super) fn copy(&self) -> Copied {
        let copied = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), copied.path());
        Copied(copied)
    }

    /// Starts a server over a copy and sees that all is there and works, at once and after another start. Returns what
    /// the server said at the first.
    pub(super) fn assert_mended(&self, copied: &Copied, what: &str) -> String {
        let began = Instant::now();
        let server = ServerProcess::start(copied.path(), [""; 0]);
        let mut wire = Wire::open(server.url(), &self.live.text).unwrap();
        assert_eq!(wire.request("GET", "/readyz", "", b"").unwrap().status, 200, "{what}");
        let took = began.elapsed();
        assert!(took < READY, "{what}: ready after {took:?}");
        self.assert_serves(&mut wire, what);
        // The page was read above: a new file must show although the old page is in memory.
        let new = self.assert_takes_uploads(&server, what);
        drop(wire);
        let said = server.stderr();
        assert_eq!(server.terminate().code(), Some(0), "{what}");

        let server = ServerProcess::start(copied.path(), [""; 0]);
        let mut wire = Wire::open(server.url(), &self.live.text).unwrap();
        self.assert_serves(&mut wire, what);
        assert_served(&mut wire, &new, what);
        self.assert_takes_uploads(&server, what);
        said
    }

    /// Every file is on its page and served.
    pub(super) fn assert_serves(&self, wire: &mut Wire, what: &str) {
        for file in &self.files {
            assert_served(wire, file, what);
        }
    }

    /// The live token uploads, the revoked one does not.
    pub(super) fn assert_takes_uploads(&self, server: &ServerProcess, what: &str) -> Uploaded {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let wheel = WheelBuilder::new("kept-1", &format!("3.{number}"));
        let mut thief = Wire::open(server.url(), &self.revoked.text).unwrap();
        let refused = thief.put_bytes("kept-1", &wheel.filename(), &wheel.build()).unwrap();
        assert_eq!(refused.status, 401, "{what}: {}", refused.text());
        let mut wire = Wire::open(server.url(), &self.live.text).unwrap();
        let before = wire.page("kept-1").unwrap().serial;
        let new = upload(&mut wire, &wheel);
        assert_served(&mut wire, &new, what);
        let after = wire.page("kept-1").unwrap().serial;
        assert!(after > before, "{what}: the serial went from {before} to {after}");
        new
    }
}

impl Copied {
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn store(&self) -> PathBuf {
        self.path().join("store/sled")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.path().join("journal/changes.jsonl")
    }

    pub(super) fn twin(&self, token: &Token) -> PathBuf {
        twin(self.path(), token)
    }

    /// Where a file's record lies.
    pub(super) fn record(&self, file: &Uploaded) -> PathBuf {
        let folder = self.path().join("repositories/python/files").join(&file.project);
        folder.join(format!("{}.json", file.filename))
    }
}

fn twin(data_dir: &Path, token: &Token) -> PathBuf {
    data_dir.join("state/tokens").join(format!("{}.json", token.id))
}

pub(super) fn upload(wire: &mut Wire, wheel: &WheelBuilder) -> Uploaded {
    let (project, filename, bytes) = (wheel.project(), wheel.filename(), wheel.build());
    let response = wire.put_bytes(&project, &filename, &bytes).unwrap();
    assert_eq!(response.status, 201, "{}", response.text());
    Uploaded { project, filename, sha256: sha256_hex(&bytes) }
}

pub(super) fn assert_served(wire: &mut Wire, file: &Uploaded, what: &str) {
    let page = wire.page(&file.project).unwrap();
    let listed = page.files.get(&file.filename).map(|listed| &listed.sha256);
    assert_eq!(listed, Some(&file.sha256), "{what}: {}", file.filename);
    let bytes = wire.file(&file.project, &file.filename).unwrap();
    assert_eq!(sha256_hex(&bytes), file.sha256, "{what}: {}", file.filename);
}

pub(super) fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
