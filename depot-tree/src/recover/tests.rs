//! Each state that a crash can leave, made by hand.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::{
    Finding, Published,
    testing::{WHEEL, foo, foo_folder, left_in_tmp, listed, publish, record},
};

/// The id of a session that nobody holds.
const DEAD: &str = "00000000000000aa";

/// A tree whose last writer died while it published `WHEEL`.
struct Crashed {
    folder: TempDir,
    record: FileRecord,
}

impl Crashed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        drop(Tree::open(folder.path()).unwrap());
        let mut record = record(WHEEL, b"bytes");
        record.core_metadata = Some(Sha256Digest::of(b"metadata"));
        let crashed = Self { folder, record };
        fs::create_dir(crashed.root().join("files/foo")).unwrap();
        fs::write(crashed.root().join(format!("tmp/{DEAD}.lock")), b"").unwrap();
        crashed
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn tmp(&self, suffix: &str) -> PathBuf {
        self.root().join(format!("tmp/{DEAD}-0.foo{suffix}"))
    }

    fn target(&self, part: Part) -> PathBuf {
        self.root().join(layout::file_path(&foo(), WHEEL, part))
    }

    fn note(self) -> Self {
        fs::write(self.tmp(".json"), self.record.to_document()).unwrap();
        self
    }

    fn part(self) -> Self {
        fs::write(self.tmp(".part"), b"bytes").unwrap();
        self
    }

    fn metadata(self) -> Self {
        fs::write(self.tmp(".metadata"), b"metadata").unwrap();
        self
    }

    fn provenance(mut self) -> Self {
        self.record.provenance = Some(Sha256Digest::of(b"{}"));
        fs::write(self.tmp(".provenance"), b"{}").unwrap();
        self
    }

    fn bytes_linked(self) -> Self {
        fs::hard_link(self.tmp(".part"), self.target(Part::Bytes)).unwrap();
        self
    }

    fn metadata_moved(self) -> Self {
        fs::rename(self.tmp(".metadata"), self.target(Part::Metadata)).unwrap();
        self
    }

    fn record_linked(self) -> Self {
        fs::hard_link(self.tmp(".json"), self.target(Part::Record)).unwrap();
        self
    }

    /// Opens the tree; afterwards `tmp/` holds nothing of the dead session.
    fn open(&self) -> (Tree, Recovered) {
        let (tree, recovered) = Tree::open(self.root()).unwrap();
        assert_eq!(left_in_tmp(self.root()).len(), recovered.published.len(), "only notes stay");
        tree.settle(&recovered).unwrap();
        assert_eq!(left_in_tmp(self.root()), [""; 0]);
        assert!(!listed(&self.root().join("tmp")).contains(&format!("{DEAD}.lock")));
        (tree, recovered)
    }

    /// Nothing is visible, and the upload can be made again.
    #[track_caller]
    fn assert_swept(&self, swept: usize) {
        let (tree, recovered) = self.open();
        assert_eq!((recovered.published, recovered.swept), (Vec::new(), swept));
        assert_eq!(tree.filenames(&foo()).unwrap(), [""; 0]);
        assert_eq!(publish(&tree, WHEEL, b"bytes").unwrap(), Published::Created);
        assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
    }

    /// The file is whole, and reported until that is settled. All but the note was swept.
    #[track_caller]
    fn assert_finished(&self, found: usize) {
        let published = vec![(foo(), WHEEL.to_owned())];
        let (tree, recovered) = Tree::open(self.root()).unwrap();
        assert_eq!((recovered.published, recovered.swept), (published.clone(), found - 1));
        drop(tree);
        let (tree, recovered) = self.open();
        assert_eq!((recovered.published, recovered.swept), (published, 0));
        assert_eq!(tree.record(&foo(), WHEEL).unwrap().as_ref(), Some(&self.record));
        assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
        assert_eq!(tree.metadata(&foo(), WHEEL).unwrap().as_deref(), Some(&b"metadata"[..]));
        if let Some(sha256) = self.record.provenance {
            assert_eq!(Sha256Digest::of(&fs::read(self.target(Part::Provenance)).unwrap()), sha256);
        }
        drop(tree);
        assert_eq!(Tree::open(self.root()).unwrap().1, Recovered::default());
    }
}

#[test]
fn an_upload_cut_off_before_its_bytes_had_a_name_is_swept() {
    Crashed::new().assert_swept(1);
    Crashed::new().part().assert_swept(2);
    Crashed::new().note().assert_swept(2);
    Crashed::new().part().note().assert_swept(3);
    Crashed::new().part().note().metadata().assert_swept(4);
}

#[test]
fn an_upload_cut_off_after_its_bytes_had_a_name_is_finished() {
    Crashed::new().part().note().metadata().bytes_linked().assert_finished(3);
    Crashed::new().part().note().metadata().bytes_linked().metadata_moved().assert_finished(3);
}

#[test]
fn an_upload_cut_off_after_its_record_was_linked_is_reported() {
    let crashed = Crashed::new().part().note().metadata().bytes_linked().metadata_moved().record_linked();
    crashed.assert_finished(3);
}

#[test]
fn a_document_of_provenance_is_put_beside_its_file_whenever_the_upload_was_cut_off() {
    let begun = || Crashed::new().part().provenance().note().metadata().bytes_linked();
    begun().assert_finished(3);
    // A power cut may keep the record and not the names that came before it.
    begun().metadata_moved().record_linked().assert_finished(3);
}

#[test]
fn a_tree_without_the_dead_sessions_lock_is_recovered_too() {
    // Recovery itself was cut off, after it had removed the lock.
    let crashed = Crashed::new().part().note().metadata().bytes_linked();
    fs::remove_file(crashed.root().join(format!("tmp/{DEAD}.lock"))).unwrap();
    crashed.assert_finished(2);
}

#[test]
fn metadata_that_a_power_cut_took_is_no_reason_to_lose_the_file() {
    let crashed = Crashed::new().part().note().metadata().bytes_linked();
    fs::write(crashed.tmp(".metadata"), b"meta").unwrap();
    let (tree, recovered) = crashed.open();
    assert_eq!(recovered.published.len(), 1);
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
    assert_eq!(tree.metadata(&foo(), WHEEL).unwrap(), None);
}

#[test]
fn a_note_that_is_not_whole_is_swept() {
    for content in [&b""[..], b"{\"filename\":", b"[]"] {
        let crashed = Crashed::new();
        fs::write(crashed.tmp(".json"), content).unwrap();
        crashed.assert_swept(2);
    }
}

#[test]
fn bytes_that_are_not_the_notes_are_not_made_visible() {
    for bytes in [&b"bytez"[..], b"byt", b""] {
        let crashed = Crashed::new().note();
        fs::write(crashed.target(Part::Bytes), bytes).unwrap();
        crashed.assert_swept(2);
    }
}

#[test]
fn a_change_of_a_record_that_was_cut_off_leaves_the_record_and_is_reported() {
    // A change leaves its note until it is written down: an index looks at the file again.
    let crashed = Crashed::new().part().note().metadata().bytes_linked().metadata_moved().record_linked();
    drop(crashed.open());
    let mut changed = crashed.record.clone();
    changed.facts.requires_python = Some(">=3.9".to_owned());
    fs::write(crashed.tmp(".json"), changed.to_document()).unwrap();
    fs::write(crashed.tmp(".new"), changed.to_document()).unwrap();
    crashed.assert_finished(2);
}

#[test]
fn a_note_of_other_bytes_under_a_taken_name_is_swept() {
    let crashed = Crashed::new().part().note();
    let tree = Tree::open_read_only(crashed.root());
    let other = record(WHEEL, b"other");
    fs::write(tree.path(&foo(), WHEEL, Part::Bytes), b"other").unwrap();
    fs::write(tree.path(&foo(), WHEEL, Part::Record), other.to_document()).unwrap();
    let (tree, recovered) = crashed.open();
    assert_eq!(recovered.published, []);
    assert_eq!(tree.record(&foo(), WHEEL).unwrap(), Some(other));
}

#[test]
fn a_record_damaged_meanwhile_does_not_keep_the_tree_shut() {
    let crashed = Crashed::new().part().note().bytes_linked();
    fs::write(crashed.target(Part::Record), b"no record").unwrap();
    let (tree, recovered) = crashed.open();
    assert_eq!(recovered.published, []);
    assert!(matches!(tree.record(&foo(), WHEEL), Err(TreeError::Record { .. })));
}

#[test]
fn what_is_no_upload_is_left_in_tmp() {
    let folder = tempfile::tempdir().unwrap();
    drop(Tree::open(folder.path()).unwrap());
    for name in ["verified.json", "notes.txt", "0123-0.foo.json"] {
        fs::write(folder.path().join("tmp").join(name), b"{}").unwrap();
    }
    let (_tree, recovered) = Tree::open(folder.path()).unwrap();
    assert_eq!(recovered, Recovered::default());
    assert_eq!(left_in_tmp(folder.path()), ["0123-0.foo.json", "notes.txt", "verified.json"]);
}

#[test]
fn the_files_of_a_session_that_works_are_not_swept() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = Tree::open(folder.path()).unwrap();
    let mut incoming = first.begin(&foo()).unwrap();
    incoming.write(b"by").unwrap();
    let before = left_in_tmp(folder.path());
    assert_eq!(before.len(), 1);
    let (second, recovered) = Tree::open(folder.path()).unwrap();
    assert_eq!(recovered, Recovered::default());
    assert_eq!(left_in_tmp(folder.path()), before);
    drop(second);
    incoming.write(b"tes").unwrap();
    let sealed = incoming.seal().unwrap();
    assert_eq!(first.publish(&sealed, &record(WHEEL, b"bytes"), None).unwrap(), Published::Created);
    assert_eq!(foo_folder(folder.path()).len(), 2);
}

#[test]
fn a_tree_opened_and_closed_by_many_at_once_sweeps_nothing_that_lives() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let root = folder.path();
            scope.spawn(move || {
                for round in 0..20 {
                    let (tree, recovered) = Tree::open(root).unwrap();
                    assert_eq!(recovered, Recovered::default());
                    let filename = format!("foo-{thread}.{round}.tar.gz");
                    assert_eq!(publish(&tree, &filename, filename.as_bytes()).unwrap(), Published::Created);
                }
            });
        }
    });
    assert_eq!(foo_folder(folder.path()).len(), 240);
    assert_eq!(listed(&folder.path().join("tmp")), ["linking.lock"]);
}

#[test]
fn what_a_crash_left_is_finished_once_by_many_who_open_the_tree_at_once() {
    for _ in 0..10 {
        let crashed = Crashed::new().part().note().metadata().bytes_linked();
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let (tree, recovered) = Tree::open(crashed.root()).unwrap();
                    tree.settle(&recovered).unwrap();
                });
            }
        });
        let tree = Tree::open_read_only(crashed.root());
        assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
        assert_eq!(tree.metadata(&foo(), WHEEL).unwrap().as_deref(), Some(&b"metadata"[..]));
        assert_eq!(left_in_tmp(crashed.root()), [""; 0]);
    }
}

#[test]
fn a_record_whose_bytes_lost_their_name_gets_them_back_from_tmp() {
    let dead = Crashed::new().note().part().metadata().bytes_linked().metadata_moved().record_linked();
    fs::remove_file(dead.target(Part::Bytes)).unwrap();
    // The part is no left-over then, it is the file: only the lock is swept.
    dead.assert_finished(2);
}

#[test]
fn a_record_whose_bytes_are_gone_is_not_reported_as_published() {
    let dead = Crashed::new().note().part().bytes_linked().record_linked();
    fs::remove_file(dead.target(Part::Bytes)).unwrap();
    fs::remove_file(dead.tmp(".part")).unwrap();
    let (tree, recovered) = dead.open();
    assert_eq!(recovered.published, []);
    // Whoever sends it again puts it right.
    assert!(matches!(publish(&tree, WHEEL, b"bytes").unwrap(), Published::Same(_)));
    assert_eq!(tree.verify(&foo(), WHEEL).unwrap(), Finding::Right);
}
