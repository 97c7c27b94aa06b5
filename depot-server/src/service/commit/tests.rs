use std::sync::atomic::AtomicU8;

use depot_proto::{Timestamp, VersionKey};

use super::*;
use crate::store::{Row, conformance::change, memory::MemoryStore, records::Change};

/// A store that fails when it is told to, in the one of two ways that stores have.
#[derive(Default)]
struct Faulty {
    store: MemoryStore,
    fault: AtomicU8,
}

const ERROR: u8 = 1;
const PANIC: u8 = 2;

impl Packages for Faulty {
    fn applied(&self) -> Result<Serial, StoreError> {
        self.store.applied()
    }

    fn release(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        version: &VersionKey,
    ) -> Result<Option<ReleaseRecord>, StoreError> {
        self.store.release(repository, project, version)
    }

    fn releases(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
    ) -> Result<Vec<ReleaseRecord>, StoreError> {
        self.store.releases(repository, project)
    }

    fn put_files(&self, changes: &[FileChange]) -> Result<Vec<Put>, StoreError> {
        match self.fault.load(Ordering::SeqCst) {
            ERROR => Err(StoreError::Damaged("told to fail".to_owned())),
            PANIC => panic!("told to panic"),
            _ => self.store.put_files(changes),
        }
    }

    fn replace_project(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        releases: &[ReleaseRecord],
        serial: Serial,
    ) -> Result<(), StoreError> {
        self.store.replace_project(repository, project, releases, serial)
    }

    fn set_applied(&self, serial: Serial) -> Result<(), StoreError> {
        self.store.set_applied(serial)
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.store.flush()
    }

    fn scan(&self, visit: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        self.store.scan(visit)
    }
}

struct Rig {
    _folder: tempfile::TempDir,
    store: Arc<Faulty>,
    names: Arc<Names>,
    committer: Committer,
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap().journal;
    let (store, names) = (Arc::new(Faulty::default()), Arc::new(Names::default()));
    let packages: Arc<dyn Packages> = Arc::<Faulty>::clone(&store);
    let committer = Committer::start(journal, packages, Arc::clone(&names)).unwrap();
    Rig { _folder: folder, store, names, committer }
}

impl Rig {
    fn publish(&self, project: &str) -> Result<Committed, CommitError> {
        let change = change(0, project, "1.0", &format!("{project}-1.0.tar.gz"), project.as_bytes());
        let entry = entry(project, change.file.sha256);
        self.committer.file(entry, change, Box::new(|| None))
    }

    fn serial(&self, project: &str) -> Option<Serial> {
        self.names.serial(&"python".parse().unwrap(), project)
    }
}

fn entry(project: &str, sha256: depot_proto::Sha256Digest) -> Entry {
    let change = Change::Publish {
        repository: "python".parse().unwrap(),
        project: project.parse().unwrap(),
        filename: format!("{project}-1.0.tar.gz"),
        sha256,
    };
    Entry { time: Timestamp::from_seconds(1).unwrap(), who: "test".to_owned(), change }
}

#[test]
fn changes_are_numbered_stored_and_named() {
    let rig = rig();
    assert_eq!(rig.publish("foo").unwrap(), Committed { serial: 1, put: Some(Put::Created) });
    assert_eq!(rig.publish("bar").unwrap(), Committed { serial: 2, put: Some(Put::Created) });
    assert_eq!((rig.serial("foo"), rig.serial("bar")), (Some(1), Some(2)));
    assert_eq!(rig.store.applied().unwrap(), 2);
}

#[test]
fn files_of_a_release_are_committed_together_or_not_at_all() {
    let rig = rig();
    let files = || {
        let file = |kind: &str| {
            let change = change(0, "foo", "1.0", &format!("foo-1.0.{kind}"), kind.as_bytes());
            let read: ReadRecord = Box::new(|| None);
            (entry("foo", change.file.sha256), change, read)
        };
        vec![file("tar.gz"), file("zip"), file("tar.bz2")]
    };
    rig.store.fault.store(ERROR, Ordering::SeqCst);
    rig.committer.files(files()).unwrap_err();
    assert_eq!(rig.serial("foo"), None);
    let rig = self::rig();
    rig.publish("bar").unwrap();
    let committed = rig.committer.files(files()).unwrap();
    let serials: Vec<Serial> = committed.iter().map(|committed| committed.serial).collect();
    assert_eq!(serials, [2, 3, 4]);
    assert!(committed.iter().all(|committed| committed.put == Some(Put::Created)));
    assert_eq!((rig.serial("foo"), rig.store.applied().unwrap()), (Some(4), 4));
    assert!(rig.committer.files(Vec::new()).unwrap().is_empty());
}

#[test]
fn nothing_is_put_on_top_of_a_gap() {
    for fault in [ERROR, PANIC] {
        let rig = rig();
        rig.publish("foo").unwrap();
        rig.store.fault.store(fault, Ordering::SeqCst);
        rig.publish("lost").unwrap_err();
        rig.store.fault.store(0, Ordering::SeqCst);
        // The journal has what the store lacks: until the next start has brought it over, nothing more is taken, and
        // the store does not claim to hold it.
        rig.publish("bar").unwrap_err();
        assert!(rig.committer.check_well().is_err());
        assert_eq!(rig.store.applied().unwrap(), 1);
        assert_eq!((rig.serial("foo"), rig.serial("lost"), rig.serial("bar")), (Some(1), None, None));
    }
}

#[test]
fn a_project_that_cannot_be_read_stays_as_it_is_known() {
    let rig = rig();
    rig.publish("foo").unwrap();
    let (python, foo) = ("python".parse().unwrap(), "foo".parse().unwrap());
    let change = Change::Reindex { repository: "python".parse().unwrap(), project: "foo".parse().unwrap() };
    let entry = Entry { change, ..entry("foo", depot_proto::Sha256Digest::of(b"")) };
    let refused = rig.committer.project(entry.clone(), &python, &foo, Box::new(|| Err("no disk".to_owned())));
    assert_eq!(refused.unwrap_err().to_string(), "no disk");
    assert_eq!(rig.serial("foo"), Some(1));
    assert!(rig.committer.check_well().is_ok());
    rig.committer.project(entry, &python, &foo, Box::new(|| Ok(Vec::new()))).unwrap();
    assert_eq!(rig.serial("foo"), None);
}

#[test]
fn many_writers_get_a_number_each() {
    let rig = Arc::new(rig());
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let rig = Arc::clone(&rig);
            std::thread::spawn(move || {
                (0..20).map(|n| rig.publish(&format!("p{writer}-{n}")).unwrap().serial).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut serials: Vec<_> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    serials.sort_unstable();
    assert_eq!(serials, (1..=160).collect::<Vec<_>>());
}
