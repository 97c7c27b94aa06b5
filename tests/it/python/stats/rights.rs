//! Who may read a project may read its numbers, and nobody else.

use depot_tests::WheelBuilder;
use serde_json::json;

use super::{asked, path_of, row, rows, stats};
use crate::python::depot::Depot;

fn private() -> Depot {
    let depot = Depot::start_with(&["--private"]);
    for project in ["acme-core", "secret-sauce", "tea-pot"] {
        let wheel = WheelBuilder::new(project, "1.0");
        depot.publish(&wheel);
        for _ in 0..project.len() {
            let answer = depot.request("GET", &path_of(&wheel), Some(&depot.token()), "", b"");
            assert_eq!(answer.status, 200);
        }
    }
    stats(&depot, &[]);
    depot
}

#[test]
fn a_reader_sees_the_numbers_of_what_they_may_read() {
    let depot = private();
    let everything = depot.new_token("all", &["read:python:*"]);
    let acme = depot.new_token("acme", &["read:python:acme-*"]);
    let group = depot.new_token("group", &["read:all:tea-pot"]);
    let elsewhere = depot.new_token("elsewhere", &["read:pypi:*"]);
    let of = |token: &str| rows(&asked(&depot, "", Some(token)), "project");
    assert_eq!(of(&depot.token()), [row("secret-sauce", 12), row("acme-core", 9), row("tea-pot", 7)]);
    assert_eq!(of(&everything), of(&depot.token()));
    assert_eq!(of(&acme), [row("acme-core", 9)]);
    // Who may read it through the group reads what the group shows.
    assert_eq!(of(&group), [row("tea-pot", 7)]);
    assert_eq!(of(&elsewhere), []);
    for by in ["client", "day"] {
        let said = asked(&depot, &format!("?by={by}"), Some(&acme));
        assert_eq!(said["total"], 9, "{said}");
    }
    // Another project is refused, whether it is there or not.
    for project in ["secret-sauce", "absent"] {
        for token in [&acme, &group] {
            let path = format!("/api/stats?project={project}");
            let answer = depot.request("GET", &path, Some(token), "", b"");
            assert_eq!(answer.status, 403, "{project}: {}", answer.text());
            // Ids of requests and tokens may have any digits in them.
            assert!(!answer.text().contains("\"rows\""), "{}", answer.text());
        }
    }
    assert_eq!(asked(&depot, "?project=absent", Some(&everything))["rows"], json!([]));
    assert_eq!(asked(&depot, "?project=acme-core&by=file", Some(&acme))["total"], 9);
}

#[test]
fn what_a_policy_hides_is_told_to_the_keeper_alone() {
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    std::fs::write(around.path().join("policy.toml"), "").unwrap();
    let text = "[repositories.python]\npolicy = \"policy.toml\"\n[repositories.pypi]\nenabled = false\n";
    std::fs::write(&config, text).unwrap();
    let mut depot = Depot::start_with(&["--config", config.to_str().unwrap()]);
    for project in ["lid", "tea-pot"] {
        let wheel = WheelBuilder::new(project, "1.0");
        depot.publish(&wheel);
        assert_eq!(depot.get(&path_of(&wheel)).status, 200);
    }
    let all = [row("lid", 1), row("tea-pot", 1)];
    assert_eq!(rows(&stats(&depot, &[]), "project"), all);
    assert_eq!(rows(&asked(&depot, "", None), "project"), all);
    depot.stop();
    std::fs::write(around.path().join("policy.toml"), "block = [\"lid\"]\n").unwrap();
    depot.resume();
    assert_eq!(depot.get(&path_of(&WheelBuilder::new("lid", "1.0"))).status, 403);
    assert_eq!(rows(&stats(&depot, &[]), "project"), all);
    assert_eq!(rows(&asked(&depot, "", None), "project"), [row("tea-pot", 1)]);
    assert_eq!(asked(&depot, "?project=lid", None)["total"], 0);
}

#[test]
fn who_shows_nothing_or_something_worthless_sees_nothing() {
    let depot = private();
    assert_eq!(depot.get("/api/stats").status, 401);
    assert_eq!(depot.get("/api/stats?project=tea-pot").status, 401);
    let wrong = depot.request("GET", "/api/stats", Some("depot_nonsense"), "", b"");
    assert_eq!(wrong.status, 401);
    // Whoever may do something, and read nothing, reads no numbers.
    let yanks = depot.new_token("yanks", &["yank:python:*"]);
    assert_eq!(depot.request("GET", "/api/stats", Some(&yanks), "", b"").status, 403);
}
