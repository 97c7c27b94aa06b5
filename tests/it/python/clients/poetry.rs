//! Poetry, with a depot as its only source.

use std::fs;

use depot_tests::{Client, Clients, Output, Room, WheelBuilder, run};

use super::{Kitchen, assert_all_installed, three_lids};
use crate::python::index::Index;

/// A project that Poetry manages, in a room of its own.
struct Project {
    room: Room,
}

impl Project {
    fn new(clients: &Clients, index_url: &str) -> Self {
        let room = clients.room();
        let pyproject = format!(
            "[project]\nname = \"breakfast\"\nversion = \"0\"\nrequires-python = \">=3.8,<4\"\n\n\
             [tool.poetry]\npackage-mode = false\n\n\
             [[tool.poetry.source]]\nname = \"depot\"\nurl = \"{index_url}\"\npriority = \"primary\"\n"
        );
        fs::write(room.path().join("pyproject.toml"), pyproject).unwrap();
        Self { room }
    }

    /// The same project with the same lock, in another room.
    fn checked_out(&self, clients: &Clients) -> Self {
        let room = clients.room();
        for name in ["pyproject.toml", "poetry.lock"] {
            fs::copy(self.room.path().join(name), room.path().join(name)).unwrap();
        }
        Self { room }
    }

    fn run(&self, args: &[&str]) -> Output {
        run(self.room.command_of(Client::Poetry).args(args))
    }

    fn run_with_token(&self, token: &str, args: &[&str]) -> Output {
        let mut command = self.room.command_of(Client::Poetry);
        command
            .args(args)
            .env("POETRY_HTTP_BASIC_DEPOT_USERNAME", "__token__")
            .env("POETRY_HTTP_BASIC_DEPOT_PASSWORD", token);
        run(&mut command)
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.room.path().join("poetry.lock")).unwrap()
    }
}

#[test]
fn poetry_adds_locks_and_installs_with_extras_and_dependencies() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let kitchen = Kitchen::new();
    let project = Project::new(&clients, &kitchen.depot.url());
    let output = project.run(&["add", "Tea.Pot[pouring]"]).assert_success();
    assert!(!output.stderr.to_lowercase().contains("warning"), "{}", output.stderr);
    assert_all_installed(&project.room);
    let lock = project.lock();
    for file in [&kitchen.pot, &kitchen.lid, &kitchen.spout] {
        let line = format!("{{file = \"{}\", hash = \"sha256:{}\"}}", file.filename, file.sha256());
        assert!(lock.contains(&line), "{lock}");
    }

    let other = project.checked_out(&clients);
    other.run(&["check", "--lock"]).assert_success();
    other.run(&["install", "--no-root"]).assert_success();
    assert_all_installed(&other.room);
    let again = other.run(&["sync", "--no-root"]).assert_success();
    assert!(again.stdout.contains("No dependencies to install or update"), "{}", again.stdout);
}

#[test]
fn poetry_resolves_from_metadata_alone() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let depot = Index::start_logging();
    depot.publish(&WheelBuilder::new("tea-pot", "1.0").requires_dist("lid>=1"));
    depot.publish(&WheelBuilder::new("lid", "1.0"));
    let project = Project::new(&clients, &depot.url());
    let before = depot.requests().len();
    project.run(&["add", "--lock", "tea-pot"]).assert_success();
    let requests = depot.requests().split_off(before);
    let count = |end: &str| requests.iter().filter(|(_, path)| path.ends_with(end)).count();
    assert_eq!((count(".whl"), count(".whl.metadata")), (0, 2), "{requests:?}");
}

#[test]
fn poetry_installs_nothing_but_what_is_locked() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let kitchen = Kitchen::new();
    let project = Project::new(&clients, &kitchen.depot.url());
    project.run(&["add", "--lock", "tea-pot"]).assert_success();
    let wrong = project.lock().replace(&kitchen.lid.sha256(), &kitchen.pot.sha256());
    fs::write(project.room.path().join("poetry.lock"), wrong).unwrap();
    let output = project.run(&["install", "--no-root"]);
    assert!(!output.success(), "{}", output.stdout);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(said.contains("did not match any known checksums"), "{said}");
}

#[test]
fn poetry_reads_a_private_depot_with_http_basic() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let kitchen = Kitchen::over(Index::start_private());
    let token = kitchen.depot.token();
    let project = Project::new(&clients, &kitchen.depot.url());
    let refused = project.run(&["add", "tea-pot[pouring]"]);
    assert!(!refused.success(), "{}", refused.stdout);

    let by_environment = project.run_with_token(&token, &["add", "tea-pot[pouring]", "-v"]).assert_success();
    assert_all_installed(&project.room);
    let other = project.checked_out(&clients);
    other.run(&["config", "http-basic.depot", "__token__", &token]).assert_success();
    let by_configuration = other.run(&["install", "--no-root", "-v"]).assert_success();
    assert_all_installed(&other.room);
    for said in [by_environment, by_configuration] {
        assert!(!said.stdout.contains(&token) && !said.stderr.contains(&token), "{}", said.stderr);
    }
    assert!(!project.lock().contains(&token));
}

#[test]
fn poetry_passes_over_yanked_files_and_pre_releases_unless_they_are_named() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let depot = three_lids();
    for (requirement, version) in [("lid", "1.0"), ("lid==2.0", "2.0"), ("lid==3.0rc1", "3.0rc1")] {
        let project = Project::new(&clients, &depot.url());
        let output = project.run(&["add", requirement]).assert_success();
        assert_eq!(project.room.installed_version("lid"), version, "{}", output.stderr);
        let warned = format!("{}{}", output.stdout, output.stderr).contains("yanked");
        assert_eq!(warned, version == "2.0", "{}", output.stderr);
    }
    let project = Project::new(&clients, &depot.url());
    project.run(&["add", "--allow-prereleases", "lid"]).assert_success();
    assert_eq!(project.room.installed_version("lid"), "3.0rc1");
}
