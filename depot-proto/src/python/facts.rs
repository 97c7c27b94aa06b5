//! Facts: what is known of a file beyond its bytes, and what becomes of it when someone says something else.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{record::RecordError, simple::PageFile, yank::Yanked};
use crate::{Sha256Digest, Timestamp, redact::SafeUrl};

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Published here by those who made it.
    FirstParty,
    /// Copied from an index that had it first.
    Mirrored {
        /// The index's root, without credentials.
        index: String,
        /// The file's address there, without credentials.
        url: String,
    },
}

/// What is known of a file beyond its bytes: this is what travels without them when it changes upstream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// When the index that published it says it was uploaded.
    pub upload_time: Option<Timestamp>,
    /// `Requires-Python`, verbatim.
    pub requires_python: Option<String>,
    /// Whether upstream yanked it.
    pub yanked: Yanked,
    /// Where its PEP 740 document is upstream.
    pub provenance: Option<String>,
    /// Where it comes from, where that was said.
    pub origin: Option<Origin>,
    /// Keys of the document that depot does not know, kept as they came.
    pub other: Map<String, Value>,
}

impl Facts {
    /// The facts a page states of a file, with the origin that this makes.
    pub fn of_page_file(file: &PageFile, index: &str, url: &str) -> Self {
        Self {
            upload_time: file.upload_time,
            requires_python: file.requires_python.clone(),
            yanked: file.yanked.clone(),
            provenance: file.provenance.clone(),
            origin: Some(Origin::Mirrored { index: index.to_owned(), url: url.to_owned() }),
            other: Map::new(),
        }
    }

    /// Takes what someone says of the same file; true if any of it was news.
    ///
    /// The yank and whatever is stated are taken as they are said now. Silence takes nothing back, so that an index which
    /// tells less costs nothing. Where the file came from is settled by the first who
    /// said so, and what its Python is by its own metadata where that could be read.
    pub fn take(&mut self, said: &Self) -> bool {
        // Not both together: what is kept is bounded, and their sum might not be.
        let other = if said.other.is_empty() { &self.other } else { &said.other };
        let taken = Self {
            upload_time: said.upload_time.or(self.upload_time),
            requires_python: self.requires_python.clone().or_else(|| said.requires_python.clone()),
            yanked: said.yanked.clone(),
            provenance: said.provenance.clone().or_else(|| self.provenance.clone()),
            origin: self.origin.clone().or_else(|| said.origin.clone()),
            other: other.clone(),
        };
        let news = taken != *self;
        *self = taken;
        news
    }

    /// A digest that changes when a fact does: what the plan of a push compares. Where the file came from is no part of
    /// it, since the same file may be had from several places.
    pub fn digest(&self) -> Sha256Digest {
        let mut text = String::new();
        write_canonical(&Value::Object(self.to_json()), &mut text);
        Sha256Digest::of(text.as_bytes())
    }

    pub(super) fn to_json(&self) -> Map<String, Value> {
        let mut object = self.other.clone();
        if let Some(upload_time) = self.upload_time {
            object.insert("upload-time".to_owned(), json!(upload_time));
        }
        if let Some(requires_python) = &self.requires_python {
            object.insert("requires-python".to_owned(), json!(requires_python));
        }
        if self.yanked.is_yanked() {
            object.insert("yanked".to_owned(), self.yanked.to_json());
        }
        if let Some(provenance) = &self.provenance {
            object.insert("provenance".to_owned(), json!(provenance));
        }
        object
    }
}

impl Origin {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::FirstParty => json!({ "kind": "first-party" }),
            Self::Mirrored { index, url } => json!({ "kind": "mirrored", "index": index, "url": url }),
        }
    }

    pub(super) fn from_json(value: &Value) -> Result<Self, RecordError> {
        let part = |key: &str| {
            let text = value.get(key).and_then(Value::as_str).unwrap_or_default();
            // Whoever wrote credentials down should not have.
            match text.parse::<SafeUrl>() {
                Ok(url) if url.has_credentials() => url.without_credentials().into(),
                _ => text.to_owned(),
            }
        };
        match part("kind").as_str() {
            "first-party" => Ok(Self::FirstParty),
            "mirrored" => Ok(Self::Mirrored { index: part("index"), url: part("url") }),
            _ => {
                let reason = "has no `kind` of `first-party` or `mirrored`".to_owned();
                Err(RecordError::Wrong { key: "depot.origin", reason })
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstParty => f.write_str("published here"),
            Self::Mirrored { index, .. } => write!(f, "mirrored from {index}"),
        }
    }
}

/// JSON with sorted keys and no spaces, whatever order the parser kept.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<_> = object.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                write_canonical(&object[key], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        leaf => text.push_str(&leaf.to_string()),
    }
}
