//! What cannot be had: everything else is saved, the exit code is 3, and the words say what to do about it.

use depot_tests::{FakeFile, FakeIndex, FakeIndexBuilder, Fault, Style, WheelBuilder};

use crate::python::saved::{Saved, result};

fn index() -> FakeIndexBuilder {
    FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("good", "1.0").requires_dist("leaf"))
        .wheel(&WheelBuilder::new("leaf", "1"))
        .wheel(&WheelBuilder::new("leaf", "2"))
}

/// Saves what is in trouble beside what is not, and gives what was said of the trouble.
fn trouble(index: &FakeIndex, args: &[&str], code: i32) -> String {
    let saved = Saved::new();
    let said = saved.solve(index, &[&["good"], args].concat()).assert_code(code);
    assert_eq!((saved.filenames("good").len(), saved.filenames("leaf").len()), (1, 1), "{}", said.stderr);
    said.stderr
}

#[test]
fn a_set_that_contradicts_itself_is_explained() {
    let old = WheelBuilder::new("old", "1.0").requires_dist("leaf<2");
    let new = WheelBuilder::new("new", "1.0").requires_dist("leaf>=2");
    let index = index().wheel(&old).wheel(&new).start();
    let said = trouble(&index, &["old", "new"], 3);
    let line = said.lines().find(|line| line.starts_with("error: new: because")).unwrap();
    for words in ["`old==1.0` requires `leaf<2`", "`new==1.0` requires `leaf>=2`", "you require"] {
        assert!(line.contains(words), "{words}: {line}");
    }
}

#[test]
fn a_project_with_no_file_for_the_target_is_named_with_what_it_has() {
    let index = index().wheel(&WheelBuilder::new("windowed", "3.0").tag("cp312-cp312-win_amd64")).start();
    let said = trouble(&index, &["windowed"], 3);
    let words = "no version of `windowed` fits on cp312-manylinux_2_28_x86_64: 3.0 has no file for this target, \
                 only such as `windowed-3.0-cp312-cp312-win_amd64.whl`";
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_circle_of_markers_ends() {
    let one = WheelBuilder::new("one", "1").requires_dist("two[y] ; extra == 'x'");
    let two = WheelBuilder::new("two", "1").requires_dist("one[x] ; extra == 'y'");
    let index = index()
        .wheel(&one.metadata_line("Provides-Extra: x"))
        .wheel(&two.metadata_line("Provides-Extra: y"))
        .start();
    trouble(&index, &["one[x]"], 0);
}

#[test]
fn a_missing_extra_is_a_warning() {
    let index = index().start();
    let said = trouble(&index, &["leaf[nope]"], 0);
    assert!(said.contains("warning: leaf 2 has no extra `nope`"), "{said}");
}

#[test]
fn a_yanked_pin_is_saved_with_a_warning() {
    let index =
        index().file("spoilt", FakeFile::from(&WheelBuilder::new("spoilt", "1")).yanked("leaks")).start();
    let said = trouble(&index, &["spoilt==1"], 0);
    assert!(said.contains("warning: spoilt 1 is yanked (\"leaks\")"), "{said}");
    let said = trouble(&index, &["spoilt"], 3);
    assert!(said.contains("pin it with `==`"), "{said}");
}

#[test]
fn an_index_that_fails_midway_loses_what_it_failed_at_alone() {
    let parent = WheelBuilder::new("parent", "1").requires_dist("gone");
    let index = index().wheel(&parent).wheel(&WheelBuilder::new("gone", "1")).start();
    index.fault(&FakeIndex::page_path("gone"), Fault::Status { code: 500, retry_after: None });
    let said = trouble(&index, &["parent", "--retries", "0"], 3);
    assert!(said.contains("error: gone (needed by parent 1): ") && said.contains("500"), "{said}");
    index.heal();
    index.fault(
        &FakeIndex::file_path("parent", "parent-1-py3-none-any.whl.metadata"),
        Fault::Status { code: 500, retry_after: None },
    );
    let said = trouble(&index, &["parent", "--retries", "0"], 3);
    assert!(said.contains("error: parent 1: what it requires cannot be told"), "{said}");
}

#[test]
fn what_failed_and_what_is_warned_of_is_in_the_result_for_programs() {
    let (index, saved) = (index().start(), Saved::new());
    let said = saved.solve(&index, &["absent", "leaf[nope]", "--format", "json"]).assert_code(3);
    let result = result(&said);
    assert_eq!(result["failed"][0]["item"], "absent");
    assert_eq!(result["warnings"][0], "leaf 2 has no extra `nope`: it has none");
}
