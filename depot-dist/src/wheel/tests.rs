use depot_proto::DistributionFilename;

use crate::{
    DistError, Limits,
    testing::{METADATA, WHEEL, Watched, read, read_under, wheel, wheel_members, zip},
};

fn wheel_with_folder(folder: &str) -> Vec<u8> {
    zip(&[("foo_bar.py", b""), (&format!("{folder}/METADATA"), METADATA)])
}

#[test]
fn the_metadata_of_a_wheel_comes_out_byte_for_byte() {
    let contents = read(WHEEL, &wheel()).unwrap();
    assert_eq!(contents.raw_metadata, METADATA);
    assert_eq!(contents.metadata.requires_python.as_deref(), Some(">=3.9"));
}

#[test]
fn old_spellings_of_the_folder_belong_to_the_project() {
    for folder in ["Foo.Bar-1.0", "foo-bar-1.0", "foo_bar", "FOO__bar-1.0-dev+x"] {
        let wheel = wheel_with_folder(&format!("{folder}.dist-info"));
        assert_eq!(read(WHEEL, &wheel).unwrap().raw_metadata, METADATA, "{folder}");
    }
}

#[test]
fn a_folder_of_another_project_disagrees() {
    for folder in ["foo-1.0", "foo_barr-1.0", "bar-1.0", "", "-1.0", "\u{fc}-1.0"] {
        let error = read(WHEEL, &wheel_with_folder(&format!("{folder}.dist-info"))).unwrap_err();
        assert!(matches!(error, DistError::Disagrees { field: "project", .. }), "{folder}: {error}");
    }
}

#[test]
fn the_folder_counts_only_at_the_top_and_only_with_metadata() {
    for names in [
        &["foo_bar.py"][..],
        &["src/foo_bar-1.0.dist-info/METADATA"],
        &["foo_bar-1.0.dist-info"],
        &["METADATA"],
        &["foo_bar-1.0.dist-info/RECORD"],
        &["foo_bar-1.0.dist-info/licenses/METADATA"],
        &["foo_bar-1.0.dist-info/metadata"],
        &["foo_bar-1.0.data/METADATA", "foo_bar-1.0.dist-info/WHEEL"],
    ] {
        let members: Vec<_> = names.iter().map(|name| (*name, METADATA)).collect();
        let error = read(WHEEL, &zip(&members)).unwrap_err();
        assert!(matches!(error, DistError::NoMetadata { .. }), "{names:?}: {error}");
    }
}

#[test]
fn a_second_dist_info_folder_is_refused() {
    for second in ["foo_bar-2.0.dist-info/METADATA", "other-1.0.dist-info/RECORD", "Foo_Bar-1.0.dist-info/x"]
    {
        let mut members = wheel_members();
        members.push((second, METADATA));
        let error = read(WHEEL, &zip(&members)).unwrap_err();
        assert!(matches!(error, DistError::NoMetadata { .. }), "{second}: {error}");
        assert!(error.to_string().contains("more than one"), "{error}");
    }
}

#[test]
fn a_dist_info_folder_deeper_down_does_no_harm() {
    let mut members = wheel_members();
    members.push(("foo_bar/vendored/other-1.0.dist-info/METADATA", b"Name: other\n"));
    assert_eq!(read(WHEEL, &zip(&members)).unwrap().raw_metadata, METADATA);
}

#[test]
fn metadata_over_the_limit_is_not_read() {
    let limits = Limits { max_metadata_size: METADATA.len() as u64 - 1, ..Limits::default() };
    let error = read_under(WHEEL, &wheel(), &limits).unwrap_err();
    assert!(matches!(error, DistError::TooLarge { .. }), "{error}");
    let limits = Limits { max_metadata_size: METADATA.len() as u64, ..Limits::default() };
    read_under(WHEEL, &wheel(), &limits).unwrap();
}

#[test]
fn only_the_end_and_the_metadata_of_a_large_wheel_are_read() {
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(1 << 20)
    .collect();
    let mut members = wheel_members();
    members.insert(0, ("foo_bar/model.bin", &noise));
    members.push(("foo_bar/other.bin", &noise));
    let wheel = zip(&members);
    let mut reader = Watched::new(&wheel);
    crate::read(&mut reader, &DistributionFilename::guess(WHEEL).unwrap(), &Limits::default()).unwrap();
    assert!(reader.bytes < 10_000, "{} bytes of {}", reader.bytes, wheel.len());
    assert!(reader.reads < 8, "{} reads", reader.reads);
}

#[test]
fn a_failing_reader_says_nothing_about_the_file() {
    let wheel = wheel();
    let filename = DistributionFilename::guess(WHEEL).unwrap();
    let reader = Watched { fail_after: 0, ..Watched::new(&wheel) };
    let error = crate::read(reader, &filename, &Limits::default()).unwrap_err();
    assert!(matches!(error, DistError::Io(_)), "{error}");
}
