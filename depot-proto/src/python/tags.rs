//! Which wheels fit a target, and which of them fits best (PEP 425).

use std::{cmp::Reverse, collections::HashMap};

use super::{
    filename::Wheel,
    target::{Implementation, Interpreter},
};

/// The tags of all wheels that fit a target, the best first, in the order of pip.
#[derive(Clone, Debug)]
pub struct Tags {
    /// By the Python tag and the ABI tag: where in the order the wheels with both stand.
    pairs: HashMap<String, HashMap<String, Places>>,
    /// By the platform tag: where it stands among those of the target.
    platforms: HashMap<String, u32>,
}

/// Where wheels with a Python tag and an ABI tag stand.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    /// Of those for the target's platform: the first place, which the most specific platform tag has.
    own: Option<u32>,
    /// Of those for `any`.
    any: Option<u32>,
}

/// How well a wheel fits: the smaller, the better. Among wheels of equal tags the higher build is better.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    place: u32,
    build: Reverse<Option<Build>>,
}

/// A build tag, to compare: its number (how many digits, then they), and what follows it.
type Build = (usize, String, String);

impl Tags {
    /// The tags of a Python on machines whose platform tags are these, the most specific first.
    pub(super) fn new(interpreter: Interpreter, platforms: &[String]) -> Self {
        let (on_platform, on_any) = pairs(interpreter);
        let width = platforms.len() as u32;
        let mut tags = Self {
            pairs: HashMap::new(),
            platforms: (0..).zip(platforms).map(|(place, platform)| (platform.clone(), place)).collect(),
        };
        for (row, (python, abi)) in (0..).zip(&on_platform) {
            tags.places(python, abi).own = Some(row * width);
        }
        let first = on_platform.len() as u32 * width;
        for (row, (python, abi)) in (0..).zip(&on_any) {
            tags.places(python, abi).any = Some(first + row);
        }
        tags
    }

    fn places(&mut self, python: &str, abi: &str) -> &mut Places {
        self.pairs.entry(python.to_owned()).or_default().entry(abi.to_owned()).or_default()
    }

    /// How well a wheel fits, or none if it does not.
    pub fn rank(&self, wheel: &Wheel) -> Option<Rank> {
        let place = self.place(&wheel.python, &wheel.abi, &wheel.platform)?;
        Some(Rank { place, build: Reverse(wheel.build.as_deref().map(build)) })
    }

    /// The place of the best of the tags that these sets, joined by `.`, stand for.
    fn place(&self, pythons: &str, abis: &str, platforms: &str) -> Option<u32> {
        let [pythons, abis, platforms] = [pythons, abis, platforms].map(str::to_ascii_lowercase);
        let own = platforms.split('.').filter_map(|platform| self.platforms.get(platform)).min().copied();
        let any = platforms.split('.').any(|platform| platform == "any");
        let known = pythons.split('.').filter_map(|python| self.pairs.get(python));
        let known = known.flat_map(|of_python| abis.split('.').filter_map(|abi| of_python.get(abi)));
        let best = known.flat_map(|places| {
            let own = places.own.zip(own).map(|(first, place)| first + place);
            [own, places.any.filter(|_| any)].into_iter().flatten()
        });
        best.min()
    }

    /// All of them, the best first: `cp312-cp312-manylinux_2_28_x86_64`.
    pub fn list(&self) -> Vec<String> {
        let mut placed = Vec::new();
        for (python, of_python) in &self.pairs {
            for (abi, places) in of_python {
                if let Some(first) = places.own {
                    let of_platform = self.platforms.iter();
                    placed.extend(
                        of_platform
                            .map(|(platform, place)| (first + place, format!("{python}-{abi}-{platform}"))),
                    );
                }
                placed.extend(places.any.map(|place| (place, format!("{python}-{abi}-any"))));
            }
        }
        placed.sort_unstable();
        placed.into_iter().map(|(_, tag)| tag).collect()
    }
}

fn build(tag: &str) -> Build {
    let end = tag.find(|c: char| !c.is_ascii_digit()).unwrap_or(tag.len());
    let digits = tag[..end].trim_start_matches('0');
    (digits.len(), digits.to_owned(), tag[end..].to_owned())
}

/// A Python tag and an ABI tag.
type Pair = (String, String);

/// What fits an interpreter, the best first: of wheels for a platform, and of those for any.
fn pairs(interpreter: Interpreter) -> (Vec<Pair>, Vec<Pair>) {
    let version = interpreter.version;
    let pair = |python: &str, abi: &str| (python.to_owned(), abi.to_owned());
    let (own, abi, stable) = match interpreter.implementation {
        Implementation::CPython => {
            let own = format!("cp{}", version.nodot());
            let (suffix, stable) = if interpreter.free_threaded { ("t", "abi3t") } else { ("", "abi3") };
            // Before 3.8 the ABI told of an allocator that everyone used.
            let suffix = if version.major == 3 && version.minor < 8 { "m" } else { suffix };
            let abi = format!("{own}{suffix}");
            (own, abi, Some(stable))
        }
        Implementation::PyPy => {
            (format!("pp{}", version.nodot()), format!("pypy{}_pp73", version.nodot()), None)
        }
    };
    let mut on_platform = vec![(own.clone(), abi)];
    on_platform.extend(stable.map(|stable| pair(&own, stable)));
    on_platform.push(pair(&own, "none"));
    if let Some(stable) = stable {
        // PEP 384 began with 3.2.
        let older = (2..version.minor).rev();
        on_platform.extend(older.map(|minor| (format!("cp{}{minor}", version.major), stable.to_owned())));
    }
    let any_python: Vec<_> = [format!("py{}", version.nodot()), format!("py{}", version.major)]
        .into_iter()
        .chain((0..version.minor).rev().map(|minor| format!("py{}{minor}", version.major)))
        .map(|python| (python, "none".to_owned()))
        .collect();
    on_platform.extend(any_python.iter().cloned());
    let on_any = std::iter::once((own, "none".to_owned())).chain(any_python).collect();
    (on_platform, on_any)
}

#[cfg(test)]
mod tests;
