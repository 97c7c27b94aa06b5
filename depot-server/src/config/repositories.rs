//! `[repositories.NAME]`: what differs from repository to repository. The hosted one, `python`, is the only one so far.

use super::{
    error::ConfigError,
    limits::FILE_SIZES,
    reader::Reader,
    setting::{Fallback, Section, Setting},
};

pub(crate) static ENABLED: Setting = Setting::new(
    "repositories.python.enabled",
    Fallback::Value("true"),
    "Whether it answers at all; where not, every address below /python/ is not found, and nothing is deleted",
);

pub(crate) static MAX_FILE_SIZE: Setting = Setting::new(
    "repositories.python.max_file_size",
    Fallback::Words { words: "that of [limits]", example: "\"10 GiB\"" },
    "The largest file taken here, in place of what [limits] and --max-file-size say",
);

pub(crate) static PYTHON_SECTION: Section = Section {
    name: "repositories.python",
    what: "The hosted repository, at /python",
    settings: &[&ENABLED, &MAX_FILE_SIZE],
};

/// What `[repositories.python]` says.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    /// Whether it answers.
    pub(crate) enabled: bool,
    /// The largest file taken, in bytes, if it differs from that of `[limits]`.
    pub(crate) max_file_size: Option<u64>,
}

impl Python {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let enabled = reader.value(&ENABLED, true)?;
        let max_file_size = reader.optional_bounded(&MAX_FILE_SIZE, &FILE_SIZES)?;
        Ok(Self { enabled, max_file_size: max_file_size.map(|size| size.0) })
    }
}
