//! What was sent and what was acknowledged, and whether a server agrees.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use depot_tests::sha256_hex;

use super::load::{Load, Operation};
use crate::chance::Chance;
use crate::wire::{Listed, Wire};

/// Project and file name.
pub(super) type Key = (String, String);

/// All that is certain, of every round.
#[derive(Default)]
pub(super) struct Ledger {
    files: BTreeMap<Key, Listed>,
    /// The highest serials that were seen: of the root page under the empty name, and of each project's.
    serials: HashMap<String, u64>,
    pub(super) acknowledged: usize,
}

impl Ledger {
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Takes what was acknowledged in a round.
    pub(super) fn take(&mut self, load: &Load) {
        for operation in &load.acknowledged {
            self.take_one(operation);
        }
        self.acknowledged += load.acknowledged.len();
    }

    fn take_one(&mut self, operation: &Operation) {
        let listed = Listed { sha256: operation.sha256.clone(), yanked: operation.yanked.clone() };
        self.files.insert(operation.key(), listed);
    }

    /// Serials only grow, over restarts too.
    pub(super) fn saw_serial(&mut self, page: &str, serial: u64) {
        let seen = self.serials.entry(page.to_owned()).or_default();
        assert!(serial >= *seen, "the serial of {page:?} went back from {seen} to {serial}");
        *seen = serial;
    }

    /// What the server shows of the projects of a round: all that was acknowledged, nothing that was not sent, and
    /// the right bytes of whatever is there.
    pub(super) fn check_round(&mut self, wire: &mut Wire, load: &Load) {
        let operations = || load.acknowledged.iter().chain(&load.unacknowledged);
        let pending: BTreeMap<Key, &Operation> =
            load.unacknowledged.iter().map(|operation| (operation.key(), operation)).collect();
        let touched: BTreeSet<Key> = operations().map(Operation::key).collect();
        let projects: BTreeSet<&String> = touched.iter().map(|(project, _)| project).collect();
        for project in projects {
            let page = wire.page(project).unwrap();
            self.saw_serial(project, page.serial);
            for (key, expected) in self.of_project(project) {
                let listed = page.files.get(&key.1);
                let listed = listed.unwrap_or_else(|| panic!("{} was acknowledged and is lost", key.1));
                let possible = pending.get(key).map(|operation| operation.yanked.clone());
                assert_eq!(listed.sha256, expected.sha256, "{}", key.1);
                let as_expected = listed.yanked == expected.yanked;
                assert!(as_expected || possible == Some(listed.yanked.clone()), "{} {listed:?}", key.1);
            }
            for (filename, listed) in &page.files {
                let key = (project.clone(), filename.clone());
                let sent = self.files.get(&key).map(|known| &known.sha256);
                let sent = sent.or_else(|| pending.get(&key).map(|operation| &operation.sha256));
                assert_eq!(sent, Some(&listed.sha256), "{filename} is there and was never sent so");
                if touched.contains(&key) {
                    assert_bytes(wire, &key, &listed.sha256);
                }
            }
        }
    }

    /// Does again what was not acknowledged; it must complete.
    pub(super) fn retry(&mut self, wire: &mut Wire, load: &Load) {
        for operation in &load.unacknowledged {
            let status = operation.perform(wire).unwrap();
            assert!(matches!(status, 200 | 201), "{} again: {status}", operation.filename);
            self.take_one(operation);
            let page = wire.page(&operation.project).unwrap();
            assert_eq!(page.files.get(&operation.filename), self.files.get(&operation.key()));
            assert_bytes(wire, &operation.key(), &operation.sha256);
        }
    }

    /// Looks at some files of any round.
    pub(super) fn check_some(&self, wire: &mut Wire, chance: &mut Chance, number: usize) {
        let keys: Vec<&Key> = self.files.keys().collect();
        for _ in 0..number {
            let Some(key) = chance.pick(&keys) else { return };
            let page = wire.page(&key.0).unwrap();
            assert_eq!(page.files.get(&key.1), self.files.get(*key), "{}", key.1);
            assert_bytes(wire, key, &self.files[*key].sha256);
        }
    }

    /// The server shows exactly what the ledger has, no more and no less, and serves its bytes.
    pub(super) fn check_all(&mut self, wire: &mut Wire) {
        let (mut listed, serial) = wire.root().unwrap();
        self.saw_serial("", serial);
        let projects: BTreeSet<String> = self.files.keys().map(|(project, _)| project.clone()).collect();
        listed.sort();
        assert_eq!(listed, projects.iter().cloned().collect::<Vec<_>>());
        for project in projects {
            let page = wire.page(&project).unwrap();
            self.saw_serial(&project, page.serial);
            let expected: BTreeMap<String, Listed> =
                self.of_project(&project).map(|(key, listed)| (key.1.clone(), listed.clone())).collect();
            assert_eq!(page.files, expected, "{project}");
        }
        for (key, listed) in &self.files {
            assert_bytes(wire, key, &listed.sha256);
        }
    }

    fn of_project<'a>(&'a self, project: &'a str) -> impl Iterator<Item = (&'a Key, &'a Listed)> {
        self.files.range((project.to_owned(), String::new())..).take_while(move |(key, _)| key.0 == project)
    }
}

fn assert_bytes(wire: &mut Wire, key: &Key, sha256: &str) {
    let bytes = wire.file(&key.0, &key.1).unwrap();
    assert_eq!(sha256_hex(&bytes), sha256, "the bytes of {}", key.1);
}
