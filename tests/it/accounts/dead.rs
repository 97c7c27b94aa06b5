//! What is revoked or disabled is dead within five seconds, on every door and on connections that stand already.

use std::time::{Duration, Instant};

use depot_tests::{RawConnection, WheelBuilder};
use serde_json::json;

use super::basic;
use crate::python::depot::Depot;

/// How long something may live on.
const SOON: Duration = Duration::from_secs(5);

/// Connections on which requests were answered already, and the credentials that they bear.
struct Standing {
    connections: Vec<(RawConnection, String)>,
}

impl Standing {
    /// One for each kind of request, with these credentials, a header line.
    fn open(depot: &Depot, credentials: &str) -> Self {
        let requests = [
            format!("GET /python/simple/tea-pot/ HTTP/1.1\r\nHost: depot\r\n{credentials}\r\n"),
            format!("GET /api/whoami HTTP/1.1\r\nHost: depot\r\n{credentials}\r\n"),
            format!(
                "POST /python/_/plan HTTP/1.1\r\nHost: depot\r\n{credentials}Content-Length: 12\r\n\r\n{{\"files\":[]}}"
            ),
        ];
        let connections = requests
            .map(|request| (RawConnection::open(depot.url(), Duration::from_secs(10)).unwrap(), request));
        Self { connections: connections.into() }
    }

    fn statuses(&mut self) -> Vec<u16> {
        let ask = |(connection, request): &mut (RawConnection, String)| {
            connection.send(&*request).unwrap();
            connection.receive(false).unwrap().status
        };
        self.connections.iter_mut().map(ask).collect()
    }

    /// Fails unless all of them are refused soon after this moment.
    #[track_caller]
    fn assert_dead_since(&mut self, when: Instant) {
        let statuses = self.statuses();
        assert!(when.elapsed() < SOON, "{:?}", when.elapsed());
        assert_eq!(statuses, [401; 3]);
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// A server with something to read, and an account with a password and two tokens.
fn world() -> (Depot, String, [String; 2]) {
    let depot = Depot::start_with(&["--private"]);
    depot.publish(&WheelBuilder::new("tea-pot", "1.0"));
    depot.new_user("ann", "correct horse", &[]);
    let tokens = [(); 2].map(|()| depot.new_token("ann", &["read+push"]));
    let password = basic("ann", "correct horse");
    (depot, password, tokens)
}

#[test]
fn a_revoked_token_is_dead_within_five_seconds_wherever_it_is_used() {
    let (depot, password, tokens) = world();
    let json = "Content-Type: application/json\r\n";
    for (number, token) in tokens.iter().enumerate() {
        let mut standing = Standing::open(&depot, &bearer(token));
        for _ in 0..3 {
            assert_eq!(standing.statuses(), [200; 3]);
        }
        let document = json!({ "token": token }).to_string();
        if number == 0 {
            let headers = format!("{password}{json}");
            let revoked = depot.request("DELETE", "/api/tokens", None, &headers, document.as_bytes());
            assert_eq!(revoked.status, 200, "{}", revoked.text());
        } else {
            let id = depot.request("GET", "/api/whoami", Some(token), "", b"");
            let id = crate::python::depot::body(&id)["token"]["id"].as_str().unwrap().to_owned();
            depot.admin(&["token", "revoke", &id]).assert_success();
        }
        standing.assert_dead_since(Instant::now());
    }
    assert_eq!(Standing::open(&depot, &password).statuses(), [200; 3], "the account itself lives");
}

#[test]
fn a_disabled_account_is_dead_within_five_seconds_with_all_that_is_its_own() {
    let (depot, password, [token, _]) = world();
    let (mut by_password, mut by_token) =
        (Standing::open(&depot, &password), Standing::open(&depot, &bearer(&token)));
    for verb in ["disable", "enable", "disable"] {
        depot.admin(&["user", verb, "--username", "ann"]).assert_success();
        let when = Instant::now();
        if verb == "enable" {
            assert_eq!((by_password.statuses(), by_token.statuses()), (vec![200; 3], vec![200; 3]));
        } else {
            by_password.assert_dead_since(when);
            by_token.assert_dead_since(when);
        }
    }
}

#[test]
fn a_deleted_account_is_dead_within_five_seconds_with_all_that_is_its_own() {
    let (depot, password, [token, _]) = world();
    let (mut by_password, mut by_token) =
        (Standing::open(&depot, &password), Standing::open(&depot, &bearer(&token)));
    assert_eq!((by_password.statuses(), by_token.statuses()), (vec![200; 3], vec![200; 3]));
    depot.admin(&["user", "delete", "--username", "ann"]).assert_success();
    let when = Instant::now();
    by_password.assert_dead_since(when);
    by_token.assert_dead_since(when);
}
