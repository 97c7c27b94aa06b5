//! What is worth another try, and when. The waiting is done by those who have a clock.

use std::time::Duration;

use chrono::DateTime;

use crate::Timestamp;

/// Whether an answer with this status may be another one next time.
///
/// The 520s are what CDNs answer when their origin fails; pip retries them too.
pub fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=524 | 527)
}

/// How often and how long to wait: doubling from `first`, never above `max`, with the upper half drawn by chance so
/// that many clients do not come back in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// How many times to try again after the first failure.
    pub retries: u32,
    /// The longest first wait.
    pub first: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Default for Backoff {
    /// Five more tries: waits of up to 0.25, 0.5, 1, 2 and 4 seconds.
    fn default() -> Self {
        Self { retries: 5, first: Duration::from_millis(250), max: Duration::from_secs(8) }
    }
}

impl Backoff {
    /// The wait before retry number `attempt`, counted from 0; `jitter` is drawn from 0 to 1.
    pub fn delay(&self, attempt: u32, jitter: f64) -> Duration {
        let full = self.first.saturating_mul(2_u32.saturating_pow(attempt)).min(self.max);
        full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

/// The longest `Retry-After` obeyed: a server that wants more is as good as down.
pub const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// Reads a `Retry-After` header: seconds, or an HTTP date; cut to [`MAX_RETRY_AFTER`].
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    let wait = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(header).ok()?.timestamp();
            Duration::from_secs(u64::try_from(at - now.seconds()).unwrap_or(0))
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(0, 1.0), Duration::from_millis(250));
        assert_eq!(backoff.delay(0, 0.0), Duration::from_millis(125));
        assert_eq!(backoff.delay(3, 1.0), Duration::from_secs(2));
        assert_eq!(backoff.delay(40, 1.0), Duration::from_secs(8));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("99999", now), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after("Sat, 21 Nov 2026 10:00:05 GMT", now), Some(Duration::from_secs(5)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 09:00:05 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn transient_statuses() {
        let transient: Vec<_> = (100..600).filter(|status| is_transient(*status)).collect();
        assert_eq!(transient, [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 527]);
    }
}
