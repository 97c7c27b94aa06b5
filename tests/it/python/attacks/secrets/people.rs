//! Secrets of people and of jobs: their passwords and tokens on the way through the doors of accounts, through logins, and
//! through trusted publishing.

use std::fs;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{RawResponse, depot_command, run_reading};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Search;
use crate::python::depot::{Depot, body};
use crate::trusted::{Trusting, github_job};

const PASSWORDS: [(&str, &str); 4] = [
    ("a first password", "canary-first-1"),
    ("a second password", "canary-second-2"),
    ("a password that is wrong", "canary-wrong-3"),
    ("a password that cannot be", "canary\u{7}bell-4"),
];

/// A server, all that it said, and what must not be in it.
struct Watch {
    server: Trusting,
    search: Search,
}

impl Watch {
    fn start(level: &str) -> Self {
        let server = Trusting::start_with("", &["--log", level]);
        let mut search = Search::default();
        search.add_token("the administrator's token", &server.depot.token());
        for (what, password) in PASSWORDS {
            search.add(what, password);
        }
        Self { server, search }
    }

    fn depot(&self) -> &Depot {
        &self.server.depot
    }

    /// Sends a document, and looks at what is answered.
    fn ask(&mut self, method: &str, path: &str, who: &str, document: &str) -> RawResponse {
        let answer = self.give(method, path, who, document);
        self.search.look_at_answer(&format!("the answer to {method} {path}"), &answer);
        answer
    }

    /// The same where the answer is a secret itself.
    fn give(&self, method: &str, path: &str, who: &str, document: &str) -> RawResponse {
        let headers = format!("{who}Content-Type: application/json\r\n");
        self.depot().request(method, path, None, &headers, document.as_bytes())
    }

    /// Looks everywhere, when the server has ended.
    fn end(mut self) {
        self.search.look_at_answer("what is measured", &self.server.depot.get("/metrics"));
        // The last of what was asked stands there too, as soon as it has come through.
        let log = || self.server.depot.server().stderr();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !log().contains("/metrics") {
            assert!(Instant::now() < deadline, "the log tells not of every request");
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = log();
        for line in log.lines() {
            self.search.look("the log", line.as_bytes());
        }
        self.server.depot.stop();
        self.search.look_below(&self.server.depot.data_dir(), &["admin.token"]);
        self.search.assert_nothing_was_found();
    }
}

fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{password}")))
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// Sends what is well and what is odd to every door, as this one.
fn try_everything(watch: &mut Watch, who: &str, made: &str) {
    let [(_, first), (_, second), _, (_, impossible)] = PASSWORDS;
    let new = |password: &str| json!({ "name": "ann", "password": password }).to_string();
    for (method, path) in
        [("GET", "/api/whoami"), ("GET", "/api/tokens"), ("GET", "/api/users"), ("GET", "/api/users/ann")]
    {
        watch.ask(method, path, who, "");
    }
    for password in [first, impossible] {
        watch.ask("POST", "/api/users", who, &new(password));
        watch.ask("POST", "/api/users", who, &format!("{} {password}", new(password)));
    }
    let odd = json!({ "password": [second], "token": made, "id": { "x": made }, "scopes": [made], "disabled": first });
    for (method, path) in [
        ("POST", "/api/users"),
        ("PATCH", "/api/users/ann"),
        ("PATCH", "/api/users/nobody"),
        ("POST", "/api/tokens"),
        ("DELETE", "/api/tokens"),
    ] {
        watch.ask(method, path, who, &odd.to_string());
        for (key, value) in odd.as_object().unwrap() {
            // The token is revoked below.
            if (method, key.as_str()) != ("DELETE", "token") {
                watch.ask(
                    method,
                    path,
                    who,
                    &Value::from(serde_json::Map::from_iter([(key.clone(), value.clone())])).to_string(),
                );
            }
            watch.ask(method, path, who, &format!("{{\"{key}\": {value}"));
        }
    }
    watch.ask("DELETE", &format!("/api/tokens/{made}"), who, "");
}

fn accounts(level: &str) {
    let [(_, first), (_, second), (_, wrong), _] = PASSWORDS;
    let mut watch = Watch::start(level);
    let admin = bearer(&watch.depot().token());
    let new = |password: &str| json!({ "name": "ann", "password": password }).to_string();
    assert_eq!(watch.ask("POST", "/api/users", &admin, &new(first)).status, 201);
    let (ann, mallory) = (basic("ann", first), basic("ann", wrong));
    let made = watch.give("POST", "/api/tokens", &ann, r#"{"name": "laptop"}"#);
    let made = body(&made)["token"].as_str().unwrap().to_owned();
    watch.search.add_token("a token of an account", &made);
    let token = bearer(&made);
    for who in [&admin, &ann, &token, &String::new()] {
        try_everything(&mut watch, who, &made);
    }
    let change = json!({ "password": second }).to_string();
    assert_eq!(watch.ask("PATCH", "/api/users/ann", &ann, &change).status, 200);
    assert_eq!(watch.ask("GET", "/api/whoami", &basic("ann", second), "").status, 200);
    let gone = json!({ "token": made }).to_string();
    for _ in 0..2 {
        assert_eq!(watch.ask("DELETE", "/api/tokens", &basic("ann", second), &gone).status, 200);
    }
    watch.ask("GET", "/api/whoami", &token, "");
    // Last, as failures slow down everyone who comes from there.
    try_everything(&mut watch, &mallory, &made);
    for args in [
        &["user", "list", "--format", "json"][..],
        &["token", "list"],
        &["audit", "show"],
        &["config", "show"],
    ] {
        let said = watch.depot().admin(args);
        watch.search.look("what an admin verb said", format!("{}{}", said.stdout, said.stderr).as_bytes());
    }
    watch.end();
}

#[test]
fn no_secret_of_an_account_is_found_again() {
    accounts("debug");
    accounts("trace");
}

#[test]
fn no_secret_of_a_login_is_found_again() {
    let [(_, first), (_, second), (_, wrong), _] = PASSWORDS;
    let mut watch = Watch::start("trace");
    watch.depot().new_user("ann", first, &[]);
    watch.depot().new_user("bob", second, &[]);
    let home = TempDir::new().unwrap();
    let url = watch.depot().url().to_owned();
    let in_address = url.replace("http://", &format!("http://ann:{wrong}@"));
    let mut known: Option<String> = None;
    for (args, input) in [
        (&["login", &url, "--username", "ann", "--password-stdin", "-v"][..], wrong),
        (&["login", &in_address, "-v"], wrong),
        (&["login", &url, "--username", "ann", "--password-stdin", "-v"], first),
        (&["whoami", "-v"], ""),
        (&["whoami", "--format", "json"], ""),
        (&["token", "list", &url, "-v"], ""),
        (&["use", &url, "--pip", "--uv", "--dry-run"], ""),
        (&["login", &url, "--token-stdin", "-v"], wrong),
        (&["logout", &url, "-v"], ""),
    ] {
        let mut command = depot_command(args);
        command.env("HOME", home.path()).env("DEPOT_CONFIG_DIR", home.path().join("depot"));
        command.env("RUST_LOG", "trace").env("DEPOT_LOG", "trace").current_dir(home.path());
        let said = run_reading(&mut command, &format!("{input}\n"));
        // The token of the login is known from here on.
        let kept = fs::read_to_string(home.path().join("depot/credentials.json")).unwrap_or_default();
        let kept: Value = serde_json::from_str(&kept).unwrap_or_default();
        if let Some(token) = kept["servers"][&url]["token"].as_str()
            && known.as_deref() != Some(token)
        {
            watch.search.add_token("the token of a login", token);
            known = Some(token.to_owned());
        }
        for text in [&said.stdout, &said.stderr] {
            watch.search.look(&format!("what depot {} said", args[0]), text.as_bytes());
        }
    }
    assert!(known.is_some(), "the right password logs in");
    watch.ask("GET", "/api/tokens", &basic("bob", second), "");
    watch.search.look_below(home.path(), &[]);
    watch.end();
}

#[test]
fn no_secret_of_a_job_is_found_again() {
    for level in ["debug", "trace"] {
        let mut watch = Watch::start(level);
        let jobs: Vec<String> = (0..4).map(|_| watch.server.ci.token(&github_job())).collect();
        for job in &jobs {
            watch.search.add_token("a token of a job", job);
        }
        let ask = |token: &str| json!({ "token": token }).to_string();
        let minted = watch.give("POST", "/_/oidc/mint-token", "", &ask(&jobs[0]));
        let minted = body(&minted)["token"].as_str().unwrap().to_owned();
        watch.search.add_token("a token that was minted", &minted);
        let mut other = github_job();
        other["repository"] = json!("evil/core");
        let stranger = watch.server.ci.token(&other);
        watch.search.add_token("a token of a stranger", &stranger);
        for path in ["/_/oidc/mint-token", "/_/oidc/burn-token", "/_/oidc/github/mint-token"] {
            // Used, and used by another door; cut short; of a stranger; no document; and as credentials.
            for text in [
                ask(&jobs[0]),
                ask(&format!("{}x", jobs[1])),
                ask(&stranger),
                ask(&minted),
                format!("{{\"token\": {}", jobs[2]),
                json!({ "token": [jobs[2]] }).to_string(),
                json!({ jobs[2].as_str(): 1 }).to_string(),
            ] {
                watch.ask("POST", path, &bearer(&jobs[3]), &text);
            }
        }
        for token in [&jobs[3], &stranger, &minted] {
            watch.ask("GET", "/python/simple/", &bearer(token), "");
            watch.ask("GET", "/python/simple/", &basic("__token__", token), "");
            watch.ask("POST", "/api/tokens", &bearer(token), "{}");
        }
        watch.end();
    }
}
