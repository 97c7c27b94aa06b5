//! What real installers make of real projects that come from another index, and of the same when that is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use depot_tests::{Client, Clients, FakeIndex, RealProjects, Room, Style, run};

use super::in_front_of;
use crate::python::depot::Depot;

/// Pure ones with dependencies, and one whose wheels are compiled.
const ROOTS: [&str; 3] = ["requests", "flask", "pydantic"];

type Versions = BTreeMap<String, String>;

/// What is installed in a room, but for what manages it.
fn installed(room: &Room) -> Versions {
    let listed = room.pip(["list", "--format", "json"]).assert_success().stdout;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_lowercase().replace(['_', '.'], "-");
    listed.iter().map(|one| (text(&one["name"]), one["version"].as_str().unwrap().to_owned())).collect()
}

fn by_pip(clients: &Clients, url: &str) -> Versions {
    let room = clients.room();
    room.pip_install(url, ROOTS).assert_success();
    installed(&room)
}

fn by_uv(clients: &Clients, url: &str) -> Versions {
    let room = clients.room();
    room.uv_install(url, ROOTS).assert_success();
    installed(&room)
}

fn by_poetry(clients: &Clients, url: &str) -> Versions {
    let room = clients.room();
    let pyproject = format!(
        "[project]\nname = \"breakfast\"\nversion = \"0\"\nrequires-python = \"==3.11.*\"\n\
         dependencies = [{}]\n\n[tool.poetry]\npackage-mode = false\n\n\
         [[tool.poetry.source]]\nname = \"depot\"\nurl = \"{url}\"\npriority = \"primary\"\n",
        ROOTS.map(|root| format!("\"{root}\"")).join(", ")
    );
    fs::write(room.path().join("pyproject.toml"), pyproject).unwrap();
    for args in [&["lock"][..], &["install", "--no-root"]] {
        run(room.command_of(Client::Poetry).args(args)).assert_success();
    }
    installed(&room)
}

/// A project that uv locks, synced from its lock.
fn by_uv_lock(clients: &Clients, url: &str) -> Versions {
    let room = clients.room();
    let pyproject = format!(
        "[project]\nname = \"breakfast\"\nversion = \"0\"\nrequires-python = \"==3.11.*\"\n\
         dependencies = [{}]\n\n[[tool.uv.index]]\nurl = \"{url}\"\ndefault = true\n",
        ROOTS.map(|root| format!("\"{root}\"")).join(", ")
    );
    fs::write(room.path().join("pyproject.toml"), pyproject).unwrap();
    let python = room.venv();
    for args in [&["lock"][..], &["sync", "--frozen"]] {
        let mut command = room.command("uv");
        command.env_remove("UV_NO_CONFIG");
        command.env("UV_PROJECT_ENVIRONMENT", python.parent().unwrap().parent().unwrap());
        run(command.args(args)).assert_success();
    }
    installed(&room)
}

fn compiled(clients: &Clients, url: &str) -> String {
    let room = clients.room();
    fs::write(room.path().join("in.txt"), ROOTS.join("\n")).unwrap();
    let mut command = room.command("uv");
    command.args(["pip", "compile", "in.txt", "--quiet", "--generate-hashes", "--default-index", url]);
    run(&mut command).assert_success().stdout
}

/// An index of all recorded projects.
fn recorded() -> FakeIndex {
    FakeIndex::builder(Style::Json).real(RealProjects::read()).start()
}

/// How often files of these endings were asked for, by their paths.
fn asked(index: &FakeIndex, ends: &[&str]) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for request in index.requests() {
        if ends.iter().any(|end| request.path.ends_with(end)) {
            *asked.entry(request.path).or_default() += 1;
        }
    }
    asked
}

#[test]
fn resolving_asks_for_metadata_and_for_no_wheel() {
    let Some(clients) = Clients::find() else { return };
    let mut index = recorded();
    let directly = compiled(&clients, &index.url());
    index.clear_log();
    let depot = in_front_of(&index);
    let url = format!("{}/simple/", depot.url());
    assert_eq!(compiled(&clients, &url), directly);
    assert_eq!(asked(&index, &[".whl", ".tar.gz", ".zip"]), BTreeMap::new());
    let metadata = asked(&index, &[".metadata"]);
    assert!(metadata.len() >= 12, "{metadata:?}");
    let once = |asked: &BTreeMap<String, usize>| asked.values().all(|times| *times == 1);
    assert!(once(&metadata), "{metadata:?}");
    assert!(once(&asked(&index, &["/"])), "{:?}", asked(&index, &["/"]));
    // Whoever resolves the same again asks this server alone, even where there is no other.
    let before = index.requests().len();
    assert_eq!(compiled(&clients, &url), directly);
    assert_eq!(index.requests().len(), before);
    index.stop();
    assert_eq!(compiled(&clients, &url), directly);
}

/// Installs with a client twice, the second time without the index.
fn installs_twice(depot: &Depot, index: &mut FakeIndex, install: impl Fn(&str) -> Versions) -> Versions {
    let url = format!("{}/simple/", depot.url());
    let first = install(&url);
    let projects: BTreeSet<&str> = first.keys().map(String::as_str).collect();
    for project in ["requests", "urllib3", "flask", "werkzeug", "pydantic-core"] {
        assert!(projects.contains(project), "{project} is not in {projects:?}");
    }
    // What was installed was fetched, once, and no other wheel was.
    let wheels = asked(index, &[".whl"]);
    assert!(wheels.values().all(|times| *times == 1), "{wheels:?}");
    let fetched = |(project, version): (&String, &String)| {
        let is_it = |path: &String| {
            let name = path.rsplit('/').next().unwrap().to_lowercase();
            let mut parts = name.split('-');
            let named = parts.next().unwrap().replace(['_', '.'], "-");
            named == *project && parts.next() == Some(version)
        };
        wheels.keys().filter(|path| is_it(path)).count() == 1
    };
    assert!(first.iter().all(fetched), "{first:?}: {wheels:?}");
    assert_eq!(wheels.len(), first.len(), "{wheels:?}");
    index.stop();
    assert_eq!(install(&url), first);
    first
}

#[test]
fn pip_installs_real_projects_and_again_without_the_index() {
    let Some(clients) = Clients::find() else { return };
    let (mut index, directly) = (recorded(), by_pip(&clients, &recorded().url()));
    let depot = in_front_of(&index);
    assert_eq!(installs_twice(&depot, &mut index, |url| by_pip(&clients, url)), directly);
}

#[test]
fn uv_installs_real_projects_and_again_without_the_index() {
    let Some(clients) = Clients::find() else { return };
    let (mut index, directly) = (recorded(), by_uv(&clients, &recorded().url()));
    let depot = in_front_of(&index);
    assert_eq!(installs_twice(&depot, &mut index, |url| by_uv(&clients, url)), directly);
}

#[test]
fn uv_locks_and_syncs_real_projects_and_again_without_the_index() {
    let Some(clients) = Clients::find() else { return };
    let mut index = recorded();
    let depot = in_front_of(&index);
    installs_twice(&depot, &mut index, |url| by_uv_lock(&clients, url));
}

#[test]
fn poetry_installs_real_projects_and_again_without_the_index() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let mut index = recorded();
    let depot = in_front_of(&index);
    installs_twice(&depot, &mut index, |url| by_poetry(&clients, url));
}

#[test]
fn what_one_installer_fetched_another_does_not_fetch_again() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let mut index = recorded();
    let depot = in_front_of(&index);
    let url = format!("{}/simple/", depot.url());
    let first = by_uv(&clients, &url);
    index.clear_log();
    assert_eq!(by_pip(&clients, &url), first);
    assert_eq!(asked(&index, &[".whl"]), BTreeMap::new());
    assert_eq!(by_poetry(&clients, &url).get("flask"), first.get("flask"));
    index.stop();
    assert_eq!(by_pip(&clients, &url), first);
}
