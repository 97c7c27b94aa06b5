//! The batch question before a push.

use depot_tests::{RawResponse, WheelBuilder, sha256_hex};
use serde_json::{Value, json};

use super::depot::{Depot, assert_accepted, assert_refused, body, record};

fn plan(depot: &Depot, token: Option<&str>, files: &Value) -> RawResponse {
    let request = json!({ "files": files }).to_string();
    depot.request("POST", "/python/_/plan", token, "Content-Type: application/json\r\n", request.as_bytes())
}

/// What the administrator is answered, file by file.
fn verdicts(depot: &Depot, token: &str, files: &Value) -> Vec<String> {
    let answer = plan(depot, Some(token), files);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answers = body(&answer)["answers"].as_array().unwrap().clone();
    answers.iter().map(|answer| answer["verdict"].as_str().unwrap().to_owned()).collect()
}

fn asked(project: &str, filename: &str, bytes: &[u8], facts: &Value) -> Value {
    json!({ "project": project, "filename": filename, "sha256": sha256_hex(bytes), "size": bytes.len(), "facts": facts })
}

#[test]
fn each_file_is_answered_in_order() {
    let depot = Depot::start_with(&["--max-file-size", "100000"]);
    let (wheel, token) = (WheelBuilder::new("teapot", "1.0"), depot.token());
    let (filename, bytes) = (wheel.filename(), wheel.build());
    let published = body(&depot.put("teapot", &filename, &bytes));
    let nothing = json!(sha256_hex(b""));
    let mut too_large = asked("teapot", "teapot-9.0.tar.gz", b"", &nothing);
    too_large["size"] = json!(100_001);
    let files = json!([
        asked("teapot", &filename, &bytes, &published["facts"]),
        asked("Tea_pot", "no-such-thing-1.0.tar.gz", &bytes, &nothing),
        asked("teapot", &filename, &bytes, &nothing),
        asked("teapot", "teapot-2.0.tar.gz", b"new", &nothing),
        asked("teapot", &filename, b"other bytes", &published["facts"]),
        asked("teapot", "Teapot-1.0-py3-none-any.whl", &bytes, &published["facts"]),
        asked("../../etc", "passwd", b"", &nothing),
        asked("teapot", "../../../teapot-3.0.tar.gz", b"", &nothing),
        too_large,
        asked("kettle", "kettle-1.0.tar.gz", b"", &nothing),
    ]);
    assert_eq!(
        verdicts(&depot, &token, &files),
        [
            "have",
            "forbidden",
            "update",
            "missing",
            "conflict",
            "conflict",
            "forbidden",
            "forbidden",
            "forbidden",
            "missing"
        ]
    );
    let answers = body(&plan(&depot, Some(&token), &files))["answers"].clone();
    for number in [1, 4, 5, 6, 7, 8] {
        assert!(answers[number]["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{answers}");
    }
}

#[test]
fn a_file_that_the_plan_has_is_the_same_to_an_announcement() {
    let depot = Depot::start();
    let (wheel, token) = (WheelBuilder::new("teapot", "1.0").requires_python(">=3.9"), depot.token());
    let (filename, bytes) = (wheel.filename(), wheel.build());
    let mut facts = record(&filename, &bytes);
    facts["requires-python"] = json!(">=3.9");
    facts["depot"] = json!({ "v": 1, "origin": { "kind": "first-party" } });
    assert_accepted(&depot.announce("teapot", &facts), 202, "send");
    let digest = body(&depot.put("teapot", &filename, &bytes))["facts"].clone();
    assert_eq!(body(&depot.announce("teapot", &facts))["facts"], digest);
    assert_eq!(verdicts(&depot, &token, &json!([asked("teapot", &filename, &bytes, &digest)])), ["have"]);
    facts["yanked"] = json!(true);
    let yanked = body(&depot.announce("teapot", &facts))["facts"].clone();
    assert_ne!(yanked, digest);
    assert_eq!(verdicts(&depot, &token, &json!([asked("teapot", &filename, &bytes, &digest)])), ["update"]);
}

#[test]
fn rights_are_asked_for_each_file() {
    let depot = Depot::start();
    let token = depot.new_token("robot", &["push+push-new:python:acme-*"]);
    let nothing = json!(sha256_hex(b""));
    let mut mirrored = asked("acme-core", "acme-core-1.0.tar.gz", b"", &nothing);
    mirrored["mirrored"] = json!(true);
    let files = json!([
        asked("acme-core", "acme-core-1.0.tar.gz", b"", &nothing),
        mirrored,
        asked("acmeevil", "acmeevil-1.0.tar.gz", b"", &nothing),
        asked("teapot", "teapot-1.0.tar.gz", b"", &nothing),
    ]);
    assert_eq!(verdicts(&depot, &token, &files), ["missing", "forbidden", "forbidden", "forbidden"]);

    let reader = depot.new_token("reader", &["read"]);
    assert_refused(&plan(&depot, Some(&reader), &files), 403, "forbidden");
    let unauthenticated = plan(&depot, None, &files);
    assert_refused(&unauthenticated, 401, "unauthenticated");
    assert!(unauthenticated.header("www-authenticate").is_some_and(|ask| ask.starts_with("Basic ")));
}

#[test]
fn what_is_no_plan_is_refused() {
    let depot = Depot::start();
    let token = depot.token();
    let post =
        |headers: &str, body: &[u8]| depot.request("POST", "/python/_/plan", Some(&token), headers, body);
    let nothing = json!(sha256_hex(b""));
    let mut half = asked("teapot", "teapot-1.0.tar.gz", b"", &nothing);
    half.as_object_mut().unwrap().remove("sha256");
    for document in [
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        br#"{"files": 5}"#.to_vec(),
        json!({ "files": [half] }).to_string().into_bytes(),
        "[".repeat(100_000).into_bytes(),
    ] {
        assert_refused(&post("", &document), 400, "bad-request");
    }
    assert_refused(&post("Content-Encoding: gzip\r\n", b"{}"), 415, "unsupported-coding");
    let file =
        json!({ "project": "a", "filename": "a-1.zip", "sha256": nothing, "size": 0, "facts": nothing });
    let many = json!({ "files": vec![file; 10_001] }).to_string();
    assert_refused(&post("", many.as_bytes()), 413, "too-large");
    let endless = format!("{{\"files\": [], \"more\": \"{}\"}}", "x".repeat(9_000_000));
    assert_refused(&post("", endless.as_bytes()), 413, "too-large");
    assert_refused(&depot.get("/python/_/plan"), 405, "method-not-allowed");
    assert_eq!(verdicts(&depot, &token, &json!([])), Vec::<String>::new());
}
