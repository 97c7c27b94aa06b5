use super::*;
use crate::Target;

/// Whether a marker is true for a target; extras and groups after `|`.
fn applies(target: &str, marker: &str) -> bool {
    let (marker, asked) = marker.split_once('|').unwrap_or((marker, ""));
    let names: Vec<String> = asked.split_whitespace().map(str::to_owned).collect();
    let (groups, extras): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| name.starts_with(':'));
    let groups: Vec<String> = groups.iter().map(|name| name[1..].to_owned()).collect();
    let target: Target = target.parse().unwrap();
    let marker: Marker = marker.parse().unwrap();
    marker.applies_with_groups(target.environment(), &extras, &groups)
}

#[test]
fn the_sets_of_lock_files_are_understood() {
    for (marker, applied) in [
        ("'x' in extras", false),
        ("'x' in extras|x", true),
        ("'x' in extras|y x", true),
        ("'X_y' in extras|x-y", true),
        ("'x' not in extras|x", false),
        ("'x' in extras|:x", false),
        ("'dev' in dependency_groups|:dev", true),
        ("'dev' in dependency_groups|dev", false),
        ("'dev' in dependency_groups or 'x' in extras|x", true),
        ("('x' in extras) and sys_platform == 'win32'|x", false),
    ] {
        assert_eq!(applies("cp312-linux", marker), applied, "{marker}");
    }
}

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
