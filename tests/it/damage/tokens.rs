//! Damage to what is known of tokens: a revoked one stays dead, and one that any of its homes remembers works.

use std::fs;
use std::io;

use depot_tests::ServerProcess;

use super::fixture::{Copied, Fixture, Token};
use crate::wire::Wire;

/// The status of an upload with this token: 400 if it is let in, as the file is none.
fn try_upload(server: &ServerProcess, token: &Token) -> io::Result<u16> {
    let mut wire = Wire::open(server.url(), &token.text)?;
    Ok(wire.put_bytes("kept-1", "kept_1-9-py3-none-any.whl", b"no wheel")?.status)
}

fn statuses(fixture: &Fixture, copied: &Copied) -> (u16, u16) {
    let server = ServerProcess::start(copied.path(), [""; 0]);
    (try_upload(&server, &fixture.live).unwrap(), try_upload(&server, &fixture.revoked).unwrap())
}

#[test]
fn without_their_twins_tokens_are_what_the_store_says() {
    let fixture = Fixture::new();
    let copied = fixture.copy();
    fs::remove_file(copied.twin(&fixture.live)).unwrap();
    fs::remove_file(copied.twin(&fixture.revoked)).unwrap();
    fixture.assert_mended(&copied, "the twins are gone");
    let copied = fixture.copy();
    fs::write(copied.twin(&fixture.live), b"{ \"id\": ").unwrap();
    fs::write(copied.twin(&fixture.revoked), b"").unwrap();
    let said = fixture.assert_mended(&copied, "the twins are damaged");
    assert!(said.contains("twin is damaged"), "{said}");
}

#[test]
fn a_token_that_every_home_lost_is_worth_nothing() {
    let fixture = Fixture::new();
    let copied = fixture.copy();
    fs::remove_dir_all(copied.path().join("store")).unwrap();
    fs::remove_dir_all(copied.path().join("state/tokens")).unwrap();
    assert_eq!(statuses(&fixture, &copied), (401, 401));
    // The administrator has a new token, and everything is served.
    let server = ServerProcess::start(copied.path(), [""; 0]);
    let admin = Token { text: server.token(), id: String::new() };
    assert_eq!(try_upload(&server, &admin).unwrap(), 400);
    fixture.assert_serves(&mut Wire::open(server.url(), &admin.text).unwrap(), "no tokens");
}

#[test]
fn an_old_twin_brings_no_revoked_token_back() {
    let fixture = Fixture::new();
    for gone in [&[][..], &["store"], &["journal"]] {
        let copied = fixture.copy();
        fs::write(copied.twin(&fixture.revoked), &fixture.twin_before).unwrap();
        for gone in gone {
            fs::remove_dir_all(copied.path().join(gone)).unwrap();
        }
        assert_eq!(statuses(&fixture, &copied), (400, 401), "the old twin is back, and {gone:?} gone");
        // By now the twin is what it should be, and enough by itself.
        for gone in ["store", "journal"] {
            fs::remove_dir_all(copied.path().join(gone)).unwrap();
        }
        assert_eq!(statuses(&fixture, &copied), (400, 401), "only the twins are left after {gone:?}");
    }
}
