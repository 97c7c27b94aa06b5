//! pipenv, with a depot as its only source.

use std::fs;

use depot_tests::{Client, Clients, Output, Room, run};
use serde_json::{Value, json};

use super::{Kitchen, assert_all_installed, three_lids};
use crate::python::index::Index;

/// A project that pipenv manages, in a room of its own.
struct Project {
    room: Room,
    token: String,
}

impl Project {
    fn new(clients: &Clients, index_url: &str) -> Self {
        let room = clients.room();
        let pipfile =
            format!("[[source]]\nname = \"depot\"\nurl = \"{index_url}\"\nverify_ssl = true\n\n[packages]\n");
        fs::write(room.path().join("Pipfile"), pipfile).unwrap();
        Self { room, token: String::new() }
    }

    /// The same project with the same lock, in another room.
    fn checked_out(&self, clients: &Clients) -> Self {
        let room = clients.room();
        for name in ["Pipfile", "Pipfile.lock"] {
            fs::copy(self.room.path().join(name), room.path().join(name)).unwrap();
        }
        Self { room, token: self.token.clone() }
    }

    fn run(&self, args: &[&str]) -> Output {
        run(self.room.command_of(Client::Pipenv).args(args).env("DEPOT_TOKEN", &self.token))
    }

    fn lock(&self) -> Value {
        serde_json::from_slice(&fs::read(self.room.path().join("Pipfile.lock")).unwrap()).unwrap()
    }
}

#[test]
fn pipenv_installs_locks_and_syncs_with_extras_and_dependencies() {
    let Some(clients) = Clients::find_with(Client::Pipenv) else { return };
    let kitchen = Kitchen::new();
    let project = Project::new(&clients, &kitchen.depot.url());
    project.run(&["install", "tea-pot[pouring]"]).assert_success();
    assert_all_installed(&project.room);
    let lock = project.lock();
    for file in [&kitchen.pot, &kitchen.lid, &kitchen.spout] {
        let hashes = json!([format!("sha256:{}", file.sha256())]);
        assert_eq!(lock["default"][&file.project]["hashes"], hashes, "{lock}");
    }

    project.run(&["verify"]).assert_success();
    for args in [&["sync"][..], &["install", "--deploy"]] {
        let other = project.checked_out(&clients);
        other.run(args).assert_success();
        assert_all_installed(&other.room);
    }
}

#[test]
fn pipenv_installs_nothing_but_what_is_locked() {
    let Some(clients) = Clients::find_with(Client::Pipenv) else { return };
    let kitchen = Kitchen::new();
    let project = Project::new(&clients, &kitchen.depot.url());
    project.run(&["lock"]).assert_success();
    let outdated = project.checked_out(&clients);
    let pipfile = outdated.room.path().join("Pipfile");
    let more = fs::read_to_string(&pipfile).unwrap() + "tea-pot = \"*\"\n";
    fs::write(&pipfile, more).unwrap();
    let output = outdated.run(&["install", "--deploy"]);
    assert!(!output.success() && output.stderr.contains("Aborting deploy"), "{}", output.stderr);

    outdated.run(&["lock"]).assert_success();
    let wrong = outdated.lock().to_string().replace(&kitchen.lid.sha256(), &kitchen.pot.sha256());
    fs::write(outdated.room.path().join("Pipfile.lock"), wrong).unwrap();
    let output = outdated.run(&["sync"]);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(!output.success() && said.contains("DO NOT MATCH THE HASHES"), "{said}");
}

#[test]
fn pipenv_reads_a_private_depot_with_a_token_in_the_url() {
    let Some(clients) = Clients::find_with(Client::Pipenv) else { return };
    let kitchen = Kitchen::over(Index::start_private());
    let without = Project::new(&clients, &kitchen.depot.url());
    assert!(!without.run(&["install", "tea-pot"]).success());

    // The lock is for everyone who works on a project, and the token is not: it stays in the environment.
    let url = kitchen.depot.url().replace("http://", "http://__token__:${DEPOT_TOKEN}@");
    let token = kitchen.depot.token();
    let project = Project { token: token.clone(), ..Project::new(&clients, &url) };
    project.run(&["install", "tea-pot[pouring]"]).assert_success();
    assert_all_installed(&project.room);
    let other = project.checked_out(&clients);
    other.run(&["sync"]).assert_success();
    assert_all_installed(&other.room);
    for name in ["Pipfile", "Pipfile.lock"] {
        let text = fs::read_to_string(project.room.path().join(name)).unwrap();
        assert!(!text.contains(&token), "{text}");
    }
}

#[test]
fn pipenv_passes_over_yanked_files_and_pre_releases_unless_they_are_named() {
    let Some(clients) = Clients::find_with(Client::Pipenv) else { return };
    let depot = three_lids();
    for (args, version) in [(&["lid"][..], "1.0"), (&["lid==2.0"], "2.0"), (&["--pre", "lid"], "3.0rc1")] {
        let project = Project::new(&clients, &depot.url());
        project.run(&[&["install"], args].concat()).assert_success();
        assert_eq!(project.lock()["default"]["lid"]["version"], format!("=={version}"));
        assert_eq!(project.room.installed_version("lid"), version);
    }
}
