//! Uploads that are taken: the bytes and the record, in either order, again, and by many at once.

mod broken;
mod refused;

use depot_tests::{SdistBuilder, WheelBuilder, counted, sha256_hex};
use serde_json::json;

use super::depot::{Depot, assert_accepted, assert_refused, body, mirrored, record};

fn teapot() -> WheelBuilder {
    WheelBuilder::new("teapot", "1.0").requires_python(">=3.9")
}

#[test]
fn bytes_alone_are_published_with_what_they_say_themselves() {
    let depot = Depot::start();
    let (wheel, bytes) = (teapot(), teapot().build());
    let answer = depot.put("teapot", &wheel.filename(), &bytes);
    assert_accepted(&answer, 201, "created");
    assert_eq!(body(&answer)["sha256"], sha256_hex(&bytes));

    let [file] = &depot.listed("teapot")[..] else { panic!("one file is listed") };
    assert_eq!(file["hashes"], json!({ "sha256": sha256_hex(&bytes) }));
    assert_eq!(file["size"], bytes.len());
    assert_eq!(file["requires-python"], ">=3.9");
    assert_eq!(file["core-metadata"], json!({ "sha256": sha256_hex(&wheel.metadata()) }));
    assert!(file["upload-time"].is_string(), "{file}");
    let path = format!("/python/files/teapot/{}", wheel.filename());
    assert_eq!(depot.get(&path).body, bytes);
    assert_eq!(depot.get(&format!("{path}.metadata")).body, wheel.metadata());

    assert_eq!(depot.stored("teapot", &wheel.filename()).unwrap(), bytes);
    assert_eq!(depot.stored_record("teapot", &wheel.filename())["depot"]["origin"]["kind"], "first-party");
    depot.assert_tmp_is_empty();
}

#[test]
fn an_sdist_alone_is_published_without_a_sidecar() {
    let depot = Depot::start();
    let sdist = SdistBuilder::new("Tea.Pot", "2.0").requires_python(">=3.8");
    assert_accepted(&depot.put("tea-pot", &sdist.filename(), &sdist.build()), 201, "created");
    let [file] = &depot.listed("tea-pot")[..] else { panic!("one file is listed") };
    assert_eq!(file["requires-python"], ">=3.8");
    assert!(file.get("core-metadata").is_none_or(|mark| mark == false), "{file}");
    let sidecar = depot.get(&format!("/python/files/tea-pot/{}.metadata", sdist.filename()));
    assert_refused(&sidecar, 404, "not-found");
}

#[test]
fn a_record_after_its_bytes_adds_what_it_knows() {
    let depot = Depot::start();
    let (wheel, bytes) = (teapot(), teapot().build());
    depot.publish(&wheel);
    let mut facts = record(&wheel.filename(), &bytes);
    facts["upload-time"] = json!("2020-02-03T04:05:06.000000Z");
    facts["yanked"] = json!("too hot");
    assert_accepted(&depot.announce("teapot", &facts), 200, "updated");
    let [file] = &depot.listed("teapot")[..] else { panic!("one file is listed") };
    assert_eq!(file["upload-time"], "2020-02-03T04:05:06.000000Z");
    assert_eq!(file["yanked"], "too hot");
    assert_eq!(file["requires-python"], ">=3.9");
    assert_accepted(&depot.announce("teapot", &facts), 200, "same");
}

#[test]
fn a_record_before_its_bytes_waits_for_them() {
    let depot = Depot::start();
    let (wheel, bytes) = (teapot(), teapot().build());
    let mut facts = record(&wheel.filename(), &bytes);
    facts["upload-time"] = json!("2020-02-03T04:05:06.000000Z");
    assert_accepted(&depot.announce("teapot", &facts), 202, "send");
    assert!(depot.listed("teapot").is_empty());
    assert_eq!(depot.stored("teapot", &format!("{}.json", wheel.filename())), None);
    assert_accepted(&depot.put("teapot", &wheel.filename(), &bytes), 201, "created");
    assert_eq!(depot.listed("teapot")[0]["upload-time"], "2020-02-03T04:05:06.000000Z");
    assert_accepted(&depot.announce("teapot", &facts), 200, "same");
}

#[test]
fn a_yank_by_record_shows_at_once_in_both_forms_of_the_page_and_so_does_its_end() {
    let depot = Depot::start();
    let (wheel, bytes) = (teapot(), teapot().build());
    depot.publish(&wheel);
    let html = || depot.request("GET", "/python/simple/teapot/?format=html", None, "", b"").text();
    for round in 0..3 {
        let mut facts = record(&wheel.filename(), &bytes);
        assert!(!html().contains("data-yanked"), "round {round}");
        facts["yanked"] = json!("leaks & drips");
        assert_accepted(&depot.announce("teapot", &facts), 200, "updated");
        assert_eq!(depot.listed("teapot")[0]["yanked"], "leaks & drips", "round {round}");
        assert!(html().contains("data-yanked=\"leaks &amp; drips\""), "{}", html());
        facts["yanked"] = json!(false);
        assert_accepted(&depot.announce("teapot", &facts), 200, "updated");
        let file = &depot.listed("teapot")[0];
        assert!(file.get("yanked").is_none_or(|yanked| yanked == false), "round {round}: {file}");
    }
}

#[test]
fn keys_that_depot_does_not_know_are_kept() {
    let depot = Depot::start();
    let (wheel, bytes) = (teapot(), teapot().build());
    let mut facts = record(&wheel.filename(), &bytes);
    facts["x-colour"] = json!({ "of": ["the", "pot"] });
    assert_accepted(&depot.announce("teapot", &facts), 202, "send");
    assert_accepted(&depot.put("teapot", &wheel.filename(), &bytes), 201, "created");
    let kept = depot.stored_record("teapot", &wheel.filename());
    assert_eq!(kept["x-colour"], json!({ "of": ["the", "pot"] }));

    facts["x-colour"] = json!("blue");
    assert_accepted(&depot.announce("teapot", &facts), 200, "updated");
    assert_eq!(depot.stored_record("teapot", &wheel.filename())["x-colour"], "blue");
}

#[test]
fn the_same_bytes_again_are_no_news() {
    let depot = Depot::start();
    let (wheel, bytes) = (teapot(), teapot().build());
    depot.publish(&wheel);
    let before = super::depot::listing(&depot.tree().join("files"));
    assert_accepted(&depot.put("teapot", &wheel.filename(), &bytes), 200, "same");
    assert_eq!(super::depot::listing(&depot.tree().join("files")), before);
    depot.assert_tmp_is_empty();
}

#[test]
fn other_bytes_under_a_name_are_refused_and_the_first_are_served() {
    let depot = Depot::start();
    let (wheel, bytes) = (teapot(), teapot().build());
    let other = teapot().file("teapot/more.py", "x = 1\n").build();
    depot.publish(&wheel);
    let refused = depot.put("teapot", &wheel.filename(), &other);
    assert_refused(&refused, 409, "file-exists");
    let detail = body(&refused)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("File already exists") && detail.contains(&sha256_hex(&bytes)), "{detail}");
    assert_refused(&depot.announce("teapot", &record(&wheel.filename(), &other)), 409, "file-exists");
    assert_eq!(depot.get(&format!("/python/files/teapot/{}", wheel.filename())).body, bytes);
    assert_eq!(depot.listed("teapot")[0]["hashes"]["sha256"], sha256_hex(&bytes));
    depot.assert_tmp_is_empty();
}

#[test]
fn a_name_that_differs_only_in_case_is_a_conflict() {
    let depot = Depot::start();
    let bytes = teapot().build();
    depot.publish(&teapot());
    for filename in
        ["Teapot-1.0-py3-none-any.whl", "teapot-1.0-PY3-none-any.whl", "TEAPOT-1.0-py3-none-any.WHL"]
    {
        assert_refused(&depot.put("teapot", filename, &bytes), 409, "file-exists");
        assert_eq!(depot.stored("teapot", filename), None);
    }
    assert_eq!(depot.listed("teapot").len(), 1);
    depot.assert_tmp_is_empty();
}

#[test]
fn a_mirrored_file_that_breaks_the_rules_of_archives_is_taken_by_its_digest() {
    let depot = Depot::start();
    let filename = "ancient-0.1-py3-none-any.whl";
    let bytes = b"no zip at all, but that is what was published".to_vec();
    assert_accepted(&depot.announce("ancient", &mirrored(filename, &bytes)), 202, "send");
    assert_refused(&depot.put("ancient", filename, b"something else"), 400, "digest-mismatch");
    assert_accepted(&depot.put("ancient", filename, &bytes), 201, "created");
    assert_eq!(depot.get(&format!("/python/files/ancient/{filename}")).body, bytes);
    let [file] = &depot.listed("ancient")[..] else { panic!("one file is listed") };
    assert!(file.get("core-metadata").is_none_or(|mark| mark == false), "{file}");
}

#[test]
fn saying_that_a_file_is_mirrored_needs_its_own_right() {
    let depot = Depot::start();
    let token = depot.new_token("robot", &["read+push+push-new"]);
    let filename = "ancient-0.1-py3-none-any.whl";
    let bytes = b"no zip at all".to_vec();
    assert_refused(&depot.announce_as(&token, "ancient", &mirrored(filename, &bytes)), 403, "forbidden");
    // Nor is what another one announced taken for what this one says.
    assert_accepted(&depot.announce("ancient", &mirrored(filename, &bytes)), 202, "send");
    assert_refused(&depot.put_as(&token, "ancient", filename, &bytes), 400, "invalid-distribution");
    // Nor may a file that was published here be turned into a copy.
    depot.publish(&teapot());
    let turned = mirrored(&teapot().filename(), &teapot().build());
    assert_refused(&depot.announce_as(&token, "teapot", &turned), 403, "forbidden");
    assert!(depot.listed("ancient").is_empty());
}

#[test]
fn the_time_that_an_index_states_needs_that_right_too() {
    let depot = Depot::start();
    let token = depot.new_token("robot", &["read+push+push-new"]);
    let (wheel, bytes) = (teapot(), teapot().build());
    let mut facts = record(&wheel.filename(), &bytes);
    facts["upload-time"] = json!("2001-02-03T04:05:06.000000Z");
    // Whether it is refused or not listened to: the file does not become old by a word.
    depot.announce_as(&token, "teapot", &facts);
    depot.put_as(&token, "teapot", &wheel.filename(), &bytes);
    depot.announce_as(&token, "teapot", &facts);
    for file in depot.listed("teapot") {
        assert_ne!(file["upload-time"], "2001-02-03T04:05:06.000000Z");
    }
}

#[test]
fn of_a_hundred_equal_uploads_at_once_one_creates_the_file() {
    let depot = Depot::start();
    let wheel = WheelBuilder::new("teapot", "1.0").random_file("teapot/data.bin", 50_000, 1);
    let (filename, bytes, token) = (wheel.filename(), wheel.build(), depot.token());
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..100)
            .map(|_| scope.spawn(|| depot.put_as(&token, "teapot", &filename, &bytes).status))
            .collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 99, "{answers:?}");
    assert_eq!(depot.listed("teapot").len(), 1);
    assert_eq!(depot.get(&format!("/python/files/teapot/{filename}")).body, bytes);
    // The bytes, the metadata and the record, once.
    assert_eq!(std::fs::read_dir(depot.tree().join("files").join("teapot")).unwrap().count(), 3);
    depot.assert_tmp_is_empty();
    counted("fault 20", "equal uploads at once", 100);
}

#[test]
fn of_many_different_uploads_under_one_name_one_wins_whole() {
    let depot = Depot::start();
    let filename = teapot().filename();
    let contents: Vec<Vec<u8>> =
        (0..20).map(|seed| teapot().random_file("teapot/data.bin", 20_000, seed).build()).collect();
    let token = depot.token();
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let uploads: Vec<_> = contents
            .iter()
            .map(|bytes| {
                let (depot, token, filename) = (&depot, &token, &filename);
                scope.spawn(move || depot.put_as(token, "teapot", filename, bytes).status)
            })
            .collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect()
    });
    let winner = answers.iter().position(|status| *status == 201).unwrap();
    assert!(answers.iter().enumerate().all(|(n, status)| n == winner || *status == 409), "{answers:?}");
    assert_eq!(depot.get(&format!("/python/files/teapot/{filename}")).body, contents[winner]);
    depot.assert_tmp_is_empty();
    counted("attack 18", "different uploads under one name at once", 20);
}
