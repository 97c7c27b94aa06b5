//! `depot python list`, `show` and `diff`: what is in a tree.

use std::fs;

use depot_tests::{
    FakeFile, FakeIndex, Output, SdistBuilder, Style, WheelBuilder, depot_command, run, sha256_hex,
};
use serde_json::{Value, json};

use super::command::schema::assert_valid;
use super::saved::{Saved, result};

fn pot(version: &str) -> WheelBuilder {
    WheelBuilder::new("tea.pot", version)
        .requires_python(">=3.8")
        .requires_dist("lid>=3 ; python_version >= '3.9'")
        .metadata_line("Summary: holds tea")
}

fn lid() -> WheelBuilder {
    WheelBuilder::new("lid", "3").tag("cp312-cp312-manylinux_2_28_x86_64")
}

fn saved() -> (FakeIndex, Saved) {
    let index = FakeIndex::builder(Style::Json)
        .wheel(&pot("1.0"))
        .wheel(&pot("1.10"))
        .wheel(&pot("1.9"))
        .sdist(&SdistBuilder::new("tea.pot", "1.10").requires_dist("lid"))
        .file("lid", FakeFile::from(&lid()).yanked("leaks"))
        .start();
    let saved = Saved::new();
    saved.save(&index, &["tea-pot", "lid==3", "--all-versions"]).assert_success();
    (index, saved)
}

fn look(saved: &Saved, args: &[&str]) -> Output {
    run(depot_command(["python"]).args(args).arg("--dir").arg(saved.root()))
}

/// The result for programs, which must be as its schema says.
#[track_caller]
fn look_json(saved: &Saved, args: &[&str], code: i32) -> Value {
    let result = result(&look(saved, &[args, &["--format", "json"]].concat()).assert_code(code));
    assert_valid(&result);
    result
}

#[test]
fn a_list_names_releases_with_the_newest_first() {
    let (_index, saved) = saved();
    let said = look(&saved, &["list"]).assert_success().stdout;
    let lines: Vec<&str> = said.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(lines, ["lid 3", "tea-pot 1.10", "tea-pot 1.9", "tea-pot 1.0"]);
    assert!(said.lines().next().unwrap().ends_with("yanked"), "{said}");
    let all = look_json(&saved, &["list"], 0);
    assert_eq!(all["counts"], json!({ "projects": 2, "releases": 4, "files": 5, "failed": 0 }));
    let size: u64 =
        all["releases"].as_array().unwrap().iter().map(|row| row["bytes"].as_u64().unwrap()).sum();
    assert_eq!(all["bytes"], size);
    assert_eq!((&all["releases"][1]["files"], &all["releases"][0]["yanked"]), (&json!(2), &json!(true)));
    for (pattern, releases) in [("Tea_Pot", 3), ("*d", 1), ("absent", 0), ("*", 4)] {
        let found = look_json(&saved, &["list", pattern], 0);
        assert_eq!(found["releases"].as_array().unwrap().len(), releases, "{pattern}");
    }
}

#[test]
fn a_project_is_shown_with_all_that_is_known_of_its_files() {
    let (index, saved) = saved();
    let said = look(&saved, &["show", "Tea.Pot==1.10"]).assert_success().stdout;
    for words in
        ["tea_pot-1.10-py3-none-any.whl", "wheel for py3-none-any", ">=3.8", "lid>=3", "mirrored from"]
    {
        assert!(said.contains(words), "`{words}` is missing: {said}");
    }
    assert!(said.contains(&sha256_hex(&pot("1.10").build())) && !said.contains("1.9-py3"), "{said}");
    let shown = look_json(&saved, &["show", "tea-pot"], 0);
    let files = shown["files"].as_array().unwrap();
    let versions: Vec<&str> = files.iter().map(|file| file["version"].as_str().unwrap()).collect();
    assert_eq!(versions, ["1.10", "1.10", "1.9", "1.0"]);
    assert_eq!((&files[1]["kind"], &files[1]["requires-dist"]), (&json!("sdist"), &json!(["lid"])));
    assert_eq!((&files[0]["summary"], &files[0]["whole"]), (&json!("holds tea"), &json!(true)));
    assert_eq!(
        (&files[0]["tags"], &files[0]["origin"]["index"]),
        (&json!("py3-none-any"), &json!(index.url()))
    );
    let lid = &look_json(&saved, &["show", "lid"], 0)["files"][0];
    assert_eq!((&lid["yanked"], &lid["yanked-reason"]), (&json!(true), &json!("leaks")));
    for (spec, code) in [("absent", 1), ("lid==4", 1), ("lid==", 2), ("lid==3.*", 2), ("no/name", 2)] {
        let said = look(&saved, &["show", spec]).assert_code(code);
        assert!(said.stderr.contains(spec) && said.stdout.is_empty(), "{}", said.stderr);
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_told() {
    let (_index, saved) = saved();
    fs::write(saved.path("lid", &format!("{}.json", lid().filename())), "no record").unwrap();
    fs::remove_file(saved.path("tea-pot", &pot("1.9").filename())).unwrap();
    let listed = look_json(&saved, &["list"], 3);
    assert_eq!(
        (&listed["failed"][0]["item"], &listed["counts"]["files"]),
        (&json!(lid().filename()), &json!(4))
    );
    assert_eq!(look_json(&saved, &["show", "lid"], 3)["counts"]["failed"], 1);
    let shown = look_json(&saved, &["show", "tea-pot==1.9"], 0);
    assert_eq!(shown["files"][0]["whole"], false);
    for verb in ["list", "show", "diff"] {
        let mut command = depot_command(["python", verb, "lid", "--dir"]);
        let said = run(command.arg(saved.around().join("absent"))).assert_code(1);
        assert!(said.stderr.contains("there is no saved tree"), "{}", said.stderr);
    }
}

#[test]
fn trees_are_compared_file_by_file_and_fact_by_fact() {
    let (index, saved) = saved();
    let other = Saved::new();
    other.save(&index, &["tea-pot", "lid==3", "--all-versions"]).assert_success();
    let diff = |code: i32| {
        let root = other.root();
        look_json(&saved, &["diff", root.to_str().unwrap()], code)
    };
    let same = diff(0);
    assert_eq!((&same["same"], &same["files"]), (&json!(true), &json!([])));
    // Another yank there, one file less there, one more.
    index.put("lid", FakeFile::from(&lid()).yanked("drips"));
    index.put("cup", &WheelBuilder::new("cup", "1"));
    other.save(&index, &["lid==3", "cup"]).assert_success();
    for suffix in ["", ".json", ".metadata"] {
        fs::remove_file(other.path("tea-pot", &format!("{}{suffix}", pot("1.0").filename()))).unwrap();
    }
    let told = diff(1);
    assert_eq!(told["counts"], json!({ "added": 1, "removed": 1, "changed": 1 }));
    let row = |filename: &str| {
        let rows = told["files"].as_array().unwrap();
        rows.iter().find(|row| row["filename"] == filename).unwrap().clone()
    };
    assert_eq!(row("cup-1-py3-none-any.whl")["change"], "removed");
    assert_eq!(row(&pot("1.0").filename())["change"], "added");
    assert_eq!(row(&lid().filename())["what"], json!(["yanked"]));
    let said = look(&saved, &["diff", other.root().to_str().unwrap()]).assert_code(1).stdout;
    assert!(said.contains(&format!("~ files/lid/{}  yanked", lid().filename())), "{said}");
    assert!(said.contains("- files/cup/cup-1-py3-none-any.whl\n"), "{said}");
}

#[test]
fn a_bundle_and_its_receipt_are_compared_with_as_what_they_bring() {
    let (index, saved) = saved();
    let bundle = |args: &[&str]| {
        let mut command = depot_command(["python", "bundle", "create", "--dir"]);
        run(command.arg(saved.root()).args(args).current_dir(saved.around())).assert_success();
    };
    bundle(&["-o", "one.tar.zst", "--receipt", "one.json"]);
    let at = |name: &str| saved.around().join(name).to_str().unwrap().to_owned();
    for other in ["one.tar.zst", "one.json"] {
        assert_eq!(look_json(&saved, &["diff", &at(other)], 0)["same"], true);
    }
    index.put("lid", FakeFile::from(&lid()));
    index.put("cup", &WheelBuilder::new("cup", "1"));
    saved.save(&index, &["lid", "cup"]).assert_success();
    for other in ["one.tar.zst", "one.json"] {
        let told = look_json(&saved, &["diff", &at(other)], 1);
        assert_eq!(told["counts"], json!({ "added": 1, "removed": 0, "changed": 1 }), "{other}");
    }
    // What came before is presumed by a delta, and so is part of what it stands for.
    bundle(&["-o", "two.tar.zst", "--base", "one.tar.zst"]);
    assert_eq!(look_json(&saved, &["diff", &at("two.tar.zst")], 0)["same"], true);
    fs::write(at("no.txt"), "neither").unwrap();
    let said = look(&saved, &["diff", &at("no.txt")]).assert_code(1);
    assert!(said.stderr.contains("error: ") && said.stderr.contains("no.txt"), "{}", said.stderr);
}
