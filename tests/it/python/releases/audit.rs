//! `depot-server audit show | verify`: who published, yanked, granted and fetched.

use std::fs;

use serde_json::{Value, json};

use super::{done, file, pot, with_two};
use crate::python::depot::Depot;

fn audit(depot: &Depot, args: &[&str]) -> Value {
    let output = depot.admin(&[&["audit"], args, &["--format", "json"]].concat());
    assert!(matches!(output.code, Some(0 | 3)), "{output:?}");
    let answer: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(answer["broken"].as_array().is_some_and(|broken| !broken.is_empty()), output.code == Some(3));
    answer
}

fn whats(depot: &Depot, args: &[&str]) -> Vec<String> {
    let shown = audit(depot, &[&["show"], args].concat());
    assert_eq!(shown["schema"], "depot.audit-show/1");
    shown["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["what"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_journal_tells_who_did_what_and_when() {
    let mut depot = with_two();
    depot.publish(&depot_tests::WheelBuilder::new("kettle", "1.0"));
    let keeper = depot.new_token("ann", &["yank+delete:python:tea-*"]);
    let asked = json!({ "project": "tea-pot", "version": "1.0", "reason": "it\u{1b}[2Jleaks" });
    assert_eq!(super::ask(&depot, &keeper, "yank", &asked).status, 200);
    done(&depot, "delete", &file("1.1"));
    done(
        &depot,
        "roles",
        &json!({ "project": "tea-pot", "subject": "ann", "role": "owner", "granted": true }),
    );
    // While the server runs, and without it.
    for _ in 0..2 {
        assert_eq!(
            whats(&depot, &["--project", "Tea_Pot"]),
            ["publish", "publish", "yank", "delete", "role"]
        );
        assert_eq!(whats(&depot, &["--user", "ann"]), ["token-create", "yank", "role"]);
        assert_eq!(whats(&depot, &["--project", "kettle", "--since", "1d"]), ["publish"]);
        assert!(whats(&depot, &["--since", "2999-01-01"]).is_empty());
        let text = depot.admin(&["audit", "show", "--user", "ann"]).assert_success().stdout;
        assert!(text.contains("  ann  yank  ") && text.contains("reason=it [2Jleaks"), "{text}");
        if depot.data_dir().join("admin.sock").exists() {
            depot.stop();
        }
    }
    depot.admin(&["audit", "show", "--since", "yesterday"]).assert_code(2);
}

#[test]
fn a_journal_that_somebody_changed_is_found_out() {
    let mut depot = with_two();
    done(&depot, "yank", &file("1.0"));
    let whole = audit(&depot, &["verify"]);
    assert_eq!((&whole["schema"], &whole["broken"]), (&json!("depot.audit-verify/1"), &json!([])));
    assert_eq!(whole["lines"], whole["serial"]);
    depot.stop();
    let path = depot.data_dir().join("journal/changes.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"yank\"", "\"ynak\"")).unwrap();
    assert_eq!(audit(&depot, &["verify"])["broken"][0]["line"], whole["lines"]);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(1);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    assert_eq!(audit(&depot, &["verify"])["broken"][0]["line"], 2);
}

#[test]
fn downloads_are_recorded_where_that_is_wanted() {
    let mut depot = Depot::start_with(&["--log-downloads"]);
    depot.publish(&pot("1.0"));
    let path = format!("/python/files/tea-pot/{}", pot("1.0").filename());
    let reader = depot.new_token("ci", &["read:python:*"]);
    for (token, method, range) in [
        (Some(&reader), "GET", ""),
        (Some(&reader), "GET", "Range: bytes=0-9\r\n"),
        (Some(&reader), "HEAD", ""),
        (None, "GET", ""),
    ] {
        let answer = depot.request(method, &path, token.map(String::as_str), range, b"");
        assert!(matches!(answer.status, 200 | 206), "{}", answer.text());
    }
    depot.request("GET", &format!("{path}.metadata"), Some(&reader), "", b"");
    // It is the same file at the address that all repositories share.
    let shared = path.strip_prefix("/python").unwrap();
    assert_eq!(depot.request("GET", shared, Some(&reader), "", b"").status, 200);
    assert_eq!(depot.request("HEAD", shared, Some(&reader), "", b"").status, 200);
    depot.stop();
    let shown = audit(&depot, &["show", "--downloads", &pot("1.0").filename()]);
    let rows = shown["downloads"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{shown}");
    assert!(rows.iter().all(|row| row["repository"] == "python"), "{shown}");
    let tokens = depot.admin(&["token", "list", "--format", "json"]).assert_success().stdout;
    let tokens: Value = serde_json::from_str(&tokens).unwrap();
    let id =
        tokens["tokens"].as_array().unwrap().iter().find(|token| token["subject"] == "ci").unwrap()["id"]
            .clone();
    assert_eq!(
        (&rows[0]["who"], &rows[0]["token"], &rows[0]["project"]),
        (&json!("ci"), &id, &json!("tea-pot"))
    );
    assert_eq!(audit(&depot, &["show", "--downloads", "absent.whl"])["downloads"], json!([]));
    assert_eq!(
        audit(&depot, &["show", "--downloads", &pot("1.0").filename(), "--user", "other"])["downloads"],
        json!([])
    );
    // No secret is in it.
    let record = fs::read_to_string(depot.data_dir().join("access/downloads.jsonl")).unwrap();
    assert!(!record.contains(reader.rsplit('.').next().unwrap()));
}

#[test]
fn nothing_is_recorded_unless_it_is_wanted() {
    let depot = with_two();
    let path = format!("/python/files/tea-pot/{}", pot("1.0").filename());
    assert_eq!(depot.request("GET", &path, Some(&depot.token()), "", b"").status, 200);
    assert!(!depot.data_dir().join("access").exists());
    let said = depot.admin(&["audit", "show", "--downloads", &pot("1.0").filename()]).assert_success();
    assert!(said.stdout.is_empty() && said.stderr.contains("log.downloads"), "{}", said.stderr);
}
