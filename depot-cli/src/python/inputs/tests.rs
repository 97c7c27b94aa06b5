use std::{fs, path::PathBuf};

use depot_proto::DistributionKind;

use super::*;

struct Lists {
    folder: PathBuf,
}

impl Lists {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = env::temp_dir().join(format!("depot-inputs-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (path, text) in files {
            fs::write(folder.join(path), text).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Lists {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn asked(text: &str) -> anyhow::Result<Asked> {
    let name: u64 = text.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let lists = Lists::new(&name.to_string(), &[("r.txt", text)]);
    let sources = SourceArgs { requirements: vec![lists.path("r.txt")], ..SourceArgs::default() };
    read(&sources)
}

fn reasons(text: &str) -> Vec<Option<String>> {
    asked(text).unwrap().inputs.into_iter().map(|input| input.requirement.err()).collect()
}

fn pin(digit: &str) -> String {
    format!("--hash=sha256:{}", digit.repeat(64))
}

#[test]
fn what_cannot_be_saved_says_why_and_the_rest_is_kept() {
    for (line, words) in [
        ("-e .", "a project on this machine"),
        ("-e git+https://me:pass@x.example/a.git#egg=a", "a project on this machine"),
        ("six @ https://files.example/six.zip", "names an address"),
        ("https://me:pass@files.example/six.zip", "names an address"),
        ("git+ssh://git@files.example/six.git", "names an address"),
        ("file:./six.whl", "names an address"),
        ("./six", "a path of this machine"),
        ("vendor/six.whl", "a path of this machine"),
        ("six-1.0-py3-none-any.whl", "a path of this machine"),
        ("six-1.0.tar.gz[x] ; python_version > '3'", "a path of this machine"),
        ("six==", "is not a requirement"),
        ("six --hash=md5:x", "not `md5`"),
        ("six --hash=sha256:x", "64 digits"),
        ("six --explode", "there is no option `--explode`"),
    ] {
        let asked = asked(&format!("{line}\nidna\n")).unwrap();
        let [input, idna] = &asked.inputs[..] else { panic!("{line}: {:?}", asked.inputs) };
        let reason = input.requirement.as_ref().unwrap_err();
        assert!(reason.contains(words), "{line}: {reason}");
        let label = input.label();
        assert!(
            label.contains("r.txt, line 1") && !label.contains("pass") && !reason.contains("pass"),
            "{label}"
        );
        if !line.contains("md5") && !line.contains("sha256") {
            assert!(idna.requirement.is_ok(), "{line}");
        }
    }
}

#[test]
fn a_variable_that_is_filled_in_is_not_repeated() {
    // HOME is set wherever tests run.
    let asked = asked("six==${PATH}\nsix @ https://${PATH}@x.example/\n${PATH}").unwrap();
    let path = env::var("PATH").unwrap();
    for input in &asked.inputs {
        let said = format!("{} {}", input.label(), input.requirement.as_ref().unwrap_err());
        assert!(said.contains("${PATH}") || said.contains("***"), "{said}");
        assert!(!said.contains(&path), "{said}");
    }
}

#[test]
fn one_digest_makes_all_of_them_required() {
    let (a, none) = (pin("a"), "digests are required of every requirement");
    let unpinned = "pinned with `==`";
    for (text, expected) in [
        (format!("six==1 {a}\nidna==2 {a}"), [None, None]),
        (format!("six==1 {a}\nidna==2"), [None, Some(none)]),
        (format!("six==1 {a}\nidna>2 {a}"), [None, Some(unpinned)]),
        ("--require-hashes\nsix==1\nidna".to_owned(), [Some(none), Some(none)]),
        (format!("--no-require-hashes\nsix==1 {a}\nidna"), [None, None]),
        (format!("--require-hashes\n--no-require-hashes\nsix==1 {a}\nidna"), [None, Some(none)]),
        ("six==1\nidna".to_owned(), [None, None]),
    ] {
        let found = reasons(&text);
        assert_eq!(found.len(), 2);
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.is_some(), expected.is_some(), "{text}: {found:?}");
            assert!(
                found.as_ref().is_none_or(|found| found.contains(expected.unwrap())),
                "{text}: {found:?}"
            );
        }
    }
}

#[test]
fn constraints_are_kept_by_project_and_may_carry_the_digests() {
    let lists = Lists::new(
        "constraints",
        &[
            ("r.txt", "-c c.txt\nSix\nidna==2\n"),
            ("c.txt", &format!("six==1 {}\nother<3\nidna>1 {}", pin("a"), pin("b"))),
        ],
    );
    let more =
        Lists::new("more", &[("d.txt", "SIX>0\nsix<1 ; python_version < '3' and python_version > '3'\n")]);
    let sources = SourceArgs {
        requirements: vec![lists.path("r.txt")],
        constraints: vec![more.path("d.txt")],
        ..SourceArgs::default()
    };
    let asked = read(&sources).unwrap();
    assert!(asked.inputs.iter().all(|input| input.requirement.is_ok()), "{:?}", asked.inputs);
    let counts: Vec<_> = asked.constraints.iter().map(|(name, all)| (name.as_str(), all.len())).collect();
    assert_eq!(counts, [("idna", 1), ("other", 1), ("six", 2)]);
}

#[test]
fn a_constraint_that_is_none_ends_the_run() {
    for (line, words) in [
        ("six[x]", "have no extras"),
        ("six @ https://x.example/six.zip", "names an address"),
        ("-e .", "a project on this machine"),
        ("six>", "is not a requirement"),
        ("six --explode", "no option `--explode`"),
    ] {
        let lists = Lists::new("constraint", &[("c.txt", line)]);
        let sources = SourceArgs {
            specs: vec!["six".to_owned()],
            constraints: vec![lists.path("c.txt")],
            ..SourceArgs::default()
        };
        let error = read(&sources).unwrap_err().to_string();
        assert!(error.contains("is not a constraint") && error.contains(words), "{error}");
        assert!(error.contains("c.txt, line 1"), "{error}");
    }
}

#[test]
fn options_of_lists_are_followed_or_spoken_of() {
    let text = "-i https://one.example/\n--extra-index-url https://x.example/ --extra-index-url https://y.example/\n\
                -i https://two.example/\n--pre\nsix --pre\n--no-binary :all:\n--only-binary six\n--no-binary x\n--only-binary 'a b'\n\
                --trusted-host h\n-f wheels\n--prefer-binary\n--use-feature fast-deps\n--hash=sha256:ab\nidna -C a=b\n\
                --all-releases six\n--only-final :all:\n";
    let asked = asked(text).unwrap();
    assert_eq!(asked.index.as_ref().unwrap().url, "https://two.example/");
    assert_eq!(asked.extra_indexes.len(), 2);
    assert!(asked.pre);
    let only = |name: &str| asked.formats.only(&name.parse().unwrap());
    assert_eq!([only("six"), only("idna")], [Some(DistributionKind::Wheel), Some(DistributionKind::Sdist)]);
    for flag in [
        "--trusted-host",
        "--find-links",
        "--prefer-binary",
        "--use-feature",
        "--hash",
        "--config-settings",
        "--all-releases",
        "--only-final",
        "line 5: `--pre` is not used",
        "line 9: `--only-binary` is not used: `a b` is neither a project",
    ] {
        let said = asked.warnings.iter().filter(|warning| warning.contains(flag)).count();
        assert_eq!(said, 1, "{flag}: {:?}", asked.warnings);
    }
    let error = self::asked("six\n--no-index\n").unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("nothing to save from"), "{error}");
}

#[test]
fn what_can_be_wanted_nowhere_is_left_out_and_other_markers_are_not_judged() {
    let asked = asked(
        "six ; python_version < '3' and python_version > '3'\nidna ; sys_platform == 'win32'\na ; extra == 'x'\n",
    )
    .unwrap();
    assert_eq!((asked.inputs.len(), asked.skipped.len()), (2, 1));
    assert!(asked.skipped[0].0.starts_with("six"), "{:?}", asked.skipped);
}

#[test]
fn nothing_asked_for_is_wrong_usage() {
    assert!(asked("# nothing\n").unwrap_err().is::<UsageError>());
    let error = read(&SourceArgs { requirements: vec!["/no/such/file".into()], ..SourceArgs::default() })
        .unwrap_err();
    assert!(!error.is::<UsageError>() && error.to_string().contains("/no/such/file"));
}
