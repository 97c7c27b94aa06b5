//! `POST _/publish`: what is taken, and that it becomes visible at once.

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{WheelBuilder, counted, sha256_hex};
use serde_json::{Value, json};

use super::{body_of, manifest, outcomes, post, publish, release};
use crate::python::depot::{Depot, body, listing};
use crate::python::index::Built;

#[test]
fn a_release_is_published_whole_and_again_is_no_news() {
    let mut depot = Depot::start();
    let files = release("1.0");
    let answer = publish(&depot, &files);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(outcomes(&answer), ["created"; 3]);
    assert_eq!((&body(&answer)["project"], &body(&answer)["version"]), (&json!("tea-pot"), &json!("1.0")));
    for _ in 0..2 {
        assert_eq!(depot.listed("tea-pot").len(), 3);
        for file in &files {
            assert_eq!(depot.get(&file.path()).body, file.bytes);
            let record = depot.stored_record("tea-pot", &file.filename);
            assert_eq!(record["depot"]["origin"]["kind"], "first-party");
        }
        let metadata = depot.get(&format!("{}.metadata", files[0].path()));
        assert_eq!(metadata.body, files[0].metadata);
        let before = listing(&depot.tree().join("files"));
        let again = publish(&depot, &files);
        assert_eq!((again.status, outcomes(&again)), (200, vec!["same".to_owned(); 3]));
        assert_eq!(listing(&depot.tree().join("files")), before);
        depot.assert_tmp_is_empty();
        depot.stop();
        depot.resume();
    }
    let journal = depot.admin(&["audit", "show", "--format", "json"]).assert_success().stdout;
    assert_eq!(journal.matches("\"publish\"").count(), 3, "{journal}");
}

#[test]
fn what_is_there_already_stays_and_the_rest_comes_to_it() {
    let depot = Depot::start();
    let files = release("1.0");
    assert_eq!(depot.put("tea-pot", &files[1].filename, &files[1].bytes).status, 201);
    let answer = publish(&depot, &files);
    assert_eq!(
        (answer.status, outcomes(&answer)),
        (201, ["created", "same", "created"].map(str::to_owned).into())
    );
    assert_eq!(depot.listed("tea-pot").len(), 3);
    // A single file that comes by another door is no news either.
    assert_eq!(depot.put("tea-pot", &files[0].filename, &files[0].bytes).status, 200);
}

#[test]
fn who_reads_meanwhile_sees_all_files_of_a_release_or_none() {
    let depot = Depot::start();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for minor in 0..12 {
                let answer = publish(&depot, &release(&format!("1.{minor}")));
                assert_eq!(answer.status, 201, "{}", answer.text());
            }
            done.store(true, Ordering::SeqCst);
        });
        for reader in 0..2 {
            let (depot, done) = (&depot, &done);
            scope.spawn(move || {
                let mut seen = std::collections::BTreeSet::new();
                while !done.load(Ordering::SeqCst) {
                    let page = match reader {
                        0 => depot.listed("tea-pot").len(),
                        _ => {
                            let path = "/python/simple/tea-pot/?format=html";
                            depot.request("GET", path, None, "", b"").text().matches("<a ").count()
                        }
                    };
                    assert_eq!(page % 3, 0, "{page} files are listed");
                    seen.insert(page);
                }
                counted("publish", "states of a page that were seen while releases came", seen.len() as u64);
            });
        }
    });
    assert_eq!(depot.listed("tea-pot").len(), 36);
}

#[test]
fn the_body_comes_in_pieces_of_any_size() {
    let depot = Depot::start();
    for (size, version) in [(1, "1.0"), (7, "1.1"), (100_000, "1.2")] {
        let files = release(version);
        let mut chunked = Vec::new();
        for chunk in body_of(&manifest("tea.pot", &files), &files).chunks(size) {
            chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            chunked.extend_from_slice(chunk);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        let (path, chunks) = ("/python/_/publish", "Transfer-Encoding: chunked\r\n");
        let answer = depot.request("POST", path, Some(&depot.token()), chunks, &chunked);
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    assert_eq!(depot.listed("tea-pot").len(), 9);
}

#[test]
fn large_files_are_not_held_in_memory() {
    let depot = Depot::start();
    let wheel = |build: &str, seed| {
        let wheel = WheelBuilder::new("teapot", "1.0").build_tag(build);
        Built::from(&wheel.random_file("teapot/data", 24 << 20, seed))
    };
    let files = [wheel("1", 1), wheel("2", 2)];
    let peak = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", depot.server().pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let before = peak();
    let answer = publish(&depot, &files);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let grown = peak() - before;
    assert!(grown < 32 << 10, "{grown} KiB");
    counted("publish", "MiB in one release", 48);
}

/// An attestation of bytes with this digest, as PEP 740 has it; nobody signed it.
fn attestation(sha256: &str) -> Value {
    let statement = json!({ "subject": [{ "digest": { "sha256": sha256 } }] }).to_string();
    json!({
        "version": 1,
        "verification_material": { "certificate": "MIIC" },
        "envelope": { "statement": STANDARD.encode(statement), "signature": "MEUC" },
    })
}

#[test]
fn attestations_come_with_a_release_and_those_of_other_bytes_keep_it_out() {
    let depot = Depot::start();
    let files = release("1.0");
    let with = |attestation: Value| {
        let mut manifest = manifest("tea-pot", &files);
        manifest["files"][1]["attestations"] = json!([attestation]);
        post(&depot, &depot.token(), &body_of(&manifest, &files))
    };
    let refused = with(attestation(&sha256_hex(b"other")));
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains(&files[1].filename), "{}", refused.text());
    assert!(depot.listed("tea-pot").is_empty() && listing(&depot.tree().join("files")).is_empty());
    let good = attestation(&files[1].sha256());
    assert_eq!(with(good.clone()).status, 201);
    let served = depot.get(&format!("{}.provenance", files[1].path()));
    assert_eq!(body(&served)["attestation_bundles"][0]["attestations"], json!([good]));
    let told: Vec<bool> =
        depot.listed("tea-pot").iter().map(|file| file.get("provenance").is_some()).collect();
    assert_eq!(told.iter().filter(|told| **told).count(), 1);
    depot.assert_tmp_is_empty();
}
