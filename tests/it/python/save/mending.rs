//! What a save makes of a tree in which something was lost or damaged, and of sdists and indexes that say little.

use std::fs;

use depot_tests::{FakeFile, FakeIndex, SdistBuilder, Style, WheelBuilder};

use super::super::saved::{Saved, downloads, result};
use super::{index, pot};

fn saved_pot() -> (FakeIndex, Saved) {
    let (index, saved) = (index(Style::Json).start(), Saved::new());
    saved.solve(&index, &["tea-pot==1.10", "lid"]).assert_success();
    index.clear_log();
    (index, saved)
}

#[test]
fn metadata_that_was_lost_or_damaged_is_written_again_without_a_download() {
    let (index, saved) = saved_pot();
    let path = saved.path("tea-pot", &format!("{}.metadata", pot("1.10").filename()));
    let damages: [&dyn Fn(); 2] =
        [&|| fs::remove_file(&path).unwrap(), &|| fs::write(&path, "Name: other\n").unwrap()];
    for damage in damages {
        damage();
        let said = saved.solve(&index, &["tea-pot==1.10"]).assert_success();
        assert!(said.stderr.contains("was lost or damaged, and was written again"), "{}", said.stderr);
        assert_eq!(fs::read(&path).unwrap(), pot("1.10").metadata());
        assert_eq!(downloads(&index), 0);
        let said = saved.solve(&index, &["tea-pot==1.10"]).assert_success();
        assert!(!said.stderr.contains("warning"), "{}", said.stderr);
    }
}

#[test]
fn a_record_that_cannot_be_read_is_named_and_written_again_where_the_bytes_are_the_same() {
    let (index, saved) = saved_pot();
    let name = pot("1.10").filename();
    let before = saved.record("tea-pot", &name);
    let path = saved.path("tea-pot", &format!("{name}.json"));
    fs::write(&path, "no record").unwrap();
    let said = saved.solve(&index, &["tea-pot==1.10", "lid"]).assert_success();
    let words = format!("{}` cannot be read as what it should be", path.display());
    assert!(said.stderr.contains(&words) && said.stderr.contains("fetched again"), "{}", said.stderr);
    let after = saved.record("tea-pot", &name);
    assert_eq!((&after["hashes"], &after["yanked"]), (&before["hashes"], &before["yanked"]));
    assert_eq!(downloads(&index), 1);

    // Beside other bytes it may mean those: that item fails, and nothing else.
    fs::write(&path, "no record").unwrap();
    fs::write(saved.path("tea-pot", &name), "other bytes").unwrap();
    fs::remove_dir_all(saved.root().join("files/lid")).unwrap();
    let said = saved.solve(&index, &["tea-pot==1.10", "lid", "--format", "json"]).assert_code(3);
    let result = result(&said);
    assert_eq!(result["failed"][0]["item"], name);
    let reason = result["failed"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("remove the record") && reason.contains(&path.display().to_string()), "{reason}");
    assert_eq!(saved.filenames("lid").len(), 1);
    assert_eq!(fs::read(&path).unwrap(), b"no record");

    // One of a newer depot is left to that.
    let newer = before.to_string().replace("\"v\":1", "\"v\":99");
    assert_ne!(newer, before.to_string());
    fs::write(&path, &newer).unwrap();
    saved.solve(&index, &["tea-pot==1.10"]).assert_code(3);
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
}

#[test]
fn what_setuptools_was_told_an_old_sdist_needs_to_be_built_is_saved_too() {
    let old = SdistBuilder::new("old", "1.0")
        .backend("setuptools.build_meta")
        .file("setup.cfg", "[options]\nsetup_requires =\n    gear>=1\n")
        .file("setup.py", "from setuptools import setup\nsetup(setup_requires=['cog'])\n");
    let odd = SdistBuilder::new("odd", "2.0")
        .backend("setuptools.build_meta")
        .file("setup.py", "from setuptools import setup\nsetup(setup_requires=needed())\n");
    let mut index = FakeIndex::builder(Style::Json).sdist(&old).sdist(&odd);
    for (name, version) in [("gear", "1.5"), ("cog", "2"), ("wheel", "0.40"), ("setuptools", "69")] {
        index = index.wheel(&WheelBuilder::new(name, version));
    }
    let (index, saved) = (index.start(), Saved::new());
    let said = saved.solve(&index, &["old"]).assert_success();
    assert!(!said.stderr.contains("setup_requires"), "{}", said.stderr);
    assert_eq!((saved.filenames("gear").len(), saved.filenames("cog").len()), (1, 1));
    let said = saved.solve(&index, &["odd"]).assert_success();
    let words = "what `setup_requires` in the setup.py of odd-2.0.tar.gz names is only known once that runs";
    assert!(said.stderr.contains(words), "{}", said.stderr);
}

#[test]
fn requires_python_that_cannot_be_read_is_passed_over_with_a_warning() {
    let lid = WheelBuilder::new("lid", "3");
    let file = FakeFile::from(&lid).requires_python("three or so");
    let index = FakeIndex::builder(Style::Json)
        .file("lid", file)
        .wheel(&WheelBuilder::new("app", "1").requires_dist("lid"));
    let (index, saved) = (index.start(), Saved::new());
    let said = saved.solve(&index, &["app"]).assert_success();
    let words =
        "which Pythons lid-3-py3-none-any.whl is for cannot be read from `Requires-Python: three or so`";
    assert!(said.stderr.contains(words), "{}", said.stderr);
    assert_eq!(saved.filenames("lid").len(), 1);
}
