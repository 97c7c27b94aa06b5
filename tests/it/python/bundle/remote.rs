//! Bundles straight to a server.

use std::fs;

use depot_tests::{FakeFile, Output, WheelBuilder, run, sha256_hex};
use serde_json::json;

use super::super::depot::Depot;
use super::{Carried, carried, lid, pot, result};

fn import(carried: &Carried, depot: &Depot, args: &[&str]) -> Output {
    let mut command = carried.command(&["import", "--to", depot.url()]);
    run(command.args(args).env("DEPOT_AUTH_TOKEN", depot.token()).env("TMPDIR", carried.room.path()))
}

#[test]
fn a_server_gets_what_it_lacks_and_what_is_told_anew() {
    let (index, carried) = carried();
    let depot = Depot::start();
    carried.whole();
    let dry = import(&carried, &depot, &["whole.tar.zst", "--dry-run"]).assert_success();
    assert!(dry.stderr.contains("would import 3 files") && depot.listed("lid").is_empty(), "{}", dry.stderr);
    let said = result(&import(&carried, &depot, &["whole.tar.zst", "--format", "json"]).assert_success());
    assert_eq!(
        (&said["counts"]["imported"], &said["to"]),
        (&json!(3), &json!(format!("{}/python", depot.url())))
    );
    let wheel =
        depot.listed("tea-pot").into_iter().find(|file| file["filename"] == pot().filename()).unwrap();
    assert_eq!(wheel["hashes"]["sha256"], sha256_hex(&pot().build()));
    assert_eq!(wheel["upload-time"], "2024-05-06T07:08:09.000000Z");
    let again = result(&import(&carried, &depot, &["whole.tar.zst", "--format", "json"]).assert_success());
    assert_eq!((&again["counts"]["present"], &again["counts"]["imported"]), (&json!(3), &json!(0)));

    index.put("lid", FakeFile::from(&lid()).yanked("leaks"));
    index.put("saucer", &WheelBuilder::new("saucer", "1"));
    carried.source.save(&index, &["lid==3", "saucer"]).assert_success();
    carried.create(&["-o", "two.tar.zst", "--base", "whole.tar.zst"]).assert_success();
    let said = result(&import(&carried, &depot, &["two.tar.zst", "--format", "json"]).assert_success());
    assert_eq!((&said["counts"]["imported"], &said["counts"]["updated"]), (&json!(1), &json!(1)), "{said}");
    assert_eq!(depot.listed("lid")[0]["yanked"], "leaks");
    depot.assert_tmp_is_empty();
    let left: Vec<_> = fs::read_dir(carried.room.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with("depot-bundle"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_server_that_missed_a_bundle_or_has_other_bytes_gets_nothing() {
    let (index, carried) = carried();
    let depot = Depot::start();
    carried.whole();
    index.put("saucer", &WheelBuilder::new("saucer", "1"));
    carried.source.save(&index, &["saucer"]).assert_success();
    carried.create(&["-o", "two.tar.zst", "--base", "whole.tar.zst"]).assert_success();
    let said = import(&carried, &depot, &["two.tar.zst"]).assert_code(1);
    assert!(said.stderr.contains("was not imported here"), "{}", said.stderr);
    depot.publish(&lid().file("lid/more.py", "x = 1\n"));
    let said = import(&carried, &depot, &["whole.tar.zst"]).assert_code(1);
    assert!(
        said.stderr.contains(&lid().filename()) && said.stderr.contains("other bytes"),
        "{}",
        said.stderr
    );
    assert!(depot.listed("tea-pot").is_empty() && depot.listed("saucer").is_empty());
}

#[test]
fn a_server_that_does_not_take_the_token_is_not_kept_waiting() {
    let (_index, carried) = carried();
    let depot = Depot::start();
    carried.whole();
    let mut command = carried.command(&["import", "whole.tar.zst", "--to", depot.url()]);
    let said = run(command.env("DEPOT_AUTH_TOKEN", "depot_wrong")).assert_code(1);
    assert!(said.stderr.contains("not valid here") && !said.stderr.contains("checked"), "{}", said.stderr);
    let narrow = depot.new_token("robot", &["push+push-new+mirror:python:tea-*"]);
    let mut command = carried.command(&["import", "whole.tar.zst", "--to", depot.url(), "--token", &narrow]);
    let said = run(&mut command).assert_code(1);
    assert!(
        said.stderr.contains("nothing was imported") && said.stderr.contains(&lid().filename()),
        "{}",
        said.stderr
    );
    assert!(depot.listed("tea-pot").is_empty());
}
