//! Real clients, and files from elsewhere.

use std::fs;

use depot_tests::{Client, Clients, FakeIndex, Style, WheelBuilder, run};
use serde_json::json;

use super::{by_client, pot, row, rows, stats};
use crate::python::depot::Depot;

#[test]
fn pip_uv_and_curl_are_known_by_their_names() {
    let Some(clients) = Clients::find() else { return };
    let depot = Depot::start();
    let lid = WheelBuilder::new("lid", "1.0");
    depot.publish(&lid);
    depot.publish(&pot("1.0").requires_dist("lid"));
    let index = format!("{}/simple/", depot.url());
    for _ in 0..2 {
        clients.room().pip_install(&index, ["--no-cache-dir", "tea-pot"]).assert_success();
    }
    clients.room().uv_install(&index, ["--no-cache", "tea-pot"]).assert_success();
    assert_eq!(by_client(&depot), [row("pip", 4), row("uv", 2)]);
    let of_lid = stats(&depot, &["--project", "lid", "--by", "client"]);
    assert_eq!(rows(&of_lid, "client"), [row("pip", 2), row("uv", 1)]);
    let file = rows(&stats(&depot, &["--project", "lid"]), "filename");
    assert_eq!(file, [row(&lid.filename(), 3)]);
}

#[test]
fn poetry_is_known_by_its_name() {
    let Some(clients) = Clients::find_with(Client::Poetry) else { return };
    let depot = Depot::start();
    depot.publish(&pot("1.0"));
    let room = clients.room();
    let pyproject = format!(
        "[project]\nname = \"breakfast\"\nversion = \"0\"\nrequires-python = \">=3.8,<4\"\n\n\
         [tool.poetry]\npackage-mode = false\n\n\
         [[tool.poetry.source]]\nname = \"depot\"\nurl = \"{}/simple/\"\npriority = \"primary\"\n",
        depot.url()
    );
    fs::write(room.path().join("pyproject.toml"), pyproject).unwrap();
    run(room.command_of(Client::Poetry).args(["add", "tea-pot"])).assert_success();
    assert_eq!(by_client(&depot), [row("poetry", 1)]);
}

#[test]
fn depot_is_known_by_its_name() {
    let depot = Depot::start();
    depot.publish(&pot("1.0"));
    let (index, folder) = (format!("{}/simple/", depot.url()), depot.around().join("saved"));
    let args = ["python", "save", "tea-pot", "--no-deps", "--index-url", &index, "--dir"];
    let saved = depot_tests::depot(args.into_iter().chain([folder.to_str().unwrap()]));
    saved.assert_success();
    assert_eq!(by_client(&depot), [row("depot", 1)]);
}

/// A server with another index in front of which it stands, and how it treats the files of that.
fn in_front_of(index: &FakeIndex, files: &str) -> (Depot, tempfile::TempDir) {
    let around = tempfile::tempdir().unwrap();
    let wheels = around.path().join("wheels");
    fs::create_dir(&wheels).unwrap();
    let spoon = WheelBuilder::new("spoon", "1");
    fs::write(wheels.join(spoon.filename()), spoon.build()).unwrap();
    let config = around.path().join("depot.toml");
    let text = format!(
        "[repositories.pypi]\nfiles = \"{files}\"\n\
         [repositories.wheels]\nkind = \"directory\"\npath = \"wheels\"\n\
         [repositories.all]\nmembers = {{ python = 10, wheels = 20, pypi = 30 }}\n"
    );
    fs::write(&config, text).unwrap();
    let upstream = index.url_with_credentials();
    (Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &upstream]), around)
}

#[test]
fn a_file_from_elsewhere_counts_once_for_who_has_it_wherever_it_is_read() {
    let index = FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("six", "1"))
        .wheel(&WheelBuilder::new("large", "1").random_file("large/data.bin", 300_000, 1))
        .start();
    for (mode, status) in [("cache", 200), ("stream", 200), ("redirect", 302)] {
        let (depot, _around) = in_front_of(&index, mode);
        depot.publish(&pot("1"));
        for mount in ["", "/pypi"] {
            for (project, wheel) in [
                ("six", WheelBuilder::new("six", "1").filename()),
                ("large", WheelBuilder::new("large", "1").filename()),
            ] {
                let path = format!("{mount}/files/{project}/{wheel}");
                // Twice: what comes the first time is kept the second.
                for _ in 0..2 {
                    assert_eq!(depot.get(&path).status, status, "{mode} {path}");
                }
                assert_eq!(depot.request("HEAD", &path, None, "", b"").status, status, "{mode} {path}");
                // Who wants a part has the rest, or wants no more than a look. What passes through is sent whole.
                if mode != "stream" {
                    depot.request("GET", &path, None, "Range: bytes=0-5\r\n", b"");
                }
                assert_eq!(depot.get(&format!("{path}.metadata")).status, 200, "{mode} {path}");
            }
        }
        for (mount, project, version) in [("", "spoon", "1"), ("/wheels", "spoon", "1"), ("", "tea-pot", "1")]
        {
            let wheel = WheelBuilder::new(project, version).filename();
            assert_eq!(depot.get(&format!("{mount}/files/{project}/{wheel}")).status, 200);
        }
        let said = stats(&depot, &[]);
        let found: Vec<_> = said["rows"].as_array().unwrap().iter().collect();
        let about = |row: &serde_json::Value| {
            (row["repository"].clone(), row["project"].clone(), row["downloads"].clone())
        };
        let expected =
            [("pypi", "large", 4), ("pypi", "six", 4), ("wheels", "spoon", 2), ("python", "tea-pot", 1)];
        let expected =
            expected.map(|(repository, project, times)| (json!(repository), json!(project), json!(times)));
        assert_eq!(found.into_iter().map(about).collect::<Vec<_>>(), expected, "{mode}: {said}");
    }
}
