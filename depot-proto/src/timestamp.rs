//! Instants in UTC, written the one way every client reads.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike as _, SecondsFormat, TimeZone as _, Utc};

/// An instant in UTC with microseconds, written `2026-10-02T07:15:09.000000Z`.
///
/// Always six fractional digits: Python before 3.11 reads three or six, nothing else (PEP 700 allows up to six). The year
/// is one of 1 to 9999, as RFC 3339 has it: others would be written in a form that nobody reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 time such as 2026-10-02T07:15:09Z")]
pub struct TimestampError(String);

impl Timestamp {
    /// The instant this many microseconds after the Unix epoch, where the calendar can name it.
    pub fn from_micros(micros: i64) -> Option<Self> {
        let time = Utc.timestamp_micros(micros).single()?;
        (1..=9999).contains(&time.year()).then_some(Self(micros))
    }

    /// The instant this many whole seconds after the Unix epoch, where the calendar can name it.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        seconds.checked_mul(1_000_000).and_then(Self::from_micros)
    }

    /// Microseconds since the Unix epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(time: std::time::SystemTime) -> Self {
        Self(DateTime::<Utc>::from(time).timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Utc.timestamp_micros(self.0).single() {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time = DateTime::parse_from_rfc3339(text.trim()).ok();
        time.and_then(|time| Self::from_micros(time.timestamp_micros()))
            .ok_or_else(|| TimestampError(text.chars().take(80).collect()))
    }
}

crate::text::stands_as_text!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_with_six_digits_whatever_was_read() {
        for (read, written) in [
            ("2026-10-02T07:15:09Z", "2026-10-02T07:15:09.000000Z"),
            ("2026-10-02T07:15:09.5Z", "2026-10-02T07:15:09.500000Z"),
            ("2026-10-02T09:15:09.123456+02:00", "2026-10-02T07:15:09.123456Z"),
        ] {
            assert_eq!(read.parse::<Timestamp>().unwrap().to_string(), written);
        }
        // The last of these is in the year 10000 by UTC.
        for text in ["yesterday", "0000-12-31T00:00:00Z", "9999-12-31T23:59:59-12:00"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
