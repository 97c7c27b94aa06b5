use depot_proto::Target;

use super::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn lock(text: &str) -> Lock {
    let text = text.replace("AAAA", A).replace("BBBB", B);
    read(&Path::new("x.lock").into(), &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> String {
    read(&Path::new("x.lock").into(), &text.replace("AAAA", A)).unwrap_err().to_string()
}

fn target() -> Target {
    "cp312-manylinux_2_28_x86_64".parse().unwrap()
}

/// The files that are wanted on Linux with Python 3.12, whichever wheels fit there.
fn wanted(lock: &Lock, selected: &Selected) -> Vec<String> {
    let target = target();
    let packages = wanted::applying(lock, Some(target.environment()), selected);
    packages.flat_map(|package| &package.files).map(|file| file.filename.to_string()).collect()
}

fn these(extras: &[&str], groups: &[&str]) -> Selected {
    let names = |names: &[&str]| Names::These(names.iter().map(|name| normalized(name)).collect());
    Selected { extras: names(extras), groups: names(groups) }
}

#[test]
fn a_lock_is_known_by_its_name() {
    for (name, is_one) in [
        ("pylock.toml", true),
        ("a/b/pylock.dev.toml", true),
        ("pylock..toml", true),
        ("pylock.a.b.toml", false),
        ("mypylock.toml", false),
        ("uv.lock", true),
        ("poetry.lock", true),
        ("other.lock", false),
        ("requirements.txt", false),
    ] {
        assert_eq!(is_lock(Path::new(name)), is_one, "{name}");
    }
}

const PYLOCK: &str = r#"
lock-version = "1.0"
created-by = "someone"
extras = ["x"]
dependency-groups = ["dev"]

[[packages]]
name = "pot"
version = "1.0"
index = "https://index.example/simple/"
marker = "'x' in extras and sys_platform == 'linux'"
sdist = { url = "https://files.example/a/pot-1.0.tar.gz", size = 7, upload-time = 2024-05-06T07:08:09Z, hashes = { sha256 = "AAAA" } }
[[packages.wheels]]
name = "pot-1.0-py3-none-any.whl"
url = "https://files.example/a/renamed?x=1"
hashes = { md5 = "1", sha256 = "BBBB" }

[[packages]]
name = "lid"
version = "2.0+l"
requires-python = ">=3.8"
wheels = [{ path = "wheels/lid-2.0+l-py3-none-any.whl", hashes = { sha256 = "AAAA" } }]

[[packages]]
name = "lid"
version = "1.0"
marker = "'dev' in dependency_groups"
archive = { url = "https://files.example/lid-1.0.zip", hashes = { sha256 = "AAAA" } }

[[packages]]
name = "far"
vcs = { type = "git", url = "https://x.example/far", commit-id = "1" }

[[packages]]
name = "near"
directory = { path = "." }

[[packages]]
name = "odd"
archive = { url = "https://x.example/archive/0123.zip", hashes = { sha256 = "AAAA" } }
"#;

#[test]
fn a_pylock_is_read_with_what_it_knows_of_each_file() {
    let lock = lock(PYLOCK);
    let pot = &lock.packages[0].files;
    assert_eq!(pot[0].place.to_string(), "x.lock, line 12");
    assert_eq!(
        (pot[0].size, pot[0].upload_time.unwrap().to_string().as_str()),
        (Some(7), "2024-05-06T07:08:09.000000Z")
    );
    assert_eq!(pot[0].index.as_ref().unwrap().to_string(), "https://index.example/simple/");
    assert_eq!(pot[1].url.as_ref().unwrap().as_str(), "https://files.example/a/renamed?x=1");
    assert_eq!(pot[1].hashes.to_string(), format!("sha256:{B}"));
    assert!(lock.packages[1].files[0].url.is_none());
    let skipped: Vec<_> = lock.skipped.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(skipped, ["far (x.lock, line 30)", "near (x.lock, line 34)", "0123.zip (x.lock, line 40)"]);
    for (selected, expected) in [
        (
            Selected::default(),
            &["pot-1.0.tar.gz", "pot-1.0-py3-none-any.whl", "lid-2.0+l-py3-none-any.whl", "lid-1.0.zip"][..],
        ),
        (these(&[], &[]), &["lid-2.0+l-py3-none-any.whl"]),
        (these(&[], &["Dev"]), &["lid-2.0+l-py3-none-any.whl", "lid-1.0.zip"]),
    ] {
        assert_eq!(wanted(&lock, &selected), expected);
    }
}

#[test]
fn a_pylock_that_is_none_says_why_by_its_line() {
    let package = "lock-version = '1.0'\n[[packages]]\nname = 'pot'\n";
    for (text, words) in [
        ("lock-version = 1\npackages = []\n", "line 1: `lock-version` must be a text"),
        ("\nlock-version = '2.0'\npackages = []\n", "line 2: `lock-version` is not 1.0"),
        ("packages = []\n", "`lock-version` is missing"),
        ("lock-version = '1.0'\n", "`packages` is missing"),
        ("lock-version = '1.0'\npackages = 3\n", "line 2: `packages` must be a list"),
        ("lock-version = '1.0'\n[[packages]]\nname = '../x'\n", "line 2"),
        (package, "line 2: `pot` has no files"),
        (&format!("{package}marker = 'x'\n"), "line 4: a marker cannot be read"),
        (&format!("{package}requires-python = '3'\n"), "line 4: `3` does not say"),
        (
            &format!("{package}wheels = [{{ hashes = {{ sha256 = 'AAAA' }} }}]\n"),
            "line 4: a file has neither",
        ),
        (
            &format!("{package}wheels = [{{ name = 'pot-1-py3-none-any.whl' }}]\n"),
            "`hashes` has none of sha256",
        ),
        (
            &format!("{package}wheels = [{{ name = 'x', hashes = {{ md5 = '1' }} }}]\n"),
            "`hashes` has none of sha256",
        ),
        (&format!("{package}wheels = [{{ name = 'x', hashes = {{ sha256 = '1' }} }}]\n"), "64 digits"),
        (
            &format!(
                "{package}version = '2'\nwheels = [{{ name = 'pot-1-py3-none-any.whl', hashes = {{ sha256 = 'AAAA' }} }}]\n"
            ),
            "is not of the version",
        ),
        (
            &format!(
                "{package}wheels = [{{ url = 'ftp://x/pot-1-py3-none-any.whl', hashes = {{ sha256 = 'AAAA' }} }}]\n"
            ),
            "begins with https: or http:",
        ),
        ("six==1.0\n", "line 1: this is no TOML"),
        ("[tool]\nx = 1\n", "this is no lock that is read here"),
    ] {
        let said = refused(text);
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn a_newer_pylock_of_the_same_kind_is_read_with_a_warning() {
    let lock = lock("lock-version = '1.7'\npackages = []\n");
    assert!(
        lock.warnings[0].contains("x.lock, line 1") && lock.warnings[0].contains("1.7"),
        "{:?}",
        lock.warnings
    );
}

const UV: &str = r#"version = 1
revision = 3
requires-python = ">=3.8"

[[package]]
name = "app"
version = "0"
source = { virtual = "." }
dependencies = [
    { name = "pot", marker = "sys_platform == 'linux'" },
    { name = "lid", version = "1.0", source = { registry = "https://index.example/simple" }, marker = "os_name == 'nt'" },
    { name = "lid", version = "2.0", source = { registry = "https://index.example/simple" }, marker = "os_name == 'posix' or extra == 'extra-3-app-cpu'" },
    { name = "pot", extra = ["Pouring"], marker = "os_name == 'posix'" },
]

[package.optional-dependencies]
more = [{ name = "more" }]

[package.dev-dependencies]
dev = [{ name = "dev" }]

[[package]]
name = "pot"
version = "1.0"
source = { registry = "https://index.example/simple" }
sdist = { url = "https://files.example/pot-1.0.tar.gz", hash = "sha256:AAAA", size = 9, upload-time = "2024-05-06T07:08:09Z" }
wheels = [
    { url = "https://files.example/pot-1.0%2Bl-py3-none-any.whl", hash = "sha256:BBBB" },
]

[package.optional-dependencies]
pouring = [{ name = "spout" }]
other = [{ name = "other" }]

[[package]]
name = "lid"
version = "1.0"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://files.example/lid-1.0-py3-none-any.whl", hash = "sha256:AAAA" }]

[[package]]
name = "lid"
version = "2.0"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://files.example/lid-2.0-py3-none-any.whl" }]

[[package]]
name = "spout"
version = "1.0"
source = { url = "https://files.example/spout-1.0.tar.gz" }
sdist = { hash = "sha256:AAAA", url = "https://files.example/spout-1.0.tar.gz" }

[[package]]
name = "other"
version = "1.0"
source = { registry = "../folder" }
wheels = [{ path = "other-1.0-py3-none-any.whl", hash = "sha256:AAAA" }]

[[package]]
name = "more"
version = "1.0"
source = { git = "https://x.example/more?rev=1#abc" }

[[package]]
name = "dev"
version = "1.0"
source = { registry = "https://index.example/simple" }
wheels = [{ filename = "dev-1.0-py3-none-any.whl", hash = "sha256:AAAA" }]
dependencies = [{ name = "dev" }]
"#;

#[test]
fn a_uv_lock_is_followed_from_who_needs_whom() {
    let lock = lock(UV);
    assert_eq!(lock.packages[0].files[0].size, Some(9));
    assert_eq!(
        lock.packages[0].files[0].index.as_ref().unwrap().to_string(),
        "https://index.example/simple/"
    );
    assert!(lock.packages[2].files[0].hashes.is_empty());
    let skipped: Vec<_> = lock.skipped.iter().map(|(what, _)| what.split(' ').next().unwrap()).collect();
    assert_eq!(skipped, ["more"], "{:?}", lock.skipped);
    assert_eq!(
        wanted(&lock, &these(&[], &[])),
        ["pot-1.0.tar.gz", "pot-1.0+l-py3-none-any.whl", "lid-2.0-py3-none-any.whl", "spout-1.0.tar.gz"]
    );
    assert!(wanted(&lock, &these(&[], &["dev"])).contains(&"dev-1.0-py3-none-any.whl".to_owned()));
    assert_eq!(lock.known.extras.iter().collect::<Vec<_>>(), ["more"]);
    assert_eq!(lock.known.groups.iter().collect::<Vec<_>>(), ["dev"]);
    let all = lock.links.as_ref().unwrap().reach(None, &Selected::default());
    assert!(all.contains(&1) && !all.contains(&4), "an extra that nobody wants is not wanted: {all:?}");
}

#[test]
fn a_uv_lock_of_a_workspace_wants_what_its_manifest_says() {
    let lock = lock(
        "version = 1\nrequires-python = '>=3.8'\n[manifest]\nrequirements = [{ name = 'pot' }]\n\
         [manifest.dependency-groups]\ndev = [{ name = 'lid' }]\n\
         [[package]]\nname = 'pot'\nversion = '1'\nsource = { registry = 'https://i.example/' }\n\
         wheels = [{ url = 'https://i.example/pot-1-py3-none-any.whl', hash = 'sha256:AAAA' }]\n\
         [[package]]\nname = 'lid'\nversion = '1'\nsource = { registry = 'https://i.example/' }\n\
         wheels = [{ url = 'https://i.example/lid-1-py3-none-any.whl', hash = 'sha256:AAAA' }]\n",
    );
    assert_eq!(wanted(&lock, &these(&[], &[])), ["pot-1-py3-none-any.whl"]);
    assert_eq!(wanted(&lock, &Selected::default()).len(), 2);
}

#[test]
fn a_uv_lock_that_is_none_says_why_by_its_line() {
    let package = "version = 1\nrequires-python = '>=3.8'\n[[package]]\nname = 'pot'\n";
    for (text, words) in [
        ("version = 2\nrequires-python = '>=3.8'\n", "line 1: `version` of this uv.lock is not 1"),
        ("version = 1\nrequires-python = ''\npackage = 1\n", "line 3: `package` must be a list"),
        (&format!("{package}source = 3\n"), "line 5: `source` must be a table"),
        (&format!("{package}source = {{ registry = 3 }}\n"), "line 5: `registry` must be a text"),
        (
            &format!("{package}dependencies = [{{ name = 'x', marker = 'x' }}]\n"),
            "line 5: a marker cannot be read",
        ),
        (
            &format!(
                "{package}source = {{ registry = 'x' }}\nsdist = {{ url = 'https://x/pot-1.zip', hash = 'sha256:1' }}\n"
            ),
            "line 6: `1` is not a sha256 digest",
        ),
    ] {
        let said = refused(text);
        assert!(said.contains(words), "{text}: {said}");
    }
}

const POETRY: &str = r#"
[[package]]
name = "Pot"
version = "1.0"
optional = false
python-versions = ">=3.8"
groups = ["main", "dev"]
markers = {dev = "os_name == 'posix'", main = "os_name == 'nt'"}
files = [
    {file = "pot-1.0-py3-none-any.whl", hash = "sha256:AAAA"},
    {file = "pot-1.0.tar.gz", hash = "sha256:BBBB"},
]

[[package]]
name = "lid"
version = "1.0"
optional = true
python-versions = "*"
groups = ["main"]
markers = "extra == \"covered\""
files = [{file = "lid-1.0-py3-none-any.whl", hash = "sha256:AAAA"}]

[package.source]
type = "legacy"
url = "https://index.example/simple"
reference = "company"

[[package]]
name = "far"
version = "1"
optional = false
python-versions = "*"
files = []
[package.source]
type = "git"
url = "https://x.example/far.git"

[extras]
covered = ["lid"]

[metadata]
lock-version = "2.1"
python-versions = ">=3.8"
content-hash = "0"
"#;

#[test]
fn a_poetry_lock_is_read_by_groups_and_markers() {
    let lock = lock(POETRY);
    assert!(lock.packages[0].files[0].url.is_none() && lock.packages[0].files[0].index.is_none());
    assert!(lock.packages[1].files[0].index.is_some());
    assert!(lock.skipped[0].0.starts_with("far (x.lock, line "), "{:?}", lock.skipped);
    for (selected, expected) in [
        (
            Selected::default(),
            &["pot-1.0-py3-none-any.whl", "pot-1.0.tar.gz", "lid-1.0-py3-none-any.whl"][..],
        ),
        (these(&[], &[]), &[]),
        (these(&["covered"], &[]), &["lid-1.0-py3-none-any.whl"]),
        (these(&[], &["dev"]), &["pot-1.0-py3-none-any.whl", "pot-1.0.tar.gz"]),
    ] {
        assert_eq!(wanted(&lock, &selected), expected);
    }
}

#[test]
fn an_old_poetry_lock_has_its_files_apart() {
    let lock = lock(
        "[[package]]\nname = 'tea-pot'\nversion = '1'\n[metadata]\nlock-version = '1.1'\ncontent-hash = ''\n\
         [metadata.files]\nTea_Pot = [{file = 'tea_pot-1.tar.gz', hash = 'sha256:AAAA'}]\n",
    );
    assert_eq!(wanted(&lock, &Selected::default()), ["tea_pot-1.tar.gz"]);
    let said = refused("[metadata]\nlock-version = '3.0'\n");
    assert!(said.contains("line 2: `lock-version` of this poetry.lock is not 1 or 2"), "{said}");
}

#[test]
fn a_target_takes_the_wheel_that_fits_best_or_else_the_sdist() {
    let tags = ["cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-win_amd64", "py3-none-any"];
    let wheels = |tags: &[&str]| {
        let wheel = |tag: &&str| format!("{{ name = 'pot-1-{tag}.whl', hashes = {{ sha256 = 'AAAA' }} }}");
        tags.iter().map(wheel).collect::<Vec<_>>().join(", ")
    };
    let sdist = "sdist = { name = 'pot-1.tar.gz', hashes = { sha256 = 'AAAA' } }\n";
    let head = "lock-version = '1.0'\n[[packages]]\nname = 'pot'\n";
    for (wheels, sdist, sdists, expected) in [
        (wheels(&tags), sdist, false, &["pot-1-cp312-cp312-manylinux_2_17_x86_64.whl"][..]),
        (wheels(&tags[1..]), sdist, false, &["pot-1-py3-none-any.whl"]),
        (wheels(&tags[1..]), sdist, true, &["pot-1-py3-none-any.whl", "pot-1.tar.gz"]),
        (wheels(&tags[1..2]), sdist, false, &["pot-1.tar.gz"]),
        (wheels(&tags[1..2]), "", false, &[]),
    ] {
        let lock = lock(&format!("{head}{sdist}wheels = [{wheels}]\n"));
        let chosen = wanted::fitting(&lock.packages[0], &target(), sdists);
        let names: Vec<_> = chosen.iter().map(|file| file.filename.as_str()).collect();
        assert_eq!(names, expected);
    }
}
