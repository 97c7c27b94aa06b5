//! The keys of the CI systems, and the file that says whom to trust, while they change.

use std::fs;

use depot_tests::{CiSystem, ServerProcess, binary, run};
use serde_json::json;
use tempfile::TempDir;

use super::{AUDIENCE, Trusting, assert_refused_job, changed, github_job, publishers, write_later};

#[test]
fn keys_are_asked_for_once_and_again_when_a_new_one_is_named() {
    let server = Trusting::start("");
    for _ in 0..3 {
        server.token_for(&github_job());
    }
    assert_eq!(server.ci.asked(), ["/.well-known/openid-configuration", "/keys"]);
    // Whoever names keys that are not there makes the server ask no more than once in a while.
    server.ci.rotate();
    for _ in 0..3 {
        let token = server.ci.token(&github_job());
        assert_refused_job(&server.mint(&token), "invalid-token", "names a key that");
    }
    assert_eq!(server.ci.asked().len(), 2);
}

#[test]
fn a_server_without_a_way_out_reads_keys_from_a_file() {
    let ci = CiSystem::start();
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("publishers.toml"), publishers(&ci, "")).unwrap();
    let text = format!(
        "[server]\noffline = true\n[oidc]\npublishers = \"publishers.toml\"\naudience = \"{AUDIENCE}\"\n"
    );
    fs::write(path("depot-server.toml"), text).unwrap();

    // Offline and without the keys there would be nobody to trust.
    let mut command = std::process::Command::new(binary("depot-server"));
    command.env_clear().args(["serve", "--port", "0", "--config"]).arg(path("depot-server.toml"));
    let refused = run(command.arg("--data-dir").arg(path("data")));
    assert!(!refused.success() && refused.stderr.contains("add [[issuer]]"), "{}", refused.stderr);

    let issuer = format!("[[issuer]]\nurl = \"{}\"\njwks = \"keys.json\"\n", ci.url());
    fs::write(path("publishers.toml"), publishers(&ci, &issuer)).unwrap();
    fs::write(path("keys.json"), ci.keys().to_string()).unwrap();
    let server =
        ServerProcess::start(&path("data"), ["--config", path("depot-server.toml").to_str().unwrap()]);
    let mint = || {
        let request = json!({ "token": ci.token(&github_job()) }).to_string();
        let head = "POST /_/oidc/mint-token HTTP/1.1\r\nHost: depot\r\nConnection: close\r\nContent-Length:";
        let request = format!("{head} {}\r\n\r\n{request}", request.len());
        depot_tests::send(server.url(), request.into_bytes()).unwrap().status
    };
    assert_eq!(mint(), 200);
    // New keys are known as soon as they are in the file.
    ci.rotate();
    assert_eq!(mint(), 422);
    write_later(&path("keys.json"), &ci.keys().to_string());
    assert_eq!(mint(), 200);
    assert!(ci.asked().is_empty(), "{:?}", ci.asked());
}

#[test]
fn the_file_of_publishers_is_read_again_and_a_broken_one_changes_nothing() {
    let server = Trusting::start("");
    let job = changed(github_job(), "environment", "nightly");
    let mint = || server.mint(&server.ci.token(&job));
    assert_eq!(mint().status, 422);
    let nightly = publishers(&server.ci, "").replace("\"release\"", "\"nightly\"");
    write_later(&server.file(), &nightly);
    assert_eq!(mint().status, 200);
    write_later(&server.file(), "[[publisher]]\nname = \"core\"\n");
    assert_eq!(mint().status, 200);
    write_later(&server.file(), &publishers(&server.ci, ""));
    assert_eq!(mint().status, 422);
}

#[test]
fn a_file_that_would_trust_anybody_stops_the_server_at_its_line() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("depot-server.toml"), "[oidc]\npublishers = \"publishers.toml\"\n").unwrap();
    let start = || {
        let mut command = std::process::Command::new(binary("depot-server"));
        command.env_clear().current_dir(&folder).args(["serve", "--port", "0", "--data-dir", "data"]);
        run(&mut command)
    };
    let missing = start();
    assert!(missing.stderr.contains("cannot read the publishers `publishers.toml`"), "{}", missing.stderr);
    fs::write(
        folder.path().join("publishers.toml"),
        "# whom to trust\n[[publisher]]\nname = \"all\"\nkind = \"github\"\nscopes = [\"push\"]\n",
    )
    .unwrap();
    let refused = start();
    assert!(refused.stderr.contains("publishers.toml:2: publisher `all`: it needs"), "{}", refused.stderr);
    assert!(!refused.success());
}
