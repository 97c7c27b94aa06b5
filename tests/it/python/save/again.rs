//! A second run over a tree that is there: what changed upstream, and what was damaged here.

use std::fs;

use depot_tests::{FakeFile, FakeIndex, Style, WheelBuilder, sha256_hex};
use serde_json::json;

use super::{STYLES, index, pot};
use crate::python::depot::{assert_tmp_is_empty, listing};
use crate::python::saved::{Saved, downloads, result};

#[test]
fn a_second_run_downloads_nothing() {
    for style in STYLES {
        let (index, saved) = (index(style).start(), Saved::new());
        saved.save(&index, &["tea-pot", "lid"]).assert_success();
        index.clear_log();
        let before = listing(&saved.root().join("files"));
        let said = saved.save(&index, &["tea-pot", "lid"]).assert_success();
        assert!(
            said.stderr.contains("saved 0 files") && said.stderr.contains("3 there already"),
            "{}",
            said.stderr
        );
        assert_eq!(downloads(&index), 0);
        assert_eq!(listing(&saved.root().join("files")), before);
        assert_eq!(index.requests().len(), 2, "{:?}", index.requests());
    }
}

#[test]
fn a_file_that_was_damaged_or_lost_in_the_tree_is_fetched_again() {
    for style in STYLES {
        let (index, saved) = (index(style).start(), Saved::new());
        saved.save(&index, &["lid"]).assert_success();
        let lid = WheelBuilder::new("lid", "3");
        let path = saved.path("lid", &lid.filename());
        let whole = lid.build();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        for damage in [Some(&flipped[..]), Some(&whole[..10]), Some(b""), None] {
            match damage {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            index.clear_log();
            let said = saved.save(&index, &["lid"]).assert_success();
            assert!(said.stderr.contains("saved 1 file"), "{}", said.stderr);
            assert_eq!(fs::read(&path).unwrap(), whole);
            assert_eq!(downloads(&index), 1);
        }
        assert_tmp_is_empty(&saved.root());
    }
}

#[test]
fn a_yank_that_changed_upstream_changes_the_record_without_bytes() {
    for style in STYLES {
        let (index, saved) = (FakeIndex::builder(style).wheel(&pot("1.0")).start(), Saved::new());
        saved.save(&index, &["tea-pot==1.0"]).assert_success();
        let before = saved.record("tea-pot", &pot("1.0").filename());
        index.put("tea-pot", FakeFile::from(&pot("1.0")).yanked("leaks"));
        index.clear_log();
        let said = saved.save(&index, &["tea-pot==1.0", "--format", "json"]).assert_success();
        assert_eq!(result(&said)["counts"]["updated"], 1, "{}", said.stdout);
        let yanked = saved.record("tea-pot", &pot("1.0").filename());
        assert_eq!(yanked["yanked"], "leaks");
        for key in ["origin", "first-seen"] {
            assert_eq!(yanked["depot"][key], before["depot"][key]);
        }

        index.put("tea-pot", &pot("1.0"));
        saved.save(&index, &["tea-pot"]).assert_success();
        assert_eq!(saved.record("tea-pot", &pot("1.0").filename()), before);
        assert_eq!(downloads(&index), 0);
    }
}

#[test]
fn a_yank_of_a_file_that_is_not_chosen_any_more_is_taken_too_and_said() {
    for (style, upgrade) in STYLES.into_iter().flat_map(|style| [(style, false), (style, true)]) {
        let index = FakeIndex::builder(style).wheel(&pot("1.0")).wheel(&pot("1.1")).start();
        let saved = Saved::new();
        saved.solve(&index, &["tea-pot"]).assert_success();
        assert_eq!(saved.filenames("tea-pot"), [pot("1.1").filename()]);
        index.put("tea-pot", FakeFile::from(&pot("1.1")).yanked("leaks"));
        index.clear_log();
        let args: &[&str] = if upgrade { &["tea-pot", "--upgrade"] } else { &["tea-pot"] };
        let said = saved.solve(&index, &[args, &["--format", "json"]].concat()).assert_success();
        let line = "warning: the tree has what was yanked since it was saved: tea-pot 1.1 (\"leaks\"), 1.0 is taken in \
                    its place\n";
        assert!(said.stderr.contains(line), "{}", said.stderr);
        let result = result(&said);
        assert_eq!(
            (&result["counts"]["saved"], &result["counts"]["updated"]),
            (&json!(1), &json!(1)),
            "{result:#}"
        );
        let row = result["files"].as_array().unwrap().iter().find(|row| row["outcome"] == "updated").unwrap();
        assert_eq!(row["filename"], pot("1.1").filename());
        assert_eq!(saved.record("tea-pot", &pot("1.1").filename())["yanked"], "leaks");
        let requests = index.requests();
        let again = requests.iter().filter(|request| request.path.ends_with(&pot("1.1").filename()));
        assert_eq!(again.count(), 0, "its bytes are there");
        // It is news once.
        let said = saved.solve(&index, args).assert_success();
        assert!(!said.stderr.contains("updated") && !said.stderr.contains("yanked"), "{}", said.stderr);
    }
}

#[test]
fn what_is_said_of_other_bytes_of_the_same_name_is_not_taken() {
    let index = FakeIndex::builder(Style::Json).wheel(&pot("1.0")).wheel(&pot("1.1")).start();
    let saved = Saved::new();
    saved.solve(&index, &["tea-pot"]).assert_success();
    let before = saved.record("tea-pot", &pot("1.1").filename());
    let other = pot("1.1").file("tea_pot/more.py", "x = 1\n");
    index.put("tea-pot", FakeFile::from(&other).yanked("leaks"));
    saved.solve(&index, &["tea-pot"]).assert_success();
    assert_eq!(saved.record("tea-pot", &pot("1.1").filename()), before);
}

#[test]
fn other_bytes_upstream_than_in_the_tree_are_a_conflict_and_the_tree_stays() {
    for style in STYLES {
        let (index, saved) = (index(style).start(), Saved::new());
        let lid = WheelBuilder::new("lid", "3");
        saved.save(&index, &["lid"]).assert_success();
        let other = lid.clone().file("lid/more.py", "x = 1\n");
        index.put("lid", &other);
        let said = saved.save(&index, &["lid", "unripe"]).assert_code(3);
        let named =
            said.stderr.lines().any(|line| line.contains(&lid.filename()) && line.contains("other bytes"));
        assert!(named && said.stderr.contains(&sha256_hex(&lid.build())), "{}", said.stderr);
        assert_eq!(saved.stored("lid", &lid.filename()).unwrap(), lid.build());
        assert_eq!(saved.filenames("unripe").len(), 1, "the rest is saved");
        // Without a digest upstream only the bytes can tell.
        index.put("lid", FakeFile::from(&other).without_hash());
        fs::remove_file(saved.path("lid", &lid.filename())).unwrap();
        let said = saved.save(&index, &["lid"]).assert_code(3);
        assert!(said.stderr.contains("other bytes"), "{}", said.stderr);
    }
}
