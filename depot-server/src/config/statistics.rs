//! `[statistics]`: whether downloads are counted, and how long days are kept.

use super::{
    Config,
    error::ConfigError,
    reader::Reader,
    setting::{Fallback, Section, Setting},
};

pub(crate) static ENABLED: Setting = Setting::new(
    "statistics.enabled",
    Fallback::Value("true"),
    "Whether to count how often each file is downloaded, and by which client; who it was is not kept",
);

pub(crate) static KEEP_DAYS: Setting = Setting::new(
    "statistics.keep_days",
    Fallback::Value("400"),
    "For how many days the downloads of each day are kept apart; what they came to is kept for ever",
);

pub(crate) static SECTION: Section =
    Section { name: "statistics", what: "How often files are downloaded", settings: &[&ENABLED, &KEEP_DAYS] };

/// From today alone to a hundred years.
const DAYS: (usize, usize) = (1, 36_525);

/// What `[statistics]` says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statistics {
    /// Whether downloads are counted.
    pub(crate) enabled: bool,
    /// For how many days they are kept day by day.
    pub(crate) keep_days: u32,
}

impl Statistics {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let Config { count_downloads, keep_days, .. } = Config::new("");
        Ok(Self {
            enabled: reader.value(&ENABLED, count_downloads)?,
            keep_days: reader.bounded(&KEEP_DAYS, keep_days as usize, &DAYS)? as u32,
        })
    }
}
