use clap::Parser;

use super::*;

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    targets: TargetArgs,
}

fn args(text: &str) -> TargetArgs {
    Typed::try_parse_from(std::iter::once("depot").chain(text.split_whitespace())).unwrap().targets
}

/// Debian 12 with the Python that it brings.
fn debian() -> Found {
    let python =
        Python { interpreter: "cp311".parse().unwrap(), full_version: Some("3.11.2".parse().unwrap()) };
    let host = Host { python, platform: "manylinux_2_36_x86_64".parse().unwrap() };
    Found { program: Some("python3".to_owned()), host: Some(host), note: String::new() }
}

fn bare() -> Found {
    Found { program: None, host: None, note: " (the python there is no Python 3)".to_owned() }
}

fn on(host: &dyn Fn() -> Found, text: &str) -> (String, String) {
    let chosen = choose(&args(text), host).unwrap();
    let tags: Vec<_> = chosen.targets.iter().map(ToString::to_string).collect();
    (tags.join(" "), chosen.told)
}

fn typed(text: &str) -> String {
    on(&|| panic!("nothing is left to ask for"), text).0
}

fn refused(text: &str) -> String {
    let error = choose(&args(text), &debian).unwrap_err();
    assert!(error.is::<UsageError>(), "{text}");
    error.to_string()
}

#[test]
fn without_flags_it_is_the_python_on_path() {
    let (targets, told) = on(&debian, "");
    assert_eq!(targets, "cp311-manylinux_2_36_x86_64");
    assert_eq!(
        told,
        "for CPython 3.11.2 on linux x86_64 (glibc 2.36 or newer): the python3 on PATH; --python and --platform choose \
         others"
    );
}

#[test]
fn this_machine_can_be_named_beside_others() {
    let (targets, told) = on(&debian, "--target cp313-win_amd64 --target host");
    assert_eq!(targets, "cp313-win_amd64 cp311-manylinux_2_36_x86_64");
    assert!(
        told.contains("CPython 3.11.2 on linux x86_64 (glibc 2.36 or newer): as --target says"),
        "{told}"
    );
    let error = choose(&args("--target host"), &bare).unwrap_err().to_string();
    assert_eq!(
        error,
        "`host` is the Python on PATH, and none was found there (the python there is no Python 3)"
    );
}

#[test]
fn without_a_python_it_is_the_newest_and_that_is_said() {
    let (targets, told) = on(&bare, "--platform linux");
    assert_eq!(targets, "cp315-manylinux_2_28_x86_64");
    assert_eq!(
        told,
        "for CPython 3.15 on linux x86_64 (glibc 2.28 or newer): no Python was found on PATH (the python there is no \
         Python 3); --python chooses others"
    );
    assert!(on(&bare, "").0.starts_with("cp315-"));
}

#[test]
fn what_is_not_named_is_that_of_the_host() {
    for (text, targets) in [
        ("--python 3.9", "cp39-manylinux_2_36_x86_64"),
        ("--python 3.9 --glibc 2.17", "cp39-manylinux_2_17_x86_64"),
        ("--glibc 2.17", "cp311-manylinux_2_17_x86_64"),
        ("--platform windows", "cp311-win_amd64"),
        ("--platform windows --platform linux --glibc 2.31", "cp311-win_amd64 cp311-manylinux_2_31_x86_64"),
    ] {
        assert_eq!(on(&debian, text).0, targets, "{text}");
    }
    // The release of this machine's Python says nothing of another machine's.
    let windows = choose(&args("--platform windows"), &debian).unwrap();
    assert_eq!(windows.targets[0].full_version().to_string(), "3.11.0");
}

#[test]
fn targets_are_each_python_on_each_platform_the_newest_python_first() {
    for (text, targets) in [
        (
            "--python 3.11 --python 3.12,3.13t --platform linux,windows",
            "cp313t-manylinux_2_28_x86_64 cp313t-win_amd64 cp312-manylinux_2_28_x86_64 cp312-win_amd64 \
             cp311-manylinux_2_28_x86_64 cp311-win_amd64",
        ),
        ("--python >=3.10,<3.12 --platform macos", "cp311-macosx_13_0_arm64 cp310-macosx_13_0_arm64"),
        (
            "--python 3.12 --python 3.12 --platform linux --platform linux-x86_64",
            "cp312-manylinux_2_28_x86_64",
        ),
        (
            "--target cp39-win32 --target pp310-manylinux2014_aarch64",
            "pp310-manylinux_2_17_aarch64 cp39-win32",
        ),
    ] {
        assert_eq!(typed(text), targets, "{text}");
    }
}

#[test]
fn universal_is_every_supported_python_on_the_usual_platforms() {
    let targets = typed("--universal --glibc 2.17");
    let targets: Vec<_> = targets.split(' ').collect();
    assert_eq!(targets.len(), SUPPORTED.len() * USUAL.len());
    for target in ["cp315-win_amd64", "cp311-manylinux_2_17_aarch64", "cp313-musllinux_1_2_x86_64"] {
        assert!(targets.contains(&target), "{target}");
    }
    let told = choose(&args("--universal"), &|| panic!()).unwrap().told;
    assert!(told.starts_with("for CPython 3.15, 3.14, 3.13, 3.12, 3.11 on linux x86_64"), "{told}");
}

#[test]
fn wrong_targets_are_refused_with_words() {
    for (text, words) in [
        ("--python 3", "`3` is not a Python"),
        ("--python >4", "no Python from 3.8 to 3.15"),
        ("--platform solaris", "`solaris` is not a platform"),
        ("--target linux", "`linux` is not a target"),
        ("--target cp312-solaris", "`solaris` is not a platform"),
        ("--target 3.12-linux", "`3.12` is not a Python; write `cp312`"),
        ("--glibc 2", "`2` is not a version of glibc"),
        ("--glibc 1.2", "`1.2` is not a version of glibc"),
        ("--platform windows --glibc 2.17", "no platform of this run has glibc"),
        (
            "--python >=3.8 --platform linux,linux-aarch64,linux-i686,linux-ppc64le,linux-s390x,linux-riscv64,macos,macos-x86_64,musllinux,musllinux-aarch64,windows,windows-x86,windows-arm64",
            "104 targets are too many",
        ),
    ] {
        let refused = refused(text);
        assert!(refused.contains(words), "{text}: {refused}");
    }
}

#[test]
fn flags_that_contradict_each_other_are_refused_wherever_they_come_from() {
    for text in [
        "--target cp312-linux --python 3.12",
        "--universal --platform linux",
        "--target cp312-linux --glibc 2.17",
    ] {
        assert!(Typed::try_parse_from(std::iter::once("depot").chain(text.split(' '))).is_err(), "{text}");
    }
    let of_a_file =
        TargetArgs { target: vec!["cp312-linux".to_owned()], universal: true, ..TargetArgs::default() };
    assert!(choose(&of_a_file, &debian).unwrap_err().is::<UsageError>());
}
