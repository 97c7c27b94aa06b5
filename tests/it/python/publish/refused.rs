//! Releases that are refused: whatever is wrong with one of the files, none of them is there.

use std::fs;

use depot_tests::{WheelBuilder, sha256_hex};
use serde_json::{Value, json};

use super::{body_of, manifest, post, publish, release};
use crate::python::depot::{Depot, assert_refused, listing};
use crate::python::index::Built;

/// Fails unless nothing of the project is visible, stored or under way.
#[track_caller]
fn assert_nothing_is_there(depot: &Depot) {
    assert!(depot.listed("tea-pot").is_empty());
    assert!(!depot.get("/python/simple/").text().contains("tea-pot"));
    let left: Vec<_> = listing(&depot.tree().join("files")).into_keys().collect();
    assert!(left.iter().all(|path| path.components().count() == 1), "{left:?}");
    depot.assert_tmp_is_empty();
}

#[test]
fn one_bad_file_of_three_keeps_all_of_them_out() {
    let depot = Depot::start();
    for bad in 0..3 {
        let mut files = release("1.0");
        files[bad].bytes = b"garbage".to_vec();
        let refused = publish(&depot, &files);
        assert_refused(&refused, 400, "invalid-distribution");
        assert!(refused.text().contains(&files[bad].filename), "{}", refused.text());
        assert_nothing_is_there(&depot);
    }
    // One whose metadata is of another project.
    let mut files = release("1.0");
    files[1].bytes = WheelBuilder::new("kettle", "1.0").build();
    assert_eq!(publish(&depot, &files).status, 400);
    assert_nothing_is_there(&depot);
    assert_eq!(publish(&depot, &release("1.0")).status, 201);
}

#[test]
fn other_bytes_of_one_file_keep_the_others_out() {
    let depot = Depot::start();
    let files = release("1.0");
    assert_eq!(depot.put("tea-pot", &files[1].filename, &files[1].bytes).status, 201);
    let mut others = release("1.0");
    let other = WheelBuilder::new("Tea.Pot", "1.0").build_tag("2").file("tea_pot/more.py", "x = 1\n");
    others[1] = Built::from(&other);
    let refused = publish(&depot, &others);
    assert_refused(&refused, 409, "file-exists");
    assert!(refused.text().contains(&files[1].filename), "{}", refused.text());
    assert_eq!(depot.listed("tea-pot").len(), 1);
    assert_eq!(depot.get(&files[1].path()).body, files[1].bytes);
    assert_eq!(depot.get(&files[0].path()).status, 404);
    depot.assert_tmp_is_empty();
}

#[test]
fn a_body_that_is_not_what_its_manifest_says_is_refused() {
    let depot = Depot::start();
    let files = release("1.0");
    let good = manifest("tea-pot", &files);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut manifest = good.clone();
        change(&mut manifest);
        post(&depot, &depot.token(), &body_of(&manifest, &files))
    };
    let digest = changed(&|manifest| manifest["files"][2]["sha256"] = json!(sha256_hex(b"other")));
    assert_refused(&digest, 400, "digest-mismatch");
    assert!(digest.text().contains(&files[2].filename), "{}", digest.text());
    assert_refused(&changed(&|manifest| manifest["project"] = json!("-")), 400, "invalid-name");
    assert_refused(&changed(&|manifest| manifest["project"] = json!("kettle")), 400, "invalid-filename");
    assert_refused(&changed(&|manifest| manifest["files"] = json!([])), 400, "bad-request");
    assert_refused(&changed(&|manifest| manifest["files"] = json!(7)), 400, "bad-request");
    assert_refused(&changed(&|manifest| manifest["files"][0]["size"] = json!(-1)), 400, "bad-request");
    let larger = changed(&|manifest| {
        let size = manifest["files"][2]["size"].as_u64().unwrap();
        manifest["files"][2]["size"] = json!(size + 1);
    });
    assert_refused(&larger, 400, "truncated");
    let smaller = changed(&|manifest| {
        let size = manifest["files"][0]["size"].as_u64().unwrap();
        manifest["files"][0]["size"] = json!(size - 1);
    });
    assert_refused(&smaller, 400, "digest-mismatch");
    let token = depot.token();
    let whole = body_of(&good, &files);
    let more = [&whole[..], b"x"].concat();
    assert_refused(&post(&depot, &token, &more), 400, "bad-request");
    for length in [0, 10, good.to_string().len(), good.to_string().len() + 1, whole.len() - 1] {
        assert_refused(&post(&depot, &token, &whole[..length]), 400, "truncated");
    }
    let long = vec![b' '; 5 << 20];
    assert_refused(&post(&depot, &token, &long), 413, "too-large");
    let coded =
        depot.request("POST", "/python/_/publish", Some(&token), "Content-Encoding: gzip\r\n", &whole);
    assert_refused(&coded, 415, "unsupported-coding");
    assert_nothing_is_there(&depot);
    assert_eq!(post(&depot, &token, &whole).status, 201);
}

#[test]
fn who_may_not_publish_all_of_it_publishes_nothing() {
    let depot = Depot::start();
    let files = release("1.0");
    let body = body_of(&manifest("tea-pot", &files), &files);
    assert_eq!(depot.request("POST", "/python/_/publish", None, "", &body).status, 401);
    for scope in ["read:python:*", "push:python:*", "push-new+push:python:kettle", "mirror:python:*"] {
        let token = depot.new_token("ci", &[scope]);
        assert_refused(&post(&depot, &token, &body), 403, "forbidden");
    }
    assert_nothing_is_there(&depot);
    let token = depot.new_token("ci", &["push-new:python:tea-*"]);
    assert_eq!(post(&depot, &token, &body).status, 201);
    // The project is there now: what is new in it needs another right.
    let files = release("1.1");
    let body = body_of(&manifest("tea-pot", &files), &files);
    assert_refused(&post(&depot, &token, &body), 403, "forbidden");
    let token = depot.new_token("ci", &["push:python:tea-*"]);
    assert_eq!(post(&depot, &token, &body).status, 201);
    assert_eq!(depot.listed("tea-pot").len(), 6);
}

#[test]
fn an_account_owns_what_it_publishes_first_and_others_are_kept_out() {
    let depot = Depot::start();
    let own = |name: &str| {
        depot.new_user(name, "correct horse", &[]);
        depot.new_token(name, &["push-new+push:python:*"])
    };
    let (ann, bob) = (own("ann"), own("bob"));
    let files = release("1.0");
    let body = body_of(&manifest("tea-pot", &files), &files);
    assert_eq!(post(&depot, &ann, &body).status, 201);
    let record = fs::read(depot.tree().join("projects/tea-pot.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["depot"]["owners"], json!(["ann"]));
    let files = release("1.1");
    let body = body_of(&manifest("tea-pot", &files), &files);
    assert_refused(&post(&depot, &bob, &body), 403, "forbidden");
    assert_eq!(post(&depot, &ann, &body).status, 201);
}

#[test]
fn a_release_that_is_too_large_or_deleted_or_of_a_closed_project_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("depot-server.toml");
    fs::write(&config, "[limits]\nmax_file_size = \"10 KiB\"\nmax_project_size = 20000\n").unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap()]);
    let wheel = |build: &str, size| {
        Built::from(&WheelBuilder::new("tea-pot", "1.0").build_tag(build).random_file("data", size, 1))
    };
    let refused = publish(&depot, &[wheel("1", 10), wheel("2", 11_000)]);
    assert_refused(&refused, 413, "too-large");
    assert!(refused.text().contains("-2-py3"), "{}", refused.text());
    let refused = publish(&depot, &[wheel("1", 8000), wheel("2", 8000), wheel("3", 8000)]);
    assert_refused(&refused, 413, "too-large");
    assert!(refused.text().contains("limit"), "{}", refused.text());
    assert_nothing_is_there(&depot);
    let two = [wheel("1", 10), wheel("2", 10)];
    assert_eq!(publish(&depot, &two).status, 201);
    let ask = |verb: &str, asked: Value| {
        let path = format!("/python/_/{verb}");
        let answer = depot.request("POST", &path, Some(&depot.token()), "", asked.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    ask("delete", json!({ "project": "tea-pot", "filename": two[0].filename }));
    assert_refused(&publish(&depot, &[wheel("1", 10), wheel("3", 10)]), 409, "file-deleted");
    ask("status", json!({ "project": "tea-pot", "state": "archived" }));
    assert_refused(&publish(&depot, &[wheel("2", 10), wheel("3", 10)]), 403, "project-closed");
    assert_eq!(publish(&depot, &[wheel("2", 10)]).status, 200);
    assert_eq!(depot.listed("tea-pot").len(), 1);
    depot.assert_tmp_is_empty();
}
