//! Projects without a file for a target.

use depot_tests::SdistBuilder;

use super::{TARGETS, index, save, wheel};

const LINUX: &str = "cp312-cp312-manylinux_2_17_x86_64";
const WINDOWS: &str = "cp312-cp312-win_amd64";

#[test]
fn a_project_with_files_for_other_targets_only_is_named_with_what_it_has() {
    let index = index(&[
        wheel("windowed", "3.0", &[]).tag(WINDOWS),
        wheel("windowed", "2.9", &[]).tag("cp311-cp311-win_amd64"),
    ])
    .start();
    let came = save(&index, &["windowed"], 3);
    came.says(
        "error: windowed: ",
        &[
            "no version of `windowed` fits on cp312-manylinux_2_28_x86_64",
            "3.0 and 1 more: each has no file for this target",
            "only such as `windowed-3.0-cp312-cp312-win_amd64.whl`",
        ],
    );
    came.failed(1);
    came.has(&[("windowed", &[]), ("leaf", &["leaf-2-py3-none-any.whl"])]);
    came.installs(&[]);
}

#[test]
fn it_is_saved_for_the_targets_that_it_has_files_for_and_the_others_are_named_in_one_line() {
    let index = index(&[
        wheel("windowed", "3.0", &["leaf"]).tag(WINDOWS),
        wheel("app", "1", &["windowed>=2"]),
        wheel("split", "2", &[]).tag(WINDOWS),
        wheel("split", "1", &[]).tag(LINUX),
    ])
    .start();
    let came = save(&index, &[&["app", "split"], &TARGETS[..]].concat(), 3);
    let those = "cp312-manylinux_2_28_x86_64, cp311-macosx_14_0_arm64";
    came.says(
        &format!("error: app for {those}: "),
        &[
            "`app==1` requires `windowed>=2`",
            "3.0 has no file for such a target, only such as `windowed-3.0-cp312-cp312-win_amd64.whl`",
        ],
    );
    came.says(
        "error: split for cp311-macosx_14_0_arm64: ",
        &["2 and 1 more: each has no file for this target"],
    );
    came.failed(2);
    came.has(&[
        ("app", &["app-1-py3-none-any.whl"]),
        ("windowed", &["windowed-3.0-cp312-cp312-win_amd64.whl"]),
        ("split", &["split-1-cp312-cp312-manylinux_2_17_x86_64.whl", "split-2-cp312-cp312-win_amd64.whl"]),
    ]);
    came.installs(&[]);
}

#[test]
fn what_no_target_has_a_file_for_is_told_once() {
    let index = index(&[wheel("old", "1", &[]).tag("cp36-cp36m-win32")]).start();
    let came = save(&index, &[&["old"], &TARGETS[..]].concat(), 3);
    came.says(
        "error: old: ",
        &[
            "no version of `old` fits on any target: 1 has no file for such a target",
            "`old-1-cp36-cp36m-win32.whl`",
        ],
    );
    came.failed(1);
    came.installs(&[]);
}

#[test]
fn an_sdist_alone_is_refused_where_wheels_alone_are_wanted_and_the_flag_is_named() {
    let index = index(&[wheel("app", "1", &["plain"])]).sdist(&SdistBuilder::new("plain", "1.0")).start();
    let came = save(&index, &["app", "--only-binary", ":all:"], 3);
    came.says(
        "error: app: ",
        &["1.0 has no wheel, and --only-binary wants one", "`app==1` requires `plain`"],
    );
    came.failed(1);
    came.has(&[("app", &[]), ("plain", &[])]);
    let came = save(&index, &["app"], 0);
    came.has(&[("plain", &["plain-1.0.tar.gz"])]);
    came.installs(&["app"]);
}

#[test]
fn what_an_sdist_lacks_to_be_built_is_named_with_it_and_with_who_needs_it() {
    let sdist = SdistBuilder::new("plain", "1.0").build_requires("tool>=2");
    let index = index(&[wheel("app", "1", &["plain"]), wheel("tool", "1", &[])]).sdist(&sdist).start();
    let came = save(&index, &["app"], 3);
    came.says(
        "error: tool>=2 (needed to build plain 1.0, that by app 1): ",
        &["no version of `tool` fits `tool>=2`", "the newest is 1"],
    );
    came.failed(1);
    came.has(&[("app", &["app-1-py3-none-any.whl"]), ("plain", &["plain-1.0.tar.gz"]), ("tool", &[])]);
    came.installs(&[]);
}

#[test]
fn what_other_pythons_need_is_told_with_what_each_version_says() {
    let index = index(&[
        wheel("app", "1", &["young"]),
        wheel("young", "2", &[]).requires_python(">=3.14"),
        wheel("young", "1", &[]).requires_python(">=3.13"),
    ])
    .start();
    let came = save(&index, &["app"], 3);
    came.says(
        "error: app: ",
        &["2 requires Python >=3.14, 1 requires Python >=3.13", "`app==1` requires `young`"],
    );
    came.failed(1);
    came.installs(&[]);
}
