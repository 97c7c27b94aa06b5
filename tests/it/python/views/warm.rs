//! `depot-server warm`: what is named, and what it requires, is here before another index goes down.

use std::{fs, path::Path};

use depot_tests::{
    Clients, FakeFile, FakeIndex, Fault, Output, SdistBuilder, Style, WheelBuilder, sha256_hex,
};
use serde_json::Value;

use super::{super::depot::Depot, in_front_of, index_of, wheel_name};

/// The only Python and platform that these tests warm for, unless they say another.
const LINUX: [&str; 4] = ["--python", "3.12", "--platform", "linux"];

/// Warms for one target, and reads what it says for programs.
#[track_caller]
fn warm(depot: &Depot, args: &[&str], code: i32) -> Value {
    let said = said(depot, &[args, &["--format", "json"]].concat()).assert_code(code);
    serde_json::from_str(&said.stdout).unwrap()
}

fn said(depot: &Depot, args: &[&str]) -> Output {
    depot.admin(&[&["warm"][..], &LINUX, args].concat())
}

fn names(said: &Value) -> Vec<&str> {
    said["files"].as_array().unwrap().iter().map(|file| file["filename"].as_str().unwrap()).collect()
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    fs::write(folder.join(name), text).unwrap();
    folder.join(name).to_str().unwrap().to_owned()
}

/// A closure: `app` requires `tea`, and on Windows `winpot`; an extra of it requires `cup`; and `tea` an old `pot`.
fn closure() -> FakeIndex {
    let app = WheelBuilder::new("app", "1")
        .requires_dist("tea>=1")
        .requires_dist("winpot; sys_platform == 'win32'")
        .requires_dist("cup; extra == 'cups'");
    FakeIndex::builder(Style::Json)
        .wheel(&app)
        .wheel(&WheelBuilder::new("tea", "1"))
        .wheel(&WheelBuilder::new("tea", "2").requires_dist("pot<2"))
        .wheel(&WheelBuilder::new("pot", "1"))
        .wheel(&WheelBuilder::new("pot", "2"))
        .wheel(&WheelBuilder::new("cup", "1"))
        .wheel(&WheelBuilder::new("winpot", "1"))
        .start()
}

#[test]
fn what_a_list_names_installs_with_all_that_it_requires_while_the_index_is_down() {
    let Some(clients) = Clients::find() else { return };
    let mut index = closure();
    let depot = in_front_of(&index);
    let around = tempfile::tempdir().unwrap();
    let list = write(around.path(), "requirements.txt", "app[cups]  # ours\n");
    let warmed = warm(&depot, &["-r", &list], 0);
    let expected = [("app", "1"), ("cup", "1"), ("pot", "1"), ("tea", "2")];
    let expected = expected.map(|(project, version)| wheel_name(project, version));
    assert_eq!(names(&warmed), expected, "{warmed:#}");
    assert_eq!(
        (warmed["schema"].as_str(), warmed["repository"].as_str()),
        (Some("depot.warm/1"), Some("all"))
    );
    assert!(warmed["files"].as_array().unwrap().iter().all(|file| file["fetched"] == true), "{warmed:#}");
    assert_eq!(index.count(&FakeIndex::page_path("winpot")), 0);
    // All of it is here, so that nothing is fetched again.
    let again = warm(&depot, &["-r", &list], 0);
    assert!(again["files"].as_array().unwrap().iter().all(|file| file["fetched"] == false), "{again:#}");
    index.stop();
    let url = format!("{}/simple/", depot.url());
    let room = clients.room();
    room.pip_install(&url, ["-r", &list]).assert_success();
    assert_eq!(room.installed_version("tea"), "2");
    let room = clients.room();
    room.uv_install(&url, ["-r", &list]).assert_success();
    assert_eq!(room.installed_version("pot"), "1");
}

#[test]
fn a_list_of_digests_is_kept_to_and_installs_while_the_index_is_down() {
    let Some(clients) = Clients::find() else { return };
    let mut index = closure();
    let depot = in_front_of(&index);
    let around = tempfile::tempdir().unwrap();
    // As `pip-compile --generate-hashes` writes it, older than what could be had.
    let (tea, pot) = (WheelBuilder::new("tea", "1"), WheelBuilder::new("pot", "1"));
    let line = |name: &str, wheel: &WheelBuilder| {
        format!("{name}==1 \\\n    --hash=sha256:{}\n    # via app\n", sha256_hex(&wheel.build()))
    };
    let list = write(around.path(), "requirements.txt", &[line("tea", &tea), line("pot", &pot)].concat());
    let warmed = warm(&depot, &["-r", &list], 0);
    assert_eq!(names(&warmed), [pot.filename(), tea.filename()], "{warmed:#}");
    index.stop();
    let room = clients.room();
    let url = format!("{}/simple/", depot.url());
    room.pip_install(&url, ["--require-hashes", "-r", &list]).assert_success();
    assert_eq!(
        (room.installed_version("tea"), room.installed_version("pot")),
        ("1".to_owned(), "1".to_owned())
    );
}

#[test]
fn what_comes_damaged_is_named_and_had_when_it_is_well() {
    let mut index = index_of(&["six", "tea"]);
    let depot = in_front_of(&index);
    let six = wheel_name("six", "2");
    index.fault(&FakeIndex::file_path("six", &six), Fault::WrongBytes);
    let warmed = warm(&depot, &["six", "tea"], 3);
    assert_eq!(warmed["failed"][0]["what"], six.as_str(), "{warmed:#}");
    assert_eq!(names(&warmed), [wheel_name("tea", "2")]);
    index.heal();
    assert_eq!(names(&warm(&depot, &["six"], 0)), [six.as_str()]);
    index.stop();
    // What is here needs nobody.
    assert_eq!(names(&warm(&depot, &["six"], 0)), [six.as_str()]);
    let warmed = warm(&depot, &["pot"], 3);
    assert!(warmed["failed"][0]["reason"].as_str().unwrap().contains("cannot be had now"), "{warmed:#}");
}

#[test]
fn what_cannot_be_had_is_named_and_the_rest_is_had() {
    let index = index_of(&["six"]);
    let depot = in_front_of(&index);
    let around = tempfile::tempdir().unwrap();
    let digest = sha256_hex(&WheelBuilder::new("six", "1").build());
    let list = format!(
        "six==1 \\\n  --hash=sha256:{digest}\ntea\nsix-again @ https://files.example/six.whl\n\
         -i https://me:secret@index.example/simple\n"
    );
    let path = write(around.path(), "requirements.txt", &list);
    let said_so = said(&depot, &["-r", &path]).assert_code(3);
    for words in ["failed: tea: there is no project `tea` here", "names an address, and not an index"] {
        assert!(said_so.stdout.contains(words), "{}", said_so.stdout);
    }
    assert!(
        said_so.stdout.contains("1 projects, 1 files, of which 1 were fetched now"),
        "{}",
        said_so.stdout
    );
    assert!(
        said_so.stderr.contains("`-i` has no effect") && !said_so.stderr.contains("secret"),
        "{}",
        said_so.stderr
    );
    assert!(said_so.stderr.contains(&format!("fetched {}", wheel_name("six", "1"))), "{}", said_so.stderr);
    // Other bytes than are pinned are not what was asked for.
    let other = write(around.path(), "other.txt", &format!("six==1 --hash=sha256:{}\n", "0".repeat(64)));
    let warmed = warm(&depot, &["-r", &other], 3);
    assert_eq!((names(&warmed).len(), warmed["failed"][0]["what"].as_str()), (0, Some("six")));
    let conflict = warm(&depot, &["six>1", "six<2"], 3);
    let reason = conflict["failed"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("`six>1` and `six<2`"), "{reason}");
    for wrong in
        [&["-r", "no-such-file"][..], &["--python", "4,2", "six"], &["--repository", "nowhere", "six"]]
    {
        let code = said(&depot, wrong).assert_code(1);
        assert!(code.stdout.is_empty(), "{}", code.stdout);
    }
    depot.admin(&["warm"]).assert_code(2);
}

#[test]
fn a_lock_is_warmed_to_the_file_for_each_target() {
    let linux = WheelBuilder::new("six", "1").tag("cp312-cp312-manylinux_2_17_x86_64");
    let windows = WheelBuilder::new("six", "1").tag("cp312-cp312-win_amd64");
    let newer = WheelBuilder::new("six", "2");
    let index = FakeIndex::builder(Style::Json)
        .wheel(&linux)
        .wheel(&windows)
        .wheel(&newer)
        .wheel(&WheelBuilder::new("winpot", "1").tag("py3-none-win_amd64"))
        .start();
    let depot = in_front_of(&index);
    let around = tempfile::tempdir().unwrap();
    let package = |name: &str, hashes: &str| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ registry = \"https://index.example/simple\" }}\n\
             wheels = [{hashes}]\n"
        )
    };
    let digests: Vec<_> = [&linux, &windows]
        .map(|wheel| format!("{{ url = \"u\", hash = \"sha256:{}\" }}", sha256_hex(&wheel.build())))
        .into();
    let lock = [package("six", &digests.join(", ")), package("winpot", "")].concat();
    let lock = write(around.path(), "uv.lock", &lock);
    let warmed = warm(&depot, &["-r", &lock], 0);
    assert_eq!(names(&warmed), [linux.filename()]);
    assert!(warmed["warnings"][0].as_str().unwrap().contains("winpot==1"), "{warmed:#}");
    let both = warm(&depot, &["-r", &lock, "--platform", "windows"], 0);
    assert_eq!(names(&both).len(), 3, "{both:#}");
    assert_eq!(both["warnings"].as_array().unwrap().len(), 0);
}

#[test]
fn the_forks_of_a_lock_are_alternatives() {
    let wheels =
        |project, versions: [&'static str; 2]| versions.map(|version| WheelBuilder::new(project, version));
    let [one, two] = wheels("six", ["1", "2"]);
    let index = FakeIndex::builder(Style::Json)
        .wheel(&one)
        .wheel(&two)
        .wheel(&WheelBuilder::new("winpot", "1"))
        .start();
    let depot = in_front_of(&index);
    let around = tempfile::tempdir().unwrap();
    let fork = |version: &str, more: &str| {
        format!(
            "[[package]]\nname = \"six\"\nversion = \"{version}\"\n\
             source = {{ registry = \"https://index.example/simple\" }}\n{more}\n"
        )
    };
    let marked = [
        fork("1", "resolution-markers = [\"python_full_version < '3.12'\"]"),
        fork("2", "resolution-markers = [\"python_full_version >= '3.12'\"]"),
    ];
    let lock = write(around.path(), "uv.lock", &marked.concat());
    assert_eq!(names(&warm(&depot, &["-r", &lock], 0)), [two.filename()]);
    let both = warm(&depot, &["-r", &lock, "--python", "3.11"], 0);
    assert_eq!(names(&both), [one.filename(), two.filename()], "{both:#}");
    // Where nothing says which is for what, each comes.
    let lock = write(around.path(), "uv.lock", &[fork("1", ""), fork("2", "")].concat());
    let both = warm(&depot, &["-r", &lock], 0);
    assert_eq!(names(&both), [one.filename(), two.filename()], "{both:#}");
    let pylock = "[[packages]]\nname = \"winpot\"\nversion = \"1\"\nmarker = \"sys_platform == 'win32'\"\n\
                  [[packages]]\nname = \"gone\"\nversion = \"1\"\nmarker = \"sys_platform == 'win32'\"\n";
    let lock = write(around.path(), "pylock.toml", pylock);
    let warmed = warm(&depot, &["-r", &lock], 0);
    assert!(names(&warmed).is_empty() && warmed["warnings"].as_array().unwrap().is_empty(), "{warmed:#}");
    let windows = warm(&depot, &["-r", &lock, "--platform", "windows"], 3);
    assert_eq!(names(&windows), [wheel_name("winpot", "1")]);
    assert_eq!(windows["failed"][0]["what"], "gone", "{windows:#}");
}

#[test]
fn constraints_are_those_of_each_target() {
    let index = index_of(&["six"]);
    let depot = in_front_of(&index);
    let around = tempfile::tempdir().unwrap();
    let bounds = "six==1;python_version<'3.12'\nsix==2;python_version>='3.12'\n";
    let path = write(around.path(), "bounds.txt", bounds);
    assert_eq!(names(&warm(&depot, &["six", "-c", &path], 0)), [wheel_name("six", "2")]);
    let both = warm(&depot, &["six", "-c", &path, "--python", "3.11"], 0);
    assert_eq!(names(&both), [wheel_name("six", "1"), wheel_name("six", "2")]);
    let path = write(around.path(), "wrong.txt", "six=<1\n");
    let refused = said(&depot, &["six", "-c", &path]).assert_code(1);
    assert!(refused.stderr.contains("wrong.txt:1"), "{}", refused.stderr);
}

#[test]
fn what_a_rejected_release_requires_is_neither_had_nor_missed() {
    let index = FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("aaa", "1").requires_dist("bbb").requires_dist("ddd"))
        .wheel(&WheelBuilder::new("bbb", "1"))
        .wheel(&WheelBuilder::new("bbb", "2").requires_dist("nobodys"))
        .wheel(&WheelBuilder::new("ddd", "1").requires_dist("eee"))
        .wheel(&WheelBuilder::new("eee", "1").requires_dist("bbb<2"))
        .start();
    let depot = in_front_of(&index);
    let warmed = warm(&depot, &["aaa"], 0);
    assert_eq!(names(&warmed), ["aaa", "bbb", "ddd", "eee"].map(|project| wheel_name(project, "1")));
}

#[test]
fn an_address_among_names_is_said_without_its_password_and_the_rest_is_had() {
    let index = FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("six", "1").requires_dist("tea @ https://me:secret@files.example/tea.whl"))
        .start();
    let depot = in_front_of(&index);
    let around = tempfile::tempdir().unwrap();
    let list = "git+https://me:secret@git.example/x/y.git@v1#egg=y\npot @ https://me:secret@files.example/pot.whl\nsix\n";
    let path = write(around.path(), "requirements.txt", list);
    let said_so = said(&depot, &["-r", &path]).assert_code(3);
    for words in
        ["git+https://***@git.example", "pot @ https://***@files.example", "tea @ https://***@files.example"]
    {
        assert!(said_so.stdout.contains(words), "{words}: {}", said_so.stdout);
    }
    assert!(!said_so.stdout.contains("secret") && !said_so.stderr.contains("secret"), "{}", said_so.stderr);
    assert!(said_so.stdout.contains("1 projects, 1 files"), "{}", said_so.stdout);
    let warmed = warm(&depot, &["-r", &path], 3);
    assert!(!warmed.to_string().contains("secret"), "{warmed:#}");
    let refused = said(&depot, &["six six @ https://me:secret@files.example/six.whl"]).assert_code(1);
    assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
}

#[test]
fn nobody_is_asked_for_what_is_owned_or_hidden() {
    let index = index_of(&["acme-core", "evil", "six"]);
    let around = tempfile::tempdir().unwrap();
    let policy = "block = [\"evil\", \"six==2\"]\n";
    write(around.path(), "policy.toml", policy);
    let config =
        "[repositories.python]\nreserved = [\"acme-*\"]\n[repositories.all]\npolicy = \"policy.toml\"\n";
    let config = write(around.path(), "depot.toml", config);
    let depot = Depot::start_with(&["--config", &config, "--upstream", &index.url()]);
    let warmed = warm(&depot, &["acme-core", "evil", "six"], 3);
    assert_eq!(names(&warmed), [wheel_name("six", "1")]);
    let failed: Vec<_> =
        warmed["failed"].as_array().unwrap().iter().map(|one| one["what"].as_str()).collect();
    assert_eq!(failed, [Some("acme-core"), Some("evil")]);
    assert!(warmed["failed"][1]["reason"].as_str().unwrap().contains("hidden by the policy"), "{warmed:#}");
    for project in ["acme-core", "evil"] {
        assert_eq!(index.count(&FakeIndex::page_path(project)), 0, "{project}");
    }
}

#[test]
fn a_stopped_server_is_warmed_by_its_configuration() {
    let index = FakeIndex::builder(Style::Json)
        .sdist(&SdistBuilder::new("old", "1").build_requires("setuptools>=40"))
        .wheel(&WheelBuilder::new("setuptools", "80"))
        .file("six", FakeFile::from(&WheelBuilder::new("six", "1")).without_metadata())
        .start();
    let mut depot = in_front_of(&index);
    depot.stop();
    let upstream = ["--upstream", &index.url_with_credentials()];
    let args = [&["warm", "old", "six", "--format", "json"][..], &LINUX, &upstream].concat();
    let said = depot.admin(&args).assert_success();
    let warmed: Value = serde_json::from_str(&said.stdout).unwrap();
    // What must be built needs more than itself.
    let expected = ["old-1.tar.gz".to_owned(), wheel_name("setuptools", "80"), wheel_name("six", "1")];
    assert_eq!(names(&warmed), expected, "{warmed:#}");
    assert!(warmed["warnings"][0].as_str().unwrap().contains("must be built"), "{warmed:#}");
    depot.resume();
    index.clear_log();
    for (project, file) in [("old", &expected[0]), ("setuptools", &expected[1]), ("six", &expected[2])] {
        assert_eq!(depot.get(&format!("/simple/{project}/")).status, 200);
        assert_eq!(depot.get(&format!("/files/{project}/{file}")).status, 200);
    }
    assert_eq!(depot.get(&format!("/files/six/{}.metadata", expected[2])).status, 200);
    assert_eq!(index.requests().len(), 0, "{:?}", index.requests());
}

#[test]
fn where_no_files_are_kept_nothing_can_be_warm() {
    let index = index_of(&["six"]);
    let around = tempfile::tempdir().unwrap();
    let config = write(around.path(), "depot.toml", "[repositories.pypi]\nfiles = \"stream\"\n");
    let depot = Depot::start_with(&["--config", &config, "--upstream", &index.url()]);
    let warmed = warm(&depot, &["six"], 3);
    let reason = warmed["failed"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("`pypi` keeps no files"), "{reason}");
}
