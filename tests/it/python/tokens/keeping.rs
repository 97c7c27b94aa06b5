//! The data folder and its keeper: who may read the secrets, who may serve it, and reading it again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use depot_tests::{WheelBuilder, sha256_hex};

use crate::python::depot::{Depot, assert_accepted, assert_refused, record};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn key(depot: &Depot) -> std::path::PathBuf {
    fs::read_dir(depot.data_dir().join("keys")).unwrap().next().unwrap().unwrap().path()
}

/// Tries to serve a data folder that must not be served, and says why it was not.
fn refused(depot: &Depot) -> String {
    let said = depot.admin(&["serve", "--port", "0"]).assert_code(1);
    assert!(said.stdout.is_empty() && !said.stderr.contains("listening on"), "{}", said.stderr);
    said.stderr
}

#[test]
fn secrets_are_readable_by_their_owner_alone() {
    let mut depot = Depot::start();
    let data = depot.data_dir();
    depot.new_token("robot", &["read"]);
    assert_eq!(mode(&data.join("admin.token")), 0o600);
    assert_eq!(mode(&data.join("admin.sock")), 0o600);
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("keys")), 0o700);
    assert_eq!(mode(&key(&depot)), 0o600);
    for twin in fs::read_dir(data.join("state").join("tokens")).unwrap() {
        assert_eq!(mode(&twin.unwrap().path()), 0o600);
    }
    let said = depot.server().stderr();
    assert!(said.contains("admin.token"), "{said}");
    assert!(!said.contains(depot.token().rsplit('.').next().unwrap()), "the token itself is printed");
    depot.stop();
    assert!(!data.join("admin.sock").exists());
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let mut depot = Depot::start();
    depot.stop();
    let key = key(&depot);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let said = refused(&depot);
    assert!(said.contains(key.to_str().unwrap()) && said.contains("chmod 600"), "{said}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    depot.resume();
}

#[test]
fn a_key_that_is_damaged_is_refused_and_not_replaced() {
    let mut depot = Depot::start();
    depot.stop();
    let key = key(&depot);
    fs::write(&key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    let said = refused(&depot);
    assert!(said.contains(key.to_str().unwrap()), "{said}");
    assert_eq!(fs::read_dir(depot.data_dir().join("keys")).unwrap().count(), 1);
}

#[test]
fn the_bootstrap_token_is_the_same_after_a_restart_and_made_again_where_it_is_lost() {
    let mut depot = Depot::start();
    let first = depot.token();
    depot.stop();
    depot.resume();
    assert_eq!(depot.token(), first);
    depot.stop();
    fs::remove_file(depot.data_dir().join("admin.token")).unwrap();
    depot.resume();
    let second = depot.token();
    assert_ne!(second, first);
    let file = record("teapot-1.0.tar.gz", b"");
    assert_accepted(&depot.announce_as(&second, "teapot", &file), 202, "send");
    assert_refused(&depot.announce_as(&first, "teapot", &file), 401, "invalid-token");
}

#[test]
fn a_bootstrap_token_that_others_could_read_is_replaced() {
    let mut depot = Depot::start();
    let first = depot.token();
    depot.stop();
    let path = depot.data_dir().join("admin.token");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    depot.resume();
    assert_eq!(mode(&path), 0o600);
    let refused = depot.announce_as(&first, "teapot", &record("teapot-1.0.tar.gz", b""));
    assert_refused(&refused, 401, "invalid-token");
}

#[test]
fn two_servers_cannot_serve_one_data_folder() {
    let depot = Depot::start();
    let said = refused(&depot);
    assert!(said.contains("in use") && said.contains(depot.data_dir().to_str().unwrap()), "{said}");
    // The first one is none the worse, its socket included.
    depot.publish(&WheelBuilder::new("teapot", "1.0"));
    depot.new_token("robot", &["read"]);
}

#[test]
fn verbs_used_wrongly_say_how() {
    let depot = Depot::start();
    for (args, code, words) in [
        (&["token", "create", "--user", "x", "--scope", "write"][..], 2, "is not a scope"),
        (&["token", "create"], 2, "--user"),
        (&["token", "create", "--user", " "], 1, "--user"),
        (&["token", "create", "--user", "x", "--expires-days", "0"], 2, "1..=3650"),
        (&["token", "create", "--user", "x", "--expires-days", "99999"], 2, "1..=3650"),
        (&["token", "revoke", "zzz"], 1, "no token has an id that starts with `zzz`"),
        (&["token", "revoke", ""], 1, "id"),
        (&["token", "explode"], 2, "explode"),
    ] {
        let said = depot.admin(args).assert_code(code);
        assert!(said.stderr.contains(words) && said.stdout.is_empty(), "{args:?}: {}", said.stderr);
    }
}

#[test]
fn a_verb_without_a_data_folder_makes_none() {
    let mut depot = Depot::start();
    depot.stop();
    fs::remove_dir_all(depot.data_dir()).unwrap();
    let said = depot.admin(&["token", "list"]).assert_code(1);
    assert!(said.stderr.contains("there is no data directory"), "{}", said.stderr);
    assert!(!depot.data_dir().exists());
}

/// Puts a wheel into the tree by hand, as rsync would.
fn copy_into_tree(depot: &Depot, wheel: &WheelBuilder) {
    let folder = depot.tree().join("files").join(wheel.project());
    fs::create_dir_all(&folder).unwrap();
    let (filename, bytes) = (wheel.filename(), wheel.build());
    fs::write(folder.join(&filename), &bytes).unwrap();
    fs::write(folder.join(format!("{filename}.json")), record(&filename, &bytes).to_string()).unwrap();
}

#[test]
fn reindex_takes_in_what_came_and_went_in_the_tree_while_the_server_runs() {
    let depot = Depot::start();
    let (pot, lid) = (WheelBuilder::new("pot", "1.0"), WheelBuilder::new("lid", "1.0"));
    depot.publish(&pot);
    copy_into_tree(&depot, &lid);
    assert!(depot.listed("lid").is_empty());
    let said = depot.admin(&["reindex"]).assert_success().stdout;
    assert!(said.contains("2 projects") && said.contains("2 files"), "{said}");
    assert_eq!(depot.listed("lid")[0]["hashes"]["sha256"], sha256_hex(&lid.build()));
    assert_eq!(depot.get(&format!("/python/files/lid/{}", lid.filename())).body, lid.build());

    fs::remove_dir_all(depot.tree().join("files").join("pot")).unwrap();
    depot.admin(&["reindex"]).assert_success();
    assert_refused(&depot.get("/python/simple/pot/"), 404, "not-found");
    assert!(!depot.get("/python/simple/").text().contains("\"pot\""));
}

#[test]
fn reindex_works_on_a_stopped_server_and_passes_over_what_it_cannot_read() {
    let mut depot = Depot::start();
    depot.stop();
    let lid = WheelBuilder::new("lid", "1.0");
    copy_into_tree(&depot, &lid);
    let folder = depot.tree().join("files").join("lid");
    fs::write(folder.join("lid-2.0-py3-none-any.whl.json"), "{ not json").unwrap();
    fs::write(folder.join("notes.txt"), "x").unwrap();
    fs::create_dir_all(depot.tree().join("files").join("Not A Project")).unwrap();
    depot.admin(&["reindex"]).assert_success();
    depot.resume();
    assert_eq!(depot.listed("lid").len(), 1);
}
