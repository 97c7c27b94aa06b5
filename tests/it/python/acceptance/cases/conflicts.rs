//! Requirements that exclude each other.

use std::fs;

use super::{Came, Saved, TARGETS, index, save, wheel};

#[test]
fn two_that_exclude_each_other_are_told_with_what_each_requires_and_the_first_is_saved() {
    let index = index(&[wheel("old", "1.0", &["leaf<2"]), wheel("new", "1.0", &["leaf>=2"])]).start();
    let came = save(&index, &["old", "new"], 3);
    came.says(
        "error: new: ",
        &[
            "`old==1.0` requires `leaf<2`",
            "`new==1.0` requires `leaf>=2`",
            "you require `new` and you require `old`",
            "save it in a run of its own",
        ],
    );
    came.failed(1);
    came.has(&[("old", &["old-1.0-py3-none-any.whl"]), ("new", &[]), ("leaf", &["leaf-1-py3-none-any.whl"])]);
    came.installs(&["old"]);

    // And it can be done: beside what is there, into the same tree.
    let said = came.saved.solve(&index, &["new"]).assert_success();
    let came = Came { saved: came.saved, said };
    came.has(&[
        ("new", &["new-1.0-py3-none-any.whl"]),
        ("leaf", &["leaf-1-py3-none-any.whl", "leaf-2-py3-none-any.whl"]),
    ]);
    came.installs(&["new"]);
}

#[test]
fn a_conflict_deep_below_is_told_by_every_step_from_what_was_asked_for() {
    let index = index(&[
        wheel("app", "1", &["mid>=1", "side"]),
        wheel("mid", "1", &["deep"]),
        wheel("deep", "1", &["leaf>=3"]),
        wheel("side", "1", &[]),
    ])
    .start();
    let came = save(&index, &["app", "side"], 3);
    came.says(
        "error: app: ",
        &[
            "there is no version `leaf>=3` (the newest are 2, 1)",
            "`deep==1` requires `leaf>=3`",
            "`mid==1` requires `deep`",
            "`app==1` requires `mid>=1`",
            "you require `app`",
        ],
    );
    came.failed(1);
    came.has(&[("app", &[]), ("mid", &[]), ("deep", &[]), ("side", &["side-1-py3-none-any.whl"])]);
    came.installs(&["side"]);
}

#[test]
fn a_conflict_in_one_target_is_told_with_it_and_the_other_targets_have_everything() {
    let index =
        index(&[wheel("app", "1", &["leaf<2 ; sys_platform == 'win32'"]), wheel("lib", "1", &["leaf>=2"])])
            .start();
    let came = save(&index, &[&["app", "lib"], &TARGETS[..]].concat(), 3);
    came.says(
        "error: lib for cp312-win_amd64: ",
        &["`app==1` requires `leaf<2`", "`lib==1` requires `leaf>=2`", "you require"],
    );
    came.failed(1);
    came.has(&[
        ("app", &["app-1-py3-none-any.whl"]),
        ("lib", &["lib-1-py3-none-any.whl"]),
        ("leaf", &["leaf-1-py3-none-any.whl", "leaf-2-py3-none-any.whl"]),
    ]);
    came.installs(&["app", "lib"]);
}

#[test]
fn what_two_lines_of_a_list_exclude_is_told_by_its_line() {
    let index = index(&[]).start();
    let saved = Saved::new();
    let list = saved.around().join("list.txt");
    fs::write(&list, "good\nleaf>=2\nleaf<2\n").unwrap();
    let said = saved.solve(&index, &["-r", list.to_str().unwrap()]).assert_code(3);
    let came = Came { saved, said };
    came.says(
        "error: leaf<2 (",
        &["list.txt, line 3): ", "fits `leaf>=2` and `leaf<2`", "the newest are 2, 1"],
    );
    came.failed(1);
    came.has(&[("leaf", &["leaf-2-py3-none-any.whl"])]);
    came.installs(&[]);
}

#[test]
fn a_constraint_in_the_way_is_named_with_its_place() {
    let index = index(&[wheel("app", "1", &["lib"]), wheel("lib", "1", &["leaf>=2"])]).start();
    let saved = Saved::new();
    let limits = saved.around().join("limits.txt");
    fs::write(&limits, "\nleaf<2\n").unwrap();
    let said = saved.solve(&index, &["good", "app", "-c", limits.to_str().unwrap()]).assert_code(3);
    let came = Came { saved, said };
    came.says(
        "error: app: ",
        &[
            "2 is ruled out by the constraint `leaf<2` (",
            "limits.txt, line 2)",
            "`lib==1` requires `leaf>=2`",
        ],
    );
    came.failed(1);
    came.has(&[("app", &[]), ("leaf", &["leaf-1-py3-none-any.whl"])]);
    came.installs(&[]);
}
