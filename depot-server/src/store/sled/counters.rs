//! What is counted, in a sled of its own.
//!
//! The first byte of a key says what the row is about. `/` stands in no name, and days have four bytes, big-endian.
//!
//! ```text
//! p /<repository>/<project>                    a project over all time
//! f /<repository>/<project>/<filename>         a file over all time
//! d <day> /<repository>/<project>              a project on a day
//! x /<repository>/<project>/ <day> <filename>  a file on a day
//! ```
//!
//! Value: the day, or over all time the last day (4 bytes), and for each client its code (1 byte) and its number (8 bytes).
//! All rows that a step of counting changes are written in one batch.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use depot_proto::{
    ProjectName, RepositoryName,
    statistics::{Client, Day},
};

use super::{
    super::{
        Counters, StoreError,
        counts::{Count, Counted, Downloads, SeeFile, SeeProject, Span},
    },
    open::quietly,
};

const TREE: &str = "downloads";

/// Rows that are removed in one batch.
const BATCH: usize = 10_000;

/// The numbers in sled. One writer at a time; readers never wait.
pub(super) struct SledCounters {
    rows: sled::Tree,
    writing: Mutex<()>,
}

impl SledCounters {
    pub(super) fn new(db: &sled::Db) -> Result<Self, StoreError> {
        Ok(Self { rows: db.open_tree(TREE)?, writing: Mutex::new(()) })
    }

    /// Reads what panics where it is damaged.
    fn read<T>(&self, read: impl FnOnce(&sled::Tree) -> Result<T, StoreError>) -> Result<T, StoreError> {
        quietly(|| read(&self.rows)).map_err(StoreError::Damaged)?
    }

    /// Writes likewise, in turn with others.
    fn write(&self, write: impl FnOnce(&sled::Tree) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.read(write)
    }
}

fn of_project(kind: u8, repository: &RepositoryName, project: &ProjectName) -> Vec<u8> {
    [&[kind], b"/".as_slice(), repository.as_str().as_bytes(), b"/", project.as_str().as_bytes()].concat()
}

fn of_day(day: Day) -> Vec<u8> {
    [b"d".as_slice(), &day.number().to_be_bytes()].concat()
}

fn encode(count: &Count) -> Vec<u8> {
    let mut value = count.day.number().to_be_bytes().to_vec();
    for (client, times) in count.downloads.iter() {
        value.push(client.code());
        value.extend(times.to_be_bytes());
    }
    value
}

fn decode(key: &[u8], value: &[u8]) -> Result<Count, StoreError> {
    let malformed = || StoreError::Damaged(format!("a row of what is counted: {}", key.escape_ascii()));
    let (day, rest) = value.split_first_chunk().ok_or_else(malformed)?;
    let day = Day::from_number(u32::from_be_bytes(*day)).ok_or_else(malformed)?;
    let (clients, []) = rest.as_chunks::<9>() else { return Err(malformed()) };
    let mut downloads = Downloads::default();
    for [code, times @ ..] in clients {
        downloads.add(Client::from_code(*code), u64::from_be_bytes(*times));
    }
    Ok(Count { downloads, day })
}

/// The names in `/<repository>/<project>`.
fn names(key: &[u8]) -> Result<(RepositoryName, ProjectName), StoreError> {
    let malformed = || StoreError::Damaged(format!("a key of what is counted: {}", key.escape_ascii()));
    let text = std::str::from_utf8(key).map_err(|_| malformed())?;
    let (repository, project) =
        text.strip_prefix('/').and_then(|text| text.split_once('/')).ok_or_else(malformed)?;
    Ok((repository.parse().map_err(|_| malformed())?, project.parse().map_err(|_| malformed())?))
}

/// The first key behind all that begin so.
fn after(mut prefix: Vec<u8>) -> Vec<u8> {
    while prefix.last() == Some(&u8::MAX) {
        prefix.pop();
    }
    if let Some(last) = prefix.last_mut() {
        *last += 1;
    }
    prefix
}

/// The rows of days that a key's beginning leads to.
fn days_of(tree: &sled::Tree, beginning: &[u8], from: Day, to: Day) -> sled::Iter {
    let bound = |day: Day| [beginning, &day.number().to_be_bytes()].concat();
    tree.range(bound(from)..after(bound(to)))
}

/// Adds up what is to be added, row by row.
fn sums(counted: &[Counted]) -> BTreeMap<Vec<u8>, Count> {
    let mut sums: BTreeMap<Vec<u8>, Count> = BTreeMap::new();
    for Counted { repository, project, filename, day, is_of_day, downloads } in counted {
        let mut add = |key: Vec<u8>| {
            let sum = sums.entry(key).or_insert(Count { downloads: Downloads::default(), day: *day });
            sum.downloads += *downloads;
            sum.day = sum.day.max(*day);
        };
        let names = of_project(b'/', repository, project);
        let name = filename.as_bytes();
        add([b"p", &names[1..]].concat());
        add([b"f", &names[1..], b"/", name].concat());
        if *is_of_day {
            add([&of_day(*day), &names[1..]].concat());
            add([b"x", &names[1..], b"/", &day.number().to_be_bytes(), name].concat());
        }
    }
    sums
}

impl Counters for SledCounters {
    fn add(&self, counted: &[Counted]) -> Result<(), StoreError> {
        self.write(|tree| {
            let mut batch = sled::Batch::default();
            for (key, mut sum) in sums(counted) {
                if let Some(value) = tree.get(&key)? {
                    let before = decode(&key, &value)?;
                    sum.downloads += before.downloads;
                    sum.day = sum.day.max(before.day);
                }
                batch.insert(key, encode(&sum));
            }
            Ok(tree.apply_batch(batch)?)
        })
    }

    fn forget_before(&self, day: Day) -> Result<(), StoreError> {
        let Some(last) = day.number().checked_sub(1).and_then(Day::from_number) else { return Ok(()) };
        self.write(|tree| {
            let (mut batch, mut len) = (sled::Batch::default(), 0);
            // A day's projects say where the rows of its files are, so both go in the same batch.
            for row in days_of(tree, b"d", Day::default(), last) {
                let (key, value) = row?;
                let of = decode(&key, &value)?.day;
                for row in days_of(tree, &[b"x", &key[5..], b"/"].concat(), of, of) {
                    batch.remove(row?.0);
                    len += 1;
                }
                batch.remove(key);
                len += 1;
                if len >= BATCH {
                    tree.apply_batch(std::mem::take(&mut batch))?;
                    len = 0;
                }
            }
            Ok(tree.apply_batch(batch)?)
        })
    }

    fn first_day(&self) -> Result<Option<Day>, StoreError> {
        self.read(|tree| {
            let row = tree.scan_prefix(b"d").next().transpose()?;
            row.map(|(key, value)| Ok(decode(&key, &value)?.day)).transpose()
        })
    }

    fn repositories(&self) -> Result<Vec<RepositoryName>, StoreError> {
        self.read(|tree| {
            let (mut found, mut from) = (Vec::new(), b"p/".to_vec());
            while let Some((key, _)) = tree.get_gt(&from)?.filter(|(key, _)| key.starts_with(b"p/")) {
                let (repository, _) = names(&key[1..])?;
                // Behind all of its projects.
                from = [b"p/", repository.as_str().as_bytes(), b"0"].concat();
                found.push(repository);
            }
            found.sort();
            Ok(found)
        })
    }

    fn of_projects(&self, span: Span, see: SeeProject<'_>) -> Result<(), StoreError> {
        self.read(|tree| {
            let (rows, names_at) = match span {
                Span::Ever => (tree.scan_prefix(b"p"), 1),
                Span::Days(from, to) => (days_of(tree, b"d", from, to), 5),
            };
            for row in rows {
                let (key, value) = row?;
                let (repository, project) = names(key.get(names_at..).unwrap_or_default())?;
                if !see(&repository, &project, decode(&key, &value)?) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn of_files(
        &self,
        repository: &RepositoryName,
        project: &ProjectName,
        span: Span,
        see: SeeFile<'_>,
    ) -> Result<(), StoreError> {
        let beginning = |kind| [of_project(kind, repository, project), b"/".to_vec()].concat();
        self.read(|tree| {
            let (rows, name_at) = match span {
                Span::Ever => (tree.scan_prefix(beginning(b'f')), beginning(b'f').len()),
                Span::Days(from, to) => {
                    (days_of(tree, &beginning(b'x'), from, to), beginning(b'x').len() + 4)
                }
            };
            for row in rows {
                let (key, value) = row?;
                let filename = key.get(name_at..).and_then(|name| std::str::from_utf8(name).ok());
                let malformed = || StoreError::Damaged("a file's name is no text".to_owned());
                if !see(filename.ok_or_else(malformed)?, decode(&key, &value)?) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.write(|tree| {
            tree.flush()?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::open_counters, *};
    use crate::store::{
        conformance::{self, counted, files, projects},
        sled::open::{NUMBERS, open},
    };

    #[test]
    fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        conformance::counters(&SledCounters::new(&open(folder.path(), NUMBERS).unwrap()).unwrap());
    }

    #[test]
    fn days_that_are_forgotten_leave_no_rows() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledCounters::new(&open(folder.path(), NUMBERS).unwrap()).unwrap();
        // 0x2f is a slash, and 0xff is the end of what a byte can say.
        for day in [0, 0x2f, 0xff, 0x2f2f, 0xffff] {
            store.add(&[counted("python", "foo", "foo-1.tar.gz", day, 1)]).unwrap();
            store.add(&[counted("python", "foo-bar", "foo-bar-1.tar.gz", day, 1)]).unwrap();
        }
        assert_eq!(store.rows.len(), 4 + 5 * 4);
        store.forget_before(Day::from_number(0xff).unwrap()).unwrap();
        assert_eq!(store.rows.len(), 4 + 3 * 4);
        store.forget_before(Day::LAST).unwrap();
        assert_eq!(store.rows.len(), 4);
        assert_eq!(files(&store, "python", "foo", Span::Ever)[0].2, 5);
    }

    #[test]
    fn what_is_damaged_is_put_aside_and_counting_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("counters");
        let store = open_counters(&folder).unwrap();
        store.add(&[counted("python", "foo", "foo-1.tar.gz", 1, 1)]).unwrap();
        drop(store);
        assert_eq!(projects(&*open_counters(&folder).unwrap(), Span::Ever).len(), 1);
        fs::write(folder.join("db"), vec![0x55; 600_000]).unwrap();
        for snapshot in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if snapshot.file_name().to_string_lossy().starts_with("snap.") {
                fs::remove_file(snapshot.path()).unwrap();
            }
        }
        let store = open_counters(&folder).unwrap();
        assert_eq!(projects(&*store, Span::Ever), []);
        store.add(&[counted("python", "foo", "foo-1.tar.gz", 1, 1)]).unwrap();
    }
}
