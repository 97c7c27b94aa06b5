//! What the keeper of a server is told: numbers at `/metrics`, alarms in the log, and exceptions of policies in the journal.

use std::{
    fs,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use depot_tests::{FakeFile, FakeIndex, Style, WheelBuilder};
use serde_json::Value;

use super::{
    super::depot::{Depot, mirrored},
    files, in_front_of, index_of, wheel_name,
};

/// A number of `/metrics`; none if it is not told.
fn number(depot: &Depot, name: &str) -> Option<u64> {
    let answer = depot.get("/metrics");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    let line = text.lines().find(|line| line.rsplit_once(' ').is_some_and(|(named, _)| named == name))?;
    line.rsplit_once(' ').unwrap().1.parse().ok()
}

/// Waits until something holds.
#[track_caller]
fn assert_comes(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        sleep(Duration::from_millis(50));
    }
}

fn with_config(around: &Path, index: &FakeIndex, text: &str) -> Depot {
    let config = around.join("depot.toml");
    fs::write(&config, text).unwrap();
    Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()])
}

#[test]
fn numbers_tell_what_was_asked_published_and_pulled() {
    let index = index_of(&["six"]);
    let depot = in_front_of(&index);
    depot.publish(&WheelBuilder::new("secret-teapot", "1"));
    for _ in 0..2 {
        assert_eq!(files(&depot.get("/simple/six/")).len(), 2);
        assert_eq!(depot.get(&format!("/files/six/{}", wheel_name("six", "1"))).status, 200);
        assert_eq!(depot.get("/python/simple/secret-teapot/").status, 200);
    }
    assert_eq!(depot.get("/simple/nothing/").status, 404);
    let answer = depot.get("/metrics");
    let text = answer.text();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<u64>().is_ok(), "{line}");
    }
    let of = |name: &str| number(&depot, name).unwrap_or_else(|| panic!("{name} in\n{text}"));
    assert!(of("depot_requests_total{status=\"2xx\"}") >= 7);
    assert!(of("depot_requests_total{status=\"4xx\"}") >= 1);
    assert_eq!(of("depot_requests_total{status=\"5xx\"}"), 0);
    assert_eq!(of("depot_published_files_total"), 1);
    assert!(of("depot_journal_serial") >= 1);
    assert_eq!(of("depot_takes_changes"), 1);
    assert!(of("depot_proxy_answers_total{repository=\"pypi\",cache=\"miss\"}") >= 2);
    assert!(of("depot_proxy_answers_total{repository=\"pypi\",cache=\"hit\"}") >= 1);
    assert!(of("depot_proxy_upstream_requests_total{repository=\"pypi\"}") >= 2);
    assert_eq!(of("depot_proxy_upstream_failures_total{repository=\"pypi\"}"), 0);
    assert_eq!(of("depot_proxy_left_alone{repository=\"pypi\",for=\"pages\"}"), 0);
    assert_eq!(of("depot_proxy_kept_pages{repository=\"pypi\"}"), 1);
    assert_comes("kept files are counted", || {
        number(&depot, "depot_proxy_kept_bytes{repository=\"pypi\"}").is_some_and(|bytes| bytes > 0)
    });
    assert!(text.contains(&format!("depot_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))));
    assert_comes("downloads are counted", || number(&depot, "depot_downloads_total") == Some(2));
    // Neither what is here, nor who asked.
    for secret in ["teapot", "six", "nothing", depot.token().as_str()] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
}

#[test]
fn numbers_are_for_this_machine_and_administrators_unless_readers_may_see_them() {
    let index = index_of(&["six"]);
    let around = tempfile::tempdir().unwrap();
    let ask = |depot: &Depot, token: Option<&str>, line: &str| {
        depot.request("GET", "/metrics", token, line, b"").status
    };
    // A proxy on the same machine speaks for anybody.
    let passed_on = "X-Forwarded-For: 192.0.2.1\r\n";
    let local = with_config(around.path(), &index, "");
    let reader = local.new_token("reader", &["read"]);
    assert_eq!(ask(&local, None, ""), 200);
    assert_eq!(ask(&local, Some("nonsense"), ""), 401);
    assert_eq!(ask(&local, None, passed_on), 401);
    assert_eq!(ask(&local, None, "Via: 1.1 proxy\r\n"), 401);
    assert_eq!(ask(&local, Some(&reader), passed_on), 403);
    assert_eq!(ask(&local, Some(&local.token()), passed_on), 200);
    drop(local);
    let private = with_config(around.path(), &index, "[access]\nread = \"tokens\"\nmetrics = \"readers\"\n");
    let reader = private.new_token("reader", &["read"]);
    let of_few = private.new_token("few", &["read:python:acme-*"]);
    assert_eq!(ask(&private, None, passed_on), 401);
    assert_eq!(ask(&private, Some(&of_few), passed_on), 403);
    assert_eq!(ask(&private, Some(&reader), passed_on), 200);
}

const ALARM: &str = "another index has a name that is owned here";

#[test]
fn a_reserved_name_in_the_list_of_another_index_is_told_once() {
    let index = index_of(&["acme-core", "acme-new", "six"]);
    let around = tempfile::tempdir().unwrap();
    let text = "[repositories.python]\nreserved = [\"acme-*\"]\n\
                [repositories.pypi]\nroot_ttl = 0\n[repositories.all]\nlist_upstream = true\n";
    let depot = with_config(around.path(), &index, text);
    let name = "depot_alarms_total{repository=\"pypi\",alarm=\"owned-name-elsewhere\"}";
    assert_eq!(number(&depot, name), None);
    for _ in 0..3 {
        assert_eq!(depot.get("/simple/").status, 200);
        assert_eq!(depot.get("/simple/acme-core/").status, 404);
    }
    assert_comes("both names are counted", || number(&depot, name) == Some(2));
    let log = depot.server().stderr();
    assert_eq!(log.matches(ALARM).count(), 2, "{log}");
    assert!(log.contains("acme-core") && log.contains("acme-new"), "{log}");
    for project in ["acme-core", "acme-new"] {
        assert_eq!(index.count(&FakeIndex::page_path(project)), 0);
    }
}

#[test]
fn a_page_that_was_kept_before_its_name_was_reserved_is_told_at_the_start_and_not_served() {
    let index = index_of(&["acme-core", "six"]);
    let around = tempfile::tempdir().unwrap();
    let mut depot = with_config(around.path(), &index, "");
    for project in ["acme-core", "six"] {
        assert_eq!(files(&depot.get(&format!("/simple/{project}/"))).len(), 2);
    }
    // A name that is owned from now on is told of when somebody asks for it.
    depot.publish(&WheelBuilder::new("six", "7"));
    assert_eq!(files(&depot.get("/simple/six/")), [wheel_name("six", "7")]);
    assert_comes("it is told", || depot.server().stderr().matches(ALARM).count() == 1);
    depot.stop();
    fs::write(around.path().join("depot.toml"), "[repositories.python]\nreserved = [\"acme-*\"]\n").unwrap();
    index.clear_log();
    depot.resume();
    assert_comes("both are told", || depot.server().stderr().matches(ALARM).count() == 2);
    assert_eq!(depot.get("/simple/acme-core/").status, 404);
    assert_eq!(depot.get("/pypi/simple/acme-core/").status, 404);
    assert_eq!(depot.server().stderr().matches(ALARM).count(), 2);
    assert_eq!(index.requests().len(), 0);
}

#[test]
fn other_bytes_under_one_name_are_told_once_however_often_the_page_is_made() {
    let wheel = WheelBuilder::new("six", "1");
    let other = WheelBuilder::new("six", "1").file("other.py", "other = True");
    let index = FakeIndex::builder(Style::Json).file("six", FakeFile::from(&other)).start();
    let depot = in_front_of(&index);
    for version in ["1", "2", "3"] {
        // Each makes the page anew.
        let wheel = if version == "1" { wheel.clone() } else { WheelBuilder::new("six", version) };
        depot.announce("six", &mirrored(&wheel.filename(), &wheel.build()));
        assert_eq!(depot.put("six", &wheel.filename(), &wheel.build()).status, 201);
        assert!(!files(&depot.get("/simple/six/")).is_empty());
    }
    assert_eq!(number(&depot, "depot_alarms_total{repository=\"pypi\",alarm=\"other-bytes\"}"), Some(1));
    let log = depot.server().stderr();
    assert_eq!(log.matches("different bytes under one name").count(), 1, "{log}");
}

/// What the journal says of exceptions: repository, project, version and state of each line.
fn exceptions(depot: &Depot) -> Vec<String> {
    let said = depot.admin(&["audit", "show", "--format", "json"]).assert_success().stdout;
    let said: Value = serde_json::from_str(&said).unwrap();
    let lines = said["changes"].as_array().unwrap().iter();
    let lines = lines.filter(|line| line["what"] == "policy-exception");
    let word = |line: &Value, key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let words = |line: &Value| {
        ["repository", "project", "version", "state", "by"].map(|key| word(line, key)).join(" ")
    };
    lines.map(words).collect()
}

#[test]
fn exceptions_that_come_and_go_are_in_the_journal_once() {
    let index = index_of(&["six"]);
    let around = tempfile::tempdir().unwrap();
    let policy = |exceptions: &str| {
        let text = format!("cooldown = \"7 days\"\n{exceptions}");
        fs::write(around.path().join("policy.toml"), text).unwrap();
    };
    let exception = |what: &str, until: &str| {
        format!("[[exception]]\nwhat = \"{what}\"\nuntil = {until}\nreason = \"urgent\"\nby = \"ann\"\n")
    };
    policy(&[exception("Six==2", "2999-01-01"), exception("six==1", "2001-01-01")].concat());
    let mut depot = with_config(around.path(), &index, "[repositories.all]\npolicy = \"policy.toml\"\n");
    let first = ["all six 2 in-force ann"];
    assert_eq!(exceptions(&depot), first);
    depot.stop();
    // Nor do verbs on a stopped server, which read no configuration, take it for gone.
    depot.admin(&["token", "list"]).assert_success();
    depot.resume();
    assert_eq!(exceptions(&depot), first);
    policy(&exception("six==3", "2999-01-01"));
    assert_comes("a change is told", || exceptions(&depot).len() == 3);
    let told = ["all six 2 in-force ann", "all six 3 in-force ann", "all six 2 removed ann"];
    assert_eq!(exceptions(&depot), told);
    let soon = depot_proto::Timestamp::from_seconds(
        i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap() + 5,
    );
    let soon = soon.unwrap().to_string();
    policy(&exception("six==3", &format!("{}Z", soon.split('.').next().unwrap())));
    assert_comes("its new end is told", || exceptions(&depot).len() == 4);
    assert_comes("that it ended is told", || exceptions(&depot).len() == 5);
    assert_eq!(exceptions(&depot)[3..], ["all six 3 in-force ann", "all six 3 ended ann"]);
    depot.admin(&["audit", "verify"]).assert_success();
    let line = depot.admin(&["audit", "show", "--project", "six"]).assert_success().stdout;
    assert!(line.contains("until=") && line.contains("reason=urgent"), "{line}");
}
