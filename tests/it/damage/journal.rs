//! Damage to the journal.

use std::fs;

use depot_tests::ServerProcess;

use super::fixture::{Fixture, assert_served, copy_folder};
use crate::wire::Wire;

#[test]
fn a_journal_whose_last_line_is_cut_loses_nothing() {
    let fixture = Fixture::new();
    let whole = fs::read(fixture.copy().journal()).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for (length, without_store) in
        [(whole.len() - 1, false), (last + 40, false), (last + 1, true), (last, true), (last, false)]
    {
        let copied = fixture.copy();
        fs::write(copied.journal(), &whole[..length]).unwrap();
        if without_store {
            fs::remove_dir_all(copied.store()).unwrap();
        }
        let what = format!("the last line cut to {} bytes, store gone: {without_store}", length - last);
        let said = fixture.assert_mended(&copied, &what);
        assert_eq!(said.contains("unfinished line"), length > last, "{what}:\n{said}");
    }
}

#[test]
fn a_journal_with_damaged_lines_loses_nothing_but_what_they_say() {
    let fixture = Fixture::new();
    let text = fs::read_to_string(fixture.copy().journal()).unwrap();
    for without_store in [false, true] {
        let copied = fixture.copy();
        fs::write(copied.journal(), text.replace("kept-3", "kept-X")).unwrap();
        if without_store {
            fs::remove_dir_all(copied.store()).unwrap();
        }
        fixture.assert_mended(&copied, &format!("damaged lines, store gone: {without_store}"));
    }
}

#[test]
fn a_store_that_lags_behind_damaged_lines_still_shows_what_the_tree_has() {
    let fixture = Fixture::new();
    let copied = fixture.copy();
    // The copy's store stays behind while the server takes more, whose lines are then damaged.
    let behind = tempfile::tempdir().unwrap();
    copy_folder(&copied.store(), behind.path());
    let server = ServerProcess::start(copied.path(), [""; 0]);
    let new = fixture.assert_takes_uploads(&server, "an upload");
    assert_eq!(server.terminate().code(), Some(0));
    fs::remove_dir_all(copied.store()).unwrap();
    fs::create_dir(copied.store()).unwrap();
    copy_folder(behind.path(), &copied.store());
    let text = fs::read_to_string(copied.journal()).unwrap();
    fs::write(copied.journal(), text.replace(&new.filename, "somewhat-else")).unwrap();
    let server = ServerProcess::start(copied.path(), [""; 0]);
    let mut wire = Wire::open(server.url(), &fixture.live.text).unwrap();
    fixture.assert_serves(&mut wire, "a store that lags");
    assert_served(&mut wire, &new, "a store that lags");
}

#[test]
fn a_journal_that_is_gone_is_begun_again_with_serials_that_go_on() {
    let fixture = Fixture::new();
    let copied = fixture.copy();
    fs::remove_file(copied.journal()).unwrap();
    fixture.assert_mended(&copied, "the journal is gone");
    let first = fs::read_to_string(copied.journal()).unwrap();
    let first: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert!(first["serial"].as_u64().unwrap() > fixture.files.len() as u64, "{first}");
}

#[test]
fn everything_is_served_from_the_tree_when_journal_and_store_are_both_gone() {
    let fixture = Fixture::new();
    let copied = fixture.copy();
    fs::remove_dir_all(copied.path().join("journal")).unwrap();
    fs::remove_dir_all(copied.path().join("store")).unwrap();
    fixture.assert_mended(&copied, "journal and store are gone");
}

#[test]
fn a_store_that_was_built_from_the_tree_is_built_once() {
    let fixture = Fixture::new();
    let copied = fixture.copy();
    fs::remove_dir_all(copied.path().join("journal")).unwrap();
    fs::remove_dir_all(copied.path().join("store")).unwrap();
    for (start, is_built) in [("first", true), ("second", false), ("third", false)] {
        let server = ServerProcess::start(copied.path(), [""; 0]);
        let mut wire = Wire::open(server.url(), &fixture.live.text).unwrap();
        fixture.assert_serves(&mut wire, start);
        let said = server.stderr();
        assert_eq!(server.terminate().code(), Some(0), "{start}");
        assert_eq!(said.contains("from the tree"), is_built, "{start}: {said}");
    }
}
