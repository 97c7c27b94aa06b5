//! The one place that asks what time it is.

use std::time::{Duration, SystemTime};

use depot_proto::Timestamp;

/// Now, by the wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the one home of the wall clock")]
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// This many days ago, as files' times are told.
#[expect(clippy::disallowed_methods, reason = "this is the one home of the wall clock")]
pub(crate) fn days_ago(days: u64) -> SystemTime {
    SystemTime::now().checked_sub(Duration::from_hours(24 * days)).unwrap_or(SystemTime::UNIX_EPOCH)
}
