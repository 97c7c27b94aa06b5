//! What the tests of this crate share.

use std::path::Path;

use depot_proto::{FileRecord, ProjectName, Sha256Digest};
use tempfile::TempDir;

use crate::{Published, Sealed, Tree, TreeError};

/// The wheel that most tests publish, and its project.
pub(crate) const WHEEL: &str = "foo-1.0-py3-none-any.whl";

pub(crate) fn foo() -> ProjectName {
    "foo".parse().unwrap()
}

pub(crate) fn tree() -> (TempDir, Tree) {
    let folder = tempfile::tempdir().unwrap();
    let (tree, recovered) = Tree::open(folder.path()).unwrap();
    assert_eq!(recovered, crate::Recovered::default());
    (folder, tree)
}

pub(crate) fn seal(tree: &Tree, bytes: &[u8]) -> Sealed {
    let mut incoming = tree.begin(&foo()).unwrap();
    incoming.write(bytes).unwrap();
    incoming.seal().unwrap()
}

pub(crate) fn record(filename: &str, bytes: &[u8]) -> FileRecord {
    FileRecord::new(filename, Sha256Digest::of(bytes), bytes.len() as u64)
}

/// Publishes bytes of `foo` under this name.
pub(crate) fn publish(tree: &Tree, filename: &str, bytes: &[u8]) -> Result<Published, TreeError> {
    tree.publish(&seal(tree, bytes), &record(filename, bytes), None)
}

/// The names in a folder, sorted; none if it is not there.
pub(crate) fn listed(folder: &Path) -> Vec<String> {
    let mut names = crate::tree::names(folder).unwrap();
    names.sort();
    names
}

/// What lies in `tmp/` but locks.
pub(crate) fn left_in_tmp(root: &Path) -> Vec<String> {
    let mut names = listed(&root.join("tmp"));
    names.retain(|name| Path::new(name).extension().is_none_or(|extension| extension != "lock"));
    names
}

/// What lies beside each other in the folder of `foo`.
pub(crate) fn foo_folder(root: &Path) -> Vec<String> {
    listed(&root.join("files/foo"))
}
