//! Four writers and a reader, until the server dies under them.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use depot_tests::{ServerProcess, WheelBuilder, sha256_hex};

use super::ledger::Key;
use crate::chance::Chance;
use crate::wire::{Wire, record};

const WRITERS: u64 = 4;
/// Rounds that share their projects, so that releases and pages grow and are changed again.
const ROUNDS_TOGETHER: usize = 10;

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The bytes alone.
    Bytes,
    /// The record, then the bytes.
    Announced,
    /// The record of a file that is there.
    Facts,
}

/// One thing that a client wants, whole: acknowledged when its last request is.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    way: Way,
    pub(super) project: String,
    pub(super) filename: String,
    pub(super) sha256: String,
    bytes: Vec<u8>,
    size: usize,
    /// What the page shows once it is acknowledged.
    pub(super) yanked: Option<String>,
}

impl Operation {
    pub(super) fn key(&self) -> Key {
        (self.project.clone(), self.filename.clone())
    }

    /// Does it, and returns the status of the last answer.
    pub(super) fn perform(&self, wire: &mut Wire) -> io::Result<u16> {
        if self.way != Way::Bytes {
            let record = record(&self.filename, &self.sha256, self.size, self.yanked.as_deref());
            let answer = wire.put_record(&self.project, &self.filename, &record)?;
            if answer.status != 202 {
                return Ok(answer.status);
            }
        }
        let answer = wire.put_bytes(&self.project, &self.filename, &self.bytes)?;
        Ok(answer.status)
    }
}

/// What a round did.
#[derive(Default)]
pub(super) struct Load {
    pub(super) acknowledged: Vec<Operation>,
    /// What was under way when the server died: it may be there, or not.
    pub(super) unacknowledged: Vec<Operation>,
    /// The highest serials that were seen, of the root page under the empty name and of each project's.
    pub(super) serials: HashMap<String, u64>,
}

/// Lets the writers loose, kills the server this long after the first answer, and gathers what each of them knows.
pub(super) fn run(server: &mut ServerProcess, round: usize, chance: &mut Chance, killed: Duration) -> Load {
    let (url, token) = (server.url().to_owned(), server.token());
    let mut load = Load::default();
    thread::scope(|scope| {
        let (first, acknowledged) = channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let writer = Writer { round, number, chance: chance.fork(), sent: Vec::new() };
                let (url, token, first) = (&url, &token, first.clone());
                // On a busy machine a writer may come to it only when the server is dead already; the first
                // answer, after which that happens, comes from one that did not.
                scope.spawn(move || match Wire::open(url, token) {
                    Ok(wire) => writer.run(wire, &first),
                    Err(_) => (Vec::new(), None),
                })
            })
            .collect();
        let reader = scope.spawn(|| match Wire::open(&url, &token) {
            Ok(wire) => read(wire, &shared_project(round)),
            Err(_) => HashMap::new(),
        });
        acknowledged.recv_timeout(Duration::from_secs(30)).expect("nothing was acknowledged");
        thread::sleep(killed);
        server.kill9();
        for writer in writers {
            let (acknowledged, unacknowledged) = writer.join().unwrap();
            load.acknowledged.extend(acknowledged);
            load.unacknowledged.extend(unacknowledged);
        }
        load.serials = reader.join().unwrap();
    });
    load
}

fn shared_project(round: usize) -> String {
    format!("shared-{}", round / ROUNDS_TOGETHER)
}

struct Writer {
    round: usize,
    number: u64,
    chance: Chance,
    sent: Vec<Operation>,
}

impl Writer {
    fn run(mut self, mut wire: Wire, first: &Sender<()>) -> (Vec<Operation>, Option<Operation>) {
        let mut acknowledged = Vec::new();
        for count in 0.. {
            let operation = self.next(count);
            match operation.perform(&mut wire) {
                Ok(status) => {
                    assert!(matches!(status, 200 | 201), "{}: {status}", operation.filename);
                    // Who waits may have been answered by another writer already.
                    let _ = first.send(());
                    // The bytes are known by their digest from here on.
                    acknowledged.push(Operation { bytes: Vec::new(), ..operation });
                }
                Err(_) => return (acknowledged, Some(operation)),
            }
        }
        unreachable!("a writer goes on until the server dies")
    }

    fn next(&mut self, count: usize) -> Operation {
        let way = match self.chance.within(0..4) {
            0 => Way::Announced,
            1 => Way::Facts,
            _ => Way::Bytes,
        };
        if way == Way::Facts
            && let Some(known) = self.chance.pick(&self.sent)
        {
            return Operation { way, yanked: Some(format!("changed {count}")), ..known.clone() };
        }
        let way = if way == Way::Facts { Way::Bytes } else { way };
        let group = self.round / ROUNDS_TOGETHER;
        let project = if count.is_multiple_of(3) {
            shared_project(self.round)
        } else {
            format!("of-{}-{group}", self.number)
        };
        // Some do not fit the server's buffer, and are on disk in part when it dies.
        let size = if self.chance.within(0..30) == 0 { 1_200_000 } else { self.chance.within(1..2000) };
        let build = format!("{}{}", self.round * 100_000 + count, ["a", "b", "c", "d"][self.number as usize]);
        let wheel = WheelBuilder::new(&project, &format!("1.{}", count % 3)).build_tag(&build).random_file(
            "data.bin",
            size as usize,
            self.chance.next(),
        );
        let bytes = wheel.build();
        let operation = Operation {
            way,
            project,
            filename: wheel.filename(),
            sha256: sha256_hex(&bytes),
            size: bytes.len(),
            bytes,
            yanked: (way == Way::Announced).then(|| format!("announced {count}")),
        };
        self.sent.push(Operation { bytes: Vec::new(), ..operation.clone() });
        operation
    }
}

/// Reads pages until the server dies; their serials only grow.
fn read(mut wire: Wire, project: &str) -> HashMap<String, u64> {
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut saw = |page: &str, serial: u64| {
        let last = seen.entry(page.to_owned()).or_default();
        assert!(serial >= *last, "the serial of {page:?} went back from {last} to {serial}");
        *last = serial;
    };
    while let Ok((_, serial)) = wire.root() {
        saw("", serial);
        let Ok(page) = wire.page(project) else { break };
        saw(project, page.serial);
        thread::sleep(Duration::from_millis(5));
    }
    seen
}
