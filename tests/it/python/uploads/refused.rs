//! Uploads that are refused for what they are: each with its code, and nothing left behind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use depot_tests::{RawResponse, SdistBuilder, WheelBuilder, sha256_hex};
use serde_json::{Value, json};

use crate::python::depot::{Depot, assert_accepted, assert_refused, body, listing, record};

/// A server whose tree must stay as it is.
struct Untouched {
    depot: Depot,
    before: BTreeMap<PathBuf, Option<String>>,
}

impl Untouched {
    fn start() -> Self {
        let depot = Depot::start();
        let before = listing(&depot.tree().join("files"));
        Self { depot, before }
    }

    #[track_caller]
    fn assert_refused(&self, response: &RawResponse, status: u16, code: &str) {
        assert_refused(response, status, code);
        assert_eq!(listing(&self.depot.tree().join("files")), self.before);
        self.depot.assert_tmp_is_empty();
    }
}

fn teapot() -> WheelBuilder {
    WheelBuilder::new("teapot", "1.0")
}

#[test]
fn bytes_that_were_not_announced_are_refused() {
    let tree = Untouched::start();
    let (filename, bytes) = (teapot().filename(), teapot().build());
    let mut wrong = record(&filename, &bytes);
    wrong["hashes"]["sha256"] = json!(sha256_hex(b"something else"));
    assert_accepted(&tree.depot.announce("teapot", &wrong), 202, "send");
    let refused = tree.depot.put("teapot", &filename, &bytes);
    tree.assert_refused(&refused, 400, "digest-mismatch");
    let detail = body(&refused)["detail"].to_string();
    assert!(
        detail.contains(&sha256_hex(&bytes)) && detail.contains(&sha256_hex(b"something else")),
        "{detail}"
    );

    let mut wrong = record(&filename, &bytes);
    wrong["size"] = json!(bytes.len() + 1);
    assert_accepted(&tree.depot.announce("teapot", &wrong), 202, "send");
    tree.assert_refused(&tree.depot.put("teapot", &filename, &bytes), 400, "digest-mismatch");

    assert_accepted(&tree.depot.announce("teapot", &record(&filename, &bytes)), 202, "send");
    assert_accepted(&tree.depot.put("teapot", &filename, &bytes), 201, "created");
}

#[test]
fn what_is_no_archive_is_refused() {
    let tree = Untouched::start();
    let whole = teapot().build();
    for (filename, bytes) in [
        ("teapot-1.0-py3-none-any.whl", &b""[..]),
        ("teapot-1.0-py3-none-any.whl", b"PK"),
        ("teapot-1.0-py3-none-any.whl", b"<!DOCTYPE html><html><body>Please log in</body></html>"),
        ("teapot-1.0-py3-none-any.whl", &whole[..whole.len() / 2]),
        ("teapot-1.0-py3-none-any.whl", &SdistBuilder::new("teapot", "1.0").build()),
        ("teapot-1.0.zip", b"PK\x03\x04 and so on"),
        ("teapot-1.0.tar.gz", b""),
        ("teapot-1.0.tar.gz", &whole),
        ("teapot-1.0.tar.gz", b"\x1f\x8b\x08\x00 and so on"),
    ] {
        let refused = tree.depot.put("teapot", filename, bytes);
        tree.assert_refused(&refused, 400, "invalid-distribution");
    }
    assert_refused(&tree.depot.get("/python/simple/teapot/"), 404, "not-found");
}

#[test]
fn metadata_that_disagrees_with_the_file_name_is_refused() {
    let tree = Untouched::start();
    let metadata =
        |name: &str, version: &str| format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    for (name, version) in [("kettle", "1.0"), ("teapot", "1.1"), ("teapot", "1.0.post1"), ("tea-pot", "1.0")]
    {
        let wheel = teapot().raw_metadata(metadata(name, version));
        let refused = tree.depot.put("teapot", &wheel.filename(), &wheel.build());
        tree.assert_refused(&refused, 400, "metadata-mismatch");
        let detail = body(&refused)["detail"].to_string();
        assert!(detail.contains(if name == "teapot" { version } else { name }), "{detail}");

        let sdist = SdistBuilder::new("teapot", "1.0").raw_pkg_info(metadata(name, version));
        let refused = tree.depot.put("teapot", &sdist.filename(), &sdist.build());
        tree.assert_refused(&refused, 400, "metadata-mismatch");
    }
    // Spellings of the same name and version agree.
    let same = WheelBuilder::new("tea-pot", "1.0").raw_metadata(metadata("Tea.Pot", "1.0.0"));
    assert_accepted(&tree.depot.put("tea-pot", &same.filename(), &same.build()), 201, "created");
}

#[test]
fn a_wheel_without_readable_metadata_is_refused() {
    let tree = Untouched::start();
    let wheels = [
        teapot().dist_info("teapot-1.0.info"),
        teapot().dist_info("inner/teapot-1.0.dist-info"),
        teapot().raw_metadata(""),
        teapot().raw_metadata("this is no metadata"),
        teapot().raw_metadata("Name: teapot\nVersion: 1.0\n"),
        teapot().raw_metadata("Metadata-Version: 2.1\nName: teapot\nName: kettle\nVersion: 1.0\n"),
        teapot().raw_metadata("Metadata-Version: 99.0\nName: teapot\nVersion: 1.0\n"),
        teapot().file("../evil.py", "import os\n"),
        teapot().file("/etc/evil.py", "import os\n"),
        teapot().file("teapot\\..\\..\\evil.py", "import os\n"),
        teapot().file("teapot-1.1.dist-info/METADATA", teapot().metadata()),
    ];
    for (number, wheel) in wheels.iter().enumerate() {
        let refused = tree.depot.put("teapot", &teapot().filename(), &wheel.build());
        assert_eq!(refused.status, 400, "wheel {number}: {}", refused.text());
        tree.assert_refused(&refused, 400, "invalid-distribution");
    }
}

#[test]
fn a_file_of_another_project_or_of_no_kind_is_refused() {
    let tree = Untouched::start();
    let bytes = teapot().build();
    for (project, filename, code) in [
        ("kettle", "teapot-1.0-py3-none-any.whl", "invalid-filename"),
        ("tea", "teapot-1.0-py3-none-any.whl", "invalid-filename"),
        ("teapot", "teapot-1.0-py3-none-any", "invalid-filename"),
        ("teapot", "teapot-1.0.txt", "invalid-filename"),
        ("teapot", "teapot-1.0-py3-none-any.whl.metadata", "invalid-filename"),
        ("teapot", "teapot-1.0-py3-none-any.whl.metadata", "invalid-filename"),
        ("teapot", "teapot-1.0-py3-none-any.whl.json.json", "invalid-filename"),
        ("teapot", ".teapot-1.0-py3-none-any.whl", "invalid-filename"),
        ("teapot", "teapot-one-py3-none-any.whl", "invalid-filename"),
        ("teapot", "teapot.tar.gz", "invalid-filename"),
        ("_teapot_", "teapot-1.0-py3-none-any.whl", "invalid-name"),
    ] {
        tree.assert_refused(&tree.depot.put(project, filename, &bytes), 400, code);
    }
}

#[test]
fn a_malformed_record_is_refused() {
    let tree = Untouched::start();
    let (filename, bytes) = (teapot().filename(), teapot().build());
    let with = |key: &str, value: Value| {
        let mut wrong = record(&filename, &bytes);
        wrong[key] = value;
        wrong.to_string().into_bytes()
    };
    let without = |key: &str| {
        let mut wrong = record(&filename, &bytes);
        wrong.as_object_mut().unwrap().remove(key);
        wrong.to_string().into_bytes()
    };
    let documents = [
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\"teapot\"".to_vec(),
        b"\xff\xfe".to_vec(),
        "[".repeat(60_000).into_bytes(),
        without("filename"),
        without("hashes"),
        without("size"),
        with("hashes", json!({})),
        with("hashes", json!({ "sha256": "abc" })),
        with("hashes", json!({ "sha256": 5 })),
        with("size", json!(-1)),
        with("size", json!("many")),
        with("filename", json!(["teapot"])),
        with("filename", json!("kettle-1.0-py3-none-any.whl")),
        with("filename", json!("../../../teapot-1.0-py3-none-any.whl")),
        with("yanked", json!(5)),
        with("upload-time", json!("yesterday")),
        with("requires-python", json!(3)),
        with("depot", json!([])),
        with("depot", json!({ "v": 99 })),
        with("depot", json!({ "v": 1, "origin": { "kind": "stolen" } })),
    ];
    for (number, document) in documents.iter().enumerate() {
        let refused = tree.depot.put("teapot", &format!("{filename}.json"), document);
        assert_eq!(refused.status, 400, "document {number}: {}", refused.text());
        tree.assert_refused(&refused, 400, "invalid-record");
    }
    // The same documents change nothing of a file that is there.
    tree.depot.publish(&teapot());
    let before = tree.depot.stored_record("teapot", &filename);
    for document in &documents {
        let refused = tree.depot.put("teapot", &format!("{filename}.json"), document);
        // Size alone may be left out then: it is known.
        if *document != without("size") {
            assert_refused(&refused, 400, "invalid-record");
        }
    }
    assert_eq!(tree.depot.stored_record("teapot", &filename), before);
}

#[test]
fn a_body_in_a_content_coding_is_refused() {
    let tree = Untouched::start();
    let (filename, token) = (teapot().filename(), tree.depot.token());
    for (path, coding) in [
        (filename.clone(), "gzip"),
        (filename.clone(), "br, gzip"),
        (format!("{filename}.json"), "gzip"),
        (format!("{filename}.json"), "zstd"),
    ] {
        let headers = format!("Content-Encoding: {coding}\r\n");
        let path = format!("/python/simple/teapot/{path}");
        let refused = tree.depot.request("PUT", &path, Some(&token), &headers, &teapot().build());
        tree.assert_refused(&refused, 415, "unsupported-coding");
    }
}
