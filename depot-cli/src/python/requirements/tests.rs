use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Kind, Line, Reader, Told, masked, read::ListError};

/// What was told, a line each: the number, the requirement, the options; of a constraint with `c` before it.
#[derive(Default)]
pub(super) struct Notes(pub(super) Vec<String>);

impl Told for Notes {
    fn line(&mut self, _: Option<&Arc<Path>>, kind: Kind, line: Line) {
        let mark = if kind == Kind::Constraints { "c" } else { "" };
        let requirement = line.requirement.unwrap_or_else(|| "-".to_owned());
        let mut note = format!("{mark}{}: {requirement}", line.number);
        for given in line.options {
            note.extend([" ", given.flag.name(), "=", &given.value]);
        }
        self.0.push(note.trim_end_matches('=').to_owned());
    }

    fn bad_line(&mut self, _: Option<&Arc<Path>>, _: Kind, number: usize, _: String, why: String) {
        self.0.push(format!("{number}! {why}"));
    }
}

pub(super) fn variable(name: &str) -> Option<String> {
    match name {
        "HOST" => Some("index.example".to_owned()),
        "TOKEN_2" => Some("s3cret".to_owned()),
        "EMPTY" => Some(String::new()),
        "NESTED" => Some("${HOST}".to_owned()),
        _ => None,
    }
}

/// Lists by their paths.
type Files<'a> = &'a [(&'a str, &'a [u8])];

fn read_lists(files: Files<'_>) -> (Result<(), ListError>, Vec<String>) {
    let files: BTreeMap<PathBuf, Vec<u8>> =
        files.iter().map(|(path, bytes)| (PathBuf::from(path), bytes.to_vec())).collect();
    let open = |path: &Path| files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into());
    let mut notes = Notes::default();
    let mut reader = Reader { open: &open, variable: &variable, lists: 0 };
    let read = reader.read_file(Path::new("list.txt"), Kind::Requirements, &mut notes);
    (read, notes.0)
}

/// What a list of these words says.
fn said(text: &str) -> Vec<String> {
    let (read, notes) = read_lists(&[("list.txt", text.as_bytes())]);
    read.unwrap_or_else(|error| panic!("{text:?}: {error}"));
    notes
}

/// A list, and what it says.
type Case = (&'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    // Plain requirements.
    ("", &[]),
    ("\n\n   \n\t\n", &[]),
    ("six", &["1: six"]),
    ("six\nrequests\n", &["1: six", "2: requests"]),
    ("six\r\nrequests\r\n", &["1: six", "2: requests"]),
    ("six\rrequests", &["1: six", "2: requests"]),
    ("six\u{2028}requests", &["1: six", "2: requests"]),
    ("six\u{c}requests\u{85}idna", &["1: six", "2: requests", "3: idna"]),
    ("  docopt == 0.6.1  ", &["1: docopt == 0.6.1"]),
    ("keyring >= 4.1.1            # Minimum version 4.1.1", &["1: keyring >= 4.1.1"]),
    ("coverage != 3.5             # anything but 3.5", &["1: coverage != 3.5"]),
    ("Mopidy-Dirble ~= 1.1        # like >= 1.1, == 1.*", &["1: Mopidy-Dirble ~= 1.1"]),
    ("requests [security] >= 2.8.1, == 2.8.*", &["1: requests [security] >= 2.8.1, == 2.8.*"]),
    ("a ; python_version < \"2.7\"", &["1: a ; python_version < \"2.7\""]),
    ("urllib3 @ https://x.example/urllib3.zip", &["1: urllib3 @ https://x.example/urllib3.zip"]),
    ("./downloads/numpy-1.9.2-cp34-none-win32.whl", &["1: ./downloads/numpy-1.9.2-cp34-none-win32.whl"]),
    ("http://x.example/a.whl", &["1: http://x.example/a.whl"]),
    // Comments.
    ("# six", &[]),
    ("   # six", &[]),
    ("six#1", &["1: six#1"]),
    ("six #1", &["1: six"]),
    ("six\t#1", &["1: six"]),
    ("six # a # b", &["1: six"]),
    ("a#b #c", &["1: a#b"]),
    ("https://x.example/a.zip#egg=a", &["1: https://x.example/a.zip#egg=a"]),
    ("https://x.example/a.zip #egg=a", &["1: https://x.example/a.zip"]),
    ("#six\\\nidna", &["2: idna"]),
    // Continuations.
    ("six \\\n  == 1.0", &["1: six   == 1.0"]),
    ("si\\\nx", &["1: six"]),
    ("si\\\r\nx", &["1: six"]),
    ("six \\\n\\\n\\\n>1\nidna", &["1: six >1", "5: idna"]),
    ("six \\", &["1: six"]),
    ("six \\\n", &["1: six"]),
    ("\\", &[]),
    ("six \\\n# why\nidna", &["1: six", "3: idna"]),
    ("six \\\n  # why\\\nidna", &["1: six", "3: idna"]),
    ("six \\\n\nidna", &["1: six", "3: idna"]),
    ("six \\ \nidna", &["1: six \\", "2: idna"]),
    ("six # why \\\nidna", &["1: six"]),
    ("six\\\\\nidna", &["1: sixidna"]),
    ("\\six\\\nidna", &["1: sixidna"]),
    // Digests.
    ("six --hash=sha256:ab", &["1: six --hash=sha256:ab"]),
    ("six --hash sha256:ab", &["1: six --hash=sha256:ab"]),
    ("six==1 --hash=sha256:ab --hash=sha512:cd", &["1: six==1 --hash=sha256:ab --hash=sha512:cd"]),
    (
        "FooProject == 1.2 --hash=sha256:2cf2 \\\n                  --hash=sha256:486e\nidna",
        &["1: FooProject == 1.2 --hash=sha256:2cf2 --hash=sha256:486e", "3: idna"],
    ),
    ("six \\\n --hash=sha256:ab \\\n # why\n", &["1: six --hash=sha256:ab"]),
    ("six--hash=sha256:ab", &["1: six--hash=sha256:ab"]),
    ("six\t--hash=sha256:ab", &["1: six\t--hash=sha256:ab"]),
    ("--hash=sha256:ab", &["1: - --hash=sha256:ab"]),
    ("six --config-settings=a=b -C c=d", &["1: six --config-settings=a=b --config-settings=c=d"]),
    ("six -C a", &["1! `--config-settings` wants KEY=VALUE"]),
    // Options.
    ("-i https://x.example/", &["1: - --index-url=https://x.example/"]),
    ("-ihttps://x.example/", &["1: - --index-url=https://x.example/"]),
    ("--index-url https://x.example/", &["1: - --index-url=https://x.example/"]),
    ("--index-url=https://x.example/?a=b", &["1: - --index-url=https://x.example/?a=b"]),
    ("--pypi-url https://x.example/", &["1: - --index-url=https://x.example/"]),
    ("--extra-index-url a --extra-index-url b", &["1: - --extra-index-url=a --extra-index-url=b"]),
    ("--no-index", &["1: - --no-index"]),
    ("--no-index=1", &["1! `--no-index` takes no value"]),
    ("-f ./wheels", &["1: - --find-links=./wheels"]),
    ("--find-links=x", &["1: - --find-links=x"]),
    ("--pre", &["1: - --pre"]),
    ("--prefer-binary", &["1: - --prefer-binary"]),
    ("--no-binary :all: --only-binary=six", &["1: - --no-binary=:all: --only-binary=six"]),
    ("--require-hashes", &["1: - --require-hashes"]),
    ("--no-require-hashes", &["1: - --no-require-hashes"]),
    ("--trusted-host x.example:8080", &["1: - --trusted-host=x.example:8080"]),
    ("--use-feature=fast-deps", &["1: - --use-feature=fast-deps"]),
    ("--all-releases :all: --only-final six", &["1: - --all-releases=:all: --only-final=six"]),
    ("-e .", &["1: - --editable=."]),
    ("-e git+https://x.example/a.git#egg=a", &["1: - --editable=git+https://x.example/a.git#egg=a"]),
    ("-e . -r other.txt", &["1: - --editable=. --requirement=other.txt"]),
    ("six -r other.txt", &["1: six --requirement=other.txt"]),
    ("six --pre", &["1: six --pre"]),
    // As optparse reads them.
    ("--pref", &["1: - --prefer-binary"]),
    ("--find x", &["1: - --find-links=x"]),
    ("--require x", &["1! `--require` may be short for more than one option: write it out"]),
    ("--no", &["1! `--no` may be short for more than one option: write it out"]),
    ("--explode", &["1! there is no option `--explode` in lists of requirements"]),
    ("six --explode=TOKEN", &["1! there is no option `--explode` in lists of requirements"]),
    ("-x", &["1! there is no option `-x` in lists of requirements"]),
    ("-i", &["1! `--index-url` wants a value"]),
    ("--index-url", &["1! `--index-url` wants a value"]),
    ("-i --pre", &["1: - --index-url=--pre"]),
    ("--index-url=", &["1: - --index-url"]),
    ("--pre six", &["1: - --pre"]),
    ("--pre -- --no-index", &["1: - --pre"]),
    ("-", &["1: -"]),
    ("- six", &["1: -"]),
    // As shlex splits them.
    ("-f 'my wheels'", &["1: - --find-links=my wheels"]),
    ("-f \"my \\\"wheels\\\"\\x\"", &["1: - --find-links=my \"wheels\"\\x"]),
    ("-f my\\ wheels", &["1: - --find-links=my wheels"]),
    ("-f ''", &["1: - --find-links"]),
    ("-f 'x", &["1! a quotation in it does not end"]),
    ("-f x\\", &["1: - --find-links=x"]),
    ("six ; extra == 'it''s' --pre", &["1: six ; extra == 'it''s' --pre"]),
    // Variables.
    ("-i https://me:${TOKEN_2}@${HOST}/", &["1: - --index-url=https://me:s3cret@index.example/"]),
    ("${HOST}", &["1: index.example"]),
    ("$HOST %HOST% ${host} ${Host} ${ HOST }", &["1: $HOST %HOST% ${host} ${Host} ${ HOST }"]),
    ("six${EMPTY}${UNSET}${}", &["1: six${EMPTY}${UNSET}${}"]),
    ("${NESTED}", &["1: ${HOST}"]),
    ("${HOST}${HOST} ${HOST", &["1: index.exampleindex.example ${HOST"]),
    ("${a${HOST}", &["1: ${aindex.example"]),
    ("six \\\n==${HOST}", &["1: six ==index.example"]),
    ("six # ${HOST}", &["1: six"]),
];

#[test]
fn lines_are_read_as_pip_documents_them() {
    const { assert!(CASES.len() >= 80) };
    for (text, expected) in CASES {
        assert_eq!(said(text), *expected, "{text:?}");
    }
}

#[test]
fn lists_include_lists_from_where_they_lie() {
    let (read, notes) = read_lists(&[
        ("list.txt", b"a\n-r sub/one.txt\n-c ./limits.txt\n--requirement=sub/two.txt\n-rsub/two.txt\nz\n"),
        ("sub/one.txt", b"b\n-r ../three.txt\n--constraint two.txt\n"),
        ("sub/two.txt", b"\n\nc\n"),
        ("three.txt", b"d"),
        ("limits.txt", b"e<2\n-r three.txt\n"),
    ]);
    read.unwrap();
    assert_eq!(notes, ["1: a", "1: b", "1: d", "c3: c", "c1: e<2", "1: d", "3: c", "3: c", "6: z"]);
}

#[test]
fn what_cannot_be_read_whole_says_where() {
    let endless: Vec<(String, Vec<u8>)> =
        (0..100).map(|n| (format!("{n}.txt"), format!("-r {}.txt", n + 1).into_bytes())).collect();
    let mut endless: Vec<(&str, &[u8])> =
        endless.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    endless.push(("list.txt", b"-r 0.txt"));
    let many = "-r other.txt\n".repeat(1001);
    let cases: [(Files<'_>, &str); 12] = [
        (&[], "cannot read `list.txt`"),
        (&[("list.txt", b"\n-r absent.txt")], "cannot read `absent.txt` (list.txt, line 2)"),
        (&[("list.txt", b"-r list.txt")], "`list.txt` includes itself, by list.txt, line 1"),
        (
            &[("list.txt", b"-r a/b.txt"), ("a/b.txt", b"\n-c ../x/../list.txt")],
            "includes itself, by a/b.txt, line 2",
        ),
        (&endless, "more than 32 deep"),
        (&[("list.txt", many.as_bytes()), ("other.txt", b"")], "more than 1000 lists"),
        (
            &[("list.txt", b"-r https://me:pass@x.example/r.txt")],
            "`https://***@x.example/r.txt` (list.txt, line 1) is an address",
        ),
        (&[("list.txt", b"-c FILE:///etc/r.txt")], "is an address"),
        (&[("list.txt", b"-r pylock.toml")], "is a lock file"),
        (&[("list.txt", b"-r pylock.dev.toml")], "is a lock file"),
        (&[("list.txt", b"\xff")], "cannot read `list.txt`: it is not valid UTF-8"),
        (
            &[("list.txt", b"-r x"), ("x", b"# coding: klingon")],
            "cannot read `x` (list.txt, line 1): it is written in `klingon`",
        ),
    ];
    for (files, words) in cases {
        let error = read_lists(files).0.unwrap_err().to_string();
        assert!(error.contains(words), "{error} has no {words:?}");
    }
    // The same list twice is no cycle.
    let (read, notes) = read_lists(&[("list.txt", b"-r a\n-r b\n"), ("a", b"-r b"), ("b", b"six")]);
    read.unwrap();
    assert_eq!(notes, ["1: six", "1: six"]);
}

#[test]
fn passwords_in_addresses_are_masked() {
    for (text, shown) in [
        ("six", "six"),
        ("-e git+https://me:pass@x.example/a.git@v1#egg=a", "-e git+https://***@x.example/a.git@v1#egg=a"),
        (
            "a @ https://me:p@ss@x.example http://u@y.example/@",
            "a @ https://***@x.example http://***@y.example/@",
        ),
        ("https://x.example/me@home", "https://x.example/me@home"),
        ("'https://u:p@x.example'", "'https://***@x.example'"),
    ] {
        assert_eq!(masked(text), shown);
    }
}
