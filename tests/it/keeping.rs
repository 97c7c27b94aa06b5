//! Keeping data: scrub, gc, export, import, backup, and the format of the data directory, with real processes.

mod backup;
mod export;
mod format;
mod gc;
mod places;
mod record;
mod scrub;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use depot_tests::{Output, ServerProcess, WheelBuilder, binary, run, sha256_hex};
use depot_tree::{Finding, Tree};
use serde_json::Value;

use crate::wire::Wire;

/// A file that was uploaded.
#[derive(Clone, Debug)]
struct Uploaded {
    project: String,
    filename: String,
    bytes: Vec<u8>,
}

impl Uploaded {
    fn sha256(&self) -> String {
        sha256_hex(&self.bytes)
    }

    /// Where its bytes lie.
    fn path(&self, data_dir: &Path) -> PathBuf {
        data_dir.join("repositories/python/files").join(&self.project).join(&self.filename)
    }

    /// Where its record or its metadata lies.
    fn part(&self, data_dir: &Path, suffix: &str) -> PathBuf {
        let mut path = self.path(data_dir).into_os_string();
        path.push(suffix);
        path.into()
    }

    fn url(&self) -> String {
        format!("/python/files/{}/{}", self.project, self.filename)
    }
}

fn command<S: AsRef<OsStr>>(data_dir: &Path, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(binary("depot-server"));
    command.env_clear().args(args).arg("--data-dir").arg(data_dir);
    command
}

/// Runs an admin verb over a data directory.
fn admin<S: AsRef<OsStr>>(data_dir: &Path, args: impl IntoIterator<Item = S>) -> Output {
    run(&mut command(data_dir, args))
}

/// A server over a folder, and a connection with its administrator's token.
fn serve(data_dir: &Path) -> (ServerProcess, Wire) {
    let server = ServerProcess::start(data_dir, [""; 0]);
    let wire = Wire::open(server.url(), &server.token()).unwrap();
    (server, wire)
}

fn upload(wire: &mut Wire, wheel: &WheelBuilder) -> Uploaded {
    let file = Uploaded { project: wheel.project(), filename: wheel.filename(), bytes: wheel.build() };
    let answer = wire.put_bytes(&file.project, &file.filename, &file.bytes).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    file
}

/// Wheels of several projects, each of some kilobytes.
fn upload_some(wire: &mut Wire, number: usize) -> Vec<Uploaded> {
    let wheel = |number: usize| {
        WheelBuilder::new(&format!("kept-{}", number % 7), &format!("1.{}", number / 7)).random_file(
            "data.bin",
            number * 97,
            number as u64,
        )
    };
    (0..number).map(|number| upload(wire, &wheel(number))).collect()
}

/// The file is on its page with its digest, and served.
#[track_caller]
fn assert_served(wire: &mut Wire, file: &Uploaded) {
    let page = wire.page(&file.project).unwrap();
    let listed = page.files.get(&file.filename).map(|listed| listed.sha256.clone());
    assert_eq!(listed, Some(file.sha256()), "{}", file.filename);
    assert_eq!(sha256_hex(&wire.file(&file.project, &file.filename).unwrap()), file.sha256());
}

/// The file is on its page with its digest, and answered with what is the matter.
#[track_caller]
fn assert_damaged(wire: &mut Wire, file: &Uploaded) {
    let page = wire.page(&file.project).unwrap();
    let listed = page.files.get(&file.filename).map(|listed| listed.sha256.clone());
    assert_eq!(listed, Some(file.sha256()), "{} stays on its page", file.filename);
    for range in ["", "Range: bytes=0-0\r\n"] {
        let headers = format!("Accept: application/json\r\n{range}");
        let answer = wire.request("GET", &file.url(), &headers, b"").unwrap();
        assert_eq!(answer.status, 503, "{}: {}", file.filename, answer.text());
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["code"], "file-damaged", "{problem}");
    }
}

/// Every record's bytes are right.
#[track_caller]
fn assert_tree_is_right(data_dir: &Path) -> usize {
    let tree = Tree::open_read_only(data_dir.join("repositories/python"));
    let mut files = 0;
    for project in tree.projects().unwrap() {
        for filename in tree.filenames(&project).unwrap() {
            assert_eq!(tree.verify(&project, &filename).unwrap(), Finding::Right, "{filename}");
            files += 1;
        }
        assert_eq!(tree.strays(&project).unwrap(), [""; 0]);
    }
    files
}

/// Every file under a folder with its content, but for the store, whose files change by being opened.
fn everything_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_type().unwrap().is_file() {
                found.push((entry.path(), fs::read(entry.path()).unwrap()));
            }
        }
    }
    found.sort();
    found
}
