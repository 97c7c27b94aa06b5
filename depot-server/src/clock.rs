//! The one place that asks what time it is.

use std::time::SystemTime;

use depot_proto::Timestamp;

/// Now, by the wall clock.
pub(crate) fn now() -> Timestamp {
    system().into()
}

/// Now, as the system says it.
#[expect(clippy::disallowed_methods, reason = "this is the one home of the wall clock")]
pub(crate) fn system() -> SystemTime {
    SystemTime::now()
}
