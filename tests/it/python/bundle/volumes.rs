//! Bundles in volumes.

use std::fs;

use depot_tests::{FakeIndex, Style, WheelBuilder};
use serde_json::json;

use super::{Carried, result};

/// Five wheels of 100 kB.
fn cups() -> (FakeIndex, Carried) {
    let names: Vec<String> = (0..5).map(|number| format!("cup{number}")).collect();
    let wheel =
        |name: &String| WheelBuilder::new(name, "1").random_file("data.bin", 100_000, name.len() as u64);
    let index = names.iter().fold(FakeIndex::builder(Style::Json), |index, name| index.wheel(&wheel(name)));
    let index = index.start();
    let carried = Carried::of(&index, &names.iter().map(String::as_str).collect::<Vec<_>>());
    (index, carried)
}

#[test]
fn volumes_stay_below_their_size_and_are_taken_in_any_order_and_only_together() {
    let (_index, carried) = cups();
    carried.run(&["keygen", "-o", "k"]).assert_success();
    let made =
        carried.create(&["-o", "w.tar.zst", "--max-size", "250KiB", "--sign", "k", "--format", "json"]);
    let made = result(&made.assert_success());
    assert_eq!(made["volumes"].as_array().unwrap().len(), 3, "{made}");
    let names = ["w.001.tar.zst", "w.002.tar.zst", "w.003.tar.zst"];
    for name in names {
        assert!(fs::metadata(carried.path(name)).unwrap().len() <= 250 << 10, "{name}");
        carried.run(&["inspect", name, "--trust", "k.pub"]).assert_success();
        assert!(super::forge::open(&fs::read(carried.path(name)).unwrap()).len() > 3);
    }
    for (files, words) in [
        (&names[..1], "volume 2, 3 of 3 is missing"),
        (&names[..2], "volume 3 of 3 is missing"),
        (&names[1..], "volume 1 of 3 is missing"),
        (&[names[0], names[1], names[1], names[2]], "are the same volume"),
    ] {
        let said = carried.import(files).assert_code(1);
        assert!(said.stderr.contains(words), "{}", said.stderr);
        carried.assert_nothing_imported();
    }
    // One damaged volume keeps all of them out.
    let good = fs::read(carried.path(names[2])).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(carried.path(names[2]), bad).unwrap();
    let said = carried.import(&names).assert_code(1);
    assert!(said.stderr.contains("w.003.tar.zst"), "{}", said.stderr);
    carried.assert_nothing_imported();
    fs::write(carried.path(names[2]), good).unwrap();
    let said = result(&carried.import(&[names[2], names[0], names[1], "--format", "json"]).assert_success());
    assert_eq!((&said["counts"]["imported"], &said["id"]), (&json!(5), &made["id"]));
    carried.assert_carried();
    // How it is cut is no part of what it is.
    let whole = result(&carried.create(&["-o", "whole.tar.zst", "--format", "json"]).assert_success());
    assert_eq!(whole["id"], made["id"]);
    let base = carried.create(&["-o", "x.tar.zst", "--base", "w.002.tar.zst"]).assert_code(1);
    assert!(base.stderr.contains("name the first one"), "{}", base.stderr);
    carried.create(&["-o", "x.tar.zst", "--base", "w.001.tar.zst"]).assert_success();
}

#[test]
fn volumes_of_different_bundles_do_not_mix() {
    let (index, carried) = cups();
    carried.create(&["-o", "a.tar.zst", "--max-size", "250KiB"]).assert_success();
    index.put("saucer", &WheelBuilder::new("saucer", "1"));
    carried.source.save(&index, &["saucer"]).assert_success();
    carried.create(&["-o", "b.tar.zst", "--max-size", "250KiB"]).assert_success();
    let said = carried.import(&["a.001.tar.zst", "b.002.tar.zst", "a.003.tar.zst"]).assert_code(1);
    assert!(said.stderr.contains("belong to different bundles"), "{}", said.stderr);
    carried.assert_nothing_imported();
}

#[test]
fn a_file_that_no_volume_can_hold_is_named() {
    let (_index, carried) = cups();
    let said = carried.create(&["-o", "w.tar.zst", "--max-size", "90KiB"]).assert_code(1);
    assert!(said.stderr.contains("files/cup0/cup0-1-py3-none-any.whl"), "{}", said.stderr);
    assert_eq!(fs::read_dir(carried.room.path()).unwrap().count(), 0, "something was left behind");
    carried.create(&["-o", "w.tar.zst", "--max-size", "much"]).assert_code(2);
}
