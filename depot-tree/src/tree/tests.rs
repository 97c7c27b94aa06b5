use super::*;
use crate::testing::{WHEEL, foo, listed, publish, record, seal, tree};

#[test]
fn opening_makes_the_folders_and_closing_leaves_no_session() {
    let (folder, tree) = tree();
    assert_eq!(listed(folder.path()), ["files", "tmp"]);
    drop(tree);
    assert_eq!(listed(&folder.path().join("tmp")), ["linking.lock"]);
}

#[test]
fn a_tree_opened_for_reading_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not-there");
    let reading = Tree::open_read_only(&root);
    assert_eq!(reading.projects().unwrap(), []);
    assert_eq!(reading.filenames(&foo()).unwrap(), [""; 0]);
    assert_eq!(reading.record(&foo(), WHEEL).unwrap(), None);
    assert_eq!(reading.metadata(&foo(), WHEEL).unwrap(), None);
    assert_eq!(reading.verify(&foo(), WHEEL).unwrap(), crate::Finding::Absent);
    let refused = reading.begin(&foo()).unwrap_err().to_string();
    assert!(refused.contains("opened for reading only"), "{refused}");
    assert!(reading.change_record(&foo(), WHEEL, |_| true).unwrap().is_none());
    reading.write_metadata(&foo(), WHEEL, b"").unwrap_err();
    let mut verified = crate::Verified::load(&reading);
    verified.store().unwrap();
    assert_eq!(listed(folder.path()), [""; 0]);
}

#[test]
fn a_tree_opened_for_reading_changes_nothing_of_one_in_use() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let sealed = seal(&tree, b"others");
    let before = listed(&folder.path().join("tmp"));
    let reading = Tree::open_read_only(folder.path());
    assert_eq!(reading.projects().unwrap(), [foo()]);
    assert_eq!(reading.filenames(&foo()).unwrap(), [WHEEL]);
    let mut verified = crate::Verified::load(&reading);
    let sha256 = record(WHEEL, b"bytes").sha256;
    assert!(verified.is_right(&reading, &foo(), WHEEL, sha256).unwrap());
    verified.store().unwrap();
    reading.change_record(&foo(), WHEEL, |_| true).unwrap_err();
    drop(reading);
    assert_eq!(listed(&folder.path().join("tmp")), before);
    drop(sealed);
}

#[test]
fn what_is_no_project_and_no_file_is_passed_over() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    for stray in ["Foo", "foo.bar", "foo_bar", ".git", "-"] {
        fs::create_dir(folder.path().join("files").join(stray)).unwrap();
    }
    // Bytes, metadata and provenance alone are no file.
    for stray in ["a-1.tar.gz", "b-1-py3-none-any.whl.metadata", "c-1.tar.gz.provenance"] {
        fs::write(folder.path().join("files/foo").join(stray), b"x").unwrap();
    }
    assert_eq!(tree.projects().unwrap(), [foo()]);
    assert_eq!(tree.filenames(&foo()).unwrap(), [WHEEL]);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_passed_over() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    fs::write(folder.path().join("files/foo").join(OsStr::from_bytes(b"\xff.json")), b"{}").unwrap();
    fs::write(folder.path().join("tmp").join(OsStr::from_bytes(b"\xff.json")), b"{}").unwrap();
    assert_eq!(tree.filenames(&foo()).unwrap(), [WHEEL]);
    drop(tree);
    Tree::open(folder.path()).unwrap();
}
