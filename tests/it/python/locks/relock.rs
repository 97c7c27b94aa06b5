//! `depot python relock`: a lock that was made against an index installs from a server, and comes back as it was.

use std::fs;
use std::path::Path;

use depot_tests::{Clients, FakeIndex, Output, Room, depot_command, run};
use serde_json::Value;

use super::upstream;
use crate::python::command::schema::assert_valid;
use crate::python::depot::Depot;
use crate::python::saved::{Saved, result};

const PROJECT: &str = "[project]\nname = \"breakfast\"\nversion = \"0\"\nrequires-python = \">=3.8\"\n\
    dependencies = [\"tea-pot\"]\n";

/// Runs uv on the project in this room, as it is where there is no other index than that of the lock.
fn uv(room: &Room, args: &[&str]) -> Output {
    let python = room.venv();
    let mut command = room.command("uv");
    // What is out of reach is so at once.
    command
        .env("UV_HTTP_RETRIES", "0")
        .env("UV_PROJECT_ENVIRONMENT", python.parent().unwrap().parent().unwrap());
    run(command.args(args))
}

fn relock(args: &[&str], lock: &Path) -> Output {
    run(depot_command(["python", "relock"]).args(args).arg(lock))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// A project that was locked against an index, whose lock was saved, and a server that was given what was saved.
fn locked(clients: &Clients, index: &FakeIndex, private: bool) -> (Room, Depot) {
    let room = clients.room();
    fs::write(room.path().join("pyproject.toml"), PROJECT).unwrap();
    uv(&room, &["lock", "--default-index", &index.url()]).assert_success();
    let saved = Saved::new();
    saved.save(index, &["-r", room.path().join("uv.lock").to_str().unwrap()]).assert_success();
    let depot = Depot::start_with(if private { &["--private"] } else { &[] });
    saved.push(&depot, &[]).assert_success();
    (room, depot)
}

#[test]
fn uv_syncs_frozen_on_both_sides() {
    let Some(clients) = Clients::find() else { return };
    let mut index = upstream();
    let (room, depot) = locked(&clients, &index, false);
    let lock = room.path().join("uv.lock");
    let before = read(&lock);
    uv(&room, &["sync", "--frozen"]).assert_success();
    index.stop();

    // Where the index is out of reach the lock is of no use until it leads to the server.
    let inside = clients.room();
    for name in ["pyproject.toml", "uv.lock"] {
        fs::copy(room.path().join(name), inside.path().join(name)).unwrap();
    }
    assert!(!uv(&inside, &["sync", "--frozen"]).success());
    let lock = inside.path().join("uv.lock");
    let said = relock(&["--to", depot.url(), "--format", "json"], &lock).assert_success();
    let told: Value = result(&said);
    assert_valid(&told);
    assert!(told["rewritten"].as_u64().unwrap() >= 7, "{told}");
    let there = read(&lock);
    assert!(
        !there.lines().any(|line| !line.contains("# depot relock: ") && line.contains(index.origin())),
        "{there}"
    );
    uv(&inside, &["sync", "--frozen"]).assert_success();
    assert_eq!(inside.installed_version("tea_pot"), "1.0");
    assert_eq!(inside.installed_version("lid"), "1.0+lab.2");

    relock(&["--to", depot.url()], &lock).assert_success();
    assert_eq!(read(&lock), there, "a second time changes nothing");
    relock(&["--back"], &lock).assert_success();
    assert_eq!(read(&lock), before);
    index.restart();
    let outside = clients.room();
    fs::write(outside.path().join("pyproject.toml"), PROJECT).unwrap();
    fs::copy(&lock, outside.path().join("uv.lock")).unwrap();
    uv(&outside, &["sync", "--frozen"]).assert_success();
}

#[test]
fn uv_syncs_frozen_from_a_private_server() {
    let Some(clients) = Clients::find() else { return };
    let mut index = upstream();
    let (room, depot) = locked(&clients, &index, true);
    index.stop();
    let lock = room.path().join("uv.lock");
    relock(&["--to", &format!("{}/python/simple/", depot.url())], &lock).assert_success();
    assert!(!uv(&room, &["sync", "--frozen"]).success(), "nobody reads without a token");
    let netrc = format!("machine 127.0.0.1 login __token__ password {}\n", depot.token());
    fs::write(room.home().join(".netrc"), netrc).unwrap();
    uv(&room, &["sync", "--frozen"]).assert_success();
    assert_eq!(room.installed_version("tea_pot"), "1.0");
}

#[test]
fn pip_and_uv_install_a_pylock_from_the_server() {
    let Some(clients) = Clients::find() else { return };
    let mut index = upstream();
    let (room, depot) = locked(&clients, &index, false);
    uv(&room, &["export", "--frozen", "--format", "pylock.toml", "-o", "pylock.toml", "--no-emit-project"])
        .assert_success();
    let lock = room.path().join("pylock.toml");
    let before = read(&lock);
    index.stop();
    relock(&["--to", depot.url()], &lock).assert_success();
    let python = room.venv();
    let mut command = room.command("uv");
    run(command.args(["pip", "sync", "--python"]).arg(&python).arg("pylock.toml")).assert_success();
    assert_eq!(room.installed_version("lid"), "1.0+lab.2");
    let other = clients.room();
    fs::copy(&lock, other.path().join("pylock.toml")).unwrap();
    other.pip(["install", "--no-index", "-r", "pylock.toml"]).assert_success();
    assert_eq!(other.installed_version("tea_pot"), "1.0");
    relock(&["--back"], &lock).assert_success();
    assert_eq!(read(&lock), before);
}

#[test]
fn a_result_goes_where_it_is_wanted_and_the_lock_stays() {
    let folder = tempfile::TempDir::new().unwrap();
    let lock = folder.path().join("uv.lock");
    let text = "version = 1\n[[package]]\nname = \"x\"\nversion = \"1\"\nsource = { registry = \"https://i.example/simple\" }\n\
        wheels = [{ url = \"https://f.example/packages/x-1-py3-none-any.whl\", hash = \"sha256:0\" }]";
    fs::write(&lock, text).unwrap();
    let to = ["--to", "https://depot.example/team"];
    let said = relock(&[&to[..], &["-o", "-"]].concat(), &lock).assert_success();
    assert!(
        said.stdout.contains("https://depot.example/team/packages/x-1-py3-none-any.whl"),
        "{}",
        said.stdout
    );
    let output = folder.path().join("there.lock");
    relock(&[&to[..], &["-o", output.to_str().unwrap()]].concat(), &lock).assert_success();
    assert_eq!((read(&output), read(&lock)), (said.stdout, text.to_owned()));
    let only =
        relock(&[&to[..], &["-o", "-", "--from", "https://f.example/"]].concat(), &lock).assert_success();
    assert!(only.stdout.contains("registry = \"https://i.example/simple\""), "{}", only.stdout);
}

#[test]
fn what_cannot_be_relocked_says_why() {
    let folder = tempfile::TempDir::new().unwrap();
    let lock = folder.path().join("x.lock");
    let to = ["--to", "https://depot.example"];
    for (text, args, code, words) in [
        ("version = 1\npackage = []\n", &["--back"][..], 2, "it was not relocked"),
        ("version = 1\npackage = []\n", &["--to", "https://me:secret@depot.example"], 2, "leave them out"),
        ("version = 1\npackage = []\n", &[], 2, "--to"),
        ("[metadata]\ncontent-hash = ''\n", &to, 1, "x.lock, line 1: this is neither a `uv.lock` nor"),
        ("six==1\n", &to, 1, "x.lock, line 1: this is no TOML"),
    ] {
        fs::write(&lock, text).unwrap();
        let said = relock(args, &lock).assert_code(code);
        assert!(said.stderr.contains(words) && !said.stderr.contains("secret"), "{}", said.stderr);
        assert_eq!(read(&lock), text);
    }
    let said = relock(&to, &folder.path().join("absent")).assert_code(1);
    assert!(said.stderr.contains("absent"), "{}", said.stderr);
}
