use depot_proto::layout::Part;

use super::*;
use crate::testing::{WHEEL, foo, left_in_tmp, listed, publish, record, tree};

#[test]
fn a_file_that_was_read_is_right_from_memory_until_it_changes() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let sha256 = record(WHEEL, b"bytes").sha256;
    let is_right = |verified: &mut Verified| verified.is_right(&tree, &foo(), WHEEL, sha256).unwrap();
    let mut verified = Verified::load(&tree);
    assert!(is_right(&mut verified));
    assert!(!verified.is_right(&tree, &foo(), WHEEL, Sha256Digest::of(b"other")).unwrap());
    assert!(!verified.is_right(&tree, &foo(), "foo-2.tar.gz", sha256).unwrap());
    verified.store().unwrap();
    assert_eq!(left_in_tmp(folder.path()), ["verified.json"]);

    let mut verified = Verified::load(&tree);
    assert_eq!(verified.files.len(), 1);
    assert!(is_right(&mut verified));
    let path = tree.path(&foo(), WHEEL, Part::Bytes);
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"bytez").unwrap();
    assert!(!is_right(&mut verified));
}

#[test]
fn a_memory_that_is_damaged_is_no_memory() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let key = format!("foo/{WHEEL}");
    for content in ["", "[]", "{\"a\": 1}", &format!("{{\"{key}\": [\"zz\", 5, 1, 1]}}")] {
        fs::write(folder.path().join("tmp/verified.json"), content).unwrap();
        let mut verified = Verified::load(&tree);
        assert!(verified.files.is_empty(), "{content}");
        assert!(verified.is_right(&tree, &foo(), WHEEL, record(WHEEL, b"bytes").sha256).unwrap());
    }
}

#[test]
fn a_memory_that_was_being_written_is_swept_with_its_session() {
    let (folder, tree) = tree();
    let session = tree.session.as_ref().unwrap();
    let scratch = session.scratch("verified.new");
    fs::write(&scratch, b"{").unwrap();
    drop(tree);
    let (_tree, recovered) = Tree::open(folder.path()).unwrap();
    assert_eq!(recovered.swept, 1);
    assert!(!scratch.exists());
    assert_eq!(listed(&folder.path().join("tmp")).len(), 2, "the two locks");
}

#[test]
fn a_file_that_was_found_wrong_is_read_again_however_it_looks() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let sha256 = record(WHEEL, b"bytes").sha256;
    let is_right = |verified: &mut Verified| verified.is_right(&tree, &foo(), WHEEL, sha256).unwrap();
    let mut verified = Verified::load(&tree);
    assert!(is_right(&mut verified));
    verified.store().unwrap();
    // Bits rot without moving a date.
    let path = tree.path(&foo(), WHEEL, Part::Bytes);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, b"bytez").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert!(is_right(&mut Verified::load(&tree)), "as it looks");
    let mut verified = Verified::load(&tree);
    verified.forget(&foo(), WHEEL);
    verified.store().unwrap();
    assert!(!is_right(&mut Verified::load(&tree)));
    drop(folder);
}
