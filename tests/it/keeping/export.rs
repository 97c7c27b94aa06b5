//! `depot-server export` and `import`: one file, whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use depot_tests::{ServerProcess, WheelBuilder, counted};
use serde_json::Value;

use super::{
    Uploaded, admin, assert_damaged, assert_served, assert_tree_is_right, command, everything_in, serve,
    upload, upload_some,
};
use crate::chance::Chance;
use crate::wire::{Wire, record};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The lines of a kind.
fn of_kind(lines: &[Value], kind: &str) -> Vec<Value> {
    lines.iter().filter(|line| line["kind"] == kind).cloned().collect()
}

/// A data directory with files, yanks and tokens, and its export.
fn exported(folder: &Path) -> (ServerProcess, Wire, Vec<Uploaded>, String) {
    let (server, mut wire) = serve(folder);
    let files = upload_some(&mut wire, 15);
    let yanked = record(&files[4].filename, &files[4].sha256(), files[4].bytes.len(), Some("it was bad"));
    assert_eq!(wire.put_record(&files[4].project, &files[4].filename, &yanked).unwrap().status, 200);
    let text = admin(folder, ["export", "-"]).assert_success().stdout;
    (server, wire, files, text)
}

#[test]
fn what_was_exported_is_imported_and_exported_alike_and_the_tree_brings_the_bytes() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let robot = {
        let (server, _) = serve(from.path());
        let robot = admin(from.path(), ["token", "create", "--user", "robot"]).assert_success();
        assert_eq!(server.terminate().code(), Some(0));
        robot.stdout.trim().to_owned()
    };
    let (server, mut wire, files, text) = exported(from.path());
    let all = lines(&text);
    assert_eq!((&all[0]["schema"], of_kind(&all, "file").len()), (&"depot.export/1".into(), 15));
    for secret in [robot.as_str(), server.token().as_str()] {
        assert!(!text.contains(secret) && !text.contains(secret.rsplit('.').next().unwrap()));
    }
    let file = to.path().join("all.jsonl.zst");
    admin(from.path(), ["export".as_ref(), file.as_os_str()]).assert_success();
    assert!(fs::metadata(&file).unwrap().len() < text.len() as u64 / 2, "it is compressed");
    assert!(!to.path().join("all.jsonl.zst.partial").exists());

    let data_dir = to.path().join("data");
    let said = admin(&data_dir, ["import".as_ref(), file.as_os_str()]).assert_success();
    assert!(said.stdout.starts_with("imported 15 files and 2 tokens, up to change "), "{}", said.stdout);
    let again = lines(&admin(&data_dir, ["export", "-"]).assert_success().stdout);
    assert_eq!(of_kind(&again, "file"), of_kind(&all, "file"));
    assert_eq!(again[0], all[0]);
    // A server makes its administrator a new token where it finds none; all others are as they were.
    let others = |lines: &[Value]| {
        let mut tokens = of_kind(lines, "token");
        tokens.retain(|token| token["record"]["subject"] != "admin");
        tokens
    };
    assert_eq!((others(&again), others(&all).len()), (others(&all), 1));

    // Every name is taken, and its bytes are missed, until they come.
    let (new, mut new_wire) = serve(&data_dir);
    for file in &files {
        assert_damaged(&mut new_wire, file);
    }
    let before = new_wire.page(&files[4].project).unwrap();
    assert_eq!(before.files[&files[4].filename].yanked.as_deref(), Some("it was bad"));
    assert_eq!(before.serial, wire.page(&files[4].project).unwrap().serial);
    for (name, file) in [("other", &files[0]), ("mine", &files[1])] {
        let other = WheelBuilder::new(&file.project, "1.0").file("x.py", name).build();
        let refused = new_wire.put_bytes(&file.project, &file.filename, &other).unwrap();
        assert_eq!(refused.status, 409, "{}", refused.text());
    }
    for file in &files {
        fs::copy(file.path(from.path()), file.path(&data_dir)).unwrap();
        assert_served(&mut new_wire, file);
    }
    // The numbers go on where they ended.
    upload(&mut new_wire, &WheelBuilder::new("kept-4", "9"));
    assert!(new_wire.page("kept-4").unwrap().serial > before.serial);
    drop((new_wire, new));

    // With the keys, tokens that were issued before work.
    for key in fs::read_dir(from.path().join("keys")).unwrap() {
        let key = key.unwrap();
        fs::copy(key.path(), data_dir.join("keys").join(key.file_name())).unwrap();
    }
    let new = ServerProcess::start(&data_dir, [""; 0]);
    upload(&mut Wire::open(new.url(), &robot).unwrap(), &WheelBuilder::new("kept-4", "10"));
    // The tree says the same as the export did.
    assert_eq!(new.terminate().code(), Some(0));
    fs::remove_dir_all(data_dir.join("store")).unwrap();
    let (_new, mut wire) = serve(&data_dir);
    for file in &files {
        assert_served(&mut wire, file);
    }
    assert_eq!(wire.page("kept-4").unwrap().files[&files[4].filename].yanked.as_deref(), Some("it was bad"));
}

#[test]
fn what_is_damaged_cut_or_newer_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, _wire, files, text) = exported(&folder.path().join("from"));
    let data_dir = folder.path().join("to");
    let file = folder.path().join("export");
    let mut chance = Chance::printed("damaged exports");
    let try_import = |content: &[u8], code: i32, words: &str| {
        fs::write(&file, content).unwrap();
        let refused = admin(&data_dir, ["import".as_ref(), file.as_os_str()]).assert_code(code);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert_eq!(everything_in(&data_dir), [(data_dir.join("lock"), Vec::new())], "{}", refused.stderr);
    };
    for _ in 0..6 {
        let cut = chance.within(0..text.len() as u64) as usize;
        try_import(&text.as_bytes()[..cut], 1, "export");
        let mut damaged = text.clone().into_bytes();
        damaged[cut] ^= 1;
        try_import(&damaged, if damaged.starts_with(b"{\"schema\":\"depot.export/0\"") { 78 } else { 1 }, "");
    }
    try_import(text.replace("depot.export/1", "depot.export/2").as_bytes(), 78, "use a newer one");
    try_import(b"", 1, "cut short");
    // One that is compressed, and was cut.
    let whole = folder.path().join("whole.zst");
    admin(&folder.path().join("from"), ["export".as_ref(), whole.as_os_str()]).assert_success();
    let whole = fs::read(whole).unwrap();
    try_import(&whole[..whole.len() - 5], 1, "export");
    counted("fault 24", "exports refused that were cut, damaged or newer", 15);

    // After all that the whole one is taken, and nothing is imported over it.
    fs::write(&file, &whole).unwrap();
    admin(&data_dir, ["import".as_ref(), file.as_os_str()]).assert_success();
    let imported = everything_in(&data_dir);
    let refused = admin(&data_dir, ["import".as_ref(), file.as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);
    assert_eq!(everything_in(&data_dir), imported);
    let (_server, mut wire) = serve(&data_dir);
    assert_damaged(&mut wire, &files[0]);
    let refused = admin(&data_dir, ["import".as_ref(), file.as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("in use"), "{}", refused.stderr);
}

#[test]
fn an_import_that_was_killed_is_no_data_directory_and_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _wire, files, text) = exported(&folder.path().join("from"));
    drop(server);
    let file = folder.path().join("export");
    fs::write(&file, &text).unwrap();
    let mut chance = Chance::printed("imports killed");
    let mut cut = BTreeMap::new();
    for round in 0..12 {
        let data_dir = folder.path().join(format!("to-{round}"));
        let mut import = command(&data_dir, ["import".as_ref(), file.as_os_str()]);
        let mut child = import.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(chance.within(1..150)));
        child.kill().unwrap();
        let ended = child.wait().unwrap().success();
        let unfinished = data_dir.join("unfinished").exists();
        *cut.entry((ended, unfinished)).or_insert(0_u64) += 1;
        if unfinished {
            let refused = admin(&data_dir, ["serve", "--port", "0"]).assert_code(1);
            let said = ["is unfinished (an import)", "is unfinished (just begun)"];
            assert!(said.iter().any(|said| refused.stderr.contains(said)), "{}", refused.stderr);
        }
        if !data_dir.join("format").exists() || unfinished {
            admin(&data_dir, ["import".as_ref(), file.as_os_str()]).assert_success();
        }
        let again = lines(&admin(&data_dir, ["export", "-"]).assert_success().stdout);
        assert_eq!(of_kind(&again, "file"), of_kind(&lines(&text), "file"));
        assert_eq!(of_kind(&again, "file").len(), files.len());
    }
    counted("fault 24", "imports killed", cut.values().sum());
    println!("imports by whether they ended and were left unfinished: {cut:?}");
}

#[test]
fn an_export_while_writers_work_holds_all_that_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (server, mut wire) = serve(data_dir);
    let before = upload_some(&mut wire, 20);
    let (url, token) = (server.url().to_owned(), server.token());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut wire = Wire::open(&url, &token).unwrap();
            for number in 0..80 {
                upload(&mut wire, &WheelBuilder::new("kept-1", &format!("5.{number}")));
            }
        });
        while !writer.is_finished() {
            let text = admin(data_dir, ["export", "-"]).assert_success().stdout;
            for file in &before {
                assert!(text.contains(&file.filename), "{} is missing", file.filename);
            }
            let all = lines(&text);
            let last = all.last().unwrap()["serial"].as_u64().unwrap();
            assert!(of_kind(&all, "file").iter().all(|file| file["serial"].as_u64().unwrap() <= last));
        }
        writer.join().unwrap();
    });
    assert_eq!(assert_tree_is_right(data_dir), 100);
}

#[test]
fn results_are_printed_for_programs_too() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let (_server, mut wire) = serve(&from);
    upload_some(&mut wire, 3);
    let json = |data_dir: &Path, args: &[&str], schema: &str| -> Value {
        let output = admin(data_dir, [args, &["--format", "json"]].concat()).assert_success();
        let answer: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(answer["schema"], schema);
        answer
    };
    let created = json(&from, &["token", "create", "--user", "robot"], "depot.token-create/1");
    assert_eq!(created["record"]["subject"], "robot");
    let listed = admin(&from, ["token", "list"]).assert_success().stdout;
    assert!(listed.contains(created["record"]["id"].as_str().unwrap()), "{listed}");
    assert!(created["token"].as_str().unwrap().len() > 20);
    let id = created["record"]["id"].as_str().unwrap();
    let revoked = json(&from, &["token", "revoke", id], "depot.token-revoke/1");
    assert!(revoked["record"]["revoked"].is_string(), "{revoked}");
    let read = json(&from, &["reindex"], "depot.reindex/1");
    assert_eq!((&read["projects"], &read["files"]), (&3.into(), &3.into()));
    let file = folder.path().join("all.jsonl").display().to_string();
    let exported = json(&from, &["export", &file], "depot.export-result/1");
    assert_eq!((&exported["files"], &exported["tokens"]), (&3.into(), &2.into()));
    let refused = admin(&from, ["export", "-", "--format", "json"]).assert_code(1);
    assert!(refused.stderr.contains("name a file") && refused.stdout.is_empty(), "{}", refused.stderr);
    let old = fs::read_to_string(from.join("admin.token")).unwrap();
    let imported = json(&to, &["import", &file], "depot.import/1");
    assert_eq!((&imported["files"], &imported["serial"]), (&3.into(), &exported["serial"]));

    // The administrator's token is another one, even where the keys are the old ones.
    fs::create_dir_all(to.join("keys")).unwrap();
    for key in fs::read_dir(from.join("keys")).unwrap() {
        let key = key.unwrap();
        fs::copy(key.path(), to.join("keys").join(key.file_name())).unwrap();
    }
    let (new, _) = serve(&to);
    assert_ne!(new.token(), old.trim());
    let mut dead = Wire::open(new.url(), old.trim()).unwrap();
    let wheel = WheelBuilder::new("kept-0", "9");
    assert_eq!(dead.put_bytes("kept-0", &wheel.filename(), &wheel.build()).unwrap().status, 401);
}
