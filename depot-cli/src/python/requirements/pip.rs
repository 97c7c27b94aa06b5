//! The same words read here and by the pip of the tests' environment.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{Flag, Hashes, Kind, Line, Reader, Told, line, lines::logical, tests::variable};

/// What lists are made of. Paths are of lists that exist, as pip opens them.
const PIECES: &[&str] = &[
    "six",
    "requests==2.1",
    "a>=1,<2",
    "b[x,y]",
    "c ; python_version < '3'",
    "d @ https://x.example/d.zip#egg=d",
    " ",
    " ",
    " ",
    "\t",
    "\n",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\u{c}",
    "\u{85}",
    "\\\n",
    " \\\n",
    "\\",
    "\\\\",
    "#",
    " # note",
    "# note\\\n",
    "--pre",
    "--pre ",
    "-i https://x.example/",
    "-i",
    "--index-url=y ",
    "--index-url ",
    "--extra-index-url z ",
    "--no-index",
    "--find-links 'a b'",
    "-f\"q\\\"\"",
    "-f'",
    "--prefer-binary ",
    "--pref ",
    "--require-hashes ",
    "--no-require-hashes",
    "--require ",
    "--trusted-host h:1 ",
    "--use-feature=fast-deps\n",
    "-e . ",
    "-egit+https://x.example/g",
    "--editable=x ",
    " --hash=sha256:ab ",
    " --hash sha512:cd ",
    "--hash=md5:x ",
    "--hash=sha256",
    " -C a=b ",
    " -C c",
    "--explode ",
    "-x",
    "-",
    "--",
    " -- ",
    "${HOST}",
    "${TOKEN_2}",
    "${EMPTY}",
    "${UNSET}",
    "${host}",
    "${",
    "}",
    "caf\u{e9}",
    "\u{a0}",
    "\u{2028}",
    "-r other.txt\n",
    "-c sub/limits.txt\n",
    "\n-rother.txt",
    "\n--requirement=other.txt ",
    "--constraint sub/limits.txt",
    "--no-binary :all: ",
    "--only-binary=six ",
    "--all-releases six ",
    "'",
    "\"",
    "\\ ",
    "=",
    "::",
];

const LISTS: usize = 1200;

/// Asks pip what it makes of each list: of every logical line, and, where each can be read, of the list as a whole.
const ASK_PIP: &str = r#"
import json, os, sys
from pip._internal.req import req_file
from pip._internal.exceptions import InstallationError

# Not among them: features_enabled, which pip keeps from one line to the next.
KEYS = ["index_url", "extra_index_urls", "no_index", "constraints", "requirements", "editables", "find_links",
        "prefer_binary", "require_hashes", "no_require_hashes", "pre", "trusted_hosts", "hashes"]

def lines(text):
    parse = req_file.get_line_parser(None)
    for number, line in req_file.preprocess(text):
        try:
            args, opts = parse(line)
        except req_file.OptionParsingError:
            yield [number, "error"]
            continue
        found = {key: getattr(opts, key, None) for key in KEYS}
        yield [number, args.strip(), {key: value for key, value in found.items() if value}]

def whole(path):
    try:
        for got in req_file.parse_requirements(path, session=None):
            hashes = (got.options or {}).get("hashes", {})
            line = int(got.line_source.split()[1])
            name = os.path.basename(got.line_source.split(" of ")[1])
            yield [name, line, got.requirement.strip(), got.is_editable, got.constraint, hashes]
    except InstallationError:
        yield ["error"]

answers = []
for text in json.load(sys.stdin):
    with open("list.txt", "w", encoding="utf-8", newline="") as file:
        file.write(text)
    each = list(lines(text))
    readable = all(line[1] != "error" for line in each)
    answers.append([each, list(whole("list.txt")) if readable else None])
json.dump(answers, sys.stdout)
"#;

/// The Python of the tests' environment; none where that is missing, which is said.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let venv = match env::var_os("DEPOT_TEST_VENV") {
        Some(venv) => root.join(venv),
        None => env::current_exe().unwrap().ancestors().nth(3).unwrap().join("test-venv"),
    };
    Some(venv.join("bin").join("python")).filter(|python| python.exists())
}

/// What our own reading makes of each line, in pip's words.
fn our_lines(text: &str) -> Value {
    let read = logical(text, &variable).into_iter().map(|logical| match line::read(&logical) {
        Ok(line) if hashes_of(&line).is_ok() => {
            let requirement = line.requirement.clone().unwrap_or_default();
            json!([line.number, requirement, options_of(&line)])
        }
        _ => json!([logical.number, "error"]),
    });
    read.collect()
}

/// Digests by algorithm, or nothing where one is no such thing. Their length is our affair alone.
fn hashes_of(line: &Line) -> Result<Value, String> {
    let mut found = json!({});
    for given in line.options.iter().filter(|given| given.flag == Flag::Hash) {
        match Hashes::default().add(&given.value) {
            Err(why) if !why.contains("digits") => return Err(why),
            _ => {}
        }
        let (name, digest) = given.value.split_once(':').unwrap();
        match found[name].as_array_mut() {
            Some(digests) => digests.push(json!(digest)),
            None => found[name] = json!([digest]),
        }
    }
    Ok(found)
}

fn options_of(line: &Line) -> Value {
    let values = |flag| {
        line.options
            .iter()
            .filter(|given| given.flag == flag)
            .map(|given| given.value.clone())
            .collect::<Vec<_>>()
    };
    let is_given = |flag| line.first(flag).is_some();
    let mut options = json!({
        "index_url": values(Flag::IndexUrl).pop().unwrap_or_default(),
        "extra_index_urls": values(Flag::ExtraIndexUrl),
        "no_index": is_given(Flag::NoIndex),
        "constraints": values(Flag::Constraint),
        "requirements": values(Flag::Requirement),
        "editables": values(Flag::Editable),
        "find_links": values(Flag::FindLinks),
        "prefer_binary": is_given(Flag::PreferBinary),
        "require_hashes": is_given(Flag::RequireHashes),
        "no_require_hashes": is_given(Flag::NoRequireHashes),
        "pre": is_given(Flag::Pre),
        "trusted_hosts": values(Flag::TrustedHost),
        "hashes": hashes_of(line).unwrap(),
    });
    let empty = [json!(""), json!([]), json!({}), json!(false)];
    options.as_object_mut().unwrap().retain(|_, value| !empty.contains(value));
    options
}

/// What our own reading makes of a list and all that it includes, in pip's words.
#[derive(Default)]
struct Whole(Vec<Value>);

impl Told for Whole {
    fn line(&mut self, list: Option<&Arc<Path>>, kind: Kind, line: Line) {
        let editable = line.first(Flag::Editable);
        let Some(requirement) = line.requirement.as_deref().or(editable) else { return };
        let name = list.unwrap().file_name().unwrap().to_str().unwrap();
        let hashes = if editable.is_some() { json!({}) } else { hashes_of(&line).unwrap() };
        let is_constraint = kind == Kind::Constraints;
        self.0.push(json!([
            name,
            line.number,
            requirement.trim(),
            editable.is_some(),
            is_constraint,
            hashes
        ]));
    }

    fn bad_line(&mut self, _: Option<&Arc<Path>>, _: Kind, number: usize, written: String, why: String) {
        panic!("line {number}: {written:?}: {why}");
    }
}

fn our_whole(folder: &Path) -> Value {
    let open = |path: &Path| fs::read(folder.join(path));
    let mut whole = Whole::default();
    let mut reader = Reader { open: &open, variable: &variable, lists: 0 };
    match reader.read_file(Path::new("list.txt"), Kind::Requirements, &mut whole) {
        Ok(()) => Value::Array(whole.0),
        // One that includes itself, or names a list that is not there.
        Err(_) => Value::Array([whole.0, vec![json!(["error"])]].concat()),
    }
}

/// Lists made by chance, the same ones each time.
fn lists() -> Vec<String> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    (0..LISTS).map(|_| (0..=draw(14)).map(|_| PIECES[draw(PIECES.len())]).collect()).collect()
}

#[test]
fn pip_reads_the_same_in_every_list() {
    let Some(python) = python() else {
        eprintln!("skipped: reading lists beside pip: the environment of the tests is missing (`.ci/venv`)");
        return;
    };
    let folder = env::temp_dir().join(format!("depot-lists-{}", std::process::id()));
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("other.txt"), "other==1\n-c sub/limits.txt\n").unwrap();
    fs::write(folder.join("sub").join("limits.txt"), "# none\nlimit<2 --hash=sha256:ef\n").unwrap();
    let lists = lists();
    let mut command = Command::new(python);
    command.args(["-c", ASK_PIP]).current_dir(&folder).env("PYTHONUTF8", "1").stdin(Stdio::piped());
    for name in ["HOST", "TOKEN_2", "EMPTY", "UNSET"] {
        match variable(name) {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!(lists).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Vec<(Value, Value)> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), lists.len());
    let (mut lines, mut wholes) = (0, 0);
    for (text, (each, whole)) in lists.iter().zip(answers) {
        assert_eq!(our_lines(text), each, "{text:?}");
        lines += each.as_array().unwrap().len();
        if !whole.is_null() {
            fs::write(folder.join("list.txt"), text).unwrap();
            assert_eq!(our_whole(&folder), whole, "{text:?}");
            wholes += 1;
        }
    }
    fs::remove_dir_all(&folder).unwrap();
    eprintln!(
        "{lines} lines of {} lists, and {wholes} lists with all they include, read as pip does",
        lists.len()
    );
    assert!(lines > LISTS && wholes > LISTS / 4);
}
