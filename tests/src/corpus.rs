//! Archives good and bad, each with what the rules must say of it and what CPython makes of it.
//!
//! They are written byte by byte, because no library writes what is wrong here.

mod sdists;
mod tar_file;
mod tars;
mod wheels;
mod zip_file;
mod zips;

use crate::archives::sha256_hex;

/// What CPython's `zipfile` or `tarfile` makes of an archive, beside what the rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Python {
    /// It reads what the rules take, and every member as it is meant; it refuses what the rules refuse.
    Agrees,
    /// It reads what the rules refuse, and why that is agreed.
    Reads(&'static str),
    /// It reads or refuses what the rules refuse, as its version will have it.
    Varies(&'static str),
}

/// A case.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it tries, in a few words.
    pub name: &'static str,
    /// The file's name, which no other case has.
    pub filename: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// The rules that it breaks which are errors, in alphabetical order; it is good if there are none.
    pub errors: Vec<&'static str>,
    /// The rules that it breaks which are warnings.
    pub warnings: Vec<&'static str>,
    /// What CPython makes of it.
    pub python: Python,
    /// The regular files that it is meant to hold, with the digest of each; only of good ones.
    pub holds: Vec<(String, String)>,
}

/// The project that all cases are of; each has a version of its own.
pub const PROJECT: &str = "pot";

/// Why CPython reads more: reasons that many cases share.
mod reasons {
    /// Only what the directory names is read.
    pub(super) const BY_DIRECTORY: &str =
        "zipfile believes the central directory, and unzip, uv and streaming readers do not";
    /// Layers above the archive.
    pub(super) const ONLY_ARCHIVE: &str = "the archive is sound, and what is in it is not";
    /// Names are whatever they are.
    pub(super) const ANY_NAME: &str = "the reader lists any name, and unpacking it is the caller's affair";
}

impl Case {
    fn new(name: &'static str, filename: String, bytes: Vec<u8>) -> Self {
        Self {
            name,
            filename,
            bytes,
            errors: Vec::new(),
            warnings: Vec::new(),
            python: Python::Agrees,
            holds: Vec::new(),
        }
    }

    fn breaks(mut self, errors: &[&'static str]) -> Self {
        self.errors = errors.to_vec();
        self.errors.sort_unstable();
        self
    }

    fn warns(mut self, warnings: &[&'static str]) -> Self {
        self.warnings = warnings.to_vec();
        self
    }

    fn read_by_python(mut self, why: &'static str) -> Self {
        self.python = Python::Reads(why);
        self
    }

    fn holding<'a>(mut self, members: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        self.holds =
            members.into_iter().map(|(name, content)| (name.to_owned(), sha256_hex(content))).collect();
        self
    }

    /// Whether the rules must refuse it.
    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Every rule that it breaks, in alphabetical order.
    pub fn codes(&self) -> Vec<&'static str> {
        let mut codes = [self.errors.as_slice(), &self.warnings].concat();
        codes.sort_unstable();
        codes
    }
}

/// Zips, most of them wheels.
pub fn zip_cases() -> Vec<Case> {
    [zips::cases(), wheels::cases()].concat()
}

/// Tars.
pub fn tar_cases() -> Vec<Case> {
    [tars::cases(), sdists::cases()].concat()
}

/// `Metadata-Version`, `Name` and `Version`.
fn metadata(version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {version}\n")
}
