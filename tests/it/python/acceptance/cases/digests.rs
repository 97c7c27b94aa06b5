//! Locks of which one digest is wrong: that file is refused, and the others are saved.

use std::fs;
use std::path::{Path, PathBuf};

use depot_tests::{Client, Clients, FakeIndex, Room, run, sha256_hex};

use super::{Came, Saved, index, wheel};

fn upstream() -> FakeIndex {
    index(&[wheel("app", "1", &["good", "lid>=2"]), wheel("lid", "2", &["leaf"])]).start()
}

/// The digest that `lid` has, and the one that the locks say.
fn digests() -> (String, String) {
    (sha256_hex(&wheel("lid", "2", &["leaf"]).build()), "0123456789abcdef".repeat(4))
}

/// Puts the wrong digest into a lock.
fn spoil(lock: &Path) -> PathBuf {
    let (right, wrong) = digests();
    let text = fs::read_to_string(lock).unwrap();
    assert_eq!(text.matches(&right).count(), 1, "{text}");
    fs::write(lock, text.replace(&right, &wrong)).unwrap();
    lock.to_owned()
}

/// The line in which the lock says it.
fn line(lock: &Path) -> usize {
    let text = fs::read_to_string(lock).unwrap();
    text.lines().position(|line| line.contains(&digests().1)).unwrap() + 1
}

fn save(index: &FakeIndex, lock: &Path, code: i32) -> Came {
    let saved = Saved::new();
    let args = ["-r", lock.to_str().unwrap()];
    let said = run(&mut saved.solve_command(&index.url(), &args)).assert_code(code);
    Came { saved, said }
}

/// Fails unless `lid` alone is refused.
#[track_caller]
fn has_the_others(came: &Came) {
    came.failed(1);
    came.has(&[
        ("app", &["app-1-py3-none-any.whl"]),
        ("good", &["good-1.0-py3-none-any.whl"]),
        ("leaf", &["leaf-2-py3-none-any.whl"]),
        ("lid", &[]),
    ]);
    came.installs(&[]);
}

/// Fails unless the file is named with its place in the lock, both digests, and what is to be done.
#[track_caller]
fn is_told(came: &Came, lock: &Path, at: usize) {
    let (right, wrong) = digests();
    let name = lock.file_name().unwrap().to_str().unwrap();
    came.says(
        "error: lid-2-py3-none-any.whl (",
        &[
            &format!("{name}, line {at}): "),
            &format!("the lock pins it to sha256:{wrong}"),
            &format!("has it with sha256:{right}"),
            "lock again if it is the index",
        ],
    );
}

const PROJECT: &str =
    "[project]\nname = \"till\"\nversion = \"0\"\nrequires-python = \">=3.8\"\ndependencies = [\"app\"]\n";

/// A project that uv locked.
fn locked(clients: &Clients, index: &FakeIndex) -> Room {
    let room = clients.room();
    fs::write(room.path().join("pyproject.toml"), PROJECT).unwrap();
    room.uv(["lock", "--default-index", &index.url()]).assert_success();
    room
}

#[test]
fn a_lock_of_uv_with_a_wrong_digest_loses_that_file_alone() {
    let Some(clients) = Clients::find() else { return };
    let index = upstream();
    let room = locked(&clients, &index);
    let lock = spoil(&room.path().join("uv.lock"));
    let came = save(&index, &lock, 3);
    is_told(&came, &lock, line(&lock));
    has_the_others(&came);
}

#[test]
fn a_pylock_with_a_wrong_digest_loses_that_file_alone() {
    let Some(clients) = Clients::find() else { return };
    let index = upstream();
    let room = locked(&clients, &index);
    let args = ["export", "--format", "pylock.toml", "--no-emit-project", "-o", "pylock.toml"];
    room.uv([&args[..], &["--default-index", &index.url()]].concat()).assert_success();
    let lock = spoil(&room.path().join("pylock.toml"));
    let came = save(&index, &lock, 3);
    is_told(&came, &lock, line(&lock));
    has_the_others(&came);
}

#[test]
fn a_lock_of_poetry_with_a_wrong_digest_loses_that_file_alone() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let index = upstream();
    let room = clients.room();
    let project = format!(
        "[project]\nname = \"till\"\nversion = \"0\"\nrequires-python = \">=3.8,<4\"\n[tool.poetry]\npackage-mode = false\n\
         [[tool.poetry.source]]\nname = \"upstream\"\nurl = \"{}\"\npriority = \"primary\"\n",
        index.url()
    );
    fs::write(room.path().join("pyproject.toml"), project).unwrap();
    run(room.command_of(Client::Poetry).args(["add", "--lock", "app"])).assert_success();
    let lock = spoil(&room.path().join("poetry.lock"));
    let came = save(&index, &lock, 3);
    is_told(&came, &lock, line(&lock));
    has_the_others(&came);
}

#[test]
fn a_list_with_a_wrong_digest_loses_that_project_alone_and_not_what_requires_it() {
    let Some(clients) = Clients::find() else { return };
    let (index, room) = (upstream(), clients.room());
    fs::write(room.path().join("in.txt"), "app\n").unwrap();
    let args = ["pip", "compile", "in.txt", "--generate-hashes", "-o", "locked.txt", "--no-header"];
    room.uv([&args[..], &["--default-index", &index.url()]].concat()).assert_success();
    let lock = room.path().join("locked.txt");
    let came = save(&index, &lock, 0);
    came.has(&[("lid", &["lid-2-py3-none-any.whl"])]);
    came.installs(&["app"]);

    spoil(&lock);
    let came = save(&index, &lock, 3);
    // The name stands in the line before its digest.
    let place = format!("locked.txt, line {}): ", line(&lock) - 1);
    let words =
        ["2 has no file with a digest that it is pinned to: the index has others than the list was made of"];
    came.says("error: lid==2 (", &[&place, words[0]]);
    has_the_others(&came);
}

#[test]
fn what_a_list_with_digests_forgets_is_named_with_who_needs_it() {
    let (index, saved) = (upstream(), Saved::new());
    let pin = |name: &str, version: &str, requires: &[&str]| {
        let wheel = wheel(name, version, requires);
        format!("{name}=={version} --hash=sha256:{}\n", sha256_hex(&wheel.build()))
    };
    let text = [pin("app", "1", &["good", "lid>=2"]), pin("good", "1.0", &["leaf"]), pin("leaf", "2", &[])];
    let list = saved.around().join("locked.txt");
    fs::write(&list, text.concat()).unwrap();
    let came = save(&index, &list, 3);
    came.says(
        "error: lid>=2 (needed by app 1): ",
        &["2 is not pinned to a digest, and digests are required: list it with its `--hash`"],
    );
    has_the_others(&came);
}

#[test]
fn a_lock_that_cannot_be_read_ends_the_run_with_1_and_nobody_is_asked() {
    let index = upstream();
    for (name, text, words) in [
        ("uv.lock", "version = 1\n[[package]\n", "uv.lock, line 2"),
        ("pylock.toml", "lock-version = \"9.0\"\ncreated-by = \"a test\"\npackages = []\n", "pylock.toml"),
        ("list.txt", "good==1.0\n-r other.txt\n", "other.txt"),
    ] {
        let folder = Saved::new();
        let lock = folder.around().join(name);
        fs::write(&lock, text).unwrap();
        let came = save(&index, &lock, 1);
        came.says("error: ", &[words]);
        assert!(!came.saved.root().exists());
        assert_eq!(index.requests(), [], "{name}");
    }
}
