//! Bit rot: found, reported, never served once it is found, and mended by whoever has the right bytes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use depot_tests::{Output, WheelBuilder, counted, depot_command, run, sha256_hex};
use serde_json::Value;

use super::{
    Uploaded, admin, assert_damaged, assert_served, assert_tree_is_right, serve, upload, upload_some,
};
use crate::chance::Chance;
use crate::wire::Wire;

/// Files in the tree, and how many of them are flipped in a round.
const FILES: usize = 40;
const FLIPPED: usize = 20;

/// The findings of a scrub: file name, fault and outcome.
type Findings = BTreeSet<(String, String, String)>;

fn scrub(data_dir: &Path, args: &[&str]) -> (Findings, Value, Output) {
    let output = admin(data_dir, [&["scrub", "--format", "json"], args].concat());
    assert!(matches!(output.code, Some(0 | 3)), "{output:?}");
    let answer: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(answer["schema"], "depot.scrub/1");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = answer["findings"].as_array().unwrap().iter();
    let findings =
        findings.map(|found| (text(&found["filename"]), text(&found["fault"]), text(&found["outcome"])));
    (findings.collect(), answer, output)
}

fn found(file: &Uploaded, fault: &str, outcome: &str) -> (String, String, String) {
    (file.filename.clone(), fault.to_owned(), outcome.to_owned())
}

/// Flips one bit of some of the files, and returns them.
fn flip_some<'a>(data_dir: &Path, files: &'a [Uploaded], chance: &mut Chance) -> Vec<&'a Uploaded> {
    let mut left: Vec<&Uploaded> = files.iter().collect();
    (0..FLIPPED)
        .map(|_| {
            let file = left.swap_remove(chance.within(0..left.len() as u64) as usize);
            let mut bytes = file.bytes.clone();
            bytes[chance.within(0..file.bytes.len() as u64) as usize] ^= 1 << chance.within(0..8);
            // In place, as a disk does it.
            fs::write(file.path(data_dir), bytes).unwrap();
            file
        })
        .collect()
}

fn flip_and_find(rounds: u64) {
    let mut chance = Chance::printed("bits flipped");
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (server, mut wire) = serve(data_dir);
    let files = upload_some(&mut wire, FILES);
    for round in 0..rounds {
        // Open and in memory when it rots.
        assert_served(&mut wire, &files[0]);
        let flipped = flip_some(data_dir, &files, &mut chance);
        let expected: Findings =
            flipped.iter().map(|file| found(file, "bytes-wrong", "quarantined")).collect();
        let (findings, answer, output) = scrub(data_dir, &["--quarantine"]);
        assert_eq!(findings, expected, "round {round}");
        assert_eq!((output.code, &answer["damaged"]), (Some(3), &Value::from(FLIPPED)));
        for file in &files {
            if flipped.iter().any(|flipped| flipped.filename == file.filename) {
                assert_damaged(&mut wire, file);
                let mut other = file.bytes.clone();
                other.push(0);
                let answer = wire.put_bytes(&file.project, &file.filename, &other).unwrap();
                assert!(matches!(answer.status, 400 | 409), "{}", answer.text());
                assert_damaged(&mut wire, file);
                let answer = wire.put_bytes(&file.project, &file.filename, &file.bytes).unwrap();
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
            assert_served(&mut wire, file);
        }
    }
    assert_eq!(scrub(data_dir, &[]).0, Findings::new());
    assert_tree_is_right(data_dir);
    drop(wire);
    // A rebuild from the tree comes to the same.
    assert_eq!(server.terminate().code(), Some(0));
    counted("fault 22", "flipped bytes found by scrub", rounds * FLIPPED as u64);
}

#[test]
fn flipped_bits_are_found_never_served_and_mended_by_an_upload() {
    flip_and_find(10);
}

mod long {
    #[test]
    #[ignore = "part of make test-faults"]
    fn a_thousand_flipped_bits_are_found_never_served_and_mended() {
        super::flip_and_find(50);
    }
}

#[test]
fn an_upload_mends_what_no_scrub_has_found_yet() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (_server, mut wire) = serve(data_dir);
    // One that is kept in memory, and one that is kept open.
    let sizes = [10, 3_000_000];
    let wheels =
        sizes.map(|size| WheelBuilder::new("kept", &size.to_string()).random_file("data.bin", size, 1));
    for file in wheels.map(|wheel| upload(&mut wire, &wheel)) {
        assert_served(&mut wire, &file);
        let mut rotten = file.bytes.clone();
        rotten[100] ^= 1;
        fs::write(file.path(data_dir), &rotten).unwrap();
        let answer = wire.put_bytes(&file.project, &file.filename, &file.bytes).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_served(&mut wire, &file);
        assert_eq!(fs::read(file.path(data_dir)).unwrap(), file.bytes);
    }
}

#[test]
fn what_was_taken_out_lies_in_quarantine_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (server, mut wire) = serve(data_dir);
    let files = upload_some(&mut wire, 3);
    let rotten = [files[1].bytes.as_slice(), b"more"].concat();
    fs::write(files[1].path(data_dir), &rotten).unwrap();

    // Unless it is told to, a scrub leaves the bytes where they are.
    let (findings, ..) = scrub(data_dir, &[]);
    assert_eq!(findings, [found(&files[1], "bytes-wrong", "left")].into());
    assert_eq!(fs::read(files[1].path(data_dir)).unwrap(), rotten);

    let said = admin(data_dir, ["scrub", "--quarantine"]).assert_code(3).stdout;
    let sha256 = sha256_hex(&rotten);
    assert!(
        said.starts_with("quarantined: kept-1/kept_1-1.0-py3-none-any.whl: bytes-wrong: sha256 "),
        "{said}"
    );
    assert!(said.ends_with("read 3 files, 0 MiB: 1 damaged (1 in quarantine), 0 mended\n"), "{said}");
    let kept = data_dir.join(format!("quarantine/python/kept-1/{}.{sha256}", files[1].filename));
    assert_eq!(fs::read(&kept).unwrap(), rotten);
    let note: Value = serde_json::from_slice(&fs::read(format!("{}.json", kept.display())).unwrap()).unwrap();
    assert_eq!(note["schema"], "depot.quarantined/1");
    assert_eq!(note["found"]["sha256"], sha256);
    assert_eq!(note["expected"]["sha256"], files[1].sha256());
    let journal = fs::read_to_string(data_dir.join("journal/changes.jsonl")).unwrap();
    assert!(journal.contains("\"what\":\"quarantine\""), "{journal}");
    drop(wire);

    // A new start, and a store built from the tree, know it as the damaged file that it is.
    assert_eq!(server.terminate().code(), Some(0));
    fs::remove_dir_all(data_dir.join("store")).unwrap();
    let (server, mut wire) = serve(data_dir);
    assert_damaged(&mut wire, &files[1]);
    assert_served(&mut wire, &files[0]);
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));

    // A stopped server's data is scrubbed alike.
    let (findings, ..) = scrub(data_dir, &[]);
    assert_eq!(findings, [found(&files[1], "bytes-missing", "left")].into());
}

#[test]
fn whatever_is_damaged_is_named_and_what_can_be_derived_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (_server, mut wire) = serve(data_dir);
    let files = upload_some(&mut wire, 9);
    let records: Vec<_> = files.iter().map(|file| fs::read(file.part(data_dir, ".json")).unwrap()).collect();
    let metadata = fs::read(files[1].part(data_dir, ".metadata")).unwrap();

    fs::remove_file(files[0].path(data_dir)).unwrap();
    fs::remove_file(files[1].part(data_dir, ".metadata")).unwrap();
    fs::write(files[2].part(data_dir, ".metadata"), "Name: other\n").unwrap();
    fs::write(files[3].part(data_dir, ".json"), "{").unwrap();
    fs::remove_file(files[4].part(data_dir, ".json")).unwrap();
    fs::copy(files[6].part(data_dir, ".json"), files[5].part(data_dir, ".json")).unwrap();
    let newer = String::from_utf8(records[6].clone()).unwrap().replace("\"v\": 1", "\"v\": 2");
    fs::write(files[6].part(data_dir, ".json"), &newer).unwrap();
    // Nobody ever recorded this one.
    fs::write(files[7].path(data_dir).with_file_name("kept_0-9.tar.gz"), "left by someone").unwrap();

    let (findings, answer, output) = scrub(data_dir, &["--quarantine"]);
    let expected = [
        found(&files[0], "bytes-missing", "left"),
        found(&files[1], "metadata-wrong", "mended"),
        found(&files[2], "metadata-wrong", "mended"),
        found(&files[3], "record-unreadable", "mended"),
        found(&files[4], "record-missing", "mended"),
        found(&files[5], "record-of-another", "left"),
        found(&files[6], "record-too-new", "left"),
        ("kept_0-9.tar.gz".to_owned(), "no-record".to_owned(), "left".to_owned()),
    ];
    assert_eq!(findings, expected.into());
    // What was mended, and what was never visible, is no damage.
    assert_eq!((output.code, &answer["damaged"], &answer["files"]), (Some(3), &3.into(), &9.into()));
    assert_eq!(fs::read(files[1].part(data_dir, ".metadata")).unwrap(), metadata);
    for mended in [3, 4] {
        assert_eq!(fs::read(files[mended].part(data_dir, ".json")).unwrap(), records[mended]);
    }
    assert_eq!(fs::read_to_string(files[6].part(data_dir, ".json")).unwrap(), newer, "it is kept as it is");
    let kept =
        data_dir.join(format!("quarantine/python/kept-3/{}.json.{}", files[3].filename, sha256_hex(b"{")));
    assert_eq!(fs::read(kept).unwrap(), b"{");

    assert_damaged(&mut wire, &files[0]);
    for file in &files[1..] {
        assert_served(&mut wire, file);
    }
    fs::write(files[5].part(data_dir, ".json"), &records[5]).unwrap();
    fs::write(files[6].part(data_dir, ".json"), &records[6]).unwrap();
    assert_eq!(wire.put_bytes(&files[0].project, &files[0].filename, &files[0].bytes).unwrap().status, 200);
    let (findings, _, output) = scrub(data_dir, &[]);
    assert_eq!((findings.len(), output.code), (1, Some(0)), "only the stray is left: {findings:?}");
}

#[test]
fn a_push_sends_again_what_the_server_lost() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (server, mut wire) = serve(data_dir);
    let files = upload_some(&mut wire, 8);
    // A tree is a tree: what the server has is what another machine saved.
    let saved = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(data_dir.join("repositories/python/files"))
        .arg(saved.path().join("files"))
        .status();
    assert!(copied.unwrap().success());
    let push = || {
        let mut command = depot_command(["python", "push", "--token", &server.token(), server.url()]);
        command.args(["--format", "json"]);
        let output = run(command.env("DEPOT_PYTHON_DIR", saved.path())).assert_success();
        serde_json::from_str::<Value>(&output.stdout).unwrap()
    };
    push();
    fs::write(files[2].path(data_dir), "rotten").unwrap();
    fs::remove_file(files[3].path(data_dir)).unwrap();
    admin(data_dir, ["scrub", "--quarantine"]).assert_code(3);
    for file in &files[2..4] {
        assert_damaged(&mut wire, file);
    }
    // What travelled is told, although the server knew the files.
    let told = push();
    let size: usize = files[2..4].iter().map(|file| file.bytes.len()).sum();
    assert_eq!((&told["counts"]["sent"], &told["counts"]["present"]), (&2.into(), &6.into()), "{told}");
    assert_eq!((&told["bytes"], told["files"].as_array().unwrap().len()), (&size.into(), 2));
    assert!(told["files"].as_array().unwrap().iter().all(|file| file["outcome"] == "sent"), "{told}");
    for file in &files {
        assert_served(&mut wire, file);
    }
    admin(data_dir, ["scrub"]).assert_success();
}

#[test]
fn a_scrub_takes_nothing_that_is_under_way_for_damage_and_as_long_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (server, mut wire) = serve(data_dir);
    let large = WheelBuilder::new("large", "1").random_file("data.bin", 900_000, 1);
    upload(&mut wire, &large);
    let (url, token) = (server.url().to_owned(), server.token());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut wire = Wire::open(&url, &token).unwrap();
            for number in 0..150 {
                let project = format!("new-{}", number % 5);
                upload(&mut wire, &WheelBuilder::new(&project, &format!("1.{number}")));
            }
        });
        while !writer.is_finished() {
            assert_eq!(scrub(data_dir, &["--quarantine"]).0, Findings::new());
        }
        writer.join().unwrap();
    });
    let began = std::time::Instant::now();
    let output = admin(data_dir, ["scrub", "--rate", "500K"]).assert_success();
    assert!(began.elapsed().as_secs_f64() > 1.5, "{:?}", began.elapsed());
    assert!(output.stderr.contains("files, "), "it says how far it is: {}", output.stderr);
}
