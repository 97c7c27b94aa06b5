//! Fault 24: the format of the data directory, from the first version to those to come.

mod fixture;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use depot_tests::{ServerProcess, counted};

use super::{admin, assert_served, command, everything_in, serve, upload_some};
use crate::chance::Chance;
use crate::crash::journal::assert_chain_holds;

fn format_of(data_dir: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(data_dir.join("format")).unwrap()).unwrap()
}

#[test]
fn a_newer_format_is_refused_by_every_verb_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let (server, mut wire) = serve(&data_dir);
    let files = upload_some(&mut wire, 3);
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    let ours = fs::read(data_dir.join("format")).unwrap();
    // What a newer server may have left there is no left-over to us.
    fs::write(data_dir.join("repositories/python/tmp/00000000000000aa-0.foo.part"), "newer").unwrap();
    fs::write(data_dir.join("format"), r#"{"format": 2, "written_by": "depot-server 9.0.0", "more": []}"#)
        .unwrap();
    let before = everything_in(&data_dir);
    let backup = folder.path().join("backup").display().to_string();
    let export = folder.path().join("export").display().to_string();
    let verbs: [&[&str]; 10] = [
        &["serve", "--port", "0"],
        &["token", "list"],
        &["token", "create", "--user", "robot"],
        &["reindex"],
        &["scrub", "--quarantine"],
        &["gc", "--older-than", "0"],
        &["export", &export],
        &["export", "-"],
        &["import", "/dev/null"],
        &["backup", &backup],
    ];
    for verb in verbs {
        let refused = admin(&data_dir, verb).assert_code(78);
        for said in
            ["has format 2 (depot-server 9.0.0)", "formats up to 1", "start it with the newer depot-server"]
        {
            assert!(refused.stderr.contains(said), "{verb:?}: {}", refused.stderr);
        }
        assert_eq!(refused.stdout, "");
        assert_eq!(everything_in(&data_dir), before, "{verb:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made beside it");
    for unreadable in ["", "{}", "two"] {
        fs::write(data_dir.join("format"), unreadable).unwrap();
        let refused = admin(&data_dir, ["serve", "--port", "0"]).assert_code(78);
        assert!(refused.stderr.contains("does not say which format"), "{}", refused.stderr);
    }
    fs::write(data_dir.join("format"), ours).unwrap();
    let (_server, mut wire) = serve(&data_dir);
    for file in &files {
        assert_served(&mut wire, file);
    }
    counted("fault 24", "verbs refused over a newer format", verbs.len() as u64);
}

#[test]
fn a_directory_without_a_format_is_of_the_first_and_gets_it_whenever_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (server, mut wire) = serve(data_dir);
    let files = upload_some(&mut wire, 3);
    assert_eq!(format_of(data_dir)["format"], 1);
    drop((server, wire));
    let mut chance = Chance::printed("kills while a format is given");
    for _ in 0..8 {
        // As the servers before the first format left it.
        let _ = fs::remove_file(data_dir.join("format"));
        let mut child = command(data_dir, ["serve", "--port", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(chance.within(0..60)));
        child.kill().unwrap();
        child.wait().unwrap();
        let (server, mut wire) = serve(data_dir);
        assert_eq!(format_of(data_dir)["format"], 1);
        for file in &files {
            assert_served(&mut wire, file);
        }
        drop(wire);
        assert_eq!(server.terminate().code(), Some(0));
    }
    counted("fault 24", "kills while a data directory was given its format", 8);
}

#[test]
fn a_line_of_the_journal_that_a_newer_depot_wrote_is_kept_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (server, mut wire) = serve(data_dir);
    let files = upload_some(&mut wire, 3);
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    let path = data_dir.join("journal/changes.jsonl");
    let mut text = fs::read_to_string(&path).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let (serial, sum) = (last["serial"].as_u64().unwrap() + 1, last["sum"].as_str().unwrap());
    let line = format!(
        "{{\"serial\":{serial},\"prev\":\"{sum}\",\"time\":\"2030-01-01T00:00:00Z\",\"who\":\"x\",\"what\":\"rename-project\",\"to\":{{\"a\":[1]}}"
    );
    let line = format!("{line},\"sum\":\"{}\"}}\n", depot_tests::sha256_hex(line.as_bytes()));
    text.push_str(&line);
    fs::write(&path, &text).unwrap();
    let (server, mut wire) = serve(data_dir);
    for file in &files {
        assert_served(&mut wire, file);
    }
    upload_some(&mut wire, 0);
    let said = server.stderr();
    assert!(!said.contains("journal is damaged"), "{said}");
    let new = super::upload(&mut wire, &depot_tests::WheelBuilder::new("kept-0", "7"));
    assert_served(&mut wire, &new);
    assert!(fs::read_to_string(&path).unwrap().starts_with(&text), "the line is kept as it is");
    assert_chain_holds(data_dir);
}

/// A server over a copy of a fixture, and its folder.
fn unpacked(archive: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    archive.set_preserve_permissions(true);
    archive.unpack(folder.path()).unwrap();
    folder
}

#[test]
fn a_data_directory_of_the_first_format_is_served_verified_and_exported() {
    let folder = unpacked(fixture::FORMAT_1);
    let data_dir = &folder.path().join("data");
    let token = fs::read_to_string(folder.path().join("token")).unwrap();
    let revoked = fs::read_to_string(folder.path().join("revoked")).unwrap();
    assert!(!data_dir.join("format").exists(), "no server wrote one then");
    for store in [true, false] {
        if !store {
            fs::remove_dir_all(data_dir.join("store")).unwrap();
        }
        let server = ServerProcess::start(data_dir, [""; 0]);
        let said = server.stderr();
        assert_eq!(said.contains("the store has been built from the tree"), !store, "{said}");
        fixture::assert_serves(&server, token.trim(), revoked.trim());
        admin(data_dir, ["scrub"]).assert_success();
        assert_eq!(server.terminate().code(), Some(0));
    }
    let lines = admin(data_dir, ["export", "-"]).assert_success().stdout;
    assert!(lines.contains("\"filename\":\"lid-1.0-py3-none-any.whl\""), "{lines}");
    assert_eq!(super::assert_tree_is_right(data_dir), fixture::FILES);
    counted("fault 24", "data directories of earlier formats that open, serve and verify", 1);
}
