//! The corpus of the harness has a case for each rule; here is what it cannot see.

use std::io::Cursor;

use depot_proto::DistributionFilename;
use proptest::prelude::*;

use super::{MOST_OF_A_RULE, Verdict, check, list};
use crate::{
    Limits,
    testing::{WHEEL, Watched, gzip, sdist_entries, tar, wheel},
};

const SDIST: &str = "foo-bar-1.0.tar.gz";

fn filename(text: &str) -> DistributionFilename {
    DistributionFilename::parse(text, &"foo-bar".parse().unwrap()).unwrap()
}

#[test]
fn a_failing_reader_says_nothing_about_the_file() {
    for (name, bytes) in [(WHEEL, wheel()), (SDIST, gzip(&tar(&sdist_entries())))] {
        for fail_after in [0, 100, bytes.len() - 1] {
            let reader = Watched { fail_after, ..Watched::new(&bytes) };
            let error = check(reader, &filename(name), &Limits::default()).unwrap_err();
            assert!(error.to_string().contains("the disk is gone"), "{name}: {error}");
        }
    }
}

#[test]
fn a_verdict_has_each_finding_once_and_always_an_error_that_there_is() {
    let mut verdict = Verdict::default();
    for number in 0..1000 {
        verdict.add_of(&list::MEMBER_CASE, format!("{number}").as_bytes(), "differs");
        verdict.add_of(&list::MEMBER_CASE, b"0", "differs");
    }
    assert_eq!((verdict.findings.len(), verdict.omitted), (MOST_OF_A_RULE, 990));
    assert!(!verdict.is_refused());
    verdict.add(&list::BOMB, "it is one");
    assert!(verdict.is_refused());
    assert_eq!(verdict.codes(), ["bomb", "member-case"]);
}

#[test]
fn codes_are_told_apart() {
    let mut codes: Vec<&str> = list::ALL.iter().map(|rule| rule.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), list::ALL.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_archive_never_panics(at in any::<prop::sample::Index>(), value: u8, cut: bool, inside: bool) {
        let mutate = |mut bytes: Vec<u8>| {
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = value }
            bytes
        };
        let sdist = tar(&sdist_entries());
        let sdist = if inside { gzip(&mutate(sdist)) } else { mutate(gzip(&sdist)) };
        for (name, bytes) in [(WHEEL, mutate(wheel())), (SDIST, sdist)] {
            check(Cursor::new(bytes), &filename(name), &Limits::default()).unwrap();
        }
    }
}
