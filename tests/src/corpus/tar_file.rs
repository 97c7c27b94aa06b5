//! A tar written block by block, so that any header can lie.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};

/// One entry with all of its headers.
#[derive(Debug, Clone)]
pub(super) struct Entry(pub(super) Vec<u8>);

/// The fields of a header by their places: what is in them, and how long they are.
const SIZE: usize = 124;
const CHECKSUM: usize = 148;

impl Entry {
    /// An entry of this type flag. Names of more than 100 bytes are cut off.
    pub(super) fn new(kind: u8, name: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let mut header = vec![0; 512];
        let cut = &name.as_bytes()[..name.len().min(100)];
        header[..cut.len()].copy_from_slice(cut);
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..124].copy_from_slice(b"0000000\x000000000\0");
        header[136..148].copy_from_slice(b"02264167600\0");
        header[156] = kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        let mut bytes = header;
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        Self(bytes).sized(content.len() as u64)
    }

    pub(super) fn file(name: &str, content: impl AsRef<[u8]>) -> Self {
        Self::new(b'0', name, content)
    }

    pub(super) fn folder(name: &str) -> Self {
        Self::new(b'5', name, "")
    }

    /// A link of this type flag.
    pub(super) fn link(kind: u8, name: &str, target: &str) -> Self {
        Self::new(kind, name, "").changed(|header| {
            header[157..157 + target.len()].copy_from_slice(target.as_bytes());
        })
    }

    /// A pax header with these records.
    pub(super) fn pax(records: &[(&str, &str)]) -> Self {
        Self::new(b'x', "pax", pax(records))
    }

    /// The same with another size in its header.
    pub(super) fn sized(self, size: u64) -> Self {
        self.changed(|header| header[SIZE..SIZE + 12].copy_from_slice(format!("{size:011o}\0").as_bytes()))
    }

    /// The same with the header changed, and its checksum right.
    pub(super) fn changed(mut self, change: impl FnOnce(&mut [u8])) -> Self {
        change(&mut self.0[..512]);
        self.0[CHECKSUM..CHECKSUM + 8].fill(b' ');
        let sum: u32 = self.0[..512].iter().map(|&byte| u32::from(byte)).sum();
        self.0[CHECKSUM..CHECKSUM + 8].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self
    }

    /// An entry after another, as one.
    pub(super) fn then(mut self, next: &Self) -> Self {
        self.0.extend(&next.0);
        self
    }
}

/// Records of `{length} {key}={value}`.
pub(super) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = (rest..rest + 20).find(|length| length.to_string().len() + rest == *length).unwrap();
        bytes.extend(format!("{length} {key}={value}\n").as_bytes());
    }
    bytes
}

/// The entries, and the two empty blocks that end a tar.
pub(super) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.0.iter().copied()).collect();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The same without compression, so that what is inside stands in the file as it is.
pub(super) fn gzip_stored(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::none());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
