//! Archives for the tests: sound ones, and parts to build unsound ones from.

use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use depot_proto::DistributionFilename;
use flate2::{Compression, Crc, write::DeflateEncoder, write::GzEncoder};
use tar::{EntryType, Header};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{Contents, DistError, Limits};

pub(crate) const METADATA: &[u8] =
    b"Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\nRequires-Python: >=3.9\n\nText.\n";

pub(crate) const WHEEL: &str = "foo_bar-1.0-py3-none-any.whl";

pub(crate) fn read(filename: &str, bytes: &[u8]) -> Result<Contents, DistError> {
    read_under(filename, bytes, &Limits::default())
}

pub(crate) fn read_under(filename: &str, bytes: &[u8], limits: &Limits) -> Result<Contents, DistError> {
    let filename = DistributionFilename::parse(filename, &"foo-bar".parse().unwrap()).unwrap();
    crate::read(Cursor::new(bytes), &filename, limits)
}

/// A zip as the `zip` crate writes it.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(members, SimpleFileOptions::default().compression_method(CompressionMethod::Deflated), "")
}

pub(crate) fn zip_with(members: &[(&str, &[u8])], options: SimpleFileOptions, comment: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.set_comment(comment).unwrap();
    writer.finish().unwrap().into_inner()
}

pub(crate) fn wheel_members() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("foo_bar/__init__.py", b"print('hello')\n"),
        ("foo_bar-1.0.dist-info/METADATA", METADATA),
        ("foo_bar-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\n"),
        ("foo_bar-1.0.dist-info/RECORD", b""),
    ]
}

pub(crate) fn wheel() -> Vec<u8> {
    zip(&wheel_members())
}

/// One member of a zip that is written field by field, so that any field can lie.
#[derive(Clone)]
pub(crate) struct RawMember {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) packed: Vec<u8>,
    pub(crate) compressed: u32,
    pub(crate) uncompressed: u32,
    pub(crate) offset: Option<u32>,
    pub(crate) extra: Vec<u8>,
}

impl RawMember {
    pub(crate) fn stored(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.into(),
            local_name: None,
            flags: 0,
            method: 0,
            crc: crc(content),
            packed: content.to_vec(),
            compressed: content.len() as u32,
            uncompressed: content.len() as u32,
            offset: None,
            extra: Vec::new(),
        }
    }

    pub(crate) fn deflated(name: &str, content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        Self { method: 8, compressed: packed.len() as u32, packed, ..Self::stored(name, content) }
    }

    /// Signature and version apart, what both headers share.
    fn shared(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.crc.to_le_bytes());
        bytes.extend(self.compressed.to_le_bytes());
        bytes.extend(self.uncompressed.to_le_bytes());
        bytes
    }
}

fn crc(content: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(content);
    crc.sum()
}

/// The zip of `members`, its central directory and end record true unless the members lie.
pub(crate) fn raw_zip(members: &[RawMember]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let offset = member.offset.unwrap_or(bytes.len() as u32);
        let local_name = member.local_name.as_ref().unwrap_or(&member.name);
        bytes.extend(b"PK\x03\x04\x14\0");
        bytes.extend(member.shared());
        bytes.extend((local_name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(local_name);
        bytes.extend(&member.packed);
        directory.extend(b"PK\x01\x02\x14\0\x14\0");
        directory.extend(member.shared());
        directory.extend((member.name.len() as u16).to_le_bytes());
        directory.extend((member.extra.len() as u16).to_le_bytes());
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(&member.name);
        directory.extend(&member.extra);
    }
    let start = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(end_record(members.len() as u16, directory.len() as u32, start));
    bytes
}

pub(crate) fn end_record(members: u16, size: u32, start: u32) -> Vec<u8> {
    let mut bytes = b"PK\x05\x06\0\0\0\0".to_vec();
    bytes.extend(members.to_le_bytes());
    bytes.extend(members.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// One entry of a tar, with a header checksum that is right whatever else is not.
pub(crate) fn tar_entry(kind: u8, name: &str, content: &[u8]) -> Vec<u8> {
    tar_entry_sized(kind, name, content, content.len() as u64)
}

pub(crate) fn tar_entry_sized(kind: u8, name: &str, content: &[u8], size: u64) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::new(kind));
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// The tar of these entries, with the two empty blocks that end one.
pub(crate) fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn sdist_entries() -> Vec<Vec<u8>> {
    vec![
        tar_entry(b'5', "foo_bar-1.0/", b""),
        tar_entry(b'0', "foo_bar-1.0/foo_bar.egg-info/PKG-INFO", b"not this one"),
        tar_entry(b'0', "foo_bar-1.0/PKG-INFO", METADATA),
        tar_entry(b'0', "foo_bar-1.0/setup.py", b"print('hello')\n"),
    ]
}

/// A pax record.
pub(crate) fn pax(key: &str, value: &str) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n").into_bytes()
}

/// Counts what is asked of a reader, and fails once `fail_after` bytes were read.
pub(crate) struct Watched<'a> {
    pub(crate) inner: Cursor<&'a [u8]>,
    pub(crate) bytes: usize,
    pub(crate) reads: usize,
    pub(crate) fail_after: usize,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { inner: Cursor::new(bytes), bytes: 0, reads: 0, fail_after: usize::MAX }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.bytes >= self.fail_after {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the disk is gone"));
        }
        let count = self.inner.read(buffer)?;
        self.bytes += count;
        self.reads += 1;
        Ok(count)
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, position: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(position)
    }
}
