//! `depot python check`: the verdict before an upload.

use std::fs;
use std::path::Path;

use depot_tests::corpus::{Case, tar_cases};
use depot_tests::{Output, SdistBuilder, WheelBuilder, depot_command, run};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::command::schema::assert_valid;
use super::saved::result;

fn check(folder: &Path, args: &[&str]) -> Output {
    run(depot_command(["python", "check"]).args(args).current_dir(folder))
}

#[track_caller]
fn check_json(folder: &Path, args: &[&str], code: i32) -> Value {
    let result = result(&check(folder, &[args, &["--format", "json"]].concat()).assert_code(code));
    assert_valid(&result);
    result
}

/// A folder with two good distributions, two cases of the corpus, and what is no distribution.
fn folder() -> (TempDir, Vec<Case>) {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    fs::create_dir_all(folder.path().join("dist/deep")).unwrap();
    let (wheel, sdist) = (WheelBuilder::new("lid", "1.0"), SdistBuilder::new("lid", "1.0"));
    put(&format!("dist/{}", wheel.filename()), &wheel.build());
    put(&format!("dist/{}", sdist.filename()), &sdist.build());
    put("dist/notes.txt", b"no distribution");
    let cases: Vec<Case> = tar_cases()
        .into_iter()
        .filter(|case| ["names that differ in case", "two gzip streams"].contains(&case.name))
        .collect();
    for case in &cases {
        put(&format!("dist/deep/{}", case.filename), &case.bytes);
    }
    (folder, cases)
}

#[test]
fn good_files_are_good_and_what_is_refused_is_named_by_rule() {
    let (folder, cases) = folder();
    let said = check(folder.path(), &["dist/*.whl", "dist/lid-1.0.tar.gz"]).assert_success();
    assert_eq!(said.stdout.lines().filter(|line| line.ends_with(": good")).count(), 2, "{}", said.stdout);
    let said = check(folder.path(), &["dist"]).assert_code(1).stdout;
    let refused = format!("{}: refused", Path::new("dist/deep").join(&cases[1].filename).display());
    assert!(said.contains(&refused), "{said}");
    assert!(said.contains("  error: gzip-members: ") && said.contains("  warning: member-case: `"), "{said}");
    let detail = check(folder.path(), &["dist", "-v"]).assert_code(1).stderr;
    assert!(detail.contains("gzip-members: there is one gzip stream"), "{detail}");
    // Warnings alone refuse nothing, unless that is asked for.
    let warned = format!("dist/deep/{}", cases[0].filename);
    check(folder.path(), &[&warned]).assert_success();
    check(folder.path(), &[&warned, "--strict"]).assert_code(1);
}

#[test]
fn the_result_for_programs_is_as_its_schema_says() {
    let (folder, _) = folder();
    let all = check_json(folder.path(), &["dist", "dist/*", "dist/lid-1.0.tar.gz"], 1);
    assert_eq!(all["counts"], json!({ "files": 4, "refused": 1, "warned": 1, "failed": 1 }));
    let refused: Vec<&Value> =
        all["files"].as_array().unwrap().iter().filter(|file| file["verdict"] == "refused").collect();
    assert_eq!(refused[0]["findings"][0]["rule"], "gzip-members");
    assert_eq!((&refused[0]["project"], &refused[0]["omitted"]), (&json!("pot"), &json!(0)));
    let none = check_json(folder.path(), &["missing.whl"], 3);
    assert_eq!(none["counts"], json!({ "files": 0, "refused": 0, "warned": 0, "failed": 1 }));
}

#[test]
fn what_cannot_be_looked_at_fails_and_the_rest_is_checked() {
    let (folder, _) = folder();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let args =
        ["dist/lid-1.0.tar.gz", "empty", "missing-1.0.tar.gz", "nothing/*.whl", "*.zip", "dist/notes.txt"];
    let output = check(folder.path(), &args).assert_code(3);
    assert_eq!(output.stdout.lines().count(), 1, "{}", output.stdout);
    for item in &args[1..] {
        assert!(output.stderr.contains(&format!("error: {item}: ")), "{item}: {}", output.stderr);
    }
    check(folder.path(), &["-"]).assert_code(2);
    check(folder.path(), &[]).assert_code(2);
}
