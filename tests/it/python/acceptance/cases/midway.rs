//! An index that fails in the middle of a run, and another run that does the rest.

use std::collections::BTreeSet;

use depot_tests::{
    Cut, FakeIndex, FakeIndexBuilder, Fault, Output, SdistBuilder, Style, Then, WheelBuilder, run,
};

use super::{Saved, assert_whole, files, wheel};
use crate::python::depot::assert_tmp_is_empty;
use crate::python::saved::{TARGET, downloads};

/// Two dozen requests: chains, extras, an sdist with what builds it, and one file that takes a while.
fn upstream() -> FakeIndexBuilder {
    let chain = |from: usize| {
        let next = format!("link{}", from + 1);
        wheel(&format!("link{from}"), "1", if from < 5 { vec![next.as_str()] } else { vec![] }.as_slice())
    };
    let index = FakeIndex::builder(Style::Json)
        .relative()
        .wheel(&wheel("app", "2", &["link0", "wide[all]"]))
        .wheel(&wheel("app", "1", &[]))
        .wheel(&wheel("wide", "1", &["heavy ; extra == 'all'"]).metadata_line("Provides-Extra: all"))
        .wheel(&WheelBuilder::new("heavy", "1").random_file("heavy/data.bin", 300_000, 5))
        .sdist(&SdistBuilder::new("plain", "1").build_requires("tool"))
        .wheel(&wheel("tool", "1", &["leaf"]))
        .wheel(&wheel("leaf", "1", &[]));
    (0..=5).fold(index, |index, at| index.wheel(&chain(at)))
}

const ASKED: [&str; 2] = ["app", "plain"];

/// The names of what is there, which must be whole.
fn names(saved: &Saved) -> BTreeSet<String> {
    assert_whole(saved);
    files(saved).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// All that a run saves that nothing disturbs, and how many requests and bytes it takes.
fn undisturbed() -> (BTreeSet<String>, usize, usize) {
    let (index, saved) = (upstream().start(), Saved::new());
    saved.solve(&index, &ASKED).assert_success();
    (names(&saved), index.requests().len(), usize::try_from(index.bytes_sent()).unwrap())
}

/// Fails unless a run that was disturbed ended with 3, named each failure with these words and no other, and left out no
/// version for the sake of an older one.
#[track_caller]
fn assert_told(said: &Output, words: &[&str]) {
    let errors: Vec<_> = said.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(!errors.is_empty(), "{}", said.stderr);
    for error in &errors {
        assert!(words.iter().any(|words| error.contains(words)) && error.contains("http://"), "{error}");
    }
    let last = said.stderr.lines().last().unwrap();
    assert!(last.contains(&format!("{} failed", errors.len())), "{last}");
}

/// Runs again against the index as it should be, and fails unless that completes what was saved and fetches no file
/// that was there.
#[track_caller]
fn assert_completed(saved: &Saved, index: &FakeIndex, before: &BTreeSet<String>, whole: &BTreeSet<String>) {
    index.heal();
    index.clear_log();
    saved.solve(index, &ASKED).assert_success();
    assert_eq!(names(saved), *whole);
    let missing = whole.difference(before).count();
    let fetched = downloads(index);
    assert!(
        fetched <= missing + 1,
        "{fetched} for {missing}: an sdist may be there to be read and not be saved"
    );
    assert_tmp_is_empty(&saved.root());
    index.clear_log();
    saved.solve(index, &ASKED).assert_success();
    assert_eq!(downloads(index), 0, "and then all is there");
}

#[test]
fn an_index_that_answers_with_500_after_some_requests_costs_what_it_failed_at_and_another_run_does_the_rest()
{
    let (whole, requests, _) = undisturbed();
    assert!(requests >= 20, "{requests}");
    let mut seen = BTreeSet::new();
    for after in [0, 1, 3, 6, 10, 14, 18, requests - 1] {
        let (index, saved) = (upstream().start(), Saved::new());
        index.fault_after(after, Fault::Status { code: 500, retry_after: None });
        let said =
            saved.solve(&index, &[&ASKED[..], &["--retries", "0", "--jobs", "2"]].concat()).assert_code(3);
        assert_told(&said, &["answered with status 500"]);
        let before = names(&saved);
        assert!(before.is_subset(&whole), "after {after}: {before:?}");
        assert_completed(&saved, &index, &before, &whole);
        seen.insert(before.len());
    }
    assert!(seen.len() > 2, "some of it was saved each time, and more the later it failed: {seen:?}");
}

#[test]
fn connections_that_are_reset_cost_what_was_under_way_and_another_run_does_the_rest() {
    broken(Then::Reset);
}

#[test]
fn an_index_that_dies_for_good_costs_what_was_to_come_and_another_run_does_the_rest() {
    broken(Then::Refuse);
}

#[track_caller]
fn broken(then: Then) {
    let (whole, _, bytes) = undisturbed();
    for after in [0, 5_000, 20_000, bytes / 2, bytes] {
        let (index, saved) = (upstream().start(), Saved::new());
        let line = Cut::start(index.address(), after, then);
        let args = [&ASKED[..], &["--retries", "1", "--jobs", "2", "--target", TARGET]].concat();
        let said = run(&mut saved.solve_command(&line.index_url(), &args)).assert_code(3);
        assert_told(&said, &["could not be reached", "broke off", "connection"]);
        let before = names(&saved);
        assert!(before.is_subset(&whole), "after {after}: {before:?}");
        assert_completed(&saved, &index, &before, &whole);
    }
}

#[test]
fn a_project_whose_page_fails_is_named_by_the_way_to_it_and_no_older_version_is_taken_for_it() {
    let (index, saved) = (upstream().start(), Saved::new());
    index.fault(&FakeIndex::page_path("link3"), Fault::Status { code: 503, retry_after: None });
    let said = saved.solve(&index, &["app", "--retries", "0"]).assert_code(3);
    let chain = "error: link3 (needed by link2 1, that by link1 1, that by link0 1, that by app 2): ";
    assert!(
        said.stderr.contains(chain) && said.stderr.contains("answered with status 503"),
        "{}",
        said.stderr
    );
    assert_eq!(saved.filenames("app"), ["app-2-py3-none-any.whl"]);
    assert_eq!((saved.filenames("link2").len(), saved.filenames("heavy").len()), (1, 1));
    index.heal();
    saved.solve(&index, &["app"]).assert_success();
    assert_eq!(saved.filenames("link5").len(), 1);
}
