//! `depot python save`, killed and run again.

use std::path::Path;
use std::time::{Duration, Instant};

use depot_tests::{FakeIndex, Style, WheelBuilder, depot_command, run, sha256_hex};
use depot_tree::{Finding, Tree};
use tempfile::tempdir;

use super::{left_in_tmp, run_and_kill};
use crate::chance::Chance;

const ROUNDS: u64 = 20;

fn wheels() -> Vec<WheelBuilder> {
    let wheel = |number: u64| {
        // Some are larger than what `save` holds in memory before it writes.
        let size = if number.is_multiple_of(5) { 1_500_000 } else { 40_000 };
        WheelBuilder::new(&format!("saved-{number}"), "1.0").random_file("data.bin", size, number)
    };
    (0..20).map(wheel).collect()
}

fn assert_saved(root: &Path, wheels: &[(WheelBuilder, String)]) {
    let tree = Tree::open_read_only(root);
    for (wheel, sha256) in wheels {
        let (project, filename) = (wheel.project().parse().unwrap(), wheel.filename());
        assert_eq!(tree.verify(&project, &filename).unwrap(), Finding::Right, "{filename}");
        let record = tree.record(&project, &filename).unwrap().unwrap();
        assert_eq!(&record.sha256.to_string(), sha256);
        assert_eq!(tree.metadata(&project, &filename).unwrap(), Some(wheel.metadata()), "{filename}");
    }
    assert_eq!(tree.projects().unwrap().len(), wheels.len());
    assert_eq!(left_in_tmp(root), [""; 0]);
}

#[test]
fn a_save_that_was_killed_completes_when_it_is_run_again() {
    let mut chance = Chance::printed("save killed");
    let wheels: Vec<_> =
        wheels().into_iter().map(|wheel| (wheel.clone(), sha256_hex(&wheel.build()))).collect();
    let mut builder = FakeIndex::builder(Style::Json).latency(Duration::from_millis(2));
    for (wheel, _) in &wheels {
        builder = builder.wheel(wheel);
    }
    let index = builder.start();
    let mut longest = Duration::from_millis(400);
    let mut killed = 0;
    for round in 0..ROUNDS {
        let folder = tempdir().unwrap();
        let save = || {
            let mut command = depot_command(["python", "save", "--index-url", &index.url(), "--jobs", "4"]);
            command.arg("--dir").arg(folder.path()).args(wheels.iter().map(|(wheel, _)| wheel.project()));
            command
        };
        // Killed more than once where chance will have it: each run finds what the one before left.
        for _ in 0..chance.within(1..3) {
            let after = Duration::from_micros(chance.within(1000..longest.as_micros() as u64));
            killed += usize::from(run_and_kill(&mut save(), after));
        }
        let began = Instant::now();
        run(&mut save()).assert_success();
        longest = if round == 0 { began.elapsed() } else { longest.max(began.elapsed()) };
        assert_saved(folder.path(), &wheels);
        // And a tree that is whole is not fetched again.
        index.clear_log();
        run(&mut save()).assert_success();
        let fetched = index.requests().iter().filter(|request| request.path.starts_with("/files/")).count();
        assert_eq!(fetched, 0);
    }
    println!("{killed} saves were killed under way in {ROUNDS} rounds");
    assert!(killed > 0);
}
