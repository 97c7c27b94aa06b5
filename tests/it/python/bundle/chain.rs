//! Bundles that build on others: what they carry, and what happens when one of them was missed.

use std::fs;

use depot_tests::{FakeFile, FakeIndex, WheelBuilder, run};
use serde_json::{Value, json};

use super::{Carried, carried, lid, pot, result};

/// The second week: a new file, one that was yanked.
fn second_week(index: &FakeIndex, carried: &Carried) {
    index.put("lid", FakeFile::from(&lid()).yanked("leaks"));
    index.put("saucer", &WheelBuilder::new("saucer", "1"));
    carried.source.save(index, &["lid==3", "saucer"]).assert_success();
}

/// The third: one more.
fn third_week(index: &FakeIndex, carried: &Carried) {
    index.put("spoon", &WheelBuilder::new("spoon", "1"));
    carried.source.save(index, &["spoon"]).assert_success();
}

fn names(carried: &Carried, bundle: &str) -> Vec<String> {
    let members = super::forge::open(&fs::read(carried.path(bundle)).unwrap());
    members.into_iter().skip(3).map(|member| member.name).collect()
}

#[test]
fn a_delta_carries_what_is_new_and_what_is_told_anew_without_its_bytes() {
    for way in ["--since", "--base"] {
        let (index, carried) = carried();
        carried.whole();
        carried.import(&["whole.tar.zst", "--receipt", "receipt.json"]).assert_success();
        second_week(&index, &carried);
        let on = if way == "--since" { "receipt.json" } else { "whole.tar.zst" };
        let made = carried.create(&["-o", "two.tar.zst", way, on, "--format", "json"]).assert_success();
        let made = result(&made);
        assert_eq!(
            made["counts"],
            json!({ "new": 1, "changed": 1, "projects": 0, "removed": 0, "unchanged": 2 })
        );
        let lid = format!("files/lid/{}", lid().filename());
        assert_eq!(
            names(&carried, "two.tar.zst"),
            [
                format!("{lid}.metadata"),
                format!("{lid}.json"),
                "files/saucer/saucer-1-py3-none-any.whl".to_owned(),
                "files/saucer/saucer-1-py3-none-any.whl.metadata".to_owned(),
                "files/saucer/saucer-1-py3-none-any.whl.json".to_owned(),
            ]
        );
        let said = result(&carried.import(&["two.tar.zst", "--format", "json"]).assert_success());
        assert_eq!((&said["counts"]["imported"], &said["counts"]["updated"]), (&json!(1), &json!(1)));
        assert_eq!(said["base"], made["base"]);
        carried.assert_carried();
        // Nothing new is a bundle too, so that the next week can build on it.
        let made = carried.create(&["-o", "three.tar.zst", "--base", "two.tar.zst"]).assert_success();
        assert!(made.stderr.contains("nothing is new"), "{}", made.stderr);
        carried.import(&["three.tar.zst"]).assert_success();
        carried.assert_carried();
    }
}

#[test]
fn a_missed_bundle_of_a_chain_is_noticed_and_can_be_made_up_for() {
    let (index, carried) = carried();
    carried.whole();
    second_week(&index, &carried);
    carried
        .create(&["-o", "two.tar.zst", "--base", "whole.tar.zst", "--receipt", "two.json"])
        .assert_success();
    third_week(&index, &carried);
    carried.create(&["-o", "three.tar.zst", "--since", "two.json"]).assert_success();
    let refused = |file: &str, lacks: &str| {
        let said = carried.import(&[file]).assert_code(1);
        let says = |words: &str| said.stderr.contains(words);
        assert!(says("was not imported here") && says(lacks), "{}", said.stderr);
    };
    refused("two.tar.zst", &lid().filename());
    refused("three.tar.zst", "other files");
    carried.assert_nothing_imported();
    carried.import(&["whole.tar.zst"]).assert_success();
    refused("three.tar.zst", "saucer-1-py3-none-any.whl");
    carried.import(&["two.tar.zst"]).assert_success();
    carried.import(&["three.tar.zst"]).assert_success();
    carried.assert_carried();
}

#[test]
fn a_tree_that_has_all_that_a_bundle_builds_on_needs_no_memory_of_it() {
    let (index, carried) = carried();
    carried.whole();
    carried.import(&["whole.tar.zst"]).assert_success();
    fs::remove_file(carried.target.root().join("bundles.json")).unwrap();
    second_week(&index, &carried);
    carried.create(&["-o", "two.tar.zst", "--base", "whole.tar.zst"]).assert_success();
    carried.import(&["two.tar.zst"]).assert_success();
    carried.assert_carried();
}

#[test]
fn an_older_bundle_takes_nothing_back() {
    let (index, carried) = carried();
    carried.whole();
    second_week(&index, &carried);
    carried.create(&["-o", "two.tar.zst", "--base", "whole.tar.zst"]).assert_success();
    for bundle in ["whole.tar.zst", "two.tar.zst"] {
        carried.import(&[bundle]).assert_success();
    }
    fs::remove_file(carried.target.path("tea-pot", &pot().filename())).unwrap();
    let said = carried.import(&["whole.tar.zst"]).assert_success();
    assert!(said.stderr.contains("a newer bundle was imported"), "{}", said.stderr);
    assert_eq!(carried.target.record("lid", &lid().filename())["yanked"], "leaks");
    carried.assert_carried();
}

#[test]
fn what_was_removed_is_told_and_stays_on_the_other_side() {
    let (_index, carried) = carried();
    carried.whole();
    carried.import(&["whole.tar.zst"]).assert_success();
    fs::remove_dir_all(carried.source.root().join("files/lid")).unwrap();
    carried.create(&["-o", "two.tar.zst", "--base", "whole.tar.zst"]).assert_success();
    let said = result(&carried.import(&["two.tar.zst", "--format", "json"]).assert_success());
    assert_eq!(said["removed"], json!([format!("files/lid/{}", lid().filename())]));
    assert!(carried.target.stored("lid", &lid().filename()).is_some());
    // Removed there too, it does not stand in the way of what comes.
    fs::remove_dir_all(carried.target.root().join("files/lid")).unwrap();
    carried.create(&["-o", "three.tar.zst", "--base", "two.tar.zst"]).assert_success();
    carried.import(&["three.tar.zst"]).assert_success();
}

#[test]
fn what_is_told_anew_of_a_file_that_was_removed_there_is_left_out() {
    let (index, carried) = carried();
    carried.whole();
    carried.import(&["whole.tar.zst"]).assert_success();
    fs::remove_dir_all(carried.target.root().join("files/lid")).unwrap();
    second_week(&index, &carried);
    carried.create(&["-o", "two.tar.zst", "--base", "whole.tar.zst"]).assert_success();
    let said = carried.import(&["two.tar.zst"]).assert_success();
    assert!(said.stderr.contains("was removed here"), "{}", said.stderr);
    assert!(carried.target.stored("lid", &lid().filename()).is_none());
    assert!(carried.target.stored("saucer", "saucer-1-py3-none-any.whl").is_some());
}

#[test]
fn a_receipt_tells_of_nothing_but_what_bundles_brought() {
    let (_index, carried) = carried();
    carried.whole();
    let own = FakeIndex::builder(depot_tests::Style::Json).wheel(&WheelBuilder::new("secret", "1")).start();
    carried.target.save(&own, &["secret"]).assert_success();
    carried.import(&["whole.tar.zst", "--receipt", "receipt.json"]).assert_success();
    let receipt: Value = serde_json::from_slice(&fs::read(carried.path("receipt.json")).unwrap()).unwrap();
    let projects: Vec<&String> = receipt["files"].as_object().unwrap().keys().collect();
    assert_eq!(projects, ["lid", "tea-pot"]);
}

#[test]
fn a_local_yank_travels_as_what_the_source_says() {
    let (_index, carried) = carried();
    carried.whole();
    carried.import(&["whole.tar.zst"]).assert_success();
    let path = carried.source.path("lid", &format!("{}.json", lid().filename()));
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    record["depot"]["yanked"] = "not for us".into();
    fs::write(&path, record.to_string()).unwrap();
    carried.create(&["-o", "two.tar.zst", "--base", "whole.tar.zst"]).assert_success();
    carried.import(&["two.tar.zst"]).assert_success();
    assert_eq!(carried.target.record("lid", &lid().filename())["yanked"], "not for us");
}

#[test]
fn what_is_no_receipt_is_named() {
    let (_index, carried) = carried();
    carried.whole();
    fs::write(carried.path("no.json"), "{}").unwrap();
    fs::write(
        carried.path("new.json"),
        json!({ "schema": "depot.receipt/2", "bundle": "0".repeat(64), "files": {} }).to_string(),
    )
    .unwrap();
    for (args, words) in [
        (["--since", "absent.json"], "absent.json"),
        (["--since", "no.json"], "it is no receipt"),
        (["--since", "new.json"], "use a newer one"),
        (["--base", "no.json"], "does not begin as a bundle does"),
    ] {
        let said = carried.create(&["-o", "x.tar.zst", args[0], args[1]]).assert_code(1);
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
    run(&mut carried.command(&["create", "-o", "x", "--since", "a", "--base", "b"])).assert_code(2);
}

#[test]
fn a_bundle_of_what_is_named_carries_what_that_requires_and_no_more() {
    let index = FakeIndex::builder(depot_tests::Style::Json)
        .wheel(&WheelBuilder::new("pot", "1").requires_dist("lid"))
        .wheel(&lid())
        .wheel(&WheelBuilder::new("cup", "1"))
        .start();
    let carried = Carried::of(&index, &["pot", "lid", "cup"]);
    let target = ["--python", "3.12", "--platform", "linux"];
    let named = [&["-o", "pot.tar.zst", "pot", "--format", "json"], &target[..]].concat();
    let made = result(&carried.create(&named).assert_success());
    assert_eq!(made["counts"]["new"], 2, "{made}");
    carried.import(&["pot.tar.zst"]).assert_success();
    assert_eq!(carried.target.filenames("lid").len() + carried.target.filenames("pot").len(), 2);
    assert!(carried.target.filenames("cup").is_empty());
    // A set says the same.
    let set = "[inputs]\nrequirements = ['pot']\n[targets]\npython = '3.12'\nplatform = 'linux'\n";
    fs::write(carried.path("depot-set.toml"), set).unwrap();
    let again = carried.create(&["-o", "set.tar.zst", "--set", "depot-set.toml", "--format", "json"]);
    assert_eq!(result(&again.assert_success())["id"], made["id"]);
    let said = carried.create(&[&["-o", "x.tar.zst", "absent"], &target[..]].concat()).assert_code(1);
    assert!(said.stderr.contains("absent") && !carried.path("x.tar.zst").exists(), "{}", said.stderr);
}
