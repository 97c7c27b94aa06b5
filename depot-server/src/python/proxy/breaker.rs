//! Leaving an upstream alone that fails: those who ask meanwhile are answered at once.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How many failures in a row it takes.
const FAILURES: u32 = 5;
/// How long it is left alone then; twice as long each time that the one who looks after it fails too.
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Whether an upstream is worth asking.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    rest: Duration,
    /// Until when nobody asks; after that one does, to see.
    until: Option<Instant>,
    is_probed: bool,
}

/// Leave to ask once. What came of it should be said; if it is not, it counts for nothing.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Breaker {
    /// Leave to ask, or how long to wait for it.
    pub(super) fn admit(&self) -> Result<Pass<'_>, Duration> {
        let mut state = self.state();
        let Some(until) = state.until else { return Ok(Pass { breaker: self, is_probe: false }) };
        let left = until.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            return Err(left);
        }
        if state.is_probed {
            return Err(Duration::from_secs(1));
        }
        state.is_probed = true;
        Ok(Pass { breaker: self, is_probe: true })
    }

    /// Whether nobody asks now.
    pub(super) fn is_open(&self) -> bool {
        self.state().until.is_some_and(|until| until > Instant::now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The upstream answered, whatever it said.
    pub(super) fn succeeded(self) {
        *self.breaker.state() = State::default();
    }

    /// It did not, and may have asked to be left alone for some time.
    pub(super) fn failed(self, retry_after: Option<Duration>) {
        let mut state = self.breaker.state();
        state.failures = state.failures.saturating_add(1);
        // Many who asked at the same time fail together: that is one reason to leave it alone, and not many.
        let begins = self.is_probe || (state.failures >= FAILURES && state.until.is_none());
        if begins {
            state.rest = (state.rest * 2).clamp(FIRST_REST, LONGEST_REST);
        }
        let rest = if begins { state.rest } else { Duration::ZERO };
        let rest = retry_after.map_or(rest, |wanted| wanted.max(rest));
        if !rest.is_zero() {
            let until = Instant::now() + rest;
            state.until = Some(state.until.map_or(until, |earlier| earlier.max(until)));
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.state().is_probed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_one_success_closes_it() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.admit().unwrap().failed(None);
        }
        assert_eq!(breaker.admit().unwrap_err(), FIRST_REST);
        assert!(breaker.is_open());
        tokio::time::advance(FIRST_REST).await;
        assert!(!breaker.is_open());
        // One looks, the others wait for what it finds.
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_err());
        probe.failed(None);
        assert_eq!(breaker.admit().unwrap_err(), FIRST_REST * 2);
        tokio::time::advance(FIRST_REST * 2).await;
        breaker.admit().unwrap().succeeded();
        breaker.admit().unwrap().failed(None);
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_fail_together_are_one_reason_to_leave_it_alone() {
        let breaker = Breaker::default();
        let passes: Vec<_> = (0..30).map(|_| breaker.admit().unwrap()).collect();
        for pass in passes {
            pass.failed(None);
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        let left = breaker.admit().unwrap_err();
        assert!(left < FIRST_REST && left > FIRST_REST / 2, "{left:?}");
        // One that comes later than all others does not put it off.
        tokio::time::advance(left).await;
        let probe = breaker.admit().unwrap();
        probe.succeeded();
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_asked_for_is_kept() {
        let breaker = Breaker::default();
        breaker.admit().unwrap().failed(Some(Duration::from_secs(20)));
        assert_eq!(breaker.admit().unwrap_err(), Duration::from_secs(20));
        tokio::time::advance(Duration::from_secs(20)).await;
        // One who looks and is gone before they know holds up nobody.
        drop(breaker.admit().unwrap());
        assert!(breaker.admit().is_ok());
    }
}
