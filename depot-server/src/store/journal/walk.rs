//! Walking the journal from its first line without touching it, for an audit: a server may be writing it meanwhile.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::Path,
};

use depot_proto::Sha256Digest;
use serde_json::Value;

use super::TAIL;
use crate::store::records::Serial;

/// Where a chain is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// The line is not what was written.
    Damaged,
    /// The line is whole, and does not follow the one before it: some are missing, or others took their place.
    Unfollowed,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Step {
    /// Its place in the file, from 1.
    pub(crate) line: u64,
    /// What it says, if it is whole.
    pub(crate) said: Option<Value>,
    /// What is wrong with it.
    pub(crate) broken: Option<Break>,
}

/// How far a journal goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    /// The lines in it.
    pub(crate) lines: u64,
    /// The number of the last change.
    pub(crate) serial: Serial,
    /// The sum of its line, on which the next one builds.
    pub(crate) sum: Option<Sha256Digest>,
}

/// Visits every line in order. A last line without its line feed is being written, or was never acknowledged: it is passed
/// over.
pub(crate) fn walk(path: &Path, visit: &mut dyn FnMut(Step)) -> io::Result<End> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut end = End::default();
    let mut last = Some(Sha256Digest::of(b""));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        end.lines += 1;
        let said = whole(&line);
        let digest = |value: &Value, key: &str| value.get(key)?.as_str()?.parse::<Sha256Digest>().ok();
        let broken = match &said {
            None => Some(Break::Damaged),
            // What follows a damaged line cannot be told from what does not.
            Some(said) => match (last, digest(said, "prev")) {
                (None, _) => None,
                (last, prev) if last == prev => None,
                _ => Some(Break::Unfollowed),
            },
        };
        last = said.as_ref().and_then(|said| digest(said, "sum"));
        if let Some(said) = &said {
            end.serial = said.get("serial").and_then(Value::as_u64).unwrap_or(end.serial);
            end.sum = last;
        }
        visit(Step { line: end.lines, said, broken });
        line.clear();
    }
    Ok(end)
}

/// What a line says, if its sum is that of the rest of it.
fn whole(line: &[u8]) -> Option<Value> {
    let body = line.get(..line.len().checked_sub(TAIL)?)?;
    let said: Value = serde_json::from_slice(line).ok()?;
    let sum: Sha256Digest = said.get("sum")?.as_str()?.parse().ok()?;
    (Sha256Digest::of(body) == sum).then_some(said)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use depot_proto::Timestamp;

    use super::*;
    use crate::store::{
        journal::{FILE, Journal},
        records::{Change, Entry},
    };

    fn breaks(path: &Path) -> (End, Vec<(u64, Break)>) {
        let mut found = Vec::new();
        let end =
            walk(path, &mut |step| found.extend(step.broken.map(|broken| (step.line, broken)))).unwrap();
        (end, found)
    }

    #[test]
    fn every_way_of_changing_a_journal_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let entry = |id: &str| Entry {
            time: Timestamp::from_seconds(1).unwrap(),
            who: "ann".to_owned(),
            change: Change::TokenRevoke { id: id.to_owned() },
        };
        let entries: Vec<Entry> = ["a", "b", "c", "d"].into_iter().map(entry).collect();
        Journal::open(folder.path()).unwrap().journal.append(&entries).unwrap();
        let (end, found) = breaks(&path);
        assert_eq!((end.lines, end.serial, found), (4, 4, vec![]));
        let whole = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        let put = |lines: &[&str]| fs::write(&path, lines.join("\n") + "\n");
        // A word was changed; a line taken out; two exchanged; the first gone.
        put(&[lines[0], &lines[1].replace("\"b\"", "\"x\""), lines[2], lines[3]]).unwrap();
        assert_eq!(breaks(&path).1, [(2, Break::Damaged)]);
        put(&[lines[0], lines[2], lines[3]]).unwrap();
        assert_eq!(breaks(&path).1, [(2, Break::Unfollowed)]);
        put(&[lines[1], lines[0], lines[2], lines[3]]).unwrap();
        assert_eq!(breaks(&path).1.len(), 3);
        put(&lines[1..]).unwrap();
        assert_eq!(breaks(&path).1, [(1, Break::Unfollowed)]);
        // What is being written is passed over.
        fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let (end, found) = breaks(&path);
        assert_eq!((end.lines, end.serial, found), (3, 3, vec![]));
    }
}
