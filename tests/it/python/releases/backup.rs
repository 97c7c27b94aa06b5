//! What belongs to projects is kept with everything else: scrubbed, exported, imported, backed up.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{done, file, pot, with_two};
use crate::python::depot::{Depot, assert_refused, body};

/// A server with a deleted file, a state and an owner.
fn with_everything() -> Depot {
    let depot = with_two();
    depot.new_token("ann", &["push"]);
    done(&depot, "delete", &file("1.0"));
    done(&depot, "status", &json!({ "project": "tea-pot", "state": "deprecated", "reason": "old" }));
    done(
        &depot,
        "roles",
        &json!({ "project": "tea-pot", "subject": "ann", "role": "owner", "granted": true }),
    );
    depot
}

/// All of that is so on a server over this data directory.
fn assert_everything(data_dir: &Path) {
    let mut depot = Depot::start();
    depot.stop();
    fs::remove_dir_all(depot.data_dir()).unwrap();
    fs::rename(data_dir, depot.data_dir()).unwrap();
    depot.resume();
    let page = body(&depot.get("/python/simple/tea-pot/"));
    assert_eq!(page["project-status"], json!({ "status": "deprecated", "reason": "old" }));
    assert_eq!(page["files"].as_array().unwrap().len(), 1);
    let put = depot.put("tea-pot", &pot("1.0").filename(), &pot("1.0").build());
    assert_refused(&put, 409, "file-deleted");
    depot.new_token("bob", &["push"]);
    let asked = json!({ "project": "tea-pot", "subject": "bob", "role": "pusher", "granted": true });
    assert_eq!(done(&depot, "roles", &asked)["owners"], json!(["ann"]));
}

#[test]
fn a_backup_has_the_tombstones_and_all_else_of_a_project() {
    let depot = with_everything();
    let to = depot.around().join("backup");
    depot.admin(&["backup", to.to_str().unwrap()]).assert_success();
    assert_everything(&to);
}

#[test]
fn an_export_has_the_tombstones_and_all_else_of_a_project() {
    let mut depot = with_everything();
    let export = depot.around().join("export.jsonl");
    depot.admin(&["export", export.to_str().unwrap()]).assert_success();
    depot.stop();
    fs::rename(depot.data_dir(), depot.around().join("old")).unwrap();
    depot.admin(&["import", export.to_str().unwrap()]).assert_success();
    let data_dir = depot.data_dir();
    assert_everything(&data_dir);
}

#[test]
fn a_scrub_puts_a_lost_project_record_back_and_removes_what_a_deletion_left() {
    let mut depot = with_everything();
    let path = depot.tree().join("projects/tea-pot.json");
    let whole = fs::read(&path).unwrap();
    let scrubbed = |fault: &str| {
        let output = depot.admin(&["scrub", "--format", "json"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        let findings = serde_json::from_str::<Value>(&output.stdout).unwrap()["findings"].clone();
        assert_eq!(
            (&findings[0]["fault"], &findings[0]["outcome"]),
            (&json!(fault), &json!("mended")),
            "{findings}"
        );
        assert_eq!(fs::read(&path).unwrap(), whole);
    };
    fs::remove_file(&path).unwrap();
    scrubbed("project-record-missing");
    fs::write(&path, "{").unwrap();
    scrubbed("project-record-unreadable");
    let left = depot.tree().join("files/tea-pot").join(pot("1.0").filename());
    fs::write(&left, "left").unwrap();
    scrubbed("still-there");
    assert!(!left.exists());
    assert_eq!(depot.admin(&["scrub"]).code, Some(0));
    // And so does a start, before anybody sees it.
    depot.stop();
    fs::write(&left, pot("1.0").build()).unwrap();
    let record = json!({ "filename": pot("1.0").filename(), "size": pot("1.0").build().len(),
        "hashes": { "sha256": depot_tests::sha256_hex(&pot("1.0").build()) } });
    fs::write(left.with_extension("whl.json"), record.to_string()).unwrap();
    fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
    depot.resume();
    assert_eq!(depot.listed("tea-pot").len(), 1);
    assert!(!left.exists() && !left.with_extension("whl.json").exists());
}
