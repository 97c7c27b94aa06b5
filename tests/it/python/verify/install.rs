//! `--install`: the proof by doing it, with the Python on PATH and nothing else.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use depot_tests::{FakeIndex, FakeIndexBuilder, SdistBuilder, Style, WheelBuilder, run, workspace_root};
use serde_json::json;

use super::super::command::schema::assert_valid;
use super::super::saved::{Saved, result};
use super::{NOWHERE, verify_command};

/// Puts the Python of the pinned clients first on PATH; none where the tests run without any.
fn with_python(command: &mut Command) -> Option<()> {
    let clients = depot_tests::Clients::find()?;
    drop(clients);
    let venv = env::var_os("DEPOT_TEST_VENV")
        .map_or_else(|| workspace_root().join("target/test-venv"), |path| workspace_root().join(path));
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", venv.join("bin").display()));
    Some(())
}

/// An app as a wheel, which needs an sdist, which needs a tool to be built.
fn index(plain: &SdistBuilder) -> FakeIndexBuilder {
    FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("app", "1.0").requires_dist("plain"))
        .sdist(plain)
        .wheel(&WheelBuilder::new("tool", "1.0"))
}

fn plain() -> SdistBuilder {
    SdistBuilder::new("plain", "1.0").build_requires("tool>=1")
}

/// Saves the app for the Python on PATH.
fn save(index: FakeIndexBuilder) -> Option<Saved> {
    let (index, saved) = (index.start(), Saved::new());
    let mut command = saved.solve_command(&index.url(), &["app"]);
    with_python(&mut command)?;
    run(&mut command).assert_success();
    Some(saved)
}

/// Verifies by installing, with settings that lead elsewhere, into a folder of temporary files that must be empty then.
fn install(saved: &Saved, args: &[&str]) -> depot_tests::Output {
    let mut command = verify_command(saved, &[args, &["--install", "--format", "json"]].concat());
    with_python(&mut command).unwrap();
    let tmp = saved.around().join("tmp");
    fs::create_dir_all(&tmp).unwrap();
    command.env("TMPDIR", &tmp).env("NO_PROXY", "").env("PIP_INDEX_URL", format!("{NOWHERE}/simple/"));
    command.env("PIP_NO_BINARY", ":all:").env("UV_DEFAULT_INDEX", format!("{NOWHERE}/simple/"));
    let said = run(&mut command);
    assert_eq!(left(&tmp), Vec::<String>::new(), "{}", said.stderr);
    said
}

fn left(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_was_saved_installs_and_its_sdists_are_built_without_a_network() {
    let Some(saved) = save(index(&plain())) else { return };
    for (args, packages) in [(&["app"][..], 2), (&[], 3)] {
        let said = install(&saved, args).assert_success();
        let result = result(&said);
        assert_valid(&result);
        let installed = &result["install"];
        assert_eq!(
            (&installed["packages"], &installed["built"]),
            (&json!(packages), &json!(1)),
            "{result:#}"
        );
        assert_eq!(installed["failed"], json!([]));
    }
}

#[test]
fn a_build_that_fails_is_named_with_the_last_words_of_the_tool() {
    // It stands where the backend looks first.
    let cold = plain().file("_build/zipfile.py", "raise RuntimeError('the kettle is cold')\n");
    let Some(saved) = save(index(&cold)) else { return };
    let said = install(&saved, &["app"]).assert_code(1);
    assert!(!said.stderr.contains("built plain"), "{}", said.stderr);
    let result = result(&said);
    assert_valid(&result);
    let failed = &result["install"]["failed"][0];
    assert_eq!(failed["item"], "plain 1.0");
    assert!(failed["output"].to_string().contains("the kettle is cold"), "{result:#}");
    assert_eq!((&result["missing"], &result["wrong"]), (&json!([]), &json!([])), "nothing else could tell");
}

#[test]
fn what_cannot_be_installed_here_is_told_apart_from_the_rest() {
    let Some(saved) = save(index(&plain())) else { return };
    fs::remove_dir_all(saved.root().join("files/tool")).unwrap();
    let said = install(&saved, &["app"]).assert_code(1);
    let result = result(&said);
    assert_eq!(result["missing"][0]["requirement"], "tool>=1");
    assert!(!result["install"]["failed"].as_array().unwrap().is_empty(), "{result:#}");
}
