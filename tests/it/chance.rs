//! Chance that can be had again: the seed is printed, and `DEPOT_TEST_SEED` sets it.

use std::env;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::ops::Range;

/// splitmix64.
pub(crate) struct Chance(u64);

impl Chance {
    /// A new seed each time, printed with this name, unless `DEPOT_TEST_SEED` sets it.
    #[allow(clippy::print_stdout, reason = "a failed run is had again by its seed")]
    pub(crate) fn printed(what: &str) -> Self {
        let seed = match env::var("DEPOT_TEST_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => RandomState::new().build_hasher().finish(),
        };
        println!("{what}: DEPOT_TEST_SEED={seed}");
        Self(seed)
    }

    /// The chance of this seed.
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Another, which goes its own way: for a thread.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number of this range.
    pub(crate) fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// One of these, if there are any.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        (!from.is_empty()).then(|| &from[self.within(0..from.len() as u64) as usize])
    }
}
