use std::io::Read as _;

use depot_proto::layout::Part;

use super::*;
use crate::{
    Published,
    testing::{WHEEL, foo, left_in_tmp, record, tree},
};

#[test]
fn what_is_dropped_before_it_is_published_leaves_nothing() {
    let (folder, tree) = tree();
    let mut incoming = tree.begin(&foo()).unwrap();
    incoming.write(b"bytes").unwrap();
    assert_eq!(left_in_tmp(folder.path()).len(), 1);
    drop(incoming);
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
    drop(tree.begin(&foo()).unwrap().seal().unwrap());
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
    assert_eq!(tree.projects().unwrap(), []);
}

#[test]
fn what_is_sealed_knows_its_digest_and_size_and_is_read_from_the_start() {
    let (_folder, tree) = tree();
    let mut incoming = tree.begin(&foo()).unwrap();
    for part in [&b"by"[..], b"", b"tes"] {
        incoming.write(part).unwrap();
    }
    assert_eq!(incoming.size(), 5);
    let mut sealed = incoming.seal().unwrap();
    assert_eq!((sealed.sha256(), sealed.size()), (Sha256Digest::of(b"bytes"), 5));
    for _ in 0..2 {
        let mut read = Vec::new();
        sealed.reader().unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, b"bytes");
    }
}

#[test]
fn a_file_begun_again_is_what_came_last() {
    let (_folder, tree) = tree();
    let mut incoming = tree.begin(&foo()).unwrap();
    incoming.write(b"a longer beginning").unwrap();
    incoming.restart().unwrap();
    incoming.write(b"bytes").unwrap();
    let sealed = incoming.seal().unwrap();
    assert_eq!((sealed.sha256(), sealed.size()), (Sha256Digest::of(b"bytes"), 5));
    assert_eq!(tree.publish(&sealed, &record(WHEEL, b"bytes"), None).unwrap(), Published::Created);
    assert_eq!(fs::read(tree.path(&foo(), WHEEL, Part::Bytes)).unwrap(), b"bytes");
}

#[test]
fn uploads_of_one_project_at_the_same_time_do_not_meet() {
    let (_folder, tree) = tree();
    let mut two = [tree.begin(&foo()).unwrap(), tree.begin(&foo()).unwrap()];
    two[0].write(b"one").unwrap();
    two[1].write(b"two").unwrap();
    let [one, two] = two.map(|incoming| incoming.seal().unwrap().sha256());
    assert_eq!((one, two), (Sha256Digest::of(b"one"), Sha256Digest::of(b"two")));
}
