//! How a release stands in its row: packed, since a start reads every row, and a cold disk is what it waits for.
//!
//! `2`, the serial (8 bytes, big-endian), the length of the record (4 bytes), and the record's JSON in one frame of
//! zstd. Before there was packing: `1`, the serial, and the JSON as it is; such rows are read, and packed when they are
//! next written.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use zstd::bulk::{Compressor, Decompressor};

use crate::store::{
    StoreError,
    records::{ReleaseRecord, Serial},
};

const PLAIN: u8 = 1;
const PACKED: u8 = 2;

/// Where the record begins: after the format and the serial, and after the length.
const AFTER_SERIAL: usize = 9;
const AFTER_LENGTH: usize = 13;

/// The fastest that still finds what the dictionary has.
const LEVEL: i32 = 1;

/// The most that a record may unpack to, in bytes: 250,000 files of a kilobyte.
const MAX_RECORD: usize = 256 << 20;

/// How many unpackers are kept for the next readers.
const KEPT: usize = 8;

/// What all records have in common, the most common last. Part of the format: rows packed with it can be read with
/// nothing else, so another dictionary needs another format byte.
const DICTIONARY: &[u8] = br#"{"provenance":null,"yanked":true,"files":[{"depot":{"first-seen":"2026-01-01T00:00:00.000000Z","facts-digest":"0123456789abcdef","origin":{"kind":"first-party"},"v":1},"core-metadata":{"sha256":""},"filename":"","hashes":{"sha256":""},"requires-python":">=3.7","size":1,"upload-time":"2024-01-01T00:00:00.000000Z"},{"core-metadata":{"sha256":"0123456789abcdef"},"depot":{"facts-digest":"0123456789abcdef","first-seen":"2026-01-01T00:00:00.000000Z","origin":{"index":"https://index.example/simple/","kind":"mirrored","url":"https://files.example/packages/00/00/00000000/-1.0.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"},"v":1},"filename":"-1.0.0-cp312-cp312-win_amd64.whl","hashes":{"sha256":"0123456789abcdef"},"requires-python":">=3.10","size":10,"upload-time":"2025-01-01T00:00:00.000000Z"},{"core-metadata":{"sha256":"0123456789abcdef"},"filename":"-1.0.0-py3-none-any.whl","hashes":{"sha256":"0123456789abcdef"},"requires-python":">=3.8"},{"depot":{"first-seen":"2026-01-01T00:00:00.000000Z","origin":{"index":"https://","kind":"mirrored","url":"https://files./packages/"},"v":1},"filename":"-1.0.0.tar.gz","hashes":{"sha256":"0123456789abcdef"},"requires-python":">=3.9","size":100,"upload-time":"2026-01-01T00:00:00.000000Z"}]}{"version":"1.0.0","serial":1,"files":["#;

/// Packs and unpacks. Each needs memory of some hundred kilobytes, which is kept from one record to the next.
pub(super) struct Values {
    packer: Mutex<Compressor<'static>>,
    unpackers: Mutex<Vec<Decompressor<'static>>>,
}

impl Values {
    pub(super) fn new() -> io::Result<Self> {
        let packer = Compressor::with_dictionary(LEVEL, DICTIONARY)?;
        Ok(Self { packer: Mutex::new(packer), unpackers: Mutex::new(Vec::new()) })
    }

    pub(super) fn encode(&self, release: &ReleaseRecord) -> Result<Vec<u8>, StoreError> {
        let failed = |error| StoreError::io("store", error);
        let record = serde_json::to_vec(release).map_err(|error| failed(error.into()))?;
        let length = u32::try_from(record.len()).ok().filter(|length| *length as usize <= MAX_RECORD);
        let length = length.ok_or_else(|| failed(io::ErrorKind::FileTooLarge.into()))?;
        let packed = self.packer.lock().unwrap_or_else(PoisonError::into_inner).compress(&record);
        let packed = packed.map_err(failed)?;
        let mut value = Vec::with_capacity(AFTER_LENGTH + packed.len());
        value.push(PACKED);
        value.extend(release.serial.to_be_bytes());
        value.extend(length.to_be_bytes());
        value.extend(packed);
        Ok(value)
    }

    /// The release of the row with this key.
    pub(super) fn decode(&self, key: &[u8], value: &[u8]) -> Result<ReleaseRecord, StoreError> {
        let damaged = |why: String| damaged(key, &why);
        let read = |record: &[u8]| serde_json::from_slice(record).map_err(|error| damaged(error.to_string()));
        match value {
            [PLAIN, rest @ ..] => read(rest.get(AFTER_SERIAL - 1..).unwrap_or_default()),
            [PACKED, rest @ ..] => {
                let length = rest.get(AFTER_SERIAL - 1..).and_then(|rest| rest.first_chunk::<4>());
                let length = length.map_or(usize::MAX, |bytes| u32::from_be_bytes(*bytes) as usize);
                if length > MAX_RECORD {
                    return Err(damaged("it has no length that a record has".to_owned()));
                }
                let record = self.unpack(&value[AFTER_LENGTH..], length);
                read(&record.map_err(|error| damaged(error.to_string()))?)
            }
            _ => Err(damaged("it has another format".to_owned())),
        }
    }

    fn unpack(&self, packed: &[u8], length: usize) -> io::Result<Vec<u8>> {
        let kept = || self.unpackers.lock().unwrap_or_else(PoisonError::into_inner);
        let unpacker = kept().pop();
        let mut unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => Decompressor::with_dictionary(DICTIONARY)?,
        };
        let record = unpacker.decompress(packed, length)?;
        if record.len() != length {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut kept = kept();
        if kept.len() < KEPT {
            kept.push(unpacker);
        }
        Ok(record)
    }
}

/// The serial of a row, without reading the rest of it.
pub(super) fn serial_of(key: &[u8], value: &[u8]) -> Result<Serial, StoreError> {
    let serial = match value {
        [PLAIN | PACKED, rest @ ..] => rest.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)),
        _ => None,
    };
    serial.ok_or_else(|| malformed(key))
}

pub(super) fn malformed(key: &[u8]) -> StoreError {
    damaged(key, "it is malformed")
}

fn damaged(key: &[u8], why: &str) -> StoreError {
    StoreError::Damaged(format!("row {}: {why}", String::from_utf8_lossy(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    fn release(files: usize) -> ReleaseRecord {
        let change = conformance::change(7, "a", "1", "a-1.tar.gz", b"bytes");
        let mut release = change.empty_release();
        for number in 0..files {
            release.files.push(depot_proto::FileRecord {
                filename: format!("a-1-{number}-py3-none-any.whl"),
                ..change.file.clone()
            });
        }
        release
    }

    #[test]
    fn a_release_is_packed_and_read_again() {
        let values = Values::new().unwrap();
        for files in [0, 1, 300] {
            let release = release(files);
            let (key, value) = (b"/python/a/1", values.encode(&release).unwrap());
            assert_eq!(values.decode(key, &value).unwrap(), release);
            assert_eq!(serial_of(key, &value).unwrap(), 7);
            let plain = serde_json::to_vec(&release).unwrap();
            assert!(value.len() < plain.len() || files == 0, "{} of {}", value.len(), plain.len());
        }
    }

    #[test]
    fn a_row_of_before_there_was_packing_is_read() {
        let release = release(2);
        let mut value = vec![PLAIN];
        value.extend(7_u64.to_be_bytes());
        serde_json::to_writer(&mut value, &release).unwrap();
        assert_eq!(Values::new().unwrap().decode(b"/python/a/1", &value).unwrap(), release);
        assert_eq!(serial_of(b"/python/a/1", &value).unwrap(), 7);
    }

    #[test]
    fn what_is_no_row_is_damage_whatever_it_is() {
        let values = Values::new().unwrap();
        let whole = values.encode(&release(3)).unwrap();
        for length in 0..whole.len() {
            assert!(matches!(values.decode(b"/", &whole[..length]), Err(StoreError::Damaged(_))), "{length}");
        }
        for byte in [0, 9, 10, 12, 20] {
            let mut other = whole.clone();
            other[byte] ^= 0x80;
            assert!(matches!(values.decode(b"/", &other), Err(StoreError::Damaged(_))), "{byte}");
        }
    }
}
