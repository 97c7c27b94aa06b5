//! A rebuild of the store, which is itself cut off.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use depot_proto::{FileRecord, Sha256Digest};
use depot_tests::{ServerProcess, binary};

use crate::chance::Chance;
use crate::wire::Wire;

const PROJECTS: usize = 2500;

/// A tree of many small sdists, written as another tool would.
fn write_tree(root: &Path) {
    for number in 0..PROJECTS {
        let filename = format!("many_{number}-1.0.tar.gz");
        let folder = root.join(format!("files/many-{number}"));
        fs::create_dir_all(&folder).unwrap();
        let bytes = format!("the bytes of {number}");
        let record = FileRecord::new(&filename, Sha256Digest::of(bytes.as_bytes()), bytes.len() as u64);
        fs::write(folder.join(&filename), bytes).unwrap();
        fs::write(folder.join(format!("{filename}.json")), record.to_document()).unwrap();
    }
}

#[test]
fn a_rebuild_that_was_cut_off_is_begun_again() {
    let mut chance = Chance::printed("rebuild killed");
    let folder = tempfile::tempdir().unwrap();
    write_tree(&folder.path().join("repositories/python"));
    let began = Instant::now();
    assert_eq!(ServerProcess::start(folder.path(), [""; 0]).terminate().code(), Some(0));
    let whole = began.elapsed();
    println!("a rebuild of {PROJECTS} projects, start and stop: {whole:?}");
    for _ in 0..4 {
        fs::remove_dir_all(folder.path().join("store")).unwrap();
        // The journal is kept or not, now and then: both ways of finding out that the store is new.
        if chance.within(0..2) == 0 {
            fs::remove_dir_all(folder.path().join("journal")).unwrap();
        }
        for _ in 0..2 {
            let mut command = Command::new(binary("depot-server"));
            command.env_clear().args(["serve", "--port", "0", "--data-dir"]).arg(folder.path());
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // sled writes what it was given after 200 ms: a kill before that leaves nothing to be deceived by.
            let longest = whole.as_millis().max(400) as u64;
            std::thread::sleep(Duration::from_millis(chance.within(longest / 4..longest)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let server = ServerProcess::start(folder.path(), [""; 0]);
        let mut wire = Wire::open(server.url(), &server.token()).unwrap();
        let (projects, _) = wire.root().unwrap();
        assert_eq!(projects.len(), PROJECTS);
        assert_eq!(server.terminate().code(), Some(0));
    }
}
