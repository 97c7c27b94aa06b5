//! `[access]`: who may read.

use super::{
    error::ConfigError,
    reader::Reader,
    setting::{Fallback, Section, Setting},
    value::Words,
};

pub(crate) static READ: Setting = Setting::new(
    "access.read",
    Fallback::Value("\"everyone\""),
    "Who may read pages and files: everyone who reaches the server, or the bearers of tokens alone",
)
.outside("--read", "DEPOT_READ", "WHO");

static METRICS: Setting = Setting::new(
    "access.metrics",
    Fallback::Value("\"local\""),
    "Who sees the numbers at /metrics: this machine itself and administrators, or also whoever may read everything",
);

pub(crate) static SECTION: Section = Section {
    name: "access",
    what: "Who may read; writing always needs a token",
    settings: &[&READ, &METRICS],
};

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever reaches the server.
    Everyone,
    /// Who bears a token that says so.
    Tokens,
}

impl Words for Readers {
    const WORDS: &'static [(&'static str, Self)] = &[("everyone", Self::Everyone), ("tokens", Self::Tokens)];
}

/// Who sees the numbers of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metrics {
    /// Who asks on the machine itself, and administrators.
    Local,
    /// They, and whoever may read everything.
    Readers,
}

impl Words for Metrics {
    const WORDS: &'static [(&'static str, Self)] = &[("local", Self::Local), ("readers", Self::Readers)];
}

/// What `[access]` says.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// Who may read.
    pub(crate) read: Readers,
    /// Who sees the numbers of the server.
    pub(crate) metrics: Metrics,
}

impl Access {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            read: reader.value(&READ, Readers::Everyone)?,
            metrics: reader.value(&METRICS, Metrics::Local)?,
        })
    }
}
