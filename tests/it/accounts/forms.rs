//! Accounts at the door that twine and its like know: their names and passwords go with the form.

use std::fs;

use depot_tests::{Clients, Output, Room, WheelBuilder, run};
use serde_json::Value;

use super::basic;
use crate::python::depot::{Depot, assert_refused, body};

/// A server that nobody reads without credentials, and a room with a wheel in `dist/`.
fn shop() -> Option<(Depot, Room)> {
    let room = Clients::find()?.room();
    let depot = Depot::start_with(&["--private"]);
    fs::create_dir(room.path().join("dist")).unwrap();
    put(&room, "1.0");
    Some((depot, room))
}

/// The one wheel in `dist/` is of this version.
fn put(room: &Room, version: &str) {
    let dist = room.path().join("dist");
    for entry in fs::read_dir(&dist).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let wheel = WheelBuilder::new("tea-pot", version);
    fs::write(dist.join(wheel.filename()), wheel.build()).unwrap();
}

fn twine(depot: &Depot, room: &Room, name: &str, password: &str) -> Output {
    let url = format!("{}/python/", depot.url());
    let mut command = room.command("twine");
    command.args(["--no-color", "upload", "--non-interactive", "--disable-progress-bar", "--repository-url"]);
    command.args([&url, "-u", name, "-p", password]);
    let files = fs::read_dir(room.path().join("dist")).unwrap().map(|entry| entry.unwrap().path());
    run(command.args(files))
}

#[track_caller]
fn assert_says(refused: Output, words: &str) {
    let refused = refused.assert_code(1);
    // It breaks its lines where it likes.
    let said =
        format!("{} {}", refused.stdout, refused.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(words), "{said}");
}

fn files(depot: &Depot) -> usize {
    let page = depot.request("GET", "/python/simple/tea-pot/", Some(&depot.token()), "", b"");
    if page.status == 404 { 0 } else { body(&page)["files"].as_array().unwrap().len() }
}

#[test]
fn twine_publishes_by_the_name_and_password_of_an_account() {
    let Some((depot, room)) = shop() else { return };
    depot.new_user("ann", "correct horse", &[]);
    depot.new_user("bob", "battery staple", &[]);
    for _ in 0..2 {
        twine(&depot, &room, "ann", "correct horse").assert_success();
        assert_eq!(files(&depot), 1);
    }
    // Who is first owns the name, by this door as by the other.
    let record = fs::read(depot.tree().join("projects/tea-pot.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["depot"]["owners"], serde_json::json!(["ann"]));
    put(&room, "2.0");
    assert_says(twine(&depot, &room, "bob", "battery staple"), "this needs `push` on project `tea-pot`");
    twine(&depot, &room, "ann", "correct horse").assert_success();
    assert_eq!(files(&depot), 2);
    let journal = fs::read_to_string(depot.data_dir().join("journal/changes.jsonl")).unwrap();
    let of_ann = |line: &&str| line.contains(r#""who":"ann","what":"publish""#);
    assert_eq!(journal.lines().filter(of_ann).count(), 2, "{journal}");
}

#[test]
fn twine_is_told_of_a_wrong_password_a_disabled_account_and_a_robot() {
    let Some((depot, room)) = shop() else { return };
    depot.new_user("ann", "correct horse", &[]);
    depot.new_user("dan", "correct horse", &[]);
    depot.admin(&["user", "create", "--username", "ci", "--robot"]).assert_success();
    let (dans, robots) = (depot.new_token("dan", &["push-new"]), depot.new_token("ci", &["push-new+push"]));
    depot.admin(&["user", "disable", "--username", "dan"]).assert_success();
    for (name, password) in [
        ("ann", "wrong horse"),
        ("ann", ""),
        ("nobody", "correct horse"),
        ("dan", "correct horse"),
        ("dan", &dans),
        ("ci", "correct horse"),
        ("__token__", "correct horse"),
    ] {
        if !password.is_empty() {
            assert_says(twine(&depot, &room, name, password), "401");
        }
        let headers = format!("{}Content-Type: multipart/form-data; boundary=x\r\n", basic(name, password));
        let refused = depot.request("POST", "/legacy/", None, &headers, b"--x--\r\n");
        assert_eq!(refused.status, 401, "{name}: {}", refused.text());
        assert!(refused.header("www-authenticate").is_some_and(|ask| ask.starts_with("Basic ")), "{name}");
    }
    assert_eq!(files(&depot), 0);
    // A robot has a token, which goes as the password of any name.
    twine(&depot, &room, "ci", &robots).assert_success();
    put(&room, "2.0");
    twine(&depot, &room, "whoever", &robots).assert_success();
    assert_eq!(files(&depot), 2);
    // Enabled again, the account publishes with what it had.
    depot.admin(&["user", "enable", "--username", "dan"]).assert_success();
    let headers =
        format!("{}Content-Type: multipart/form-data; boundary=x\r\n", basic("dan", "correct horse"));
    let refused = depot.request("POST", "/legacy/", None, &headers, b"--x--\r\n");
    assert_refused(&refused, 400, "invalid-form");
}
