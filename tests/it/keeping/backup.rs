//! Fault 23: `depot-server backup` while writers work and while the server is killed, and what a server makes of it
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use depot_tests::{Clients, ServerProcess, WheelBuilder, counted, sha256_hex};
use serde_json::Value;

use super::{Uploaded, admin, assert_served, assert_tree_is_right, command, serve, upload, upload_some};
use crate::chance::Chance;
use crate::crash::journal::assert_chain_holds;
use crate::wire::{Wire, record};

const WRITERS: usize = 4;

/// What is certain of a file: its digest, and the number of the last yank that was acknowledged.
#[derive(Clone, Debug, Default)]
struct Known {
    sha256: String,
    yank: u64,
}

/// What the writers know.
#[derive(Default)]
struct Ledger {
    acknowledged: BTreeMap<(String, String), Known>,
    /// Sent, whether it was answered or not.
    sent: BTreeMap<String, String>,
}

fn write(url: &str, token: &str, writer: usize, ledger: &Mutex<Ledger>, stop: &AtomicBool) {
    let Ok(mut wire) = Wire::open(url, token) else { return };
    let mut last: Option<((String, String), usize)> = None;
    for number in 0..100_000_u64 {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if number % 4 == 3
            && let Some((key, size)) = last.clone()
        {
            let sha256 = ledger.lock().unwrap().acknowledged[&key].sha256.clone();
            let record = record(&key.1, &sha256, size, Some(&number.to_string()));
            let Ok(answer) = wire.put_record(&key.0, &key.1, &record) else { return };
            assert_eq!(answer.status, 200, "{}", answer.text());
            ledger.lock().unwrap().acknowledged.get_mut(&key).unwrap().yank = number;
            continue;
        }
        let project = format!("live-{}", number % 3);
        let wheel = WheelBuilder::new(&project, &format!("{writer}.{number}"));
        let (filename, bytes) = (wheel.filename(), wheel.build());
        ledger.lock().unwrap().sent.insert(filename.clone(), sha256_hex(&bytes));
        let Ok(answer) = wire.put_bytes(&project, &filename, &bytes) else { return };
        assert_eq!(answer.status, 201, "{}", answer.text());
        let known = Known { sha256: sha256_hex(&bytes), yank: 0 };
        let key = (project, filename);
        ledger.lock().unwrap().acknowledged.insert(key.clone(), known);
        last = Some((key, bytes.len()));
    }
}

/// A server over a backup shows what was acknowledged before it began, and nothing that was never sent.
fn assert_restored(backup: &Path, before: &BTreeMap<(String, String), Known>, ledger: &Mutex<Ledger>) {
    assert_chain_holds(backup);
    let journal = fs::read_to_string(backup.join("journal/changes.jsonl")).unwrap();
    assert_tree_is_right(backup);
    let (_server, mut wire) = serve(backup);
    let mut served = 0;
    for (project, _) in
        before.keys().map(|(project, filename)| (project, filename)).collect::<BTreeMap<_, _>>()
    {
        let page = wire.page(project).unwrap();
        for ((_, filename), known) in before.iter().filter(|(key, _)| key.0 == *project) {
            let listed =
                page.files.get(filename).unwrap_or_else(|| panic!("{filename} is not in the backup"));
            assert_eq!(listed.sha256, known.sha256);
            let yank = listed.yanked.as_deref().map_or(0, |reason| reason.parse().unwrap());
            assert!(
                yank >= known.yank,
                "{filename}: the yank {} was acknowledged, and is {yank}",
                known.yank
            );
        }
        let ledger = ledger.lock().unwrap();
        for (filename, listed) in &page.files {
            assert_eq!(ledger.sent.get(filename), Some(&listed.sha256), "{filename} was never sent so");
            served += 1;
        }
    }
    for ((project, filename), known) in before.iter().rev().take(25) {
        assert_eq!(sha256_hex(&wire.file(project, filename).unwrap()), known.sha256);
    }
    // Each line of the copied journal that published a file has its file.
    for line in journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if line["what"] == "publish" {
            let (project, filename) = (line["project"].as_str().unwrap(), line["filename"].as_str().unwrap());
            assert!(wire.page(project).unwrap().files.contains_key(filename), "{line}");
        }
    }
    assert!(served >= before.len());
}

fn backed_up(data_dir: &Path, to: &Path, args: &[&str]) -> Value {
    let mut words = vec!["backup".as_ref(), to.as_os_str(), "--format".as_ref(), "json".as_ref()];
    words.extend(args.iter().map(std::ffi::OsStr::new));
    let output = admin(data_dir, words).assert_success();
    let answer: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(answer["schema"], "depot.backup/1");
    assert!(!to.with_extension("partial").exists());
    answer["backup"].clone()
}

#[test]
fn backups_while_four_writers_work_hold_all_that_was_acknowledged_before() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("live");
    let (server, mut wire) = serve(&data_dir);
    let revoked = admin(&data_dir, ["token", "create", "--user", "thief"]).assert_success();
    let id = revoked.stderr.strip_prefix("token ").unwrap().split(' ').next().unwrap().to_owned();
    let revoked = revoked.stdout.trim().to_owned();
    let robot = admin(&data_dir, ["token", "create", "--user", "robot"]).assert_success();
    let sample = upload(&mut wire, &WheelBuilder::new("sample", "1.0"));
    let (url, token) = (server.url().to_owned(), server.token());
    let (ledger, stop) = (Mutex::new(Ledger::default()), AtomicBool::new(false));
    let mut backups = Vec::new();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (url, token, ledger, stop) = (&url, &token, &ledger, &stop);
            scope.spawn(move || write(url, token, writer, ledger, stop));
        }
        for number in 0..3 {
            let deadline = Instant::now() + Duration::from_mins(1);
            while ledger.lock().unwrap().acknowledged.len() < (number + 1) * 60 && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
            if number == 1 {
                admin(&data_dir, ["token", "revoke", &id]).assert_success();
            }
            let before = ledger.lock().unwrap().acknowledged.clone();
            assert!(before.len() >= (number + 1) * 60);
            let to = folder.path().join(format!("backup-{number}"));
            let args: &[&str] = if number == 2 { &["--copy"] } else { &[] };
            let said = backed_up(&data_dir, &to, args);
            assert!(said["files"].as_u64().unwrap() > before.len() as u64);
            assert_eq!(said["missing"], 0);
            let linked = if number == 2 { Value::from(0) } else { said["files"].clone() };
            assert_eq!(said["linked"], linked);
            backups.push((to, before));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let acknowledged = ledger.lock().unwrap().acknowledged.len();
    assert!(backups.last().unwrap().1.len() < acknowledged, "the writers went on");
    // The original goes, with all that is linked to it.
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    fs::remove_dir_all(&data_dir).unwrap();
    for (number, (backup, before)) in backups.iter().enumerate() {
        assert_restored(backup, before, &ledger);
        let server = ServerProcess::start(backup, [""; 0]);
        let mut wire = Wire::open(server.url(), robot.stdout.trim()).unwrap();
        assert_served(&mut wire, &sample);
        upload(&mut wire, &WheelBuilder::new("sample", "2.0"));
        let mut thief = Wire::open(server.url(), &revoked).unwrap();
        let wheel = WheelBuilder::new("sample", "3.0");
        let answer = thief.put_bytes("sample", &wheel.filename(), &wheel.build()).unwrap();
        assert_eq!(
            answer.status == 401,
            number >= 1,
            "the token was revoked before the second: {}",
            answer.status
        );
        if let Some(clients) = Clients::find().filter(|_| number == 1) {
            let room = clients.room();
            let index = format!("{}/python/simple/", server.url());
            room.pip_download(&index, &room.path(), ["sample==1.0"]).assert_success();
            assert_eq!(fs::read(room.path().join(&sample.filename)).unwrap(), sample.bytes);
        }
    }
    counted("fault 23", "uploads acknowledged around three backups", acknowledged as u64);
}

#[test]
fn a_server_killed_while_it_backs_up_leaves_nothing_that_passes_for_a_backup() {
    let mut chance = Chance::printed("backups killed");
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("live");
    let to = folder.path().join("backup");
    let partial = folder.path().join("backup.partial");
    let (mut server, mut wire) = serve(&data_dir);
    let mut files = upload_some(&mut wire, 200);
    let (mut killed, mut whole) = (0, 0);
    for round in 0..25 {
        let mut backup = command(&data_dir, ["backup".as_ref(), to.as_os_str(), "--copy".as_ref()]);
        let mut child = backup.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // As soon as it is at it, and then a while.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !partial.exists() && !to.exists() && Instant::now() < deadline {
            thread::yield_now();
        }
        thread::sleep(Duration::from_micros(chance.within(0..20_000)));
        server.kill9();
        child.wait().unwrap();
        if to.exists() {
            whole += 1;
            assert_whole(&to, &files);
            fs::remove_dir_all(&to).unwrap();
        } else {
            killed += 1;
            if partial.join("unfinished").exists() {
                let refused = admin(&partial, ["serve", "--port", "0"]).assert_code(1);
                let said = ["is unfinished (a backup)", "is unfinished (just begun)"];
                assert!(said.iter().any(|said| refused.stderr.contains(said)), "{}", refused.stderr);
            } else if partial.exists() && fs::read_dir(&partial).unwrap().next().is_some() {
                // Killed between its end and its name: it is whole, and a backup does not throw it away.
                assert_whole(&partial, &files);
                fs::remove_dir_all(&partial).unwrap();
            }
        }
        (server, wire) = serve(&data_dir);
        files.push(upload(&mut wire, &WheelBuilder::new("kept-1", &format!("8.{round}"))));
        if killed >= 6 && round >= 7 {
            break;
        }
    }
    assert!(killed > 0, "no backup was cut off");
    // What was cut off is in nobody's way.
    backed_up(&data_dir, &to, &[]);
    assert!(!partial.exists());
    assert_whole(&to, &files);
    counted("fault 23", "servers killed while they backed up", killed);
    println!("{whole} backups were whole when the server was killed");
}

fn assert_whole(backup: &Path, files: &[Uploaded]) {
    assert_chain_holds(backup);
    assert_eq!(assert_tree_is_right(backup), files.len());
    let (_server, mut wire) = serve(backup);
    for file in files.iter().step_by(20).chain(files.last()) {
        assert_served(&mut wire, file);
    }
}

#[test]
fn a_backup_has_what_is_needed_and_shares_nothing_that_changes() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("live");
    let to = folder.path().join("backup");
    let (server, mut wire) = serve(&data_dir);
    let files = upload_some(&mut wire, 5);
    fs::remove_file(files[3].path(&data_dir)).unwrap();
    let output = admin(&data_dir, ["backup".as_ref(), to.as_os_str()]).assert_code(3);
    assert!(output.stderr.contains("the bytes of 1 files are lost here"), "{}", output.stderr);
    let top: BTreeSet<String> =
        fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(
        top,
        ["admin.token", "format", "journal", "keys", "repositories", "state"].map(str::to_owned).into()
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&to), mode(&to.join("keys"))), (0o700, 0o700));
    for secret in fs::read_dir(to.join("keys")).unwrap().map(|entry| entry.unwrap().path()) {
        assert_eq!(mode(&secret), 0o600, "{}", secret.display());
    }
    let links = |path: PathBuf| fs::metadata(path).unwrap().nlink();
    assert_eq!(links(files[0].path(&to)), 2, "the bytes never change, and are shared");
    assert_eq!(links(files[0].part(&to, ".json")), 1);
    // What happens to the one is nothing to the other.
    drop(wire);
    let (copy, mut copy_wire) = serve(&to);
    let yank = record(&files[0].filename, &files[0].sha256(), files[0].bytes.len(), Some("elsewhere"));
    assert_eq!(copy_wire.put_record(&files[0].project, &files[0].filename, &yank).unwrap().status, 200);
    let mut wire = Wire::open(server.url(), &server.token()).unwrap();
    assert_eq!(wire.page(&files[0].project).unwrap().files[&files[0].filename].yanked, None);
    assert_eq!(
        copy_wire.put_bytes(&files[3].project, &files[3].filename, &files[3].bytes).unwrap().status,
        200
    );
    assert_served(&mut copy_wire, &files[3]);
    drop(copy_wire);
    assert_eq!(copy.terminate().code(), Some(0));

    // Where something is, nothing is written.
    let refused = admin(&data_dir, ["backup".as_ref(), to.as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);
    let inside = data_dir.join("backup");
    let refused = admin(&data_dir, ["backup".as_ref(), inside.as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("inside the data directory"), "{}", refused.stderr);
    let in_the_way = folder.path().join("mine.partial");
    fs::create_dir(&in_the_way).unwrap();
    fs::write(in_the_way.join("mine"), "mine").unwrap();
    let refused =
        admin(&data_dir, ["backup".as_ref(), folder.path().join("mine").as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("is in the way"), "{}", refused.stderr);
    assert!(in_the_way.join("mine").exists());

    // An empty folder is as good as none, and a stopped server as a running one.
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    admin(&data_dir, ["backup".as_ref(), empty.as_os_str()]).assert_code(3);
    let (_server, mut wire) = serve(&empty);
    assert_served(&mut wire, &files[1]);
}
