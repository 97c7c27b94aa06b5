//! Downloads that broke off go on from where they were: within a run, and in the next one.

use std::fs;
use std::path::PathBuf;

use depot_tests::{FakeIndex, FakeIndexBuilder, Fault, Style, WheelBuilder, counted};

use crate::python::depot::assert_tmp_is_empty;
use crate::python::saved::{Saved, result};

/// Large enough to be kept for another run.
const SIZE: usize = 1_300_000;

fn wheel() -> WheelBuilder {
    WheelBuilder::new("pot", "1.0").random_file("pot/data.bin", SIZE, 7)
}

fn file() -> String {
    FakeIndex::file_path("pot", &wheel().filename())
}

fn index() -> FakeIndexBuilder {
    FakeIndex::builder(Style::Json).wheel(&wheel())
}

/// Where a download is cut: before and after the first byte, in the middle, before the last.
fn cuts() -> [usize; 4] {
    let size = wheel().build().len();
    [0, 1, size / 2, size - 1]
}

/// Fails unless the wheel is there as it should be, and nothing is left over.
#[track_caller]
fn assert_whole(saved: &Saved) {
    assert_eq!(saved.stored("pot", &wheel().filename()).unwrap(), wheel().build());
    assert_tmp_is_empty(&saved.root());
}

/// What is kept of the wheel for another run.
fn kept(saved: &Saved) -> PathBuf {
    let entries = fs::read_dir(saved.root().join("tmp").join("resumable")).unwrap();
    let mut parts =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().unwrap() == "part");
    let part = parts.next().unwrap();
    assert!(parts.next().is_none());
    part
}

/// Breaks a save off after so many bytes.
fn break_off(index: &FakeIndex, saved: &Saved, after: usize) {
    index.fault_times(&file(), 1, Fault::Truncate(after));
    let said = saved.save(index, &["pot", "--retries", "0"]).assert_code(3);
    assert!(said.stderr.contains(&format!("broke off after {after} bytes")), "{}", said.stderr);
    assert!(saved.filenames("pot").is_empty());
    index.clear_log();
}

#[test]
fn a_download_that_is_reset_goes_on_within_the_run() {
    let whole = wheel().build().len() as u64;
    let mut resumed = 0;
    for cut in cuts() {
        for index in [index(), index().without_etags()] {
            let (index, saved) = (index.start(), Saved::new());
            index.fault_times(&file(), 1, Fault::Truncate(cut));
            saved.save(&index, &["pot"]).assert_success();
            assert_whole(&saved);
            assert_eq!((index.count(&file()), index.bytes_sent()), (2, whole), "cut at {cut}");
            resumed += 1;
        }
        // Where there are no ranges the second answer is the whole again.
        let (index, saved) = (index().without_ranges().start(), Saved::new());
        index.fault_times(&file(), 1, Fault::Truncate(cut));
        saved.save(&index, &["pot"]).assert_success();
        assert_whole(&saved);
        assert_eq!(index.bytes_sent(), whole + cut as u64);
    }
    counted("fault 13", "resets of an upstream after which a save went on", resumed);
}

#[test]
fn the_next_run_asks_for_the_rest_alone() {
    let whole = wheel().build().len();
    let mut resumed = 0;
    for cut in cuts() {
        for has_etags in [true, false] {
            let index = if has_etags { index() } else { index().without_etags() };
            let (index, saved) = (index.start(), Saved::new());
            break_off(&index, &saved, cut);
            let said = saved.save(&index, &["pot", "--format", "json"]).assert_success();
            assert_whole(&saved);
            assert_eq!(index.bytes_sent(), (whole - cut) as u64, "cut at {cut}");
            assert_eq!(result(&said)["resumed-bytes"], cut);
            let requests = index.requests();
            let asked = requests.iter().find(|request| request.path == file()).unwrap();
            let range = (cut > 0).then(|| format!("bytes={cut}-"));
            assert_eq!(asked.range, range);
            assert_eq!(asked.if_range.is_some(), has_etags && cut > 0);
            resumed += 1;
        }
    }
    counted("fault 25", "interrupted saves resumed", resumed);
}

#[test]
fn kept_bytes_that_were_damaged_cost_a_second_download_and_nothing_else() {
    let (index, saved) = (index().start(), Saved::new());
    let (whole, cut) = (wheel().build().len(), 700_000);
    break_off(&index, &saved, cut);
    let part = kept(&saved);
    let mut bytes = fs::read(&part).unwrap();
    assert_eq!(bytes.len(), cut);
    bytes[1000] ^= 1;
    fs::write(&part, bytes).unwrap();
    let said = saved.save(&index, &["pot", "--format", "json"]).assert_success();
    assert_whole(&saved);
    assert_eq!(index.bytes_sent(), (whole - cut + whole) as u64);
    assert_eq!(result(&said)["resumed-bytes"], 0);
}

#[test]
fn what_was_kept_whole_or_too_long_is_dealt_with() {
    let bytes = wheel().build();
    for (content, sent) in [(bytes.clone(), 0), ([&bytes[..], b"!"].concat(), bytes.len())] {
        let (index, saved) = (index().start(), Saved::new());
        break_off(&index, &saved, 1000);
        fs::write(kept(&saved), content).unwrap();
        saved.save(&index, &["pot"]).assert_success();
        assert_whole(&saved);
        assert_eq!(index.bytes_sent(), sent as u64);
    }
}

#[test]
fn the_rest_may_come_from_another_index() {
    let (first, saved) = (index().start(), Saved::new());
    break_off(&first, &saved, 900_000);
    let second = index().start();
    saved.save(&second, &["pot"]).assert_success();
    assert_whole(&saved);
    assert_eq!(second.bytes_sent(), wheel().build().len() as u64 - 900_000);
    // How the first one names its versions means nothing there.
    assert!(second.requests().iter().all(|request| request.if_range.is_none()));
}

#[test]
fn a_small_file_is_not_kept() {
    let lid = WheelBuilder::new("lid", "1").random_file("lid/data.bin", 100_000, 1);
    let (index, saved) = (FakeIndex::builder(Style::Json).wheel(&lid).start(), Saved::new());
    index.fault_times(&FakeIndex::file_path("lid", &lid.filename()), 1, Fault::Truncate(50_000));
    saved.save(&index, &["lid", "--retries", "0"]).assert_code(3);
    assert_tmp_is_empty(&saved.root());
}
