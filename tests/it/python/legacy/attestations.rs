//! Attestations come with an upload, are kept beside the file, and are told where installers look.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{Clients, WheelBuilder, run};
use serde_json::{Value, json};

use super::form::{Form, Uploader};
use crate::python::depot::{Depot, assert_refused, body, listing};
use crate::python::index::Built;

/// An attestation as PEP 740 has it, of bytes with this digest; nobody signed it.
pub(in crate::python) fn attestation(sha256: &str) -> Value {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "tea_pot-1.0-py3-none-any.whl", "digest": { "sha256": sha256 } }],
        "predicateType": "https://docs.pypi.example/attestations/publish/v1",
        "predicate": null,
    });
    json!({
        "version": 1,
        "verification_material": { "certificate": "MIIC", "transparency_entries": [{ "logIndex": "1" }] },
        "envelope": { "statement": STANDARD.encode(statement.to_string()), "signature": "MEUC" },
    })
}

fn teapot() -> Built {
    Built::from(&WheelBuilder::new("tea-pot", "1.0"))
}

/// The form of uv, which sends them after the file.
fn form(file: &Built, attestations: &str) -> Form {
    Uploader::Uv.form(file).field("attestations", attestations)
}

#[test]
fn attestations_are_kept_served_and_told_in_both_forms_of_the_page() {
    let mut depot = Depot::start();
    let file = teapot();
    let attestations = json!([attestation(&file.sha256()), attestation(&file.sha256())]);
    assert_eq!(form(&file, &attestations.to_string()).post(&depot).status, 200);
    let told = format!("../../files/tea-pot/{}.provenance", file.filename);
    for _ in 0..2 {
        let listed = &depot.listed("tea-pot")[0];
        assert_eq!(listed["provenance"], told, "{listed}");
        let html = depot.request("GET", "/python/simple/tea-pot/?format=html", None, "", b"").text();
        assert!(html.contains(&format!("data-provenance=\"{told}\"")), "{html}");
        for path in ["/python/files/tea-pot/", "/python/simple/tea-pot/"] {
            let served = depot.get(&format!("{path}{}.provenance", file.filename));
            assert_eq!(served.status, 200);
            assert_eq!(served.header("content-type"), Some("application/vnd.pypi.integrity.v1+json"));
            let document = body(&served);
            assert_eq!(
                (&document["version"], &document["attestation_bundles"][1]),
                (&json!(1), &Value::Null)
            );
            assert_eq!(document["attestation_bundles"][0]["attestations"], attestations);
            assert!(document["attestation_bundles"][0]["publisher"]["kind"].is_string(), "{document}");
        }
        // It lies in the tree, and a server that starts again knows of it.
        depot.stop();
        depot.resume();
    }
    // The same bytes again are no news, with attestations or without.
    let before = listing(&depot.tree().join("files"));
    assert_eq!(Uploader::Uv.form(&file).post(&depot).status, 200);
    assert_eq!(form(&file, &json!([attestation(&file.sha256())]).to_string()).post(&depot).status, 200);
    assert_eq!(listing(&depot.tree().join("files")), before);
    depot.assert_tmp_is_empty();
}

#[test]
fn a_file_without_attestations_has_no_provenance() {
    let depot = Depot::start();
    let file = teapot();
    assert_eq!(form(&file, "[]").post(&depot).status, 200);
    assert_eq!(depot.listed("tea-pot")[0].get("provenance"), None);
    let served = depot.get(&format!("{}.provenance", file.path()));
    assert_refused(&served, 404, "not-found");
    // Nor is a word about it taken from a record.
    let other = Built::from(&WheelBuilder::new("tea-pot", "2.0"));
    let mut record = crate::python::depot::record(&other.filename, &other.bytes);
    record["depot"] = json!({ "v": 1, "provenance": other.sha256() });
    assert_eq!(depot.announce("tea-pot", &record).status, 202);
    assert_eq!(depot.put("tea-pot", &other.filename, &other.bytes).status, 201);
    assert!(depot.listed("tea-pot").iter().all(|file| file.get("provenance").is_none()));
}

#[test]
fn attestations_of_another_file_are_refused_with_it() {
    let depot = Depot::start();
    let file = teapot();
    for attestations in [
        "{".to_owned(),
        "{}".to_owned(),
        json!([attestation(&"0".repeat(64))]).to_string(),
        json!([{ "version": 2 }]).to_string(),
        format!("{}1{}", "[".repeat(5000), "]".repeat(5000)),
    ] {
        let refused = form(&file, &attestations).post(&depot);
        assert_refused(&refused, 400, "invalid-form");
        let words = "Invalid attestations supplied during upload";
        assert!(refused.status_line.contains(words), "{}", refused.status_line);
    }
    assert!(listing(&depot.tree().join("files")).is_empty());
    // Other bytes under a name leave its provenance alone.
    assert_eq!(form(&file, &json!([attestation(&file.sha256())]).to_string()).post(&depot).status, 200);
    let kept = depot.stored("tea-pot", &format!("{}.provenance", file.filename)).unwrap();
    let wheel = WheelBuilder::new("tea-pot", "1.0").file("tea_pot/more.py", "x = 1\n");
    let other = Built::from(&wheel);
    let refused = form(&other, &json!([attestation(&other.sha256())]).to_string()).post(&depot);
    assert_refused(&refused, 409, "file-exists");
    assert_eq!(depot.stored("tea-pot", &format!("{}.provenance", file.filename)), Some(kept));
    depot.assert_tmp_is_empty();
}

#[test]
fn uv_sends_the_attestations_that_lie_beside_a_file() {
    let Some(clients) = Clients::find() else { return };
    let (depot, room, file) = (Depot::start(), clients.room(), teapot());
    let dist = room.path().join("dist");
    std::fs::create_dir(&dist).unwrap();
    std::fs::write(dist.join(&file.filename), &file.bytes).unwrap();
    let beside = dist.join(format!("{}.publish.attestation", file.filename));
    std::fs::write(beside, attestation(&file.sha256()).to_string()).unwrap();
    let mut command = room.command("uv");
    let url = format!("{}/python/", depot.url());
    command.args(["publish", "--publish-url", &url, "--token", &depot.token()]);
    run(&mut command).assert_success();
    let served = depot.get(&format!("{}.provenance", file.path()));
    assert_eq!(served.status, 200, "{}", served.text());
    assert_eq!(body(&served)["attestation_bundles"][0]["attestations"][0]["version"], 1);
}

#[test]
fn a_deleted_file_takes_its_provenance_with_it() {
    let mut depot = Depot::start();
    let file = teapot();
    let attestations = json!([attestation(&file.sha256())]).to_string();
    assert_eq!(form(&file, &attestations).post(&depot).status, 200);
    let served = format!("/python/files/tea-pot/{}.provenance", file.filename);
    assert_eq!(depot.get(&served).status, 200);
    let asked = json!({ "project": "tea-pot", "version": "1.0" }).to_string();
    let token = depot.token();
    let deleted = depot.request("POST", "/python/_/delete", Some(&token), "", asked.as_bytes());
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    for _ in 0..2 {
        assert!(
            listing(&depot.tree().join("files")).values().flatten().next().is_none(),
            "something is left"
        );
        assert_refused(&depot.get(&served), 410, "file-deleted");
        // One that came back, as from an old copy, goes again at the next start.
        depot.stop();
        let folder = depot.tree().join("files/tea-pot");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{}.provenance", file.filename)), "{}").unwrap();
        depot.resume();
    }
}
