//! Over TLS: a server of this product, and a web server that knows little.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use depot_tests::{Clients, ServerProcess, WheelBuilder, sha256_hex};

use super::{doctor, document, findings, own};
use crate::python::company_ca::{OPENSSL_CNF, make_authority, make_server_key, sign};

/// Makes `company.pem`, and `server.pem` and `server.key` that it vouches for; none where this machine has no `openssl`.
fn certify(folder: &Path) -> Option<()> {
    fs::write(folder.join("openssl.cnf"), OPENSSL_CNF).unwrap();
    make_authority(folder, "company")?;
    make_server_key(folder)?;
    sign(folder, "company", "server")
}

#[test]
fn a_server_of_this_product_passes_over_tls_with_nothing_to_say() {
    let folder = tempfile::tempdir().unwrap();
    if certify(folder.path()).is_none() {
        return;
    }
    drop(own::filled(folder.path(), &[]));
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, authority) = (path("server.pem"), path("server.key"), path("company.pem"));
    let args = ["--tls-certificate", &certificate, "--tls-key", &key];
    let server = ServerProcess::start(&folder.path().join("data"), args);
    let url = format!("{}/python/simple/", server.url());
    let output = doctor(&[&url, "--project", "tea-pot", "--root", "--cacert", &authority]);
    let document = document(&output);
    assert!(findings(&document).is_empty() && output.code == Some(0), "{:#?}", findings(&document));
    let looked_at =
        |id: &str| document["findings"].as_array().unwrap().iter().any(|finding| finding["id"] == id);
    assert!(["reach.http2", "reach.plain-http", "file.downgrade"].into_iter().all(looked_at), "{document:#}");
    // Who trusts nobody cannot look at it.
    let refused = doctor(&[&url, "--project", "tea-pot"]).assert_code(1);
    assert!(refused.stderr.contains("could not be reached"), "{}", refused.stderr);
}

/// A web server over a folder; it is ended when dropped.
struct Static(Child);

impl Drop for Static {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn files_over_http_behind_https_and_a_want_of_http2_are_found() {
    let Some(clients) = Clients::find() else { return };
    let room = clients.room();
    let folder = room.path();
    if certify(&folder).is_none() {
        return;
    }
    let wheel = WheelBuilder::new("tea-pot", "1.0");
    let (name, digest) = (wheel.filename(), sha256_hex(&wheel.build()));
    let page = folder.join("index/simple/tea-pot");
    fs::create_dir_all(&page).unwrap();
    let link = format!("<a href=\"http://127.0.0.1:9/{name}#sha256={digest}\">{name}</a>");
    fs::write(page.join("index.html"), link).unwrap();
    let mut command = room.command("python");
    command.args(["-c", include_str!("../python/company_ca.py"), "index", "server.pem", "server.key"]);
    let mut server = Static(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let url = format!("https://127.0.0.1:{}/simple/", port.trim());
    let authority = folder.join("company.pem").to_str().unwrap().to_owned();
    let output = doctor(&[&url, "--project", "tea-pot", "--cacert", &authority]).assert_code(3);
    let found: Vec<String> = findings(&document(&output)).into_iter().map(|(id, ..)| id).collect();
    for id in super::OVER_TLS {
        assert!(found.iter().any(|found| found == id), "{id} is not in {found:?}");
    }
}
