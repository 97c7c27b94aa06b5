//! Real clients, and another index that has what should be private: nothing of it is installed, nor even asked for.

use depot_tests::{Client, Clients, FakeIndex, Output, Room, Style, WheelBuilder, run};

use super::{files, wheel_name};
use crate::python::{depot::Depot, saved::Saved};

/// A version that would be chosen by whoever saw it, and that says so when it is imported.
fn evil(project: &str) -> WheelBuilder {
    WheelBuilder::new(project, "99.0").file(&format!("{}/evil.py", project.replace('-', "_")), "")
}

/// An index where somebody else has these names, and where `six` is.
fn hostile(projects: &[&str]) -> FakeIndex {
    let index = FakeIndex::builder(Style::Json).wheel(&WheelBuilder::new("six", "1"));
    projects.iter().fold(index, |index, project| index.wheel(&evil(project))).start()
}

#[track_caller]
fn assert_unheard_of(index: &FakeIndex, project: &str) {
    let escaped = project.replace('-', "_");
    let heard = |path: &str| path.contains(project) || path.contains(&escaped);
    let requests = index.requests();
    assert!(!requests.iter().any(|request| heard(&request.path)), "{requests:?}");
}

/// A server that reserves these names.
fn reserving(index: &FakeIndex, names: &str) -> (Depot, tempfile::TempDir) {
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    std::fs::write(&config, format!("[repositories.python]\nreserved = [{names}]\n")).unwrap();
    let args = ["--config", config.to_str().unwrap(), "--upstream", &index.url()];
    (Depot::start_with(&args), around)
}

/// What each installer says of a project, with nothing configured but the address of the group.
fn installs(clients: &Clients, url: &str, project: &str) -> Vec<(Room, Output)> {
    let mut said = Vec::new();
    let room = clients.room();
    let output = room.pip_install(url, [project]);
    said.push((room, output));
    let room = clients.room();
    let output = room.uv_install(url, [project]);
    said.push((room, output));
    if Clients::find_with(Client::Poetry).is_some() {
        let room = clients.room();
        let pyproject = format!(
            "[project]\nname = \"breakfast\"\nversion = \"0\"\nrequires-python = \">=3.9\"\n\n\
             [tool.poetry]\npackage-mode = false\n\n\
             [[tool.poetry.source]]\nname = \"depot\"\nurl = \"{url}\"\npriority = \"primary\"\n"
        );
        std::fs::write(room.path().join("pyproject.toml"), pyproject).unwrap();
        let output = run(room.command_of(Client::Poetry).args(["add", project]));
        said.push((room, output));
    }
    said
}

#[test]
fn no_installer_gets_a_private_name_from_elsewhere() {
    let Some(clients) = Clients::find() else { return };
    let index = hostile(&["acme-core"]);
    let depot = super::in_front_of(&index);
    depot.publish(&WheelBuilder::new("acme-core", "0.5").requires_dist("six"));
    for (room, output) in installs(&clients, &format!("{}/simple/", depot.url()), "acme-core") {
        output.assert_success();
        assert_eq!(room.installed_version("acme_core"), "0.5");
        assert_eq!(room.installed_version("six"), "1");
    }
    assert_unheard_of(&index, "acme-core");
}

#[test]
fn what_is_reserved_or_promised_to_a_token_installs_from_nowhere() {
    let Some(clients) = Clients::find() else { return };
    let index = hostile(&["acme-new", "team-tool"]);
    let (depot, _around) = reserving(&index, "\"acme-*\"");
    depot.new_token("ci", &["push+push-new:python:team-*"]);
    let url = format!("{}/simple/", depot.url());
    for project in ["acme-new", "team-tool"] {
        for (_, output) in installs(&clients, &url, project) {
            assert!(!output.success(), "{}", output.stdout);
        }
        assert_unheard_of(&index, project);
    }
    // And what needs them fails, in place of taking somebody else's.
    depot.publish(&WheelBuilder::new("shop", "1").requires_dist("acme-new"));
    for (_, output) in installs(&clients, &url, "shop") {
        assert!(!output.success(), "{}", output.stdout);
    }
    assert_unheard_of(&index, "acme-new");
}

#[test]
fn what_was_deleted_installs_from_nowhere() {
    let Some(clients) = Clients::find() else { return };
    let index = hostile(&["acme-core"]);
    let depot = super::in_front_of(&index);
    depot.publish(&WheelBuilder::new("acme-core", "1"));
    let body = format!("{{\"project\":\"acme-core\",\"filename\":\"{}\"}}", wheel_name("acme-core", "1"));
    let lines = "Content-Type: application/json\r\n";
    let answer = depot.request("POST", "/python/_/delete", Some(&depot.token()), lines, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    for (_, output) in installs(&clients, &format!("{}/simple/", depot.url()), "acme-core") {
        assert!(!output.success(), "{}", output.stdout);
    }
    assert_unheard_of(&index, "acme-core");
}

#[test]
fn uv_that_checks_for_a_new_name_before_it_publishes_asks_nobody_else() {
    let Some(clients) = Clients::find() else { return };
    let index = hostile(&["acme-new", "team-tool"]);
    let (depot, _around) = reserving(&index, "\"acme-*\"");
    let token = depot.new_token("ci", &["push+push-new:python:team-*", "push+push-new:python:acme-*"]);
    for project in ["acme-new", "team-tool"] {
        let room = clients.room();
        let wheel = WheelBuilder::new(project, "1");
        let path = room.path().join(wheel.filename());
        std::fs::write(&path, wheel.build()).unwrap();
        let publish = || {
            let mut command = room.command("uv");
            command.args(["publish", "--trusted-publishing", "never", "--token", &token]);
            command.args(["--publish-url", &format!("{}/python/", depot.url())]);
            command.args(["--check-url", &format!("{}/simple/", depot.url())]);
            run(command.arg(&path)).assert_success()
        };
        publish();
        assert_eq!(files(&depot.get(&format!("/simple/{project}/"))), [wheel.filename()]);
        // It did look there.
        let again = publish();
        assert!(again.stderr.contains("already exists, skipping"), "{}", again.stderr);
        assert_unheard_of(&index, project);
    }
    assert_eq!(index.requests(), []);
}

#[test]
fn a_copy_that_was_pushed_does_not_freeze_what_comes_from_the_index() {
    let Some(clients) = Clients::find() else { return };
    let versions = ["2.31.0", "2.32.0"].map(|version| WheelBuilder::new("requests", version));
    let index = versions.iter().fold(FakeIndex::builder(Style::Json), depot_tests::FakeIndexBuilder::wheel);
    let index = index.start();
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    std::fs::write(&config, "[repositories.pypi]\npage_ttl = \"0s\"\n").unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
    let saved = Saved::new();
    saved.solve(&index, &["requests==2.31.0"]).assert_success();
    saved.push(&depot, &[]).assert_success();
    assert_eq!(depot.listed("requests").len(), 1);
    index.clear_log();

    let url = format!("{}/simple/", depot.url());
    let newest = |expected: &str| {
        for (room, output) in installs(&clients, &url, "requests") {
            output.assert_success();
            assert_eq!(room.installed_version("requests"), expected);
        }
    };
    newest("2.32.0");
    // The copy is not fetched again.
    let room = clients.room();
    room.pip_install(&url, ["requests==2.31.0"]).assert_success();
    assert_eq!(index.count(&FakeIndex::file_path("requests", &versions[0].filename())), 0);
    let newer = WheelBuilder::new("requests", "2.33.0");
    index.put("requests", &newer);
    newest("2.33.0");
    let mut listed = files(&depot.get("/simple/requests/"));
    listed.sort();
    assert_eq!(listed, ["2.31.0", "2.32.0", "2.33.0"].map(|version| wheel_name("requests", version)));
}
