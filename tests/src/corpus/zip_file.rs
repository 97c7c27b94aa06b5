//! A zip written field by field, so that any field can lie; and wheels made of such zips.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::{Compression, Crc, write::DeflateEncoder};
use sha2::{Digest as _, Sha256};

use super::metadata;

/// A member; what is not set is true.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) content: Vec<u8>,
    pub(super) stored: bool,
    pub(super) flags: u16,
    pub(super) method: Option<u16>,
    pub(super) packed: Option<Vec<u8>>,
    pub(super) crc: Option<u32>,
    pub(super) sizes: Option<(u32, u32)>,
    pub(super) offset: Option<u32>,
    pub(super) extra: Vec<u8>,
    pub(super) comment: &'static str,
    pub(super) mode: u32,
    pub(super) local: Local,
    pub(super) hidden: bool,
}

/// Where the local header says otherwise, and what stands around the content.
#[derive(Debug, Clone, Default)]
pub(super) struct Local {
    pub(super) name: Option<Vec<u8>>,
    pub(super) method: Option<u16>,
    pub(super) flags: Option<u16>,
    pub(super) crc: Option<u32>,
    pub(super) sizes: Option<(u32, u32)>,
    pub(super) extra: Vec<u8>,
    pub(super) before: Vec<u8>,
    pub(super) after: Vec<u8>,
}

impl Member {
    pub(super) fn new(name: &str, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), content: content.into(), ..Self::default() }
    }

    fn packed(&self) -> Vec<u8> {
        if let Some(packed) = &self.packed {
            return packed.clone();
        }
        if self.stored || self.content.is_empty() { self.content.clone() } else { deflate(&self.content) }
    }

    fn method(&self) -> u16 {
        let deflated = !self.stored && (self.packed.is_some() || !self.content.is_empty());
        self.method.unwrap_or(if deflated { 8 } else { 0 })
    }

    fn crc(&self) -> u32 {
        self.crc.unwrap_or_else(|| crc(&self.content))
    }
}

pub(super) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An extra field of this kind.
pub(super) fn extra(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes(), &(value.len() as u16).to_le_bytes()[..], value].concat()
}

/// The archive; what is not set is true.
#[derive(Debug, Clone, Default)]
pub(super) struct Zip {
    pub(super) prefix: Vec<u8>,
    /// Whether offsets count the prefix.
    pub(super) shifted: bool,
    pub(super) members: Vec<Member>,
    pub(super) between: Vec<u8>,
    pub(super) comment: Vec<u8>,
    pub(super) suffix: Vec<u8>,
    pub(super) count: Option<u16>,
    pub(super) directory_offset: Option<u32>,
    pub(super) disk: u16,
    /// A zip64 end record, which says this number of members.
    pub(super) zip64: Option<u64>,
}

impl Zip {
    pub(super) fn build(&self) -> Vec<u8> {
        let mut bytes = self.prefix.clone();
        let shift = if self.shifted { 0 } else { self.prefix.len() };
        let mut directory = Vec::new();
        let mut count = 0_u16;
        for member in &self.members {
            let packed = member.packed();
            let (crc, method) = (member.crc(), member.method());
            let sizes = member.sizes.unwrap_or((packed.len() as u32, member.content.len() as u32));
            bytes.extend(&member.local.before);
            let offset = member.offset.unwrap_or((bytes.len() - shift) as u32);
            let local = &member.local;
            let name = local.name.as_ref().unwrap_or(&member.name);
            let shared = |flags: u16, method: u16, crc: u32, sizes: (u32, u32)| {
                let mut shared = [flags.to_le_bytes(), method.to_le_bytes()].concat();
                // 1980-01-01, midnight.
                shared.extend([0, 0, 0x21, 0]);
                shared.extend([crc.to_le_bytes(), sizes.0.to_le_bytes(), sizes.1.to_le_bytes()].concat());
                shared
            };
            bytes.extend(b"PK\x03\x04\x14\0");
            bytes.extend(shared(
                local.flags.unwrap_or(member.flags),
                local.method.unwrap_or(method),
                local.crc.unwrap_or(crc),
                local.sizes.unwrap_or(sizes),
            ));
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend((local.extra.len() as u16).to_le_bytes());
            bytes.extend(name);
            bytes.extend(&local.extra);
            bytes.extend(&packed);
            bytes.extend(&local.after);
            if member.hidden {
                continue;
            }
            count = count.wrapping_add(1);
            directory.extend(b"PK\x01\x02\x14\x03\x14\0");
            directory.extend(shared(member.flags, method, crc, sizes));
            for length in [member.name.len(), member.extra.len(), member.comment.len(), 0, 0] {
                directory.extend((length as u16).to_le_bytes());
            }
            directory.extend((member.mode << 16).to_le_bytes());
            directory.extend(offset.to_le_bytes());
            directory.extend(&member.name);
            directory.extend(&member.extra);
            directory.extend(member.comment.as_bytes());
        }
        bytes.extend(&self.between);
        let start = (bytes.len() - shift) as u32;
        let size = directory.len() as u32;
        bytes.extend(&directory);
        if let Some(said) = self.zip64 {
            let at = bytes.len() as u64;
            bytes.extend(b"PK\x06\x06");
            bytes.extend(44_u64.to_le_bytes());
            bytes.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for number in [said, said, size.into(), start.into()] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(b"PK\x06\x07\0\0\0\0");
            bytes.extend(at.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
        }
        let count = self.count.unwrap_or(count);
        bytes.extend(b"PK\x05\x06");
        for number in [self.disk, self.disk, count, count] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(size.to_le_bytes());
        bytes.extend(self.directory_offset.unwrap_or(start).to_le_bytes());
        bytes.extend((self.comment.len() as u16).to_le_bytes());
        bytes.extend(&self.comment);
        bytes.extend(&self.suffix);
        bytes
    }
}

/// A wheel: its members without `RECORD`, which is made of them in the end.
#[derive(Debug, Clone)]
pub(super) struct WheelFile {
    pub(super) version: String,
    pub(super) zip: Zip,
    /// In place of the rows of `RECORD` that are true, where a test says so; `None` leaves it out.
    pub(super) record: Option<Vec<u8>>,
}

impl WheelFile {
    /// A good one.
    pub(super) fn new(version: &str) -> Self {
        let folder = format!("pot-{version}.dist-info");
        let members = vec![
            Member::new("pot/__init__.py", "print('tea')\n".repeat(9)),
            Member::new(&format!("{folder}/METADATA"), metadata(version)),
            Member::new(
                &format!("{folder}/WHEEL"),
                "Wheel-Version: 1.0\nGenerator: corpus\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            ),
        ];
        let mut wheel =
            Self { version: version.to_owned(), zip: Zip { members, ..Zip::default() }, record: None };
        wheel.record = Some(wheel.true_record());
        wheel
    }

    pub(super) fn folder(&self) -> String {
        format!("pot-{}.dist-info", self.version)
    }

    /// The member that ends so.
    pub(super) fn member(&mut self, end: &str) -> &mut Member {
        self.zip.members.iter_mut().find(|member| member.name.ends_with(end.as_bytes())).unwrap()
    }

    /// Adds a member to zip and `RECORD`.
    pub(super) fn add(&mut self, member: Member) {
        self.zip.members.insert(0, member);
        self.record = Some(self.true_record());
    }

    /// Changes a member's content, and `RECORD` with it.
    pub(super) fn set(&mut self, end: &str, content: impl Into<Vec<u8>>) {
        self.member(end).content = content.into();
        self.record = Some(self.true_record());
    }

    pub(super) fn true_record(&self) -> Vec<u8> {
        let mut record = String::new();
        for member in self.zip.members.iter().filter(|member| !member.name.ends_with(b"/")) {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&member.content));
            let name = String::from_utf8_lossy(&member.name);
            let _ = writeln!(record, "{name},sha256={digest},{}", member.content.len());
        }
        let _ = writeln!(record, "{}/RECORD,,", self.folder());
        record.into_bytes()
    }

    /// The zip, `RECORD` in it.
    pub(super) fn build(&self) -> Vec<u8> {
        self.with_record().build()
    }

    pub(super) fn with_record(&self) -> Zip {
        let mut zip = self.zip.clone();
        if let Some(record) = &self.record {
            zip.members.push(Member::new(&format!("{}/RECORD", self.folder()), record.as_slice()));
        }
        zip
    }
}
