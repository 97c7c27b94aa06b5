//! Trying again: what failed says whether it is worth it, this says when and how often.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::{Duration, SystemTime},
};

use depot_proto::{Timestamp, retry, retry::Backoff};
use reqwest::{Response, header::RETRY_AFTER};

use crate::error::IndexError;

/// One attempt that failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Another attempt would end the same way.
    Final(IndexError),
    /// Another attempt may fare better, after the wait that the server asked for if it did.
    Again(Box<IndexError>, Option<Duration>),
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        Self::Final(error)
    }
}

/// Counts the attempts at one thing.
#[derive(Debug)]
pub(crate) struct Attempts {
    backoff: Backoff,
    made: u32,
}

impl Attempts {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self { backoff, made: 0 }
    }

    /// Sleeps until the next attempt is due, or gives up with the error.
    pub(crate) async fn wait_or_fail(&mut self, failure: Failure) -> Result<(), IndexError> {
        let retry = self.made;
        self.made += 1;
        let (error, after) = match failure {
            Failure::Again(error, after) => (error.after_attempts(self.made), after),
            Failure::Final(error) => return Err(error.after_attempts(self.made)),
        };
        if retry >= self.backoff.retries {
            return Err(error);
        }
        let wait = after.unwrap_or_else(|| self.backoff.delay(retry, chance()));
        tracing::info!(%error, ?wait, "trying again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// The wait that a refusal asks for.
pub(crate) fn wanted_wait(response: &Response) -> Option<Duration> {
    let header = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    retry::retry_after(header, now())
}

#[expect(clippy::disallowed_methods, reason = "the one place of this crate where the time of day matters")]
fn now() -> Timestamp {
    SystemTime::now().into()
}

/// A number from 0 to 1. The standard library's hash maps draw a random key each, which is chance enough to keep
/// clients from coming back in step.
fn chance() -> f64 {
    let drawn = RandomState::new().hash_one(());
    (drawn >> 11) as f64 / (1_u64 << 53) as f64
}
