//! `RECORD`: what it lists against what is there, and its hashes against the contents.

use std::{
    collections::HashMap,
    io::{Read, Seek},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{Verdict, list, rows::Rows};
use crate::{
    DistError, Limits,
    zip_directory::{Walked, ZipDirectory},
};

/// What a wheel's `RECORD` says of its members, by their places in the directory.
pub(super) struct Record {
    rows: Vec<Option<Row>>,
    current: Option<(usize, Hasher)>,
}

#[derive(Clone, Default)]
struct Row {
    hash: Option<(Algorithm, Box<[u8]>)>,
    size: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

enum Hasher {
    None,
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    fn new(algorithm: Option<Algorithm>) -> Self {
        match algorithm {
            None => Self::None,
            Some(Algorithm::Sha256) => Self::Sha256(Sha256::new()),
            Some(Algorithm::Sha384) => Self::Sha384(Sha384::new()),
            Some(Algorithm::Sha512) => Self::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

impl Record {
    /// Reads the `RECORD` at this place of the directory, in the folder `dist_info`.
    pub(super) fn read<R: Read + Seek>(
        reader: &mut R,
        directory: &ZipDirectory,
        index: usize,
        dist_info: &[u8],
        limits: &Limits,
        verdict: &mut Verdict,
    ) -> Result<Self, DistError> {
        let places: HashMap<&[u8], usize> =
            directory.names().enumerate().map(|(place, name)| (name, place)).collect();
        let mut record = Self { rows: vec![None; places.len()], current: None };
        let own = |file: &str| [dist_info, b"/", file.as_bytes()].concat();
        let without_hash = [own("RECORD"), own("RECORD.jws"), own("RECORD.p7s")];
        let (mut rows, mut count) = (Rows::default(), 0_usize);
        let mut take = |fields: &[Vec<u8>]| {
            count += 1;
            if count <= limits.max_members {
                record.take(fields, &places, &without_hash, verdict);
            }
        };
        directory.stream(reader, index, |bytes| rows.feed(bytes, &mut take))?;
        let broken = rows.end(&mut take);
        if let Some(broken) = broken {
            verdict.add(&list::RECORD_FORM, format!("RECORD {broken}"));
        }
        if count > limits.max_members {
            return Err(DistError::too_many_members(limits.max_members));
        }
        for (place, name) in directory.names().enumerate() {
            let must = !name.ends_with(b"/") && !without_hash[1..].iter().any(|own| own == name);
            if must && record.rows[place].is_none() {
                verdict.add_of(&list::RECORD_UNLISTED, name, "is not listed in RECORD");
            }
        }
        Ok(record)
    }

    fn take(
        &mut self,
        fields: &[Vec<u8>],
        places: &HashMap<&[u8], usize>,
        without_hash: &[Vec<u8>],
        verdict: &mut Verdict,
    ) {
        let [name, hash, size] = fields else {
            let name = fields.first().map(Vec::as_slice).unwrap_or_default();
            verdict.add_of(&list::RECORD_FORM, name, "has a row in RECORD that has not three columns");
            return;
        };
        // Builders on Windows wrote its separators there.
        let name: Vec<u8> = name.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect();
        // Readers that split RECORD at all that Unicode calls the end of a line see other rows.
        let splits =
            |text: &str| text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
        if str::from_utf8(&name).map_or(true, splits) || crate::member::check_name(&name).is_err() {
            verdict.add_of(&list::RECORD_FORM, &name, "is listed in RECORD, and no such name can be taken");
            return;
        }
        let Some(&place) = places.get(name.as_slice()) else {
            verdict.add_of(&list::RECORD_ABSENT, &name, "is listed in RECORD, and is not there");
            return;
        };
        if self.rows[place].is_some() {
            verdict.add_of(&list::RECORD_TWICE, &name, "is listed in RECORD twice");
            return;
        }
        let mut row = Row::default();
        if !size.is_empty() {
            row.size = str::from_utf8(size).ok().and_then(|text| text.parse().ok());
            if row.size.is_none() {
                verdict.add_of(&list::RECORD_FORM, &name, "has a size in RECORD that is no number");
            }
        }
        if without_hash.contains(&name) {
            // Nothing can hold its own hash.
            row.size = None;
        } else {
            row.hash = read_hash(hash, &name, verdict);
        }
        self.rows[place] = Some(row);
    }

    /// Takes in what a walk through the contents tells.
    pub(super) fn walked(
        &mut self,
        index: usize,
        walked: &Walked<'_>,
        name: &[u8],
        size: u64,
        verdict: &mut Verdict,
    ) {
        let row = self.rows[index].as_ref();
        let of = |current: Option<(usize, Hasher)>| {
            current.filter(|(of, _)| *of == index).map(|(_, hasher)| hasher)
        };
        let mut hasher = of(self.current.take())
            .unwrap_or_else(|| Hasher::new(row.and_then(|row| Some(row.hash.as_ref()?.0))));
        match walked {
            Walked::Bytes(bytes) => {
                hasher.update(bytes);
                self.current = Some((index, hasher));
            }
            Walked::End => {
                let Some(row) = row else { return };
                let wrong_size = row.size.is_some_and(|said| said != size);
                let wrong_hash = row.hash.as_ref().is_some_and(|(_, said)| hasher.finish() != **said);
                if wrong_size || wrong_hash {
                    let what = if wrong_hash { "hash" } else { "size" };
                    verdict.add_of(&list::RECORD_HASH, name, format!("has another {what} than RECORD says"));
                }
            }
        }
    }
}

fn read_hash(text: &[u8], name: &[u8], verdict: &mut Verdict) -> Option<(Algorithm, Box<[u8]>)> {
    if text.is_empty() {
        verdict.add_of(&list::RECORD_NO_HASH, name, "has no hash in RECORD");
        return None;
    }
    let text = str::from_utf8(text).unwrap_or_default();
    let (algorithm, value) = text.split_once('=').unwrap_or_default();
    let (algorithm, length) = match algorithm {
        "sha256" => (Algorithm::Sha256, 32),
        "sha384" => (Algorithm::Sha384, 48),
        "sha512" => (Algorithm::Sha512, 64),
        "md5" | "sha1" | "sha224" => {
            verdict.add_of(&list::RECORD_WEAK_HASH, name, "has a hash in RECORD that is too weak");
            return None;
        }
        _ => {
            verdict.add_of(&list::RECORD_FORM, name, "has a hash in RECORD of a kind that is not known");
            return None;
        }
    };
    let hash = URL_SAFE_NO_PAD.decode(value.trim_end_matches('=')).ok().filter(|hash| hash.len() == length);
    if hash.is_none() {
        verdict.add_of(&list::RECORD_FORM, name, "has a hash in RECORD that cannot be read");
    }
    hash.map(|hash| (algorithm, hash.into_boxed_slice()))
}
