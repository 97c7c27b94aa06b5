//! A project of uv's that was locked against an index, and installs where the index is not.

use std::fs;
use std::path::Path;

use depot_tests::{Clients, Output, Room, depot_command, run};

use super::{Depot, Host, Saved, Silence, upstream};

const PROJECT: &str = "[project]\nname = \"till\"\nversion = \"0\"\nrequires-python = \">=3.8\"\n\
    dependencies = [\"shop\", \"kiosk\", \"legacy\"]\n";

/// Runs uv on the project in this room. The index is for what builds sdists, which is in no lock.
fn uv(room: &Room, args: &[&str], index: &str) -> Output {
    let python = room.venv();
    let mut command = room.command("uv");
    command
        .env("UV_HTTP_RETRIES", "0")
        .env("UV_DEFAULT_INDEX", index)
        .env("UV_PROJECT_ENVIRONMENT", python.parent().unwrap().parent().unwrap());
    run(command.args(args))
}

fn relock(args: &[&str], lock: &Path) {
    run(depot_command(["python", "relock"]).args(args).arg(lock)).assert_success();
}

#[test]
fn a_locked_project_syncs_frozen_from_the_server_and_its_lock_comes_back_as_it_was() {
    let Some(clients) = Clients::find() else { return };
    let host = Host::of(&clients);
    let mut index = upstream(&host).start();
    let outside = clients.room();
    fs::write(outside.path().join("pyproject.toml"), PROJECT).unwrap();
    uv(&outside, &["lock"], &index.url()).assert_success();
    let lock = outside.path().join("uv.lock");
    let before = fs::read(&lock).unwrap();

    // The lock is of every platform. What builds is named beside it, as the page on locks says.
    let saved = Saved::new();
    let mut save = saved.solve_command(&index.url(), &["-r", lock.to_str().unwrap(), "maker"]);
    let said = run(&mut save).assert_success();
    assert_eq!(saved.filenames("pixel").len(), 3, "{}", said.stderr);
    let depot = Depot::start();
    saved.push(&depot, &[]).assert_success();
    let silence = Silence::after(&mut index);

    let inside = clients.room();
    fs::write(inside.path().join("pyproject.toml"), PROJECT).unwrap();
    let lock = inside.path().join("uv.lock");
    fs::write(&lock, &before).unwrap();
    relock(&["--to", depot.url()], &lock);
    assert_ne!(fs::read(&lock).unwrap(), before);
    let url = format!("{}/python/simple/", depot.url());
    uv(&inside, &["sync", "--frozen"], &url).assert_success();
    for (module, version) in [("shop", "1.0"), ("engine", "2.0"), ("legacy", "0.3"), ("loop", "2.1")] {
        assert_eq!(inside.installed_version(module), version);
    }
    // The lock is not only good for what is frozen: nothing in it has to change.
    let relocked = fs::read(&lock).unwrap();
    uv(&inside, &["lock", "--check"], &url).assert_success();
    assert_eq!(fs::read(&lock).unwrap(), relocked);
    relock(&["--back"], &lock);
    assert_eq!(fs::read(&lock).unwrap(), before);
    silence.assert_unbroken();
}
