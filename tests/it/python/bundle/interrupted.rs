//! Imports that are cut off: nothing is half there, and the same command goes on.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use depot_tests::{FakeIndex, Style, WheelBuilder, run};
use rustix::process::{Pid, Signal, kill_process};

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

#[test]
fn a_bundle_whose_making_is_stopped_leaves_nothing_and_one_that_was_killed_is_no_hindrance() {
    let wheel = WheelBuilder::new("pot", "1").random_file("data.bin", 30_000_000, 7);
    let carried = Carried::of(&FakeIndex::builder(Style::Json).wheel(&wheel).start(), &["pot"]);
    let root = carried.source.root();
    let begin = || {
        let mut command = carried.command(&["create", "-o", "whole.tar.zst", "--dir"]);
        let child = command.arg(&root).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !carried.path("whole.tar.zst.part").exists() && !carried.path("whole.tar.zst").exists() {
            assert!(Instant::now() < deadline, "nothing was begun");
            std::thread::sleep(Duration::from_millis(1));
        }
        child
    };
    // On a machine that does other things it may be done before it is stopped: then it is begun again.
    let stopped = (0..20).find_map(|_| {
        let child = begin();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        let is_done = fs::remove_file(carried.path("whole.tar.zst")).is_ok();
        (!is_done).then_some(output)
    });
    let stopped = stopped.expect("it was always done before it was stopped");
    let said = String::from_utf8_lossy(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped: nothing was written"), "{said}");
    assert_eq!(fs::read_dir(carried.room.path()).unwrap().count(), 0, "something was left behind");
    // Killed, it cannot put anything away; the next one does.
    let mut child = begin();
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = fs::remove_file(carried.path("whole.tar.zst"));
    carried.whole();
    let names = fs::read_dir(carried.room.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["whole.tar.zst"]);
    run(carried.command(&["inspect", "whole.tar.zst", "--check"]).stdout(Stdio::null())).assert_success();
}
