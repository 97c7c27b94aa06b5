//! The file record: what depot keeps of one file, the same document on disk, on the wire and in the store.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{
    facts::{Facts, Origin},
    simple::{MetadataMark, PageFile},
    yank::Yanked,
};
use crate::{DigestError, Sha256Digest, Timestamp, TimestampError, layout::Part};

/// The version of depot's own facts in a record.
const FACTS_VERSION: u64 = 1;

/// One stored file: a PEP 691 file object plus depot's own facts under the key `depot`.
///
/// The document `{filename}.json` in a tree is exactly this, and its presence is what makes the file exist.
#[derive(Clone, Debug, PartialEq)]
pub struct FileRecord {
    /// The file's name, the last segment of every path to it.
    pub filename: String,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its core metadata, where that is served beside it.
    pub core_metadata: Option<Sha256Digest>,
    /// The SHA-256 of its PEP 740 document, where one came with the upload and is served beside it.
    pub provenance: Option<Sha256Digest>,
    /// What upstream, or who uploaded it, says of it.
    pub facts: Facts,
    /// Whether it was yanked here; apart from what upstream says, and either hides.
    pub yanked_here: Yanked,
    /// When this tree first had it.
    pub first_seen: Option<Timestamp>,
    /// The digest of the facts that were last told of it ([`Facts::digest`]), whether any of them was news: whoever has
    /// these facts has nothing new to tell.
    pub facts_digest: Option<Sha256Digest>,
    /// Keys under `depot` that this version does not know, kept as they came.
    pub depot_other: Map<String, Value>,
}

/// The key for the rules that a copied file breaks. A depot that does not know it keeps it as it is.
const VERDICT: &str = "verdict";

/// How much of keys that are not known is kept, in bytes and in levels. A record is stored inside that of its release,
/// and what is written there must be readable there.
const MAX_UNKNOWN: usize = 16 * 1024;
const MAX_UNKNOWN_DEPTH: usize = 16;

/// Why a document is not a file record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is not JSON, or not an object.
    #[error("the file record is not a JSON object: {0}")]
    Malformed(String),
    /// A key that every record has is absent.
    #[error("the file record has no `{0}`")]
    Missing(&'static str),
    /// A key has a value of another type or form.
    #[error("the file record's `{key}` {reason}")]
    Wrong {
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// What it says beyond what is known is more than is kept.
    #[error(
        "the file record has more unknown keys, or deeper ones, than the 16 KiB and 16 levels that are kept"
    )]
    TooMuch,
    /// The record was written by a newer depot.
    #[error("the file record is of version {0}, which this depot does not know: use a newer one")]
    TooNew(u64),
}

impl FileRecord {
    /// The record of bytes about which nothing else is known.
    pub fn new(filename: &str, sha256: Sha256Digest, size: u64) -> Self {
        Self {
            filename: filename.to_owned(),
            sha256,
            size,
            core_metadata: None,
            provenance: None,
            facts: Facts::default(),
            yanked_here: Yanked::No,
            first_seen: None,
            facts_digest: None,
            depot_other: Map::new(),
        }
    }

    /// Reads the document, with the size the bytes were found to have if it does not say one.
    pub fn read(bytes: &[u8], size: Option<u64>) -> Result<Self, RecordError> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|error| RecordError::Malformed(error.to_string()))?;
        Self::from_json(value, size)
    }

    /// The document, indented, ending in a line feed.
    pub fn to_document(&self) -> Vec<u8> {
        let mut text = format!("{:#}", self.to_json());
        text.push('\n');
        text.into_bytes()
    }

    /// Yanked here or upstream; the reason given here comes first.
    pub fn effective_yank(&self) -> &Yanked {
        if self.yanked_here.is_yanked() { &self.yanked_here } else { &self.facts.yanked }
    }

    /// Whether the file was copied from another index.
    pub fn is_mirrored(&self) -> bool {
        matches!(self.facts.origin, Some(Origin::Mirrored { .. }))
    }

    /// The codes of the rules that the file was found to break when it was taken in as a copy.
    pub fn verdict(&self) -> Vec<&str> {
        let codes = self.depot_other.get(VERDICT).and_then(Value::as_array);
        codes.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Writes down which rules the file breaks, in place of what anybody else says of that.
    pub fn set_verdict(&mut self, codes: &[&str]) {
        if codes.is_empty() {
            self.depot_other.remove(VERDICT);
        } else {
            self.depot_other.insert(VERDICT.to_owned(), json!(codes));
        }
    }

    /// The file as a page lists it, at this URL.
    pub fn to_page_file(&self, url: String) -> PageFile {
        // The upstream document's address is not ours to serve; see `Facts::provenance`.
        let provenance = self.provenance.map(|_| format!("{url}{}", Part::Provenance.suffix()));
        PageFile {
            filename: self.filename.clone(),
            url,
            hashes: [("sha256".to_owned(), self.sha256.to_string())].into(),
            size: Some(self.size),
            upload_time: self.facts.upload_time.or(self.first_seen),
            requires_python: self.facts.requires_python.clone(),
            yanked: self.effective_yank().clone(),
            core_metadata: self.core_metadata.map_or(MetadataMark::Absent, MetadataMark::Sha256),
            provenance,
        }
    }

    /// Takes what someone says of the same bytes ([`Facts::take`]); true if the record changed by it. `digest` is that of
    /// their facts, where `said` is all of them: a part of them may not pass for the whole.
    pub fn take_facts(&mut self, said: &Facts, digest: Option<Sha256Digest>) -> bool {
        let unheard = digest.filter(|digest| !self.has_facts(*digest));
        let news = self.facts.take(said);
        if news || unheard.is_some() {
            self.facts_digest = digest.or(self.facts_digest);
        }
        news || unheard.is_some()
    }

    /// Whether someone whose facts have this digest has nothing new to say.
    pub fn has_facts(&self, digest: Sha256Digest) -> bool {
        self.facts_digest == Some(digest) || self.facts.digest() == digest
    }

    /// The record as a JSON object.
    pub fn to_json(&self) -> Value {
        let mut object = self.facts.to_json();
        object.insert("filename".to_owned(), json!(self.filename));
        object.insert("hashes".to_owned(), json!({ "sha256": self.sha256 }));
        object.insert("size".to_owned(), json!(self.size));
        if let Some(sha256) = self.core_metadata {
            object.insert("core-metadata".to_owned(), json!({ "sha256": sha256 }));
        }
        let mut depot = self.depot_other.clone();
        depot.insert("v".to_owned(), json!(FACTS_VERSION));
        if let Some(origin) = &self.facts.origin {
            depot.insert("origin".to_owned(), origin.to_json());
        }
        if let Some(first_seen) = self.first_seen {
            depot.insert("first-seen".to_owned(), json!(first_seen));
        }
        if let Some(facts_digest) = self.facts_digest {
            depot.insert("facts-digest".to_owned(), json!(facts_digest));
        }
        if let Some(provenance) = self.provenance {
            depot.insert("provenance".to_owned(), json!(provenance));
        }
        if self.yanked_here.is_yanked() {
            depot.insert("yanked".to_owned(), self.yanked_here.to_json());
        }
        object.insert("depot".to_owned(), Value::Object(depot));
        Value::Object(object)
    }

    fn from_json(value: Value, size: Option<u64>) -> Result<Self, RecordError> {
        let Value::Object(mut object) = value else {
            return Err(RecordError::Malformed("it is something else".to_owned()));
        };
        let filename = text(&mut object, "filename")?.ok_or(RecordError::Missing("filename"))?;
        let sha256 = sha256(object.remove("hashes").as_ref(), "hashes")?
            .ok_or(RecordError::Missing("hashes.sha256"))?;
        let size = match object.remove("size") {
            None | Some(Value::Null) => size.ok_or(RecordError::Missing("size"))?,
            Some(value) => value.as_u64().ok_or_else(|| wrong("size", "is not a count of bytes"))?,
        };
        let marks =
            ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"].map(|key| object.remove(key));
        let core_metadata =
            marks.iter().flatten().find_map(|mark| sha256_of(mark.get("sha256")?)).and_then(Result::ok);
        // The address that the file had where the document came from means nothing here.
        object.remove("url");
        let mut depot = match object.remove("depot") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(depot)) => depot,
            Some(_) => return Err(wrong("depot", "is not an object")),
        };
        if let Some(version) = depot.remove("v").and_then(|version| version.as_u64())
            && version > FACTS_VERSION
        {
            return Err(RecordError::TooNew(version));
        }
        let origin = depot.remove("origin").map(|origin| Origin::from_json(&origin)).transpose()?;
        let first_seen = time(&mut depot, "first-seen")?;
        let yanked_here = yanked(&mut depot)?;
        let provenance = depot.remove("provenance").and_then(|digest| sha256_of(&digest)?.ok());
        let facts_digest = depot.remove("facts-digest").and_then(|digest| sha256_of(&digest)?.ok());
        let facts = Facts {
            upload_time: time(&mut object, "upload-time")?,
            requires_python: text(&mut object, "requires-python")?.filter(|text| !text.is_empty()),
            yanked: yanked(&mut object)?,
            provenance: text(&mut object, "provenance")?,
            origin,
            other: object,
        };
        check_unknown(&facts.other)?;
        check_unknown(&depot)?;
        let depot_other = depot;
        Ok(Self {
            filename,
            sha256,
            size,
            core_metadata,
            provenance,
            facts,
            yanked_here,
            first_seen,
            facts_digest,
            depot_other,
        })
    }
}

impl Serialize for FileRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FileRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(value, None).map_err(serde::de::Error::custom)
    }
}

fn check_unknown(keys: &Map<String, Value>) -> Result<(), RecordError> {
    fn depth(value: &Value) -> usize {
        let inner = match value {
            Value::Array(items) => items.iter().map(depth).max(),
            Value::Object(keys) => keys.values().map(depth).max(),
            _ => None,
        };
        1 + inner.unwrap_or(0)
    }
    let size: usize = keys.iter().map(|(key, value)| key.len() + value.to_string().len()).sum();
    let depth = keys.values().map(depth).max().unwrap_or(0);
    if size > MAX_UNKNOWN || depth > MAX_UNKNOWN_DEPTH { Err(RecordError::TooMuch) } else { Ok(()) }
}

fn wrong(key: &'static str, reason: impl Into<String>) -> RecordError {
    RecordError::Wrong { key, reason: reason.into() }
}

fn text(object: &mut Map<String, Value>, key: &'static str) -> Result<Option<String>, RecordError> {
    match object.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(key, "is not a text")),
    }
}

fn time(object: &mut Map<String, Value>, key: &'static str) -> Result<Option<Timestamp>, RecordError> {
    text(object, key)?
        .map(|text| text.parse().map_err(|error: TimestampError| wrong(key, format!("is wrong: {error}"))))
        .transpose()
}

fn yanked(object: &mut Map<String, Value>) -> Result<Yanked, RecordError> {
    let value = object.remove("yanked").unwrap_or_default();
    Yanked::from_json(&value).ok_or_else(|| wrong("yanked", "is neither true, false nor a text"))
}

fn sha256_of(value: &Value) -> Option<Result<Sha256Digest, DigestError>> {
    value.as_str().map(str::parse)
}

fn sha256(hashes: Option<&Value>, key: &'static str) -> Result<Option<Sha256Digest>, RecordError> {
    hashes
        .and_then(|hashes| sha256_of(hashes.get("sha256")?))
        .transpose()
        .map_err(|error| wrong(key, format!("is wrong: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"filename": "a-1-py3-none-any.whl", "url": "https://files.example/x", "size": 3,
        "hashes": {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "md5": "x"},
        "requires-python": ">=3.9", "upload-time": "2026-01-02T03:04:05Z", "yanked": "", "gpg-sig": false,
        "core-metadata": {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        "depot": {"v": 1, "first-seen": "2026-02-02T03:04:05Z", "later": [1],
            "origin": {"kind": "mirrored", "index": "https://index.example/simple/", "url": "https://files.example/x"}}}"#;

    #[test]
    fn a_document_is_read_and_written_without_loss() {
        let record = FileRecord::read(DOCUMENT.as_bytes(), None).unwrap();
        assert_eq!(record.facts.yanked, Yanked::Yes);
        assert_eq!(record.facts.other["gpg-sig"], json!(false));
        assert_eq!(record.depot_other["later"], json!([1]));
        assert!(record.is_mirrored());
        assert_eq!(FileRecord::read(&record.to_document(), None).unwrap(), record);
    }

    #[test]
    fn a_document_of_provenance_is_told_where_it_lies() {
        let mut record = FileRecord::read(DOCUMENT.as_bytes(), None).unwrap();
        assert_eq!(record.to_page_file("../x.whl".to_owned()).provenance, None);
        record.provenance = Some(Sha256Digest::of(b"{}"));
        assert_eq!(FileRecord::read(&record.to_document(), None).unwrap(), record);
        let listed = record.to_page_file("../x.whl".to_owned());
        assert_eq!(listed.provenance.as_deref(), Some("../x.whl.provenance"));
    }

    #[test]
    fn the_digest_of_facts_changes_with_a_fact_and_not_with_local_ones() {
        let record = FileRecord::read(DOCUMENT.as_bytes(), None).unwrap();
        let mut same = record.clone();
        same.first_seen = None;
        same.yanked_here = Yanked::Yes;
        same.core_metadata = None;
        same.facts.origin = None;
        assert_eq!(same.facts.digest(), record.facts.digest());
        let mut other = record.clone();
        other.facts.yanked = Yanked::No;
        assert_ne!(other.facts.digest(), record.facts.digest());
    }

    #[test]
    fn news_are_taken_and_silence_loses_nothing() {
        let mut record = FileRecord::read(DOCUMENT.as_bytes(), None).unwrap();
        let said = Facts {
            yanked: Yanked::because("bad"),
            requires_python: Some(">=2".to_owned()),
            origin: Some(Origin::FirstParty),
            ..Facts::default()
        };
        assert!(!record.has_facts(said.digest()));
        assert!(record.take_facts(&said, Some(said.digest())));
        assert_eq!(record.effective_yank().reason(), Some("bad"));
        assert_eq!(record.facts.requires_python.as_deref(), Some(">=3.9"));
        assert!(record.facts.upload_time.is_some() && record.is_mirrored());
        // Whoever says that again, or says all that is known now, has nothing to add.
        assert!(record.has_facts(said.digest()) && record.has_facts(record.facts.digest()));
        assert!(!record.take_facts(&said, Some(said.digest())));
        assert!(!record.has_facts(Facts::default().digest()));
        assert_eq!(FileRecord::read(&record.to_document(), None).unwrap(), record);
    }

    #[test]
    fn a_verdict_is_kept_and_replaced_as_a_whole() {
        let mut record = FileRecord::read(DOCUMENT.as_bytes(), None).unwrap();
        assert!(record.verdict().is_empty());
        record.set_verdict(&["bomb", "zip-gap"]);
        assert_eq!(FileRecord::read(&record.to_document(), None).unwrap().verdict(), ["bomb", "zip-gap"]);
        record.set_verdict(&[]);
        assert_eq!(record, FileRecord::read(DOCUMENT.as_bytes(), None).unwrap());
    }

    #[test]
    fn unknown_keys_are_kept_within_bounds() {
        let deep = format!("{}1{}", "[".repeat(17), "]".repeat(17));
        let large = format!("\"{}\"", "x".repeat(17_000));
        for value in [deep, large] {
            let document = DOCUMENT.replace("\"gpg-sig\": false", &format!("\"gpg-sig\": {value}"));
            assert_eq!(FileRecord::read(document.as_bytes(), None), Err(RecordError::TooMuch));
        }
    }

    #[test]
    fn wrong_documents_say_what_is_wrong() {
        for (document, words) in [
            ("[]", "not a JSON object"),
            ("{", "not a JSON object"),
            ("{}", "no `filename`"),
            (r#"{"filename": "x"}"#, "no `hashes.sha256`"),
            (r#"{"filename": "x", "hashes": {"sha256": "zz"}}"#, "not a sha256 digest"),
            (&DOCUMENT.replace("\"size\": 3", "\"size\": -3"), "not a count of bytes"),
            (&DOCUMENT.replace("\"v\": 1", "\"v\": 2"), "use a newer one"),
            (&DOCUMENT.replace("\"yanked\": \"\"", "\"yanked\": 7"), "neither true, false nor a text"),
        ] {
            let error = FileRecord::read(document.as_bytes(), None).unwrap_err().to_string();
            assert!(error.contains(words), "{document}: {error}");
        }
        let unsized_document = DOCUMENT.replace("\"size\": 3,", "");
        assert_eq!(FileRecord::read(unsized_document.as_bytes(), Some(9)).unwrap().size, 9);
    }
}
