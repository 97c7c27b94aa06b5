//! The server, killed while four writers upload.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use depot_tests::ServerProcess;
use depot_tree::{Finding, Tree};
use tempfile::tempdir;

use super::{journal, ledger::Ledger, left_in_tmp, load};
use crate::chance::Chance;
use crate::wire::Wire;

/// How many rounds, unless `DEPOT_CRASH_ROUNDS` says it.
const ROUNDS: usize = 200;

#[test]
fn no_acknowledged_upload_is_lost_to_sigkill() {
    let rounds = std::env::var("DEPOT_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut chance = Chance::printed("server killed under load");
    let began = Instant::now();
    let folder = tempdir().unwrap();
    let mut ledger = Ledger::default();
    let mut slowest = Duration::ZERO;
    let mut server = ServerProcess::start(folder.path(), [""; 0]);
    for round in 0..rounds {
        let killed = Duration::from_millis(chance.within(10..301));
        let load = load::run(&mut server, round, &mut chance, killed);
        ledger.take(&load);

        let starting = Instant::now();
        server = ServerProcess::start(folder.path(), [""; 0]);
        slowest = slowest.max(starting.elapsed());
        let mut wire = Wire::open(server.url(), &server.token()).unwrap();
        for (page, serial) in &load.serials {
            ledger.saw_serial(page, *serial);
        }
        let (_, serial) = wire.root().unwrap();
        ledger.saw_serial("", serial);
        ledger.check_round(&mut wire, &load);
        ledger.retry(&mut wire, &load);
        ledger.check_some(&mut wire, &mut chance, 5);
    }
    ledger.check_all(&mut Wire::open(server.url(), &server.token()).unwrap());
    assert_eq!(server.terminate().code(), Some(0));

    // Once more from the disk alone, without the store's help.
    std::fs::remove_dir_all(folder.path().join("store")).unwrap();
    let server = ServerProcess::start(folder.path(), [""; 0]);
    ledger.check_all(&mut Wire::open(server.url(), &server.token()).unwrap());
    assert_eq!(server.terminate().code(), Some(0));
    let repository = folder.path().join("repositories/python");
    assert_tree_is_whole(&repository);
    assert_eq!(left_in_tmp(&repository), [""; 0]);
    let lines = journal::assert_chain_holds(folder.path());
    println!(
        "{rounds} rounds, {} acknowledged, {} files, {lines} journal lines, slowest start {slowest:?}, {:?} in all",
        ledger.acknowledged,
        ledger.len(),
        began.elapsed()
    );
}

/// Every record's bytes are right, and no bytes lie there without a record.
fn assert_tree_is_whole(root: &Path) {
    let tree = Tree::open_read_only(root);
    for project in tree.projects().unwrap() {
        let filenames = tree.filenames(&project).unwrap();
        for filename in &filenames {
            assert_eq!(tree.verify(&project, filename).unwrap(), Finding::Right, "{filename}");
        }
        let expected: BTreeSet<String> = filenames
            .iter()
            .flat_map(|filename| ["", ".json", ".metadata"].map(|suffix| format!("{filename}{suffix}")))
            .collect();
        let entries = std::fs::read_dir(root.join("files").join(project.as_str())).unwrap();
        let there: BTreeSet<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let strange: Vec<_> = there.difference(&expected).collect();
        assert!(strange.is_empty(), "{project}: {strange:?}");
    }
}
