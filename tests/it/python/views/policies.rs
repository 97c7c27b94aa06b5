//! Policies of repositories and groups: the same on pages, files and metadata.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use depot_tests::{FakeFile, FakeIndex, Style, WheelBuilder, sha256_hex};

use super::{
    super::depot::{Depot, assert_refused, body},
    files, wheel_name,
};

/// An index with `six` in three versions, of which the last was uploaded in a far future.
fn index() -> FakeIndex {
    let file =
        |version: &str, time: &str| FakeFile::from(&WheelBuilder::new("six", version)).upload_time(time);
    FakeIndex::builder(Style::Json)
        .file("six", file("1", "2020-01-01T00:00:00Z"))
        .file("six", file("2", "2020-01-01T00:00:00Z"))
        .file("six", file("3", "2090-01-01T00:00:00Z"))
        .file("tea", FakeFile::from(&WheelBuilder::new("tea", "1")).without_upload_time())
        .wheel(&WheelBuilder::new("evil", "1"))
        .start()
}

fn following(index: &FakeIndex, around: &Path, table: &str, policy: &str) -> Depot {
    fs::write(around.join("policy.toml"), policy).unwrap();
    let config = around.join("depot.toml");
    fs::write(&config, format!("[repositories.{table}]\npolicy = \"policy.toml\"\n")).unwrap();
    Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()])
}

const POLICY: &str = "cooldown = \"7 days\"\n\
                      [[block]]\nwhat = \"evil\"\nreason = \"it is\"\n\
                      [[block]]\nwhat = \"six==1.*\"\nreason = \"old\"\n";

#[test]
fn what_is_hidden_is_nowhere() {
    let index = index();
    for table in ["all", "pypi"] {
        let around = tempfile::tempdir().unwrap();
        let depot = following(&index, around.path(), table, POLICY);
        let mounts: &[&str] = if table == "all" { &[""] } else { &["", "/pypi"] };
        for mount in mounts {
            let page = depot.get(&format!("{mount}/simple/six/"));
            assert_eq!(files(&page), [wheel_name("six", "2")], "{table}");
            assert_eq!(body(&page)["versions"], serde_json::json!(["2"]));
            for (version, words) in [("1", "blocked by `six==1.*`"), ("3", "`cooldown = ")] {
                for suffix in ["", ".metadata"] {
                    let path = format!("{mount}/files/six/{}{suffix}", wheel_name("six", version));
                    let answer = depot.get(&path);
                    assert_refused(&answer, 403, "hidden-by-policy");
                    assert!(answer.text().contains(words), "{}", answer.text());
                }
                assert_eq!(index.count(&FakeIndex::file_path("six", &wheel_name("six", version))), 0);
            }
            assert_eq!(depot.get(&format!("{mount}/files/six/{}", wheel_name("six", "2"))).status, 200);
            // Nobody says when it was uploaded, so it may be a minute old.
            assert_eq!(files(&depot.get(&format!("{mount}/simple/tea/"))), Vec::<String>::new());
            let answer = depot.get(&format!("{mount}/files/tea/{}", wheel_name("tea", "1")));
            assert_refused(&answer, 403, "hidden-by-policy");
        }
    }
}

#[test]
fn a_project_that_is_blocked_is_not_asked_for() {
    let index = index();
    let around = tempfile::tempdir().unwrap();
    let depot = following(&index, around.path(), "all", POLICY);
    let answer = depot.get("/simple/evil/");
    assert_refused(&answer, 403, "hidden-by-policy");
    assert!(answer.text().contains("it is"), "{}", answer.text());
    assert_refused(&depot.get(&format!("/files/evil/{}", wheel_name("evil", "1"))), 403, "hidden-by-policy");
    assert_eq!(index.count(&FakeIndex::page_path("evil")), 0);
}

#[test]
fn a_repository_is_not_asked_for_what_its_own_policy_hides() {
    let index = index();
    let around = tempfile::tempdir().unwrap();
    let depot = following(&index, around.path(), "pypi", POLICY);
    let file = wheel_name("evil", "1");
    for path in [
        "/pypi/simple/evil/",
        "/simple/evil/",
        &format!("/pypi/files/evil/{file}"),
        &format!("/files/evil/{file}"),
    ] {
        let answer = depot.get(path);
        assert_refused(&answer, 403, "hidden-by-policy");
        assert!(answer.text().contains("policy of `pypi`"), "{path}: {}", answer.text());
    }
    let at_upstream = format!("/packages{}", FakeIndex::file_path("evil", &file));
    assert_ne!(depot.get(&at_upstream).status, 200);
    assert_eq!(index.count(&FakeIndex::page_path("evil")), 0);
}

#[test]
fn what_is_hidden_by_its_name_is_not_listed() {
    let index = index();
    for table in ["all", "pypi"] {
        let around = tempfile::tempdir().unwrap();
        let depot = following(&index, around.path(), table, "");
        let names = |path: &str| {
            let projects = body(&depot.get(path))["projects"].clone();
            let names = projects.as_array().unwrap().iter();
            names.map(|project| project["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for project in ["evil", "six"] {
            assert_eq!(depot.get(&format!("/simple/{project}/")).status, 200);
        }
        assert_eq!(names("/simple/"), ["evil", "six"], "{table}");
        fs::write(around.path().join("policy.toml"), POLICY).unwrap();
        let is_gone = |_| {
            std::thread::sleep(Duration::from_millis(50));
            names("/simple/") == ["six"]
        };
        assert!((0..200).any(is_gone), "{table}: {:?}", names("/simple/"));
        let at_proxy: &[&str] = if table == "pypi" { &["six"] } else { &["evil", "six"] };
        assert_eq!(names("/pypi/simple/"), at_proxy, "{table}");
    }
}

#[test]
fn a_policy_that_changes_is_followed_and_one_that_is_damaged_opens_nothing() {
    let index = index();
    let around = tempfile::tempdir().unwrap();
    let depot = following(&index, around.path(), "all", POLICY);
    let shows = |expected: &[&str]| {
        let names: Vec<_> = expected.iter().map(|version| wheel_name("six", version)).collect();
        for _ in 0..100 {
            if files(&depot.get("/simple/six/")) == names {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    };
    assert!(shows(&["2"]));
    fs::write(around.path().join("policy.toml"), "block = [").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !depot.server().stderr().contains("the policy as it was before stays in force") {
        assert!(Instant::now() < deadline, "{}", depot.server().stderr());
        assert!(shows(&["2"]));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(shows(&["2"]));
    fs::write(around.path().join("policy.toml"), "# no rules\n").unwrap();
    assert!(shows(&["1", "2", "3"]));
    // Nobody needs to ask for that: it holds for the first who does.
    fs::write(around.path().join("policy.toml"), POLICY).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while depot.server().stderr().matches("the policy was read again").count() < 2 {
        assert!(Instant::now() < deadline, "{}", depot.server().stderr());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(files(&depot.get("/simple/six/")), [wheel_name("six", "2")]);
}

/// A folder below another one with this wheel of `six`, and its bytes.
fn folder_with(around: &Path, name: &str) -> Vec<u8> {
    let wheel = WheelBuilder::new("six", "1").file("of.py", name);
    fs::create_dir(around.join(name)).unwrap();
    fs::write(around.join(name).join(wheel.filename()), wheel.build()).unwrap();
    wheel.build()
}

#[test]
fn a_file_comes_from_where_the_page_takes_it() {
    let around = tempfile::tempdir().unwrap();
    let [_, shown] = ["hidden", "shown"].map(|name| folder_with(around.path(), name));
    fs::write(around.path().join("policy.toml"), "block = [\"six==1\"]\n").unwrap();
    let config = around.path().join("depot.toml");
    let text = "[repositories.hidden]\nkind = \"directory\"\npath = \"hidden\"\npolicy = \"policy.toml\"\n\
                [repositories.shown]\nkind = \"directory\"\npath = \"shown\"\n\
                [repositories.all]\nmembers = [\"hidden\", \"shown\"]\n";
    fs::write(&config, text).unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap()]);
    let page = body(&depot.get("/simple/six/"));
    assert_eq!(page["files"][0]["hashes"]["sha256"], sha256_hex(&shown));
    let path = format!("/files/six/{}", wheel_name("six", "1"));
    assert_eq!(sha256_hex(&depot.get(&path).body), sha256_hex(&shown));
    assert_refused(&depot.get(&format!("/hidden{path}")), 403, "hidden-by-policy");
}

#[test]
fn what_one_member_quarantines_no_other_gives_out() {
    let index = index();
    let around = tempfile::tempdir().unwrap();
    folder_with(around.path(), "wheels");
    let config = around.path().join("depot.toml");
    let text = "[repositories.wheels]\nkind = \"directory\"\npath = \"wheels\"\n\
                [repositories.all]\nmembers = [\"pypi\", \"wheels\"]\n";
    fs::write(&config, text).unwrap();
    index.set_status("six", "quarantined", Some("malware"));
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
    assert_eq!(files(&depot.get("/simple/six/")), Vec::<String>::new());
    for suffix in ["", ".metadata"] {
        let answer = depot.get(&format!("/files/six/{}{suffix}", wheel_name("six", "1")));
        assert_refused(&answer, 403, "project-closed");
    }
    assert_eq!(depot.get(&format!("/wheels/files/six/{}", wheel_name("six", "1"))).status, 200);
}

#[test]
fn the_hosted_repository_follows_its_policy_wherever_it_is_read() {
    let index = index();
    let around = tempfile::tempdir().unwrap();
    let policy =
        "[[block]]\nwhat = \"six==1\"\nreason = \"old\"\n[[block]]\nwhat = \"evil\"\nreason = \"it is\"\n";
    let depot = following(&index, around.path(), "python", policy);
    for (project, version) in [("six", "1"), ("six", "2"), ("evil", "1")] {
        depot.publish(&WheelBuilder::new(project, version));
    }
    // Twice: what was asked for before is answered by another way.
    for mount in ["/python", "/python", "", ""] {
        assert_eq!(files(&depot.get(&format!("{mount}/simple/six/"))), [wheel_name("six", "2")], "{mount}");
        for (project, words) in [("six", "blocked by `six==1`"), ("evil", "blocked by `evil`")] {
            for suffix in ["", ".metadata"] {
                for folder in ["files", "simple"] {
                    let file = wheel_name(project, "1");
                    let answer = depot.get(&format!("{mount}/{folder}/{project}/{file}{suffix}"));
                    assert_refused(&answer, 403, "hidden-by-policy");
                    assert!(answer.text().contains(words), "{}", answer.text());
                }
            }
        }
        assert_refused(&depot.get(&format!("{mount}/simple/evil/")), 403, "hidden-by-policy");
        let file = depot.get(&format!("{mount}/files/six/{}", wheel_name("six", "2")));
        assert_eq!(sha256_hex(&file.body), sha256_hex(&WheelBuilder::new("six", "2").build()));
        let names = body(&depot.get(&format!("{mount}/simple/")))["projects"].clone();
        assert_eq!(names, serde_json::json!([{ "name": "six" }]), "{mount}");
    }
    assert_eq!(depot.get("/python/simple/six").status, 301);
    // What is hidden is owned all the same.
    assert_eq!(index.requests().len(), 0, "{:?}", index.requests());
    // Nor is anything shown where the rules are taken away.
    fs::remove_file(around.path().join("policy.toml")).unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    assert_refused(
        &depot.get(&format!("/python/files/six/{}", wheel_name("six", "1"))),
        403,
        "hidden-by-policy",
    );
}

#[test]
fn a_hosted_repository_is_not_served_without_the_policy_that_it_should_follow() {
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    fs::write(&config, "[repositories.python]\npolicy = \"policy.toml\"\n").unwrap();
    for policy in [None, Some("blok = []")] {
        if let Some(policy) = policy {
            fs::write(around.path().join("policy.toml"), policy).unwrap();
        }
        let args = ["serve", "--port", "0", "--upstream", "http://127.0.0.1:9/simple/", "--config"];
        let mut command = std::process::Command::new(depot_tests::binary("depot-server"));
        command.env_clear().args(args).arg(&config).arg("--data-dir").arg(around.path().join("data"));
        let said = depot_tests::run(&mut command).assert_code(1);
        assert!(
            said.stderr.contains("repository `python`") && said.stderr.contains("policy.toml"),
            "{}",
            said.stderr
        );
    }
}
