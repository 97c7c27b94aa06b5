//! Locks as uv, pip and Poetry write them.

use std::fs;

use depot_tests::{Client, Clients, FakeIndex, run};

use super::{lid, pot, spout, upstream};
use crate::python::saved::Saved;

/// What each of the locks names: all files of the versions that were chosen.
fn assert_saved_whole(saved: &Saved) {
    assert_eq!(saved.filenames("tea-pot"), [pot().filename(), "tea_pot-1.0.tar.gz".to_owned()]);
    assert_eq!(saved.filenames("lid"), [lid().filename()]);
    assert_eq!(saved.filenames("spout-tools"), [spout().filename()]);
    assert_eq!(saved.filenames("other").len(), 0);
}

fn save(index: &FakeIndex, lock: &std::path::Path) -> Saved {
    let saved = Saved::new();
    saved.save(index, &["-r", lock.to_str().unwrap()]).assert_success();
    saved
}

const PROJECT: &str = "[project]\nname = \"breakfast\"\nversion = \"0\"\nrequires-python = \">=3.8,<4\"\n";

#[test]
fn a_lock_of_uv_is_saved() {
    let Some(clients) = Clients::find() else { return };
    let (index, room) = (upstream(), clients.room());
    let project = format!("{PROJECT}dependencies = [\"tea-pot\"]\n");
    fs::write(room.path().join("pyproject.toml"), project).unwrap();
    room.uv(["lock", "--default-index", &index.url()]).assert_success();
    assert_saved_whole(&save(&index, &room.path().join("uv.lock")));
    room.uv(["export", "--format", "pylock.toml", "-o", "pylock.toml", "--default-index", &index.url()])
        .assert_success();
    assert_saved_whole(&save(&index, &room.path().join("pylock.toml")));
}

#[test]
fn a_lock_of_pip_is_saved() {
    let Some(clients) = Clients::find() else { return };
    let (index, room) = (upstream(), clients.room());
    room.pip(["lock", "--index-url", &index.url(), "tea-pot"]).assert_success();
    let saved = save(&index, &room.path().join("pylock.toml"));
    assert_eq!(saved.filenames("tea-pot"), [pot().filename()], "pip locks for its own environment");
    assert_eq!(saved.filenames("spout-tools"), [spout().filename()]);
}

#[test]
fn a_lock_of_poetry_is_saved() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let (index, room) = (upstream(), clients.room());
    let project = format!(
        "{PROJECT}[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = \"upstream\"\nurl = \"{}\"\n\
         priority = \"primary\"\n",
        index.url()
    );
    fs::write(room.path().join("pyproject.toml"), project).unwrap();
    run(room.command_of(Client::Poetry).args(["add", "--lock", "tea-pot"])).assert_success();
    assert_saved_whole(&save(&index, &room.path().join("poetry.lock")));
}
