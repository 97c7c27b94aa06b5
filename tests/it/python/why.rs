//! `depot why`: what it asks of a server, and how it tells the answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use depot_tests::{Output, depot_command, run};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::command::schema::assert_valid;
use super::saved::result;

/// Answers one request with this status and document; the head of that request, when it is done.
fn answering(status: &'static str, document: &Value) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = document.to_string();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        head
    });
    (url, thread)
}

/// Runs the verb where nobody is logged in.
fn why(args: &[&str]) -> Output {
    let nowhere = TempDir::new().unwrap();
    let mut command = depot_command(["why"]);
    command.args(args).env("DEPOT_CONFIG_DIR", nowhere.path()).env("NETRC", nowhere.path().join("netrc"));
    run(&mut command)
}

fn hidden() -> Value {
    let rule = json!({
        "code": "cooldown", "rule": "cooldown = \"7 days\"", "line": 3, "until": "2026-11-27T01:02:03.000000Z",
    });
    json!({
        "schema": "depot.why/1", "repository": "all", "at": "/", "project": "pot", "version": "1.2",
        "verdict": "hidden", "status": "active",
        "members": [
            { "repository": "python", "kind": "hosted", "priority": 10, "outcome": "absent", "owns": false, "files": 0 },
            { "repository": "pypi", "kind": "proxy", "outcome": "has", "owns": false, "files": 1, "cache": "HIT" },
        ],
        "files": [{
            "filename": "pot-1.2.tar.gz", "version": "1.2", "rule": rule, "rule-of": "all", "yanked": false,
            "held": [{ "repository": "pypi", "sha256": "ab".repeat(32), "fate": "hidden" }],
        }],
    })
}

#[test]
fn the_answer_of_a_server_is_told() {
    for (path, at) in [("", "%2F"), ("/pypi/simple/", "%2Fpypi%2Fsimple%2F")] {
        let (url, asked) = answering("200 OK", &hidden());
        let said = why(&["pot==1.2", &format!("{url}{path}"), "--token", "depot_x"]).assert_success();
        let head = asked.join().unwrap();
        assert!(head.starts_with(&format!("GET /api/why?at={at}&project=pot&version=1.2 ")), "{head}");
        // `__token__:depot_x`
        assert!(
            head.to_ascii_lowercase().contains("authorization: basic x190b2tlbl9fomrlcg90x3g="),
            "{head}"
        );
        assert_eq!(
            said.stdout,
            "pot 1.2 is hidden at / (all)\n\
             \u{20} pot-1.2.tar.gz: hidden by the policy of all: `cooldown = \"7 days\"` until 2026-11-27T01:02:03Z (line 3)\n\
             \u{20} python (hosted, priority 10) does not have the project\n\
             \u{20} pypi (proxy) has 1 file of the project (HIT)\n"
        );
    }
    let (url, asked) = answering("200 OK", &hidden());
    let said = why(&["pot-1.2.tar.gz", &url, "--format", "json"]).assert_success();
    assert!(asked.join().unwrap().contains("?at=%2F&project=pot&filename=pot-1.2.tar.gz "));
    assert_eq!(result(&said), hidden());
    assert_valid(&result(&said));
}

#[test]
fn what_cannot_be_asked_or_answered_says_why() {
    let (url, asked) = answering("404 Not Found", &json!({}));
    let said = why(&["pot", &url]).assert_code(1);
    assert!(asked.join().unwrap().contains("?at=%2F&project=pot "));
    assert!(said.stderr.contains("is not an answer of a depot-server"), "{}", said.stderr);
    let said = why(&["pot>=1", "https://depot.example"]).assert_code(2);
    assert!(said.stderr.contains("neither a version"), "{}", said.stderr);
}
