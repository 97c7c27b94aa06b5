//! Sizes and durations, as a person writes them.

use std::time::Duration;

const SIZES: [(&str, u64); 13] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("T", 1 << 40),
    ("G", 1 << 30),
    ("M", 1 << 20),
    ("K", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// In milliseconds.
const PERIODS: [(&str, u64); 5] =
    [("d", 24 * 60 * 60 * 1000), ("h", 60 * 60 * 1000), ("m", 60 * 1000), ("s", 1000), ("ms", 1)];

/// Reads `2 GiB`, `2G`, which is the same, `500 MB` or a bare number of bytes. Capitals do not matter.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    match unit {
        "" => Some(number),
        _ => number.checked_mul(factor(&SIZES, unit)?),
    }
}

/// Reads `30s`, `500 ms`, `2m`, `1h`, `1d` or a bare number of seconds.
pub(super) fn parse_period(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    match unit {
        "" => Some(Duration::from_secs(number)),
        _ => number.checked_mul(factor(&PERIODS, unit)?).map(Duration::from_millis),
    }
}

/// Writes a size in the largest unit that leaves nothing over.
pub(super) fn write_size(size: u64) -> String {
    match SIZES[..4].iter().find(|(_, factor)| size > 0 && size.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{} {unit}", size / factor),
        None => size.to_string(),
    }
}

/// Writes a duration in the largest unit that leaves nothing over.
pub(super) fn write_period(period: Duration) -> String {
    let milliseconds = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    match PERIODS.iter().find(|(_, factor)| milliseconds > 0 && milliseconds.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", milliseconds / factor),
        None => format!("{}s", period.as_secs()),
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim_start()))
}

fn factor(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        for (text, size) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("2 GiB", 2 << 30),
            ("2GiB", 2 << 30),
            (" 2  gib ", 2 << 30),
            ("2G", 2 << 30),
            ("50 m", 50 << 20),
            ("1 TiB", 1 << 40),
            ("500 MB", 500_000_000),
            ("4 kB", 4000),
            ("7 B", 7),
        ] {
            assert_eq!(parse_size(text), Some(size), "{text}");
        }
        for text in ["", "GiB", "2 i", "2 GiBs", "1.5 GiB", "-1", "2 0", "99999999 TiB", "1_000", "0x10"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_with_and_without_a_unit() {
        for (text, milliseconds) in
            [("30", 30_000), ("30s", 30_000), ("500 ms", 500), ("2m", 120_000), ("1 H", 3_600_000)]
        {
            assert_eq!(parse_period(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "1.5s", "-1s", "3 weeks", "1m30s", "999999999999999999d"] {
            assert_eq!(parse_period(text), None, "{text}");
        }
    }

    #[test]
    fn they_are_written_in_the_largest_unit_that_fits() {
        for (size, text) in [(0, "0"), (1000, "1000"), (1 << 10, "1 KiB"), (3 << 29, "1536 MiB")] {
            assert_eq!(write_size(size), text);
        }
        for (milliseconds, text) in [(0, "0s"), (90_000, "90s"), (120_000, "2m"), (1500, "1500ms")] {
            assert_eq!(write_period(Duration::from_millis(milliseconds)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(number: u32, shift in 0..30_u32) {
            let number = u64::from(number) << shift;
            prop_assert_eq!(parse_size(&write_size(number)), Some(number));
            let period = Duration::from_millis(number);
            prop_assert_eq!(parse_period(&write_period(period)), Some(period));
        }
    }
}
