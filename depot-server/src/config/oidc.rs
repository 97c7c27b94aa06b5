//! `[oidc]`: which CI jobs are trusted.

use std::path::PathBuf;

use serde_json::json;

use super::{
    error::ConfigError,
    reader::Reader,
    setting::{Fallback, Section, Setting},
    value::{Raw, Value, quote},
};

pub(crate) static PUBLISHERS: Setting = Setting::new(
    "oidc.publishers",
    Fallback::Words { words: "none, so no job is trusted", example: "\"depot-publishers.toml\"" },
    "The file that says which CI jobs get tokens for what; read again when it changes",
);

pub(crate) static AUDIENCE: Setting = Setting::new(
    "oidc.audience",
    Fallback::Words {
        words: "\"depot-\" and the first digits of this server's id",
        example: "\"depot-acme\"",
    },
    "The audience that a job's token must be made for; no other server may have the same",
);

pub(crate) static SECTION: Section = Section {
    name: "oidc",
    what: "Tokens for CI jobs that show who they are (trusted publishing)",
    settings: &[&PUBLISHERS, &AUDIENCE],
};

/// A text of printable ASCII without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Audience(pub(crate) String);

impl Value for Audience {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = match raw {
            Raw::Text(text) => text.to_str().unwrap_or_default(),
            _ => "",
        };
        if text.is_empty() || text.len() > 200 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("write a name of this server, without spaces, such as \"depot-acme\"".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    fn toml(&self) -> String {
        quote(&self.0)
    }

    fn json(&self) -> serde_json::Value {
        json!(self.0)
    }
}

/// What `[oidc]` says.
#[derive(Clone, Debug)]
pub(crate) struct Oidc {
    /// The file of publishers.
    pub(crate) publishers: Option<PathBuf>,
    /// What their tokens must be made for.
    pub(crate) audience: Option<String>,
}

impl Oidc {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let publishers = reader.path(&PUBLISHERS)?;
        let audience = reader.optional::<Audience>(&AUDIENCE)?;
        Ok(Self { publishers, audience: audience.map(|audience| audience.0) })
    }
}
