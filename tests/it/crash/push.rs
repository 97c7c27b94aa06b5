//! `depot python push`, killed and run again.

use std::path::Path;
use std::time::{Duration, Instant};

use depot_proto::{FileRecord, Sha256Digest};
use depot_tests::{ServerProcess, WheelBuilder, depot_command, run, sha256_hex};
use depot_tree::{Published, Tree};
use serde_json::Value;
use tempfile::tempdir;

use super::{left_in_tmp, run_and_kill};
use crate::chance::Chance;
use crate::wire::Wire;

const ROUNDS: u64 = 20;
const WHEELS: u64 = 24;

/// Saves wheels of a round into a new tree; their projects and digests.
fn tree(root: &Path, round: u64) -> Vec<(WheelBuilder, String)> {
    let (tree, _) = Tree::open(root).unwrap();
    let wheels = (0..WHEELS).map(|number| {
        let project = format!("p{}-{round}", number % 7);
        // The last one is larger than the server's buffer.
        let size = if number == WHEELS - 1 { 2_000_000 } else { 30_000 };
        let wheel = WheelBuilder::new(&project, &format!("1.{number}"));
        let wheel = wheel.random_file("data.bin", size, round * WHEELS + number);
        let bytes = wheel.build();
        let project = project.parse().unwrap();
        let mut incoming = tree.begin(&project).unwrap();
        incoming.write(&bytes).unwrap();
        let sealed = incoming.seal().unwrap();
        let mut record = FileRecord::new(&wheel.filename(), sealed.sha256(), sealed.size());
        record.core_metadata = Some(Sha256Digest::of(&wheel.metadata()));
        assert_eq!(tree.publish(&sealed, &record, Some(&wheel.metadata())).unwrap(), Published::Created);
        (wheel, sha256_hex(&bytes))
    });
    wheels.collect()
}

#[test]
fn a_push_that_was_killed_completes_when_it_is_run_again() {
    let mut chance = Chance::printed("push killed");
    let data = tempdir().unwrap();
    let server = ServerProcess::start(data.path(), [""; 0]);
    let (url, token) = (format!("{}/python", server.url()), server.token());
    let mut longest = Duration::from_millis(400);
    let mut killed = 0;
    for round in 0..ROUNDS {
        let saved = tempdir().unwrap();
        let wheels = tree(saved.path(), round);
        let push = || {
            let mut command = depot_command(["python", "push", &url, "--format", "json", "--jobs", "4"]);
            command.arg("--dir").arg(saved.path()).env("DEPOT_AUTH_TOKEN", &token);
            command
        };
        let after = Duration::from_micros(chance.within(1000..longest.as_micros() as u64));
        killed += usize::from(run_and_kill(&mut push(), after));

        let began = Instant::now();
        let output = run(&mut push()).assert_success();
        // What is left to do varies, so the next kill falls anywhere in the longest run so far.
        longest = if round == 0 { began.elapsed() } else { longest.max(began.elapsed()) };
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        let count = |what: &str| report["counts"][what].as_u64().unwrap();
        assert_eq!((count("sent") + count("present"), count("failed")), (WHEELS, 0), "{report:#}");
        let again: Value = serde_json::from_str(&run(&mut push()).assert_success().stdout).unwrap();
        assert_eq!(again["counts"]["present"], WHEELS, "{again:#}");

        let mut wire = Wire::open(server.url(), &token).unwrap();
        for (wheel, sha256) in &wheels {
            let page = wire.page(&wheel.project()).unwrap();
            assert_eq!(&page.files[&wheel.filename()].sha256, sha256);
            let bytes = wire.file(&wheel.project(), &wheel.filename()).unwrap();
            assert_eq!(&sha256_hex(&bytes), sha256);
        }
    }
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(left_in_tmp(&data.path().join("repositories/python")), [""; 0]);
    println!("{killed} of {ROUNDS} pushes were killed under way");
    assert!(killed > 0);
}
