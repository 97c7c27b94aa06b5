//! What is listed, what is given out, what `why` says and what a save takes are one thing, whatever the policy.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use depot_tests::{FakeFile, FakeIndex, Style, WheelBuilder, depot_command, run, sha256_hex};
use serde_json::{Value, json};

use super::super::depot::{Depot, body, mirrored};

/// Policies that hide for every reason there is, and some that let be.
const POLICIES: [&str; 12] = [
    "# nothing\n",
    "cooldown = \"7 days\"\n",
    "cooldown = \"7 days\"\ncooldown_unknown = \"allow\"\n",
    "cooldown = \"7 days\"\ncooldown_exempt = [\"six==3\", \"six==4\"]\n",
    "freeze = 2021-01-01\n",
    "freeze = 2021-01-01\n[[exception]]\nwhat = \"six==4\"\nuntil = 2090-01-01\nreason = \"a leak\"\nby = \"ann\"\n",
    "yanked = \"hide\"\n",
    "block = [\"six==1\", \"six==5\", \"tea\"]\n",
    "allow = [\"six>=2\"]\n",
    "deprecated = \"hide\"\n",
    "quarantined = \"show\"\n",
    "allow = []\n",
];

const PROJECTS: [&str; 3] = ["six", "tea", "pot"];

const OLD: &str = "2020-01-01T00:00:00Z";

fn wheel(project: &str, version: &str) -> WheelBuilder {
    WheelBuilder::new(project, version)
}

fn other(version: &str) -> WheelBuilder {
    wheel("six", version).file("other.py", "other = True")
}

fn index(style: Style) -> FakeIndex {
    let six = |version: &str| FakeFile::from(&wheel("six", version));
    FakeIndex::builder(style)
        .file("six", six("1").upload_time(OLD).provenance("{\"version\": 1, \"attestation_bundles\": []}"))
        .file("six", six("2").upload_time(OLD).yanked("leaks"))
        .file("six", six("3").without_upload_time())
        .file("six", six("4").upload_time("2099-01-01T00:00:00Z"))
        .file("six", FakeFile::from(&other("5")).upload_time(OLD))
        .file("six", FakeFile::from(&other("8")).upload_time(OLD))
        .file("six", six("9").upload_time(OLD))
        .file("tea", FakeFile::from(&wheel("tea", "1")).upload_time(OLD))
        .file("pot", FakeFile::from(&wheel("pot", "1")).upload_time(OLD))
        .status("tea", "deprecated", None)
        .status("pot", "quarantined", Some("malware"))
        .start()
}

/// The names of all files that anybody has.
fn names(project: &str) -> Vec<String> {
    let versions = if project == "six" { 1..=9 } else { 1..=1 };
    versions.map(|version| wheel(project, &version.to_string()).filename()).collect()
}

/// The addresses of a server with every policy at every place where one may be.
fn start(around: &Path, index: &FakeIndex, plain: &FakeIndex) -> (Depot, Vec<String>) {
    fs::create_dir(around.join("wheels")).unwrap();
    for wheel in [&wheel("six", "1"), &wheel("six", "5"), &wheel("six", "6"), &wheel("pot", "1")] {
        fs::write(around.join("wheels").join(wheel.filename()), wheel.build()).unwrap();
    }
    let mut config = String::new();
    let mut mounts = vec![String::new(), "/pypi".to_owned()];
    for (number, policy) in POLICIES.iter().enumerate() {
        fs::write(around.join(format!("p{number}.toml")), policy).unwrap();
        let policy = format!("policy = \"p{number}.toml\"");
        let mut table = |name: &str, text: &str| {
            mounts.push(format!("/{name}{number}"));
            write!(config, "[repositories.{name}{number}]\n{text}\n").unwrap();
        };
        let (json, html) = (index.url(), plain.url());
        table(
            "group",
            &format!("kind = \"group\"\nmembers = {{ wheels = 1, python = 2, pypi = 3 }}\n{policy}"),
        );
        table("proxy", &format!("kind = \"proxy\"\nupstream = \"{json}\"\n{policy}"));
        table("plain", &format!("kind = \"proxy\"\nupstream = \"{html}\"\n{policy}"));
        table("around", &format!("kind = \"group\"\nmembers = [\"wheels\", \"python\", \"proxy{number}\"]"));
        table("folder", &format!("kind = \"directory\"\npath = \"wheels\"\n{policy}"));
        table("beside", &format!("kind = \"group\"\nmembers = [\"folder{number}\", \"pypi\"]"));
    }
    config.push_str("[repositories.wheels]\nkind = \"directory\"\npath = \"wheels\"\n");
    let path = around.join("depot.toml");
    fs::write(&path, config).unwrap();
    let depot = Depot::start_with(&["--config", path.to_str().unwrap(), "--upstream", &index.url()]);
    for version in ["7", "8", "9"] {
        let wheel = wheel("six", version);
        let mut record = mirrored(&wheel.filename(), &wheel.build());
        record["upload-time"] = json!(OLD);
        assert_eq!(depot.announce("six", &record).status, 202);
        assert_eq!(depot.put("six", &wheel.filename(), &wheel.build()).status, 201);
    }
    for version in ["8", "9"] {
        let asked = json!({ "project": "six", "filename": wheel("six", version).filename() }).to_string();
        let deleted = depot.request("POST", "/python/_/delete", Some(&depot.token()), "", asked.as_bytes());
        assert_eq!(deleted.status, 200, "{}", deleted.text());
    }
    (depot, mounts)
}

fn listed(depot: &Depot, mount: &str, project: &str) -> Vec<Value> {
    let page = depot.get(&format!("{mount}/simple/{project}/"));
    match page.status {
        200 => body(&page)["files"].as_array().unwrap().clone(),
        403 | 404 => Vec::new(),
        _ => panic!("{mount} {project}: {}", page.text()),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The files that `why` says are shown, each with the digest that it is read with.
fn told(depot: &Depot, mount: &str, project: &str) -> BTreeSet<(String, String)> {
    let answer = depot.get(&format!("/api/why?at={mount}/&project={project}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said = body(&answer);
    let files = said["files"].as_array().unwrap();
    let mut shown = BTreeSet::new();
    for file in files {
        let held = file["held"].as_array().unwrap();
        let chosen: Vec<&Value> = held.iter().filter(|held| held["fate"] == "chosen").collect();
        // One that is shown comes from one member, and one that is not has a reason.
        assert_eq!(chosen.len(), usize::from(file.get("from").is_some()), "{mount}: {file}");
        match chosen.first() {
            Some(chosen) => {
                assert_eq!(file["from"], chosen["repository"], "{mount}: {file}");
                shown.insert((text(&file["filename"]), text(&chosen["sha256"])));
            }
            None => {
                let is_other =
                    held.iter().any(|held| held["fate"] == "other-bytes" || held["fate"] == "deleted");
                assert!(file.get("rule").is_some() || is_other || project == "pot", "{mount}: {file}");
            }
        }
    }
    let verdict = match (shown.len(), files.len()) {
        (0, 0) => ["absent", "hidden"].as_slice(),
        (0, _) => &["hidden"],
        (shown, all) if shown == all => &["shown"],
        _ => &["partly"],
    };
    assert!(verdict.contains(&said["verdict"].as_str().unwrap()), "{mount}: {said}");
    shown
}

/// Whether a file is given out at an address, by every way of asking for it alike.
fn is_given(depot: &Depot, path: &str, sha256: Option<&str>) -> bool {
    let answer = depot.get(path);
    let is_given = answer.status == 200;
    if let Some(sha256) = sha256.filter(|_| is_given) {
        assert_eq!(sha256_hex(&answer.body), sha256, "{path}");
    }
    let range = depot.request("GET", path, None, "Range: bytes=1-2\r\n", b"");
    assert_eq!(range.status == 206, is_given, "{path}: {} {}", answer.status, range.status);
    for (method, path) in [("HEAD", path), ("GET", &format!("{path}.metadata"))] {
        let other = depot.request(method, path, None, "", b"");
        assert_eq!(other.status, answer.status, "{method} {path}: {} {}", other.status, other.text());
    }
    is_given
}

#[test]
fn pages_files_and_explanations_agree_under_every_policy() {
    let (index, plain) = (index(Style::Json), index(Style::HtmlOnly));
    let around = tempfile::tempdir().unwrap();
    let (depot, mounts) = start(around.path(), &index, &plain);
    let mut seen = BTreeSet::new();
    for mount in &mounts {
        for project in PROJECTS {
            let page = listed(&depot, mount, project);
            let page: BTreeSet<_> =
                page.iter().map(|file| (text(&file["filename"]), text(&file["hashes"]["sha256"]))).collect();
            assert_eq!(told(&depot, mount, project), page, "{mount} {project}");
            for filename in names(project) {
                let shown = page.iter().find(|(listed, _)| *listed == filename);
                let sha256 = shown.map(|(_, sha256)| sha256.as_str());
                let path = format!("{mount}/files/{project}/{filename}");
                assert_eq!(is_given(&depot, &path, sha256), shown.is_some(), "{path}");
                let path = format!("{mount}/packages{}", FakeIndex::file_path(project, &filename));
                let answer = depot.get(&path);
                assert!(answer.status != 200 || shown.is_some(), "{path}");
                let from_index = ["/proxy", "/plain"].iter().any(|name| mount.starts_with(name));
                assert!(!from_index || shown.is_none() || answer.status == 200, "{path}: {}", answer.text());
                let path = format!("{mount}/files/{project}/{filename}.provenance");
                let answer = depot.get(&path);
                let attested = mount.starts_with("/proxy") && filename == wheel("six", "1").filename();
                assert!(answer.status != 200 || shown.is_some(), "{path}");
                assert!(!attested || (answer.status == 200) == shown.is_some(), "{path}: {}", answer.text());
                seen.insert((filename, shown.is_some()));
            }
        }
    }
    // Each of them was shown somewhere and hidden elsewhere, or this proves nothing.
    for filename in PROJECTS.into_iter().flat_map(names) {
        assert_eq!(
            [false, true].map(|shown| seen.contains(&(filename.clone(), shown))),
            [true; 2],
            "{filename}"
        );
    }
}

#[test]
fn a_save_takes_what_a_server_of_the_same_policy_shows() {
    for style in [Style::Json, Style::HtmlOnly] {
        let index = index(style);
        let around = tempfile::tempdir().unwrap();
        let (depot, _) = start(around.path(), &index, &index);
        for (number, policy) in POLICIES.iter().enumerate() {
            let tree = around.path().join(format!("tree{number}"));
            let mut command =
                depot_command(["python", "save", "six", "tea", "pot", "--no-deps", "--all-files"]);
            command.args(["--all-versions", "--index-url", &index.url(), "--dir", tree.to_str().unwrap()]);
            command.arg("--policy").arg(around.path().join(format!("p{number}.toml")));
            command.env("DEPOT_CONFIG_DIR", around.path());
            let said = run(&mut command);
            for project in PROJECTS {
                let has = |filename: &str| tree.join("files").join(project).join(filename).is_file();
                let saved: Vec<String> = names(project).into_iter().filter(|name| has(name)).collect();
                let mut shown = listed(&depot, &format!("/proxy{number}"), project);
                // What is yanked is saved only if somebody asks for the very version.
                shown.retain(|file| file["yanked"] == false);
                let shown: Vec<String> = shown.iter().map(|file| text(&file["filename"])).collect();
                assert_eq!(saved, shown, "{style:?} {policy}: {}", said.stderr);
            }
        }
    }
}
