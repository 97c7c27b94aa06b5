//! Attack 40, on the wire: a server whose certificate proves nothing. The command sends it nothing, and no variable of the
//! environment changes that.

use std::fs;
use std::path::Path;
use std::process::Command;

use depot_tests::{Output, WheelBuilder, counted, run, sha256_hex};
use serde_json::json;

use crate::python::company_ca::{Company, openssl, sign};
use crate::python::saved::Saved;

const TOKEN: &str = "depot_canary-token-that-nobody-may-see";

/// What other programs take for leave not to look.
const SWITCHES: [(&str, &str); 14] = [
    ("DEPOT_INSECURE", "1"),
    ("DEPOT_TLS_VERIFY", "0"),
    ("DEPOT_NO_VERIFY", "1"),
    ("PYTHONHTTPSVERIFY", "0"),
    ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
    ("GIT_SSL_NO_VERIFY", "1"),
    ("CURL_INSECURE", "1"),
    ("SSL_VERIFY", "false"),
    ("SSL_NO_VERIFY", "1"),
    ("CARGO_HTTP_CHECK_REVOKE", "false"),
    ("PIP_TRUSTED_HOST", "127.0.0.1 localhost"),
    ("UV_INSECURE_HOST", "127.0.0.1 localhost"),
    ("REQUESTS_CA_BUNDLE", ""),
    ("RUSTLS_INSECURE", "1"),
];

fn self_signed(folder: &Path) -> Option<()> {
    let new = "req -x509 -key server.key -days 2 -config openssl.cnf -extensions server";
    openssl(folder, &format!("{new} -out server.pem"))
}

fn expired(folder: &Path) -> Option<()> {
    fs::write(folder.join("issued.txt"), "").unwrap();
    fs::write(folder.join("serial.txt"), "03").unwrap();
    let sign = "ca -batch -notext -config openssl.cnf -cert company.pem -keyfile company.key";
    let when = "-startdate 20200101000000Z -enddate 20200201000000Z";
    openssl(folder, &format!("{sign} {when} -extensions server -in server.csr -out server.pem"))
}

/// What is wrong with a certificate, and what makes one that is.
type Fault = (&'static str, fn(&Path) -> Option<()>);

const FAULTS: [Fault; 4] = [
    ("by an authority that is not trusted", |folder| sign(folder, "stranger", "server")),
    ("for another name", |folder| sign(folder, "company", "elsewhere")),
    ("out of date", expired),
    ("signed by itself", self_signed),
];

/// A tree with one wheel, ready to be pushed.
fn saved() -> Saved {
    let saved = Saved::new();
    let wheel = WheelBuilder::new("kettle", "1.0");
    let (filename, bytes) = (wheel.filename(), wheel.build());
    let record =
        json!({ "filename": filename, "size": bytes.len(), "hashes": { "sha256": sha256_hex(&bytes) } });
    let path = saved.path("kettle", &filename);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    fs::write(saved.path("kettle", &format!("{filename}.json")), record.to_string()).unwrap();
    saved
}

/// Tries a command that must fail because of the certificate alone, and say so without the secrets.
#[track_caller]
fn assert_fails(company: &Company, command: &mut Command, what: &str) {
    command.env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", company.authority("company"));
    let said: Output = run(command);
    assert!(matches!(said.code, Some(1 | 3)), "{what}: {:?}\n{}", said.code, said.stderr);
    assert!(said.stderr.contains("certificate"), "{what}: {}", said.stderr);
    assert!(!said.stderr.contains("canary") && !said.stdout.contains("canary"), "{what}: {}", said.stderr);
    assert_eq!(company.requests(), "", "{what}: something was sent");
}

#[test]
fn nothing_is_sent_to_a_server_whose_certificate_proves_nothing() {
    let mut tried = 0;
    for (what, certify) in FAULTS {
        let Some(company) = Company::start_with(certify) else { return };
        let (tree, empty) = (saved(), Saved::new());
        let index = company.url("127.0.0.1").replace("https://", "https://ann:canary-password@");
        let server = company.url("127.0.0.1").replace("/simple/", "/");
        let save = || empty.save_command(&index, &["teapot"]);
        let push = || {
            let mut command = tree.push_command(&server, &[]);
            command.env("DEPOT_AUTH_TOKEN", TOKEN);
            command
        };
        assert_fails(&company, &mut save(), &format!("save, {what}"));
        let all = || SWITCHES.iter().copied();
        assert_fails(&company, save().envs(all()), &format!("save with every switch, {what}"));
        assert_fails(&company, push().envs(all()), &format!("push with every switch, {what}"));
        for switch in ["--insecure", "-k", "--no-verify", "--trusted-host=127.0.0.1"] {
            run(save().arg(switch)).assert_code(2);
            run(push().arg(switch)).assert_code(2);
        }
        tried += 11;
    }
    counted("attack 40", "tries to be heard by a server whose certificate proves nothing", tried);
}
