//! `[log]`: what is logged, and how.

use serde_json::json;

use super::{
    error::ConfigError,
    reader::Reader,
    setting::{Fallback, Section, Setting},
    value::{Raw, Value, Words, quote},
};
use crate::telemetry::{self, LogFormat};

pub(crate) static LEVEL: Setting = Setting::new(
    "log.level",
    Fallback::Value("\"info\""),
    "What to log: off, error, warn, info, debug, trace, or a filter such as info,hyper=debug",
)
.outside("--log", "DEPOT_LOG", "LEVEL");

pub(crate) static FORMAT: Setting = Setting::new(
    "log.format",
    Fallback::Value("\"text\""),
    "How to log: text, lines for people, or json, an object a line",
)
.outside("--log-format", "DEPOT_LOG_FORMAT", "FORMAT");

pub(crate) static DOWNLOADS: Setting = Setting::new(
    "log.downloads",
    Fallback::Value("false"),
    "Whether to record in the data directory which token fetched which file, for depot-server audit show --downloads; \
     whoever needs no credentials to read, and sends none, is not recorded",
)
.outside("--log-downloads", "DEPOT_LOG_DOWNLOADS", "BOOL");

pub(crate) static SECTION: Section = Section {
    name: "log",
    what: "What is logged to standard error, and how; and whether downloads are recorded",
    settings: &[&LEVEL, &FORMAT, &DOWNLOADS],
};

impl Words for LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

/// A level or a filter that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Level(pub(crate) String);

impl Value for Level {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = match raw {
            Raw::Text(text) => text.to_str().filter(|text| telemetry::is_filter(text)),
            _ => None,
        };
        let words = "write off, error, warn, info, debug, trace, or a filter such as info,hyper=debug";
        text.map(|text| Self(text.to_owned())).ok_or_else(|| words.to_owned())
    }

    fn toml(&self) -> String {
        quote(&self.0)
    }

    fn json(&self) -> serde_json::Value {
        json!(self.0)
    }
}

/// What `[log]` says.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// A level or a filter.
    pub(crate) level: Level,
    /// How lines are written.
    pub(crate) format: LogFormat,
    /// Whether it is recorded which token fetched which file.
    pub(crate) downloads: bool,
}

impl Log {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            level: reader.value(&LEVEL, Level("info".to_owned()))?,
            format: reader.value(&FORMAT, LogFormat::default())?,
            downloads: reader.value(&DOWNLOADS, false)?,
        })
    }
}
