//! How often someone may try in vain.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use moka::sync::Cache;

/// So many failures within so long, and no try is looked at before the oldest is that old.
const FAILURES: usize = 10;
const WINDOW: Duration = Duration::from_mins(5);

/// The most that are remembered to have failed.
const REMEMBERED: u64 = 100_000;

/// Who fails.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trier {
    /// Whoever gives this name, whether an account has it or not.
    Name(String),
    /// Whoever comes from there.
    Network(IpAddr),
}

impl Trier {
    /// Whoever comes from the network of this address: of IPv6 every customer has a /64.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::Network(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
            address @ IpAddr::V4(_) => address,
        })
    }
}

type Failures = Arc<Mutex<VecDeque<Instant>>>;

/// The failures of everyone.
pub(crate) struct Throttle(Cache<Trier, Failures>);

impl Throttle {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).time_to_idle(WINDOW).build())
    }

    /// For how long they must wait, if they must.
    pub(crate) fn wait(&self, trier: &Trier, now: Instant) -> Option<Duration> {
        let failures = self.0.get(trier)?;
        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
        forget_old(&mut failures, now);
        let first = failures.front().filter(|_| failures.len() >= FAILURES)?;
        Some((*first + WINDOW).saturating_duration_since(now))
    }

    /// Notes that they failed.
    pub(crate) fn failed(&self, trier: Trier, now: Instant) {
        let failures = self.0.get_with(trier, Failures::default);
        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
        forget_old(&mut failures, now);
        failures.push_back(now);
        if failures.len() > FAILURES {
            failures.pop_front();
        }
    }
}

fn forget_old(failures: &mut VecDeque<Instant>, now: Instant) {
    while failures.front().is_some_and(|at| now.saturating_duration_since(*at) >= WINDOW) {
        failures.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_try_within_five_minutes_waits_and_one_after_them_does_not() {
        let (throttle, start) = (Throttle::new(), Instant::now());
        let ann = Trier::Name("ann".to_owned());
        for second in 0..10 {
            let now = start + Duration::from_secs(second * 10);
            assert_eq!(throttle.wait(&ann, now), None, "{second}");
            throttle.failed(ann.clone(), now);
        }
        let now = start + Duration::from_secs(100);
        assert_eq!(throttle.wait(&ann, now), Some(Duration::from_secs(200)));
        assert_eq!(throttle.wait(&Trier::Name("bob".to_owned()), now), None);
        assert_eq!(throttle.wait(&ann, start + WINDOW), None);
        // One is forgotten, and one more is enough.
        throttle.failed(ann.clone(), start + WINDOW);
        assert_eq!(throttle.wait(&ann, start + WINDOW), Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_customer_of_ipv6_is_one() {
        let at = |text: &str| Trier::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.2"), at("10.0.0.1"));
    }
}
