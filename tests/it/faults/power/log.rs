//! What the shim wrote down, as changes of a disk.

use std::collections::HashMap;
use std::path::Path;

use crate::faults::shim::op;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    File(usize),
    Folder(usize),
}

/// One thing that happened, in order.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// Bytes of a file.
    Data { file: usize, offset: u64, bytes: Vec<u8> },
    /// The length of a file.
    Length { file: usize, length: u64 },
    /// Names in one folder, changed together. Where one was moved from another folder, `after` is the event that gave
    /// it its new name: it never lacks both.
    Names { folder: usize, edits: Vec<(String, Option<Node>)>, after: Option<usize> },
    /// What a file's bytes and length are by now is on the disk.
    SyncFile(usize),
    /// What a folder's names are by now is on the disk.
    SyncFolder(usize),
    /// A sync of a file failed: what was not on the disk by then may never come there, whatever is said later.
    FailedSync(usize),
}

/// Everything that happened in a run, and how far the log had come when the test looked at it.
pub(super) struct Recorded {
    pub(super) events: Vec<Event>,
    /// Where in the log each event ended.
    ends: Vec<u64>,
}

struct Reader<'a> {
    root: &'a str,
    /// By their numbers on the real disk, which are used again.
    files: HashMap<u64, usize>,
    folders: HashMap<String, usize>,
    next: usize,
    recorded: Recorded,
}

impl Recorded {
    /// Reads a log of a run over this folder, which was empty.
    pub(super) fn read(log: &[u8], root: &Path) -> Self {
        let mut reader = Reader {
            root: root.to_str().unwrap(),
            files: HashMap::new(),
            folders: HashMap::from([(String::new(), 0)]),
            next: 1,
            recorded: Self { events: Vec::new(), ends: Vec::new() },
        };
        let mut at = 0;
        while at < log.len() {
            at = reader.entry(log, at);
        }
        reader.recorded
    }

    /// How many events had happened when the log was this long.
    pub(super) fn before(&self, length: u64) -> usize {
        self.ends.partition_point(|end| *end <= length)
    }
}

impl Reader<'_> {
    fn entry(&mut self, log: &[u8], at: usize) -> usize {
        let small = |index: usize| u32::from_le_bytes(*log[at + index * 4..].first_chunk().unwrap()) as usize;
        let large = |index: usize| u64::from_le_bytes(*log[at + 16 + index * 8..].first_chunk().unwrap());
        let text = |from: usize, length: usize| std::str::from_utf8(&log[from..from + length]).unwrap();
        let (kind, inode, offset, flags) = (small(0) as u64, large(0), large(1), large(2));
        let path = text(at + 40, small(1));
        let path2 = text(at + 40 + small(1), small(2));
        let start = at + 40 + small(1) + small(2);
        let end = start + small(3);
        let event = self.event(kind, path, path2, inode, offset, flags, &log[start..end]);
        for event in event {
            self.recorded.events.push(event);
            self.recorded.ends.push(end as u64);
        }
        end
    }

    #[expect(clippy::too_many_arguments, reason = "these are the fields of an entry")]
    fn event(
        &mut self,
        kind: u64,
        path: &str,
        path2: &str,
        inode: u64,
        offset: u64,
        flags: u64,
        data: &[u8],
    ) -> Vec<Event> {
        match kind {
            op::CREATE => self.create(path, inode, flags),
            op::WRITE => vec![Event::Data { file: self.files[&inode], offset, bytes: data.to_vec() }],
            op::TRUNCATE => vec![Event::Length { file: self.files[&inode], length: offset }],
            op::MKDIR => {
                let (folder, name) = self.place(path);
                let made = self.new_id();
                self.folders.insert(self.relative(path), made);
                vec![Event::Names { folder, edits: vec![(name, Some(Node::Folder(made)))], after: None }]
            }
            // Sockets are made without the shim, and are no files.
            op::LINK | op::RENAME if !self.files.contains_key(&inode) => Vec::new(),
            op::LINK => {
                let (folder, name) = self.place(path2);
                let node = Node::File(self.files[&inode]);
                vec![Event::Names { folder, edits: vec![(name, Some(node))], after: None }]
            }
            op::RENAME => self.rename(path, path2, inode),
            op::UNLINK => {
                let (folder, name) = self.place(path);
                vec![Event::Names { folder, edits: vec![(name, None)], after: None }]
            }
            op::SYNC => self.sync(path, inode, flags),
            _ => Vec::new(),
        }
    }

    fn create(&mut self, path: &str, inode: u64, flags: u64) -> Vec<Event> {
        if flags & 1 == 0 {
            let file = self.files[&inode];
            return if flags & 2 == 0 { Vec::new() } else { vec![Event::Length { file, length: 0 }] };
        }
        let (folder, name) = self.place(path);
        let file = self.new_id();
        self.files.insert(inode, file);
        vec![Event::Names { folder, edits: vec![(name, Some(Node::File(file)))], after: None }]
    }

    fn rename(&mut self, from: &str, to: &str, inode: u64) -> Vec<Event> {
        let node = Some(Node::File(self.files[&inode]));
        let ((from_folder, from_name), (folder, name)) = (self.place(from), self.place(to));
        if from_folder == folder {
            return vec![Event::Names { folder, edits: vec![(name, node), (from_name, None)], after: None }];
        }
        let after = Some(self.recorded.events.len());
        vec![
            Event::Names { folder, edits: vec![(name, node)], after: None },
            Event::Names { folder: from_folder, edits: vec![(from_name, None)], after },
        ]
    }

    fn sync(&self, path: &str, inode: u64, flags: u64) -> Vec<Event> {
        let failed = flags & 8 != 0;
        match self.folders.get(&self.relative(path)) {
            // File systems write names again, or stop; it is the bytes of files that they forget.
            Some(_) if failed => Vec::new(),
            Some(folder) => vec![Event::SyncFolder(*folder)],
            None if failed => vec![Event::FailedSync(self.files[&inode])],
            None => vec![Event::SyncFile(self.files[&inode])],
        }
    }

    fn relative(&self, path: &str) -> String {
        path.strip_prefix(self.root).unwrap().trim_matches('/').to_owned()
    }

    /// The folder of a path and the name in it.
    fn place(&self, path: &str) -> (usize, String) {
        let relative = self.relative(path);
        let (folder, name) = relative.rsplit_once('/').unwrap_or(("", &relative));
        let folder = self.folders.get(folder);
        (*folder.unwrap_or_else(|| panic!("the folder of {path} was not seen being made")), name.to_owned())
    }

    fn new_id(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }
}
