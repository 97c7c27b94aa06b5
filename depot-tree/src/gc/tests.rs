use super::*;
use crate::testing::{WHEEL, foo, left_in_tmp, publish, record, seal, tree};

const DEAD: &str = "00000000000000aa";
const NEW: Duration = Duration::from_hours(1);

fn left(root: &Path, name: &str, content: &[u8]) {
    fs::write(root.join("tmp").join(format!("{DEAD}{name}")), content).unwrap();
}

#[test]
fn left_overs_of_the_dead_go_when_they_are_old_and_those_of_the_living_stay() {
    let (folder, tree) = tree();
    let root = folder.path();
    let alive = seal(&tree, b"under way");
    for name in [".lock", "-0.foo.part", "-1.foo.json", "-1.foo.part", "-verified.new"] {
        left(root, name, b"123");
    }
    fs::write(root.join("tmp/verified.json"), b"{}").unwrap();
    let before = left_in_tmp(root);
    let young = gc(root, NEW, false).unwrap();
    assert_eq!((young.removed.len(), young.young, young.needed), (0, 5, 0));
    let dry = gc(root, Duration::ZERO, true).unwrap();
    assert_eq!((dry.removed.len(), dry.bytes), (5, 15));
    assert_eq!(left_in_tmp(root), before);
    assert_eq!(gc(root, Duration::ZERO, false).unwrap(), dry);
    let left = left_in_tmp(root);
    assert!(left.iter().all(|name| !name.starts_with(DEAD)), "{left:?}");
    assert!(left.contains(&"verified.json".to_owned()));
    tree.publish(&alive, &record(WHEEL, b"under way"), None).unwrap();
    assert_eq!(gc(root, Duration::ZERO, false).unwrap(), LeftOvers::default());
}

#[test]
fn what_the_next_opening_needs_stays_however_old() {
    let (folder, tree) = tree();
    let root = folder.path();
    publish(&tree, WHEEL, b"bytes").unwrap();
    drop(tree);
    // A note of a file that is visible, and one of a file whose bytes alone have their name.
    left(root, "-0.foo.json", &record(WHEEL, b"bytes").to_document());
    fs::write(root.join("files/foo/foo-2.tar.gz"), b"two").unwrap();
    left(root, "-1.foo.json", &record("foo-2.tar.gz", b"two").to_document());
    left(root, "-1.foo.metadata", b"metadata");
    // And one of a file that never got its name.
    left(root, "-2.foo.json", &record("foo-3.tar.gz", b"three").to_document());
    let found = gc(root, Duration::ZERO, false).unwrap();
    assert_eq!((found.removed.len(), found.needed), (1, 3));
    let (tree, recovered) = Tree::open(root).unwrap();
    assert_eq!(recovered.published.len(), 2);
    assert!(tree.record(&foo(), "foo-2.tar.gz").unwrap().is_some());
}

#[test]
fn what_is_no_file_is_passed_over_by_gc_and_by_the_next_opening() {
    let (folder, tree) = tree();
    let root = folder.path();
    drop(tree);
    let stray =
        [format!("tmp/{DEAD}-0.foo.json"), format!("tmp/{DEAD}.lock"), "tmp/00000000000000ab".to_owned()];
    for name in &stray {
        fs::create_dir(root.join(name)).unwrap();
    }
    left(root, "-0.foo.part", b"123");
    assert_eq!(gc(root, Duration::ZERO, false).unwrap().removed.len(), 1);
    left(root, "-0.foo.part", b"123");
    let (_tree, recovered) = Tree::open(root).unwrap();
    assert_eq!(recovered.swept, 1);
    assert!(stray.iter().all(|name| root.join(name).is_dir()));
}

#[test]
fn downloads_that_nobody_goes_on_with_are_swept_by_their_age() {
    let (folder, tree) = tree();
    let root = folder.path();
    let kept = |bytes: &[u8]| {
        let mut kept = tree.resume(depot_proto::Sha256Digest::of(bytes)).unwrap().unwrap();
        kept.write(bytes).unwrap();
        kept
    };
    drop(kept(b"left"));
    let at_it = kept(b"at it");
    let resumable = root.join("tmp/resumable");
    let note = format!("{}.json", depot_proto::Sha256Digest::of(b"left"));
    fs::write(resumable.join(&note), b"{}").unwrap();
    fs::create_dir(resumable.join("folder.part")).unwrap();
    assert_eq!(gc(root, NEW, false).unwrap(), LeftOvers { young: 1, ..LeftOvers::default() });
    let dry = gc(root, Duration::ZERO, true).unwrap();
    assert_eq!((dry.removed.len(), dry.bytes), (2, 6));
    assert!(resumable.join(&note).exists());
    assert_eq!(gc(root, Duration::ZERO, false).unwrap(), dry);
    assert_eq!(fs::read_dir(&resumable).unwrap().count(), 2, "what is being received, and the folder");
    drop(at_it);
    assert_eq!(gc(root, Duration::ZERO, false).unwrap().removed.len(), 1);
}
