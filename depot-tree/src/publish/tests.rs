use std::{fs, process::Command, thread};

use depot_proto::{Yanked, layout::Part};

use super::*;
use crate::{
    Finding,
    testing::{WHEEL, foo, foo_folder, left_in_tmp, listed, publish, record, seal, tree},
};

#[test]
fn a_published_file_is_there_with_its_record_and_metadata() {
    let (folder, tree) = tree();
    let sealed = seal(&tree, b"bytes");
    assert_eq!(tree.filenames(&foo()).unwrap(), [""; 0]);
    let record = record(WHEEL, b"bytes");
    assert_eq!(tree.publish(&sealed, &record, Some(b"metadata")).unwrap(), Published::Created);
    assert_eq!(tree.record(&foo(), WHEEL).unwrap(), Some(record));
    assert_eq!(tree.metadata(&foo(), WHEEL).unwrap().unwrap(), b"metadata");
    assert_eq!(fs::read(tree.path(&foo(), WHEEL, Part::Bytes)).unwrap(), b"bytes");
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
    drop(sealed);
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn a_document_of_provenance_gets_its_name_with_the_bytes_and_never_with_others() {
    let (folder, tree) = tree();
    let provenance = || fs::read(tree.path(&foo(), WHEEL, Part::Provenance)).ok();
    let publish_with = |bytes: &[u8], document: &[u8]| {
        let mut sealed = seal(&tree, bytes);
        sealed.attach_provenance(document).unwrap();
        let mut record = record(WHEEL, bytes);
        record.provenance = sealed.provenance();
        tree.publish(&sealed, &record, None).unwrap()
    };
    assert_eq!(publish_with(b"bytes", b"{}"), Published::Created);
    assert_eq!(provenance().unwrap(), b"{}");
    let kept = tree.record(&foo(), WHEEL).unwrap().unwrap().provenance;
    assert_eq!(kept, Some(depot_proto::Sha256Digest::of(b"{}")));
    assert!(matches!(publish_with(b"bytes", b"[]"), Published::Same(_)));
    assert!(matches!(publish_with(b"other", b"[]"), Published::Conflict(_)));
    assert_eq!(provenance().unwrap(), b"{}");
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn the_same_bytes_are_the_same_file_and_its_record_stays() {
    let (folder, tree) = tree();
    let mut first = record(WHEEL, b"bytes");
    first.facts.requires_python = Some(">=3.9".to_owned());
    tree.publish(&seal(&tree, b"bytes"), &first, None).unwrap();
    assert_eq!(publish(&tree, WHEEL, b"bytes").unwrap(), Published::Same(first.clone()));
    assert_eq!(tree.record(&foo(), WHEEL).unwrap(), Some(first));
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn other_bytes_and_other_case_are_a_conflict_that_changes_nothing() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let known = record(WHEEL, b"bytes");
    let before = foo_folder(folder.path());
    let shouted = WHEEL.replace("foo", "Foo");
    assert_eq!(publish(&tree, WHEEL, b"other").unwrap(), Published::Conflict(known.clone()));
    assert_eq!(publish(&tree, &shouted, b"other").unwrap(), Published::Conflict(known.clone()));
    // The same bytes under another case would be two files on one system and one on another.
    assert_eq!(publish(&tree, &shouted, b"bytes").unwrap(), Published::Conflict(known));
    assert_eq!(foo_folder(folder.path()), before);
    assert_eq!(fs::read(tree.path(&foo(), WHEEL, Part::Bytes)).unwrap(), b"bytes");
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn bytes_without_a_record_are_replaced() {
    let (_folder, tree) = tree();
    let path = tree.path(&foo(), WHEEL, Part::Bytes);
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::write(&path, b"left by a crash").unwrap();
    fs::write(tree.path(&foo(), WHEEL, Part::Metadata), b"left too").unwrap();
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Absent);
    let record = record(WHEEL, b"bytes");
    assert_eq!(tree.publish(&seal(&tree, b"bytes"), &record, Some(b"new")).unwrap(), Published::Created);
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
    assert_eq!(tree.metadata(&foo(), WHEEL).unwrap().unwrap(), b"new");
}

#[test]
fn bytes_that_were_lost_or_cut_are_put_back_by_publishing_them_again() {
    let (_folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let path = tree.path(&foo(), WHEEL, Part::Bytes);
    fs::remove_file(&path).unwrap();
    assert!(matches!(publish(&tree, WHEEL, b"bytes").unwrap(), Published::Same(_)));
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
    fs::write(&path, b"byt").unwrap();
    // Other bytes are refused although those of the record are gone.
    assert!(matches!(publish(&tree, WHEEL, b"other").unwrap(), Published::Conflict(_)));
    assert!(matches!(publish(&tree, WHEEL, b"bytes").unwrap(), Published::Same(_)));
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
}

#[test]
fn repair_puts_back_only_what_the_record_says() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    fs::write(tree.path(&foo(), WHEEL, Part::Bytes), b"bytez").unwrap();
    tree.repair(&seal(&tree, b"other"), WHEEL).unwrap();
    assert!(matches!(tree.verify(&foo(), WHEEL).unwrap(), Finding::WrongHash { .. }));
    tree.repair(&seal(&tree, b"bytes"), WHEEL).unwrap();
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
    // A file that has no record is not made by a repair.
    tree.repair(&seal(&tree, b"bytes"), "foo-2.0.tar.gz").unwrap();
    assert_eq!(foo_folder(folder.path()), [WHEEL.to_owned(), format!("{WHEEL}.json")]);
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn a_record_is_changed_whole_and_leaves_a_note_until_that_is_written_down() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let mut record = record(WHEEL, b"bytes");
    record.yanked_here = Yanked::because("it was bad");
    let yank = record.yanked_here.clone();
    let change = |known: &mut FileRecord| std::mem::replace(&mut known.yanked_here, yank.clone()) != yank;
    let changed = tree.change_record(&foo(), WHEEL, change).unwrap().unwrap();
    assert!(changed.is_news());
    assert_eq!(changed.record, record);
    assert_eq!(left_in_tmp(folder.path()).len(), 1);
    drop(changed);
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
    assert_eq!(tree.record(&foo(), WHEEL).unwrap(), Some(record));
    assert!(!tree.change_record(&foo(), WHEEL, change).unwrap().unwrap().is_news());
    assert!(tree.change_record(&foo(), "foo-9.tar.gz", change).unwrap().is_none());
}

#[test]
fn changes_of_one_record_at_the_same_time_are_all_made() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    thread::scope(|scope| {
        for number in 0..8 {
            let tree = &tree;
            scope.spawn(move || {
                let change = |record: &mut FileRecord| {
                    record.depot_other.insert(format!("change-{number}"), true.into());
                    true
                };
                tree.change_record(&foo(), WHEEL, change).unwrap().unwrap();
            });
        }
    });
    assert_eq!(tree.record(&foo(), WHEEL).unwrap().unwrap().depot_other.len(), 8);
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn what_could_not_be_written_down_elsewhere_is_reported_at_the_next_opening() {
    let (folder, tree) = tree();
    let sealed = seal(&tree, b"bytes");
    tree.publish(&sealed, &record(WHEEL, b"bytes"), None).unwrap();
    sealed.leave_note();
    assert_eq!(left_in_tmp(folder.path()).len(), 1);
    drop(tree);
    let (tree, recovered) = Tree::open(folder.path()).unwrap();
    assert_eq!(recovered.published, [(foo(), WHEEL.to_owned())]);
    tree.settle(&recovered).unwrap();
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);

    let yank = |record: &mut FileRecord| {
        record.yanked_here = Yanked::Yes;
        true
    };
    tree.change_record(&foo(), WHEEL, yank).unwrap().unwrap().leave_note();
    drop(tree);
    let (tree, recovered) = Tree::open(folder.path()).unwrap();
    assert_eq!(recovered.published, [(foo(), WHEEL.to_owned())]);
    assert_eq!(tree.record(&foo(), WHEEL).unwrap().unwrap().yanked_here, Yanked::Yes);
    tree.settle(&recovered).unwrap();
    drop(tree);
    assert_eq!(Tree::open(folder.path()).unwrap().1, crate::Recovered::default());
}

#[test]
fn a_name_too_long_for_the_disk_leaves_nothing_behind() {
    let (folder, tree) = tree();
    // The bytes would fit; the record would not. Then neither does: 255 is the most of common file systems.
    for length in [251, 256] {
        let filename = format!("foo-{}.tar.gz", "1".repeat(length - 11));
        assert_eq!(filename.len(), length);
        let refused = publish(&tree, &filename, b"bytes").unwrap_err();
        assert!(matches!(&refused, TreeError::Io { what: "create", .. }), "{refused:?}");
        assert_eq!(foo_folder(folder.path()), [""; 0]);
        assert_eq!(left_in_tmp(folder.path()), [""; 0]);
    }
    // With metadata the limit is nearer: the record may not become visible without.
    let filename = format!("foo-{}.tar.gz", "1".repeat(238));
    let sealed = seal(&tree, b"bytes");
    tree.publish(&sealed, &record(&filename, b"bytes"), Some(b"metadata")).unwrap_err();
    assert_eq!(foo_folder(folder.path()), [""; 0]);
    drop(sealed);
    assert_eq!(publish(&tree, &filename, b"bytes").unwrap(), Published::Created);
}

#[test]
fn of_many_who_publish_one_name_at_once_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    for (round, same) in [(0, true), (1, false), (2, true), (3, false)] {
        let filename = format!("foo-{round}.tar.gz");
        let published: Vec<Published> = thread::scope(|scope| {
            let publishers: Vec<_> = (0..8_u8)
                .map(|number| {
                    let filename = &filename;
                    let root = folder.path();
                    // Each opens the tree as another process would.
                    scope.spawn(move || {
                        let (tree, _) = Tree::open(root).unwrap();
                        publish(&tree, filename, &[if same { 0 } else { number }; 1000]).unwrap()
                    })
                })
                .collect();
            publishers.into_iter().map(|publisher| publisher.join().unwrap()).collect()
        });
        let created = published.iter().filter(|published| **published == Published::Created).count();
        assert_eq!(created, 1, "{published:?}");
        let others = published.iter().filter(|published| match published {
            Published::Created => false,
            Published::Same(_) => same,
            Published::Conflict(_) => !same,
        });
        assert_eq!(others.count(), 7);
        let tree = Tree::open_read_only(folder.path());
        assert_eq!(tree.verify(&foo(), &filename).unwrap(), Finding::Right);
    }
    assert_eq!(listed(&folder.path().join("tmp")), ["linking.lock"]);
}

/// A file system of this size that goes with the value; none where one cannot be mounted.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: a tmpfs cannot be mounted here");
        }
        mounted.then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_said_and_nothing_is_published_until_there_is_room() {
    let Some(disk) = SmallDisk::mount("1m") else { return };
    let root = disk.0.path();
    let (tree, _) = Tree::open(root).unwrap();
    publish(&tree, WHEEL, b"bytes").unwrap();

    let mut incoming = tree.begin(&foo()).unwrap();
    let chunk = vec![7; 64 * 1024];
    let refused = (0..100).find_map(|_| incoming.write(&chunk).err()).unwrap();
    assert!(matches!(refused, TreeError::Full { what: "write to", .. }), "{refused:?}");
    drop(incoming);
    assert_eq!(left_in_tmp(root), [""; 0]);

    // Full at each later step: the room is taken by someone else after the bytes were sealed.
    for free in [0, 1, 2, 3] {
        let sealed = seal(&tree, &[7; 8 * 1024]);
        let record = record("foo-2.0.tar.gz", &[7; 8 * 1024]);
        let hog = root.join("hog");
        fill(&hog, free);
        match tree.publish(&sealed, &record, Some(&[1; 5000])) {
            Ok(published) => assert_eq!(published, Published::Created),
            Err(TreeError::Full { .. }) => {
                assert_eq!(tree.record(&foo(), "foo-2.0.tar.gz").unwrap(), None);
                assert_eq!(foo_folder(root), [WHEEL.to_owned(), format!("{WHEEL}.json")]);
            }
            Err(error) => panic!("{error:?}"),
        }
        assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
        fs::remove_file(hog).unwrap();
        drop(sealed);
        assert_eq!(left_in_tmp(root), [""; 0]);
        let again = publish(&tree, "foo-2.0.tar.gz", &[7; 8 * 1024]).unwrap();
        assert!(matches!(again, Published::Created | Published::Same(_)));
        fs::remove_file(tree.path(&foo(), "foo-2.0.tar.gz", Part::Record)).unwrap();
        fs::remove_file(tree.path(&foo(), "foo-2.0.tar.gz", Part::Bytes)).unwrap();
        let _ = fs::remove_file(tree.path(&foo(), "foo-2.0.tar.gz", Part::Metadata));
    }
}

/// Takes all room but so many pages.
fn fill(hog: &Path, free: u64) {
    use std::io::Write as _;
    let mut file = fs::File::create(hog).unwrap();
    let mut length = 0;
    while let Ok(written) = file.write(&[0; 4096]) {
        length += written as u64;
    }
    file.set_len(length - free * 4096).unwrap();
}

#[test]
fn a_damaged_record_is_replaced_when_the_very_bytes_beside_it_come_again() {
    let (folder, tree) = tree();
    publish(&tree, WHEEL, b"bytes").unwrap();
    let path = tree.path(&foo(), WHEEL, Part::Record);
    for damaged in [&b""[..], b"{\"filename\"", b"[]"] {
        fs::write(&path, damaged).unwrap();
        assert!(matches!(publish(&tree, WHEEL, b"other"), Err(TreeError::Record { .. })));
        assert_eq!(fs::read(&path).unwrap(), damaged, "other bytes change nothing");
        assert_eq!(publish(&tree, WHEEL, b"bytes").unwrap(), Published::Created);
        assert_eq!(tree.record(&foo(), WHEEL).unwrap(), Some(record(WHEEL, b"bytes")));
        assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
    }
    // Without the bytes nobody knows what the name stood for, and a newer depot can read what this one cannot.
    fs::write(&path, b"{").unwrap();
    fs::remove_file(tree.path(&foo(), WHEEL, Part::Bytes)).unwrap();
    assert!(matches!(publish(&tree, WHEEL, b"bytes"), Err(TreeError::Record { .. })));
    let newer =
        String::from_utf8(record(WHEEL, b"bytes").to_document()).unwrap().replace("\"v\": 1", "\"v\": 2");
    fs::write(&path, &newer).unwrap();
    fs::write(tree.path(&foo(), WHEEL, Part::Bytes), b"bytes").unwrap();
    assert!(matches!(
        publish(&tree, WHEEL, b"bytes"),
        Err(TreeError::Record { source: RecordError::TooNew(2), .. })
    ));
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn a_large_folder_is_listed_once_and_again_only_when_someone_else_changed_it() {
    let (folder, tree) = tree();
    let name = |number: u32| format!("foo-{number}.tar.gz");
    let listings = || tree.linking.lock().unwrap().listings;
    for number in 0..40 {
        publish(&tree, &name(number), b"bytes").unwrap();
    }
    let before = listings();
    for number in 40..140 {
        publish(&tree, &name(number), b"bytes").unwrap();
        let yank = |record: &mut FileRecord| {
            record.yanked_here = Yanked::Yes;
            true
        };
        tree.change_record(&foo(), &name(number), yank).unwrap();
    }
    assert_eq!(listings(), before);
    // A name that only its case tells apart is found in what is remembered...
    assert!(matches!(publish(&tree, "FOO-120.tar.gz", b"bytes").unwrap(), Published::Conflict(_)));
    // ... and so is one that another process put there, however shortly after, ...
    let (other, _) = Tree::open(folder.path()).unwrap();
    for number in 200..230 {
        publish(&tree, &name(number), b"bytes").unwrap();
        publish(&other, &format!("Foo-{number}.zip"), b"bytes").unwrap();
        let refused = publish(&tree, &format!("foo-{number}.zip"), b"bytes").unwrap();
        assert!(matches!(refused, Published::Conflict(_)), "{number}: {refused:?}");
    }
    // ... and one that was copied there by hand.
    publish(&tree, &name(300), b"bytes").unwrap();
    thread::sleep(std::time::Duration::from_millis(30));
    let by_hand = tree.path(&foo(), "Foo-301.zip", Part::Record);
    fs::write(by_hand, record("Foo-301.zip", b"x").to_document()).unwrap();
    assert!(matches!(publish(&tree, "foo-301.zip", b"x").unwrap(), Published::Conflict(_)));
}
