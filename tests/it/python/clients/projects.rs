//! Locks and environments: what uv and pip make of a depot beyond installing into an environment.

use std::fs;
use std::path::Path;

use depot_tests::{Clients, Output, Room, run};

use super::{Kitchen, assert_all_installed};
use crate::python::index::Index;

/// A project that uv manages, whose environment is the one of the room.
struct Project {
    room: Room,
    token: Option<String>,
}

impl Project {
    fn new(clients: &Clients) -> Self {
        let room = clients.room();
        let pyproject = "[project]\nname = \"breakfast\"\nversion = \"0\"\nrequires-python = \">=3.8\"\n";
        fs::write(room.path().join("pyproject.toml"), pyproject).unwrap();
        Self { room, token: None }
    }

    fn checked_out(&self, clients: &Clients) -> Self {
        let room = clients.room();
        for name in ["pyproject.toml", "uv.lock"] {
            fs::copy(self.room.path().join(name), room.path().join(name)).unwrap();
        }
        Self { room, token: self.token.clone() }
    }

    fn uv(&self, args: &[&str]) -> Output {
        let python = self.room.venv();
        let mut command = self.room.command("uv");
        // Here the project's own file says where the index is, so it is read.
        command
            .env_remove("UV_NO_CONFIG")
            .env("UV_PROJECT_ENVIRONMENT", python.parent().unwrap().parent().unwrap());
        if let Some(token) = &self.token {
            command.env("UV_INDEX_DEPOT_USERNAME", "__token__").env("UV_INDEX_DEPOT_PASSWORD", token);
        }
        run(command.args(args))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.room.path().join(name)).unwrap()
    }
}

#[test]
fn uv_adds_locks_and_syncs_a_project() {
    let Some(clients) = Clients::find() else { return };
    for private in [false, true] {
        let kitchen = Kitchen::over(if private { Index::start_private() } else { Index::start() });
        let mut project = Project::new(&clients);
        let index = format!("depot={}", kitchen.depot.url());
        // Named first and alone, it is where everything comes from; the default index could not be reached.
        if private {
            assert!(!project.uv(&["add", "--index", &index, "Tea.Pot[pouring]"]).success());
            project.token = Some(kitchen.depot.token());
        }
        project.uv(&["add", "--index", &index, "Tea.Pot[pouring]"]).assert_success();
        assert_all_installed(&project.room);
        let lock = project.read("uv.lock");
        for file in [&kitchen.pot, &kitchen.lid, &kitchen.spout] {
            assert!(lock.contains(&format!("hash = \"sha256:{}\"", file.sha256())), "{lock}");
            assert!(lock.contains(&format!("size = {}", file.bytes.len())), "{lock}");
        }
        assert!(
            !lock.contains(&kitchen.depot.token())
                && !project.read("pyproject.toml").contains(&kitchen.depot.token())
        );

        project.uv(&["lock", "--check"]).assert_success();
        let other = project.checked_out(&clients);
        other.uv(&["sync", "--frozen"]).assert_success();
        assert_all_installed(&other.room);

        let wrong = lock.replace(&kitchen.lid.sha256(), &"0".repeat(64));
        let other = project.checked_out(&clients);
        fs::write(other.room.path().join("uv.lock"), wrong).unwrap();
        let output = other.uv(&["sync", "--frozen"]);
        assert!(!output.success() && output.stderr.contains("Hash mismatch"), "{}", output.stderr);
    }
}

#[test]
fn uv_syncs_an_environment_to_a_list_with_hashes() {
    let Some(clients) = Clients::find() else { return };
    let (kitchen, room) = (Kitchen::new(), clients.room());
    fs::write(room.path().join("locked.txt"), kitchen.locked()).unwrap();
    let python = room.venv();
    let mut command = room.command("uv");
    command.args(["pip", "sync", "--require-hashes", "--default-index", &kitchen.depot.url(), "--python"]);
    run(command.arg(python).arg("locked.txt")).assert_success();
    assert_all_installed(&room);
}

/// The names of what lies in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn pip_builds_wheels_of_what_it_finds() {
    let Some(clients) = Clients::find() else { return };
    let (kitchen, room) = (Kitchen::new(), clients.room());
    let url = kitchen.depot.url();
    room.pip(["wheel", "--index-url", &url, "--wheel-dir", "wheels", "tea-pot[pouring]"]).assert_success();
    let wheels = room.path().join("wheels");
    assert_eq!(
        names(&wheels),
        [
            "lid-1.0+lab.2-py3-none-any.whl",
            "spout_tools-1!2.0-py3-none-any.whl",
            "tea_pot-1.2-py3-none-any.whl"
        ]
    );
    assert!(fs::read(wheels.join(&kitchen.lid.filename)).unwrap() == kitchen.lid.bytes);
    // The wheels suffice where no index is.
    room.pip(["install", "--no-index", "--find-links", "wheels", "tea-pot[pouring]"]).assert_success();
    assert_all_installed(&room);
}

#[test]
fn pip_locks_what_it_would_install_and_installs_what_is_locked() {
    let Some(clients) = Clients::find() else { return };
    for private in [false, true] {
        let kitchen = Kitchen::over(if private { Index::start_private() } else { Index::start() });
        let room = clients.room();
        let url = if private { kitchen.depot.url_with_token() } else { kitchen.depot.url() };
        room.pip(["lock", "--index-url", &url, "tea-pot[pouring]"]).assert_success();
        let lock = fs::read_to_string(room.path().join("pylock.toml")).unwrap();
        for file in [&kitchen.pot, &kitchen.lid, &kitchen.spout] {
            assert!(lock.contains(&file.sha256()), "{lock}");
            let path = file.path().replace('+', "%2B").replace('!', "%21");
            assert!(lock.contains(&format!("{}{path}", kitchen.depot.server().url())), "{lock}");
        }
        assert!(!lock.contains(&kitchen.depot.token()), "{lock}");
        let python = room.venv();
        let mut command = room.command("uv");
        command.args(["pip", "sync", "--default-index", &url, "--python"]).arg(python).arg("pylock.toml");
        run(&mut command).assert_success();
        assert_all_installed(&room);
    }
}
