//! Checking that a tree holds what its records say.

use std::{
    fs::File,
    io::{self, Read as _},
};

use depot_proto::{ProjectName, Sha256Digest, Sha256Hasher, layout::Part};

use crate::{
    error::{OnPath as _, TreeError},
    tree::Tree,
};

/// What reading a file's bytes again showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The bytes are what the record says.
    Right,
    /// There is no record, so there is no file.
    Absent,
    /// The record is there and the bytes are not.
    BytesMissing,
    /// The bytes have another size.
    WrongSize {
        /// What the record says.
        expected: u64,
        /// What is there.
        actual: u64,
    },
    /// The bytes have another digest.
    WrongHash {
        /// What the record says.
        expected: Sha256Digest,
        /// What is there.
        actual: Sha256Digest,
    },
}

impl Tree {
    /// Reads a file's bytes again and compares them with its record.
    pub fn verify(&self, project: &ProjectName, filename: &str) -> Result<Finding, TreeError> {
        let Some(record) = self.record(project, filename)? else { return Ok(Finding::Absent) };
        let Some(bytes) = self.open_part(project, filename, Part::Bytes)? else {
            return Ok(Finding::BytesMissing);
        };
        if bytes.size != record.size {
            return Ok(Finding::WrongSize { expected: record.size, actual: bytes.size });
        }
        let actual = hash(&bytes.file).on("read", self.path(project, filename, Part::Bytes))?;
        if actual != record.sha256 {
            return Ok(Finding::WrongHash { expected: record.sha256, actual });
        }
        Ok(Finding::Right)
    }

    /// Compares the metadata that lies beside a file with the digest that its record has of it. Where the record has none
    /// nothing is promised, and all is right.
    pub fn verify_metadata(&self, project: &ProjectName, filename: &str) -> Result<Finding, TreeError> {
        let Some(record) = self.record(project, filename)? else { return Ok(Finding::Absent) };
        let Some(expected) = record.core_metadata else { return Ok(Finding::Right) };
        let Some(beside) = self.open_part(project, filename, Part::Metadata)? else {
            return Ok(Finding::BytesMissing);
        };
        let actual = hash(&beside.file).on("read", self.path(project, filename, Part::Metadata))?;
        Ok(if actual == expected { Finding::Right } else { Finding::WrongHash { expected, actual } })
    }
}

pub(crate) fn hash(file: &File) -> io::Result<Sha256Digest> {
    hash_each(file, &mut |_| Ok(()))
}

/// The digest of what follows in a file, read a quarter of a mebibyte at a time; after each of these `each` is told how
/// many bytes they were, and may take its time or end the reading.
pub fn hash_each(mut file: &File, each: &mut dyn FnMut(usize) -> io::Result<()>) -> io::Result<Sha256Digest> {
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => {
                hasher.update(&buffer[..read]);
                each(read)?;
            }
        }
    }
}

#[cfg(test)]
mod tests;
