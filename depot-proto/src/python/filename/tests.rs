use super::*;

fn parse(filename: &str, project: &str) -> Result<DistributionFilename, FilenameError> {
    DistributionFilename::parse(filename, &project.parse().unwrap())
}

#[test]
fn wheels_say_project_version_build_and_tags() {
    let read = parse(
        "Foo.Bar-1.0.0-2local-cp312.cp313-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "foo-bar",
    );
    let DistributionFilename::Wheel(wheel) = read.unwrap() else { panic!("not a wheel") };
    assert_eq!(wheel.build.as_deref(), Some("2local"));
    assert_eq!(wheel.python, "cp312.cp313");
    assert_eq!(wheel.abi, "abi3");
    assert_eq!(wheel.platform, "manylinux_2_17_x86_64.manylinux2014_x86_64");
    let local = parse("torch-2.5.0+cu124-cp312-cp312-linux_x86_64.whl", "torch").unwrap();
    assert_eq!(local.version().to_string(), "2.5.0+cu124");
    let epoch = parse("x-1!2.0-py3-none-any.whl", "x").unwrap();
    assert_eq!(epoch.version().key().as_str(), "1!2");
}

#[test]
fn refused_wheels_say_why() {
    for (filename, words) in [
        ("foo-1.0.whl", "five or six parts"),
        ("foo-1.0-py3-none.whl", "five or six parts"),
        ("foo-1.0-1-2-py3-none-any.whl", "five or six parts"),
        ("foo__bar-1.0-py3-none-any.whl", "two underscores"),
        ("_-1.0-py3-none-any.whl", "no project name"),
        ("foo-one-py3-none-any.whl", "not PEP 440"),
        ("foo-1.0-x1-py3-none-any.whl", "does not start with a digit"),
        ("foo-1.0-py3--any.whl", "empty tag"),
        ("foo-1.0-py2..py3-none-any.whl", "empty tag"),
        ("bar-1.0-py3-none-any.whl", "does not belong"),
    ] {
        let error = parse(filename, "foo").unwrap_err().to_string();
        assert!(error.contains(words), "{filename}: {error}");
    }
}

#[test]
fn source_distributions_are_split_by_the_known_project() {
    for (filename, project, version) in [
        ("foo-bar-1.0.tar.gz", "foo-bar", "1.0"),
        ("foo-1-1.tar.gz", "foo", "1.post1"),
        ("foo-1-1.tar.gz", "foo-1", "1"),
        ("cffi-1.0.2-2.tar.gz", "cffi", "1.0.2.post2"),
        ("Foo_Bar-2.0rc1.zip", "foo-bar", "2.0rc1"),
        ("foo-1.0.tar.bz2", "foo", "1.0"),
        ("foo-1.0.tar.Z", "foo", "1.0"),
        ("foo-1.0.TAR.GZ", "foo", "1.0"),
        ("foo-dev-r42.tar.gz", "foo", "dev-r42"),
        ("foo-1.0.win32.exe", "foo", "1.0"),
        ("foo-1.0-py2.7.egg", "foo", "1.0"),
        ("foo-1.0-1.noarch.rpm", "foo", "1.0.post1"),
        ("foo-1.0.win-amd64-py2.7.msi", "foo", "1.0"),
    ] {
        let read = parse(filename, project).unwrap();
        assert_eq!(read.version().to_string(), version, "{filename}");
        assert_eq!(read.as_str(), filename);
    }
    assert!(matches!(parse("foo-1.0.tar.gz", "bar"), Err(FilenameError::OtherProject { .. })));
    assert!(matches!(parse("foo-1.0.tar.gz.asc", "foo"), Err(FilenameError::Extension { .. })));
    assert!(matches!(
        parse("foo-1.0-py3-none-any.whl.metadata", "foo"),
        Err(FilenameError::Extension { .. })
    ));
}

#[test]
fn an_unknown_project_gets_the_longest_name() {
    let read = DistributionFilename::guess("foo-bar-1.0.tar.gz").unwrap();
    assert_eq!(read.project().as_str(), "foo-bar");
    let read = DistributionFilename::guess("foo-1-1.tar.gz").unwrap();
    assert_eq!((read.project().as_str(), read.version().to_string()), ("foo-1", "1".to_owned()));
    assert!(DistributionFilename::guess("nothing.tar.gz").is_err());
}

#[test]
fn hostile_names_are_refused() {
    let long = format!("{}-1.0-py3-none-any.whl", "a".repeat(230));
    for filename in [
        "",
        ".",
        "..",
        "../foo-1.0.tar.gz",
        "foo-1.0.tar.gz/",
        "a/foo-1.0.tar.gz",
        "a\\foo-1.0.tar.gz",
        "C:foo-1.0.tar.gz",
        "foo-1.0\0.tar.gz",
        "foo-1.0\n.tar.gz",
        "foo-1.0 .tar.gz",
        "foo-1.0%2e.tar.gz",
        "f\u{f6}o-1.0.tar.gz",
        ".foo-1.0.tar.gz",
        "-foo-1.0.tar.gz",
        "foo\"-1.0.tar.gz",
        long.as_str(),
    ] {
        assert!(matches!(parse(filename, "foo"), Err(FilenameError::Unsafe { .. })), "{filename:?}");
    }
}
