//! `verify URL`: a server has what installs, with the bytes that the tree knows.

use std::fs;

use depot_tests::{FakeFile, FakeIndex, Style, WheelBuilder, run};
use serde_json::json;

use super::super::command::schema::assert_valid;
use super::super::depot::Depot;
use super::super::saved::{Saved, TARGET, result};
use super::{index, remove_project, saved, verify, verify_command};

#[test]
fn a_server_that_has_all_is_well_and_one_that_lacks_something_says_what() {
    let (depot, whole, part) = (Depot::start(), saved(index(), &["app"]), saved(index(), &["app"]));
    remove_project(&part, "base");
    part.push(&depot, &[]).assert_success();
    let url = depot.url();
    let said = verify(&whole, &[url, "app"]).assert_code(1);
    let chain = "missing: app 1.0 (asked for) -> lib 2.0 -> base<2: there is no project `base` in ";
    assert!(said.stdout.starts_with(chain), "{}", said.stdout);
    // Of what the tree has, the server lacks the file itself too.
    let said = verify(&whole, &[url]).assert_code(1);
    let base = WheelBuilder::new("base", "1.5").filename();
    assert!(said.stdout.contains(&format!("failed: base/{base}: ")), "{}", said.stdout);

    whole.push(&depot, &[]).assert_success();
    for args in [&[url][..], &[url, "app"], &[url, "app", "--download"]] {
        let said = verify(&whole, &[args, &["--format", "json"]].concat()).assert_success();
        let result = result(&said);
        assert_valid(&result);
        assert_eq!(result["server"], format!("{url}/python/simple/"));
        assert_eq!((&result["counts"]["files"], &result["missing"]), (&json!(3), &json!([])));
    }
    // Without a tree, what is named can be asked for.
    let nothing = Saved::new();
    verify(&nothing, &[url, "app"]).assert_success();
    verify(&nothing, &[url]).assert_code(1);
}

#[test]
fn other_bytes_than_those_of_the_tree_are_found_by_their_digest_or_by_reading_them() {
    let lid = WheelBuilder::new("lid", "3");
    let (index, saved) = (FakeIndex::builder(Style::Json).wheel(&lid).start(), Saved::new());
    saved.solve(&index, &["lid"]).assert_success();
    let mut bytes = lid.build();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let other = || FakeFile::new(&lid.filename(), bytes.clone()).metadata(lid.metadata());
    let check = |args: &[&str]| {
        let url = index.url();
        let args = [&[url.as_str(), "lid", "--target", TARGET], args].concat();
        run(&mut verify_command(&saved, &args))
    };
    check(&["--download"]).assert_success();
    index.put("lid", other());
    let said = check(&[]).assert_code(1);
    assert!(said.stdout.contains("the server lists the sha256"), "{}", said.stdout);
    index.put("lid", other().without_hash());
    check(&[]).assert_success();
    let said = check(&["--download"]).assert_code(1);
    assert!(said.stdout.contains("the server sends the sha256"), "{}", said.stdout);
    index.remove("lid", &lid.filename());
    check(&[]).assert_code(1);
}

#[test]
fn a_server_is_held_to_the_digests_of_a_lock() {
    let (depot, saved) = (Depot::start(), saved(index(), &["app"]));
    saved.push(&depot, &[]).assert_success();
    let base = WheelBuilder::new("base", "1.5");
    let (name, right) = (base.filename(), depot_tests::sha256_hex(&base.build()));
    let lock = saved.around().join("pylock.toml");
    let check = |hashes: &str, args: &[&str]| {
        let text = format!(
            "lock-version = '1.0'\ncreated-by = 'x'\n[[packages]]\nname = 'base'\nversion = '1.5'\n\
             wheels = [{{ name = '{name}', url = 'https://index.example/{name}', hashes = {{ {hashes} }} }}]\n"
        );
        fs::write(&lock, text).unwrap();
        verify(&Saved::new(), &[&[depot.url(), "-r", lock.to_str().unwrap()], args].concat())
    };
    for args in [&[][..], &["--download"]] {
        check(&format!("sha256 = '{right}'"), args).assert_success();
        let said = check(&format!("sha256 = '{}'", "0".repeat(64)), args).assert_code(1);
        assert!(said.stdout.contains("the lock pins it to sha256:0000"), "{}", said.stdout);
    }
    let other = format!("sha512 = '{}'", "0".repeat(128));
    let said = check(&other, &[]).assert_code(1);
    assert!(said.stdout.contains("--download compares the bytes"), "{}", said.stdout);
    let said = check(&other, &["--download"]).assert_code(1);
    assert!(said.stdout.contains("no sha256"), "{}", said.stdout);
}

#[test]
fn a_private_server_is_asked_with_a_token() {
    let (depot, saved) = (Depot::start_with(&["--private"]), saved(index(), &["app"]));
    saved.push(&depot, &[]).assert_success();
    let (url, token) = (depot.url(), depot.token());
    let said = verify(&saved, &[url, "app"]).assert_code(1);
    // It may have everything: nobody knows.
    assert!(said.stdout.starts_with("failed: app: "), "{}", said.stdout);
    assert!(said.stdout.contains("asks for credentials and none were given"), "{}", said.stdout);
    let file = saved.around().join("token");
    fs::write(&file, format!("{token}\n")).unwrap();
    for args in [&["--token", &token][..], &["--token-file", file.to_str().unwrap()]] {
        let said = verify(&saved, &[&[url, "app", "--download"], args].concat()).assert_success();
        assert!(said.stderr.contains("nothing is missing"), "{}", said.stderr);
        assert!(!said.stderr.contains(&token) && !said.stdout.contains(&token));
    }
    let mut command = verify_command(&saved, &["--target", TARGET, url]);
    run(command.env("DEPOT_AUTH_TOKEN", &token)).assert_success();
}
