//! The journal: one line per change, append-only, synced, each chained to the one before.
//!
//! A line is a JSON object. `serial` counts from 1; `prev` is the `sum` of the line before (of nothing, for the first);
//! `sum`, always last, is the SHA-256 of everything before it on the line. So a line that was cut off or changed is
//! known by itself, and a line that was taken out by its neighbour.

pub(crate) mod walk;

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use depot_proto::Sha256Digest;
use serde::Deserialize;

use super::{
    StoreError,
    records::{Entry, Serial},
};
use crate::private;

const WHAT: &str = "journal";

/// The name of its file.
pub(crate) const FILE: &str = "changes.jsonl";

/// How much of the end is written again at opening, in bytes: more than one group of lines.
const WRITTEN_AGAIN: u64 = 1 << 20;

/// The file of changes, open for appending.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// The length of what is known to be whole.
    len: u64,
    head: Head,
    /// How far it is synced, for who copies it while it grows.
    position: Arc<Mutex<Position>>,
    /// Set by a failure after which the file's state is unknown: a failed sync must not be repeated.
    failed: bool,
}

/// How far a journal goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The serial of the last line that is synced.
    pub(crate) serial: Serial,
    /// Where in the file it ends, in bytes. What is before that never changes.
    pub(crate) len: u64,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Head {
    serial: Serial,
    sum: Sha256Digest,
}

/// A line as it is read.
#[derive(Deserialize)]
struct Line {
    serial: Serial,
    prev: Sha256Digest,
    #[serde(flatten)]
    entry: Entry,
    sum: Sha256Digest,
}

/// What opening found.
pub(crate) struct OpenedJournal {
    pub(crate) journal: Journal,
    /// How many bytes of a line that was not finished were cut off.
    pub(crate) cut: u64,
}

impl Journal {
    /// Opens the journal in `folder`, and cuts off the line that a crash left unfinished.
    pub(crate) fn open(folder: &Path) -> Result<OpenedJournal, StoreError> {
        let io = |source| StoreError::io(WHAT, source);
        private::create_own_folder(folder).map_err(io)?;
        let path = folder.join(FILE);
        private::refuse_shared_file(&path).map_err(io)?;
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        let total = file.metadata().map_err(io)?.len();
        let (head, len) = find_head(&mut file, total).map_err(io)?;
        if len < total {
            file.set_len(len).map_err(io)?;
        }
        write_again(&mut file, len).map_err(io)?;
        file.sync_all().map_err(io)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        file.seek(SeekFrom::Start(len)).map_err(io)?;
        let position = Arc::new(Mutex::new(Position { serial: head.serial, len }));
        let journal = Self { path, file, len, head, position, failed: false };
        Ok(OpenedJournal { journal, cut: total - len })
    }

    /// The serial of the last line; 0 before the first.
    pub(crate) fn head(&self) -> Serial {
        self.head.serial
    }

    /// Goes on after `serial` if that is ahead: a store that knows more than a journal that was lost must not see its
    /// numbers again.
    pub(crate) fn continue_after(&mut self, serial: Serial) {
        self.head.serial = self.head.serial.max(serial);
        self.note_position();
    }

    /// How far it goes, now and whenever it is asked.
    pub(crate) fn position(&self) -> Arc<Mutex<Position>> {
        Arc::clone(&self.position)
    }

    fn note_position(&self) {
        let now = Position { serial: self.head.serial, len: self.len };
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Whether it takes lines.
    pub(crate) fn is_well(&self) -> bool {
        !self.failed
    }

    /// Appends lines, numbered from `head() + 1`, and syncs them: on return they survive power loss.
    pub(crate) fn append<'a>(
        &mut self,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Failed(WHAT));
        }
        let mut head = self.head.clone();
        let mut lines = Vec::new();
        for entry in entries {
            head = write_line(&mut lines, &head, entry).map_err(|source| StoreError::io(WHAT, source))?;
        }
        if let Err(source) = self.write(&lines) {
            // A full disk took part of the lines: they go again, so that the next append starts clean.
            let undone = self.file.set_len(self.len).and_then(|()| self.file.seek(SeekFrom::Start(self.len)));
            self.failed = undone.is_err();
            return Err(StoreError::io(WHAT, source));
        }
        if let Err(source) = self.file.sync_data() {
            self.failed = true;
            return Err(StoreError::io(WHAT, source));
        }
        self.len += lines.len() as u64;
        self.head = head;
        self.note_position();
        Ok(())
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)?;
        if self.file.metadata()?.len() == self.len + lines.len() as u64 {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::WriteZero, "the disk took less than it said"))
    }

    /// Visits the lines after `after`, in order, and counts the places there where the chain is broken: lines that cannot
    /// be read, which are not visited, and lines that do not follow the one before them, which are.
    pub(crate) fn replay(
        &self,
        after: Serial,
        visit: &mut dyn FnMut(Serial, Entry),
    ) -> Result<u64, StoreError> {
        let io = |source| StoreError::io(WHAT, source);
        let file = File::open(&self.path).map_err(io)?;
        let mut reader = BufReader::with_capacity(1 << 20, file.take(self.len));
        let mut broken = 0;
        let mut line = Vec::new();
        let mut last = Head { serial: 0, sum: Sha256Digest::of(b"") };
        while reader.read_until(b'\n', &mut line).map_err(io)? > 0 {
            // What follows the last line asked about is beyond it, readable or not.
            let beyond = last.serial >= after;
            match read_line(&line) {
                Some(read) => {
                    broken += u64::from(beyond && read.prev != last.sum);
                    last = Head { serial: read.serial, sum: read.sum };
                    if read.serial > after {
                        visit(read.serial, read.entry);
                    }
                }
                None => broken += u64::from(beyond),
            }
            line.clear();
        }
        Ok(broken)
    }
}

/// Writes the last lines again as they are. The last process may have ended because it could not sync them; the system
/// then holds them for written, and a sync that succeeds says nothing of them until they are.
fn write_again(file: &mut File, len: u64) -> io::Result<()> {
    let start = len.saturating_sub(WRITTEN_AGAIN);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(len - start).read_to_end(&mut tail)?;
    file.seek(SeekFrom::Start(start))?;
    file.write_all(&tail)
}

fn write_line(lines: &mut Vec<u8>, head: &Head, entry: &Entry) -> io::Result<Head> {
    #[derive(serde::Serialize)]
    struct Start<'a> {
        serial: Serial,
        prev: Sha256Digest,
        #[serde(flatten)]
        entry: &'a Entry,
    }
    let serial = head.serial + 1;
    let mut text = serde_json::to_string(&Start { serial, prev: head.sum, entry })?;
    text.pop();
    let sum = Sha256Digest::of(text.as_bytes());
    writeln!(lines, "{text},\"sum\":\"{sum}\"}}")?;
    Ok(Head { serial, sum })
}

/// The length of `,"sum":"<64 digits>"}` and a line feed.
const TAIL: usize = 8 + 64 + 3;

fn read_line(line: &[u8]) -> Option<Line> {
    let body = line.get(..line.len().checked_sub(TAIL)?)?;
    let read: Line = serde_json::from_slice(line).ok()?;
    (line.ends_with(b"\n") && Sha256Digest::of(body) == read.sum).then_some(read)
}

/// Finds the last line that can be read, reading backwards from the end in steps, and where the last line ends.
///
/// Only what follows the last line feed is an unfinished line. A line that ends properly and cannot be read was damaged
/// later: it stays as it is, and its number is not used again.
fn find_head(file: &mut File, total: u64) -> io::Result<(Head, u64)> {
    let mut window = 64 * 1024;
    loop {
        let start = total.saturating_sub(window);
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(total - start).read_to_end(&mut tail)?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let (mut end, mut damaged) = (whole, 0);
        while end > 0 {
            let begin =
                tail[..end - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
            if begin == 0 && start > 0 {
                break;
            }
            if let Some(line) = read_line(&tail[begin..end]) {
                let head = Head { serial: line.serial + damaged, sum: line.sum };
                return Ok((head, start + whole as u64));
            }
            damaged += 1;
            end = begin;
        }
        if start == 0 {
            return Ok((Head { serial: damaged, sum: Sha256Digest::of(b"") }, whole as u64));
        }
        window *= 4;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use depot_proto::Timestamp;

    use super::*;
    use crate::store::records::Change;

    fn entry(id: &str) -> Entry {
        Entry {
            time: Timestamp::from_seconds(1).unwrap(),
            who: "test".to_owned(),
            change: Change::TokenRevoke { id: id.to_owned() },
        }
    }

    /// The serials after this one, and where the chain is broken.
    fn replayed(journal: &Journal, after: Serial) -> (Vec<Serial>, u64) {
        let mut serials = Vec::new();
        let broken = journal.replay(after, &mut |serial, _| serials.push(serial)).unwrap();
        (serials, broken)
    }

    #[test]
    fn lines_are_numbered_chained_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap().journal;
        assert_eq!(journal.head(), 0);
        journal.append(&[entry("a"), entry("b")]).unwrap();
        journal.append(&[entry("c")]).unwrap();
        let reopened = Journal::open(folder.path()).unwrap();
        assert_eq!((reopened.journal.head(), reopened.cut), (3, 0));
        assert_eq!(replayed(&reopened.journal, 1), (vec![2, 3], 0));
    }

    #[test]
    fn an_unfinished_line_is_cut_off_and_its_number_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        let mut journal = Journal::open(folder.path()).unwrap().journal;
        journal.append(&[entry("a"), entry("b"), entry("c")]).unwrap();
        let whole = fs::read(&path).unwrap();
        let second_end = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
        for cut in second_end..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let opened = Journal::open(folder.path()).unwrap();
            assert_eq!((opened.journal.head(), opened.cut), (2, (cut - second_end) as u64));
        }
        let mut journal = Journal::open(folder.path()).unwrap().journal;
        journal.append(&[entry("d")]).unwrap();
        assert_eq!(replayed(&journal, 0), (vec![1, 2, 3], 0));
    }

    #[test]
    fn a_changed_line_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        Journal::open(folder.path()).unwrap().journal.append(&[entry("a"), entry("b"), entry("c")]).unwrap();
        let text = fs::read_to_string(&path).unwrap().replace("\"b\"", "\"x\"");
        fs::write(&path, text).unwrap();
        let opened = Journal::open(folder.path()).unwrap();
        // The line itself, and the one that no longer follows what it followed.
        assert_eq!(replayed(&opened.journal, 0), (vec![1, 3], 2));
    }

    #[test]
    fn a_damaged_last_line_is_kept_and_its_number_not_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        Journal::open(folder.path()).unwrap().journal.append(&[entry("a"), entry("b"), entry("c")]).unwrap();
        let text = fs::read_to_string(&path).unwrap().replace("\"c\"", "\"x\"");
        fs::write(&path, text).unwrap();
        let mut opened = Journal::open(folder.path()).unwrap();
        assert_eq!((opened.journal.head(), opened.cut), (3, 0));
        opened.journal.append(&[entry("d")]).unwrap();
        assert_eq!(replayed(&opened.journal, 0), (vec![1, 2, 4], 1));
    }

    #[test]
    fn a_line_longer_than_the_window_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let long = "x".repeat(300_000);
        Journal::open(folder.path()).unwrap().journal.append(&[entry("a"), entry(&long)]).unwrap();
        assert_eq!(Journal::open(folder.path()).unwrap().journal.head(), 2);
    }
}
