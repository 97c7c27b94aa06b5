use std::io::Cursor;

use depot_proto::DistributionFilename;

use crate::{
    DistError, Limits,
    testing::{
        METADATA, Watched, gzip, pax, read, read_under, sdist_entries, tar, tar_entry, tar_entry_sized, zip,
    },
};

const TAR_GZ: &str = "foo_bar-1.0.tar.gz";
const PKG_INFO: &str = "foo_bar-1.0/PKG-INFO";

#[test]
fn another_file_of_the_top_folder_is_found_in_every_packing_or_is_not_there() {
    let (name, text) = ("pyproject.toml", b"[project]".as_slice());
    let sdist = tar(&[sdist_entries(), vec![tar_entry(b'0', "foo_bar-1.0/pyproject.toml", text)]].concat());
    let zipped = zip(&[("foo-bar-1.0/a/pyproject.toml", b"x"), ("foo-bar-1.0/pyproject.toml", text)]);
    for (filename, bytes) in [(TAR_GZ, gzip(&sdist)), ("foo-bar-1.0.tar", sdist), ("foo-bar-1.0.zip", zipped)]
    {
        let parsed = DistributionFilename::parse(filename, &"foo-bar".parse().unwrap()).unwrap();
        let file =
            |name| crate::read_sdist_file(Cursor::new(&bytes), &parsed, name, &Limits::default()).unwrap();
        assert_eq!(file(name).as_deref(), Some(text), "{filename}");
        assert_eq!(file("setup.cfg"), None, "{filename}");
    }
    let wheel = DistributionFilename::guess("foo_bar-1.0-py3-none-any.whl").unwrap();
    let refused = crate::read_sdist_file(Cursor::new(b""), &wheel, name, &Limits::default()).unwrap_err();
    assert!(matches!(refused, DistError::Unsupported { .. }), "{refused}");
}

fn read_tar(entries: &[Vec<u8>]) -> Result<Vec<u8>, DistError> {
    read(TAR_GZ, &gzip(&tar(entries))).map(|contents| contents.raw_metadata)
}

#[test]
fn the_pkg_info_of_the_top_folder_is_found_in_every_packing() {
    let sdist = tar(&sdist_entries());
    for (filename, bytes) in [
        (TAR_GZ, gzip(&sdist)),
        ("foo.bar-1.0.tgz", gzip(&sdist)),
        ("Foo-Bar-1.0.tar", sdist),
        ("foo-bar-1.0.zip", zip(&[("foo-bar-1.0/a/PKG-INFO", b""), ("foo-bar-1.0/PKG-INFO", METADATA)])),
    ] {
        assert_eq!(read(filename, &bytes).unwrap().raw_metadata, METADATA, "{filename}");
    }
}

#[test]
fn names_may_start_with_a_dot_folder_and_macos_leftovers_are_passed_over() {
    let found = read_tar(&[
        tar_entry(b'5', "./", b""),
        tar_entry(b'0', "./._foo_bar-1.0", b"x"),
        tar_entry(b'5', "./foo_bar-1.0/", b""),
        tar_entry(b'0', "./foo_bar-1.0/PKG-INFO", METADATA),
    ]);
    assert_eq!(found.unwrap(), METADATA);
}

#[test]
fn long_names_and_pax_headers_name_the_next_member() {
    let noise = [pax("LIBARCHIVE.xattr", "a\nb\n9 path=x\n"), pax("mtime", "1.5")].concat();
    for entries in [
        vec![tar_entry(b'L', "././@LongLink", b"foo_bar-1.0/PKG-INFO\0"), tar_entry(b'0', "foo_b", METADATA)],
        vec![tar_entry(b'x', "pax", &pax("path", PKG_INFO)), tar_entry(b'0', "foo_b", METADATA)],
        vec![
            tar_entry(b'g', "pax_global_header", &pax("comment", "0123abcd")),
            tar_entry(b'x', "pax", &noise),
            tar_entry(b'0', PKG_INFO, METADATA),
        ],
        vec![
            tar_entry(b'x', "pax", &pax("size", &METADATA.len().to_string())),
            tar_entry(b'0', PKG_INFO, METADATA),
        ],
        vec![
            tar_entry(b'K', "././@LongLink", b"to"),
            tar_entry(b'2', "foo_bar-1.0/link", b""),
            tar_entry(0, PKG_INFO, METADATA),
        ],
    ] {
        assert_eq!(read_tar(&entries).unwrap(), METADATA);
    }
}

#[test]
fn headers_that_readers_understand_differently_are_refused() {
    let pkg_info = || tar_entry(b'0', PKG_INFO, METADATA);
    let path = pax("path", PKG_INFO);
    for (what, entries) in [
        ("two sizes", vec![tar_entry(b'x', "pax", &pax("size", "512")), pkg_info()]),
        ("no size", vec![tar_entry(b'x', "pax", &pax("size", "x")), pkg_info()]),
        ("a size for all", vec![tar_entry(b'g', "pax", &pax("size", "0")), pkg_info()]),
        ("a path for all", vec![tar_entry(b'g', "pax", &path), pkg_info()]),
        ("two pax headers", vec![tar_entry(b'x', "pax", &path), tar_entry(b'x', "pax", &path), pkg_info()]),
        ("two long names", vec![tar_entry(b'L', "l", b"a"), tar_entry(b'L', "l", b"b"), pkg_info()]),
        ("both", vec![tar_entry(b'L', "l", b"a"), tar_entry(b'x', "pax", &path), pkg_info()]),
        ("broken pax", vec![tar_entry(b'x', "pax", b"12 path=abcdefgh\n"), pkg_info()]),
        ("a link with content", vec![tar_entry(b'1', "foo_bar-1.0/x", b"x"), pkg_info()]),
        ("a folder with content", vec![tar_entry(b'5', "foo_bar-1.0/x", b"x"), pkg_info()]),
        ("nothing announced", vec![tar_entry(b'L', "l", b"foo_bar-1.0/x")]),
        ("many headers", [vec![tar_entry(b'g', "g", b""); 9], vec![pkg_info()]].concat()),
        ("a long header", vec![tar_entry(b'x', "pax", &vec![b'1'; 1024 * 1024 + 1]), pkg_info()]),
        ("a lying size", vec![tar_entry_sized(b'x', "pax", b"", u64::MAX)]),
        ("an overflowing size", vec![tar_entry_sized(b'0', "foo_bar-1.0/x", b"", u64::MAX - 1)]),
        ("a member cut short", vec![tar_entry_sized(b'0', "foo_bar-1.0/x", b"", 1 << 40)]),
    ] {
        let error = read_tar(&entries).unwrap_err();
        assert!(matches!(error, DistError::NotAnArchive { .. }), "{what}: {error}");
    }
    for entry in [tar_entry(b'S', "foo_bar-1.0/x", b""), tar_entry(b'x', "p", &pax("GNU.sparse.major", "1"))]
    {
        let error = read_tar(&[entry]).unwrap_err();
        assert!(matches!(error, DistError::Unsupported { .. }), "{error}");
    }
}

#[test]
fn members_that_leave_the_folder_are_refused() {
    let outside = [
        tar_entry(b'0', "../evil", b""),
        tar_entry(b'0', "/etc/passwd", b""),
        tar_entry(b'0', "foo_bar-1.0/../../evil", b""),
        tar_entry(b'0', "foo_bar-1.0\\..\\evil", b""),
        [tar_entry(b'L', "l", b"../evil"), tar_entry(b'0', "good", b"")].concat(),
        [tar_entry(b'L', "l", b"good\0/../../evil"), tar_entry(b'0', "good", b"")].concat(),
        [tar_entry(b'x', "p", &pax("path", "../evil")), tar_entry(b'0', "good", b"")].concat(),
    ];
    for entry in outside {
        let error = read_tar(&[entry, tar_entry(b'0', PKG_INFO, METADATA)]).unwrap_err();
        assert!(matches!(error, DistError::UnsafeMember { .. }), "{error}");
    }
}

#[test]
fn pkg_info_counts_only_as_a_file_in_the_one_top_folder() {
    for (what, entries) in [
        ("nothing", vec![]),
        ("deeper", vec![tar_entry(b'0', "foo_bar-1.0/src/PKG-INFO", METADATA)]),
        ("at the top", vec![tar_entry(b'0', "PKG-INFO", METADATA)]),
        ("a folder", vec![tar_entry(b'5', "foo_bar-1.0/PKG-INFO/", b"")]),
        ("a link", vec![tar_entry(b'2', PKG_INFO, b"")]),
        ("two folders", vec![tar_entry(b'0', "other/x", b""), tar_entry(b'0', PKG_INFO, METADATA)]),
        ("a file beside", vec![tar_entry(b'0', "setup.py", b""), tar_entry(b'0', PKG_INFO, METADATA)]),
    ] {
        let error = read_tar(&entries).unwrap_err();
        assert!(matches!(error, DistError::NoMetadata { .. }), "{what}: {error}");
    }
    let both = zip(&[(PKG_INFO, METADATA), ("other/PKG-INFO", METADATA)]);
    let error = read("foo-bar-1.0.zip", &both).unwrap_err();
    assert!(matches!(error, DistError::NoMetadata { .. }), "{error}");
}

#[test]
fn a_bomb_is_given_up_at_the_limit() {
    let zeros = vec![0; 70 * 1024 * 1024];
    let bomb = [tar_entry(b'0', "foo_bar-1.0/zeros", &zeros), tar_entry(b'0', PKG_INFO, METADATA)];
    let packed = gzip(&tar(&bomb));
    let error = read(TAR_GZ, &packed).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { limit, .. } if limit == 64 << 20), "{error}");
    // The stream has its own bound, even where the ratio would allow more.
    let limits = Limits { max_ratio: 10_000, ..Limits::default() };
    read_under(TAR_GZ, &packed, &limits).unwrap();
    let limits = Limits { max_stream_size: 1024 * 1024, ..limits };
    let error = read_under(TAR_GZ, &packed, &limits).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { limit, .. } if limit == 1 << 20), "{error}");
}

#[test]
fn too_many_members_and_too_much_metadata_are_refused() {
    let limits = Limits { max_members: 3, ..Limits::default() };
    let sdist = gzip(&tar(&sdist_entries()));
    // The one behind PKG-INFO is not looked at.
    read_under(TAR_GZ, &sdist, &limits).unwrap();
    let limits = Limits { max_members: 2, ..limits };
    let error = read_under(TAR_GZ, &sdist, &limits).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { limit: 2, .. }), "{error}");

    let limits = Limits { max_metadata_size: METADATA.len() as u64 - 1, ..Limits::default() };
    let error = read_under(TAR_GZ, &sdist, &limits).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { .. }), "{error}");
}

#[test]
fn concatenated_gzip_members_are_one_stream_and_what_follows_the_metadata_is_not_read() {
    let sdist = tar(&sdist_entries());
    let packed = [gzip(&sdist[..700]), gzip(b""), gzip(&sdist[700..]), b"not gzip".to_vec()].concat();
    assert_eq!(read(TAR_GZ, &packed).unwrap().raw_metadata, METADATA);
}

#[test]
fn a_failing_reader_is_told_apart_from_a_file_that_ends_early() {
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(300_000)
    .collect();
    let entries = [tar_entry(b'0', "foo_bar-1.0/noise", &noise), tar_entry(b'0', PKG_INFO, METADATA)];
    let plain = tar(&entries);
    let packed = gzip(&plain);
    for (filename, bytes) in [(TAR_GZ, &packed), ("foo_bar-1.0.tar", &plain)] {
        let parsed = DistributionFilename::guess(filename).unwrap();
        for fail_after in [0, 1, 100_000] {
            let reader = Watched { fail_after, ..Watched::new(bytes) };
            let error = crate::read(reader, &parsed, &Limits::default()).unwrap_err();
            assert!(matches!(error, DistError::Io(_)), "{filename} {fail_after}: {error}");
        }
        let error = read(filename, &bytes[..100_000]).unwrap_err();
        assert!(matches!(error, DistError::NotAnArchive { .. }), "{filename}: {error}");
    }
}
