//! Real uploaders that are given no secret at all, over TLS, which they insist on.

use std::fs;
use std::process::Command;

use depot_tests::{CiSystem, Clients, ServerProcess, WheelBuilder, run};

use super::{AUDIENCE, github_job, publishers};
use crate::python::company_ca::{OPENSSL_CNF, make_authority, make_server_key, sign};

#[test]
fn uv_publishes_from_a_job_without_any_secret() {
    let Some(clients) = Clients::find() else { return };
    let room = clients.room();
    let folder = room.path();
    fs::write(folder.join("openssl.cnf"), OPENSSL_CNF).unwrap();
    let certified = make_authority(&folder, "company")
        .and_then(|()| make_server_key(&folder))
        .and_then(|()| sign(&folder, "company", "server"));
    if certified.is_none() {
        return;
    }
    let ci = CiSystem::start();
    fs::write(folder.join("publishers.toml"), publishers(&ci, "")).unwrap();
    let config = folder.join("depot-server.toml");
    let text = format!(
        "[oidc]\npublishers = \"publishers.toml\"\naudience = \"{AUDIENCE}\"\n\
         [transport]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n"
    );
    fs::write(&config, text).unwrap();
    let server = ServerProcess::start(&folder.join("data"), ["--config", config.to_str().unwrap()]);
    let publish = |name: &str| {
        let wheel = WheelBuilder::new(name, "1.0");
        let path = folder.join(wheel.filename());
        fs::write(&path, wheel.build()).unwrap();
        let mut command: Command = room.command("uv");
        command
            .args(["publish", "--trusted-publishing", "always", "--publish-url"])
            .arg(format!("{}/legacy/", server.url()))
            .arg(path)
            .env_remove("SSL_CERT_DIR")
            .env("SSL_CERT_FILE", folder.join("company.pem"))
            .envs(ci.job(&github_job()));
        run(&mut command)
    };
    let published = publish("acme-core").assert_success();
    // Its token ends with it.
    assert!(!published.stderr.contains("invalidate"), "{}", published.stderr);
    assert!(folder.join("data/repositories/python/files/acme-core").exists());
    // What was not agreed on is refused, by name.
    let refused = publish("teapot");
    assert!(!refused.success() && refused.stderr.contains("push"), "{}", refused.stderr);
    assert!(ci.asked().iter().filter(|path| *path == "/job-token").count() >= 2);
}
