use super::*;
use crate::{
    Published,
    testing::{WHEEL, foo, foo_folder, publish, record, seal, tree},
};

fn seen(tree: &Tree, part: Part) -> Bytes {
    Bytes::of(&fs::metadata(tree.path(&foo(), WHEEL, part)).unwrap())
}

#[test]
fn bytes_are_taken_out_only_if_they_are_those_that_were_judged() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    fs::write(tree.path(&foo(), WHEEL, Part::Bytes), b"bytez").unwrap();
    let judged = seen(&tree, Part::Bytes);
    let to = folder.path().join("quarantine/foo/bytes");
    // Someone mends them in between.
    tree.repair(&seal(&tree, b"bytes"), WHEEL).unwrap();
    assert!(!tree.take_out(&foo(), WHEEL, Part::Bytes, &judged, &to).unwrap());
    assert!(!to.exists());
    let judged = seen(&tree, Part::Bytes);
    assert!(tree.take_out(&foo(), WHEEL, Part::Bytes, &judged, &to).unwrap());
    assert_eq!(fs::read(&to).unwrap(), b"bytes");
    assert_eq!(foo_folder(folder.path()), [format!("{WHEEL}.json")]);
    assert!(!tree.take_out(&foo(), WHEEL, Part::Bytes, &judged, &to).unwrap(), "they are gone");
    // The name is kept for its bytes, and takes them back.
    assert!(matches!(publish(&tree, WHEEL, b"other").unwrap(), Published::Conflict(_)));
    assert!(matches!(publish(&tree, WHEEL, b"bytes").unwrap(), Published::Same(_)));
    assert!(tree.has_bytes(&foo(), WHEEL, 5));
}

#[test]
fn a_record_is_put_back_where_none_can_be_read_and_nowhere_else() {
    let (_folder, tree) = tree();
    let mut known = record(WHEEL, b"bytes");
    known.facts.requires_python = Some(">=3.9".to_owned());
    tree.publish(&seal(&tree, b"bytes"), &known, None).unwrap();
    let path = tree.path(&foo(), WHEEL, Part::Record);
    assert!(!tree.put_record_back(&foo(), &record(WHEEL, b"bytes")).unwrap());
    let newer = br#"{"filename": "x", "hashes": {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, "size": 1, "depot": {"v": 2}}"#;
    fs::write(&path, newer).unwrap();
    assert!(!tree.put_record_back(&foo(), &known).unwrap());
    assert_eq!(fs::read(&path).unwrap(), newer);
    for damaged in [&b""[..], b"{", b"[]"] {
        fs::write(&path, damaged).unwrap();
        assert!(tree.put_record_back(&foo(), &known).unwrap());
        assert_eq!(tree.record(&foo(), WHEEL).unwrap(), Some(known.clone()));
    }
    fs::remove_file(&path).unwrap();
    assert!(tree.put_record_back(&foo(), &known).unwrap());
    assert_eq!(tree.record(&foo(), WHEEL).unwrap(), Some(known));
}

#[test]
fn what_has_no_record_is_named_and_what_is_being_published_is_not() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let foo_path = folder.path().join("files/foo");
    fs::write(foo_path.join(format!("{WHEEL}.metadata")), b"m").unwrap();
    assert_eq!(tree.strays(&foo()).unwrap(), [""; 0]);
    for name in ["foo-2.tar.gz", "foo-3-py3-none-any.whl.metadata", "README"] {
        fs::write(foo_path.join(name), b"x").unwrap();
    }
    assert_eq!(tree.strays(&foo()).unwrap(), ["README", "foo-2.tar.gz", "foo-3-py3-none-any.whl.metadata"]);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 10..110 {
                publish(&tree, &format!("foo-{number}.tar.gz"), b"new").unwrap();
            }
        });
        while !writer.is_finished() {
            assert_eq!(tree.strays(&foo()).unwrap().len(), 3);
        }
        writer.join().unwrap();
    });
}
