//! The two headers of a member: the one in the central directory, which counts, and the local one before its
//! content, which must not say otherwise.

use super::fields::Fields;
use crate::{
    DistError,
    member::{check_name, unsafe_member},
};

const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
const LOCAL_SIGNATURE: u32 = 0x0403_4b50;

/// The fixed part of a central header.
pub(super) const CENTRAL_SIZE: usize = 46;
/// The fixed part of a local header.
pub(super) const LOCAL_SIZE: usize = 30;

const ENCRYPTED: u16 = 1;
/// Sizes and checksum follow the content, and may be 0 in the local header.
const DATA_DESCRIPTOR: u16 = 1 << 3;
const STRONGLY_ENCRYPTED: u16 = 1 << 6;
const MASKED: u16 = 1 << 13;

const EXTRA_ZIP64: u16 = 0x0001;
const EXTRA_UNICODE_PATH: u16 = 0x7075;

/// What the central directory says about a member.
#[derive(Clone, Debug)]
pub(super) struct CentralHeader {
    flags: u16,
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
            return Err(DistError::zip("it has several disks"));
        }
        Ok((header, bytes.len() - fields.0.len()))
    }

    fn read_fixed<'a>(fields: &mut Fields<'a>) -> Option<(Self, u16, &'a [u8], &'a [u8])> {
        if fields.u32()? != CENTRAL_SIGNATURE {
            return None;
        }
        let _made_by_and_needed = fields.u32()?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        let _time_and_date = fields.u32()?;
        let crc = fields.u32()?;
        let compressed = fields.u32()?.into();
        let uncompressed = fields.u32()?.into();
        let name_len = fields.u16()?.into();
        let extra_len = fields.u16()?.into();
        let comment_len = fields.u16()?.into();
        let disk = fields.u16()?;
        let _internal_attributes = fields.u16()?;
        let _external_attributes = fields.u32()?;
        let offset = fields.u32()?.into();
        let name = fields.take(name_len)?;
        let extra = fields.take(extra_len)?;
        let _comment = fields.take(comment_len)?;
        Some((Self { flags, method, crc, compressed, uncompressed, offset, name_len }, disk, name, extra))
    }

    /// Takes the large numbers of zip64, and refuses a second name.
    fn read_extra(&mut self, name: &[u8], extra: &[u8]) -> Result<(), DistError> {
        let broken = || DistError::zip("a member has a broken extra field");
        let saturated = u64::from(u32::MAX);
        let mut seen_zip64 = false;
        let mut fields = Fields(extra);
        // Up to three bytes of padding are common, and ignored by every reader.
        while fields.0.len() >= 4 {
            let kind = fields.u16().ok_or_else(broken)?;
            let length = fields.u16().ok_or_else(broken)?;
            let mut value = Fields(fields.take(length.into()).ok_or_else(broken)?);
            match kind {
                EXTRA_ZIP64 if seen_zip64 => return Err(broken()),
                EXTRA_ZIP64 => {
                    seen_zip64 = true;
                    for number in [&mut self.uncompressed, &mut self.compressed, &mut self.offset] {
                        if *number == saturated {
                            *number = value.u64().ok_or_else(broken)?;
                        }
                    }
                }
                EXTRA_UNICODE_PATH => check_unicode_path(name, value.0)?,
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & (ENCRYPTED | STRONGLY_ENCRYPTED | MASKED) != 0
    }

    /// Checks the fixed part of the local header; returns the length of its extra field.
    pub(super) fn check_local(&self, bytes: &[u8]) -> Result<u64, DistError> {
        self.agrees_with_local(bytes)
            .ok_or_else(|| DistError::zip("a member's local header disagrees with the central directory"))
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

/// Info-ZIP's Unicode path replaces the name for readers that know it. It is there for names that the archive's own
/// encoding cannot spell; one that is ASCII can only be meant to show two readers two archives.
fn check_unicode_path(name: &[u8], value: &[u8]) -> Result<(), DistError> {
    // A version byte and the checksum of the name that it replaces.
    let Some((_, path)) = value.split_at_checked(5) else {
        return Err(DistError::zip("a member has a broken extra field"));
    };
    check_name(path)?;
    if path != name && path.is_ascii() {
        return Err(unsafe_member(name, "has a second name"));
    }
    Ok(())
}
