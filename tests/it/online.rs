//! The same way with the public index at its start: opt-in (`make test-online`), and for a handful of named packages.

use depot_index::DEFAULT_INDEX;
use depot_tests::{Clients, ServerProcess, depot};

use crate::python::real::{
    cases::TARGETS,
    solved::{by_depot, by_uv},
};

/// Small, stable, and each of another kind: pure, with a dependency's name in capitals, sdist beside wheel.
const PINNED: [&str; 3] = ["six==1.17.0", "idna==3.10", "PyYAML==6.0.2"];

#[test]
#[ignore = "asks the public index"]
fn what_is_saved_from_the_public_index_is_pushed_and_installs() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("storage");
    let dir = dir.to_str().unwrap();
    let saved = depot(["python", "save", "--dir", dir].into_iter().chain(PINNED)).assert_success();
    assert!(saved.stderr.contains("0 there already"), "{}", saved.stderr);
    let again = depot(["python", "save", "--dir", dir].into_iter().chain(PINNED)).assert_success();
    assert!(again.stderr.contains("saved 0 files"), "{}", again.stderr);

    let server = ServerProcess::start(&folder.path().join("data"), [""; 0]);
    let token = server.token();
    depot(["python", "push", server.url(), "--dir", dir, "--token", &token]).assert_success();
    let Some(clients) = Clients::find() else { return };
    let room = clients.room();
    let index = format!("{}/python/simple/", server.url());
    room.pip_install(&index, ["six", "idna"]).assert_success();
    assert_eq!(room.installed_version("six"), "1.17.0");
}

#[test]
#[ignore = "asks the public index"]
fn what_is_pulled_through_installs_again_without_the_public_index() {
    let Some(clients) = Clients::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let install = |server: &ServerProcess| {
        let index = format!("{}/simple/", server.url());
        let room = clients.room();
        room.pip_install(&index, ["six", "idna"]).assert_success();
        assert!(!room.installed_version("six").is_empty());
        let room = clients.room();
        room.uv_install(&index, PINNED).assert_success();
        assert_eq!(room.installed_version("yaml"), "6.0.2");
    };
    let server = ServerProcess::start(&data, ["--upstream", DEFAULT_INDEX]);
    install(&server);
    drop(server);
    install(&ServerProcess::start(&data, ["--upstream", DEFAULT_INDEX, "--offline"]));
}

#[test]
#[ignore = "asks the public index"]
fn the_public_index_is_solved_as_uv_solves_it() {
    let Some(clients) = Clients::find() else { return };
    let room = clients.room();
    for project in ["requests", "flask", "pydantic", "jupyter-core"] {
        let requirements = [project.to_owned()];
        // Each target alone: what one is given is preferred for the next.
        for target in TARGETS.iter().filter(|target| target.platform.starts_with("x86_64-")) {
            let mut command = room.command("uv");
            for name in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"] {
                command.env_remove(name);
            }
            let expected = by_uv(command, &room, &requirements, target);
            let solved = by_depot(None, &requirements, std::slice::from_ref(target)).remove(0);
            assert!(solved.is_some(), "{project} for {}", target.name);
            assert_eq!(solved, expected, "{project} for {}", target.name);
        }
    }
}
