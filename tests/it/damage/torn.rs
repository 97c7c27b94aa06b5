//! Tails that a power cut tore: the last pages of the journal and of a record are cut off, zeros, or garbage.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use depot_tests::{ServerProcess, counted};

use super::fixture::{Fixture, assert_served};
use crate::chance::Chance;
use crate::wire::Wire;

/// Tears of each kind in the short form.
const TEARS: u64 = 10;

/// How a tail is torn.
#[derive(Debug, Clone, Copy)]
enum Tear {
    Cut,
    Zeros,
    /// One sector of 512 bytes, and what follows it is right.
    ZeroSector,
    Garbage,
}

/// Tears a file somewhere in its last 4 KiB, and says where.
fn tear(path: &Path, how: Tear, chance: &mut Chance) -> String {
    let mut bytes = fs::read(path).unwrap();
    let from = bytes.len().saturating_sub(4096) as u64;
    let at = chance.within(from..bytes.len() as u64) as usize;
    match how {
        Tear::Cut => bytes.truncate(at),
        Tear::Zeros => bytes[at..].fill(0),
        Tear::ZeroSector => {
            let sector = at / 512 * 512;
            let end = bytes.len().min(sector + 512);
            bytes[sector..end].fill(0);
        }
        Tear::Garbage => bytes[at..].fill(0xA5),
    }
    fs::write(path, bytes).unwrap();
    format!("{how:?} at {at} of {}", path.file_name().unwrap().to_string_lossy())
}

const TEARINGS: [Tear; 4] = [Tear::Cut, Tear::Zeros, Tear::ZeroSector, Tear::Garbage];

fn in_threads(cases: u64, case: impl Fn(u64) + Sync) {
    let cases = Mutex::new(0..cases);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(number) = { cases.lock().unwrap().next() } {
                    case(number);
                }
            });
        }
    });
}

fn torn_journals(tears: u64) {
    let fixture = Fixture::new();
    let base = Chance::printed("torn journals").next();
    in_threads(tears * 4, |number| {
        let mut chance = Chance::of(base.wrapping_add(number));
        let copied = fixture.copy();
        let mut what = tear(&copied.journal(), TEARINGS[number as usize % 4], &mut chance);
        if chance.within(0..2) == 0 {
            fs::remove_dir_all(copied.store()).unwrap();
            what += ", and the store is gone";
        }
        fixture.assert_mended(&copied, &what);
    });
    counted("fault 4", "torn journals", tears * 4);
}

fn torn_records(tears: u64) {
    let fixture = Fixture::new();
    let base = Chance::printed("torn records").next();
    in_threads(tears * 4, |number| {
        let mut chance = Chance::of(base.wrapping_add(number));
        let copied = fixture.copy();
        let damaged = chance.pick(&fixture.files).unwrap();
        let what = tear(&copied.record(damaged), TEARINGS[number as usize % 4], &mut chance);
        if chance.within(0..2) == 0 {
            // The store knows what the record said.
            fixture.assert_mended(&copied, &what);
            return;
        }
        fs::remove_dir_all(copied.path().join("store")).unwrap();
        let server = ServerProcess::start(copied.path(), [""; 0]);
        let mut wire = Wire::open(server.url(), &fixture.live.text).unwrap();
        for file in fixture.files.iter().filter(|file| file.filename != damaged.filename) {
            assert_served(&mut wire, file, &what);
        }
        // A tear in the white space at its end leaves a record whole.
        let page = wire.page(&damaged.project).unwrap();
        if page.files.contains_key(&damaged.filename) {
            assert_served(&mut wire, damaged, &what);
        }
        fixture.assert_takes_uploads(&server, &what);
    });
    counted("fault 4", "torn records", tears * 4);
}

#[test]
fn a_journal_with_a_torn_tail_loses_nothing() {
    torn_journals(TEARS);
}

#[test]
fn a_torn_record_takes_no_other_file_with_it() {
    torn_records(TEARS);
}

mod long {
    use super::*;

    #[test]
    #[ignore = "part of make test-faults"]
    fn many_torn_tails_lose_nothing() {
        torn_journals(100);
        torn_records(100);
    }
}
