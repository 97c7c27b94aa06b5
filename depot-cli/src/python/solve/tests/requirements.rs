//! What is followed: dependencies, extras, markers, and circles of them.

use std::fmt::Write as _;

use super::{
    LINUX, WINDOWS, failures, installed, memory::index, problem, solve_for, solve_one, solved,
    with_constraints,
};

#[test]
fn the_newest_versions_that_go_together_are_taken() {
    // Each line of a table: what is wanted, what comes of it.
    let index = index(
        "a 1.0: b
         a 2.0: b>=2
         b 1.0
         b 1.5
         b 2.0: c<2
         b 3.0: c>=2 & d
         c 1.0
         c 2.0
         lonely 1.0",
    )
    .done();
    for (wanted, expected) in [
        // `d` is not there, so the newest `b` cannot be.
        (&["a"][..], &["a 2.0", "b 2.0", "c 1.0"][..]),
        (&["a<2"], &["a 1.0", "b 2.0", "c 1.0"]),
        (&["a", "b<2"], &["a 1.0", "b 1.5"]),
        (&["a", "c>=2"], &["a 1.0", "b 1.5", "c 2.0"]),
        (&["a", "lonely"], &["a 2.0", "b 2.0", "c 1.0", "lonely 1.0"]),
        (&["B", "b!=2.0"], &["b 1.5"]),
        (&["b==1.*"], &["b 1.5"]),
        (&["b~=1.0"], &["b 1.5"]),
    ] {
        assert_eq!(solved(&index, wanted), expected, "{wanted:?}");
    }
}

#[test]
fn pubgrubs_own_examples_come_out_as_it_says() {
    // Conflict resolution with a partial satisfier, and the deep backtracking of the algorithm's description.
    let partial = index(
        "foo 1.0.0: left==1.0.0 & right==1.0.0
         foo 1.1.0: left>=1.0.0 & right>=1.0.0
         left 1.0.0: shared>=1.0.0
         right 1.0.0: shared<2.0.0
         shared 1.0.0: target==1.0.0
         shared 2.0.0
         target 1.0.0
         target 2.0.0",
    )
    .done();
    let failed = failures(&partial, &problem(&["target>=2", "foo"]));
    assert!(failed.len() == 1 && failed[0].0 == "foo", "{failed:?}");
    assert!(failed[0].1.contains("what you ask for cannot be had; if it need"), "{failed:?}");
    let together = "`left==1.0.0` and every version of `right` together require `shared>=1.0.0,<2.0.0`";
    assert!(failed[0].1.contains(together), "{failed:?}");
    assert_eq!(
        solved(&partial, &["foo"]),
        ["foo 1.1.0", "left 1.0.0", "right 1.0.0", "shared 1.0.0", "target 1.0.0"]
    );

    let menu = index(
        "menu 1.0.0: dropdown>=1.0.0,<2.0.0
         menu 1.5.0: dropdown>=2.0.0
         dropdown 1.8.0: intl==3.0.0
         dropdown 2.0.0: icons>=2.0.0
         dropdown 2.3.0: icons>=2.0.0
         icons 1.0.0
         icons 2.0.0
         intl 3.0.0
         intl 5.0.0",
    )
    .done();
    assert_eq!(
        solved(&menu, &["menu", "icons<2", "intl<5"]),
        ["dropdown 1.8.0", "icons 1.0.0", "intl 3.0.0", "menu 1.0.0"]
    );
}

#[test]
fn a_long_way_back_is_found_among_many_versions() {
    // Only the oldest of fifty goes with what is pinned.
    let mut lines = String::from("z 1.0\nz 2.0\n");
    for version in 1..=50 {
        let z = if version == 1 { "z<2" } else { "z>=2" };
        let _ = writeln!(lines, "a {version}: {z}\nb {version}: a=={version}");
    }
    assert_eq!(solved(&index(&lines).done(), &["b", "z<2"]), ["a 1", "b 1", "z 1.0"]);
}

#[test]
fn extras_add_what_they_name_and_pin_the_version_of_their_project() {
    let index = index(
        "a 1.0: b ; extra == 'x'
         a 2.0: b>=2 ; extra == 'x' & c ; extra == 'y' & a[x] ; extra == 'all' & a[y] ; extra == 'all'
         b 1.0
         c 1.0: a[y]
         d 1.0: a[x]
         e 1.0: a<2",
    )
    .done();
    for (wanted, expected) in [
        (&["a"][..], &["a 2.0"][..]),
        // The newest has the extra, but not what it wants.
        (&["a[x]"], &["a[x] 1.0", "b 1.0"]),
        (&["a[Y]"], &["a[y] 2.0", "c 1.0"]),
        (&["d"], &["a[x] 1.0", "b 1.0", "d 1.0"]),
        (&["a[x]", "e"], &["a[x] 1.0", "b 1.0", "e 1.0"]),
    ] {
        assert_eq!(solved(&index, wanted), expected, "{wanted:?}");
    }
}

#[test]
fn an_extra_that_names_others_of_its_project_brings_them() {
    let index =
        index("a 1.0: b ; extra == 'x' & c ; extra == 'y' & a[x,y] ; extra == 'all'\nb 1.0\nc 1.0").done();
    assert_eq!(solved(&index, &["a[all]"]), ["a[all,x,y] 1.0", "b 1.0", "c 1.0"]);
}

#[test]
fn a_missing_extra_is_a_warning() {
    let index = index("a 1.0: b\nb 1.0").done();
    let solution = solve_one(&index, &problem(&["a[nope]"]));
    assert_eq!(installed(&solution), ["a 1.0", "b 1.0"]);
    assert_eq!(
        (solution.failed.len(), &solution.warnings[..]),
        (0, &["a 1.0 has no extra `nope`: it has none".to_owned()][..])
    );
}

#[test]
fn circles_end() {
    let index = index(
        "a 1.0: b
         b 1.0: a
         x 1.0: y[e] ; extra == 'f'
         y 1.0: x[f] ; extra == 'e'
         own 1.0: own & own[e] ; python_version > '3' & far ; extra == 'e'
         far 1.0: own[e] ; os_name == 'posix'",
    )
    .done();
    assert_eq!(solved(&index, &["a"]), ["a 1.0", "b 1.0"]);
    assert_eq!(solved(&index, &["x[f]"]), ["x[f] 1.0", "y[e] 1.0"]);
    assert_eq!(solved(&index, &["own"]), ["far 1.0", "own[e] 1.0"]);
}

#[test]
fn markers_are_those_of_each_target_and_what_one_chose_the_next_prefers() {
    let index = index(
        "a 1.0: only-win ; sys_platform == 'win32' & only-linux ; platform_system == 'Linux' & old ; python_version < '3.12'
         only-win 1.0
         only-linux 1.0: b<2
         old 1.0
         b 1.0
         b 2.0",
    )
    .done();
    let solutions = solve_for(&index, &problem(&["a", "b"]), &[LINUX, WINDOWS]);
    assert_eq!(installed(&solutions[0]), ["a 1.0", "b 1.0", "only-linux 1.0"]);
    // By itself the second target would have the newest `b`.
    assert_eq!(installed(&solutions[1]), ["a 1.0", "b 1.0", "old 1.0", "only-win 1.0"]);
    assert_eq!(installed(&solve_for(&index, &problem(&["a", "b"]), &[WINDOWS])[0])[1], "b 2.0");
    let marked = solve_for(&index, &problem(&["b", "old ; os_name == 'nt'"]), &[LINUX, WINDOWS]);
    assert_eq!(marked.iter().map(|one| one.packages.len()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn constraints_narrow_and_add_nothing() {
    let index = index("a 1.0: b\nb 1.0\nb 2.0\nc 1.0").done();
    for (constraints, expected) in [
        (&["b<2", "c==1.0"][..], &["a 1.0", "b 1.0"][..]),
        (&["b<2 ; os_name == 'nt'"], &["a 1.0", "b 2.0"]),
        (&["b<2 ; os_name == 'posix'"], &["a 1.0", "b 1.0"]),
    ] {
        let solution = solve_one(&index, &with_constraints(&["a"], constraints));
        assert_eq!(
            (installed(&solution), solution.failed.len()),
            (expected.iter().map(ToString::to_string).collect(), 0)
        );
    }
}

#[test]
fn who_needs_what_is_told_with_its_requirement() {
    let index = index("a 1.0: c>=1\nb 1.0: c<3\nc 2.0").done();
    let solution = solve_one(&index, &problem(&["a", "b==1.0"]));
    let needs = |project: &str| {
        let package = &solution.packages[project];
        package.needed_by.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(needs("c"), ["needed by a 1.0 (c>=1)", "needed by b 1.0 (c<3)"]);
    assert_eq!(needs("b"), ["asked for as b==1.0"]);
}

#[test]
fn without_dependencies_nothing_is_followed_or_asked() {
    let index = index("a 1.0: b\nb 1.0").done();
    let mut problem = problem(&["a"]);
    problem.choice.no_deps = true;
    assert_eq!(installed(&solve_one(&index, &problem)), ["a 1.0"]);
    assert_eq!(*index.asked.lock().unwrap(), ["a"]);
}

#[test]
fn everything_is_asked_for_once() {
    let index = index("a 1.0: b & c\nb 1.0: c & d\nc 1.0: d\nd 1.0").done();
    assert_eq!(solve_for(&index, &problem(&["a", "b", "d"]), &[LINUX, WINDOWS]).len(), 2);
    let mut asked = index.asked.lock().unwrap().clone();
    asked.sort();
    let mut once = asked.clone();
    once.dedup();
    assert_eq!(asked, once);
}
