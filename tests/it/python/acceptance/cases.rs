//! What cannot be had: a person is told what, why, and what to do; the exit code says it to programs; and everything else
//! is saved, whole, and installs.

mod circles;
mod conflicts;
mod digests;
mod files;
mod midway;
mod releases;

use std::fs;
use std::path::PathBuf;

use depot_tests::{Clients, FakeIndex, FakeIndexBuilder, Output, Room, Style, WheelBuilder, sha256_hex};

use super::{Depot, Saved};

/// The targets of the cases where targets differ: linux, windows and macos.
const TARGETS: [&str; 6] = [
    "--target",
    "cp312-manylinux_2_28_x86_64",
    "--target",
    "cp312-win_amd64",
    "--target",
    "cp311-macosx_14_0_arm64",
];

/// A pure wheel that requires these.
fn wheel(name: &str, version: &str, requires: &[&str]) -> WheelBuilder {
    requires.iter().fold(WheelBuilder::new(name, version), |wheel, one| wheel.requires_dist(one))
}

/// An index with what is asked for beside every case: `good`, which requires `leaf`.
fn index(wheels: &[WheelBuilder]) -> FakeIndexBuilder {
    let index = FakeIndex::builder(Style::Json)
        .wheel(&wheel("good", "1.0", &["leaf"]))
        .wheel(&wheel("leaf", "1", &[]))
        .wheel(&wheel("leaf", "2", &[]));
    wheels.iter().fold(index, FakeIndexBuilder::wheel)
}

/// What came of a case.
struct Came {
    saved: Saved,
    said: Output,
}

/// Saves this beside `good`.
fn save(index: &FakeIndex, args: &[&str], code: i32) -> Came {
    let saved = Saved::new();
    let said = saved.solve(index, &[&["good"], args].concat()).assert_code(code);
    Came { saved, said }
}

impl Came {
    /// Fails unless a line begins so and has all these words.
    #[track_caller]
    fn says(&self, start: &str, words: &[&str]) {
        let lines: Vec<_> = self.said.stderr.lines().filter(|line| line.starts_with(start)).collect();
        let [line] = lines[..] else {
            panic!("one line begins with `{start}`, and not {}:\n{}", lines.len(), self.said.stderr)
        };
        for words in words {
            assert!(line.contains(words), "`{words}` is not in: {line}");
        }
    }

    /// Fails unless so many things failed, and the last line says it.
    #[track_caller]
    fn failed(&self, number: usize) {
        let errors = self.said.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, number, "{}", self.said.stderr);
        let last = self.said.stderr.lines().last().unwrap();
        assert_eq!(last.contains(&format!("{number} failed")), number > 0, "{last}");
    }

    /// Fails unless this is saved of the projects: whole, and with nothing of a file that has no record.
    #[track_caller]
    fn has(&self, expected: &[(&str, &[&str])]) {
        for (project, files) in expected {
            assert_eq!(self.saved.filenames(project), *files, "{project}: {}", self.said.stderr);
        }
        assert_whole(&self.saved);
    }

    /// Pushes what is saved, and installs `good` and these from the server alone, with uv and pip in turns.
    #[track_caller]
    fn installs(&self, projects: &[&str]) -> Option<Room> {
        let clients = Clients::find()?;
        let depot = Depot::start();
        self.saved.push(&depot, &[]).assert_success();
        let url = format!("{}/python/simple/", depot.url());
        let (with_uv, with_pip) = (clients.room(), clients.room());
        with_uv.uv_install(&url, [&["good"], projects].concat()).assert_success();
        with_pip.pip_install(&url, [&["good"], projects].concat()).assert_success();
        assert_eq!(with_uv.installed_version("good"), "1.0");
        assert_eq!(with_pip.installed_version("leaf"), with_uv.installed_version("leaf"));
        Some(with_pip)
    }
}

/// Fails unless every file of a tree has a record with its digest.
#[track_caller]
fn assert_whole(saved: &Saved) {
    for path in files(saved) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let project = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let record = saved.record(project, name);
        assert_eq!(record["hashes"]["sha256"], sha256_hex(&fs::read(&path).unwrap()), "{name}");
    }
}

/// The distributions in a tree, in order.
fn files(saved: &Saved) -> Vec<PathBuf> {
    let Ok(projects) = fs::read_dir(saved.root().join("files")) else { return Vec::new() };
    let of = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_distribution =
        |path: &PathBuf| path.extension().is_some_and(|end| end == "whl" || end == "gz" || end == "zip");
    let mut files: Vec<_> =
        projects.flat_map(|project| of(project.unwrap().path())).filter(is_distribution).collect();
    files.sort();
    files
}
