//! The one place that asks what time it is.

use std::time::SystemTime;

use depot_proto::Timestamp;

/// Now, by the wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the one home of the wall clock")]
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// A number from 0 to 1 that two processes hardly share: the clock's last digits. Enough to spread retries.
pub(crate) fn jitter() -> f64 {
    now().micros().rem_euclid(1000) as f64 / 1000.0
}
