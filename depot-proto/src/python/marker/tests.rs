use super::*;

#[test]
fn a_marker_is_kept_as_written_and_equal_by_its_meaning() {
    let one: Marker = "python_version<'3.9'".parse().unwrap();
    let other: Marker = "'3.9' > python_version".parse().unwrap();
    assert_eq!(one, other);
    assert_eq!(one.to_string(), "python_version<'3.9'");
}

#[test]
fn what_is_no_marker_is_refused_with_a_reason() {
    for text in ["", "python", "pyhton_version < '3'", "python_version <> '3'", "os_name == posix", "extra"] {
        let error = text.parse::<Marker>().unwrap_err().to_string();
        assert!(error.contains("is not an environment marker: ") && !error.contains('\n'), "{error}");
    }
}
