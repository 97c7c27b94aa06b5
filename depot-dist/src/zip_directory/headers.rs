//! The two headers of a member: the one in the central directory, which counts, and the local one before its
//! content, which must not say otherwise.

use super::fields::Fields;
use crate::{
    DistError,
    member::{check_name, unsafe_member},
    rules::{Rule, list},
};

const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
const LOCAL_SIGNATURE: u32 = 0x0403_4b50;

/// The fixed part of a central header.
pub(super) const CENTRAL_SIZE: usize = 46;
/// The fixed part of a local header.
pub(super) const LOCAL_SIZE: usize = 30;

const ENCRYPTED: u16 = 1;
/// Sizes and checksum follow the content, and may be 0 in the local header.
pub(super) const DATA_DESCRIPTOR: u16 = 1 << 3;
const STRONGLY_ENCRYPTED: u16 = 1 << 6;
const MASKED: u16 = 1 << 13;
/// The name is UTF-8; without it, it is in the code page of the first PCs.
const UTF8: u16 = 1 << 11;

/// Who made the member, in the upper byte: only there are the upper attributes a mode.
const UNIX: u16 = 3;
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_FOLDER: u32 = 0o040_000;

const EXTRA_ZIP64: u16 = 0x0001;
const EXTRA_UNICODE_PATH: u16 = 0x7075;

/// What the central directory says about a member.
#[derive(Clone, Debug)]
pub(crate) struct CentralHeader {
    pub(super) flags: u16,
    /// The kind of file in the mode that a Unix system gave it, or 0.
    mode_kind: u32,
    comment_len: usize,
    /// Whether a zip64 field has numbers that contradict the others, for a reader that believes it always.
    odd_zip64: bool,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) compressed: u64,
    pub(super) uncompressed: u64,
    /// Where its local header starts.
    pub(super) offset: u64,
    pub(super) name_len: usize,
}

impl CentralHeader {
    /// Reads the header at the front of `bytes`, and how long it is.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), DistError> {
        let mut fields = Fields(bytes);
        let (mut header, disk, name, extra) = Self::read_fixed(&mut fields)
            .ok_or_else(|| DistError::zip("its central directory is cut short"))?;
        header.read_extra(name, extra)?;
        if disk != 0 {
            return Err(DistError::zip("it has several disks").by(&list::ZIP_DISKS));
        }
        Ok((header, bytes.len() - fields.0.len()))
    }

    fn read_fixed<'a>(fields: &mut Fields<'a>) -> Option<(Self, u16, &'a [u8], &'a [u8])> {
        if fields.u32()? != CENTRAL_SIGNATURE {
            return None;
        }
        let made_by = fields.u16()?;
        let _needed = fields.u16()?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        let _time_and_date = fields.u32()?;
        let crc = fields.u32()?;
        let compressed = fields.u32()?.into();
        let uncompressed = fields.u32()?.into();
        let name_len = fields.u16()?.into();
        let extra_len = fields.u16()?.into();
        let comment_len: usize = fields.u16()?.into();
        let disk = fields.u16()?;
        let _internal_attributes = fields.u16()?;
        let attributes = fields.u32()?;
        let offset = fields.u32()?.into();
        let name = fields.take(name_len)?;
        let extra = fields.take(extra_len)?;
        let _comment = fields.take(comment_len)?;
        let mode_kind = if made_by >> 8 == UNIX { (attributes >> 16) & MODE_KIND } else { 0 };
        let header = Self {
            flags,
            mode_kind,
            comment_len,
            odd_zip64: false,
            method,
            crc,
            compressed,
            uncompressed,
            offset,
            name_len,
        };
        Some((header, disk, name, extra))
    }

    /// Takes the large numbers of zip64, and refuses a second name.
    fn read_extra(&mut self, name: &[u8], extra: &[u8]) -> Result<(), DistError> {
        let saturated = u64::from(u32::MAX);
        let mut odd = false;
        read_fields(name, extra, |mut value| {
            let all = value;
            let mut resolved = true;
            for number in [&mut self.uncompressed, &mut self.compressed, &mut self.offset] {
                if *number == saturated {
                    *number = value.u64().ok_or_else(broken_extra)?;
                } else {
                    resolved = false;
                }
            }
            // Some writers put all numbers there when one of them is large; then those must be the true ones.
            // The number of a disk may follow.
            odd = !(value.0.is_empty() || resolved && value.0.len() == 4);
            if odd {
                let mut all = all;
                let mut numbers = [self.uncompressed, self.compressed, self.offset].into_iter();
                odd = all.0.len() % 8 != 0
                    || !numbers.by_ref().all(|it| all.u64().is_none_or(|said| said == it));
                odd = odd || !all.0.is_empty();
            }
            Ok(())
        })?;
        self.odd_zip64 = odd;
        Ok(())
    }

    /// What is wrong with a member that readers agree on and installers may not, and the rule that it breaks.
    pub(crate) fn oddities(&self, name: &[u8]) -> impl Iterator<Item = (&'static Rule, &'static str)> {
        let not_ascii = !name.is_ascii();
        let unreadable = not_ascii && str::from_utf8(name).is_err();
        [
            (unreadable, &list::MEMBER_ENCODING, "has a name that is not UTF-8"),
            (
                not_ascii && !unreadable && self.flags & UTF8 == 0,
                &list::MEMBER_ENCODING,
                "has a name in UTF-8 that is not marked as such, so that readers take it for another one",
            ),
            (
                !matches!(self.mode_kind, 0 | MODE_FILE | MODE_FOLDER),
                &list::ZIP_LINK,
                "is a link, a device or the like",
            ),
            (
                (self.mode_kind == MODE_FOLDER && !name.ends_with(b"/"))
                    || (name.ends_with(b"/") && self.uncompressed != 0),
                &list::ZIP_LINK,
                "is a folder to one reader and a file to another",
            ),
            (self.comment_len > 0, &list::ZIP_MEMBER_COMMENT, "has a comment"),
            (self.odd_zip64, &list::ZIP64, "has zip64 numbers that contradict the others"),
            (
                self.flags & DATA_DESCRIPTOR != 0,
                &list::ZIP_DESCRIPTOR,
                "has its size and checksum behind its content, where readers may not find them",
            ),
        ]
        .into_iter()
        .filter_map(|(breaks, rule, what)| breaks.then_some((rule, what)))
    }

    /// The size of the content.
    pub(crate) fn uncompressed(&self) -> u64 {
        self.uncompressed
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & (ENCRYPTED | STRONGLY_ENCRYPTED | MASKED) != 0
    }

    /// Checks the fixed part of the local header; returns the length of its extra field.
    pub(super) fn check_local(&self, bytes: &[u8]) -> Result<u64, DistError> {
        self.agrees_with_local(bytes).ok_or_else(disagrees)
    }

    fn agrees_with_local(&self, bytes: &[u8]) -> Option<u64> {
        let mut fields = Fields(bytes);
        let signature = fields.u32()?;
        let _needed = fields.u16()?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        let _time_and_date = fields.u32()?;
        let crc = fields.u32()?;
        let compressed = fields.u32()?;
        let uncompressed = fields.u32()?;
        let name_len: usize = fields.u16()?.into();
        let extra_len = fields.u16()?;
        let later = flags & DATA_DESCRIPTOR != 0;
        // Zip64 numbers saturate here as they do in the directory, or always, if the writer could not know them.
        let same_size = |local: u32, central: u64| {
            u64::from(local) == central || local == u32::MAX || (later && local == 0)
        };
        let agrees = signature == LOCAL_SIGNATURE
            && flags & (ENCRYPTED | DATA_DESCRIPTOR) == self.flags & (ENCRYPTED | DATA_DESCRIPTOR)
            && method == self.method
            && name_len == self.name_len
            && (crc == self.crc || (later && crc == 0))
            && same_size(compressed, self.compressed)
            && same_size(uncompressed, self.uncompressed);
        agrees.then(|| extra_len.into())
    }
}

fn disagrees() -> DistError {
    DistError::zip("a member's local header disagrees with the central directory").by(&list::ZIP_LOCAL)
}

fn broken_extra() -> DistError {
    DistError::zip("a member has a broken extra field").by(&list::ZIP_EXTRA)
}

/// Goes through the extra fields behind a member's name; `zip64` gets the numbers of that one.
fn read_fields(
    name: &[u8],
    extra: &[u8],
    mut zip64: impl FnMut(Fields<'_>) -> Result<(), DistError>,
) -> Result<(), DistError> {
    let mut seen = [false; 2];
    let mut fields = Fields(extra);
    // Up to three bytes of padding are common, and ignored by every reader.
    while fields.0.len() >= 4 {
        let kind = fields.u16().ok_or_else(broken_extra)?;
        let length = fields.u16().ok_or_else(broken_extra)?;
        let value = Fields(fields.take(length.into()).ok_or_else(broken_extra)?);
        let Some(index) = [EXTRA_ZIP64, EXTRA_UNICODE_PATH].iter().position(|known| *known == kind) else {
            continue;
        };
        if std::mem::replace(&mut seen[index], true) {
            return Err(broken_extra());
        }
        if kind == EXTRA_ZIP64 {
            zip64(value)?;
        } else {
            check_unicode_path(name, value.0)?;
        }
    }
    Ok(())
}

/// Checks the extra fields of a local header: large sizes must be there, and all must be those of the directory.
pub(super) fn check_local_extra(
    header: &CentralHeader,
    fixed: &[u8],
    name: &[u8],
    extra: &[u8],
) -> Result<(), DistError> {
    let lies = || {
        DistError::zip("a member's local zip64 field disagrees with the central directory").by(&list::ZIP64)
    };
    let sizes = fixed.get(18..26).ok_or_else(disagrees)?;
    let mut sizes = Fields(sizes);
    let (compressed, uncompressed) = (sizes.u32().ok_or_else(disagrees)?, sizes.u32().ok_or_else(disagrees)?);
    let later = header.flags & DATA_DESCRIPTOR != 0;
    let saturated = [uncompressed, compressed].map(|size| size == u32::MAX);
    let mut found = false;
    read_fields(name, extra, |mut value| {
        found = true;
        // The two sizes stand there together, or only the one that is too large.
        let both = saturated == [true; 2] || value.0.len() >= 16;
        for (large, central) in saturated.into_iter().zip([header.uncompressed, header.compressed]) {
            if both || large {
                let said = value.u64().ok_or_else(lies)?;
                if said != central && !(later && said == 0) {
                    return Err(lies());
                }
            }
        }
        if value.0.is_empty() { Ok(()) } else { Err(lies()) }
    })?;
    let needs = [(saturated[0], header.uncompressed), (saturated[1], header.compressed)]
        .iter()
        .any(|(large, central)| *large && *central != u64::from(u32::MAX));
    if needs && !found { Err(lies()) } else { Ok(()) }
}

/// Info-ZIP's Unicode path replaces the name for readers that know it. It is there for names that the archive's own
/// encoding cannot spell; one that is ASCII can only be meant to show two readers two archives.
fn check_unicode_path(name: &[u8], value: &[u8]) -> Result<(), DistError> {
    // A version byte and the checksum of the name that it replaces.
    let Some((_, path)) = value.split_at_checked(5) else {
        return Err(broken_extra());
    };
    check_name(path)?;
    if path != name && path.is_ascii() {
        return Err(unsafe_member(name, "has a second name").by(&list::ZIP_EXTRA));
    }
    Ok(())
}
