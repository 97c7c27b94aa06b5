//! Changing the keys that sign tokens, and saying in time that tokens end.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::python::depot::Depot;

fn reads(depot: &Depot, token: &str) -> u16 {
    depot.request("GET", "/python/simple/", Some(token), "", b"").status
}

fn keys(depot: &Depot) -> usize {
    fs::read_dir(depot.data_dir().join("keys")).unwrap().count()
}

fn rotate(depot: &Depot, more: &[&str]) -> Value {
    let args = [&["key", "rotate", "--format", "json"], more].concat();
    let said = depot.admin(&args).assert_success().stdout;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["schema"], "depot.key-rotate/1");
    said
}

/// What a token names its key by.
fn key_of(token: &str) -> String {
    use base64::Engine as _;
    let header = token.strip_prefix("depot_").unwrap().split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_key_signs_and_the_old_one_judges_what_it_signed() {
    let mut depot = Depot::start_with(&["--private"]);
    let (admin, before) = (depot.token(), depot.new_token("robot", &["read"]));
    // Twice within a second: their order is known all the same.
    for judging in 1..=2 {
        let said = rotate(&depot, &[]);
        assert_eq!((&said["judging"], &said["revoked"]), (&judging.into(), &0.into()), "{said}");
        let after = depot.new_token("robot", &["read"]);
        assert_eq!(said["id"], key_of(&after));
        assert_ne!(key_of(&before), key_of(&after));
        for restarted in [false, true] {
            if restarted {
                depot.stop();
                depot.resume();
            }
            assert_eq!([&admin, &before, &after].map(|token| reads(&depot, token)), [200; 3]);
            assert_eq!(key_of(&depot.new_token("robot", &["read"])), key_of(&after));
        }
    }
    assert_eq!((keys(&depot), depot.token()), (3, admin));
    let journal = fs::read_to_string(depot.data_dir().join("journal/changes.jsonl")).unwrap();
    assert_eq!(journal.matches(r#""what":"key-rotate""#).count(), 2);
}

#[test]
fn retiring_the_old_keys_kills_every_token_but_a_new_administrators() {
    let mut depot = Depot::start_with(&["--private"]);
    let (admin, before) = (depot.token(), depot.new_token("robot", &["read"]));
    assert_eq!([&admin, &before].map(|token| reads(&depot, token)), [200; 2]);
    let said = rotate(&depot, &["--retire-old"]);
    assert_eq!((&said["judging"], &said["revoked"]), (&0.into(), &2.into()), "{said}");
    for restarted in [false, true] {
        if restarted {
            depot.stop();
            depot.resume();
        }
        assert_eq!([&admin, &before].map(|token| reads(&depot, token)), [401; 2]);
        assert_eq!(reads(&depot, &depot.token()), 200);
    }
    assert_eq!(keys(&depot), 1);
    let list = depot.admin(&["token", "list"]).assert_success().stdout;
    assert_eq!(list.matches("revoked").count(), 2, "{list}");
}

#[test]
fn a_key_is_changed_where_no_server_runs() {
    let mut depot = Depot::start_with(&["--private"]);
    let before = depot.new_token("robot", &["read"]);
    depot.stop();
    rotate(&depot, &[]);
    depot.resume();
    let after = depot.new_token("robot", &["read"]);
    assert_eq!([&before, &after].map(|token| reads(&depot, token)), [200; 2]);
}

#[test]
fn a_token_that_ends_soon_is_spoken_of() {
    let mut depot = Depot::start_with(&["--private"]);
    let create = |days: &str| {
        let args = ["token", "create", "--user", "robot", "--token-name", days, "--expires-days", days];
        depot.admin(&args).assert_success().stdout.trim().to_owned()
    };
    let (soon, late) = (create("13"), create("15"));
    let told = |token: &str| {
        let answer = depot.request("GET", "/python/simple/", Some(token), "", b"");
        answer.header("x-depot-token-expires").map(str::to_owned)
    };
    let ends = told(&soon).unwrap();
    let list = depot.admin(&["token", "list"]).assert_success().stdout;
    assert!(list.lines().any(|line| line.contains("  13  ") && line.contains(&ends)), "{ends}: {list}");
    assert_eq!(told(&late), None);
    depot.stop();
    depot.resume();
    // It is said as soon as the server listens, and not before.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !depot.server().stderr().contains("a token ends soon") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = depot.server().stderr();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("a token ends soon")).collect();
    assert!(lines.len() == 1 && lines[0].contains("13") && lines[0].contains("robot"), "{said}");
}

#[test]
fn the_projects_of_a_token_bound_its_scopes() {
    let depot = Depot::start();
    let args = ["token", "create", "--user", "robot", "--scope", "push-new", "--scope", "read:python:tea"];
    let args = [&args[..], &["--project", "Acme_*", "--project", "pot", "--format", "json"]].concat();
    let made: Value = serde_json::from_str(&depot.admin(&args).assert_success().stdout).unwrap();
    let scopes = &made["record"]["scopes"];
    assert_eq!(scopes.to_string(), r#"["push-new:*:acme-*","push-new:*:pot","read:python:tea"]"#);
    let refused = depot.admin(&["token", "create", "--user", "robot", "--project", "a*b"]).assert_code(2);
    assert!(refused.stderr.contains("means no project"), "{}", refused.stderr);
}
