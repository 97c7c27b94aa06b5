//! Pushes that fail, as a whole or in part: each says why, and nothing is overwritten.

use std::fs;
use std::net::TcpListener;

use depot_tests::{FakeIndex, Style, WheelBuilder, run, sha256_hex};
use serde_json::json;

use super::{index, pot, saved};
use crate::python::depot::Depot;
use crate::python::saved::{Saved, result};

#[test]
fn other_bytes_on_the_server_are_a_conflict_and_stay() {
    let (index, depot) = (index(Style::Json), Depot::start());
    let saved = saved(&index);
    let first = pot().file("tea_pot/more.py", "x = 1\n");
    depot.publish(&first);
    for args in [&[][..], &["--dry-run"]] {
        let said = saved.push(&depot, args).assert_code(3);
        let named = said.stderr.lines().any(|line| {
            line.starts_with("error: ") && line.contains(&pot().filename()) && line.contains("conflict")
        });
        assert!(named && said.stderr.contains(&sha256_hex(&first.build())), "{}", said.stderr);
        let listed = depot.listed("tea-pot");
        let wheel = listed.iter().find(|file| file["filename"] == pot().filename()).unwrap();
        assert_eq!(wheel["hashes"]["sha256"], sha256_hex(&first.build()));
    }
    assert_eq!(depot.get(&format!("/python/files/tea-pot/{}", pot().filename())).body, first.build());
    assert_eq!((depot.listed("tea-pot").len(), depot.listed("lid").len()), (2, 1), "the rest is sent");
    let said = result(&saved.push(&depot, &["--format", "json"]).assert_code(3));
    assert_eq!(
        (&said["counts"]["failed"], &said["failed"][0]["item"]),
        (&json!(1), &json!(pot().filename()))
    );
}

#[test]
fn without_a_valid_token_nothing_begins() {
    let (index, depot, other) = (index(Style::Json), Depot::start(), Depot::start());
    let saved = saved(&index);
    let revoked = depot.new_token("robot", &["push+push-new+mirror"]);
    let list = depot.admin(&["token", "list"]).assert_success().stdout;
    let id = list.lines().find(|line| line.contains("robot")).unwrap().split(' ').next().unwrap().to_owned();
    depot.admin(&["token", "revoke", &id]).assert_success();
    for (token, words) in [
        (None, "token"),
        (Some(String::new()), "token"),
        (Some("depot_wrong".to_owned()), "not valid here"),
        (Some(other.token()), "not valid here"),
        (Some(revoked), "revoked"),
    ] {
        let mut command = saved.push_command(depot.url(), &[]);
        if let Some(token) = &token {
            command.env("DEPOT_AUTH_TOKEN", token);
        }
        let said = run(&mut command).assert_code(1);
        assert!(said.stderr.contains(words) && said.stdout.is_empty(), "{}", said.stderr);
        assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
        assert!(depot.listed("lid").is_empty());
    }
    let reader = depot.new_token("reader", &["read"]);
    let said = run(&mut saved.push_command(depot.url(), &["--token", &reader])).assert_code(1);
    assert!(said.stderr.contains("does not grant"), "{}", said.stderr);
}

#[test]
fn what_a_token_does_not_allow_is_named_and_the_rest_is_sent() {
    let (index, depot) = (index(Style::Json), Depot::start());
    let saved = saved(&index);
    let token = depot.new_token("robot", &["push+push-new+mirror:python:tea-*"]);
    let said = run(&mut saved.push_command(depot.url(), &["--token", &token])).assert_code(3);
    let lid = WheelBuilder::new("lid", "3").filename();
    assert!(
        said.stderr.lines().any(|line| line.contains(&lid) && line.contains("does not grant")),
        "{}",
        said.stderr
    );
    assert_eq!((depot.listed("tea-pot").len(), depot.listed("lid").len()), (2, 0));

    // Copies of public files need the right to say that they are.
    let token = depot.new_token("publisher", &["push+push-new"]);
    let said = run(&mut saved.push_command(depot.url(), &["--token", &token])).assert_code(3);
    assert!(said.stderr.contains("`mirror`"), "{}", said.stderr);
}

#[test]
fn what_is_no_depot_is_said_to_be_none() {
    let index = index(Style::Json);
    let saved = saved(&index);
    for path in ["", "/python", "/simple/"] {
        let url = format!("{}{path}", index.origin());
        let said = run(&mut saved.push_command(&url, &["--token", "depot_s3cret"])).assert_code(1);
        assert!(said.stderr.contains("not an answer of a depot-server"), "{}", said.stderr);
        assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
    }
    let depot = Depot::start();
    let url = format!("{}/elsewhere", depot.url());
    let mut command = saved.push_command(&url, &[]);
    let said = run(command.env("DEPOT_AUTH_TOKEN", depot.token())).assert_code(1);
    assert!(
        said.stderr.contains("elsewhere") || said.stderr.contains("nothing is served"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    let saved = saved(&index(Style::Json));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [format!("http://__token__:s3cret@{free}"), "http://no-such-host.invalid/".to_owned()] {
        let said = run(&mut saved.push_command(&url, &[])).assert_code(1);
        assert!(said.stderr.contains("could not be reached"), "{}", said.stderr);
        assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
    }
}

#[test]
fn wrong_usage_is_2_and_no_tree_is_1() {
    let saved = Saved::new();
    run(&mut depot_tests::depot_command(["python", "push"])).assert_code(2);
    for url in ["depot.example", "ftp://depot.example/", "https://", ""] {
        run(&mut saved.push_command(url, &[])).assert_code(2);
    }
    let said = run(&mut saved.push_command("http://127.0.0.1:9/", &[])).assert_code(1);
    assert!(
        said.stderr.contains(saved.root().to_str().unwrap()) && said.stderr.contains("--dir"),
        "{}",
        said.stderr
    );
    assert!(!saved.root().exists());
}

#[test]
fn a_tree_that_is_damaged_sends_what_is_whole_and_names_the_rest() {
    let names = ["fine", "flipped", "short", "lost", "norecord", "badrecord", "liar"];
    let wheel = |name: &str| WheelBuilder::new(name, "1.0");
    let index =
        names.iter().fold(FakeIndex::builder(Style::Json), |index, name| index.wheel(&wheel(name))).start();
    let (saved, depot) = (Saved::new(), Depot::start());
    saved.save(&index, &names).assert_success();
    let path = |name: &str, end: &str| saved.path(name, &format!("{}{end}", wheel(name).filename()));
    let mut flipped = wheel("flipped").build();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(path("flipped", ""), flipped).unwrap();
    fs::write(path("short", ""), b"PK").unwrap();
    fs::remove_file(path("lost", "")).unwrap();
    fs::remove_file(path("norecord", ".json")).unwrap();
    fs::write(path("badrecord", ".json"), "{").unwrap();
    fs::write(path("liar", ".json"), fs::read(path("fine", ".json")).unwrap()).unwrap();
    let output = saved.push(&depot, &[]).assert_code(3);
    for name in ["flipped", "short", "lost", "badrecord", "liar"] {
        let is_told = output.stderr.lines().any(|line| line.starts_with("error: ") && line.contains(name));
        assert!(is_told, "{name}: {}", output.stderr);
        assert!(depot.listed(name).is_empty(), "{name}");
    }
    assert_eq!(depot.listed("fine").len(), 1);
    // A file without a record was never saved to the end.
    assert!(depot.listed("norecord").is_empty());
    depot.assert_tmp_is_empty();
}
