//! Which releases and files may be chosen: pre-releases, yanks, wheels and sdists, Pythons, dates, digests.

use std::sync::Arc;

use super::{
    Choice, LINUX, WINDOWS, failures, input, installed,
    memory::{Index, index},
    problem, solve_for, solve_one, solved,
};
use crate::python::{
    requirements::Hashes,
    solve::{Formats, Problem},
    visible::Visible,
};

#[test]
fn prereleases_are_taken_where_they_are_asked_for_or_nothing_else_fits() {
    let index = index(
        "a 1.0
         a 2.0rc1
         a 2.0.dev5
         young 0.1a1
         young 0.1a2
         wants-pre 1.0: a>=2.0.dev1
         wants-old 1.0: a<2",
    )
    .done();
    for (wanted, expected) in [
        (&["a"][..], &["a 1.0"][..]),
        (&["a>1.0"], &["a 2.0rc1"]),
        (&["a>=1.0.dev1"], &["a 2.0rc1"]),
        (&["a==2.0.dev5"], &["a 2.0.dev5"]),
        (&["young"], &["young 0.1a2"]),
        (&["wants-pre"], &["a 2.0rc1", "wants-pre 1.0"]),
        (&["wants-old", "a>=1.0"], &["a 1.0", "wants-old 1.0"]),
    ] {
        assert_eq!(solved(&index, wanted), expected, "{wanted:?}");
    }
    let mut pre = problem(&["a"]);
    pre.choice.pre = true;
    assert_eq!(installed(&solve_one(&index, &pre)), ["a 2.0rc1"]);
}

#[test]
fn a_conflict_is_not_solved_by_a_prerelease_that_nobody_asked_for() {
    let index = index("a 1.0: b<2\na 2.0b1\nb 2.0").done();
    let failed = failures(&index, &problem(&["a", "b"]));
    assert_eq!(failed.len(), 1, "{failed:?}");
}

#[test]
fn a_yanked_release_is_taken_only_where_it_is_pinned() {
    let index = index("a 1.0\nb 1.0: a==1.1\nc 1.0: a>1.0").yanked("a-1.1-py3-none-any.whl", &[]).done();
    assert_eq!(solved(&index, &["a"]), ["a 1.0"]);
    let pinned = solve_one(&index, &problem(&["a==1.1"]));
    assert_eq!(installed(&pinned), ["a 1.1"]);
    assert!(pinned.warnings[0].contains("a 1.1 is yanked (\"leaks\")"), "{:?}", pinned.warnings);
    assert_eq!(solved(&index, &["b"]), ["a 1.1", "b 1.0"]);
    let failed = failures(&index, &problem(&["c"]));
    assert!(failed[0].1.contains("1.1 is yanked (\"leaks\"): pin it with `==`"), "{failed:?}");
}

#[test]
fn local_versions_fit_what_names_their_public_one() {
    let index = index("a 1.0\na 1.0+cpu\na 1.0+gpu.2\nb 1.0: a==1.0\nc 1.0: a==1.0+cpu").done();
    assert_eq!(solved(&index, &["b"]), ["a 1.0+gpu.2", "b 1.0"]);
    assert_eq!(solved(&index, &["b", "c"]), ["a 1.0+cpu", "b 1.0", "c 1.0"]);
}

fn files(problem: &Problem, index: &Arc<Index>, target: &str) -> Vec<String> {
    let solution = solve_for(index, problem, &[target]).remove(0);
    assert_eq!(solution.failed, []);
    solution
        .packages
        .values()
        .flat_map(|package| &package.files)
        .map(|file| file.filename.to_string())
        .collect()
}

fn mixed() -> Arc<Index> {
    Index::default()
        .file("a-1.0.tar.gz", &[], |_| {})
        .file("a-1.0-py3-none-any.whl", &[], |_| {})
        .file("a-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", &[], |_| {})
        .file("a-1.0-cp311-cp311-win_amd64.whl", &[], |_| {})
        .file("s-1.0.tar.gz", &[], |_| {})
        .pyproject("a-1.0.tar.gz", "[build-system]\nrequires=[]\nbuild-backend='x'")
        .pyproject("s-1.0.tar.gz", "[build-system]\nrequires=[]\nbuild-backend='x'")
        .done()
}

#[test]
fn the_best_wheel_of_a_target_is_saved_and_an_sdist_where_none_fits() {
    let only_binary = |value: &str| {
        let mut formats = Formats::default();
        formats.only_binary(value).unwrap();
        Choice { formats, ..Choice::default() }
    };
    let no_binary = |value: &str| {
        let mut formats = Formats::default();
        formats.no_binary(value).unwrap();
        Choice { formats, ..Choice::default() }
    };
    let (any, linux) = ("a-1.0-py3-none-any.whl", "a-1.0-cp312-cp312-manylinux_2_17_x86_64.whl");
    let (windows, sdist) = ("a-1.0-cp311-cp311-win_amd64.whl", "a-1.0.tar.gz");
    for (wanted, choice, target, expected) in [
        ("a", Choice::default(), LINUX, &[linux][..]),
        ("a", Choice::default(), WINDOWS, &[windows]),
        ("a", Choice::default(), "cp310-macosx_14_0_arm64", &[any]),
        ("s", Choice::default(), LINUX, &["s-1.0.tar.gz"]),
        ("a", Choice { sdist: true, ..Choice::default() }, LINUX, &[linux, sdist]),
        ("a", no_binary("a"), LINUX, &[sdist]),
        ("a", only_binary(":all:"), LINUX, &[linux]),
        ("a", Choice { all_files: true, ..Choice::default() }, LINUX, &[linux, sdist, any, windows]),
    ] {
        let problem = Problem { choice, ..problem(&[wanted]) };
        assert_eq!(files(&problem, &mixed(), target), expected, "{problem:?}");
    }
    let problem = Problem { choice: only_binary(":all:"), ..problem(&["s"]) };
    let failed = failures(&mixed(), &problem);
    assert!(failed[0].1.contains("1.0 has no wheel, and --only-binary wants one"), "{failed:?}");
}

#[test]
fn a_release_without_a_file_for_the_target_gives_way_to_an_older_one() {
    let index = index("a 1.0")
        .file("a-2.0-cp312-cp312-win_amd64.whl", &[], |_| {})
        .file("w-1.0-cp312-cp312-win_amd64.whl", &[], |_| {})
        .done();
    assert_eq!(solved(&index, &["a"]), ["a 1.0"]);
    let failed = failures(&index, &problem(&["w", "a"]));
    assert!(failed[0].0 == "w" && failed[0].1.contains("has no file for this target"), "{failed:?}");
}

#[test]
fn releases_for_other_pythons_are_left_out_and_named() {
    let index = index("a 1.0")
        .for_python("a-2.0-py3-none-any.whl", ">=3.13")
        .for_python("b-1.0-py3-none-any.whl", "<3.12")
        .with_metadata(
            "c-2-py3-none-any.whl",
            "Metadata-Version: 2.1\nName: c\nVersion: 2\nRequires-Python: >=3.14\n",
        )
        .with_metadata("c-1-py3-none-any.whl", "Metadata-Version: 2.1\nName: c\nVersion: 1\n")
        .done();
    assert_eq!(solved(&index, &["a"]), ["a 1.0"]);
    assert_eq!(solved(&index, &["c"]), ["c 1"], "the metadata knows what the page does not say");
    let failed = failures(&index, &problem(&["b"]));
    assert!(failed[0].1.contains("1.0 requires Python <3.12"), "{failed:?}");
}

#[test]
fn what_was_uploaded_later_does_not_exist_and_neither_does_what_has_no_date() {
    let index = Index::default()
        .uploaded("a-1.0-py3-none-any.whl", "2024-01-01T00:00:00Z")
        .uploaded("a-2.0-py3-none-any.whl", "2024-06-01T00:00:00Z")
        .file("b-1.0-py3-none-any.whl", &[], |_| {})
        .done();
    let exclude_newer = Some("2024-06-01T00:00:00Z".parse().unwrap());
    let visible = Visible { exclude_newer, ..Visible::default() };
    let solution = solve_one(&index, &Problem { visible, ..problem(&["a", "b"]) });
    assert_eq!(installed(&solution), ["a 1.0"]);
    assert_eq!(solution.failed[0].item, "b");
    assert!(solution.warnings.iter().any(|it| it.contains("does not say when")), "{:?}", solution.warnings);
}

#[test]
fn only_files_with_a_pinned_digest_are_taken() {
    let digest = "ab".repeat(32);
    let hashed = |digest: String| {
        move |file: &mut depot_proto::simple::PageFile| drop(file.hashes.insert("sha256".to_owned(), digest))
    };
    let index = Index::default()
        .file("a-1.0-py3-none-any.whl", &["b"], hashed("cd".repeat(32)))
        .file("a-1.0.tar.gz", &["b"], hashed(digest.clone()))
        .file("b-1.0-py3-none-any.whl", &[], hashed(digest.clone()))
        .done();
    let mut pins = Hashes::default();
    pins.add(&format!("sha256:{digest}")).unwrap();
    let mut pinned = input("a==1.0");
    pinned.hashes = Some(Arc::new(pins));
    let mut problem = Problem { requirements: vec![pinned.clone()], ..Problem::default() };
    let solution = solve_one(&index, &problem);
    assert_eq!(solution.packages["a"].files[0].filename.as_str(), "a-1.0.tar.gz");
    problem.hashes_required = true;
    let failed = failures(&index, &problem);
    assert_eq!(failed[0].0, "b (needed by a 1.0)");
    assert!(failed[0].1.contains("1.0 is not pinned to a digest"), "{failed:?}");
    assert_eq!(installed(&solve_one(&index, &problem)), ["a 1.0"], "what needs it is not to blame");
    let mut also = input("b==1.0");
    also.hashes.clone_from(&pinned.hashes);
    problem.requirements.push(also);
    assert_eq!(installed(&solve_one(&index, &problem)), ["a 1.0", "b 1.0"]);
}

#[test]
fn a_wrong_digest_loses_its_own_project_alone() {
    let hashed = |digest: &str| {
        let digest = digest.repeat(32);
        move |file: &mut depot_proto::simple::PageFile| drop(file.hashes.insert("sha256".to_owned(), digest))
    };
    let index = Index::default()
        .file("a-1.0-py3-none-any.whl", &["b"], hashed("aa"))
        .file("b-1.0-py3-none-any.whl", &["c"], hashed("bb"))
        .file("c-1.0-py3-none-any.whl", &[], hashed("cc"))
        .done();
    let pinned = |text: &str, digest: &str| {
        let mut pins = Hashes::default();
        pins.add(&format!("sha256:{}", digest.repeat(32))).unwrap();
        let mut input = input(text);
        input.hashes = Some(Arc::new(pins));
        input
    };
    let requirements = vec![pinned("a==1.0", "aa"), pinned("b==1.0", "00"), pinned("c==1.0", "cc")];
    let problem = Problem { requirements, hashes_required: true, ..Problem::default() };
    assert_eq!(installed(&solve_one(&index, &problem)), ["a 1.0", "c 1.0"]);
    let failed = failures(&index, &problem);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].0 == "b==1.0" && failed[0].1.contains("digest that it is pinned to"), "{failed:?}");
}

#[test]
fn versions_that_are_saved_are_kept_where_they_fit_and_that_is_told() {
    let lines = "a 1.0: b\na 2.0: b\nb 1.0\nb 2.0\nb 3.0";
    let index = index(lines).saved("a-1.0-py3-none-any.whl").saved("b-2.0-py3-none-any.whl").done();
    let solution = solve_one(&index, &problem(&["a", "b<3"]));
    assert_eq!(installed(&solution), ["a 1.0", "b 2.0"]);
    let kept: Vec<_> =
        solution.kept.iter().map(|(project, stays, newest)| format!("{project} {stays} {newest}")).collect();
    assert_eq!(kept, ["a 1.0 2.0"], "what fits nothing newer is no news");
    assert_eq!(solved(&index, &["a>=2"]), ["a 2.0", "b 2.0"]);
}

#[test]
fn all_versions_that_fit_are_saved_beside_the_one_that_is_solved_with() {
    let index = index("a 1.0\na 2.0: b\na 3.0: b\na 4.0rc1\nb 1.0\nb 2.0").done();
    let choice = Choice { all_versions: true, ..Choice::default() };
    let solution = solve_one(&index, &Problem { choice, ..problem(&["a>=2"]) });
    assert_eq!(installed(&solution), ["a 3.0", "b 2.0"]);
    let others: Vec<_> = solution.other_versions.iter().map(|file| file.filename.to_string()).collect();
    assert_eq!(others, ["a-2.0-py3-none-any.whl"]);
}
