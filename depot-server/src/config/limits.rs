//! `[limits]`: how much is taken, and how slowly.

use std::time::Duration;

use super::{
    Config, WireLimits,
    error::ConfigError,
    reader::Reader,
    setting::{Fallback, Section, Setting},
    value::{Period, Size},
};

pub(crate) static MAX_FILE_SIZE: Setting = Setting::new(
    "limits.max_file_size",
    Fallback::Value("\"2 GiB\""),
    "The largest file taken",
)
.outside("--max-file-size", "DEPOT_MAX_FILE_SIZE", "SIZE");

pub(crate) static MAX_PROJECT_SIZE: Setting = Setting::new(
    "limits.max_project_size",
    Fallback::Words { words: "no limit", example: "\"10 GiB\"" },
    "The most that the files of one project may have together; a file that would pass it is refused",
);

pub(crate) static CONNECTIONS: Setting = Setting::new(
    "limits.connections",
    Fallback::Value("10000"),
    "How many connections are open at once, up to half of the files that the system lets be open; more wait in its queue",
);

pub(crate) static HEAD_TIMEOUT: Setting = Setting::new(
    "limits.head_timeout",
    Fallback::Value("\"30s\""),
    "How long a client may take to send the head of a request, and how long a connection may lie idle",
);

pub(crate) static STALL_TIMEOUT: Setting = Setting::new(
    "limits.stall_timeout",
    Fallback::Value("\"30s\""),
    "How long a body, in either direction, may stand still",
);

pub(crate) static MIN_BODY_RATE: Setting = Setting::new(
    "limits.min_body_rate",
    Fallback::Value("\"1 KiB\""),
    "The least that a client must send of a body each second on average, once body_grace is over; 0 asks for nothing",
);

pub(crate) static BODY_GRACE: Setting = Setting::new(
    "limits.body_grace",
    Fallback::Value("\"10s\""),
    "How long a body may come as slowly as it likes",
);

pub(crate) static PAGE_CACHE: Setting = Setting::new(
    "limits.page_cache",
    Fallback::Value("\"128 MiB\""),
    "How much memory rendered pages may take; what is ready to be sent may take as much again",
);

pub(crate) static SECTION: Section = Section {
    name: "limits",
    what: "How much is taken, and how slowly; sizes such as \"2 GiB\" or bytes, durations such as \"30s\" or seconds",
    settings: &[
        &MAX_FILE_SIZE,
        &MAX_PROJECT_SIZE,
        &CONNECTIONS,
        &HEAD_TIMEOUT,
        &STALL_TIMEOUT,
        &MIN_BODY_RATE,
        &BODY_GRACE,
        &PAGE_CACHE,
    ],
};

/// From one byte, because 0 is often taken to mean "no limit" and would take nothing, to 8 EiB.
pub(super) const FILE_SIZES: (Size, Size) = (Size(1), Size(i64::MAX as u64));

/// A client of a slow line needs more than a second now and then; a day is for ever.
const TIMEOUTS: (Period, Period) = (Period(Duration::from_secs(1)), Period(DAY));
const DAY: Duration = Duration::from_hours(24);

/// What `[limits]` says.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The largest file taken, in bytes.
    pub(crate) max_file_size: u64,
    /// The most bytes that the files of one project may have together.
    pub(crate) max_project_size: Option<u64>,
    /// How much memory rendered pages may take, in bytes.
    pub(crate) page_cache: u64,
    /// What a connection may take and how slow it may be.
    pub(crate) wire: WireLimits,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let Config { max_file_size, page_cache, wire, .. } = Config::new("");
        let timeout = |reader: &mut Reader<'_>, setting, default| {
            reader.bounded(setting, Period(default), &TIMEOUTS).map(|period| period.0)
        };
        let grace = (Period(Duration::ZERO), Period(DAY));
        Ok(Self {
            max_file_size: reader.bounded(&MAX_FILE_SIZE, Size(max_file_size), &FILE_SIZES)?.0,
            max_project_size: reader.optional_bounded(&MAX_PROJECT_SIZE, &FILE_SIZES)?.map(|size| size.0),
            wire: WireLimits {
                // What the operating system can have open ends far below this.
                connections: reader.bounded(&CONNECTIONS, wire.connections, &(1, 1 << 24))?,
                head_timeout: timeout(reader, &HEAD_TIMEOUT, wire.head_timeout)?,
                stall_timeout: timeout(reader, &STALL_TIMEOUT, wire.stall_timeout)?,
                min_body_rate: reader.value(&MIN_BODY_RATE, Size(wire.min_body_rate))?.0,
                body_grace: reader.bounded(&BODY_GRACE, Period(wire.body_grace), &grace)?.0,
            },
            page_cache: reader.value(&PAGE_CACHE, Size(page_cache))?.0,
        })
    }
}
