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
