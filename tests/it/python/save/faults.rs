//! Indexes that fail, once or for ever.

use std::time::{Duration, Instant};

use depot_tests::{FakeFile, FakeIndex, Fault, Style, WheelBuilder, run};

use super::STYLES;
use crate::python::depot::{assert_tmp_is_empty, uploads_under_way};
use crate::python::saved::{Saved, downloads};

fn wheel(name: &str) -> WheelBuilder {
    WheelBuilder::new(name, "1.0").random_file(&format!("{name}/data.bin"), 40_000, 3)
}

/// An index of one wheel for each name.
fn index(style: Style, names: &[&str]) -> FakeIndex {
    names.iter().fold(FakeIndex::builder(style), |index, name| index.wheel(&wheel(name))).start()
}

fn file(name: &str) -> String {
    FakeIndex::file_path(name, &wheel(name).filename())
}

fn status(code: u16) -> Fault {
    Fault::Status { code, retry_after: None }
}

/// Fails unless a line of the talk names the item and says these words.
#[track_caller]
fn assert_named(stderr: &str, item: &str, words: &str) {
    let named =
        stderr.lines().any(|line| line.starts_with("error: ") && line.contains(item) && line.contains(words));
    assert!(named, "{item} with {words:?} is not in:\n{stderr}");
}

#[test]
fn what_fails_for_ever_is_named_and_the_rest_is_saved() {
    for style in STYLES {
        let names =
            ["gone", "broken", "cut", "flipped", "portal", "forbidden", "nopage", "portalpage", "fine"];
        let (index, saved) = (index(style, &names), Saved::new());
        index.fault(&file("gone"), Fault::NotFound);
        index.fault(&file("broken"), status(500));
        // Six times this is less than the whole.
        index.fault(&file("cut"), Fault::Truncate(5_000));
        index.fault(&file("flipped"), Fault::WrongBytes);
        index.fault(&file("portal"), Fault::HtmlInstead);
        index.fault(&file("forbidden"), status(403));
        index.fault(&FakeIndex::page_path("nopage"), status(503));
        index.fault(&FakeIndex::page_path("portalpage"), Fault::Truncate(10));
        let said = saved.save(&index, &names).assert_code(3);
        for (name, words) in [
            ("gone", "is not there"),
            ("broken", "500"),
            ("cut", "6 attempts"),
            ("flipped", "sha256"),
            ("portal", "the index lists"),
            ("forbidden", "is forbidden"),
            ("nopage", "503"),
            ("portalpage", "broke off"),
        ] {
            assert_named(&said.stderr, name, words);
            assert!(saved.filenames(name).is_empty(), "{name}");
        }
        assert_eq!(saved.stored("fine", &wheel("fine").filename()).unwrap(), wheel("fine").build());
        assert!(said.stderr.contains("saved 1 file") && said.stderr.contains("8 failed"), "{}", said.stderr);
        assert_tmp_is_empty(&saved.root());
        // What will not pass is not asked again; what may pass is asked six times.
        for name in ["gone", "flipped", "forbidden"] {
            assert_eq!(index.count(&file(name)), 1, "{name}");
        }
        for path in [file("broken"), file("cut"), FakeIndex::page_path("nopage")] {
            assert_eq!(index.count(&path), 6, "{path}");
        }
        index.heal();
        saved.save(&index, &names).assert_success();
        assert!(names.iter().all(|name| saved.filenames(name).len() == 1));
    }
}

#[test]
fn what_fails_once_is_tried_again() {
    for style in STYLES {
        let (index, saved) = (index(style, &["broken", "cut", "busy", "page"]), Saved::new());
        index.fault_times(&file("broken"), 1, status(500));
        index.fault_times(&file("cut"), 1, Fault::Truncate(10_000));
        index.fault_times(&FakeIndex::page_path("page"), 2, status(502));
        index.fault_times(&file("busy"), 1, Fault::Status { code: 429, retry_after: Some(2) });
        let started = Instant::now();
        saved.save(&index, &["broken", "cut", "busy", "page"]).assert_success();
        assert!(started.elapsed() >= Duration::from_secs(2), "Retry-After is not obeyed");
        for name in ["broken", "cut", "busy", "page"] {
            assert_eq!(saved.stored(name, &wheel(name).filename()).unwrap(), wheel(name).build());
        }
        assert_eq!(index.count(&file("broken")), 2);
        assert_eq!(index.count(&file("cut")), 2);
    }
}

#[test]
fn without_a_digest_a_web_page_is_not_taken_for_a_file() {
    for style in STYLES {
        let lid = wheel("lid");
        let (index, saved) = (
            FakeIndex::builder(style).file("lid", FakeFile::from(&lid).without_hash()).start(),
            Saved::new(),
        );
        index.fault(&file("lid"), Fault::HtmlInstead);
        let said = saved.save(&index, &["lid"]).assert_code(3);
        assert_named(&said.stderr, "lid-1.0", "");
        assert!(saved.filenames("lid").is_empty());
        index.heal();
        saved.save(&index, &["lid"]).assert_success();
        assert_eq!(saved.stored("lid", &lid.filename()).unwrap(), lid.build());
    }
}

#[test]
fn a_listed_digest_or_size_that_the_bytes_do_not_have_is_refused() {
    let (lid, pot) = (wheel("lid"), wheel("pot"));
    let index = FakeIndex::builder(Style::Json)
        .file("lid", FakeFile::from(&lid).sha256(&"0".repeat(64)))
        .file("pot", FakeFile::from(&pot).size(17))
        .start();
    let saved = Saved::new();
    let said = saved.save(&index, &["lid", "pot"]).assert_code(3);
    assert_named(&said.stderr, &lid.filename(), &"0".repeat(64));
    assert_named(&said.stderr, &pot.filename(), "17");
    assert!(saved.filenames("lid").is_empty() && saved.filenames("pot").is_empty());
}

#[test]
fn an_index_that_is_down_is_named() {
    let (mut index, saved) = (index(Style::Json, &["lid"]), Saved::new());
    index.stop();
    let said = saved.save(&index, &["lid"]).assert_code(3);
    assert_named(&said.stderr, "lid", "could not be reached (6 attempts): Connection refused");
    assert!(said.stderr.contains(index.origin()), "{}", said.stderr);
}

#[test]
fn a_slow_file_is_waited_for() {
    let (index, saved) = (index(Style::HtmlOnly, &["lid"]), Saved::new());
    index.fault(&file("lid"), Fault::SlowDrip { bytes: 2_000, every: Duration::from_millis(100) });
    saved.save(&index, &["lid"]).assert_success();
    assert_eq!(saved.stored("lid", &wheel("lid").filename()).unwrap(), wheel("lid").build());
}

#[test]
fn a_run_that_is_killed_leaves_nothing_half_and_the_next_one_fetches_the_rest() {
    let names: Vec<String> = (0..12).map(|number| format!("cup{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (index, saved) = (index(Style::Json, &names), Saved::new());
    // Half of them come at once, the others so slowly that the run is in the middle of them.
    for name in &names[6..] {
        index.fault(&file(name), Fault::SlowDrip { bytes: 30_000, every: Duration::from_secs(1) });
    }
    let mut child = saved.save_command(&index.url(), &names).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while names.iter().filter(|name| saved.filenames(name).len() == 1).count() < 6 {
        assert!(Instant::now() < deadline, "six files did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!uploads_under_way(&saved.root()).is_empty(), "it was killed in the middle");
    assert!(names[6..].iter().all(|name| saved.filenames(name).is_empty()));
    index.heal();
    index.clear_log();
    let said = run(&mut saved.save_command(&index.url(), &names)).assert_success();
    assert!(said.stderr.contains("6 there already"), "{}", said.stderr);
    assert_eq!(downloads(&index), 6);
    for name in names {
        assert_eq!(saved.stored(name, &wheel(name).filename()).unwrap(), wheel(name).build());
    }
    assert_tmp_is_empty(&saved.root());
}

#[test]
fn an_index_that_hangs_is_given_up_on_and_the_rest_is_saved() {
    for style in STYLES {
        let (index, saved) = (index(style, &["silent", "mute", "fine"]), Saved::new());
        index.fault(&file("silent"), Fault::Hang);
        index.fault(&FakeIndex::page_path("mute"), Fault::Hang);
        let started = Instant::now();
        let args = ["silent", "mute", "fine", "--timeout", "1", "--retries", "1"];
        let said = saved.save(&index, &args).assert_code(3);
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        assert_named(&said.stderr, "silent", "2 attempts");
        assert_named(&said.stderr, "mute", "2 attempts");
        assert!(said.stderr.contains("saved 1 file "), "{}", said.stderr);
        assert_tmp_is_empty(&saved.root());
    }
}
