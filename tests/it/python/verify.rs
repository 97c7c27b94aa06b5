//! `depot python verify`: what is wrong with a tree and what is missing in it, found without any network.

mod install;
mod live;
mod sets;

use std::fs;
use std::process::Command;

use depot_tests::{
    FakeIndex, FakeIndexBuilder, Output, SdistBuilder, Style, WheelBuilder, depot_command, run,
};
use serde_json::{Value, json};

use super::command::schema::assert_valid;
use super::saved::{Saved, TARGET, result};

/// Where nothing listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// An app that needs a library, which needs another, and of that not the newest version.
fn index() -> FakeIndexBuilder {
    FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("app", "1.0").requires_dist("lib>=1"))
        .wheel(&WheelBuilder::new("lib", "2.0").requires_dist("base<2"))
        .wheel(&WheelBuilder::new("base", "1.5"))
        .wheel(&WheelBuilder::new("base", "2.0"))
}

/// A tree with this saved of an index that is gone now.
fn saved(index: FakeIndexBuilder, specs: &[&str]) -> Saved {
    let saved = Saved::new();
    saved.solve(&index.start(), specs).assert_success();
    saved
}

/// `depot python verify` where no network can be reached but this machine's, to be run or changed.
fn verify_command(saved: &Saved, args: &[&str]) -> Command {
    let mut command = depot_command(["python", "verify", "--dir"]);
    command.arg(saved.root()).args(args);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, NOWHERE);
    }
    command.env("NO_PROXY", "127.0.0.1");
    command
}

/// Runs it for one target.
fn verify(saved: &Saved, args: &[&str]) -> Output {
    run(&mut verify_command(saved, &[&["--target", TARGET], args].concat()))
}

/// The result for programs, which must be as its schema says.
#[track_caller]
fn verify_json(saved: &Saved, args: &[&str], code: i32) -> Value {
    let result = result(&verify(saved, &[args, &["--format", "json"]].concat()).assert_code(code));
    assert_valid(&result);
    assert_eq!(result["well"], code == 0);
    result
}

fn remove_project(saved: &Saved, project: &str) {
    fs::remove_dir_all(saved.root().join("files").join(project)).unwrap();
}

#[test]
fn a_tree_that_is_whole_and_has_all_that_is_required_is_well() {
    let saved = saved(index(), &["app"]);
    for args in [&[][..], &["app"], &["lib>=2", "base"]] {
        let said = verify(&saved, args).assert_success();
        assert!(said.stdout.is_empty(), "{}", said.stdout);
        assert!(said.stderr.starts_with("for CPython 3.12 on linux x86_64"), "{}", said.stderr);
        assert!(said.stderr.contains("read 3 files"), "{}", said.stderr);
        assert!(said.stderr.contains("nothing is missing"), "{}", said.stderr);
    }
    let whole = verify_json(&saved, &[], 0);
    let counts = json!({ "files": 3, "wrong": 0, "asked": 3, "missing": 0, "failed": 0 });
    assert_eq!((&whole["counts"], &whole["targets"]), (&counts, &json!([TARGET])));
    assert_eq!((&whole["server"], &whole["install"]), (&json!(null), &json!(null)));
}

#[test]
fn a_flipped_byte_is_found_however_the_file_looks_and_a_save_mends_it() {
    let (index, saved) = (index().start(), Saved::new());
    saved.solve(&index, &["app"]).assert_success();
    let base = WheelBuilder::new("base", "1.5");
    let path = saved.path("base", &base.filename());
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = base.build();
    bytes[40] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();

    let found = verify_json(&saved, &[], 1);
    let wrong = &found["wrong"][0];
    assert_eq!((&wrong["filename"], &wrong["what"]), (&json!(base.filename()), &json!("bytes-differ")));
    assert_eq!(found["counts"]["wrong"], 1);
    let said = verify(&saved, &["app"]).assert_code(1);
    assert!(
        said.stdout.starts_with(&format!("wrong: base/{}: its sha256 is ", base.filename())),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("save it again"), "{}", said.stdout);

    saved.solve(&index, &["app"]).assert_success();
    assert_eq!(fs::read(&path).unwrap(), base.build());
    verify(&saved, &[]).assert_success();
}

#[test]
fn each_part_that_is_lost_or_damaged_is_named_and_what_is_said_helps() {
    let base = WheelBuilder::new("base", "1.5").filename();
    let part = |suffix: &str| format!("{base}{suffix}");
    for (stored, bytes, what) in [
        (part(""), None, "bytes-missing"),
        (part(""), Some(&b"PK"[..]), "bytes-differ"),
        (part(".metadata"), None, "metadata-missing"),
        (part(".metadata"), Some(b"Name: base\n"), "metadata-differs"),
        (part(".json"), Some(b"{"), "record"),
        (part(".json"), None, "no-record"),
    ] {
        let (index, saved) = (index().start(), Saved::new());
        saved.solve(&index, &["app"]).assert_success();
        let path = saved.path("base", &stored);
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let found = verify_json(&saved, &["lib"], 1);
        assert_eq!(found["wrong"][0]["what"], what, "{stored}: {found:#}");
        assert_eq!(found["wrong"][0]["project"], "base");
        assert!(found["wrong"][0]["reason"].as_str().unwrap().contains("save it again"), "{found:#}");
        saved.solve(&index, &["app"]).assert_success();
        verify(&saved, &[]).assert_success();
    }
}

#[test]
fn what_lies_beside_the_folders_of_projects_is_named() {
    let saved = saved(index(), &["app"]);
    let (files, base) = (saved.root().join("files"), WheelBuilder::new("base", "1.5"));
    fs::create_dir(files.join("Base_X")).unwrap();
    fs::write(files.join("Base_X").join(base.filename()), base.build()).unwrap();
    fs::write(files.join(base.filename()), base.build()).unwrap();
    let found = verify_json(&saved, &[], 1);
    assert_eq!(found["counts"]["wrong"], 2, "{found:#}");
    for (row, name) in [(&found["wrong"][0], "Base_X"), (&found["wrong"][1], &base.filename())] {
        assert_eq!((&row["project"], &row["filename"]), (&json!(null), &json!(name)));
        assert_eq!(row["what"], "no-record");
    }
    let said = verify(&saved, &["app"]).assert_code(1);
    assert!(said.stdout.starts_with("wrong: Base_X: it lies where"), "{}", said.stdout);
}

#[test]
fn a_release_is_not_taken_for_its_local_version() {
    let index = FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("app", "1.0").requires_dist("base<2"))
        .wheel(&WheelBuilder::new("app", "1.0+cpu"))
        .wheel(&WheelBuilder::new("base", "1.5"));
    let index = index.start();
    let saved = Saved::new();
    saved.save(&index, &["--all-versions", "app", "base"]).assert_success();
    verify(&saved, &[]).assert_success();
    remove_project(&saved, "base");
    let said = verify(&saved, &[]).assert_code(1);
    let line = "missing: app 1.0 (saved) -> base<2: the tree has no file of `base`\n";
    assert_eq!(said.stdout, line);
}

#[test]
fn a_backend_inside_an_sdist_may_ask_for_more_and_that_is_said() {
    let index = FakeIndex::builder(Style::Json)
        .sdist(&SdistBuilder::new("own", "1.0"))
        .sdist(&SdistBuilder::new("other", "1.0").build_requires("tool").backend("tool"))
        .wheel(&WheelBuilder::new("tool", "1.0"));
    let saved = saved(index, &["own", "other"]);
    let said = verify(&saved, &["own", "other"]).assert_success();
    let line = "warning: what the build backend inside own-1.0.tar.gz asks for is only known once that runs";
    assert!(said.stderr.contains(line), "{}", said.stderr);
    assert!(!said.stderr.contains("other-1.0"), "{}", said.stderr);
}

#[test]
fn a_missing_requirement_is_named_with_the_way_to_it() {
    let saved = saved(index(), &["app"]);
    remove_project(&saved, "base");
    let said = verify(&saved, &["app"]).assert_code(1);
    let line = "missing: app 1.0 (asked for) -> lib 2.0 -> base<2: the tree has no file of `base`\n";
    assert_eq!(said.stdout, line);
    let found = verify_json(&saved, &["app"], 1);
    let missing = &found["missing"][0];
    let row = |project: &str, version: &str, requirement: &str| json!({ "project": project, "version": version, "requirement": requirement, "for-build": false });
    assert_eq!(missing["chain"], json!([row("app", "1.0", "app"), row("lib", "2.0", "lib>=1")]));
    assert_eq!((&missing["requirement"], &missing["targets"]), (&json!("base<2"), &json!([TARGET])));
    // With nothing named the shortest way is told, and who else needs it.
    let said = verify(&saved, &[]).assert_code(1);
    let line = "missing: lib 2.0 (saved) -> base<2: the tree has no file of `base`; 1 other needs it too\n";
    assert_eq!(said.stdout, line);
    assert_eq!(verify_json(&saved, &[], 1)["missing"][0]["affects"], json!(["app==1.0", "lib==2.0"]));
    verify(&saved, &["gone"]).assert_code(1);
}

#[test]
fn a_version_that_is_not_there_is_told_from_a_project_that_is_not() {
    let saved = saved(index(), &["app", "base>=1"]);
    let said = verify(&saved, &["base>=3"]).assert_code(1);
    assert_eq!(said.stdout, "missing: base>=3 (asked for): no such version is there, only 1.5\n");
}

#[test]
fn a_target_without_a_wheel_is_missing_where_it_is_needed_and_told_where_it_may_be_meant() {
    let index = FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("app", "1").requires_dist("fast ; python_version < '3.14'"))
        .wheel(&WheelBuilder::new("fast", "3").tag("cp312-cp312-manylinux_2_28_x86_64"))
        .wheel(&WheelBuilder::new("fast", "3").tag("cp311-cp311-manylinux_2_28_x86_64"));
    let saved = saved(index, &["app"]);
    verify(&saved, &[]).assert_success();
    let other = "cp311-manylinux_2_28_x86_64";
    let mut both = verify_command(&saved, &["--target", TARGET, "--target", other, "app"]);
    let said = run(&mut both).assert_code(1);
    let expected = "missing: app 1 (asked for) -> fast: 3 has no file for this target";
    assert!(
        said.stdout.starts_with(expected) && said.stdout.contains(&format!("[{other}]")),
        "{}",
        said.stdout
    );

    remove_project(&saved, "app");
    let args = ["--target", other, "--format", "json"];
    let output = run(&mut verify_command(&saved, &args)).assert_success();
    assert_valid(&result(&output));
    assert_eq!(result(&output)["passed-over"], json!([{ "project": "fast", "targets": [other] }]));
    assert!(output.stderr.contains("the files of `fast` are for other targets"), "{}", output.stderr);
}

#[test]
fn what_an_sdist_needs_to_be_built_is_missed_too() {
    let index = FakeIndex::builder(Style::Json)
        .sdist(&SdistBuilder::new("plain", "1.0").build_requires("tool>=1"))
        .wheel(&WheelBuilder::new("tool", "1.0").requires_dist("helper"))
        .wheel(&WheelBuilder::new("helper", "1"));
    let saved = saved(index, &["plain"]);
    verify(&saved, &[]).assert_success();
    remove_project(&saved, "helper");
    let said = verify(&saved, &["plain"]).assert_code(1);
    let chain = "missing: plain 1.0 (asked for) -> tool 1.0 (to build it) -> helper: the tree has no file";
    assert!(said.stdout.starts_with(chain), "{}", said.stdout);
    remove_project(&saved, "tool");
    let said = verify(&saved, &["plain"]).assert_code(1);
    let chain = "missing: plain 1.0 (asked for) -> tool>=1 (to build it): the tree has no file of `tool`\n";
    assert_eq!(said.stdout, chain);
}

#[test]
fn what_is_there_and_does_not_go_together_is_explained() {
    let index = FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("old", "1").requires_dist("base<2"))
        .wheel(&WheelBuilder::new("new", "1").requires_dist("base>=2"))
        .wheel(&WheelBuilder::new("base", "1"))
        .wheel(&WheelBuilder::new("base", "2"));
    let (index, saved) = (index.start(), Saved::new());
    saved.solve(&index, &["old"]).assert_success();
    saved.solve(&index, &["new"]).assert_success();
    // Each release installs, and that is all that a tree must prove.
    verify(&saved, &[]).assert_success();
    let found = verify_json(&saved, &["old", "new"], 1);
    assert_eq!((&found["missing"], &found["failed"][0]["item"]), (&json!([]), &json!("new")));
    let reason = found["failed"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("base") && reason.contains("old"), "{reason}");
}

#[test]
fn the_files_of_a_lock_are_there_with_its_digests_or_not() {
    let saved = saved(index(), &["app"]);
    let lock = saved.around().join("pylock.toml");
    let base = WheelBuilder::new("base", "1.5");
    let write = |sha256: &str, name: &str| {
        let file = format!(
            "name = \"{name}\", url = \"https://index.example/{name}\", hashes = {{ sha256 = \"{sha256}\" }}"
        );
        let text = format!(
            "lock-version = \"1.0\"\ncreated-by = \"test\"\n[[packages]]\nname = \"base\"\nversion = \"1.5\"\n\
             wheels = [{{ {file} }}]\n"
        );
        fs::write(&lock, text).unwrap();
    };
    let args = ["-r", lock.to_str().unwrap()];
    let right = depot_tests::sha256_hex(&base.build());
    write(&right, &base.filename());
    verify(&saved, &args).assert_success();
    write(&"0".repeat(64), &base.filename());
    let said = verify(&saved, &args).assert_code(1);
    assert!(said.stdout.contains("the lock pins it to sha256:0000"), "{}", said.stdout);
    write(&right, "base-1.5-cp312-cp312-manylinux_2_28_x86_64.whl");
    let said = verify(&saved, &args).assert_code(1);
    assert!(said.stdout.contains("it is not in the tree"), "{}", said.stdout);
}

#[test]
fn what_is_named_twice_and_missing_is_told_once() {
    let saved = saved(index(), &["app"]);
    let said = verify(&saved, &["absent", "absent"]).assert_code(1);
    assert_eq!(said.stdout.matches("missing: ").count(), 1, "{}", said.stdout);
}

#[test]
fn wrong_usage_is_2_and_a_tree_that_is_not_there_is_1() {
    let absent = Saved::new();
    let said = verify(&absent, &[]).assert_code(1);
    assert!(said.stderr.contains("there is no saved tree"), "{}", said.stderr);
    let saved = saved(index(), &["app"]);
    for args in [
        &["https://a.example", "https://b.example"][..],
        &["https://a.example", "--install"],
        &["--download"],
        &["--extra", "x"],
        &["--jobs", "0"],
    ] {
        verify(&saved, args).assert_code(2);
    }
    let said = verify(&saved, &["lib", "../wheel.whl"]).assert_code(1);
    assert!(said.stdout.contains("it is a path of this machine"), "{}", said.stdout);
}
