//! The corpus before a running server.

use depot_tests::corpus::{Case, PROJECT, tar_cases, zip_cases};
use depot_tests::counted;
use serde_json::json;

use crate::python::depot::{Depot, assert_accepted, body, mirrored};

/// Uploads a case as its author would, and fails unless it is taken or refused as it must be.
#[track_caller]
fn assert_judged(depot: &Depot, case: &Case) {
    let answer = depot.put(PROJECT, &case.filename, &case.bytes);
    if !case.is_refused() {
        assert_eq!(answer.status, 201, "{}: {}", case.name, answer.text());
        let kept = depot.stored_record(PROJECT, &case.filename);
        assert_eq!(kept["depot"].get("verdict"), None, "{}: {kept}", case.name);
        return;
    }
    let problem = body(&answer);
    let code = problem["code"].as_str().unwrap();
    let codes = ["invalid-distribution", "too-large", "metadata-mismatch"];
    assert!(answer.status == 400 && codes.contains(&code), "{}: {problem}", case.name);
    let detail = problem["detail"].as_str().unwrap();
    assert!(case.errors.iter().any(|rule| detail.contains(rule)), "{}: {detail}", case.name);
    assert!(!detail.contains(|c: char| c.is_control()) && detail.len() < 2000, "{}: {detail}", case.name);
    assert_eq!(depot.stored(PROJECT, &case.filename), None, "{}", case.name);
}

fn judged(cases: &[Case]) {
    let depot = Depot::start();
    for case in cases {
        assert_judged(&depot, case);
    }
    depot.assert_tmp_is_empty();
    let listed = depot.listed(PROJECT).len();
    assert_eq!(listed, cases.iter().filter(|case| !case.is_refused()).count());
}

/// Uploads all cases as copies from an index: they are taken as they are, and what is wrong with them is written down.
fn kept(cases: &[Case]) {
    let depot = Depot::start();
    for case in cases {
        assert_accepted(&depot.announce(PROJECT, &mirrored(&case.filename, &case.bytes)), 202, "send");
        let answer = depot.put(PROJECT, &case.filename, &case.bytes);
        assert_eq!(answer.status, 201, "{}: {}", case.name, answer.text());
        let record = depot.stored_record(PROJECT, &case.filename);
        let codes = case.codes();
        let expected = if codes.is_empty() { None } else { Some(json!(codes)) };
        assert_eq!(record["depot"].get("verdict"), expected.as_ref(), "{}: {record}", case.name);
        let served = depot.get(&format!("/python/files/{PROJECT}/{}", case.filename));
        assert!(served.body == case.bytes, "{}", case.name);
    }
    depot.assert_tmp_is_empty();
    assert_eq!(depot.listed(PROJECT).len(), cases.len());
}

#[test]
fn the_zips_of_the_corpus_are_published_or_refused_by_rule_and_member() {
    let cases = zip_cases();
    judged(&cases);
    counted("attack 9", "zips uploaded by their authors", cases.len() as u64);
}

#[test]
fn the_tars_of_the_corpus_are_published_or_refused_by_rule_and_member() {
    let cases = tar_cases();
    judged(&cases);
    counted("attack 11", "tars uploaded by their authors", cases.len() as u64);
}

#[test]
fn the_zips_of_the_corpus_are_kept_with_their_verdicts_where_they_are_copies() {
    let cases = zip_cases();
    kept(&cases);
    counted("attack 9", "zips uploaded as copies", cases.len() as u64);
}

#[test]
fn the_tars_of_the_corpus_are_kept_with_their_verdicts_where_they_are_copies() {
    let cases = tar_cases();
    kept(&cases);
    counted("attack 11", "tars uploaded as copies", cases.len() as u64);
}
