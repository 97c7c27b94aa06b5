//! Damage to the store, which is an index: nothing that is in the tree may depend on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use depot_tests::counted;

use super::fixture::{Copied, Fixture};
use crate::chance::Chance;

const SEEDS: u64 = 32;

/// The files of a folder and of those in it, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The length of a file without the zeros at its end: sled writes in large segments.
fn used(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
}

/// Flips one bit where something is written, and says where.
fn flip(copied: &Copied, chance: &mut Chance) -> String {
    let mut candidates = files(&copied.store());
    candidates.retain(|path| used(path) > 0);
    let db = copied.store().join("db");
    // Most of it is in `db`, and most seeds go there.
    let path = if chance.within(0..4) < 3 { &db } else { chance.pick(&candidates).unwrap() };
    let at = chance.within(0..used(path)) as usize;
    let bit = chance.within(0..8);
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1 << bit;
    fs::write(path, bytes).unwrap();
    format!("bit {bit} of byte {at} of {}", path.file_name().unwrap().to_string_lossy())
}

#[test]
fn a_flipped_bit_anywhere_in_the_store_loses_nothing() {
    let fixture = Fixture::new();
    let base = Chance::printed("flipped bits").next();
    let seeds = Mutex::new(0..SEEDS);
    let rebuilt = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(seed) = { seeds.lock().unwrap().next() } {
                    let copied = fixture.copy();
                    let what = flip(&copied, &mut Chance::of(base.wrapping_add(seed)));
                    println!("seed {seed}: {what}");
                    let said = fixture.assert_mended(&copied, &what);
                    *rebuilt.lock().unwrap() += usize::from(said.contains("built from the tree"));
                }
            });
        }
    });
    counted("fault 4", "bits flipped in the store", SEEDS);
    println!(
        "{SEEDS} flipped bits; the store was built again after {} of them",
        rebuilt.into_inner().unwrap()
    );
}

#[test]
fn a_store_cut_short_anywhere_loses_nothing() {
    let fixture = Fixture::new();
    let pristine = fixture.copy();
    let db = pristine.store().join("db");
    let (total, used) = (fs::metadata(&db).unwrap().len(), used(&db));
    let lengths = [total - 1, total - 4096, total / 2, used - 1, used - 20, used - 300, used / 2, 4096, 1, 0];
    for length in lengths {
        let copied = fixture.copy();
        fs::File::options().write(true).open(copied.store().join("db")).unwrap().set_len(length).unwrap();
        fixture.assert_mended(&copied, &format!("db of {total} bytes, {used} of them used, cut to {length}"));
    }
    counted("fault 4", "stores cut short", lengths.len() as u64);
}

#[test]
fn a_store_overwritten_in_part_loses_nothing() {
    let fixture = Fixture::new();
    let mut chance = Chance::printed("overwritten store");
    for _ in 0..4 {
        let copied = fixture.copy();
        let db = copied.store().join("db");
        let at = chance.within(0..used(&db)) as usize;
        let mut bytes = fs::read(&db).unwrap();
        let end = bytes.len().min(at + 4096);
        bytes[at..end].fill(0xA5);
        fs::write(&db, bytes).unwrap();
        fixture.assert_mended(&copied, &format!("4 KiB of garbage at {at} of db"));
    }
}

#[test]
fn a_store_that_is_gone_in_whole_or_in_part_is_built_again() {
    let fixture = Fixture::new();
    for gone in ["store", "store/sled", "store/sled/db", "store/sled/conf"] {
        let copied = fixture.copy();
        let path = copied.path().join(gone);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        fixture.assert_mended(&copied, &format!("{gone} is gone"));
    }
}

#[test]
fn snapshots_that_are_garbage_or_unfinished_are_not_believed() {
    let fixture = Fixture::new();
    let snapshots = |copied: &Copied| {
        let mut snapshots = files(&copied.store());
        snapshots.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap."));
        snapshots
    };
    let copied = fixture.copy();
    assert!(!snapshots(&copied).is_empty(), "the second start should have written a snapshot");
    for path in snapshots(&copied) {
        fs::write(path, b"garbage that is no snapshot").unwrap();
    }
    fixture.assert_mended(&copied, "the snapshots are garbage");

    let copied = fixture.copy();
    for path in snapshots(&copied) {
        fs::write(path, b"").unwrap();
    }
    fixture.assert_mended(&copied, "the snapshots are empty");

    let copied = fixture.copy();
    fs::write(copied.store().join("snap.FFFFFFFFFFFFFFFF"), [7; 500]).unwrap();
    fixture.assert_mended(&copied, "a garbage snapshot beside the good one");

    for content in [&b""[..], b"half a snapshot"] {
        let copied = fixture.copy();
        fs::write(copied.store().join("snap.0000000000800000.generating"), content).unwrap();
        fixture.assert_mended(&copied, "a snapshot that a crash cut off");
    }
}

#[test]
fn a_store_whose_files_are_something_else_is_put_aside() {
    let fixture = Fixture::new();
    let copied = fixture.copy();
    for path in files(&copied.store()) {
        fs::write(path, b"this is no database at all").unwrap();
    }
    fixture.assert_mended(&copied, "every file of the store is something else");
}
