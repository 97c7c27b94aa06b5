//! What is required is saved too: found by asking as little as can be asked, and built from what is saved.

use std::fs;

use depot_tests::{FakeFile, FakeIndex, FakeIndexBuilder, SdistBuilder, Style, WheelBuilder, run};
use serde_json::json;

use super::STYLES;
use crate::python::depot::assert_tmp_is_empty;
use crate::python::saved::{Saved, downloads, result};

/// An app that needs a library, which needs another, and of that not the newest version.
fn index(style: Style) -> FakeIndexBuilder {
    FakeIndex::builder(style)
        .wheel(
            &WheelBuilder::new("app", "1.0").requires_dist("lib>=1").requires_dist("fast ; extra == 'speed'"),
        )
        .wheel(&WheelBuilder::new("lib", "1.0"))
        .wheel(&WheelBuilder::new("lib", "2.0").requires_dist("base<2"))
        .wheel(&WheelBuilder::new("base", "1.5"))
        .wheel(&WheelBuilder::new("base", "2.0"))
        .wheel(&WheelBuilder::new("fast", "3"))
        .wheel(&WheelBuilder::new("other", "1"))
}

/// The releases of a result: `app 1.0`.
fn packages(result: &serde_json::Value) -> Vec<String> {
    let packages = result["packages"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    packages.map(|one| format!("{} {}", text(&one["project"]), text(&one["version"]))).collect()
}

#[test]
fn what_is_named_is_saved_with_all_that_it_requires() {
    for style in STYLES {
        let (index, saved) = (index(style).start(), Saved::new());
        let said = saved.solve(&index, &["app[speed]", "--format", "json"]).assert_success();
        let result = result(&said);
        assert_eq!(packages(&result), ["app 1.0", "base 1.5", "fast 3", "lib 2.0"]);
        let base = &result["packages"][1];
        let needed_by = json!([{ "project": "lib", "version": "2.0", "requirement": "base<2" }]);
        assert_eq!((&base["needed-by"], &base["for-build"]), (&needed_by, &json!(false)));
        let app = json!([{ "project": null, "version": null, "requirement": "app[speed]" }]);
        assert_eq!(
            (&result["packages"][0]["needed-by"], &result["packages"][0]["extras"]),
            (&app, &json!(["speed"]))
        );
        assert_eq!(result["targets"], json!(["cp312-manylinux_2_28_x86_64"]));
        assert_eq!(result["files"][0]["targets"], result["targets"]);
        assert_eq!(result["counts"]["saved"], 4);
        assert_eq!(saved.filenames("base"), ["base-1.5-py3-none-any.whl"]);
        assert!(saved.filenames("other").is_empty());
        // Only what is saved is downloaded whole: metadata comes beside the files, or from their ends.
        let requests = index.requests();
        let of_files = requests.iter().filter(|it| it.path.starts_with("/files/") && it.method == "GET");
        let whole = of_files.filter(|it| !it.path.ends_with(".metadata") && it.range.is_none()).count();
        assert_eq!(whole, 4, "{requests:?}");
        assert_tmp_is_empty(&saved.root());
    }
}

#[test]
fn the_first_line_says_the_targets_and_the_others_what_is_chosen_and_why() {
    let (index, saved) = (index(Style::Json).start(), Saved::new());
    let said = saved.solve(&index, &["app", "-v"]).assert_success();
    let first = said.stderr.lines().next().unwrap();
    assert!(first.contains("CPython 3.12 on linux x86_64 (glibc 2.28 or newer)"), "{first}");
    for words in ["chose 3 versions", "base 1.5: needed by lib 2.0 (base<2)", "app 1.0: asked for as app"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
}

#[test]
fn without_dependencies_the_files_of_the_target_alone_are_saved() {
    let sdist = SdistBuilder::new("lib", "2.0");
    let (index, saved) = (index(Style::Json).sdist(&sdist).start(), Saved::new());
    saved.solve(&index, &["app", "lib", "--no-deps"]).assert_success();
    assert!(saved.filenames("base").is_empty());
    assert_eq!(saved.filenames("lib"), ["lib-2.0-py3-none-any.whl"]);
    assert_eq!(index.requests().iter().filter(|it| it.path.ends_with(".metadata")).count(), 0);
    saved.solve(&index, &["lib", "--no-deps", "--sdist"]).assert_success();
    assert_eq!(saved.filenames("lib").len(), 2);
}

#[test]
fn a_second_run_asks_for_pages_alone() {
    for style in STYLES {
        let (index, saved) = (index(style).start(), Saved::new());
        saved.solve(&index, &["app"]).assert_success();
        index.clear_log();
        let said = saved.solve(&index, &["app"]).assert_success();
        assert!(said.stderr.contains("3 there already"), "{}", said.stderr);
        let asked = index.requests();
        assert!(asked.len() == 3 && asked.iter().all(|it| it.path.starts_with("/simple/")), "{asked:?}");
    }
}

#[test]
fn what_an_sdist_needs_to_be_built_is_saved_and_the_sdist_is_downloaded_once() {
    let plain = SdistBuilder::new("plain", "1.0").build_requires("tool>=1");
    let plain = FakeFile::from(&plain);
    let (index, saved) = (
        FakeIndex::builder(Style::Json)
            .file("plain", plain.clone())
            .wheel(&WheelBuilder::new("tool", "1.0").requires_dist("helper"))
            .wheel(&WheelBuilder::new("helper", "1"))
            .start(),
        Saved::new(),
    );
    let result = result(&saved.solve(&index, &["plain", "--format", "json"]).assert_success());
    assert_eq!(packages(&result), ["helper 1", "plain 1.0", "tool 1.0"]);
    let for_build = |at: usize| result["packages"][at]["for-build"].as_bool().unwrap();
    assert_eq!([for_build(0), for_build(1), for_build(2)], [true, false, true]);
    assert_eq!(downloads(&index), 3, "{:?}", index.requests());
    assert_tmp_is_empty(&saved.root());
}

#[test]
fn an_old_sdist_that_says_nothing_is_saved_with_a_warning() {
    let index = FakeIndex::builder(Style::Json)
        .file("old", FakeFile::new("old-1.0.tar.bz2", b"BZh9 and so on".to_vec()))
        .wheel(&WheelBuilder::new("setuptools", "80"))
        .wheel(&WheelBuilder::new("wheel", "1"))
        .start();
    let saved = Saved::new();
    let said = saved.solve(&index, &["old"]).assert_success();
    assert!(said.stderr.contains("warning: what old 1.0 requires is only known once"), "{}", said.stderr);
    for project in ["old", "setuptools", "wheel"] {
        assert_eq!(saved.filenames(project).len(), 1, "{project}");
    }
}

#[test]
fn a_dry_run_solves_and_leaves_nothing() {
    let plain = SdistBuilder::new("plain", "1.0").build_requires("lib");
    let (index, saved) = (index(Style::Json).sdist(&plain).start(), Saved::new());
    let said = saved.solve(&index, &["app", "plain", "--dry-run"]).assert_success();
    let names: Vec<_> = said.stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "app-1.0-py3-none-any.whl",
        "base-1.5-py3-none-any.whl",
        "lib-2.0-py3-none-any.whl",
        "plain-1.0.tar.gz",
    ];
    assert_eq!(names, expected);
    assert!(!saved.root().exists());
}

#[test]
fn versions_that_are_there_are_kept_until_an_upgrade() {
    let (index, saved) = (index(Style::Json).start(), Saved::new());
    saved.solve(&index, &["app", "other"]).assert_success();
    index.put("other", &WheelBuilder::new("other", "2"));
    index.put("lib", &WheelBuilder::new("lib", "3.0"));
    let said = saved.solve(&index, &["app", "other"]).assert_success();
    assert!(said.stderr.contains("saved 0 files"), "{}", said.stderr);
    assert!(said.stderr.contains("lib 2.0 (3.0 is there), other 1 (2 is there)"), "{}", said.stderr);
    assert!(said.stderr.contains("--upgrade"), "{}", said.stderr);
    // A requirement that they do not fit is no reason to keep them.
    saved.solve(&index, &["other>1"]).assert_success();
    assert_eq!(saved.filenames("other").len(), 2);
    let said = saved.solve(&index, &["app", "--upgrade"]).assert_success();
    assert!(said.stderr.contains("saved 1 file"), "{}", said.stderr);
    assert_eq!(saved.filenames("lib").len(), 2);
}

#[test]
fn what_is_newer_than_a_date_is_left_out() {
    let index = FakeIndex::builder(Style::Json)
        .file("a", FakeFile::from(&WheelBuilder::new("a", "1")).upload_time("2024-01-01T00:00:00Z"))
        .file("a", FakeFile::from(&WheelBuilder::new("a", "2")).upload_time("2024-03-01T12:00:00Z"))
        .start();
    for (time, version) in
        [("2024-02-01", "1"), ("2024-03-01", "2"), ("2024-03-01T00:00:00Z", "1"), ("7 days", "2")]
    {
        for more in [&[][..], &["--no-deps", "--all-files"]] {
            let saved = Saved::new();
            let args = [&["a", "--exclude-newer", time], more].concat();
            saved.solve(&index, &args).assert_success();
            assert_eq!(saved.filenames("a"), [format!("a-{version}-py3-none-any.whl")], "{time}");
        }
    }
    Saved::new().solve(&index, &["a", "--exclude-newer", "soon"]).assert_code(2);
}

#[test]
fn constraints_and_digests_count_for_all_that_is_required() {
    let (index, saved) = (index(Style::Json).start(), Saved::new());
    let limits = saved.around().join("limits.txt");
    fs::write(&limits, "lib<2\n").unwrap();
    saved.solve(&index, &["app", "-c", limits.to_str().unwrap()]).assert_success();
    assert_eq!(saved.filenames("lib"), ["lib-1.0-py3-none-any.whl"]);

    let pin = |wheel: &WheelBuilder| depot_tests::sha256_hex(&wheel.build());
    let app =
        WheelBuilder::new("app", "1.0").requires_dist("lib>=1").requires_dist("fast ; extra == 'speed'");
    let list = saved.around().join("list.txt");
    fs::write(&list, format!("app==1.0 --hash=sha256:{}\n", pin(&app))).unwrap();
    let said = saved.solve(&index, &["-r", list.to_str().unwrap()]).assert_code(3);
    assert!(said.stderr.contains("is not pinned to a digest"), "{}", said.stderr);
}

#[test]
fn indexes_are_asked_in_turn_or_all_together_as_is_said() {
    let private = FakeIndex::builder(Style::Json).wheel(&WheelBuilder::new("a", "1")).start();
    let public = FakeIndex::builder(Style::Json).wheel(&WheelBuilder::new("a", "2")).start();
    for (strategy, version) in [("first-index", "1"), ("unsafe-best-match", "2")] {
        let saved = Saved::new();
        let args = ["a", "--extra-index-url", &private.url(), "--index-strategy", strategy];
        run(&mut saved.solve_command(&public.url(), &args)).assert_success();
        assert_eq!(saved.filenames("a"), [format!("a-{version}-py3-none-any.whl")]);
    }
}
