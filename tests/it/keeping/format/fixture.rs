//! A small data directory as the first servers left it, packed: `data/`, `token` and `revoked`.
//!
//! It was made by [`make`], with the server of its time, and is never made again: a later format gets a fixture of its
//! own, and this one must go on to open. Its keys and tokens are good for nothing else.

use std::fs;
use std::path::Path;

use depot_tests::{ServerProcess, WheelBuilder};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use super::super::{admin, serve};
use crate::wire::{Wire, record};

/// Format 1, before servers wrote `format`.
pub(super) const FORMAT_1: &[u8] = include_bytes!("../fixtures/format-1.tar.gz");

/// How many files are in it.
pub(super) const FILES: usize = 4;

/// The wheels in it; the second is yanked, the third was copied from another index.
fn wheels() -> [WheelBuilder; FILES] {
    [
        WheelBuilder::new("lid", "1.0").requires_python(">=3.8"),
        WheelBuilder::new("lid", "2.0"),
        WheelBuilder::new("Tea.Pot", "1.2").requires_dist("lid>=0.3"),
        WheelBuilder::new("Tea.Pot", "1.2").build_tag("1"),
    ]
}

/// All that it holds is served, with the facts that were told, and its tokens mean what they meant.
pub(super) fn assert_serves(server: &ServerProcess, token: &str, revoked: &str) {
    let mut wire = Wire::open(server.url(), token).unwrap();
    for wheel in wheels() {
        let bytes = wheel.build();
        assert_eq!(wire.file(&wheel.project(), &wheel.filename()).unwrap(), bytes);
        let listed = wire.page(&wheel.project()).unwrap().files[&wheel.filename()].clone();
        assert_eq!(listed.sha256, depot_tests::sha256_hex(&bytes));
        let is_yanked = wheel.version() == "2.0";
        assert_eq!(listed.yanked.as_deref(), is_yanked.then_some("it leaks"));
        // Known under this token, and no news.
        let answer = wire.put_bytes(&wheel.project(), &wheel.filename(), &bytes).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut thief = Wire::open(server.url(), revoked).unwrap();
        assert_eq!(thief.put_bytes(&wheel.project(), &wheel.filename(), &bytes).unwrap().status, 401);
    }
}

/// Packs a data directory of the server under test. To be kept under a new name, when the format changes.
#[test]
#[ignore = "makes the fixture of a new format: see this file"]
fn make() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let (server, _) = serve(&data_dir);
    let issue = |user: &str| {
        let scope = "read+push+push-new+mirror+yank";
        let args = ["token", "create", "--user", user, "--expires-days", "3650", "--scope", scope];
        admin(&data_dir, args).assert_success()
    };
    let (token, revoked) = (issue("robot"), issue("thief"));
    let id = revoked.stderr.strip_prefix("token ").unwrap().split(' ').next().unwrap().to_owned();
    admin(&data_dir, ["token", "revoke", &id]).assert_success();
    let mut wire = Wire::open(server.url(), token.stdout.trim()).unwrap();
    for wheel in wheels() {
        let (project, filename, bytes) = (wheel.project(), wheel.filename(), wheel.build());
        let sha256 = depot_tests::sha256_hex(&bytes);
        let mut said =
            record(&filename, &sha256, bytes.len(), (wheel.version() == "2.0").then_some("it leaks"));
        if wheel.project() == "tea-pot" {
            said["depot"] = json!({ "v": 1, "origin": { "kind": "mirrored", "index": "https://index.example/simple/",
                "url": format!("https://files.example/{filename}") } });
        }
        assert_eq!(wire.put_record(&project, &filename, &said).unwrap().status, 202);
        assert_eq!(wire.put_bytes(&project, &filename, &bytes).unwrap().status, 201);
    }
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    fs::write(folder.path().join("token"), token.stdout).unwrap();
    fs::write(folder.path().join("revoked"), revoked.stdout).unwrap();
    pack(folder.path(), Path::new("format-new.tar.gz"));
}

fn pack(folder: &Path, to: &Path) {
    let mut archive = tar::Builder::new(GzEncoder::new(fs::File::create(to).unwrap(), Compression::best()));
    for name in ["data", "token", "revoked"] {
        let path = folder.join(name);
        if path.is_dir() {
            archive.append_dir_all(name, path).unwrap();
        } else {
            archive.append_path_with_name(path, name).unwrap();
        }
    }
    archive.into_inner().unwrap().finish().unwrap();
}
