//! What cannot be had: how it is told, and that the rest is had all the same.

use super::{failures, input, installed, memory::index, problem, solve_one, solved, with_constraints};

#[test]
fn a_conflict_is_told_as_a_derivation() {
    let index = index("a 1.0: b>=2\nb 1.0\nb 2.0").done();
    let failed = failures(&index, &problem(&["b<2", "a"]));
    assert_eq!(failed.len(), 1, "{failed:?}");
    let (item, words) = &failed[0];
    assert_eq!(item, "a");
    let expected = "because `a==1.0` requires `b>=2` and you require `a`, `b>=2` is required. And because you require `b<2`, \
                    what you ask for cannot be had; if it need not be installed beside the others, save it in a run of its own";
    assert_eq!(words, expected);
}

#[test]
fn what_is_asked_for_in_two_ways_that_exclude_each_other_is_named() {
    let index = index("a 1.0\na 2.0\nb 1.0").done();
    let solution = solve_one(&index, &problem(&["a==1.0", "b", "a==2.0"]));
    assert_eq!(installed(&solution), ["a 1.0", "b 1.0"]);
    assert_eq!(solution.failed[0].item, "a==2.0");
    let reason = &solution.failed[0].reason;
    assert!(reason.contains("`a==1.0` and `a==2.0`"), "{reason}");
}

#[test]
fn one_that_cannot_be_had_does_not_lose_the_rest() {
    let index = index("a 1.0: b>=2\nb 1.0\ngood 1.0: c\nc 1.0\nd 1.0: nowhere\ne 1.0").done();
    let solution = solve_one(&index, &problem(&["a", "good", "d", "absent", "e>2"]));
    assert_eq!(installed(&solution), ["c 1.0", "good 1.0"]);
    let failed: Vec<_> = solution.failed.iter().map(|failed| failed.item.as_str()).collect();
    assert_eq!(failed, ["a", "d", "absent", "e>2"]);
    let reasons: Vec<_> = solution.failed.iter().map(|failed| failed.reason.as_str()).collect();
    assert!(reasons[0].contains("`b>=2`"), "{reasons:?}");
    assert!(reasons[1].contains("there is no project `nowhere` in memory"), "{reasons:?}");
    assert_eq!(reasons[2], "there is no project `absent` in memory");
    assert_eq!(reasons[3], "no version of `e` fits `e>2`; the newest is 1.0");
}

#[test]
fn of_things_that_do_not_go_together_the_first_is_had_and_what_only_stood_beside_it_too() {
    let index = index("a 1.0: shared<2\nb 1.0: shared>=2\nc 1.0: shared\nshared 1.0\nshared 2.0").done();
    let solution = solve_one(&index, &problem(&["a", "b", "c"]));
    assert_eq!(installed(&solution), ["a 1.0", "c 1.0", "shared 1.0"]);
    assert_eq!(solution.failed[0].item, "b");
    let reason = &solution.failed[0].reason;
    assert!(reason.contains("`shared<2`") && reason.contains("`shared>=2`"), "{reason}");
}

#[test]
fn a_project_that_fails_midway_is_left_out_and_changes_no_choice() {
    // Without the page of `c`, going back to the older `a` would look like a way out.
    let index = index("a 1.0\na 2.0: c & d\nc 1.0\nd 1.0\ne 1.0").broken("c").done();
    let solution = solve_one(&index, &problem(&["a", "e"]));
    assert_eq!(installed(&solution), ["a 2.0", "d 1.0", "e 1.0"]);
    assert_eq!(solution.failed[0].item, "c (needed by a 2.0)");
    assert!(solution.failed[0].reason.contains("status 500"), "{:?}", solution.failed);
    let asked = failures(&index, &problem(&["c"]));
    assert_eq!(asked[0].0, "c");
}

#[test]
fn what_needs_something_that_failed_is_named_up_to_what_was_asked_for() {
    let index = index("a 1.0: b\nz 1.0: y\ny 1.0: b\nb 1.0: c\nc 1.0").broken("c").done();
    let solution = solve_one(&index, &problem(&["z", "a"]));
    assert_eq!(solution.failed[0].item, "c (needed by b 1.0, that by a 1.0)");
    // What was asked for is told as it was asked for.
    let solution = solve_one(&index, &problem(&["a", "c"]));
    assert_eq!(solution.failed.len(), 1, "{:?}", solution.failed);
    assert_eq!(solution.failed[0].item, "c");
}

#[test]
fn an_extra_that_is_not_there_is_told_with_who_wants_it_and_which_are() {
    let index = index("a 1.0: b\nb 1.0: c[x,y]\nc 1.0: d ; extra == 'y'\nd 1.0").done();
    let solution = solve_one(&index, &problem(&["a"]));
    let words = "c 1.0 has no extra `x`, which b 1.0, that by a 1.0 requires as `c[x,y]`: it has `y`";
    assert_eq!(solution.warnings, [words]);
    assert_eq!(installed(&solution), ["a 1.0", "b 1.0", "c[y] 1.0", "d 1.0"]);
}

#[test]
fn metadata_that_cannot_be_had_is_told_and_what_cannot_be_read_is_passed_over() {
    let index = index("a 1.0\na 2.0: b\nb 1.0").broken("a-2.0-py3-none-any.whl").done();
    let solution = solve_one(&index, &problem(&["a"]));
    assert_eq!(installed(&solution), ["a 2.0"]);
    assert_eq!(solution.failed[0].item, "a 2.0");

    let bad = "Metadata-Version: 2.1\nName: a\nVersion: 2.0\nRequires-Dist: b >> 1\n";
    let index = super::memory::index("a 1.0").with_metadata("a-2.0-py3-none-any.whl", bad).done();
    let solution = solve_one(&index, &problem(&["a"]));
    assert_eq!(installed(&solution), ["a 1.0"]);
    assert!(solution.warnings[0].contains("a 2.0 is passed over"), "{:?}", solution.warnings);
    assert_eq!(solution.failed, []);
}

#[test]
fn a_constraint_that_leaves_nothing_is_named() {
    let index = index("a 1.0: b\nb 1.0").done();
    let failed = failures(&index, &with_constraints(&["a"], &["b>2"]));
    assert!(failed[0].1.contains("is ruled out by the constraint `b>2`"), "{failed:?}");
    let failed = failures(&index, &with_constraints(&["b"], &["b>2"]));
    assert!(failed[0].1.contains("no version of `b` fits on"), "{failed:?}");
}

#[test]
fn a_quarantined_project_is_refused() {
    let index = index("a 1.0: b\nb 1.0").quarantined("b").done();
    assert!(failures(&index, &problem(&["b"]))[0].1.contains("quarantined"));
    assert!(failures(&index, &problem(&["a"]))[0].1.contains("`b` is quarantined"));
}

#[test]
fn an_address_among_the_requirements_of_a_release_rules_it_out() {
    let index = index("a 1.0\na 2.0: b @ https://index.example/b.whl\nb 1.0").done();
    assert_eq!(solved(&index, &["a"]), ["a 1.0"]);
}

#[test]
fn an_extra_in_the_way_is_told_without_our_own_arrangements() {
    let index = index("a 1.0: b>=2 ; extra == 'x'\nb 1.0").done();
    let failed = failures(&index, &problem(&["a[x]"]));
    assert!(failed[0].1.contains("`a[x]==1.0` requires `b>=2`"), "{failed:?}");
    assert!(!failed[0].1.contains("requires `a==1.0`"), "{failed:?}");
}

#[test]
fn what_could_not_be_read_is_not_wanted() {
    let index = index("a 1.0").done();
    let mut problem = problem(&["a"]);
    problem.requirements.push(input("not a requirement"));
    assert_eq!(installed(&solve_one(&index, &problem)), ["a 1.0"]);
}
