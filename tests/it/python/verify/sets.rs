//! What is verified: sets, projects, and locks with what builds their sdists.

use std::fs;

use depot_tests::{FakeIndex, Output, SdistBuilder, Style, WheelBuilder, run, sha256_hex};
use serde_json::json;

use super::super::command::schema::assert_valid;
use super::super::saved::{Saved, TARGET, result};
use super::{index, remove_project, saved, verify, verify_command};

/// A set that wants these for the one target.
fn set(requirements: &str, more: &str) -> String {
    format!("[inputs]\nrequirements = {requirements}\n[targets]\ntarget = ['{TARGET}']\n{more}")
}

fn write(saved: &Saved, name: &str, text: &str) {
    fs::write(saved.around().join(name), text).unwrap();
}

/// Runs it in the folder around the tree, for the targets that are named there.
fn verify_in_place(saved: &Saved, args: &[&str]) -> Output {
    run(verify_command(saved, args).current_dir(saved.around()))
}

#[test]
fn a_set_is_verified_as_it_was_saved_and_messages_name_its_lines() {
    let (index, saved) = (index().start(), Saved::new());
    write(&saved, "depot-set.toml", &set("[\n'app',\n]", ""));
    let path = saved.around().join("depot-set.toml");
    let mut save = saved.solve_command(&index.url(), &["--set", path.to_str().unwrap()]);
    run(&mut save).assert_success();
    for args in [&["depot-set.toml"][..], &["--set", "depot-set.toml"], &["depot-set.toml", "lib"]] {
        let said = verify_in_place(&saved, args).assert_success();
        assert!(said.stderr.starts_with("for CPython 3.12 on linux x86_64"), "{}", said.stderr);
    }
    remove_project(&saved, "base");
    let said = verify_in_place(&saved, &["depot-set.toml"]).assert_code(1);
    let line = "missing: app 1.0 (asked for in depot-set.toml, line 3) -> lib 2.0 -> base<2: the tree has no file of `base`\n";
    assert_eq!(said.stdout, line);
    // What saves without what is required, is verified without it.
    write(&saved, "alone.toml", &set("['app', 'lib']", "[choice]\nno-deps = true\n"));
    verify_in_place(&saved, &["alone.toml"]).assert_success();
    write(&saved, "files.toml", &set("['app', 'pot']", "[choice]\nno-deps = true\nall-files = true\n"));
    let said = verify_in_place(&saved, &["files.toml"]).assert_code(1);
    let line = "missing: pot (asked for in files.toml, line 2): the tree has no file of `pot`\n";
    assert_eq!(said.stdout, line);
}

#[test]
fn each_set_stands_for_itself() {
    let index = FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("old", "1").requires_dist("base<2"))
        .wheel(&WheelBuilder::new("new", "1").requires_dist("base>=2"))
        .wheel(&WheelBuilder::new("base", "1"))
        .wheel(&WheelBuilder::new("base", "2"));
    let (index, saved) = (index.start(), Saved::new());
    saved.solve(&index, &["old"]).assert_success();
    saved.solve(&index, &["new"]).assert_success();
    write(&saved, "old.toml", &set("['old']", ""));
    write(&saved, "new.toml", &set("['new']", ""));
    let said = verify_in_place(&saved, &["old.toml", "new.toml", "--format", "json"]).assert_success();
    let result = result(&said);
    assert_valid(&result);
    assert_eq!((&result["counts"]["asked"], &result["targets"]), (&json!(2), &json!([TARGET])));
    write(&saved, "both.toml", &set("['old', 'new']", ""));
    verify_in_place(&saved, &["both.toml"]).assert_code(1);
}

#[test]
fn a_project_is_verified_with_its_extras_and_what_builds_it() {
    let index = index().wheel(&WheelBuilder::new("tool", "1.0").requires_dist("helper"));
    let index = index.wheel(&WheelBuilder::new("helper", "1.0")).wheel(&WheelBuilder::new("fast", "3"));
    let (index, saved) = (index.start(), Saved::new());
    let project = "[project]\nname = 'mine'\nversion = '1'\ndependencies = ['lib']\n\
                   [project.optional-dependencies]\nx = ['fast']\n[build-system]\nrequires = ['tool']\n";
    write(&saved, "pyproject.toml", project);
    let path = saved.around().join("pyproject.toml");
    saved.solve(&index, &["-r", path.to_str().unwrap(), "--extra", "x"]).assert_success();
    let args = ["--target", TARGET, "-r", "pyproject.toml"];
    let verify = |more: &[&str]| verify_in_place(&saved, &[&args, more].concat());
    verify(&["--extra", "x"]).assert_success();
    remove_project(&saved, "helper");
    let said = verify(&[]).assert_code(1);
    let line = "missing: tool 1.0 (asked for in pyproject.toml, line 8) -> helper: the tree has no file of `helper`\n";
    assert_eq!(said.stdout, line);
    verify(&["--no-build-requires"]).assert_success();
    remove_project(&saved, "fast");
    verify(&["--no-build-requires"]).assert_success();
    let said = verify(&["--no-build-requires", "--extra", "x"]).assert_code(1);
    let line = "missing: fast (asked for in pyproject.toml, line 6): the tree has no file of `fast`\n";
    assert_eq!(said.stdout, line);
}

#[test]
fn what_builds_an_sdist_of_a_lock_is_missed_where_a_target_needs_it() {
    let plain = SdistBuilder::new("plain", "1.0").build_requires("tool>=1");
    let index = FakeIndex::builder(Style::Json)
        .sdist(&plain)
        .wheel(&WheelBuilder::new("tool", "1.0").requires_dist("helper"))
        .wheel(&WheelBuilder::new("helper", "1"));
    let saved = saved(index, &["plain"]);
    let (name, sha256) = (plain.filename(), sha256_hex(&plain.build()));
    let lock = format!(
        "lock-version = '1.0'\ncreated-by = 'test'\n[[packages]]\nname = 'plain'\nversion = '1.0'\n\
         sdist = {{ name = '{name}', url = 'https://index.example/{name}', hashes = {{ sha256 = '{sha256}' }} }}\n"
    );
    write(&saved, "pylock.toml", &lock);
    let args = ["-r", "pylock.toml", "--target", TARGET];
    verify_in_place(&saved, &args).assert_success();
    remove_project(&saved, "helper");
    let said = verify_in_place(&saved, &args).assert_code(1);
    let line = "missing: plain 1.0 (asked for in pylock.toml, line 6) -> tool 1.0 (to build it) -> helper: \
                the tree has no file of `helper`\n";
    assert_eq!(said.stdout, line);
    remove_project(&saved, "tool");
    let said = verify_in_place(&saved, &args).assert_code(1);
    let line = "missing: plain 1.0 (asked for in pylock.toml, line 6) -> tool>=1 (to build it): \
                the tree has no file of `tool`\n";
    assert_eq!(said.stdout, line);
    // Which wheels an installer finds elsewhere, no lock says: for no target only the files count.
    verify_in_place(&saved, &args[..2]).assert_success();
}

#[test]
fn a_list_is_verified_and_what_is_no_set_is_told_from_one() {
    let saved = saved(index(), &["app"]);
    write(
        &saved,
        "list.txt",
        "# what we need\napp ; sys_platform == 'linux'\npot ; sys_platform == 'win32'\nlib>=3\n",
    );
    let said = verify(&saved, &["-r", saved.around().join("list.txt").to_str().unwrap()]).assert_code(1);
    let place = format!("{}, line 4", saved.around().join("list.txt").display());
    assert_eq!(
        said.stdout,
        format!("missing: lib>=3 (asked for in {place}): no such version is there, only 2.0\n")
    );
    assert!(said.stderr.contains("line 3): its marker is true in none of the targets"), "{}", said.stderr);
    for (args, words) in [
        (&["pyproject.toml"][..], "`pyproject.toml` is no set file: name it as `-r pyproject.toml`"),
        (&["pylock.toml"], "`pylock.toml` is no set file"),
        (&["--pre"], "nothing is named"),
    ] {
        let said = verify_in_place(&saved, args).assert_code(2);
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
    let said = verify_in_place(&saved, &["absent.toml"]).assert_code(1);
    assert!(said.stderr.contains("cannot read `absent.toml`"), "{}", said.stderr);
}

#[test]
fn what_its_index_has_quarantined_does_not_install() {
    let (index, saved) = (index().start(), Saved::new());
    saved.solve(&index, &["app"]).assert_success();
    index.set_status("base", "quarantined", Some("malware"));
    saved.solve(&index, &["app"]).assert_code(3);
    let said = verify(&saved, &["app"]).assert_code(1);
    let line =
        "missing: app 1.0 (asked for) -> lib 2.0 -> base<2: `base` is quarantined: it offers no files\n";
    assert_eq!(said.stdout, line);
    verify(&saved, &[]).assert_code(1);
}
