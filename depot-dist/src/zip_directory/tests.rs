use zip::{CompressionMethod, write::SimpleFileOptions};

use crate::{
    DistError, Limits,
    testing::{
        METADATA, RawMember, WHEEL, end_record, raw_zip, read, read_under, wheel_members, zip, zip_with,
    },
};

const NAME: &str = "foo_bar-1.0.dist-info/METADATA";

fn metadata() -> RawMember {
    RawMember::deflated(NAME, METADATA)
}

fn code() -> RawMember {
    RawMember::stored("foo_bar.py", b"print('hello')\n")
}

fn read_raw(members: &[RawMember]) -> Result<Vec<u8>, DistError> {
    read(WHEEL, &raw_zip(members)).map(|contents| contents.raw_metadata)
}

#[test]
fn stored_deflated_zip64_and_commented_archives_are_read() {
    let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let stored = deflated.compression_method(CompressionMethod::Stored);
    let long_comment = "PK ".repeat(20_000);
    for (options, comment) in [
        (deflated, ""),
        (stored, ""),
        (deflated.large_file(true), ""),
        (deflated, "a comment"),
        (deflated, &long_comment),
    ] {
        let wheel = zip_with(&wheel_members(), options, comment);
        assert_eq!(read(WHEEL, &wheel).unwrap().raw_metadata, METADATA);
    }
}

#[test]
fn an_archive_of_hand_written_headers_is_read() {
    assert_eq!(read_raw(&[code(), metadata()]).unwrap(), METADATA);
}

#[test]
fn sizes_may_follow_the_content() {
    // Bit 3: local sizes and checksum are 0, and stand behind the content.
    let member = RawMember { flags: 8, ..metadata() };
    let mut bytes = raw_zip(std::slice::from_ref(&member));
    bytes[14..26].fill(0);
    assert_eq!(read(WHEEL, &bytes).unwrap().raw_metadata, METADATA);
    // Without the bit nobody may leave them out.
    let mut bytes = raw_zip(&[metadata()]);
    bytes[14..26].fill(0);
    assert!(matches!(read(WHEEL, &bytes), Err(DistError::NotAnArchive { .. })));
}

#[test]
fn more_than_65535_members_are_read_from_a_zip64_directory() {
    let names: Vec<String> = (0..70_000).map(|number| format!("foo_bar/{number}.py")).collect();
    let mut members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    members.push((NAME, METADATA));
    let wheel = zip(&members);
    assert_eq!(read(WHEEL, &wheel).unwrap().raw_metadata, METADATA);
    let limits = Limits { max_members: 70_000, ..Limits::default() };
    let error = read_under(WHEEL, &wheel, &limits).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { limit: 70_000, .. }), "{error}");
    let limits = Limits { max_directory_size: 1024 * 1024, ..Limits::default() };
    let error = read_under(WHEEL, &wheel, &limits).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { .. }), "{error}");
}

#[test]
fn a_directory_is_not_believed_about_its_own_size() {
    let sound = raw_zip(&[code(), metadata()]);
    let start = sound.windows(4).position(|window| window == b"PK\x01\x02").unwrap() as u32;
    let size = sound.len() as u32 - 22 - start;
    let with_end = |end: Vec<u8>| [&sound[..sound.len() - 22], &end].concat();
    read(WHEEL, &with_end(end_record(2, size, start))).unwrap();
    for (members, size, start) in [
        (1, size, start),
        (3, size, start),
        (65_535, size, start),
        (0, size, start),
        (2, size - 1, start),
        (2, size, start - 1),
        (2, size + 1, start - 1),
        (2, u32::MAX, start),
        (2, size, u32::MAX),
        (65_535, u32::MAX, u32::MAX),
        (0, 0, 0),
    ] {
        let error = read(WHEEL, &with_end(end_record(members, size, start))).unwrap_err();
        assert!(matches!(error, DistError::NotAnArchive { .. }), "{members} {size} {start}: {error}");
    }
}

#[test]
fn zip64_records_that_contradict_are_refused() {
    let sound = raw_zip(&[code(), metadata()]);
    let start = sound.windows(4).position(|window| window == b"PK\x01\x02").unwrap() as u64;
    let size = sound.len() as u64 - 22 - start;
    let build = |members: u64, size: u64, offset: u64, at: u64, small: u16| {
        let mut bytes = sound[..sound.len() - 22].to_vec();
        bytes.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0");
        for number in [members, members, size, offset] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend(at.to_le_bytes());
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(end_record(small, u32::MAX, u32::MAX));
        bytes
    };
    let at = start + size;
    for small in [2, u16::MAX] {
        assert_eq!(read(WHEEL, &build(2, size, start, at, small)).unwrap().raw_metadata, METADATA);
    }
    for (members, size, offset, at, small) in [
        (2, size, start, at, 1),
        (u64::MAX, size, start, at, u16::MAX),
        (1 << 40, size, start, at, u16::MAX),
        (2, u64::MAX, start, at, 2),
        (2, size, u64::MAX, at, 2),
        (2, u64::MAX, 1, at, 2),
        (2, size, start, at - 1, 2),
        (2, size, start, u64::MAX, 2),
    ] {
        let error = read(WHEEL, &build(members, size, offset, at, small)).unwrap_err();
        assert!(
            matches!(error, DistError::NotAnArchive { .. } | DistError::TooLarge { .. }),
            "{members} {size} {offset} {at}: {error}"
        );
    }
}

#[test]
fn bytes_around_the_archive_are_refused() {
    let sound = raw_zip(&[code(), metadata()]);
    for (what, bytes) in [
        ("in front", [b"#!/bin/sh\n", &sound[..]].concat()),
        ("behind", [&sound[..], b"\0"].concat()),
        ("two archives", [&sound[..], &sound].concat()),
    ] {
        let error = read(WHEEL, &bytes).unwrap_err();
        assert!(matches!(error, DistError::NotAnArchive { .. }), "{what}: {error}");
    }
    // A program in front, with offsets that allow for it.
    let mut shifted = vec![code(), metadata()];
    shifted[0].offset = Some(30 + 10 + 15);
    shifted[0].compressed = 0;
    shifted[0].uncompressed = 0;
    let error = read_raw(&shifted).unwrap_err();
    assert!(error.to_string().contains("before its first member"), "{error}");
}

#[test]
fn names_that_are_unsafe_or_stand_twice_are_refused() {
    for name in
        ["../evil", "/evil", "a\\b", "C:evil", "a\0b", "", "a//b", "./a", "a/./b", "a/.", "foo_bar.py"]
    {
        let error = read_raw(&[code(), metadata(), RawMember::stored(name, b"")]).unwrap_err();
        assert!(matches!(error, DistError::UnsafeMember { .. }), "{name}: {error}");
    }
    let error =
        read_raw(&[RawMember::stored("foo_bar/", b""), RawMember::stored("foo_bar", b""), metadata()]);
    assert!(matches!(error, Err(DistError::UnsafeMember { .. })));
}

#[test]
fn a_second_name_in_an_extra_field_is_refused() {
    let unicode_path = |path: &str| {
        let mut extra = vec![0x75, 0x70];
        extra.extend((path.len() as u16 + 5).to_le_bytes());
        extra.extend([1, 0, 0, 0, 0]);
        extra.extend(path.as_bytes());
        extra
    };
    for path in [NAME, "../evil", "\u{fc}/../../evil"] {
        let error = read_raw(&[RawMember { extra: unicode_path(path), ..code() }, metadata()]).unwrap_err();
        assert!(matches!(error, DistError::UnsafeMember { .. }), "{path}: {error}");
    }
    for path in ["foo_bar.py", "gr\u{fc}n.py"] {
        read_raw(&[RawMember { extra: unicode_path(path), ..code() }, metadata()]).unwrap();
    }
}

#[test]
fn broken_extra_fields_are_refused_and_padding_is_not() {
    for extra in
        [&[1, 0, 9, 0][..], &[1, 0, 0, 0, 1, 0, 0, 0], &[0x75, 0x70, 2, 0, 1, 1], &[9, 9, 255, 255, 0]]
    {
        let error = read_raw(&[RawMember { extra: extra.to_vec(), ..code() }, metadata()]).unwrap_err();
        assert!(matches!(error, DistError::NotAnArchive { .. }), "{extra:?}: {error}");
    }
    // Saturated sizes without the zip64 numbers that they stand for.
    let mut member = RawMember { extra: vec![1, 0, 0, 0], ..code() };
    member.compressed = u32::MAX;
    member.uncompressed = u32::MAX;
    assert!(matches!(read_raw(&[member, metadata()]), Err(DistError::NotAnArchive { .. })));
    for extra in [&[0][..], &[0, 0, 0], &[9, 9, 1, 0, 0, 0, 0]] {
        read_raw(&[RawMember { extra: extra.to_vec(), ..code() }, metadata()]).unwrap();
    }
}

#[test]
fn metadata_that_lies_about_itself_is_refused() {
    let (smaller, larger) = (METADATA.len() as u32 - 1, METADATA.len() as u32 + 1);
    let stored = RawMember::stored(NAME, METADATA);
    for (what, member) in [
        ("unpacks to more", RawMember { uncompressed: smaller, ..metadata() }),
        ("unpacks to less", RawMember { uncompressed: larger, ..metadata() }),
        ("another checksum", RawMember { crc: 1, ..metadata() }),
        ("a stream cut short", RawMember { compressed: 20, ..metadata() }),
        ("stored with two sizes", RawMember { uncompressed: smaller, ..stored.clone() }),
        ("stored, called deflated", RawMember { method: 8, ..stored }),
        ("another local name", RawMember { local_name: Some(vec![b'x'; NAME.len()]), ..metadata() }),
        ("a longer local name", RawMember { local_name: Some(format!("{NAME}x").into()), ..metadata() }),
        ("a place in the directory", RawMember { compressed: 1_000, ..metadata() }),
        ("another place", RawMember { offset: Some(1), ..metadata() }),
        ("a place far away", RawMember { offset: Some(u32::MAX), ..metadata() }),
    ] {
        let error = read_raw(&[code(), member]).unwrap_err();
        assert!(matches!(error, DistError::NotAnArchive { .. }), "{what}: {error}");
    }
}

#[test]
fn a_bomb_is_refused_by_what_it_claims_and_by_what_it_does() {
    let zeros = RawMember::deflated("foo_bar/zeros", &vec![0; 70 * 1024 * 1024]);
    let error = read_raw(&[zeros, metadata()]).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { limit, .. } if limit == 64 << 20), "{error}");
    // Metadata of 100 MiB, and metadata that only says that it is small.
    let zeros = RawMember::deflated(NAME, &vec![0; 20 * 1024 * 1024]);
    let error = read_raw(std::slice::from_ref(&zeros)).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { limit, .. } if limit == 10 << 20), "{error}");
    let error = read_raw(&[RawMember { uncompressed: 100, ..zeros }]).unwrap_err();
    assert!(matches!(error, DistError::NotAnArchive { .. }), "{error}");
    // Sizes whose sum does not fit.
    let mut extra = vec![1, 0, 8, 0];
    extra.extend(u64::MAX.to_le_bytes());
    let large =
        |name| RawMember { uncompressed: u32::MAX, extra: extra.clone(), ..RawMember::deflated(name, b"x") };
    let error = read_raw(&[large("a"), large("b"), metadata()]).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { .. }), "{error}");
}

#[test]
fn members_that_share_bytes_are_refused() {
    let first = RawMember::stored("foo_bar/a", &[0; 100]);
    for offset in [0, 1, 50] {
        let second = RawMember { offset: Some(offset), ..RawMember::stored("foo_bar/b", &[0; 100]) };
        let error = read_raw(&[first.clone(), second, metadata()]).unwrap_err();
        assert!(error.to_string().contains("overlap"), "{offset}: {error}");
    }
}

#[test]
fn encrypted_and_otherwise_packed_archives_are_unsupported() {
    for member in [
        RawMember { flags: 1, ..metadata() },
        RawMember { flags: 1 << 6, ..metadata() },
        RawMember { flags: 1 << 13, ..metadata() },
        RawMember { method: 14, ..metadata() },
        RawMember { method: 93, ..metadata() },
        RawMember { method: 99, ..metadata() },
    ] {
        let error = read_raw(&[code(), member]).unwrap_err();
        assert!(matches!(error, DistError::Unsupported { .. }), "{error}");
    }
}
