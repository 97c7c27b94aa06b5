//! What is said of a file is taken only from those who may say it.

use depot_tests::{FakeIndex, Style, WheelBuilder, depot};
use serde_json::{Value, json};

use super::depot::{Depot, mirrored, record};

const UPLOADED: &str = "2001-02-03T04:05:06.000000Z";

fn pot() -> WheelBuilder {
    WheelBuilder::new("tea-pot", "1.0").requires_python(">=3.9")
}

/// A server with one first-party file.
fn with_own_file() -> Depot {
    let depot = Depot::start();
    depot.publish(&pot());
    depot
}

/// A server with one mirrored file.
fn with_mirrored_file() -> Depot {
    let depot = Depot::start();
    let (filename, bytes) = (pot().filename(), pot().build());
    let mut said = mirrored(&filename, &bytes);
    said["upload-time"] = json!(UPLOADED);
    assert_eq!(depot.announce("tea-pot", &said).status, 202);
    assert_eq!(depot.put("tea-pot", &filename, &bytes).status, 201);
    depot
}

fn listed(depot: &Depot) -> Value {
    depot.listed("tea-pot")[0].clone()
}

#[test]
fn a_push_token_cannot_yank_backdate_or_disown_a_first_party_file() {
    let depot = with_own_file();
    let token = depot.new_token("ci", &["push+push-new:python:*"]);
    let before = (listed(&depot), depot.stored_record("tea-pot", &pot().filename()));
    let mut said = record(&pot().filename(), &pot().build());
    said["yanked"] = json!("mine now");
    said["upload-time"] = json!(UPLOADED);
    said["requires-python"] = json!(">=2");
    let answer = depot.announce_as(&token, "tea-pot", &said);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(listed(&depot), before.0);
    let origin = &depot.stored_record("tea-pot", &pot().filename())["depot"]["origin"];
    assert_eq!(origin, &before.1["depot"]["origin"]);
    // The same in the announcement of a new file.
    let kettle = WheelBuilder::new("kettle", "1.0");
    let mut said = record(&kettle.filename(), &kettle.build());
    said["yanked"] = json!(true);
    said["upload-time"] = json!(UPLOADED);
    said["depot"] = json!({ "v": 1, "yanked": "here", "first-seen": UPLOADED });
    assert_eq!(depot.announce_as(&token, "kettle", &said).status, 202);
    assert_eq!(depot.put_as(&token, "kettle", &kettle.filename(), &kettle.build()).status, 201);
    let listed = &depot.listed("kettle")[0];
    assert_eq!(listed["yanked"], false);
    assert_ne!(listed["upload-time"], UPLOADED);
}

#[test]
fn whoever_may_yank_can() {
    let depot = with_own_file();
    let token = depot.new_token("maintainer", &["push+yank:python:tea-*"]);
    let mut said = record(&pot().filename(), &pot().build());
    said["yanked"] = json!("leaks");
    assert_eq!(depot.announce_as(&token, "tea-pot", &said).status, 200);
    assert_eq!(listed(&depot)["yanked"], "leaks");
}

#[test]
fn the_facts_of_a_mirrored_file_are_not_for_a_push_token() {
    let depot = with_mirrored_file();
    let token = depot.new_token("ci", &["push+push-new+yank:python:*"]);
    let before = listed(&depot);
    let mut said = record(&pot().filename(), &pot().build());
    said["yanked"] = json!("mine now");
    said["depot"] = json!({ "v": 1, "origin": { "kind": "first-party" } });
    assert_eq!(depot.announce_as(&token, "tea-pot", &said).status, 200);
    assert_eq!(listed(&depot), before);
    assert_eq!(depot.stored_record("tea-pot", &pot().filename())["depot"]["origin"]["kind"], "mirrored");
}

#[test]
fn silence_of_a_poorer_index_takes_nothing_back() {
    let depot = with_mirrored_file();
    let mut said = mirrored(&pot().filename(), &pot().build());
    said["depot"]["origin"]["index"] = json!("https://other.example/simple/");
    let answer = depot.announce("tea-pot", &said);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(listed(&depot)["upload-time"], UPLOADED);
    let origin = &depot.stored_record("tea-pot", &pot().filename())["depot"]["origin"];
    assert_ne!(origin["index"], "https://other.example/simple/");
}

#[test]
fn what_was_saved_from_a_depot_and_pushed_back_changes_nothing() {
    let depot_server = with_own_file();
    let before = depot_server.stored_record("tea-pot", &pot().filename());
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("tree");
    let (dir, index) = (dir.to_str().unwrap(), format!("{}/python/simple/", depot_server.url()));
    depot(["python", "save", "tea-pot", "--dir", dir, "--index-url", &index]).assert_success();
    let (url, token) = (depot_server.url().to_owned(), depot_server.token());
    for _ in 0..2 {
        depot(["python", "push", &url, "--dir", dir, "--token", &token]).assert_success();
    }
    let after = depot_server.stored_record("tea-pot", &pot().filename());
    assert_eq!(after["depot"]["origin"], before["depot"]["origin"]);
    assert_eq!(after["yanked"], before["yanked"]);
}

#[test]
fn two_trees_of_one_file_do_not_send_it_back_and_forth_for_ever() {
    let depot_server = Depot::start();
    let folder = tempfile::tempdir().unwrap();
    let token = depot_server.token();
    let push = |dir: &str| depot(["python", "push", depot_server.url(), "--dir", dir, "--token", &token]);
    let mut dirs = Vec::new();
    for style in [Style::Json, Style::HtmlOnly] {
        let index = FakeIndex::builder(style).wheel(&pot()).start();
        let dir = folder.path().join(format!("{style:?}")).to_str().unwrap().to_owned();
        depot(["python", "save", "tea-pot", "--dir", &dir, "--index-url", &index.url()]).assert_success();
        push(&dir).assert_success();
        dirs.push(dir);
    }
    // Whichever was heard last is heard at once.
    let again = push(&dirs[1]).assert_success();
    assert!(
        again.stderr.contains("plan: 0 files to send (0 B), 0 to update, 1 there already"),
        "{}",
        again.stderr
    );
    assert!(depot_server.listed("tea-pot")[0]["upload-time"].is_string());
}

#[test]
fn garbage_and_legacy_kinds_are_not_published_first_hand() {
    let depot = Depot::start();
    for filename in ["tea_pot-1.0.tar.xz", "tea_pot-1.0.exe", "tea_pot-1.0.tar.gz", "tea_pot-1.0.zip"] {
        let refused = depot.put("tea-pot", filename, b"garbage");
        assert_eq!(refused.status, 400, "{filename}: {}", refused.text());
    }
    // A mirrored one is what its digest says, and is taken as it is.
    let said = mirrored("tea_pot-1.0.exe", b"garbage");
    assert_eq!(depot.announce("tea-pot", &said).status, 202);
    assert_eq!(depot.put("tea-pot", "tea_pot-1.0.exe", b"garbage").status, 201);
}

#[test]
fn records_that_could_not_be_read_back_are_refused() {
    let depot = Depot::start();
    let filename = pot().filename();
    let nested = (0..40).fold(json!(1), |inner, _| json!([inner]));
    for (key, value) in [
        ("unknown", nested),
        ("unknown", json!("x".repeat(20_000))),
        ("upload-time", json!("9999-12-31T23:59:59-12:00")),
    ] {
        let mut said = record(&filename, &pot().build());
        said[key] = value;
        let refused = depot.announce("tea-pot", &said);
        assert_eq!(refused.status, 400, "{key}: {}", refused.text());
    }
    depot.publish(&pot());
}

#[test]
fn bytes_whose_announcement_was_forgotten_are_not_published_without_it() {
    let mut depot_server = Depot::start();
    let (filename, bytes) = (pot().filename(), pot().build());
    assert_eq!(depot_server.announce("tea-pot", &mirrored(&filename, &bytes)).status, 202);
    depot_server.stop();
    depot_server.resume();
    let header = format!("X-Depot-Facts: {}\r\n", "0".repeat(64));
    let (path, token) = (format!("/python/simple/tea-pot/{filename}"), depot_server.token());
    let refused = depot_server.request("PUT", &path, Some(&token), &header, &bytes);
    assert_eq!(refused.status, 412, "{}", refused.text());
    assert!(refused.text().contains("not-announced"), "{}", refused.text());
    assert!(depot_server.listed("tea-pot").is_empty());
    depot_server.assert_tmp_is_empty();
}

#[test]
fn a_name_that_the_tree_lost_is_taken_all_the_same() {
    let depot_server = with_own_file();
    let folder = depot_server.tree().join("files/tea-pot");
    for entry in std::fs::read_dir(&folder).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let other = pot().random_file("tea_pot/other.bin", 20, 7).build();
    let refused = depot_server.put("tea-pot", &pot().filename(), &other);
    assert_eq!(refused.status, 409, "{}", refused.text());
    // The bytes that were published bring it back: nothing new is there.
    assert_eq!(depot_server.put("tea-pot", &pot().filename(), &pot().build()).status, 200);
    let served = depot_server.get(&format!("/python/files/tea-pot/{}", pot().filename()));
    assert_eq!(served.body, pot().build());
}

#[test]
fn a_part_of_what_was_said_does_not_pass_for_the_whole() {
    let depot_server = with_own_file();
    let token = depot_server.new_token("ci", &["push+push-new:python:*"]);
    let mut said = record(&pot().filename(), &pot().build());
    said["yanked"] = json!("leaks");
    assert_eq!(depot_server.announce_as(&token, "tea-pot", &said).status, 200);
    assert_eq!(listed(&depot_server)["yanked"], false);
    // Said by one who may, it is news still: the plan of a push asks for it.
    let facts = depot_proto::FileRecord::read(said.to_string().as_bytes(), None).unwrap().facts.digest();
    let file = json!({
        "project": "tea-pot",
        "filename": pot().filename(),
        "sha256": said["hashes"]["sha256"],
        "size": said["size"],
        "facts": facts,
    });
    let plan = json!({ "files": [file] }).to_string();
    let token = depot_server.token();
    let answer = depot_server.request("POST", "/python/_/plan", Some(&token), "", plan.as_bytes());
    assert!(answer.text().contains("update"), "{}", answer.text());
}
