//! Targets: each has its own files and its own markers, and shares what it can.

use depot_tests::{FakeIndex, SdistBuilder, Style, WheelBuilder};
use serde_json::json;

use crate::python::saved::{Saved, result};

const TARGETS: [&str; 6] = [
    "--target",
    "cp312-manylinux_2_28_x86_64",
    "--target",
    "cp311-win_amd64",
    "--target",
    "cp313-macosx_14_0_arm64",
];

fn compiled(tag: &str) -> WheelBuilder {
    WheelBuilder::new("fast", "1.0").tag(tag).requires_dist("only-win ; sys_platform == 'win32'")
}

fn index() -> FakeIndex {
    FakeIndex::builder(Style::Json)
        .wheel(&compiled("cp312-cp312-manylinux_2_17_x86_64"))
        .wheel(&compiled("cp311-cp311-win_amd64"))
        .wheel(&compiled("cp310-cp310-win_amd64"))
        .sdist(&SdistBuilder::new("fast", "1.0").requires_dist("only-win ; sys_platform == 'win32'"))
        .wheel(&WheelBuilder::new("only-win", "1"))
        .wheel(&WheelBuilder::new("newer", "1"))
        .wheel(&WheelBuilder::new("newer", "2").requires_python(">=3.12"))
        .start()
}

#[test]
fn each_target_has_its_wheel_or_the_sdist_and_what_its_markers_say() {
    let (index, saved) = (index(), Saved::new());
    let result = result(
        &saved.solve(&index, &[&["fast", "--format", "json"], &TARGETS[..]].concat()).assert_success(),
    );
    let expected = [
        "fast-1.0-cp311-cp311-win_amd64.whl",
        "fast-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
        "fast-1.0.tar.gz",
    ];
    assert_eq!(saved.filenames("fast"), expected);
    assert_eq!(saved.filenames("only-win").len(), 1);
    let only_win =
        result["packages"].as_array().unwrap().iter().find(|it| it["project"] == "only-win").unwrap();
    assert_eq!(only_win["targets"], json!(["cp311-win_amd64"]));
    assert_eq!(result["targets"].as_array().unwrap().len(), 3);
}

#[test]
fn a_version_that_one_target_cannot_use_is_another_there() {
    let (index, saved) = (index(), Saved::new());
    saved.solve(&index, &[&["newer"], &TARGETS[..]].concat()).assert_success();
    assert_eq!(saved.filenames("newer"), ["newer-1-py3-none-any.whl", "newer-2-py3-none-any.whl"]);
}

#[test]
fn what_one_target_lacks_is_named_with_it_and_the_others_are_saved() {
    let (index, saved) = (index(), Saved::new());
    let args = [&["fast", "--only-binary", ":all:"], &TARGETS[..]].concat();
    let said = saved.solve(&index, &args).assert_code(3);
    let line =
        said.stderr.lines().find(|line| line.starts_with("error: fast for cp313-macosx_14_0_arm64")).unwrap();
    assert!(line.contains("1.0 has"), "{line}");
    assert_eq!(saved.filenames("fast").len(), 2);
}

#[test]
fn what_applies_in_no_target_is_skipped_and_said() {
    let (index, saved) = (index(), Saved::new());
    let said = saved.solve(&index, &["newer", "only-win ; sys_platform == 'win32'"]).assert_success();
    assert!(
        said.stderr.contains("skipped only-win") && said.stderr.contains("none of the targets"),
        "{}",
        said.stderr
    );
    assert!(saved.filenames("only-win").is_empty());
}
