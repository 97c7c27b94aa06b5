use std::{fs, path::Path, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::{
    Finding, Recovered,
    testing::{WHEEL, foo, foo_folder, left_in_tmp, publish, record, seal, tree},
};

const SDIST: &str = "foo-1.0.tar.gz";

/// A wheel with metadata and a document of provenance, and a source distribution.
fn members(tree: &Tree) -> Vec<Member> {
    let mut sealed = seal(tree, b"wheel");
    sealed.attach_provenance(b"{}").unwrap();
    let mut wheel = record(WHEEL, b"wheel");
    wheel.core_metadata = Some(depot_proto::Sha256Digest::of(b"Name: foo"));
    wheel.provenance = sealed.provenance();
    vec![
        Member { sealed, record: wheel, metadata: Some(b"Name: foo".to_vec()) },
        Member { sealed: seal(tree, b"sdist"), record: record(SDIST, b"sdist"), metadata: None },
    ]
}

#[track_caller]
fn published(tree: &Tree, members: &mut [Member]) -> SetNote {
    match tree.publish_together(&foo(), members).unwrap() {
        Together::Published(note) => note,
        Together::Conflict(known) => panic!("{known:?}"),
    }
}

#[track_caller]
fn assert_both_are_whole(tree: &Tree, what: &str) {
    assert_eq!(tree.filenames(&foo()).unwrap(), [WHEEL, SDIST], "{what}");
    for name in [WHEEL, SDIST] {
        assert_eq!(tree.verify(&foo(), name).unwrap(), Finding::Right, "{what}");
    }
    assert_eq!(tree.metadata(&foo(), WHEEL).unwrap().unwrap(), b"Name: foo", "{what}");
    assert_eq!(fs::read(tree.path(&foo(), WHEEL, Part::Provenance)).unwrap(), b"{}", "{what}");
}

#[test]
fn files_are_there_together_and_again() {
    let (folder, tree) = tree();
    for _ in 0..2 {
        drop(published(&tree, &mut members(&tree)));
        assert_both_are_whole(&tree, "published");
        assert!(left_in_tmp(folder.path()).is_empty());
    }
    drop(tree);
    assert_eq!(Tree::open(folder.path()).unwrap().1, Recovered::default());
}

#[test]
fn one_that_is_there_already_stays_and_the_others_come_to_it() {
    let (folder, tree) = tree();
    publish(&tree, SDIST, b"sdist").unwrap();
    let mut members = members(&tree);
    members[1].record.facts.requires_python = Some(">=3".to_owned());
    drop(published(&tree, &mut members));
    assert_both_are_whole(&tree, "published");
    assert_eq!(tree.record(&foo(), SDIST).unwrap().unwrap().facts.requires_python, None);
    drop(members);
    assert!(left_in_tmp(folder.path()).is_empty());
}

#[test]
fn of_a_conflict_nothing_is_there() {
    for taken in [SDIST, "foo-1.0.TAR.GZ"] {
        let (folder, tree) = tree();
        publish(&tree, taken, b"others").unwrap();
        let outcome = tree.publish_together(&foo(), &mut members(&tree)).unwrap();
        assert!(matches!(outcome, Together::Conflict(known) if known.filename == taken));
        drop(tree);
        assert_eq!(foo_folder(folder.path()), [taken.to_owned(), format!("{taken}.json")]);
        assert!(left_in_tmp(folder.path()).is_empty());
    }
}

#[test]
fn what_cannot_all_be_named_is_not_named_at_all() {
    let (folder, tree) = tree();
    // A folder in the place of the second one's bytes.
    let in_the_way = folder.path().join("files/foo").join(SDIST);
    fs::create_dir_all(&in_the_way).unwrap();
    assert!(tree.publish_together(&foo(), &mut members(&tree)).is_err());
    assert_eq!(foo_folder(folder.path()), [SDIST]);
    assert!(left_in_tmp(folder.path()).is_empty());
    fs::remove_dir(in_the_way).unwrap();
    drop(published(&tree, &mut members(&tree)));
    assert_both_are_whole(&tree, "published again");
}

#[test]
fn a_listing_has_all_of_them_or_none() {
    let (_folder, tree) = tree();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..40 {
                let of = |kind: &str| format!("foo-{number}.{kind}");
                let mut members: Vec<Member> = ["tar.gz", "zip", "tar.bz2"]
                    .map(|kind| Member {
                        sealed: seal(&tree, kind.as_bytes()),
                        record: record(&of(kind), kind.as_bytes()),
                        metadata: None,
                    })
                    .into();
                drop(published(&tree, &mut members));
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            assert_eq!(tree.filenames(&foo()).unwrap().len() % 3, 0);
        }
    });
}

/// What a crash leaves after these many steps of giving names, of the set that was written down.
fn crashed(linked: usize) -> TempDir {
    let (folder, tree) = tree();
    let mut members = members(&tree);
    for member in &members {
        write_synced(&member.sealed.files.new_record(), &member.record.to_document()).unwrap();
        if let Some(metadata) = &member.metadata {
            fs::write(member.sealed.files.metadata(), metadata).unwrap();
        }
    }
    tree.found(&foo()).unwrap();
    let mut note = SetNote { path: with(&tree.stem(&foo()).unwrap(), SET_NOTE), stays: false };
    tree.write_set(&note.path, &members, &[0, 1]).unwrap();
    let mut steps = 0..linked;
    for Member { sealed, record, .. } in &members {
        let at = |part| tree.path(&foo(), &record.filename, part);
        if steps.next().is_some() {
            link(&sealed.files.bytes(), &at(Part::Bytes)).unwrap();
        }
        if steps.next().is_some() {
            let _ = fs::rename(sealed.files.metadata(), at(Part::Metadata));
        }
        if steps.next().is_some() {
            let _ = fs::rename(sealed.files.provenance(), at(Part::Provenance));
        }
        if steps.next().is_some() {
            link(&sealed.files.new_record(), &at(Part::Record)).unwrap();
        }
    }
    keep(&mut note, &mut members);
    folder
}

const STEPS: usize = 8;

fn both() -> Vec<(ProjectName, String)> {
    [WHEEL, SDIST].map(|name| (foo(), name.to_owned())).into()
}

#[test]
fn a_set_that_was_written_down_is_finished_whole() {
    for linked in 0..=STEPS {
        let what = format!("after {linked} steps");
        let folder = crashed(linked);
        let removed = crate::gc(folder.path(), Duration::ZERO, false).unwrap().removed;
        assert!(
            removed.iter().all(|path| path.extension().is_some_and(|name| name == "lock")),
            "{removed:?}"
        );
        // It is reported until it is settled.
        for _ in 0..2 {
            let (tree, recovered) = Tree::open(folder.path()).unwrap();
            assert_eq!(recovered.published, both(), "{what}");
            assert_both_are_whole(&tree, &what);
        }
        let (tree, recovered) = Tree::open(folder.path()).unwrap();
        tree.settle(&recovered).unwrap();
        drop(tree);
        assert_eq!(Tree::open(folder.path()).unwrap().1, Recovered::default(), "{what}");
        assert!(left_in_tmp(folder.path()).is_empty(), "{what}");
    }
}

#[test]
fn a_set_of_which_something_is_lost_comes_to_nothing() {
    for lost in [".part", ".set"] {
        let folder = crashed(0);
        let names = left_in_tmp(folder.path());
        for name in names.iter().filter(|name| name.ends_with(lost)).take(1) {
            fs::write(folder.path().join("tmp").join(name), "{").unwrap();
        }
        let (tree, recovered) = Tree::open(folder.path()).unwrap();
        assert!(recovered.published.is_empty(), "{lost}");
        assert!(tree.filenames(&foo()).unwrap().is_empty(), "{lost}");
        assert!(left_in_tmp(folder.path()).is_empty(), "{lost}");
    }
}

#[test]
fn what_a_power_cut_took_of_the_names_is_put_back() {
    // The names of a folder may come to the disk in any order: records without bytes, bytes without records.
    for (lost, kept) in [(Part::Bytes, ".part"), (Part::Record, ".new"), (Part::Metadata, "")] {
        let folder = crashed(STEPS);
        let at = |name: &str| folder.path().join("files/foo").join(format!("{name}{}", lost.suffix()));
        for name in [WHEEL, SDIST] {
            let _ = fs::remove_file(at(name));
        }
        let tmp = folder.path().join("tmp");
        assert!(kept.is_empty() || left_in_tmp(folder.path()).iter().any(|name| name.ends_with(kept)));
        if lost == Part::Metadata {
            // It is derived from the wheel again.
            assert_eq!(Tree::open(folder.path()).unwrap().1.published, both());
            continue;
        }
        let (tree, recovered) = Tree::open(folder.path()).unwrap();
        assert_eq!(recovered.published, both());
        assert_both_are_whole(&tree, kept);
        assert!(Path::new(&tmp).is_dir());
    }
}

#[test]
fn a_note_that_was_left_reports_the_files_until_it_is_settled() {
    let (folder, tree) = tree();
    published(&tree, &mut members(&tree)).leave_note();
    drop(tree);
    assert_eq!(crate::gc(folder.path(), Duration::ZERO, false).unwrap().needed, 1);
    let (tree, recovered) = Tree::open(folder.path()).unwrap();
    assert_eq!(recovered.published, both());
    assert_both_are_whole(&tree, "left");
    tree.settle(&recovered).unwrap();
    drop(tree);
    assert_eq!(Tree::open(folder.path()).unwrap().1, Recovered::default());
}
