//! Damage to one file's record in the tree.

use std::fs;

use depot_tests::ServerProcess;

use super::fixture::{Fixture, assert_served};
use crate::wire::{Wire, record};

#[test]
fn a_damaged_record_takes_no_other_file_with_it_and_is_warned_of() {
    let fixture = Fixture::new();
    let damaged = &fixture.files[5];
    for content in [&b""[..], b"{", b"[]", b"{\"filename\": \"other-1.0.tar.gz\"}", &[0xFF; 300]] {
        // With the store, which still knows the file, it is served as before.
        let copied = fixture.copy();
        fs::write(copied.record(damaged), content).unwrap();
        fixture.assert_mended(&copied, "a damaged record");

        // Without, it alone is passed over.
        fs::remove_dir_all(copied.path().join("store")).unwrap();
        let server = ServerProcess::start(copied.path(), [""; 0]);
        let mut wire = Wire::open(server.url(), &fixture.live.text).unwrap();
        for file in fixture.files.iter().filter(|file| file.filename != damaged.filename) {
            assert_served(&mut wire, file, "beside a damaged record");
        }
        let page = wire.page(&damaged.project).unwrap();
        assert!(!page.files.contains_key(&damaged.filename));
        fixture.assert_takes_uploads(&server, "beside a damaged record");
        let said = server.stderr();
        assert!(said.contains(&damaged.filename) && said.contains("passed over"), "{said}");
        assert_eq!(fs::read(copied.record(damaged)).unwrap(), content, "it stays for someone to look at");
    }
}

#[test]
fn bytes_that_are_gone_or_short_take_no_other_file_with_them() {
    let fixture = Fixture::new();
    let damaged = &fixture.files[7];
    for cut in [None, Some(10)] {
        let copied = fixture.copy();
        let bytes = copied.record(damaged).with_extension("");
        match cut {
            None => fs::remove_file(&bytes).unwrap(),
            Some(length) => {
                fs::File::options().write(true).open(&bytes).unwrap().set_len(length).unwrap();
            }
        }
        for without_store in [false, true] {
            if without_store {
                fs::remove_dir_all(copied.path().join("store")).unwrap();
            }
            let server = ServerProcess::start(copied.path(), [""; 0]);
            let mut wire = Wire::open(server.url(), &fixture.live.text).unwrap();
            for file in fixture.files.iter().filter(|file| file.filename != damaged.filename) {
                assert_served(&mut wire, file, "beside damaged bytes");
            }
            let path = format!("/python/files/{}/{}", damaged.project, damaged.filename);
            let status = wire.request("GET", &path, "", b"").unwrap().status;
            // Never a good status with a short body.
            assert!(status == 404 || status >= 500, "{status}");
        }
    }
}

#[test]
fn bytes_that_are_gone_or_short_are_asked_for_when_they_are_announced() {
    let fixture = Fixture::new();
    let damaged = &fixture.files[7];
    let bytes = fs::read(fixture.copy().record(damaged).with_extension("")).unwrap();
    for cut in [None, Some(10)] {
        let copied = fixture.copy();
        let path = copied.record(damaged).with_extension("");
        match cut {
            None => fs::remove_file(&path).unwrap(),
            Some(length) => fs::write(&path, &bytes[..length]).unwrap(),
        }
        let server = ServerProcess::start(copied.path(), [""; 0]);
        let mut wire = Wire::open(server.url(), &fixture.live.text).unwrap();
        let said = record(&damaged.filename, &damaged.sha256, bytes.len(), None);
        let announced = wire.put_record(&damaged.project, &damaged.filename, &said).unwrap();
        assert_eq!(announced.status, 202, "{}", announced.text());
        let sent = wire.put_bytes(&damaged.project, &damaged.filename, &bytes).unwrap();
        assert_eq!(sent.status, 200, "{}", sent.text());
        fixture.assert_serves(&mut wire, "after the bytes were sent again");
        let announced = wire.put_record(&damaged.project, &damaged.filename, &said).unwrap();
        assert_eq!(announced.status, 200, "{}", announced.text());
    }
}
