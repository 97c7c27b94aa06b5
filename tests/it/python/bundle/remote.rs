//! Bundles straight to a server.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use depot_tests::{FakeFile, FakeIndex, Output, Style, WheelBuilder, run, sha256_hex};
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

#[test]
fn an_import_that_was_killed_is_continued_and_what_it_left_is_cleaned_up() {
    let names: Vec<String> = (0..40).map(|number| format!("cup{number:02}")).collect();
    let wheel = |name: &String| WheelBuilder::new(name, "1").random_file("data.bin", 300_000, 3);
    let index = names.iter().fold(FakeIndex::builder(Style::Json), |index, name| index.wheel(&wheel(name)));
    let index = index.start();
    let carried = Carried::of(&index, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let depot = Depot::start();
    carried.create(&["-o", "w.tar.zst", "--max-size", "5MB"]).assert_success();
    let volumes = ["w.001.tar.zst", "w.002.tar.zst", "w.003.tar.zst"];
    let listed = || names.iter().filter(|name| !depot.listed(name).is_empty()).count();
    let mut command = carried.command(&["import", "--to", depot.url(), "--jobs", "1", "-q"]);
    command.args(volumes).env("DEPOT_AUTH_TOKEN", depot.token()).env("TMPDIR", carried.room.path());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while depot.listed(&names[2]).is_empty() {
        assert!(Instant::now() < deadline, "three files did not arrive");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!((3..40).contains(&listed()), "{} of 40 arrived before the end", listed());
    let left = || {
        let entries = fs::read_dir(carried.room.path()).unwrap().map(|entry| entry.unwrap());
        let mut left: Vec<_> =
            entries.filter(|entry| entry.metadata().unwrap().is_dir()).map(|entry| entry.path()).collect();
        left.sort();
        left
    };
    assert_eq!(left().len(), 1, "what was under way lies there");
    let said =
        result(&import(&carried, &depot, &[&volumes[..], &["--format", "json"]].concat()).assert_success());
    let (imported, present) = (&said["counts"]["imported"], &said["counts"]["present"]);
    assert_eq!(imported.as_u64().unwrap() + present.as_u64().unwrap(), 40, "{said}");
    assert!(listed() == 40 && imported != 40, "{said}");
    let again =
        result(&import(&carried, &depot, &[&volumes[..], &["--format", "json"]].concat()).assert_success());
    assert_eq!(again["counts"]["present"], 40);
    assert_eq!(left().len(), 1, "a young one may be in use");
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    fs::File::open(&left()[0]).unwrap().set_modified(old).unwrap();
    let other = carried.path("depot-bundle-of-somebody");
    fs::create_dir(&other).unwrap();
    index.put("saucer", &WheelBuilder::new("saucer", "1"));
    carried.source.save(&index, &["saucer"]).assert_success();
    carried.create(&["-o", "two.tar.zst", "--base", "w.001.tar.zst"]).assert_success();
    import(&carried, &depot, &["two.tar.zst"]).assert_success();
    assert_eq!(left(), [other], "the old one is gone, and the young one is not");
    depot.assert_tmp_is_empty();
}

#[test]
fn the_states_of_projects_follow_the_files_and_come_alone_the_next_time() {
    let (index, carried) = carried();
    let depot = Depot::start();
    index.set_status("lid", "archived", Some("nobody has the time"));
    carried.source.save(&index, &["lid"]).assert_success();
    carried.whole();
    let said = result(&import(&carried, &depot, &["whole.tar.zst", "--format", "json"]).assert_success());
    assert_eq!((&said["counts"]["imported"], &said["counts"]["projects"]), (&json!(3), &json!(1)));
    let page = || String::from_utf8(depot.get("/python/simple/lid/").body).unwrap();
    assert!(page().contains("archived") && page().contains("nobody has the time"), "{}", page());
    index.set_status("lid", "active", None);
    carried.source.save(&index, &["lid"]).assert_success();
    carried.create(&["-o", "two.tar.zst", "--base", "whole.tar.zst"]).assert_success();
    let import = || result(&import(&carried, &depot, &["two.tar.zst", "--format", "json"]).assert_success());
    let counts = import()["counts"].clone();
    assert_eq!(
        (&counts["imported"], &counts["updated"], &counts["projects"]),
        (&json!(0), &json!(0), &json!(1))
    );
    assert!(!page().contains("archived"), "{}", page());
    assert_eq!(import()["counts"]["projects"], 0, "twice is once");
}
