//! What becomes of releases that are there: yanks, deletions, states of life and roles, each with the right it needs.

mod audit;
mod backup;
mod command;
mod shown;

use depot_tests::{RawResponse, WheelBuilder};
use serde_json::{Value, json};

use super::depot::{Depot, assert_refused, body, mirrored};

fn pot(version: &str) -> WheelBuilder {
    WheelBuilder::new("tea-pot", version)
}

/// Asks for something with a token.
fn ask(depot: &Depot, token: &str, verb: &str, asked: &Value) -> RawResponse {
    let path = format!("/python/_/{verb}");
    depot.request("POST", &path, Some(token), "", asked.to_string().as_bytes())
}

/// Asks as the administrator, and it is done.
#[track_caller]
fn done(depot: &Depot, verb: &str, asked: &Value) -> Value {
    let answer = ask(depot, &depot.token(), verb, asked);
    assert_eq!(answer.status, 200, "{verb}: {}", answer.text());
    body(&answer)
}

fn file(version: &str) -> Value {
    json!({ "project": "Tea_Pot", "filename": pot(version).filename() })
}

/// A server with two versions of a project.
fn with_two() -> Depot {
    let depot = Depot::start();
    for version in ["1.0", "1.1"] {
        depot.publish(&pot(version));
    }
    depot
}

/// The last line of the journal.
fn last_change(depot: &Depot) -> Value {
    let journal = std::fs::read_to_string(depot.data_dir().join("journal/changes.jsonl")).unwrap();
    serde_json::from_str(journal.lines().last().unwrap()).unwrap()
}

fn yanks(depot: &Depot) -> Vec<Value> {
    depot.listed("tea-pot").iter().map(|file| file["yanked"].clone()).collect()
}

#[test]
fn a_release_is_yanked_with_a_reason_and_comes_back() {
    let mut depot = with_two();
    let asked = json!({ "project": "tea-pot", "version": "1.0.0", "reason": "it leaks" });
    let answer = done(&depot, "yank", &asked);
    assert_eq!((&answer["project"], &answer["files"][0]["changed"]), (&json!("tea-pot"), &json!(true)));
    assert_eq!(yanks(&depot), [json!("it leaks"), json!(false)]);
    let change = last_change(&depot);
    assert_eq!(
        (&change["what"], &change["reason"], &change["who"]),
        (&json!("yank"), &json!("it leaks"), &json!("admin"))
    );
    assert_eq!(done(&depot, "yank", &asked)["files"][0]["changed"], false);
    // It stands in the record, as a yank of this place, and over a start.
    let record = depot.stored_record("tea-pot", &pot("1.0").filename());
    assert_eq!((&record["depot"]["yanked"], &record["yanked"]), (&json!("it leaks"), &Value::Null));
    depot.stop();
    depot.resume();
    assert_eq!(yanks(&depot), [json!("it leaks"), json!(false)]);
    done(&depot, "unyank", &file("1.0"));
    assert_eq!(yanks(&depot), [json!(false), json!(false)]);
    assert_eq!(last_change(&depot)["what"], "unyank");
    done(&depot, "yank", &file("1.1"));
    assert_eq!(yanks(&depot), [json!(false), json!(true)]);
}

#[test]
fn what_is_yanked_here_stays_so_whatever_upstream_says() {
    let depot = Depot::start();
    let (filename, bytes) = (pot("1.0").filename(), pot("1.0").build());
    let mut said = mirrored(&filename, &bytes);
    said["yanked"] = json!("upstream");
    assert_eq!(depot.announce("tea-pot", &said).status, 202);
    assert_eq!(depot.put("tea-pot", &filename, &bytes).status, 201);
    done(&depot, "yank", &json!({ "project": "tea-pot", "version": "1.0", "reason": "here" }));
    assert_eq!(yanks(&depot), [json!("here")]);
    // It is un-yanked there, and not here; and then the other way round.
    said["yanked"] = json!(false);
    assert_eq!(depot.announce("tea-pot", &said).status, 200);
    assert_eq!(yanks(&depot), [json!("here")]);
    said["yanked"] = json!("upstream again");
    assert_eq!(depot.announce("tea-pot", &said).status, 200);
    done(&depot, "unyank", &file("1.0"));
    assert_eq!(yanks(&depot), [json!("upstream again")]);
}

#[test]
fn a_deleted_file_is_gone_for_good_and_its_name_stays_taken() {
    let mut depot = with_two();
    let url = format!("/python/files/tea-pot/{}", pot("1.0").filename());
    assert_eq!(depot.get(&url).status, 200);
    let answer = done(&depot, "delete", &file("1.0"));
    assert_eq!(answer["files"][0]["filename"], json!(pot("1.0").filename()));
    let change = last_change(&depot);
    assert_eq!((&change["what"], &change["sha256"]), (&json!("delete"), &answer["files"][0]["sha256"]));
    for _ in 0..2 {
        assert_eq!(depot.listed("tea-pot").len(), 1);
        for suffix in ["", ".metadata"] {
            assert_refused(&depot.get(&format!("{url}{suffix}")), 410, "file-deleted");
        }
        // Its own bytes are as little welcome as others, announced or not.
        let other = pot("1.0").file("tea_pot/more.py", "").build();
        for bytes in [pot("1.0").build(), other] {
            let refused = depot.put("tea-pot", &pot("1.0").filename(), &bytes);
            assert_refused(&refused, 409, "file-deleted");
            assert!(refused.text().contains("File name was used by a deleted file"), "{}", refused.text());
            assert_refused(
                &depot.announce("tea-pot", &mirrored(&pot("1.0").filename(), &bytes)),
                409,
                "file-deleted",
            );
        }
        for suffix in ["", ".json", ".metadata"] {
            assert!(depot.stored("tea-pot", &format!("{}{suffix}", pot("1.0").filename())).is_none());
        }
        assert_refused(&ask(&depot, &depot.token(), "delete", &file("1.0")), 404, "not-found");
        depot.stop();
        std::fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
        depot.resume();
    }
    // The version may be published again under another file name.
    depot.publish(&pot("1.0").build_tag("1"));
}

#[test]
fn a_release_is_deleted_whole_and_an_empty_project_is_listed_no_more() {
    let depot = with_two();
    depot.publish(&pot("1.0").build_tag("2"));
    let answer = done(&depot, "delete", &json!({ "project": "tea-pot", "version": "1.0" }));
    assert_eq!(answer["files"].as_array().unwrap().len(), 2);
    assert_eq!(depot.listed("tea-pot").len(), 1);
    done(&depot, "delete", &json!({ "project": "tea-pot", "version": "1.1" }));
    assert_eq!(depot.get("/python/simple/tea-pot/").status, 404);
    assert!(!depot.get("/python/simple/").text().contains("tea-pot"));
    let url = format!("/python/files/tea-pot/{}", pot("1.1").filename());
    assert_refused(&depot.get(&url), 410, "file-deleted");
    depot.publish(&pot("1.2"));
    assert_eq!(depot.listed("tea-pot").len(), 1);
}

#[test]
fn a_plan_tells_what_was_deleted_and_what_is_closed() {
    let depot = with_two();
    done(&depot, "delete", &file("1.0"));
    let plan = |version: &str| {
        let (filename, bytes) = (pot(version).filename(), pot(version).build());
        let sha256 = depot_tests::sha256_hex(&bytes);
        let asked = json!({ "files": [{ "project": "tea-pot", "filename": filename, "sha256": sha256, "size": bytes.len(), "facts": sha256 }] });
        body(&ask(&depot, &depot.token(), "plan", &asked))["answers"][0]["verdict"].clone()
    };
    assert_eq!([plan("1.0"), plan("1.2")], ["forbidden", "missing"]);
    done(&depot, "status", &json!({ "project": "tea-pot", "state": "archived" }));
    assert_eq!([plan("1.0"), plan("1.2")], ["forbidden", "forbidden"]);
    assert_ne!(plan("1.1"), "forbidden");
}

#[test]
fn each_verb_needs_its_right_and_tells_which() {
    let depot = with_two();
    depot.new_user("ann", "correct horse", &[]);
    let verbs = [
        ("yank", file("1.0"), "yank"),
        ("unyank", file("1.0"), "yank"),
        ("delete", file("1.0"), "delete"),
        ("status", json!({ "project": "tea-pot", "state": "archived" }), "delete"),
        (
            "roles",
            json!({ "project": "tea-pot", "subject": "ann", "role": "owner", "granted": true }),
            "delete",
        ),
    ];
    let pusher = depot.new_token("ci", &["read+push+push-new+mirror:python:*"]);
    for (verb, asked, needed) in &verbs {
        let refused =
            depot.request("POST", &format!("/python/_/{verb}"), None, "", asked.to_string().as_bytes());
        assert_refused(&refused, 401, "unauthenticated");
        let elsewhere = depot.new_token("other", &[&format!("{needed}:python:kettle")]);
        for token in [&pusher, &elsewhere] {
            let refused = ask(&depot, token, verb, asked);
            assert_refused(&refused, 403, "forbidden");
            assert!(refused.text().contains(&format!("`{needed}`")), "{verb}: {}", refused.text());
        }
    }
    assert_eq!(depot.listed("tea-pot").len(), 2);
    for (verb, asked, needed) in &verbs {
        let token = depot.new_token("keeper", &[&format!("{needed}:python:tea-*")]);
        assert_eq!(ask(&depot, &token, verb, asked).status, 200, "{verb}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_in_words() {
    let depot = with_two();
    let asked = |verb: &str, asked: Value| ask(&depot, &depot.token(), verb, &asked);
    for nothing in [json!({}), json!([]), json!({ "project": 7 }), json!({ "project": "tea-pot" })] {
        assert_refused(&asked("delete", nothing), 400, "bad-request");
    }
    assert_refused(&asked("delete", json!({ "project": "-", "version": "1.0" })), 400, "invalid-name");
    let both = json!({ "project": "tea-pot", "version": "1.0", "filename": pot("1.0").filename() });
    assert_refused(&asked("delete", both), 400, "bad-request");
    let others = json!({ "project": "kettle", "filename": pot("1.0").filename() });
    assert_refused(&asked("yank", others), 400, "bad-request");
    for version in ["2.0", "", "../../x"] {
        let absent = json!({ "project": "tea-pot", "version": version });
        assert_refused(&asked("yank", absent), 404, "not-found");
    }
    assert_refused(
        &asked("status", json!({ "project": "tea-pot", "state": "sleeping" })),
        400,
        "bad-request",
    );
    assert_refused(&asked("status", json!({ "project": "kettle", "state": "archived" })), 404, "not-found");
    let large = json!({ "project": "tea-pot", "version": "1.0", "reason": "x".repeat(20_000) });
    assert_refused(&asked("yank", large), 413, "too-large");
    assert_eq!(yanks(&depot), [json!(false), json!(false)]);
}

#[test]
fn roles_are_granted_and_taken_and_a_project_keeps_an_owner() {
    let mut depot = with_two();
    depot.new_user("ann", "correct horse", &[]);
    depot.new_token("bob", &["push"]);
    let keeper = depot.new_token("keeper", &["delete:python:tea-pot"]);
    let role = |subject: &str, role: &str, granted: bool| json!({ "project": "tea-pot", "subject": subject, "role": role, "granted": granted });
    assert_eq!(body(&ask(&depot, &keeper, "roles", &role("Ann", "owner", true)))["owners"], json!(["ann"]));
    assert_eq!(done(&depot, "roles", &role("bob", "pusher", true))["pushers"], json!(["bob"]));
    assert_eq!(done(&depot, "roles", &role("bob", "pusher", true))["changed"], false);
    let change = last_change(&depot);
    assert_eq!(
        (&change["what"], &change["subject"], &change["granted"]),
        (&json!("role"), &json!("bob"), &json!(true))
    );
    assert_refused(&ask(&depot, &keeper, "roles", &role("ann", "owner", false)), 400, "last-owner");
    depot.stop();
    depot.resume();
    let answer = done(&depot, "roles", &role("bob", "pusher", false));
    assert_eq!((&answer["owners"], &answer["pushers"]), (&json!(["ann"]), &json!([])));
    assert_eq!(done(&depot, "roles", &role("ann", "owner", false))["owners"], json!([]));
    assert_refused(&ask(&depot, &depot.token(), "roles", &role("-", "owner", true)), 400, "bad-request");
}

#[test]
fn a_role_is_granted_to_somebody_and_can_be_taken_from_whoever_is_gone() {
    let depot = with_two();
    depot.new_user("ann", "correct horse", &[]);
    depot.new_user("eve", "correct horse", &[]);
    let revoked = depot.new_token("bob", &["push"]);
    let role = |subject: &str, granted: bool| {
        let asked = json!({ "project": "tea-pot", "subject": subject, "role": "pusher", "granted": granted });
        ask(&depot, &depot.token(), "roles", &asked)
    };
    for subject in ["ann", "eve", "bob"] {
        assert_eq!(role(subject, true).status, 200, "{subject}");
    }
    depot.admin(&["user", "delete", "--username", "eve"]).assert_success();
    let itself = json!({ "token": revoked }).to_string();
    let headers = "Content-Type: application/json\r\n";
    let dead = depot.request("DELETE", "/api/tokens", Some(&revoked), headers, itself.as_bytes());
    assert_eq!(dead.status, 200, "{}", dead.text());
    for nobody in ["eve", "bob", "annn"] {
        let refused = role(nobody, true);
        assert_refused(&refused, 400, "bad-request");
        let words = format!("there is no account `{nobody}`");
        assert!(refused.text().contains(&words), "{}", refused.text());
    }
    // Who is gone may still stand there, and is no obstacle to tidying up.
    for gone in ["eve", "bob"] {
        assert_eq!(body(&role(gone, false))["changed"], true, "{gone}");
    }
    assert_eq!(body(&role("annn", false))["changed"], false);
    assert_eq!(body(&role("ann", true))["pushers"], json!(["ann"]));
}
