use std::io::Cursor;

use depot_proto::DistributionFilename;
use proptest::prelude::*;

use crate::{
    DistError, Limits, read,
    testing::{self, METADATA, WHEEL, gzip, sdist_entries, tar, tar_entry, wheel, zip},
};

fn metadata(name: &str, version: &str) -> Vec<u8> {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n").into_bytes()
}

fn wheel_saying(name: &str, version: &str) -> Vec<u8> {
    zip(&[("foo_bar-1.0.dist-info/METADATA", &metadata(name, version))])
}

fn sdist_saying(version: &str) -> Vec<u8> {
    gzip(&tar(&[tar_entry(b'0', "foo_bar-1.0/PKG-INFO", &metadata("foo-bar", version))]))
}

#[test]
fn spellings_of_the_same_name_and_version_agree() {
    for (name, version) in [("foo-bar", "1.0"), ("FOO.BAR", "1"), ("foo__bar", "1.0.0"), ("foo_bar", "v1.0")]
    {
        testing::read(WHEEL, &wheel_saying(name, version)).unwrap();
    }
    for (filename, version) in [
        ("foo_bar-1.0+cu124-py3-none-any.whl", "1.0+cu124"),
        ("foo_bar-1.0+cu124-py3-none-any.whl", "1.0+CU124"),
        ("foo_bar-1!2.0-py3-none-any.whl", "1!2.0"),
        ("foo_bar-1.0.post1-1-py3-none-any.whl", "1.0-1"),
    ] {
        testing::read(filename, &wheel_saying("foo-bar", version)).unwrap();
    }
    for (filename, version) in [
        ("foo-bar-1.0-dirty.tar.gz", "1.0-dirty"),
        ("foo-bar-1.0-dirty.tar.gz", "1.0_Dirty"),
        ("foo-bar-1.0-1.tar.gz", "1.0.post1"),
        ("foo-bar-1.0-beta-x.tgz", "1.0 beta/x"),
    ] {
        testing::read(filename, &sdist_saying(version)).unwrap();
    }
}

#[test]
fn another_project_or_version_inside_disagrees() {
    for (name, version, expected) in [
        ("foo", "1.0", "project"),
        ("foo-bar-baz", "1.0", "project"),
        ("\u{1b}[31mfoo bar", "1.0", "project"),
        ("foo-bar", "1.1", "version"),
        ("foo-bar", "1.0+local", "version"),
        ("foo-bar", "1.0rc1", "version"),
        ("foo-bar", "one", "version"),
    ] {
        let error = testing::read(WHEEL, &wheel_saying(name, version)).unwrap_err();
        assert!(
            matches!(&error, DistError::Disagrees { field, .. } if *field == expected),
            "{name} {version}: {error}"
        );
        assert!(!error.to_string().contains('\u{1b}'));
    }
    let error =
        testing::read("foo_bar-1.0+cu124-py3-none-any.whl", &wheel_saying("foo-bar", "1.0")).unwrap_err();
    assert!(matches!(error, DistError::Disagrees { field: "version", .. }), "{error}");
    let error = testing::read("foo-bar-1.0.tar.gz", &sdist_saying("2.0")).unwrap_err();
    assert!(matches!(error, DistError::Disagrees { field: "version", .. }), "{error}");
}

#[test]
fn metadata_that_cannot_be_read_is_told_apart_from_none() {
    for content in [&b""[..], b"Name: foo-bar\n", b"<html>"] {
        let error = testing::read(WHEEL, &zip(&[("foo_bar-1.0.dist-info/METADATA", content)])).unwrap_err();
        assert!(matches!(error, DistError::BadMetadata(_)), "{error}");
    }
}

#[test]
fn kinds_that_depot_does_not_look_into_are_unsupported() {
    for filename in [
        "foo_bar-1.0-py2.7.egg",
        "foo-bar-1.0.win32.exe",
        "foo-bar-1.0.tar.bz2",
        "foo-bar-1.0.tar.xz",
        "foo-bar-1.0.tar.Z",
    ] {
        let error = testing::read(filename, b"anything").unwrap_err();
        assert!(matches!(error, DistError::Unsupported { .. }), "{filename}: {error}");
    }
}

#[test]
fn pages_and_empty_files_are_no_archives() {
    let page = "<!DOCTYPE html><title>Sign in</title>".repeat(100);
    for filename in [WHEEL, "foo-bar-1.0.tar.gz", "foo-bar-1.0.zip", "foo-bar-1.0.tar"] {
        for bytes in [&b""[..], b"P", b"PK\x03\x04", page.as_bytes(), &[0x1f, 0x8b]] {
            let error = testing::read(filename, bytes).unwrap_err();
            assert!(matches!(error, DistError::NotAnArchive { .. }), "{filename}: {error}");
        }
    }
    assert!(testing::read(WHEEL, b"").unwrap_err().to_string().contains("empty"));
}

#[test]
fn an_archive_of_another_kind_is_no_archive_of_this_one() {
    let sdist = tar(&sdist_entries());
    for (filename, bytes) in [
        (WHEEL, gzip(&sdist)),
        ("foo-bar-1.0.tar.gz", wheel()),
        ("foo-bar-1.0.tar.gz", sdist.clone()),
        ("foo-bar-1.0.tar", gzip(&sdist)),
        ("foo-bar-1.0.zip", sdist.clone()),
        // A zip behind a tar, and a tar whose padding holds a zip.
        (WHEEL, [sdist, wheel()].concat()),
    ] {
        let error = testing::read(filename, &bytes).unwrap_err();
        assert!(matches!(error, DistError::NotAnArchive { .. }), "{filename}: {error}");
    }
}

#[test]
fn every_cut_of_a_sound_archive_is_refused() {
    let wheel = wheel();
    for end in 0..wheel.len() {
        let error = testing::read(WHEEL, &wheel[..end]).unwrap_err();
        assert!(matches!(error, DistError::NotAnArchive { .. }), "{end}: {error}");
    }
    let sdist = gzip(&tar(&sdist_entries()[..2]));
    for end in 0..sdist.len() {
        // What unpacks from the start of it has no PKG-INFO, and may be a whole tar but for its end.
        let error = testing::read("foo-bar-1.0.tar.gz", &sdist[..end]).unwrap_err();
        assert!(
            matches!(error, DistError::NotAnArchive { .. } | DistError::NoMetadata { .. }),
            "{end}: {error}"
        );
    }
}

/// Overwrites, cuts and inserts, as a fuzzer would.
fn mutate(bytes: &mut Vec<u8>, edits: &[(prop::sample::Index, u8, u8)]) {
    for (index, kind, value) in edits {
        if bytes.is_empty() {
            return;
        }
        let at = index.index(bytes.len());
        match kind % 8 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, *value),
            2 => {
                bytes.remove(at);
            }
            3 => {
                let end = bytes.len().min(at + 4);
                bytes[at..end].fill(0xff);
            }
            _ => bytes[at] = *value,
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 1..6)
}

/// What the `zip` crate reads as the metadata.
fn as_the_zip_crate_reads_it(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut file = archive.by_name("foo_bar-1.0.dist-info/METADATA").ok()?;
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut content).ok()?;
    Some(content)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_wheel_is_refused_or_read_as_others_read_it(edits in edits()) {
        let mut bytes = wheel();
        mutate(&mut bytes, &edits);
        if let Ok(contents) = testing::read(WHEEL, &bytes) {
            prop_assert_eq!(as_the_zip_crate_reads_it(&bytes), Some(contents.raw_metadata));
        }
    }

    #[test]
    fn a_mutated_directory_never_panics(edits in edits(), keep in 0..60_usize) {
        // The end of the file is where all the numbers are; most edits of a whole wheel miss it.
        let mut bytes = wheel();
        let mut end = bytes.split_off(bytes.len() - 22 - keep * 5);
        mutate(&mut end, &edits);
        bytes.extend(end);
        if let Ok(contents) = testing::read(WHEEL, &bytes) {
            prop_assert_eq!(contents.raw_metadata, METADATA);
        }
    }

    #[test]
    fn a_mutated_sdist_never_panics(edits in edits(), inside: bool) {
        let mut bytes = tar(&sdist_entries());
        if inside {
            mutate(&mut bytes, &edits);
        }
        let _ = testing::read("foo-bar-1.0.tar", &bytes);
        bytes = gzip(&bytes);
        if !inside {
            mutate(&mut bytes, &edits);
        }
        let _ = testing::read("foo-bar-1.0.tar.gz", &bytes);
    }

    #[test]
    fn a_mutated_tar_header_with_a_right_checksum_never_panics(edits in edits(), entry in 0..4_usize) {
        let mut entries = sdist_entries();
        let mut header = entries[entry][..512].to_vec();
        mutate(&mut header, &edits);
        header.resize(512, 0);
        let mut header = tar::Header::from_byte_slice(&header).clone();
        header.set_cksum();
        entries[entry][..512].copy_from_slice(header.as_bytes());
        let _ = testing::read("foo-bar-1.0.tar", &tar(&entries));
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000), prefix in 0..3_usize) {
        let bytes = [[&b""[..], b"PK\x03\x04", &[0x1f, 0x8b, 8]][prefix].to_vec(), bytes].concat();
        for filename in [WHEEL, "foo-bar-1.0.tar.gz", "foo-bar-1.0.zip", "foo-bar-1.0.tar"] {
            prop_assert!(testing::read(filename, &bytes).is_err());
        }
    }
}

#[test]
#[ignore = "a measurement: run with --release --nocapture"]
fn reading_a_small_wheel_takes_microseconds() {
    let wheel = wheel();
    let filename = DistributionFilename::guess(WHEEL).unwrap();
    let start = std::time::Instant::now();
    for _ in 0..10_000 {
        read(Cursor::new(&wheel), &filename, &Limits::default()).unwrap();
    }
    println!("{:?} each", start.elapsed() / 10_000);
}
