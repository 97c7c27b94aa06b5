//! Real projects as they were recorded (`fixtures/real/record.py` says how): their files' names and what they require.
//!
//! The files themselves are made here: small ones that have the right names and metadata, install, and hold nothing
//! else. So their digests are not those of the real ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::archives::{SdistBuilder, WheelBuilder};
use crate::index::FakeFile;
use crate::process::workspace_root;

/// All recorded projects.
#[derive(Debug)]
pub struct RealProjects {
    /// By normalized name: releases, in no order.
    projects: BTreeMap<String, Value>,
}

impl RealProjects {
    /// The folder of the recording.
    pub fn folder() -> PathBuf {
        workspace_root().join("tests/fixtures/real")
    }

    /// Reads the recording.
    pub fn read() -> Self {
        let file = File::open(Self::folder().join("projects.json.gz")).unwrap();
        Self { projects: serde_json::from_reader(GzDecoder::new(file)).unwrap() }
    }

    /// The normalized names of all projects.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.projects.keys().map(String::as_str)
    }

    /// The files of a project, made anew with the same bytes each time; none where it was not recorded.
    pub fn files(&self, project: &str) -> Option<Vec<FakeFile>> {
        let releases = self.projects.get(project)?.as_array().unwrap();
        let mut files = Vec::new();
        for release in releases {
            for (filename, time) in release["files"].as_object().unwrap() {
                // Where wheels of a release disagree, some have metadata of their own.
                let metadata = release
                    .get("other")
                    .and_then(|other| other.get(filename))
                    .unwrap_or(&release["metadata"]);
                let lines: Vec<&str> =
                    metadata.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                let mut file = file(project, filename, release["version"].as_str().unwrap(), &lines)
                    .upload_time(time.as_str().unwrap());
                if let Some(reason) = release.get("yanked").and_then(Value::as_str) {
                    file = file.yanked(reason);
                }
                files.push(file);
            }
        }
        Some(files)
    }
}

fn file(project: &str, filename: &str, version: &str, lines: &[&str]) -> FakeFile {
    let mut metadata = format!("Metadata-Version: 2.2\nName: {project}\nVersion: {version}\n");
    for line in lines {
        let _ = writeln!(metadata, "{line}");
    }
    let python = lines.iter().find_map(|line| line.strip_prefix("Requires-Python: "));
    let wheel = WheelBuilder::named(filename, metadata.as_str());
    let file = wheel.as_ref().map(FakeFile::from).or_else(|| {
        let sdist = SdistBuilder::named(filename, metadata.as_str())?;
        Some(FakeFile::from(&sdist))
    });
    let file = file.unwrap_or_else(|| panic!("{filename} is neither a wheel nor an sdist that can be made"));
    if let Some(python) = python { file.requires_python(python) } else { file }
}
