//! Logging in: what a failure tells, and how often one may fail.

use depot_tests::RawResponse;

use super::{basic, read_as};
use crate::python::depot::{Depot, assert_refused};

/// An answer without what no two answers share.
fn shape(answer: &RawResponse) -> String {
    let id = answer.header("x-request-id").unwrap_or_default().to_owned();
    let headers: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date")).collect();
    format!("{} {headers:?} {}", answer.status_line, answer.text()).replace(&id, "ID")
}

#[test]
fn a_known_name_and_an_unknown_one_are_not_told_apart() {
    let depot = Depot::start();
    depot.new_user("ann", "correct horse", &[]);
    depot.new_user("bob", "correct horse", &[]);
    depot.new_user("eve", "correct horse", &[]);
    depot.admin(&["user", "create", "--username", "ci", "--robot"]).assert_success();
    depot.admin(&["user", "disable", "--username", "bob"]).assert_success();
    depot.admin(&["user", "delete", "--username", "eve"]).assert_success();
    let known = shape(&read_as(&depot, "ann", "wrong password"));
    for (name, password) in [
        ("nobody", "wrong password"),
        ("ci", "wrong password"),
        ("bob", "correct horse"),
        ("eve", "correct horse"),
    ] {
        assert_eq!(shape(&read_as(&depot, name, password)), known, "{name}");
    }
}

#[test]
fn ten_failures_are_enough_and_tokens_go_on_working() {
    let depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &[]);
    depot.new_user("bob", "battery staple", &[]);
    let token = depot.new_token("ann", &["read"]);
    assert_eq!(read_as(&depot, "bob", "battery staple").status, 200);
    for _ in 0..10 {
        assert_eq!(read_as(&depot, "ann", "wrong").status, 401);
    }
    // Right or not, nobody looks; known or not, the answer is the same.
    for (name, password) in [("ann", "correct horse"), ("ann", "wrong"), ("nobody", "wrong")] {
        let refused = read_as(&depot, name, password);
        assert_refused(&refused, 429, "too-many-failures");
        let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=301).contains(&seconds), "{seconds}");
        assert!(refused.text().contains("try again in"), "{}", refused.text());
        assert!(refused.header("www-authenticate").is_none(), "a prompt would be in vain");
    }
    // A token is not a guess, wherever it stands; and who logged in a moment ago is remembered.
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for line in [bearer, basic("ann", &token), basic("__token__", &token), basic("bob", "battery staple")] {
        assert_eq!(depot.request("GET", "/python/simple/", None, &line, b"").status, 200, "{line}");
    }
    // A token that fails is no failed login.
    assert_refused(&read_as(&depot, "__token__", "wrong"), 401, "invalid-token");
}

#[test]
fn failures_of_one_client_behind_a_proxy_do_not_stop_another() {
    let depot = Depot::start_with(&["--private", "--trusted-proxies", "127.0.0.1"]);
    depot.new_user("ann", "correct horse", &[]);
    let from = |client: &str, name: &str, password: &str| {
        let headers = format!("{}X-Forwarded-For: {client}\r\n", basic(name, password));
        depot.request("GET", "/python/simple/", None, &headers, b"").status
    };
    for number in 0..10 {
        assert_eq!(from("198.51.100.1", &format!("user{number}"), "wrong"), 401);
    }
    assert_eq!(from("198.51.100.1", "ann", "correct horse"), 429);
    assert_eq!(from("198.51.100.2", "ann", "correct horse"), 200);
}
