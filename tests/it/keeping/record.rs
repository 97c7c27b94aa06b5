//! A file's record that cannot be read: an upload of its bytes mends it, nothing else changes it, and the answer says
//! what is the matter.

use std::fs;

use serde_json::Value;

use super::{assert_served, serve, upload_some};
use crate::wire::record;

#[test]
fn a_retry_over_a_damaged_record_heals_it_with_all_that_was_known() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (_server, mut wire) = serve(data_dir);
    let file = &upload_some(&mut wire, 1)[0];
    let yanked = record(&file.filename, &file.sha256(), file.bytes.len(), Some("it was bad"));
    assert_eq!(wire.put_record(&file.project, &file.filename, &yanked).unwrap().status, 200);
    let path = file.part(data_dir, ".json");
    let known = fs::read(&path).unwrap();
    for announced in [false, true] {
        for damage in [None, Some(&b"{"[..]), Some(b""), Some(b"[]")] {
            match damage {
                Some(damage) => fs::write(&path, damage).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            if announced {
                let answer = wire.put_record(&file.project, &file.filename, &yanked).unwrap();
                assert_eq!(answer.status, 202, "{}", answer.text());
            }
            let answer = wire.put_bytes(&file.project, &file.filename, &file.bytes).unwrap();
            assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
            assert_eq!(
                String::from_utf8(fs::read(&path).unwrap()).unwrap(),
                String::from_utf8(known.clone()).unwrap()
            );
            assert_served(&mut wire, file);
            assert_eq!(
                wire.page(&file.project).unwrap().files[&file.filename].yanked.as_deref(),
                Some("it was bad")
            );
        }
    }
}

#[test]
fn a_damaged_record_that_nobody_knows_is_healed_by_its_bytes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (server, mut wire) = serve(data_dir);
    let files = upload_some(&mut wire, 2);
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    fs::remove_dir_all(data_dir.join("store")).unwrap();
    fs::write(files[0].part(data_dir, ".json"), "{").unwrap();
    fs::write(files[1].part(data_dir, ".json"), "{").unwrap();
    fs::write(files[1].path(data_dir), "and its bytes are damaged too").unwrap();
    let (_server, mut wire) = serve(data_dir);
    let answer = wire.put_bytes(&files[0].project, &files[0].filename, &files[0].bytes).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_served(&mut wire, &files[0]);
    // Of the other nobody can say which bytes its name stands for.
    let path = format!("/python/simple/{}/{}", files[1].project, files[1].filename);
    let refused = wire.request("PUT", &path, "Accept: application/json\r\n", &files[1].bytes).unwrap();
    let problem: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!((refused.status, problem["code"].as_str()), (503, Some("file-damaged")), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&files[1].filename) && !detail.contains("/files/"), "{detail}");
    assert_eq!(fs::read(files[1].part(data_dir, ".json")).unwrap(), b"{");
}

#[test]
fn a_record_of_a_newer_depot_is_kept_and_never_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let (server, mut wire) = serve(data_dir);
    let files = upload_some(&mut wire, 2);
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    let path = files[0].part(data_dir, ".json");
    let newer = fs::read_to_string(&path).unwrap().replace("\"v\": 1", "\"v\": 2, \"later\": {\"a\": 1}");
    fs::write(&path, &newer).unwrap();
    fs::remove_dir_all(data_dir.join("store")).unwrap();
    let (server, mut wire) = serve(data_dir);
    assert_served(&mut wire, &files[1]);
    assert!(!wire.page(&files[0].project).unwrap().files.contains_key(&files[0].filename));
    for _ in 0..2 {
        let refused = wire.put_bytes(&files[0].project, &files[0].filename, &files[0].bytes).unwrap();
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(refused.text().contains("is of version 2"), "{}", refused.text());
    }
    let said = server.stderr();
    assert!(said.contains(&files[0].filename) && said.contains("version 2"), "{said}");
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
}
