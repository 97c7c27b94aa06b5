//! How many requests were answered, and how.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;

/// Answers since the start, by the first digit of their status.
#[derive(Debug, Default)]
pub(crate) struct Tally([AtomicU64; 5]);

impl Tally {
    /// Counts an answer. It costs one addition, and orders nothing.
    pub(crate) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = self.0.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an answer that was ready: the whole of it, or that it still holds.
    pub(crate) fn count_ready(&self, is_fresh: bool) {
        self.count(if is_fresh { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    }

    /// What was counted, from 1xx on.
    pub(crate) fn read(&self) -> [u64; 5] {
        [0, 1, 2, 3, 4].map(|class| self.0[class].load(Ordering::Relaxed))
    }
}
