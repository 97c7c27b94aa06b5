//! `[access]`: who may read.

use serde_json::json;

use super::{
    error::ConfigError,
    reader::Reader,
    setting::{Fallback, Section, Setting},
    value::{Raw, Value, one_of, quote, word},
};

pub(crate) static READ: Setting = Setting::new(
    "access.read",
    Fallback::Value("\"everyone\""),
    "Who may read pages and files: everyone who reaches the server, or the bearers of tokens alone",
)
.outside("--read", "DEPOT_READ", "WHO");

pub(crate) static SECTION: Section =
    Section { name: "access", what: "Who may read; writing always needs a token", settings: &[&READ] };

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever reaches the server.
    Everyone,
    /// Who bears a token that says so.
    Tokens,
}

const WORDS: [(&str, Readers); 2] = [("everyone", Readers::Everyone), ("tokens", Readers::Tokens)];

impl Value for Readers {
    fn read(raw: &Raw) -> Result<Self, String> {
        one_of(raw, &WORDS)
    }

    fn toml(&self) -> String {
        quote(word(&WORDS, self))
    }

    fn json(&self) -> serde_json::Value {
        json!(word(&WORDS, self))
    }
}

/// What `[access]` says.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// Who may read.
    pub(crate) read: Readers,
}

impl Access {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        Ok(Self { read: reader.value(&READ, Readers::Everyone)? })
    }
}
