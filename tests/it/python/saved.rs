//! A saved tree for one test, and the commands that fill and push it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use depot_tests::{FakeIndex, Output, depot_command, run};
use serde_json::Value;
use tempfile::TempDir;

use super::depot::Depot;

/// What [`Saved::solve`] saves for.
pub(super) const TARGET: &str = "cp312-manylinux_2_28_x86_64";

/// A tree in the folder `tree` of an otherwise empty one; it is not there before something is saved.
#[derive(Debug)]
pub(super) struct Saved(TempDir);

impl Saved {
    pub(super) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// The folder around the tree.
    pub(super) fn around(&self) -> &Path {
        self.0.path()
    }

    /// The root of the tree.
    pub(super) fn root(&self) -> PathBuf {
        self.0.path().join("tree")
    }

    /// `depot python save` from this URL, to be run or changed: all files of what is named, and nothing that it requires. So
    /// a test says what is saved, wherever it runs.
    pub(super) fn save_command(&self, url: &str, args: &[&str]) -> Command {
        self.solve_command(url, &[&["--no-deps", "--all-files"], args].concat())
    }

    /// Runs `depot python save` from this index: all files of what is named.
    pub(super) fn save(&self, index: &FakeIndex, args: &[&str]) -> Output {
        run(&mut self.save_command(&index.url(), args))
    }

    /// `depot python save` from this URL, to be run or changed: what is named and all that it requires.
    pub(super) fn solve_command(&self, url: &str, args: &[&str]) -> Command {
        let mut command = depot_command(["python", "save", "--index-url", url]);
        command.arg("--dir").arg(self.root()).args(args);
        command
    }

    /// Runs `depot python save` from this index, with all that is required; for one target, unless others are named.
    pub(super) fn solve(&self, index: &FakeIndex, args: &[&str]) -> Output {
        let is_named = |arg: &&str| ["--target", "--python", "--platform", "--universal"].contains(arg);
        let target: &[&str] = if args.iter().any(is_named) { &[] } else { &["--target", TARGET] };
        run(&mut self.solve_command(&index.url(), &[target, args].concat()))
    }

    /// `depot python push` to this URL, to be run or changed.
    pub(super) fn push_command(&self, url: &str, args: &[&str]) -> Command {
        let mut command = depot_command(["python", "push", url]);
        command.arg("--dir").arg(self.root()).args(args);
        command
    }

    /// Runs `depot python push` to this server as its administrator.
    pub(super) fn push(&self, depot: &Depot, args: &[&str]) -> Output {
        run(self.push_command(depot.url(), args).env("DEPOT_AUTH_TOKEN", depot.token()))
    }

    /// The path of something stored of a project.
    pub(super) fn path(&self, project: &str, stored: &str) -> PathBuf {
        self.root().join("files").join(project).join(stored)
    }

    /// What is stored under this name.
    pub(super) fn stored(&self, project: &str, stored: &str) -> Option<Vec<u8>> {
        fs::read(self.path(project, stored)).ok()
    }

    /// The record of a file.
    #[track_caller]
    pub(super) fn record(&self, project: &str, filename: &str) -> Value {
        let document = self.stored(project, &format!("{filename}.json"));
        serde_json::from_slice(&document.unwrap_or_else(|| panic!("{filename} has no record"))).unwrap()
    }

    /// The files of a project that have a record, sorted.
    pub(super) fn filenames(&self, project: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root().join("files").join(project)) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> =
            names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
        names.sort_unstable();
        names
    }
}

/// What a command printed as its result.
#[track_caller]
pub(super) fn result(output: &Output) -> Value {
    serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", output.stdout, output.stderr))
}

/// How often a project's file was asked for its bytes.
pub(super) fn downloads(index: &FakeIndex) -> usize {
    let requests = index.requests();
    let bytes = requests.iter().filter(|request| {
        request.method == "GET" && request.path.starts_with("/files/") && !request.path.ends_with(".metadata")
    });
    bytes.count()
}
