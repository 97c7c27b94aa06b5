use std::fs;

use super::*;
use crate::testing::{WHEEL, foo, publish, record, seal, tree};

#[test]
fn each_way_of_being_wrong_is_found() {
    let (_folder, tree) = tree();
    let verify = || tree.verify(&foo(), WHEEL).unwrap();
    assert_eq!(verify(), Finding::Absent);
    publish(&tree, WHEEL, b"bytes").unwrap();
    assert_eq!(verify(), Finding::Right);
    let path = tree.path(&foo(), WHEEL, Part::Bytes);
    fs::write(&path, b"byt").unwrap();
    assert_eq!(verify(), Finding::WrongSize { expected: 5, actual: 3 });
    fs::write(&path, b"bytez").unwrap();
    let (expected, actual) = (Sha256Digest::of(b"bytes"), Sha256Digest::of(b"bytez"));
    assert_eq!(verify(), Finding::WrongHash { expected, actual });
    fs::remove_file(&path).unwrap();
    assert_eq!(verify(), Finding::BytesMissing);
    fs::create_dir(&path).unwrap();
    assert_eq!(verify(), Finding::BytesMissing);
    fs::remove_file(tree.path(&foo(), WHEEL, Part::Record)).unwrap();
    assert_eq!(verify(), Finding::Absent);
}

#[test]
fn a_record_that_says_no_size_means_the_size_that_is_there() {
    let (_folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let mut document = record(WHEEL, b"bytes").to_json();
    document.as_object_mut().unwrap().remove("size").unwrap();
    fs::write(tree.path(&foo(), WHEEL, Part::Record), document.to_string()).unwrap();
    assert_eq!(tree.record(&foo(), WHEEL).unwrap().unwrap().size, 5, "{document}");
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
}

#[test]
fn a_damaged_record_is_an_error_that_names_it() {
    let (_folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let path = tree.path(&foo(), WHEEL, Part::Record);
    for document in [&b""[..], b"{", b"[]", b"{}", &[0xFF; 10]] {
        fs::write(&path, document).unwrap();
        let error = tree.verify(&foo(), WHEEL).unwrap_err();
        assert!(matches!(error, TreeError::Record { .. }));
        assert!(error.to_string().contains(WHEEL), "{error}");
    }
}

#[test]
fn a_large_file_is_hashed_whole() {
    let (_folder, tree) = tree();
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|number| (number % 251) as u8).collect();
    publish(&tree, WHEEL, &bytes).unwrap();
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
}

#[test]
fn metadata_beside_a_file_is_compared_with_its_record() {
    let (_folder, tree) = tree();
    let verify = || tree.verify_metadata(&foo(), WHEEL).unwrap();
    assert_eq!(verify(), Finding::Absent);
    let mut promised = record(WHEEL, b"bytes");
    promised.core_metadata = Some(Sha256Digest::of(b"metadata"));
    tree.publish(&seal(&tree, b"bytes"), &promised, Some(b"metadata")).unwrap();
    assert_eq!(verify(), Finding::Right);
    let path = tree.path(&foo(), WHEEL, Part::Metadata);
    fs::write(&path, b"other").unwrap();
    let (expected, actual) = (Sha256Digest::of(b"metadata"), Sha256Digest::of(b"other"));
    assert_eq!(verify(), Finding::WrongHash { expected, actual });
    fs::remove_file(&path).unwrap();
    assert_eq!(verify(), Finding::BytesMissing);
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
}
