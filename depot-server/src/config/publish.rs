//! `[publish]`: what is asked of a file before it is published, beside the rules.

use std::time::Duration;

use serde_json::json;

use super::{
    error::ConfigError,
    reader::Reader,
    setting::{Fallback, Section, Setting},
    value::{Period, Raw, Value, quote},
};

pub(crate) static SCAN: Setting = Setting::new(
    "publish.scan",
    Fallback::Words { words: "none", example: "[\"clamscan\", \"--no-summary\"]" },
    "A command with its arguments that looks at each file before it is published, without a shell; the file's path comes last",
);

pub(crate) static SCAN_TIMEOUT: Setting = Setting::new(
    "publish.scan_timeout",
    Fallback::Value("\"1m\""),
    "How long it may take; a file whose scan takes longer is not published",
);

pub(crate) static SECTION: Section = Section {
    name: "publish",
    what: "What is asked of a file before it is published, beside the rules",
    settings: &[&SCAN, &SCAN_TIMEOUT],
};

const TIMEOUTS: (Period, Period) = (Period(Duration::from_secs(1)), Period(Duration::from_hours(1)));

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command(pub(crate) Vec<String>);

impl Value for Command {
    fn read(raw: &Raw) -> Result<Self, String> {
        let words = || {
            "write a list of a program and its arguments, such as [\"clamscan\", \"--no-summary\"]".to_owned()
        };
        // A program without arguments may stand by itself.
        let list = if let Raw::List(list) = raw { list.as_slice() } else { std::slice::from_ref(raw) };
        let text = |item: &Raw| match item {
            Raw::Text(text) => {
                text.to_str().filter(|text| !text.contains(char::is_control)).map(str::to_owned)
            }
            _ => None,
        };
        let command: Vec<String> = list.iter().map(text).collect::<Option<_>>().ok_or_else(words)?;
        if command.first().is_none_or(String::is_empty) {
            return Err(words());
        }
        Ok(Self(command))
    }

    fn toml(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|word| quote(word)).collect();
        format!("[{}]", words.join(", "))
    }

    fn json(&self) -> serde_json::Value {
        json!(self.0)
    }
}

/// What `[publish]` says.
#[derive(Clone, Debug)]
pub(crate) struct Publish {
    /// The command and its arguments.
    pub(crate) scan: Option<Vec<String>>,
    /// How long it may take.
    pub(crate) scan_timeout: Duration,
}

impl Publish {
    pub(super) fn read(reader: &mut Reader<'_>, default: Duration) -> Result<Self, ConfigError> {
        let scan = reader.optional::<Command>(&SCAN)?;
        let scan_timeout = reader.bounded(&SCAN_TIMEOUT, Period(default), &TIMEOUTS)?;
        Ok(Self { scan: scan.map(|command| command.0), scan_timeout: scan_timeout.0 })
    }
}
