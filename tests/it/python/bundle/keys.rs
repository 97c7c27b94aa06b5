//! Who may have made a bundle: signatures, and what is refused where a key is pinned.

use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use depot_tests::{run, skipped};

use super::{carried, forge};

#[test]
fn a_pinned_key_takes_its_own_bundles_and_no_others() {
    let (_index, carried) = carried();
    carried.run(&["keygen"]).assert_success();
    let line = carried.run(&["keygen", "-o", "other.key"]).assert_success().stdout;
    carried.create(&["-o", "signed.tar.zst", "--sign", "depot-bundle.key"]).assert_success();
    let whole = carried.whole();
    let refused = |args: &[&str], words: &str| {
        let said = carried.import(args).assert_code(1);
        assert!(said.stderr.contains(words), "`{words}` is not said: {}", said.stderr);
        carried.assert_nothing_imported();
    };
    refused(&["whole.tar.zst", "--trust", "depot-bundle.key.pub"], "it is not signed, and a key is pinned");
    refused(&["signed.tar.zst", "--trust", "other.key.pub"], "not that of the pinned key");
    refused(&["signed.tar.zst", "--trust", line.trim()], "not that of the pinned key");
    refused(&["signed.tar.zst", "--trust", "other.key"], "is a private key");
    refused(&["signed.tar.zst", "--trust", "absent.pub"], "absent.pub");
    refused(&["signed.tar.zst", "--trust", "ed25519:AAAA"], "is no public key");
    // Changed after it was signed, down to all digests; or the signature of another bundle.
    let mut members = forge::open(&fs::read(carried.path("signed.tar.zst")).unwrap());
    let signature = members[1].clone();
    forge::manifest(&mut members, |manifest| manifest["created-by"] = "somebody".into());
    fs::write(carried.path("changed.tar.zst"), forge::pack(&members)).unwrap();
    refused(&["changed.tar.zst", "--trust", "depot-bundle.key.pub"], "or changed");
    let mut members = forge::open(&whole);
    members[1] = signature;
    fs::write(carried.path("changed.tar.zst"), forge::pack(&members)).unwrap();
    refused(&["changed.tar.zst", "--trust", "depot-bundle.key.pub"], "or changed");
    let mut by_variable = carried.command(&["import", "whole.tar.zst", "--dir"]);
    by_variable.arg(carried.target.root()).env("DEPOT_BUNDLE_KEY", carried.path("depot-bundle.key.pub"));
    run(&mut by_variable).assert_code(1);
    carried.assert_nothing_imported();
    let said = carried.import(&["signed.tar.zst"]).assert_success();
    assert!(said.stderr.contains("none is pinned"), "{}", said.stderr);
    let both = ["signed.tar.zst", "--trust", line.trim(), "--trust", "depot-bundle.key.pub", "-v"];
    let said = carried.import(&both).assert_success();
    assert!(
        said.stderr.contains("signed with the pinned key") && !said.stderr.contains("warning"),
        "{}",
        said.stderr
    );
    carried.assert_carried();
}

#[test]
fn keys_are_made_once_and_the_private_one_is_for_its_owner_alone() {
    let (_index, carried) = carried();
    let said = carried.run(&["keygen", "-o", "k"]).assert_success();
    assert!(said.stdout.starts_with("ed25519:"), "{}", said.stdout);
    let private = fs::read_to_string(carried.path("k")).unwrap();
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----"), "it is no PEM");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(carried.path("k")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = carried.run(&["keygen", "-o", "k"]).assert_code(1);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    assert_eq!(private, fs::read_to_string(carried.path("k")).unwrap());
    for (key, words) in [("k.pub", "is no private key"), ("absent", "absent")] {
        let said = carried.create(&["-o", "x.tar.zst", "--sign", key]).assert_code(1);
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
}

#[test]
fn openssl_verifies_a_signature_too() {
    let (_index, carried) = carried();
    carried.run(&["keygen", "-o", "k"]).assert_success();
    carried.create(&["-o", "signed.tar.zst", "--sign", "k"]).assert_success();
    let members = forge::open(&fs::read(carried.path("signed.tar.zst")).unwrap());
    for member in &members[..2] {
        fs::write(carried.path(&member.name), &member.content).unwrap();
    }
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-verify", "-pubin", "-inkey", "k.pub", "-rawin"]);
    command.args(["-in", "depot-bundle.json", "-sigfile", "depot-bundle.sig"]);
    match command.current_dir(carried.room.path()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => skipped("openssl: it is not installed"),
        said => {
            let said = said.unwrap();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        }
    }
}
