//! `depot python prune`: what the current needs do not need goes, and nothing else.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use depot_tests::{FakeIndex, Fault, Output, SdistBuilder, Style, WheelBuilder, depot_command, run};
use serde_json::{Value, json};

use super::command::schema::assert_valid;
use super::saved::{Saved, result};

const TARGET: &[&str] = &["--python", "3.12", "--platform", "linux"];

fn pot(version: &str) -> WheelBuilder {
    WheelBuilder::new("pot", version).requires_dist("lid>=2").requires_dist("hob ; sys_platform == 'win32'")
}

fn wheel(name: &str, version: &str) -> WheelBuilder {
    WheelBuilder::new(name, version)
}

fn index() -> FakeIndex {
    FakeIndex::builder(Style::Json)
        .wheel(&pot("1.0"))
        .wheel(&pot("2.0"))
        .sdist(&SdistBuilder::new("pot", "2.0"))
        .wheel(&wheel("lid", "1"))
        .wheel(&wheel("lid", "2"))
        .wheel(&wheel("lid", "3"))
        .wheel(&wheel("hob", "1"))
        .wheel(&wheel("cup", "1"))
        .start()
}

/// A tree with all files of the index.
fn full() -> (FakeIndex, Saved) {
    let (index, saved) = (index(), Saved::new());
    saved.save(&index, &["--all-versions", "pot", "lid", "hob", "cup"]).assert_success();
    (index, saved)
}

fn prune(saved: &Saved, args: &[&str]) -> Output {
    run(depot_command(["python", "prune"]).arg("--dir").arg(saved.root()).args(args))
}

#[track_caller]
fn prune_json(saved: &Saved, args: &[&str]) -> Value {
    let result = result(&prune(saved, &[args, TARGET, &["--format", "json"]].concat()).assert_success());
    assert_valid(&result);
    result
}

/// All files of the tree.
fn files(saved: &Saved) -> Vec<String> {
    ["cup", "hob", "lid", "pot"].iter().flat_map(|project| saved.filenames(project)).collect()
}

#[test]
fn what_was_declared_of_a_project_goes_with_its_last_file() {
    let (index, saved) = full();
    for project in ["hob", "lid"] {
        index.set_status(project, "archived", None);
    }
    saved.save(&index, &["--all-versions", "pot", "lid", "hob", "cup"]).assert_success();
    let has = |project: &str| saved.root().join(format!("projects/{project}.json")).exists();
    assert!(has("hob") && has("lid"));
    prune_json(&saved, &["pot", "--dry-run"]);
    assert!(has("hob"));
    prune_json(&saved, &["pot"]);
    assert!(!has("hob") && has("lid"));
}

#[test]
fn what_is_needed_for_the_targets_stays_and_the_rest_goes() {
    let (_index, saved) = full();
    let before = files(&saved);
    assert_eq!(before.len(), 8);
    let planned = prune_json(&saved, &["pot", "--dry-run"]);
    assert_eq!(
        (&planned["dry-run"], &planned["counts"]),
        (&json!(true), &json!({ "kept": 2, "deleted": 6 }))
    );
    assert_eq!(files(&saved), before);
    let text = prune(&saved, &[&["pot", "--dry-run"], TARGET].concat()).assert_success();
    assert!(
        text.stdout.contains("cup-1-py3-none-any.whl") && !text.stdout.contains("lid-3"),
        "{}",
        text.stdout
    );
    let done = prune_json(&saved, &["pot"]);
    assert_eq!(done["targets"], json!(["cp312-manylinux_2_28_x86_64"]));
    assert_eq!(files(&saved), ["lid-3-py3-none-any.whl", "pot-2.0-py3-none-any.whl"]);
    for project in ["cup", "hob"] {
        assert!(!saved.root().join("files").join(project).exists(), "{project} is still there");
    }
    assert!(saved.stored("lid", "lid-1-py3-none-any.whl").is_none());
    assert!(saved.stored("lid", "lid-1-py3-none-any.whl.metadata").is_none());
    assert_eq!(prune_json(&saved, &["pot"])["counts"], json!({ "kept": 2, "deleted": 0 }));
}

#[test]
fn what_an_earlier_run_left_that_was_cut_off_goes_too() {
    let (_index, saved) = full();
    prune_json(&saved, &["pot", "cup", "hob"]);
    for (project, record) in [("cup", "cup-1-py3-none-any.whl.json"), ("hob", "hob-1-py3-none-any.whl.json")]
    {
        fs::remove_file(saved.path(project, record)).unwrap();
    }
    let verified = |code| {
        let mut command = depot_command(["python", "verify", "--dir"]);
        run(command.arg(saved.root()).args(TARGET)).assert_code(code)
    };
    assert!(verified(1).stdout.contains("cup-1-py3-none-any.whl: it lies there without a record"));
    prune(&saved, &[&["pot", "--dry-run"], TARGET].concat()).assert_success();
    assert!(saved.stored("cup", "cup-1-py3-none-any.whl").is_some(), "a dry run removes nothing");
    let said = prune(&saved, &[&["pot"], TARGET].concat()).assert_success();
    assert!(said.stderr.contains("without a record"), "{}", said.stderr);
    assert!(!saved.root().join("files/cup").exists());
    verified(0);
}

#[test]
fn several_needs_constraints_and_targets_are_all_heeded() {
    let (_index, saved) = full();
    let list = saved.around().join("c.txt");
    fs::write(&list, "lid<3\n").unwrap();
    let args = ["pot<2", "cup", "-c", list.to_str().unwrap(), "--platform", "windows", "--sdist"];
    prune_json(&saved, &args);
    assert_eq!(
        files(&saved),
        [
            "cup-1-py3-none-any.whl",
            "hob-1-py3-none-any.whl",
            "lid-2-py3-none-any.whl",
            "pot-1.0-py3-none-any.whl"
        ]
    );
}

#[test]
fn where_a_need_cannot_be_met_nothing_is_deleted() {
    let (_index, saved) = full();
    let before = files(&saved);
    for (args, words) in [
        (&["pot", "absent"][..], "absent"),
        (&["pot", "lid<2"], "lid"),
        (&["pot>=9"], "pot"),
        (&["cup", "lid=="], "lid=="),
        (&["pot", "cup==9", "--no-deps", "--all-files"], "cup==9"),
    ] {
        let said = prune(&saved, &[args, TARGET].concat()).assert_code(1);
        assert!(
            said.stderr.contains(words) && said.stderr.contains("nothing was deleted"),
            "{}",
            said.stderr
        );
        assert_eq!(files(&saved), before);
    }
    let nowhere = prune(&saved, &[&["pot ; sys_platform == 'win32'"], TARGET].concat()).assert_code(1);
    assert!(nowhere.stderr.contains("nothing in the tree is needed"), "{}", nowhere.stderr);
    prune(&saved, TARGET).assert_code(2);
    assert_eq!(files(&saved), before);
}

#[test]
fn what_stands_for_itself_is_kept_in_every_version_that_fits() {
    let (_index, saved) = full();
    prune(&saved, &["pot", "lid>=2", "--no-deps", "--all-files"]).assert_success();
    assert_eq!(
        files(&saved),
        [
            "lid-2-py3-none-any.whl",
            "lid-3-py3-none-any.whl",
            "pot-1.0-py3-none-any.whl",
            "pot-2.0-py3-none-any.whl",
            "pot-2.0.tar.gz"
        ]
    );
}

#[test]
fn the_files_of_a_lock_stay() {
    let (_index, saved) = full();
    let lock = saved.around().join("pylock.toml");
    let digest = depot_tests::sha256_hex(&wheel("lid", "1").build());
    let text = format!(
        "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"lid\"\nversion = \"1\"\n\
         wheels = [{{ name = \"lid-1-py3-none-any.whl\", url = \"https://index.example/lid-1-py3-none-any.whl\", \
         hashes = {{ sha256 = \"{digest}\" }} }}]\n"
    );
    fs::write(&lock, &text).unwrap();
    prune(&saved, &[&["cup", "-r", lock.to_str().unwrap()], TARGET].concat()).assert_success();
    assert_eq!(files(&saved), ["cup-1-py3-none-any.whl", "lid-1-py3-none-any.whl"]);
    fs::write(&lock, text.replace("lid-1-", "lid-2-").replace("version = \"1\"", "version = \"2\"")).unwrap();
    let said = prune(&saved, &["-r", lock.to_str().unwrap()]).assert_code(1);
    assert!(said.stderr.contains("lid-2-py3-none-any.whl"), "{}", said.stderr);
    assert_eq!(files(&saved).len(), 2);
}

#[test]
fn what_builds_the_sdists_of_a_lock_stays() {
    let plain = SdistBuilder::new("plain", "1.0").build_requires("tool>=1");
    let (tool, helper) = (wheel("tool", "1").requires_dist("helper"), wheel("helper", "1"));
    let index =
        FakeIndex::builder(Style::Json).sdist(&plain).wheel(&tool).wheel(&helper).wheel(&wheel("cup", "1"));
    let (index, saved) = (index.start(), Saved::new());
    saved.solve(&index, &["plain", "cup"]).assert_success();
    let lock = saved.around().join("pylock.toml");
    let (name, digest) = (plain.filename(), depot_tests::sha256_hex(&plain.build()));
    let text = |digest: &str| {
        format!(
            "lock-version = '1.0'\ncreated-by = 'x'\n[[packages]]\nname = 'plain'\nversion = '1.0'\n\
             sdist = {{ name = '{name}', url = 'https://index.example/{name}', hashes = {{ sha256 = '{digest}' }} }}\n"
        )
    };
    let all = || ["cup", "helper", "plain", "tool"].map(|project| saved.filenames(project).len());
    // Other bytes than those of the lock are not what is needed.
    fs::write(&lock, text(&"0".repeat(64))).unwrap();
    let lock = lock.to_str().unwrap();
    let said = prune(&saved, &["-r", lock]).assert_code(1);
    assert!(said.stderr.contains("the lock pins it to sha256:0000"), "{}", said.stderr);
    assert_eq!(all(), [1, 1, 1, 1]);
    fs::write(lock, text(&digest)).unwrap();
    prune(&saved, &[&["-r", lock], TARGET].concat()).assert_success();
    assert_eq!(all(), [0, 1, 1, 1]);
    prune(&saved, &["-r", lock]).assert_success();
    assert_eq!(all(), [0, 1, 1, 1]);
    // What is not there is said, and is no reason to stop: a save of the lock would not have brought it.
    fs::remove_dir_all(saved.root().join("files/helper")).unwrap();
    let said = prune(&saved, &[&["-r", lock], TARGET].concat()).assert_success();
    assert!(
        said.stderr.contains("is not all in the tree") && said.stderr.contains("helper"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_record_without_its_bytes_is_no_file_that_could_be_kept_for_another() {
    let (_index, saved) = full();
    fs::remove_file(saved.root().join("files/lid/lid-3-py3-none-any.whl")).unwrap();
    prune(&saved, &[&["lid"], TARGET].concat()).assert_success();
    assert!(saved.stored("lid", "lid-2-py3-none-any.whl").is_some());
    fs::remove_file(saved.root().join("files/lid/lid-2-py3-none-any.whl")).unwrap();
    prune(&saved, &[&["lid"], TARGET].concat()).assert_code(1);
    prune(&saved, &["lid", "--no-deps", "--all-files"]).assert_code(1);
}

#[test]
fn a_tree_that_somebody_writes_into_is_left_alone() {
    let (index, saved) = full();
    let before = files(&saved);
    // A save that waits for its list on standard input has not opened the tree yet; one that waits for an index has.
    index.fault(&FakeIndex::page_path("lid"), Fault::Hang);
    let mut command = saved.save_command(&index.url(), &["--stdin", "--timeout", "60"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"lid\n").unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let locks = || {
        let names = fs::read_dir(saved.root().join("tmp")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().unwrap().len() == "0123456789abcdef.lock".len()).count()
    };
    while locks() == 0 {
        assert!(std::time::Instant::now() < deadline, "the save did not open the tree");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let said = prune(&saved, &[&["pot"], TARGET].concat()).assert_code(1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.stderr.contains("somebody else writes into the tree"), "{}", said.stderr);
    assert_eq!(files(&saved), before);
    // One that was killed is nobody.
    prune(&saved, &[&["pot"], TARGET].concat()).assert_success();
    assert_eq!(files(&saved).len(), 2);
}

#[test]
fn what_is_left_installs_and_what_was_deleted_is_saved_again() {
    let (index, saved) = full();
    prune_json(&saved, &["pot"]);
    let saving = ["pot", "cup"].iter().chain(TARGET).copied().collect::<Vec<_>>();
    let said = saved.solve(&index, &saving).assert_success();
    assert!(
        said.stderr.contains("saved 1 file") && said.stderr.contains("2 there already"),
        "{}",
        said.stderr
    );
}

#[test]
fn sets_are_solved_apart_and_what_any_of_them_needs_stays() {
    let (_index, saved) = full();
    let set = |name: &str, inputs: &str, platform: &str| {
        let path = saved.around().join(name);
        let text = format!(
            "[inputs]\nrequirements = [{inputs}]\n[targets]\npython = '3.12'\nplatform = '{platform}'\n"
        );
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (old, new) =
        (set("old.toml", "'pot<2', 'lid<3'", "linux"), set("new.toml", "'pot', 'cup'", "windows"));
    let done = prune(&saved, &["--set", &old, "--set", &new, "--format", "json"]).assert_success();
    assert_eq!(result(&done)["targets"], json!(["cp312-manylinux_2_28_x86_64", "cp312-win_amd64"]));
    assert_eq!(
        files(&saved),
        [
            "cup-1-py3-none-any.whl",
            "hob-1-py3-none-any.whl",
            "lid-2-py3-none-any.whl",
            "lid-3-py3-none-any.whl",
            "pot-1.0-py3-none-any.whl",
            "pot-2.0-py3-none-any.whl"
        ]
    );
    let bad = set("bad.toml", "'absent'", "linux");
    prune(&saved, &["--set", &new, "--set", &bad]).assert_code(1);
    prune(&saved, &["--set", &new, "--set", &old, "--stdin"]).assert_code(2);
    assert_eq!(files(&saved).len(), 6);
}
