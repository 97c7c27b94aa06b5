//! Locks: what is saved of them, and how they lead to a server and back.

mod output;
mod packages;
mod project;
mod relock;
mod saving;
mod set;
mod tools;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use depot_tests::{FakeFile, FakeIndex, SdistBuilder, Style, WheelBuilder, sha256_hex};

use super::saved::Saved;

/// A wheel that requires another, an sdist, a file at another host, and versions that no lock names.
fn upstream() -> FakeIndex {
    FakeIndex::builder(Style::Json)
        .wheel(&pot())
        .sdist(&SdistBuilder::new("tea.pot", "1.0").requires_dist("lid>=1").requires_dist("spout-tools"))
        .wheel(&WheelBuilder::new("tea.pot", "0.9"))
        .file("lid", FakeFile::from(&lid()).foreign())
        .sdist(&spout())
        .wheel(&WheelBuilder::new("other", "1"))
        .start()
}

fn pot() -> WheelBuilder {
    WheelBuilder::new("tea.pot", "1.0").requires_dist("lid>=1").requires_dist("spout-tools")
}

fn lid() -> WheelBuilder {
    WheelBuilder::new("lid", "1.0+lab.2").requires_python(">=3.8")
}

fn spout() -> SdistBuilder {
    SdistBuilder::new("spout-tools", "1!2.0").requires_python(">=3.8")
}

/// A `pylock.toml`, written package by package.
struct Pylock(String);

impl Pylock {
    fn new() -> Self {
        Self("lock-version = \"1.0\"\ncreated-by = \"a test\"\n".to_owned())
    }

    /// Adds a package of one wheel: where it is (`url = "..."`), and its digest.
    fn wheel(mut self, wheel: &WheelBuilder, address: &str, sha256: &str) -> Self {
        let (project, version, name) = (wheel.project(), wheel.version(), wheel.filename());
        let _ = write!(
            self.0,
            "\n[[packages]]\nname = \"{project}\"\nversion = \"{version}\"\n\
             wheels = [{{ name = \"{name}\", {address} hashes = {{ sha256 = \"{sha256}\" }} }}]\n"
        );
        self
    }

    /// Writes it beside the tree, under this name.
    fn write(&self, saved: &Saved, name: &str) -> PathBuf {
        let path = saved.around().join(name);
        fs::write(&path, &self.0).unwrap();
        path
    }
}

/// The digest of a wheel's bytes.
fn sha256(wheel: &WheelBuilder) -> String {
    sha256_hex(&wheel.build())
}
