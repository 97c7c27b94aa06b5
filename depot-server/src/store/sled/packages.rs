//! Releases in sled.
//!
//! Key: `/<repository>/<project>/<version key>`. Value: the release, as [`super::value`] writes it. The row `#` holds
//! what was applied: serial, number of rows, and the XOR of the rows' checksums, written in one batch with the rows, so
//! that a scan can tell whether any row was lost.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use depot_proto::{ProjectName, RepositoryName, Sha256Hasher, Version, VersionKey};

use super::{
    super::{
        Packages, Put, Row, StoreError,
        records::{FileChange, ReleaseRecord, Serial, put_into},
    },
    open::quietly,
    value::{Values, malformed, serial_of},
};

const TREE: &str = "packages";
const APPLIED: &[u8] = b"#";

/// The releases in sled. One writer at a time; readers never wait.
pub(super) struct SledPackages {
    rows: sled::Tree,
    values: Values,
    applied: Mutex<Applied>,
}

/// Rows to be written, by key: each as it is and as it will be.
type Rows = BTreeMap<Vec<u8>, (Option<sled::IVec>, Option<Vec<u8>>)>;

/// What was applied so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Applied {
    serial: Serial,
    rows: u64,
    checksum: u64,
}

impl Applied {
    fn to_bytes(self) -> Vec<u8> {
        [self.serial, self.rows, self.checksum].iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.as_chunks::<8>() else { return None };
        let [serial, rows, checksum] = numbers else { return None };
        let number = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
        Some(Self { serial: number(serial), rows: number(rows), checksum: number(checksum) })
    }

    fn count(&mut self, key: &[u8], before: Option<&[u8]>, after: Option<&[u8]>) {
        if let Some(before) = before {
            self.rows -= 1;
            self.checksum ^= checksum(key, before);
        }
        if let Some(after) = after {
            self.rows += 1;
            self.checksum ^= checksum(key, after);
        }
    }
}

fn checksum(key: &[u8], value: &[u8]) -> u64 {
    let mut hasher = Sha256Hasher::new();
    for part in [key, &[0], value] {
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finish().as_bytes()[..8]);
    u64::from_be_bytes(first)
}

impl SledPackages {
    pub(super) fn new(db: &sled::Db) -> Result<Self, StoreError> {
        let rows = db.open_tree(TREE)?;
        let applied = match rows.get(APPLIED)? {
            None => Applied::default(),
            Some(bytes) => Applied::from_bytes(&bytes)
                .ok_or_else(|| StoreError::Damaged("the row of what was applied is malformed".to_owned()))?,
        };
        let values = Values::new().map_err(|error| StoreError::io("store", error))?;
        Ok(Self { rows, values, applied: Mutex::new(applied) })
    }

    fn lock(&self) -> MutexGuard<'_, Applied> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes rows and what they add up to in one batch.
    fn write(&self, applied: &mut Applied, serial: Serial, rows: &Rows) -> Result<(), StoreError> {
        let mut next = Applied { serial: serial.max(applied.serial), ..*applied };
        let mut batch = sled::Batch::default();
        for (key, (before, after)) in rows {
            next.count(key, before.as_deref(), after.as_deref());
            match after {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        batch.insert(APPLIED, next.to_bytes());
        self.rows.apply_batch(batch)?;
        *applied = next;
        Ok(())
    }
}

fn prefix(repository: &RepositoryName, project: &ProjectName) -> Vec<u8> {
    format!("/{repository}/{project}/").into_bytes()
}

fn key(repository: &RepositoryName, project: &ProjectName, version: &VersionKey) -> Vec<u8> {
    format!("/{repository}/{project}/{version}").into_bytes()
}

impl Packages for SledPackages {
    fn applied(&self) -> Result<Serial, StoreError> {
        Ok(self.lock().serial)
    }

    fn release(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        version: &VersionKey,
    ) -> Result<Option<ReleaseRecord>, StoreError> {
        let key = key(repository, project, version);
        self.rows.get(&key)?.map(|value| self.values.decode(&key, &value)).transpose()
    }

    fn releases(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
    ) -> Result<Vec<ReleaseRecord>, StoreError> {
        let rows = self.rows.scan_prefix(prefix(repository, project));
        rows.map(|row| {
            row.map_err(StoreError::from).and_then(|(key, value)| self.values.decode(&key, &value))
        })
        .collect()
    }

    fn put_files(&self, changes: &[FileChange]) -> Result<Vec<Put>, StoreError> {
        let mut applied = self.lock();
        let mut releases: BTreeMap<Vec<u8>, (Option<sled::IVec>, ReleaseRecord)> = BTreeMap::new();
        let mut puts = Vec::with_capacity(changes.len());
        for change in changes {
            let key = key(&change.repository, &change.project, &change.key);
            let (_, release) = match releases.entry(key) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let before = self.rows.get(entry.key())?;
                    let release = match &before {
                        Some(value) => self.values.decode(entry.key(), value)?,
                        None => change.empty_release(),
                    };
                    entry.insert((before, release))
                }
            };
            puts.push(put_into(release, change));
        }
        let mut rows = BTreeMap::new();
        for (key, (before, release)) in releases {
            rows.insert(key, (before, Some(self.values.encode(&release)?)));
        }
        let serial = changes.iter().map(|change| change.serial).max().unwrap_or_default();
        self.write(&mut applied, serial, &rows)?;
        Ok(puts)
    }

    fn replace_project(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        releases: &[ReleaseRecord],
        serial: Serial,
    ) -> Result<(), StoreError> {
        let mut applied = self.lock();
        let mut rows: Rows = BTreeMap::new();
        for row in self.rows.scan_prefix(prefix(repository, project)) {
            let (key, value) = row?;
            rows.insert(key.to_vec(), (Some(value), None));
        }
        for release in releases {
            let key = key(repository, project, &Version::read(&release.version).key());
            let release = ReleaseRecord { serial, ..release.clone() };
            rows.entry(key).or_default().1 = Some(self.values.encode(&release)?);
        }
        let unchanged = applied.serial;
        self.write(&mut applied, unchanged, &rows)
    }

    fn set_applied(&self, serial: Serial) -> Result<(), StoreError> {
        let mut applied = self.lock();
        let next = Applied { serial, ..*applied };
        // The rows of a group bring it along.
        if next == *applied {
            return Ok(());
        }
        self.rows.insert(APPLIED, next.to_bytes())?;
        *applied = next;
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.rows.flush()?;
        Ok(())
    }

    fn scan(&self, visit: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        let expected = *self.lock();
        // The sums do not care about the order, so both halves are read at the same time.
        let middle = self.middle()?;
        let halves = thread::scope(|scope| {
            let first =
                scope.spawn(|| quietly(|| scan_range(self.rows.range(b"/".to_vec()..middle.clone()))));
            let second = quietly(|| scan_range(self.rows.range(middle.clone()..b"0".to_vec())));
            let first = first.join().unwrap_or_else(|_| Err("it panicked".to_owned()));
            [first, second]
        });
        let mut found = Applied { serial: expected.serial, ..Applied::default() };
        for half in halves {
            // Reading a damaged page panics as opening a damaged log does.
            let (sums, rows) = half.map_err(StoreError::Damaged)??;
            found.rows += sums.rows;
            found.checksum ^= sums.checksum;
            rows.into_iter().for_each(&mut *visit);
        }
        if found == expected {
            return Ok(());
        }
        Err(StoreError::Damaged(format!(
            "it holds {} releases where {} were put, or one of them changed",
            found.rows, expected.rows
        )))
    }
}

impl SledPackages {
    /// A key with about as many before it as after it, between two projects: names begin with all letters alike.
    fn middle(&self) -> Result<Vec<u8>, StoreError> {
        let first = self.rows.get_gt(b"/")?.map(|(key, _)| key);
        let repository = first.as_deref().and_then(|key| key[1..].split(|byte| *byte == b'/').next());
        Ok([b"/", repository.unwrap_or_default(), b"/m"].concat())
    }
}

/// Sums up the rows of a range, and folds those of a project into one.
fn scan_range(rows: sled::Iter) -> Result<(Applied, Vec<Row>), StoreError> {
    let (mut sums, mut found) = (Applied::default(), Vec::<Row>::new());
    // The part of a key that a project's rows share; its names are read once.
    let mut shared: Vec<u8> = Vec::new();
    for row in rows {
        let (key, value) = row?;
        sums.count(&key, None, Some(&value));
        match found.last_mut() {
            Some(last) if !shared.is_empty() && key.starts_with(&shared) => {
                last.serial = last.serial.max(serial_of(&key, &value)?);
            }
            _ => {
                found.push(read_row(&key, &value)?);
                let version = key.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
                shared.clear();
                shared.extend_from_slice(&key[..=version]);
            }
        }
    }
    Ok((sums, found))
}

fn read_row(key: &[u8], value: &[u8]) -> Result<Row, StoreError> {
    let text = std::str::from_utf8(key).map_err(|_| malformed(key))?;
    let mut parts = text.splitn(4, '/').skip(1);
    let (Some(repository), Some(project)) = (parts.next(), parts.next()) else { return Err(malformed(key)) };
    Ok(Row {
        repository: repository.parse().map_err(|_| malformed(key))?,
        project: project.parse().map_err(|_| malformed(key))?,
        serial: serial_of(key, value)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        conformance,
        sled::open::{RECORDS, open},
    };

    #[test]
    fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledPackages::new(&open(folder.path(), RECORDS).unwrap()).unwrap();
        conformance::packages(&store);
    }

    #[test]
    fn a_lost_row_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledPackages::new(&open(folder.path(), RECORDS).unwrap()).unwrap();
        let changes = [("a", 1), ("b", 2)].map(|(name, serial)| {
            conformance::change(serial, name, "1", &format!("{name}-1.tar.gz"), name.as_bytes())
        });
        store.put_files(&changes).unwrap();
        store.scan(&mut |_| ()).unwrap();
        store.rows.remove("/python/a/1").unwrap();
        assert!(matches!(store.scan(&mut |_| ()), Err(StoreError::Damaged(_))));
    }
}
