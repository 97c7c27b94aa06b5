//! The provenance of copies (PEP 740) travels with a push, is served, and is saved from there again.

use depot_tests::{FakeFile, FakeIndex, Style, WheelBuilder, sha256_hex};
use serde_json::{Value, json};

use super::super::command::schema::assert_valid;
use super::super::depot::{Depot, assert_refused, body};
use super::super::legacy::attestations::attestation;
use super::super::saved::{Saved, result};
use super::{Requests, logging};

fn lid() -> WheelBuilder {
    WheelBuilder::new("lid", "1")
}

/// What an index attests of bytes with this digest.
fn document(by: &str, sha256: &str) -> Vec<u8> {
    let bundle = json!({ "publisher": { "kind": by }, "attestations": [attestation(sha256)] });
    json!({ "version": 1, "attestation_bundles": [bundle] }).to_string().into_bytes()
}

fn attested(by: &str) -> FakeFile {
    FakeFile::from(&lid()).provenance(document(by, &sha256_hex(&lid().build())))
}

fn path() -> String {
    format!("/python/files/lid/{}.provenance", lid().filename())
}

fn saved(index: &FakeIndex) -> Saved {
    let saved = Saved::new();
    saved.solve(index, &["lid", "--provenance"]).assert_success();
    saved
}

#[track_caller]
fn pushed(saved: &Saved, depot: &Depot, args: &[&str]) -> Value {
    let said = result(&saved.push(depot, &[args, &["--format", "json"]].concat()).assert_success());
    assert_valid(&said);
    said["counts"]["provenance"].clone()
}

#[test]
fn provenance_travels_with_its_file_and_from_there_on() {
    let index = FakeIndex::builder(Style::Json).file("lid", attested("robot")).start();
    let (mut depot, saved) = (logging(), saved(&index));
    assert_eq!(pushed(&saved, &depot, &["--dry-run"]), 1);
    assert_eq!(depot.get(&path()).status, 404);
    assert_eq!(pushed(&saved, &depot, &[]), 1);
    let served = depot.get(&path());
    assert_eq!(served.body, document("robot", &sha256_hex(&lid().build())), "{}", served.text());
    let page = body(&depot.get("/python/simple/lid/"));
    assert!(page["files"][0]["provenance"].as_str().unwrap().ends_with(".whl.provenance"), "{page}");
    let requests = Requests::from_now(&depot);
    assert_eq!(pushed(&saved, &depot, &[]), 0);
    assert_eq!(requests.seen(), ["POST /python/_/plan"]);
    // Another one takes its place, and stays.
    index.put("lid", attested("somebody").yanked("leaks"));
    saved.solve(&index, &["lid==1", "--provenance"]).assert_success();
    assert_eq!(pushed(&saved, &depot, &[]), 1);
    for _ in 0..2 {
        assert_eq!(depot.get(&path()).body, document("somebody", &sha256_hex(&lid().build())));
        depot.stop();
        std::fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
        depot.resume();
    }
    // From there it is saved again.
    let again = Saved::new();
    let url = format!("{}/python/simple/", depot.url());
    let mut command = again.solve_command(&url, &["lid==1", "--provenance"]);
    depot_tests::run(&mut command).assert_success();
    let beside = again.stored("lid", &format!("{}.provenance", lid().filename()));
    assert_eq!(beside, Some(document("somebody", &sha256_hex(&lid().build()))));
}

#[test]
fn provenance_that_is_not_of_the_copy_there_is_refused() {
    let index = FakeIndex::builder(Style::Json).file("lid", attested("robot")).start();
    let (depot, saved) = (Depot::start(), saved(&index));
    let sha256 = sha256_hex(&lid().build());
    let put = |token: &str, document: &[u8]| {
        depot.put_as(token, "lid", &format!("{}.provenance", lid().filename()), document)
    };
    assert_refused(&put(&depot.token(), &document("robot", &sha256)), 404, "not-found");
    // A tree that somebody wrote into fails alone; the file goes.
    let beside = saved.root().join("files/lid").join(format!("{}.provenance", lid().filename()));
    std::fs::write(&beside, document("robot", &sha256_hex(b"other"))).unwrap();
    let said = saved.push(&depot, &[]).assert_code(3);
    assert!(said.stderr.contains("speaks of another file"), "{}", said.stderr);
    assert_eq!((depot.listed("lid").len(), depot.get(&path()).status), (1, 404));
    for wrong in [&b"<html>"[..], b"{}", br#"{"attestation_bundles": []}"#] {
        assert_refused(&put(&depot.token(), wrong), 400, "invalid-distribution");
    }
    assert_refused(&put(&depot.token(), &vec![b' '; 2 << 20]), 413, "too-large");
    let pusher = depot.new_token("ann", &["push+push-new:python:*"]);
    assert_refused(&put(&pusher, &document("robot", &sha256)), 403, "forbidden");
    assert_eq!(put(&depot.token(), &document("robot", &sha256)).status, 200);
    // Of one's own file it comes with the file.
    let own = WheelBuilder::new("own", "1");
    depot.publish(&own);
    let document = document("me", &sha256_hex(&own.build()));
    let answer = depot.put("own", &format!("{}.provenance", own.filename()), &document);
    assert_refused(&answer, 404, "not-found");
}
