use super::*;

fn said(changes: &[(&str, serde_json::Value)]) -> Result<Host, String> {
    let mut said = serde_json::json!({
        "implementation": "cpython", "major": 3, "minor": 11, "full_version": "3.11.7", "free_threaded": false,
        "platform": "linux-x86_64", "machine": "x86_64", "bits": 64, "glibc": [2, 36], "musl": null, "macos": null,
    });
    for (key, value) in changes {
        said[*key] = value.clone();
    }
    understand(&serde_json::from_value(said).unwrap())
}

#[test]
fn what_a_python_says_is_understood() {
    for (changes, platform) in [
        (vec![], "manylinux_2_36_x86_64"),
        (vec![("platform", "linux-aarch64".into())], "manylinux_2_36_aarch64"),
        (vec![("bits", 32.into())], "manylinux_2_36_i686"),
        (vec![("glibc", ().into()), ("musl", vec![1, 2].into())], "musllinux_1_2_x86_64"),
        (vec![("glibc", ().into())], "linux_x86_64"),
        (
            vec![
                ("platform", "macosx-10.13-universal2".into()),
                ("machine", "arm64".into()),
                ("macos", vec![14, 5].into()),
            ],
            "macosx_14_5_arm64",
        ),
        (vec![("platform", "win-amd64".into())], "win_amd64"),
        (vec![("platform", "win-arm64".into())], "win_arm64"),
        (vec![("platform", "win32".into())], "win32"),
    ] {
        let host = said(&changes).unwrap();
        assert_eq!(host.platform.to_string(), platform, "{changes:?}");
        assert_eq!(host.python.full_version, Some("3.11.7".parse().unwrap()));
    }
    let pypy = said(&[("implementation", "pypy".into())]).unwrap();
    assert_eq!(pypy.python.interpreter.to_string(), "pp311");
}

#[test]
fn a_python_that_depot_does_not_know_is_named() {
    let graal = said(&[("implementation", "graalpy".into())]).unwrap_err();
    assert!(graal.contains("`graalpy`"), "{graal}");
    let bsd = said(&[("platform", "freebsd-14.0-release-amd64".into())]).unwrap_err();
    assert!(bsd.contains("freebsd"), "{bsd}");
}

#[test]
fn what_is_not_there_is_no_reason_and_what_says_nothing_is() {
    assert_eq!(ask("depot-test-no-such-program"), Err(None));
    // It is there on every machine that runs this test, and takes none of these arguments.
    assert!(matches!(ask("cargo"), Err(Some(reason)) if reason.contains("no Python 3")));
}

#[cfg(unix)]
#[test]
fn a_python_that_hangs_is_ended() {
    let mut command = Command::new("sleep");
    command.arg("100");
    let reason = run(command, Duration::from_millis(50)).unwrap_err().unwrap();
    assert!(reason.contains("does not answer"), "{reason}");
}
