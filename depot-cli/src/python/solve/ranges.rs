//! Specifiers (PEP 440) as sets of versions, which the solver intersects and complements, and such sets in words.

use std::{fmt::Write as _, ops::Bound};

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};
use pubgrub::Ranges;

/// A set of versions.
pub(super) type Range = Ranges<Version>;

/// The versions that specifiers name, pre-releases or not.
///
/// `pep440_rs` has such a conversion, which takes `==1.0` for that version alone: but 1.0+local fits it too, and `<=1.0`.
pub(super) fn of(specifiers: &VersionSpecifiers) -> Range {
    specifiers.iter().fold(Range::full(), |range, specifier| range.intersection(&of_one(specifier)))
}

fn of_one(specifier: &VersionSpecifier) -> Range {
    let version = specifier.version();
    match specifier.operator() {
        Operator::Equal if !version.is_local() => with_locals(version),
        Operator::NotEqual if !version.is_local() => with_locals(version).complement(),
        Operator::LessThanEqual => Range::strictly_lower_than(after(version)),
        Operator::LessThan if version.is_post() && !version.any_prerelease() => {
            // All before the release itself is a pre-release of it, which `<` leaves out; the release is below its posts.
            let release = version.clone().with_post(None);
            let below = Range::strictly_lower_than(release.clone().with_min(Some(0)));
            let posts = Range::from_range_bounds(release..version.clone().with_dev(Some(0)));
            below.union(&posts)
        }
        Operator::GreaterThan if version.is_post() || version.is_dev() => Range::higher_than(after(version)),
        _ => specifier.clone().into(),
    }
}

/// A version and those that differ from it by their local part alone.
fn with_locals(version: &Version) -> Range {
    Range::from_range_bounds(version.clone()..after(version))
}

/// What comes right after a version and all its local versions.
fn after(version: &Version) -> Version {
    let version = version.clone().without_local();
    if let Some(dev) = version.dev() {
        return version.with_dev(Some(dev.saturating_add(1)));
    }
    let next = version.post().map_or(0, |post| post.saturating_add(1));
    version.with_post(Some(next)).with_dev(Some(0))
}

/// The version that this comes right after, where it looks like that.
fn before(version: &Version) -> Option<Version> {
    let post = version.post().filter(|_| version.dev() == Some(0) && version.min().is_none())?;
    Some(version.clone().with_dev(None).with_post(post.checked_sub(1)))
}

/// The one version that a set is about, as `==` makes it.
pub(super) fn pinned(range: &Range) -> Option<&Version> {
    let mut segments = range.iter();
    let (Some((Bound::Included(low), high)), None) = (segments.next(), segments.next()) else { return None };
    let is_one = match high {
        Bound::Included(high) => high == low,
        Bound::Excluded(high) => *high == after(low),
        Bound::Unbounded => false,
    };
    is_one.then_some(low)
}

/// A set as specifiers, for people: empty if it is every version, `==1.0 or >=2,<3` if it has gaps.
pub(super) fn show(range: &Range) -> String {
    if range.is_empty() {
        return " in no version".to_owned();
    }
    let mut shown = String::new();
    for (low, high) in range.iter() {
        if !shown.is_empty() {
            shown.push_str(" or ");
        }
        if let (Bound::Included(low), Bound::Included(high)) = (low, high)
            && low == high
        {
            let _ = write!(shown, "=={low}");
            continue;
        }
        if let (Bound::Included(low), Bound::Excluded(high)) = (low, high)
            && *high == after(low)
        {
            let _ = write!(shown, "=={low}");
            continue;
        }
        let parts: Vec<_> = [lower(low), upper(high)].into_iter().flatten().collect();
        shown.push_str(&parts.join(","));
    }
    shown
}

fn lower(bound: &Bound<Version>) -> Option<String> {
    match bound {
        Bound::Unbounded => None,
        Bound::Excluded(version) => Some(format!(">{version}")),
        Bound::Included(version) => Some(match before(version) {
            Some(before) => format!(">{before}"),
            None => format!(">={}", edge(version)),
        }),
    }
}

fn upper(bound: &Bound<Version>) -> Option<String> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(version) => Some(format!("<={version}")),
        Bound::Excluded(version) => Some(match before(version) {
            Some(before) => format!("<={before}"),
            None => format!("<{}", edge(version)),
        }),
    }
}

/// The first development version of a release is what `==1.*` and `~=1.0` begin and end with: nobody wrote it.
fn edge(version: &Version) -> Version {
    let is_edge = version.dev() == Some(0) && version.pre().is_none() && version.post().is_none();
    if is_edge { version.clone().with_dev(None) } else { version.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSIONS: [&str; 30] = [
        "0.9",
        "1.0.dev0",
        "1.0.dev1",
        "1.0a1.dev1",
        "1.0a1",
        "1.0a1.post1",
        "1.0a2",
        "1.0rc1",
        "1.0",
        "1.0+a",
        "1.0+b.1",
        "1.0.post0.dev1",
        "1.0.post0",
        "1.0.post1.dev0",
        "1.0.post1",
        "1.0.post1+x",
        "1.0.post2",
        "1.0.1",
        "1.1.dev0",
        "1.1a1",
        "1.1",
        "1.1+a",
        "1.2",
        "1.10",
        "2.0.dev1",
        "2.0rc1",
        "2.0",
        "2.0+a",
        "1!0.1",
        "3",
    ];

    #[test]
    fn a_set_has_the_versions_that_its_specifiers_name() {
        for text in [
            "==1.0",
            "!=1.0",
            "==1.0+a",
            "!=1.0+a",
            "<=1.0",
            ">=1.0",
            "<1.0",
            ">1.0",
            "==1.*",
            "!=1.*",
            "==1.0.*",
            "~=1.0",
            "~=1.0.0",
            ">=1.0a1",
            "<1.0a2",
            "<=1.0rc1",
            ">1.0a1",
            ">1.0.post1",
            "<1.0.post1",
            "<=1.0.post0",
            "<2.0rc1",
            "==1.0.post1",
            ">=1.0,!=1.1,<2",
            "==1!0.1",
            "<3",
            ">=1.0.post1",
        ] {
            let specifiers: VersionSpecifiers = text.parse().unwrap();
            let range = of(&specifiers);
            for version in VERSIONS {
                let version: Version = version.parse().unwrap();
                // That crate leaves pre-releases out of `<1.0a2` and `<1.0.post1`, and post-releases of 1.0 out of `>1.0a1`, as the words of
                // PEP 440 can be read; as sets of an order, as uv reads them, they are in.
                let named_one =
                    specifiers.iter().any(|one| one.version().any_prerelease() || one.version().is_post());
                let is_quirk = (text.starts_with('<') && version.any_prerelease())
                    || (text.starts_with('>') && version.is_post());
                if named_one && is_quirk {
                    continue;
                }
                assert_eq!(range.contains(&version), specifiers.contains(&version), "{text} and {version}");
            }
        }
    }

    #[test]
    fn a_set_is_shown_as_it_would_be_written() {
        for (text, shown) in [
            ("", ""),
            ("==1.0", "==1.0"),
            ("==1.0+a", "==1.0+a"),
            ("<=1.0", "<=1.0"),
            (">1.0", ">1.0"),
            ("<2", "<2"),
            (">=1.5,<2", ">=1.5,<2"),
            ("~=1.4", ">=1.4,<2"),
            ("==1.*", ">=1,<2"),
            ("!=1.0", "<1.0 or >1.0"),
            (">1.0.post1", ">1.0.post1"),
            (">2,<1", " in no version"),
        ] {
            assert_eq!(show(&of(&text.parse().unwrap())), shown, "{text}");
        }
    }

    #[test]
    fn what_is_pinned_is_told_from_what_is_narrowed() {
        for (text, one) in
            [("==1.0", true), ("==1.0,>=0.5", true), ("===1.0", true), ("==1.*", false), ("", false)]
        {
            assert_eq!(pinned(&of(&text.parse().unwrap())).is_some(), one, "{text}");
        }
    }
}
