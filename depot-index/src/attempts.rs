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

/// Counts the attempts at one thing, and says when the next one is due.
#[derive(Debug)]
pub struct Attempts {
    backoff: Backoff,
    longest_wait: Duration,
    made: u32,
}

impl Attempts {
    /// None was made yet.
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, longest_wait: retry::MAX_RETRY_AFTER, made: 0 }
    }

    /// The same, but a server that asks for a longer wait than this is not waited for.
    pub(crate) fn waiting_at_most(self, longest_wait: Duration) -> Self {
        Self { longest_wait, ..self }
    }

    /// How many were made and failed.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Counts an attempt that failed; the wait before the next one, or none if there shall be no more. The server may
    /// have asked for a wait.
    pub fn next_wait(&mut self, wanted: Option<Duration>) -> Option<Duration> {
        let retry = self.made;
        self.made += 1;
        let is_worth_it =
            retry < self.backoff.retries && wanted.is_none_or(|wanted| wanted <= self.longest_wait);
        is_worth_it.then(|| wanted.unwrap_or_else(|| self.backoff.delay(retry, chance())))
    }

    /// Starts to count again: what the last attempt brought shows that the way there is no hopeless one.
    pub(crate) fn forgive(&mut self) {
        self.made = 0;
    }

    /// Sleeps until the next attempt is due, or gives up with the error.
    pub(crate) async fn wait_or_fail(&mut self, failure: Failure) -> Result<(), IndexError> {
        let (error, after) = match failure {
            Failure::Again(error, after) => (error, after),
            Failure::Final(error) => return Err(error.after_attempts(self.made + 1)),
        };
        let wait = self.next_wait(after);
        let error = error.after_attempts(self.made);
        let Some(wait) = wait else { return Err(error) };
        tracing::info!(%error, ?wait, "trying again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// The wait that a refusal asks for with `Retry-After`.
pub fn wanted_wait(response: &Response) -> Option<Duration> {
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
