//! Files that were deleted here: what of their names is left to whom, and what readers of a group are told.

use std::fs;

use depot_tests::{FakeFile, FakeIndex, Style, WheelBuilder, sha256_hex};
use serde_json::{Value, json};

use super::{
    super::depot::{Depot, assert_accepted, assert_refused, body, mirrored},
    files, in_front_of, index_of, wheel_name,
};

/// Pushes a wheel as a copy of another index's file.
#[track_caller]
fn copy(depot: &Depot, wheel: &WheelBuilder) {
    let (project, filename) = (wheel.project(), wheel.filename());
    assert_eq!(depot.announce(&project, &mirrored(&filename, &wheel.build())).status, 202);
    assert_eq!(depot.put(&project, &filename, &wheel.build()).status, 201);
}

#[track_caller]
fn delete(depot: &Depot, wheel: &WheelBuilder) {
    let asked = json!({ "project": wheel.project(), "filename": wheel.filename() }).to_string();
    let answer = depot.request("POST", "/python/_/delete", Some(&depot.token()), "", asked.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What a server of these copies, deleted all, shows of a project whose index has versions 1 and 2.
#[track_caller]
fn assert_nothing_is_owned(depot: &Depot, index: &FakeIndex) {
    let before = index.count(&FakeIndex::page_path("six"));
    assert_eq!(files(&depot.get("/simple/six/")), ["1", "2"].map(|version| wheel_name("six", version)));
    assert!(index.count(&FakeIndex::page_path("six")) >= before.max(1));
    for version in ["1", "2"] {
        let path = format!("/files/six/{}", wheel_name("six", version));
        assert_eq!(depot.get(&path).body, WheelBuilder::new("six", version).build());
    }
    assert_refused(&depot.get(&format!("/python/files/six/{}", wheel_name("six", "1"))), 410, "file-deleted");
    // Nobody has it, and nobody owns its name.
    assert_eq!(depot.get(&format!("/files/six/{}", wheel_name("six", "0.9"))).status, 404);
}

#[test]
fn copies_that_were_deleted_own_nothing() {
    let index = index_of(&["six"]);
    let mut depot = in_front_of(&index);
    let copies = ["0.9", "1"].map(|version| WheelBuilder::new("six", version));
    for wheel in &copies {
        copy(&depot, wheel);
    }
    assert_eq!(files(&depot.get("/simple/six/")).len(), 3);
    for wheel in &copies {
        delete(&depot, wheel);
    }
    assert_nothing_is_owned(&depot, &index);
    // So it stays: when everything is read again, when the store is built again, and elsewhere.
    depot.admin(&["reindex"]).assert_success();
    assert_nothing_is_owned(&depot, &index);
    depot.stop();
    fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
    depot.resume();
    assert_nothing_is_owned(&depot, &index);
    let export = depot.around().join("export.jsonl");
    depot.admin(&["export", export.to_str().unwrap()]).assert_success();
    depot.stop();
    fs::rename(depot.data_dir(), depot.around().join("old")).unwrap();
    depot.admin(&["import", export.to_str().unwrap()]).assert_success();
    depot.resume();
    assert_nothing_is_owned(&depot, &index);
    let journal = fs::read_to_string(depot.around().join("old/journal/changes.jsonl")).unwrap();
    let mut lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(lines.find(|line| line["what"] == "delete").unwrap()["mirrored"], true);
}

#[test]
fn a_deletion_of_which_nobody_wrote_down_whose_file_it_was_owns_the_name() {
    let index = index_of(&["six"]);
    let mut depot = in_front_of(&index);
    let wheel = WheelBuilder::new("six", "1");
    copy(&depot, &wheel);
    delete(&depot, &wheel);
    depot.stop();
    let path = depot.tree().join("projects/six.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let tombstone = record["depot"]["tombstones"][0].as_object_mut().unwrap();
    assert_eq!(tombstone.remove("mirrored"), Some(json!(true)));
    fs::write(&path, record.to_string()).unwrap();
    depot.resume();
    assert_eq!(depot.get("/simple/six/").status, 404);
    assert_refused(&depot.announce("six", &mirrored(&wheel.filename(), &wheel.build())), 409, "file-deleted");
    assert_eq!(index.count(&FakeIndex::page_path("six")), 0);
}

#[test]
fn the_name_of_a_deleted_copy_keeps_its_bytes() {
    let (here, there) = (WheelBuilder::new("six", "1"), WheelBuilder::new("six", "1").file("other.py", "1"));
    let same = WheelBuilder::new("six", "2");
    let index = FakeIndex::builder(Style::Json);
    let index =
        [&there, &same].into_iter().fold(index, |index, wheel| index.file("six", FakeFile::from(wheel)));
    let index = index.start();
    let mut depot = in_front_of(&index);
    for wheel in [&here, &same] {
        copy(&depot, wheel);
    }
    assert_eq!(depot.get(&format!("/files/six/{}", here.filename())).body, here.build());
    for wheel in [&here, &same] {
        delete(&depot, wheel);
    }
    for _ in 0..2 {
        let page = depot.get("/simple/six/");
        assert_eq!((files(&page), &body(&page)["versions"]), (vec![same.filename()], &json!(["2"])));
        for (path, suffix) in [("files", ""), ("simple", ""), ("files", ".metadata")] {
            let path = format!("/{path}/six/{}{suffix}", here.filename());
            for method in ["GET", "HEAD"] {
                let answer = depot.request(method, &path, None, "", b"");
                assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
            }
        }
        assert_eq!(depot.get(&format!("/files/six/{}", same.filename())).body, same.build());
        // The other index alone is what it is.
        assert_eq!(files(&depot.get("/pypi/simple/six/")).len(), 2);
        let log = depot.server().stderr();
        assert!(log.contains("other bytes than a file of that name that was deleted here"), "{log}");
        let why = body(&depot.get(&format!("/api/why?at=/&project=six&filename={}", here.filename())));
        assert_eq!(
            (&why["verdict"], &why["files"][0]["held"][0]["fate"]),
            (&json!("hidden"), &json!("deleted"))
        );
        let alarm = "depot_alarms_total{repository=\"pypi\",alarm=\"other-bytes\"}";
        assert!(depot.get("/metrics").text().contains(alarm), "{}", depot.get("/metrics").text());
        depot.stop();
        depot.resume();
    }
    assert_eq!(index.count(&FakeIndex::file_path("six", &here.filename())), 0);
}

#[test]
fn a_deleted_copy_may_come_again_and_nothing_else_under_its_name() {
    let mut depot = Depot::start();
    let (wheel, other) = (WheelBuilder::new("six", "1"), WheelBuilder::new("six", "1").file("other.py", "1"));
    let (filename, bytes) = (wheel.filename(), wheel.build());
    copy(&depot, &wheel);
    delete(&depot, &wheel);
    let plan = |depot: &Depot, bytes: &[u8], mirrored: bool| {
        let sha256 = sha256_hex(bytes);
        let asked = json!({ "files": [{ "project": "six", "filename": filename, "sha256": sha256, "facts": sha256,
            "size": bytes.len(), "mirrored": mirrored }] });
        let token = depot.token();
        let answer = depot.request("POST", "/python/_/plan", Some(&token), "", asked.to_string().as_bytes());
        body(&answer)["answers"][0]["verdict"].clone()
    };
    assert_eq!(plan(&depot, &bytes, true), "missing");
    assert_eq!([plan(&depot, &other.build(), true), plan(&depot, &bytes, false)], ["forbidden", "forbidden"]);
    assert_refused(&depot.announce("six", &mirrored(&filename, &other.build())), 409, "file-deleted");
    // As somebody's own it would be another's file.
    let refused = depot.put("six", &filename, &bytes);
    assert_refused(&refused, 409, "file-deleted");
    assert!(refused.text().contains("File name was used by a deleted file"), "{}", refused.text());
    copy(&depot, &wheel);
    let path = format!("/python/files/six/{filename}");
    for _ in 0..2 {
        assert_eq!((depot.listed("six").len(), depot.get(&path).body), (1, bytes.clone()));
        assert_accepted(&depot.put("six", &filename, &bytes), 200, "same");
        assert_refused(&depot.put("six", &filename, &other.build()), 409, "file-exists");
        depot.stop();
        fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
        depot.resume();
    }
    // And it is deleted again like any other.
    delete(&depot, &wheel);
    assert_refused(&depot.get(&path), 410, "file-deleted");
    assert_refused(&depot.announce("six", &mirrored(&filename, &other.build())), 409, "file-deleted");
}

#[test]
fn a_deleted_file_is_told_alike_wherever_its_owner_answers() {
    let index = index_of(&["six"]);
    let depot = in_front_of(&index);
    let wheels = ["1", "2"].map(|version| WheelBuilder::new("acme-core", version));
    for wheel in &wheels {
        depot.publish(wheel);
    }
    for wheel in &wheels {
        delete(&depot, wheel);
        for mount in ["", "/python"] {
            for path in [wheel.filename(), format!("{}.metadata", wheel.filename())] {
                for below in ["files", "simple"] {
                    let answer = depot.get(&format!("{mount}/{below}/acme-core/{path}"));
                    assert_refused(&answer, 410, "file-deleted");
                }
            }
        }
        let elsewhere = depot.get(&format!("/pypi/files/acme-core/{}", wheel.filename()));
        assert_refused(&elsewhere, 404, "not-found");
    }
    let never = depot.get("/files/acme-core/acme_core-3-py3-none-any.whl");
    assert_refused(&never, 404, "not-found");
}

#[test]
fn copies_that_come_and_go_at_once_are_never_taken_for_damaged() {
    let depot = Depot::start();
    let (wheel, token) = (WheelBuilder::new("six", "1"), depot.token());
    let (filename, bytes) = (wheel.filename(), wheel.build());
    let record = mirrored(&filename, &bytes);
    let asked = json!({ "project": "six", "filename": filename }).to_string();
    let answers = std::sync::Mutex::new(Vec::new());
    let note = |what: &str, answer: depot_tests::RawResponse| {
        answers.lock().unwrap().push((what.to_owned(), answer.status, answer.text()));
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..40 {
                    let announced = depot.announce_as(&token, "six", &record);
                    // As a push sends it: bytes whose announcement another one used up are nobody's own file.
                    let facts = body(&announced)["facts"].as_str().unwrap_or_default().to_owned();
                    note("announce", announced);
                    let (path, line) =
                        (format!("/python/simple/six/{filename}"), format!("X-Depot-Facts: {facts}\r\n"));
                    note("put", depot.request("PUT", &path, Some(&token), &line, &bytes));
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..60 {
                    note(
                        "delete",
                        depot.request("POST", "/python/_/delete", Some(&token), "", asked.as_bytes()),
                    );
                }
            });
        }
    });
    for (what, status, text) in answers.into_inner().unwrap() {
        assert!(status < 500, "{what}: {status} {text}");
    }
    let log = depot.server().stderr();
    for word in ["ERROR", "lost or damaged"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
    let journal = fs::read_to_string(depot.data_dir().join("journal/changes.jsonl")).unwrap();
    assert!(!journal.contains("\"reindex\""), "{journal}");
    assert!(journal.matches("\"delete\"").count() > 1, "{journal}");
}
