//! `save --provenance`: who built and published a file (PEP 740) is saved beside it, and travels with it.

use std::fs;

use depot_tests::{FakeFile, FakeIndex, Fault, Style, WheelBuilder, depot_command, run};
use serde_json::json;

use super::command::schema::assert_valid;
use super::saved::{Saved, downloads, result};

fn wheel(name: &str) -> WheelBuilder {
    WheelBuilder::new(name, "1")
}

fn attested(by: &str) -> Vec<u8> {
    json!({ "version": 1, "attestation_bundles": [{ "publisher": { "kind": by }, "attestations": [] }] })
        .to_string()
        .into_bytes()
}

fn lid(by: &str) -> FakeFile {
    FakeFile::from(&wheel("lid")).provenance(attested(by))
}

fn index() -> FakeIndex {
    FakeIndex::builder(Style::Json)
        .file("lid", lid("robot"))
        .wheel(&wheel("pot").requires_dist("lid"))
        .start()
}

fn beside(saved: &Saved) -> Option<Vec<u8>> {
    saved.stored("lid", &format!("{}.provenance", wheel("lid").filename()))
}

fn path() -> String {
    format!("{}.provenance", FakeIndex::file_path("lid", &wheel("lid").filename()))
}

#[test]
fn it_is_saved_when_it_is_asked_for_and_asked_for_once() {
    let (index, saved) = (index(), Saved::new());
    saved.solve(&index, &["pot"]).assert_success();
    assert_eq!((beside(&saved), index.count(&path())), (None, 0));
    let save = |args: &[&str]| {
        let said = saved.solve(&index, &[&["pot", "--provenance", "--format", "json"], args].concat());
        assert_valid(&result(&said));
        (result(&said)["counts"]["provenance"].clone(), said)
    };
    let before = downloads(&index);
    save(&["--dry-run"]).1.assert_success();
    assert_eq!(beside(&saved), None);
    assert_eq!(save(&[]).0, 1);
    assert_eq!((beside(&saved), index.count(&path())), (Some(attested("robot")), 1));
    assert_eq!((save(&[]).0, index.count(&path())), (json!(0), 1));
    // Something else is said of the file, and so it is looked at again; its bytes are not.
    index.put("lid", lid("somebody").yanked("leaks"));
    saved.solve(&index, &["lid==1", "--provenance"]).assert_success();
    assert_eq!(beside(&saved), Some(attested("somebody")));
    assert_eq!(downloads(&index) - before, index.count(&path()), "bytes were asked for again");
}

#[test]
fn one_that_cannot_be_had_fails_alone_and_is_had_the_next_time() {
    let (index, saved) = (index(), Saved::new());
    index.fault(&path(), Fault::NotFound);
    let said = saved.solve(&index, &["pot", "--provenance"]).assert_code(3);
    let words = format!("the provenance of {}: ", wheel("lid").filename());
    assert!(said.stderr.contains(&words), "{}", said.stderr);
    assert_eq!((saved.filenames("lid").len(), beside(&saved)), (1, None));
    index.heal();
    for document in ["<html>", "{}", "[]", r#"{"attestation_bundles": 1}"#] {
        index.put("lid", FakeFile::from(&wheel("lid")).provenance(document));
        saved.solve(&index, &["pot", "--provenance"]).assert_code(3);
        assert_eq!(beside(&saved), None, "{document}");
    }
    index.put("lid", lid("robot"));
    saved.solve(&index, &["pot", "--provenance"]).assert_success();
    assert_eq!(beside(&saved), Some(attested("robot")));
}

#[test]
fn it_travels_without_the_bytes_of_its_file() {
    let (index, saved, far) = (index(), Saved::new(), Saved::new());
    saved.solve(&index, &["pot"]).assert_success();
    let bundle = |args: &[&str]| {
        let mut command = depot_command(["python", "bundle"]);
        run(command.args(args).current_dir(saved.around())).assert_success()
    };
    let (from, to) = (saved.root(), far.root());
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    bundle(&["create", "-o", "one.tar.zst", "--dir", from]);
    bundle(&["import", "one.tar.zst", "--dir", to]);
    let set = saved.around().join("depot-set.toml");
    fs::write(&set, "[inputs]\nrequirements = ['pot']\n[choice]\nprovenance = true\n").unwrap();
    saved.solve(&index, &["--set", set.to_str().unwrap()]).assert_success();
    let made =
        bundle(&["create", "-o", "two.tar.zst", "--dir", from, "--base", "one.tar.zst", "--format", "json"]);
    let counts = json!({ "new": 0, "changed": 1, "projects": 0, "removed": 0, "unchanged": 1 });
    assert_eq!(result(&made)["counts"], counts);
    bundle(&["import", "two.tar.zst", "--dir", to]);
    assert_eq!(beside(&far), Some(attested("robot")));
}
