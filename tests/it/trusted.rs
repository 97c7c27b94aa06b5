//! Trusted publishing: CI jobs that show who they are, and get tokens for what was agreed on.

mod forged;
mod keys;
mod uploaders;

use std::fs;
use std::path::{Path, PathBuf};

use depot_tests::{CiSystem, RawResponse, WheelBuilder, counted};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::python::depot::{Depot, assert_refused, body};

const AUDIENCE: &str = "depot-acme";

/// What a job of the repository acme/core says of itself, as GitHub has it.
pub(crate) fn github_job() -> Value {
    json!({
        "aud": AUDIENCE,
        "sub": "repo:acme/core:environment:release",
        "repository": "acme/core",
        "repository_owner": "acme",
        "job_workflow_ref": "acme/core/.github/workflows/release.yml@refs/tags/v1.0",
        "ref": "refs/tags/v1.0",
        "environment": "release",
    })
}

/// The claims with one of them changed.
fn changed(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    claims[name] = value.into();
    claims
}

/// A server that trusts some jobs of a CI system. The folder holds its configuration.
pub(crate) struct Trusting {
    pub(crate) depot: Depot,
    pub(crate) ci: CiSystem,
    folder: TempDir,
}

impl Trusting {
    /// A server that trusts acme/core, and whatever else is written.
    pub(crate) fn start(more: &str) -> Self {
        Self::start_with(more, &[])
    }

    pub(crate) fn start_with(more: &str, args: &[&str]) -> Self {
        let (ci, folder) = (CiSystem::start(), TempDir::new().unwrap());
        fs::write(folder.path().join("publishers.toml"), publishers(&ci, more)).unwrap();
        let config = folder.path().join("depot-server.toml");
        let text = format!("[oidc]\npublishers = \"publishers.toml\"\naudience = \"{AUDIENCE}\"\n");
        fs::write(&config, text).unwrap();
        let args = [&["--config", config.to_str().unwrap()], args].concat();
        Self { depot: Depot::start_with(&args), ci, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("publishers.toml")
    }

    /// Asks for a token with this one of a job.
    fn mint(&self, token: &str) -> RawResponse {
        let request = json!({ "token": token }).to_string();
        let headers = "Content-Type: application/json\r\n";
        self.depot.request("POST", "/_/oidc/mint-token", None, headers, request.as_bytes())
    }

    /// The token that a job with these claims gets.
    pub(crate) fn token_for(&self, claims: &Value) -> String {
        let answer = self.mint(&self.ci.token(claims));
        assert_eq!(answer.status, 200, "{}", answer.text());
        body(&answer)["token"].as_str().unwrap().to_owned()
    }
}

fn publishers(ci: &CiSystem, more: &str) -> String {
    let url = ci.url();
    format!(
        "[[publisher]]\nname = \"core\"\nkind = \"github\"\nissuer = \"{url}\"\nrepository = \"Acme/core\"\n\
         workflow = \"release.yml\"\nenvironment = \"release\"\nref = \"refs/tags/v*\"\n\
         scopes = [\"push+push-new:python:acme-*\"]\n{more}"
    )
    .replace("ISSUER", url)
}

/// Fails unless a job was refused in the way that every uploader reads.
#[track_caller]
fn assert_refused_job(answer: &RawResponse, code: &str, words: &str) {
    assert_eq!(answer.status, 422, "{}", answer.text());
    let body = body(answer);
    assert_eq!(body["message"], "Token request failed");
    let errors = body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1);
    let description = errors[0]["description"].as_str().unwrap();
    assert_eq!(errors[0]["code"], code, "{description}");
    assert!(description.contains(words), "`{words}` is not in: {description}");
}

#[test]
fn a_job_gets_a_token_for_what_was_agreed_on_and_for_nothing_else() {
    let server = Trusting::start("");
    let audience = server.depot.get("/_/oidc/audience");
    assert_eq!((audience.status, body(&audience)), (200, json!({ "audience": AUDIENCE })));
    assert_eq!(audience.header("cache-control"), Some("no-store"));

    let answer = server.mint(&server.ci.token(&github_job()));
    let minted = body(&answer);
    assert_eq!((answer.status, &minted["success"]), (200, &json!(true)), "{}", answer.text());
    let left = minted["expires"].as_i64().unwrap() - now();
    assert!((14 * 60..=15 * 60).contains(&left), "{left} s");
    let token = minted["token"].as_str().unwrap();

    let put = |name: &str| {
        let wheel = WheelBuilder::new(name, "1.0");
        server.depot.put_as(token, name, &wheel.filename(), &wheel.build())
    };
    assert_eq!(put("acme-core").status, 201);
    assert_refused(&put("teapot"), 403, "forbidden");
    // What is published is known as the publisher's, and the token as made for this very job.
    let journal = fs::read_to_string(server.depot.data_dir().join("journal/changes.jsonl")).unwrap();
    assert!(journal.lines().any(|line| line.contains("publish") && line.contains("oidc:core")), "{journal}");
    let tokens = server.depot.admin(&["token", "list", "--format", "json"]).assert_success().stdout;
    assert!(tokens.contains("repo:acme/core:environment:release"), "{tokens}");
}

#[test]
fn the_algorithms_of_other_systems_and_the_old_path_do_too() {
    let server = Trusting::start("");
    let token = server.ci.sign("ES256", &server.ci.claims(&github_job()));
    let request = json!({ "token": token }).to_string();
    let answer = server.depot.request("POST", "/_/oidc/github/mint-token", None, "", request.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    // Names that GitHub takes for the same are the same here.
    let job = changed(github_job(), "repository", "ACME/Core");
    let job = changed(job, "job_workflow_ref", "ACME/Core/.github/workflows/release.yml@refs/tags/v2");
    assert_eq!(server.mint(&server.ci.token(&job)).status, 200);
}

#[test]
fn a_server_that_trusts_nobody_has_no_such_doors() {
    let depot = Depot::start();
    assert_eq!(depot.get("/_/oidc/audience").status, 404);
    assert_eq!(depot.request("POST", "/_/oidc/mint-token", None, "", b"{}").status, 404);
}

#[test]
fn a_job_that_is_not_the_agreed_one_is_told_which_claim_is_in_the_way() {
    let server = Trusting::start("");
    for (claim, value, words) in [
        ("repository", "evil/core", "`repository` to be `Acme/core`"),
        ("repository", "acme/core2", "`repository`"),
        ("job_workflow_ref", "acme/core/.github/workflows/test.yml@refs/tags/v1", "release.yml@*"),
        ("job_workflow_ref", "evil/core/.github/workflows/release.yml@refs/tags/v1", "release.yml@*"),
        ("job_workflow_ref", "acme/core/.github/workflows/release.ymlx@refs/tags/v1", "release.yml@*"),
        ("environment", "test", "`environment` to be `release`"),
        ("ref", "refs/heads/v1", "`ref` to be `refs/tags/v*`"),
        ("ref", "REFS/tags/v1", "`ref`"),
    ] {
        let job = changed(github_job(), claim, value);
        let answer = server.mint(&server.ci.token(&job));
        assert_refused_job(&answer, "invalid-publisher", words);
        let said = answer.text();
        assert!(said.contains(&format!("{claim}={value}")), "{said}");
    }
    let job = changed(github_job(), "environment", Value::Null);
    assert_refused_job(&server.mint(&server.ci.token(&job)), "invalid-publisher", "`environment`");
}

#[test]
fn gitlab_and_others_have_rules_of_their_own() {
    let more = "[[publisher]]\nname = \"inside\"\nkind = \"gitlab\"\nissuer = \"ISSUER\"\n\
        project = \"group/sub/name\"\nworkflow = \".gitlab-ci.yml\"\nscopes = [\"push:python:acme-inside\"]\n\
        [[publisher]]\nname = \"other\"\nkind = \"generic\"\nissuer = \"ISSUER\"\nsubject = \"build:acme/*\"\n\
        claims = { protected = true, tier = [\"gold\", \"silver\"] }\nscopes = [\"read:python:*\"]\nminutes = 60\n";
    let server = Trusting::start(more);
    let host = server.ci.url().trim_start_matches("http://").to_owned();
    let gitlab = json!({
        "aud": AUDIENCE,
        "sub": "project_path:group/sub/name:ref_type:branch:ref:main",
        "project_path": "group/sub/name",
        "ci_config_ref_uri": format!("{host}/group/sub/name//.gitlab-ci.yml@refs/heads/main"),
    });
    server.token_for(&gitlab);
    let elsewhere =
        changed(gitlab, "ci_config_ref_uri", format!("{host}/group/sub/name//other.yml@refs/heads/main"));
    assert_refused_job(&server.mint(&server.ci.token(&elsewhere)), "invalid-publisher", ".gitlab-ci.yml@*");

    let other =
        json!({ "aud": AUDIENCE, "sub": "build:acme/7", "protected": true, "tier": ["none", "gold"] });
    server.token_for(&other);
    for (claim, value) in [
        ("sub", json!("build:evil/7")),
        ("protected", json!(false)),
        ("protected", Value::Null),
        ("tier", json!("bronze")),
        ("tier", json!({ "gold": 1 })),
    ] {
        let job = changed(other.clone(), claim, value);
        assert_eq!(server.mint(&server.ci.token(&job)).status, 422, "{job}");
    }
}

#[test]
fn a_minted_token_reads_a_server_that_is_closed_to_others() {
    let more = "[[publisher]]\nname = \"reader\"\nkind = \"generic\"\nissuer = \"ISSUER\"\nsubject = \"test\"\n\
        scopes = [\"read\"]\n";
    let server = Trusting::start_with(more, &["--read", "tokens"]);
    server.depot.publish(&WheelBuilder::new("acme-core", "1.0"));
    let read = |token: Option<&str>| server.depot.request("GET", "/python/simple/acme-core/", token, "", b"");
    assert_eq!(read(None).status, 401);
    let token = server.token_for(&json!({ "aud": AUDIENCE, "sub": "test" }));
    assert_eq!(read(Some(&token)).status, 200);
    let wheel = WheelBuilder::new("acme-core", "2.0");
    let put = server.depot.put_as(&token, "acme-core", &wheel.filename(), &wheel.build());
    assert_refused(&put, 403, "forbidden");
    // Like every other token it can be revoked.
    let listed = server.depot.admin(&["token", "list", "--format", "json"]).assert_success().stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let minted = listed["tokens"].as_array().unwrap().iter().find(|token| token["subject"] == "oidc:reader");
    server.depot.admin(&["token", "revoke", minted.unwrap()["id"].as_str().unwrap()]).assert_success();
    assert_eq!(read(Some(&token)).status, 401);
}

#[test]
fn a_job_that_is_done_ends_its_token() {
    let server = Trusting::start("");
    let burn = |token: &str| {
        let request = json!({ "token": token }).to_string();
        server.depot.request("POST", "/_/oidc/burn-token", None, "", request.as_bytes())
    };
    let read = |token: &str| server.depot.request("GET", "/python/simple/", Some(token), "", b"").status;
    let token = server.token_for(&github_job());
    assert_eq!(read(&token), 200);
    assert_eq!(burn(&token).status, 204);
    assert_eq!(read(&token), 401);
    assert_refused_job(&burn(&token), "invalid-token", "was revoked");
    // What an administrator issued is not for its bearer to end here.
    assert_refused_job(&burn(&server.depot.token()), "invalid-token", "whoever issued it");
    assert_eq!(read(&server.depot.token()), 200);
}

#[test]
fn a_token_that_is_used_fifty_times_at_once_mints_one() {
    let mut server = Trusting::start("");
    let rounds = 5;
    for round in 1..=rounds {
        let (token, barrier) = (server.ci.token(&github_job()), std::sync::Barrier::new(50));
        let ask = || {
            barrier.wait();
            server.mint(&token)
        };
        let answers: Vec<RawResponse> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..50).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        let (minted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((minted.len(), refused.len()), (1, 49));
        for answer in refused {
            assert_refused_job(answer, "invalid-reuse-token", "used before");
        }
        // Nor did one of those that were refused make a token on its way.
        let listed = server.depot.admin(&["token", "list", "--format", "json"]).assert_success().stdout;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let of_job = |token: &&Value| token["subject"] == "oidc:core";
        let made = listed["tokens"].as_array().unwrap().iter().filter(of_job).count();
        assert_eq!(made as u64, round, "{listed}");
    }
    counted("attack 37", "uses of one job's token at once, each token minted once", rounds * 50);
    // Nor does another start, or another signature under the same words, make it new.
    let token = server.ci.sign("ES256", &server.ci.claims(&github_job()));
    assert_eq!(server.mint(&token).status, 200);
    server.depot.stop();
    server.depot.resume();
    assert_refused_job(&server.mint(&token), "invalid-reuse-token", "used before");
    let claims = server.ci.claims(&changed(github_job(), "jti", Value::Null));
    let [first, second] = [(); 2].map(|()| server.ci.sign("ES256", &claims));
    assert_ne!(first, second, "such signatures hold chance");
    assert_eq!(server.mint(&first).status, 200);
    assert_refused_job(&server.mint(&second), "invalid-reuse-token", "used before");
}

#[test]
fn what_is_no_request_is_refused_in_the_same_form() {
    let server = Trusting::start("");
    for request in ["", "x", "[]", "{}", "{\"token\": 7}", "{\"token\": null}"] {
        let answer = server.depot.request("POST", "/_/oidc/mint-token", None, "", request.as_bytes());
        assert_refused_job(&answer, "invalid-payload", "`token`");
    }
    let long = json!({ "token": "x".repeat(20_000) }).to_string();
    let answer = server.depot.request("POST", "/_/oidc/mint-token", None, "", long.as_bytes());
    assert_refused_job(&answer, "invalid-token", "too long");
    let longer = vec![b' '; 40_000];
    assert_eq!(server.depot.request("POST", "/_/oidc/mint-token", None, "", &longer).status, 413);
}

#[expect(clippy::disallowed_methods, reason = "what is issued here must be of now")]
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// Writes a file so that its time differs from that of the last.
fn write_later(path: &Path, text: &str) {
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(path, text).unwrap();
}
