//! Days in UTC.

use std::{fmt, str::FromStr};

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

const SECONDS: i64 = 24 * 60 * 60;

/// The days from the first of the year 1 to the epoch.
const BEFORE_EPOCH: i32 = 719_163;

/// A day in UTC from 1970 on, written `2026-11-22`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(u32);

/// The text is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a day such as 2026-11-22")]
pub struct DayError(String);

impl Day {
    /// The last day that is written with four digits of a year.
    pub const LAST: Self = Self(2_932_896);

    /// The day of an instant; of one that is too early or too late, the nearest there is.
    pub fn of(time: Timestamp) -> Self {
        let days = time.seconds().div_euclid(SECONDS);
        Self(u32::try_from(days.max(0)).unwrap_or(u32::MAX)).min(Self::LAST)
    }

    /// Days since the epoch.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The day so many days after the epoch, if there is such a one.
    pub fn from_number(number: u32) -> Option<Self> {
        (number <= Self::LAST.0).then_some(Self(number))
    }

    /// The day so many days before, or the first there is.
    pub fn before(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// How many seconds after `time`, which is in it, the day ends.
    pub fn rest(time: Timestamp) -> u64 {
        (SECONDS - time.seconds().rem_euclid(SECONDS)).unsigned_abs()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = i32::try_from(self.0).ok().and_then(|number| number.checked_add(BEFORE_EPOCH));
        match number.and_then(NaiveDate::from_num_days_from_ce_opt) {
            Some(date) => write!(f, "{date}"),
            None => write!(f, "day {}", self.0),
        }
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let wrong = || DayError(text.chars().take(40).collect());
        let date: NaiveDate = text.trim().parse().map_err(|_| wrong())?;
        u32::try_from(date.num_days_from_ce() - BEFORE_EPOCH)
            .ok()
            .and_then(Self::from_number)
            .ok_or_else(wrong)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written_and_is_that_of_its_instants() {
        for (instant, day) in [
            ("1970-01-01T00:00:00Z", "1970-01-01"),
            ("2026-11-21T23:59:59Z", "2026-11-21"),
            ("2026-11-22T00:00:00Z", "2026-11-22"),
            ("2026-11-22T00:30:00+01:00", "2026-11-21"),
            ("1969-12-31T23:59:59Z", "1970-01-01"),
            ("9999-12-31T23:59:59Z", "9999-12-31"),
        ] {
            let of = Day::of(instant.parse().unwrap());
            assert_eq!(of.to_string(), day);
            assert_eq!(day.parse(), Ok(of));
        }
        assert_eq!(Day::of("9999-12-31T23:59:59Z".parse().unwrap()), Day::LAST);
        for text in ["", "yesterday", "2026-13-01", "1969-12-31", "+10000-01-01", "2026-11-22T00:00:00Z"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight() {
        assert_eq!(Day::rest("2026-11-22T00:00:00Z".parse().unwrap()), 86400);
        assert_eq!(Day::rest("2026-11-22T23:59:59Z".parse().unwrap()), 1);
        assert_eq!(Day::from_number(3).unwrap().before(5).number(), 0);
    }
}
