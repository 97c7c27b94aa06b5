//! Imports that are cut off: nothing is half there, and the same command goes on.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use depot_tests::{FakeIndex, Style, WheelBuilder};

use super::{Carried, is_record, result, stored};

#[test]
fn an_import_that_was_killed_leaves_whole_files_and_is_continued() {
    let names: Vec<String> = (0..40).map(|number| format!("cup{number:02}")).collect();
    let wheel = |name: &String| WheelBuilder::new(name, "1").random_file("data.bin", 700_000, 7);
    let index = names.iter().fold(FakeIndex::builder(Style::Json), |index, name| index.wheel(&wheel(name)));
    let index = index.start();
    let carried = Carried::of(&index, &names.iter().map(String::as_str).collect::<Vec<_>>());
    carried.whole();
    let root = carried.target.root();
    let records = || stored(&root).iter().filter(|name| is_record(name)).count();

    let mut command = carried.command(&["import", "whole.tar.zst", "--jobs", "1", "-q", "--dir"]);
    let mut child = command.arg(&root).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while records() < 3 {
        assert!(Instant::now() < deadline, "three files did not arrive");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let there = records();
    assert!((3..40).contains(&there), "{there} of 40 arrived before the end");
    for name in &names {
        let filename = wheel(name).filename();
        if carried.target.stored(name, &format!("{filename}.json")).is_some() {
            assert_eq!(
                carried.target.stored(name, &filename),
                Some(wheel(name).build()),
                "{name} is not whole"
            );
        }
    }
    assert!(!root.join("bundles.json").exists(), "the bundle counts as imported");

    let said = result(&carried.import(&["whole.tar.zst", "--format", "json"]).assert_success());
    let imported = said["counts"]["imported"].as_u64().unwrap() as usize;
    // One that was between its names and its record is finished when the tree is opened.
    assert!((39 - there..=40 - there).contains(&imported), "{there} were there, and {said}");
    carried.assert_carried();
    assert!(fs::read_to_string(root.join("bundles.json")).unwrap().contains(said["id"].as_str().unwrap()));
}
