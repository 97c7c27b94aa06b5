//! A saved tree alone, without any index.

use std::{fmt::Write as _, sync::Arc};

use depot_proto::{DistributionFilename, FileRecord, Sha256Digest, Target};
use depot_tree::{Published, Tree};

use super::{LINUX, installed, problem};
use crate::python::solve::{Problem, Solution, solve_offline};

/// Puts a wheel into a tree: its bytes are none, its metadata lies beside it.
fn put(tree: &Tree, name: &str, requires: &[&str], change: impl FnOnce(&mut FileRecord)) {
    let filename = DistributionFilename::guess(name).unwrap();
    let mut metadata =
        format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", filename.project(), filename.version());
    for requirement in requires {
        let _ = writeln!(metadata, "Requires-Dist: {requirement}");
    }
    let mut incoming = tree.begin(filename.project()).unwrap();
    incoming.write(name.as_bytes()).unwrap();
    let sealed = incoming.seal().unwrap();
    let mut record = FileRecord::new(name, sealed.sha256(), sealed.size());
    record.core_metadata = Some(Sha256Digest::of(metadata.as_bytes()));
    change(&mut record);
    assert_eq!(tree.publish(&sealed, &record, Some(metadata.as_bytes())).unwrap(), Published::Created);
}

fn solve_saved(tree: &Arc<Tree>, problem: &Problem) -> Solution {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let target: Target = LINUX.parse().unwrap();
    runtime.block_on(solve_offline(Arc::clone(tree), problem, &[target])).remove(0)
}

#[test]
fn a_tree_is_solved_by_the_rules_of_an_index_and_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, _) = Tree::open(folder.path()).unwrap();
    put(&tree, "app-1.0-py3-none-any.whl", &["lib>=1", "gone ; extra == 'x'"], |_| {});
    put(&tree, "lib-1.0-py3-none-any.whl", &[], |_| {});
    put(&tree, "lib-2.0-py3-none-any.whl", &[], |record| {
        record.facts.requires_python = Some(">=3.13".to_owned());
    });
    put(&tree, "lib-3.0-cp312-cp312-win_amd64.whl", &[], |_| {});
    put(&tree, "lib-4.0-py3-none-any.whl", &[], |record| record.facts.yanked = depot_proto::Yanked::Yes);
    put(&tree, "lib-5.0-py3-none-any.whl", &[], |record| record.yanked_here = depot_proto::Yanked::Yes);
    let tree = Arc::new(tree);
    let solution = solve_saved(&tree, &problem(&["app"]));
    assert_eq!(
        (installed(&solution), solution.failed.len()),
        (vec!["app 1.0".to_owned(), "lib 1.0".to_owned()], 0)
    );
    let file = &solution.packages["lib"].files[0];
    assert_eq!(file.file.sha256(), Some(Sha256Digest::of(b"lib-1.0-py3-none-any.whl")));

    let lacking = solve_saved(&tree, &problem(&["app[x]", "lib"]));
    assert_eq!(installed(&lacking), ["lib 1.0"]);
    assert!(lacking.failed[0].reason.contains("the tree has no file of `gone`"), "{:?}", lacking.failed);
    assert!(lacking.failed[0].reason.contains("`app[x]==1.0` requires `gone`"), "{:?}", lacking.failed);
}
