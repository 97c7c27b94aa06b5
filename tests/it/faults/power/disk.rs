//! What a disk may hold after a power cut.
//!
//! What was synced is there. Of what was not, anything may be: each write of bytes whole, torn or absent, the length of
//! a file without its bytes, each change of a name or not.
//!
//! The common file systems keep the order of the names in a folder: of those states the strictest is asked. A disk that
//! does not ([`Cut::in_order`]) may show a file that was not acknowledged with its record alone; it is then refused
//! until it is sent again.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use super::log::{Event, Node};
use crate::chance::Chance;

/// How much of a change came to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    Whole,
    /// The first half of the bytes, in whole sectors.
    Torn,
    /// The length, and zeros.
    Zeros,
    No,
}

/// A moment in a run, and what of its events is on the disk for certain.
#[derive(Clone)]
pub(super) struct Cut<'a> {
    pub(super) events: &'a [Event],
    /// By index: those that may be there or not, in order.
    pending: Vec<usize>,
}

/// What came to the disk of a cut's pending events; all others are there.
pub(super) type Choice = Vec<(usize, Came)>;

/// A disk.
#[derive(Debug, Default, Clone)]
pub(super) struct Disk {
    files: BTreeMap<usize, Vec<u8>>,
    folders: BTreeMap<usize, BTreeMap<String, Node>>,
}

const SECTOR: usize = 512;

/// How many of the last pending events are tried one by one.
const NEAR: usize = 14;

impl<'a> Cut<'a> {
    /// After these events of a run.
    pub(super) fn after(events: &'a [Event]) -> Self {
        // Whether the next sync of each succeeds, walking backwards.
        let mut files: BTreeMap<usize, bool> = BTreeMap::new();
        let mut folders = HashSet::new();
        let mut pending = Vec::new();
        for (index, event) in events.iter().enumerate().rev() {
            match event {
                Event::SyncFile(file) => _ = files.insert(*file, true),
                Event::FailedSync(file) => _ = files.insert(*file, false),
                Event::SyncFolder(folder) => _ = folders.insert(*folder),
                Event::Data { file, .. } | Event::Length { file, .. } if files.get(file) == Some(&true) => {}
                Event::Names { folder, .. } if folders.contains(folder) => {}
                _ => pending.push(index),
            }
        }
        pending.reverse();
        Self { events, pending }
    }

    /// The choice by which nothing came that need not.
    pub(super) fn nothing(&self) -> Choice {
        self.choose(|_, _| Came::No)
    }

    /// The choices that are tried of this cut: all and nothing; the last ones in order; each of the last ones alone,
    /// missing and torn; and some by chance.
    pub(super) fn choices(&self, chance: &mut Chance, by_chance: usize) -> Vec<Choice> {
        let near = self.pending.len().saturating_sub(NEAR);
        let mut choices = vec![self.choose(|_, _| Came::Whole), self.nothing()];
        for last in near..self.pending.len() {
            choices.push(self.choose(|at, _| if at < last { Came::Whole } else { Came::No }));
            choices.push(self.choose(|at, _| if at == last { Came::No } else { Came::Whole }));
            choices.push(self.choose(|at, _| if at < near || at == last { Came::Whole } else { Came::No }));
            if matches!(self.events[self.pending[last]], Event::Data { .. }) {
                for came in [Came::Torn, Came::Zeros] {
                    choices.push(self.choose(|at, _| if at == last { came } else { Came::Whole }));
                    choices.push(self.choose(|at, _| match at {
                        at if at == last => came,
                        at if at < last => Came::Whole,
                        _ => Came::No,
                    }));
                }
            }
        }
        for round in 0..by_chance {
            let of = if round % 3 == 0 { 10 } else { 2 };
            choices.push(self.choose(|_, _| match chance.within(0..of) {
                0 => [Came::No, Came::No, Came::Torn, Came::Zeros][chance.within(0..4) as usize],
                _ => Came::Whole,
            }));
        }
        choices
    }

    /// The same choice, but of the names in each folder none is there that came after one that is not.
    pub(super) fn in_order(&self, choice: &Choice) -> Choice {
        let mut ended = HashSet::new();
        let in_order = choice.iter().map(|(index, came)| match &self.events[*index] {
            Event::Names { folder, .. } if *came == Came::No || ended.contains(folder) => {
                ended.insert(*folder);
                (*index, Came::No)
            }
            _ => (*index, *came),
        });
        in_order.collect()
    }

    fn choose(&self, mut came: impl FnMut(usize, usize) -> Came) -> Choice {
        self.pending.iter().enumerate().map(|(at, index)| (*index, came(at, *index))).collect()
    }

    /// The disk that such a choice leaves.
    pub(super) fn disk(&self, choice: &Choice) -> Disk {
        let mut came = vec![Came::Whole; self.events.len()];
        for (index, how) in choice {
            came[*index] = *how;
        }
        let mut disk = Disk::default();
        disk.folders.entry(0).or_default();
        for (index, event) in self.events.iter().enumerate() {
            let how = match event {
                // A name that is moved is always at one of its places.
                Event::Names { after: Some(added), .. } if came[*added] == Came::No => Came::No,
                _ => came[index],
            };
            disk.apply(event, how);
        }
        disk
    }
}

impl Disk {
    fn apply(&mut self, event: &Event, came: Came) {
        match event {
            _ if came == Came::No => {}
            Event::Data { file, offset, bytes } => {
                let content = self.files.entry(*file).or_default();
                let start = *offset as usize;
                let kept = match came {
                    // A sector is whole or not, wherever the write begins.
                    Came::Torn => {
                        (((start + bytes.len() / 2) / SECTOR * SECTOR).max(start) - start).min(bytes.len())
                    }
                    Came::Zeros => 0,
                    _ => bytes.len(),
                };
                let end = if came == Came::Torn { start + kept } else { start + bytes.len() };
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start.min(end)..][..kept].copy_from_slice(&bytes[..kept]);
            }
            Event::Length { file, length } => {
                self.files.entry(*file).or_default().resize(*length as usize, 0);
            }
            Event::Names { folder, edits, .. } => {
                let names = self.folders.entry(*folder).or_default();
                for (name, node) in edits {
                    match node {
                        Some(node) => names.insert(name.clone(), *node),
                        None => names.remove(name),
                    };
                }
            }
            Event::SyncFile(_) | Event::SyncFolder(_) | Event::FailedSync(_) => {}
        }
    }

    /// What tells this disk from others, by what can be reached on it.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.walk(0, "", &mut |path, content| (path, content).hash(&mut hasher));
        hasher.finish()
    }

    /// Makes it real in this folder.
    pub(super) fn write(&self, root: &Path) {
        self.walk(0, "", &mut |path, content| {
            let path = root.join(path);
            match content {
                None => fs::create_dir(path).unwrap(),
                Some(content) => {
                    fs::write(&path, content).unwrap();
                    // The server keeps secrets for its owner alone.
                    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                    fs::set_permissions(path, mode).unwrap();
                }
            }
        });
    }

    fn walk(&self, folder: usize, prefix: &str, visit: &mut dyn FnMut(&str, Option<&[u8]>)) {
        for (name, node) in self.folders.get(&folder).into_iter().flatten() {
            let path = format!("{prefix}{name}");
            match node {
                Node::File(file) => visit(&path, Some(self.files.get(file).map_or(&[], Vec::as_slice))),
                Node::Folder(inner) => {
                    visit(&path, None);
                    self.walk(*inner, &format!("{path}/"), visit);
                }
            }
        }
    }
}
