//! `depot python yank | unyank | delete | status` against a server.

use depot_tests::{Output, depot, depot_command, run};
use serde_json::{Value, json};

use super::{pot, with_two, yanks};
use crate::python::{command::schema::assert_valid, depot::Depot, saved::result};

/// Runs a verb with the administrator's token; the server's address is the last argument.
fn verb(depot: &Depot, args: &[&str]) -> Output {
    let mut command = depot_command([&["python"], args, &[depot.url()]].concat());
    run(command.env("DEPOT_AUTH_TOKEN", depot.token()))
}

fn told(depot: &Depot, args: &[&str], code: i32) -> Value {
    let output = verb(depot, &[args, &["--format", "json"]].concat()).assert_code(code);
    let told = result(&output);
    assert_valid(&told);
    told
}

#[test]
fn releases_are_yanked_and_un_yanked_by_version_or_file() {
    let depot = with_two();
    let done = told(&depot, &["yank", "Tea.Pot==1.0.0", "--reason", "it leaks"], 0);
    assert_eq!(done["files"][0]["changed"], true);
    assert_eq!(yanks(&depot), [json!("it leaks"), json!(false)]);
    let said = verb(&depot, &["yank", "tea-pot==1.0", &pot("1.1").filename(), "--reason", "it leaks"])
        .assert_success();
    assert!(said.stdout.contains("1.0-py3-none-any.whl  yanked already"), "{}", said.stdout);
    assert!(said.stderr.contains("1 file yanked"), "{}", said.stderr);
    told(&depot, &["unyank", "tea-pot==1.0", "tea-pot==1.1"], 0);
    assert_eq!(yanks(&depot), [json!(false), json!(false)]);
}

#[test]
fn what_could_not_be_done_is_told_by_the_exit_code() {
    let depot = with_two();
    let done = told(&depot, &["yank", "tea-pot==1.0", "tea-pot==9"], 3);
    assert_eq!(done["failed"][0]["item"], "tea-pot==9");
    told(&depot, &["yank", "tea-pot==9"], 1);
    for wrong in ["tea-pot", "tea-pot==1.*", "tea_pot.txt"] {
        verb(&depot, &["yank", wrong]).assert_code(2);
    }
    let pusher = depot.new_token("ci", &["push:python:*"]);
    let said = depot_tests::depot(["python", "yank", "tea-pot==1.1", depot.url(), "--token", &pusher])
        .assert_code(1);
    assert!(said.stderr.contains("`yank`"), "{}", said.stderr);
    assert_eq!(yanks(&depot), [json!(true), json!(false)]);
}

#[test]
fn nothing_is_deleted_before_it_is_said_twice() {
    let depot = with_two();
    let said = verb(&depot, &["delete", "tea-pot==1.0"]).assert_code(2);
    assert!(said.stderr.contains("--yes"), "{}", said.stderr);
    assert_eq!(depot.listed("tea-pot").len(), 2);
    let done = told(&depot, &["delete", "tea-pot==1.0", "--yes"], 0);
    assert_eq!(done["files"][0]["filename"], json!(pot("1.0").filename()));
    assert_eq!(depot.listed("tea-pot").len(), 1);
    told(&depot, &["delete", "tea-pot==1.0", "--yes"], 1);
    // And a push of it says why it is not taken.
    let folder = tempfile::tempdir().unwrap();
    let tree = depot_tree::Tree::open(folder.path()).unwrap().0;
    let mut incoming = tree.begin(&"tea-pot".parse().unwrap()).unwrap();
    incoming.write(&pot("1.0").build()).unwrap();
    let sealed = incoming.seal().unwrap();
    let record = depot_proto::FileRecord::new(&pot("1.0").filename(), sealed.sha256(), sealed.size());
    tree.publish(&sealed, &record, None).unwrap();
    drop(sealed);
    drop(tree);
    let dir = folder.path().to_str().unwrap();
    let said = depot_tests::depot(["python", "push", depot.url(), "--dir", dir, "--token", &depot.token()])
        .assert_code(3);
    assert!(said.stderr.contains("deleted file"), "{}", said.stderr);
}

#[test]
fn the_state_of_a_project_is_shown_and_set() {
    let server = with_two();
    assert_eq!(told(&server, &["status", "tea-pot"], 0)["status"], "active");
    let set = told(&server, &["status", "Tea_Pot", "--set", "archived", "--reason", "done"], 0);
    assert_eq!(
        (&set["status"], &set["reason"], &set["changed"]),
        (&json!("archived"), &json!("done"), &json!(true))
    );
    let shown = depot(["python", "status", "tea-pot", server.url()]).assert_success();
    assert_eq!(shown.stdout, "tea-pot is archived: done\n");
    assert_eq!(
        told(&server, &["status", "tea-pot", "--set", "archived", "--reason", "done"], 0)["changed"],
        false
    );
    depot(["python", "status", "tea-pot", server.url(), "--set", "active"]).assert_code(1);
    depot(["python", "status", "tea-pot", server.url(), "--set", "asleep"]).assert_code(2);
    depot(["python", "status", "kettle", server.url()]).assert_code(1);
}
