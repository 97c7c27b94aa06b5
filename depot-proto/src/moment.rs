//! Moments and ages, as people write them.

use chrono::NaiveDate;

use crate::Timestamp;

/// Reads a moment: an instant (RFC 3339), a date, which ends with its day in UTC, or an age such as `7 days` or `P7D`.
/// What was uploaded at that moment or later is left out.
pub fn read(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    if text.parse::<NaiveDate>().is_ok() {
        return day(text)
            .map(|(_, end)| end)
            .ok_or_else(|| format!("`{text}` is a day that no calendar goes to"));
    }
    age(text).and_then(|seconds| Timestamp::from_seconds(now.seconds().checked_sub(seconds)?)).ok_or_else(|| {
        format!("`{text}` is neither a date such as 2026-10-02, nor a time such as 2026-10-02T07:15:09Z, nor an age such as `7 days`")
    })
}

/// The beginning and the end of a day in UTC, of a text such as `2026-10-02`. The end is the beginning of the next.
pub fn day(text: &str) -> Option<(Timestamp, Timestamp)> {
    let date: NaiveDate = text.trim().parse().ok()?;
    let midnight = |date: NaiveDate| {
        let time = date.and_hms_opt(0, 0, 0)?;
        Timestamp::from_seconds(time.and_utc().timestamp())
    };
    Some((midnight(date)?, midnight(date.succ_opt()?)?))
}

/// The seconds of an age: `36 hours`, `7 days`, `2 weeks`, or by ISO 8601 `PT36H`, `P7D`, `P2W`.
pub fn age(text: &str) -> Option<i64> {
    const HOUR: i64 = 3600;
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) = match lower.strip_prefix('p') {
        Some(iso) => {
            let (number, unit) = iso
                .trim_start_matches('t')
                .split_at_checked(iso.trim_start_matches('t').len().checked_sub(1)?)?;
            // Only hours stand behind the T.
            let is_hours = iso.starts_with('t');
            match (unit, is_hours) {
                ("h", true) | ("d" | "w", false) => (number, unit),
                _ => return None,
            }
        }
        None => {
            let end = lower.find(|c: char| !c.is_ascii_digit())?;
            let (number, unit) = lower.split_at(end);
            (number, unit.trim())
        }
    };
    let number: i64 = number.parse().ok()?;
    let unit = match unit {
        "h" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => 24 * HOUR,
        "w" | "week" | "weeks" => 7 * 24 * HOUR,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_times_and_ages() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        for (text, moment) in [
            ("2026-10-02T07:15:09Z", "2026-10-02T07:15:09.000000Z"),
            ("2026-10-02T09:15:09+02:00", "2026-10-02T07:15:09.000000Z"),
            ("2026-10-02", "2026-10-03T00:00:00.000000Z"),
            ("7 days", "2026-11-14T12:00:00.000000Z"),
            ("1 day", "2026-11-20T12:00:00.000000Z"),
            ("2weeks", "2026-11-07T12:00:00.000000Z"),
            ("36 hours", "2026-11-20T00:00:00.000000Z"),
            ("P7D", "2026-11-14T12:00:00.000000Z"),
            ("PT12H", "2026-11-21T00:00:00.000000Z"),
        ] {
            assert_eq!(read(text, now).unwrap().to_string(), moment, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "7",
            "days",
            "-7 days",
            "2026-13-01",
            "P7",
            "P7H",
            "PT7D",
            "99999999999999999 weeks",
            "7 m",
        ] {
            let error = read(text, now).unwrap_err();
            assert!(error.contains("7 days"), "{text}: {error}");
        }
    }
}
