//! Lists of requirements: what they include, pin and limit.

use std::fs;

use depot_tests::{FakeFile, FakeIndex, Fault, SdistBuilder, Style, WheelBuilder, run, sha256_hex};

use super::STYLES;
use crate::python::saved::{Saved, downloads, result};

fn pot(version: &str) -> WheelBuilder {
    WheelBuilder::new("pot", version)
}

fn index(style: Style) -> FakeIndex {
    let index = FakeIndex::builder(style);
    let index =
        ["1.0", "1.1", "2.0", "2.1rc1"].iter().fold(index, |index, version| index.wheel(&pot(version)));
    index.sdist(&SdistBuilder::new("pot", "1.0")).wheel(&WheelBuilder::new("lid", "3")).start()
}

/// Saves what a list says, with lists beside it.
fn save(index: &FakeIndex, saved: &Saved, lists: &[(&str, &str)], args: &[&str]) -> depot_tests::Output {
    for (path, text) in lists {
        let path = saved.around().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut command = saved.save_command(&index.url(), &["-r", lists[0].0, "--format", "json"]);
    run(command.current_dir(saved.around()).args(args))
}

fn pin(bytes: &[u8]) -> String {
    format!("--hash=sha256:{}", sha256_hex(bytes))
}

#[test]
fn a_list_with_lists_and_constraints_saves_what_they_come_to() {
    for style in STYLES {
        let (index, saved) = (index(style), Saved::new());
        let lists = [
            ("all.txt", "-r more/one.txt\n-c limits.txt\npot[x] \\\n  >= 1.0  # not too old\n"),
            ("more/one.txt", "lid ; sys_platform == 'win32'\nlid ; os_name == 'a' and os_name == 'b'\n"),
            ("limits.txt", "POT < 2\nother == 7\n"),
        ];
        let said = save(&index, &saved, &lists, &[]).assert_success();
        let result = result(&said);
        assert_eq!(saved.filenames("pot"), ["pot-1.1-py3-none-any.whl"]);
        assert_eq!(saved.filenames("lid").len(), 1);
        assert_eq!(result["skipped"].as_array().unwrap().len(), 1, "{result}");
        assert!(said.stderr.contains("skipped lid"), "{}", said.stderr);
        assert_eq!(index.count(&FakeIndex::page_path("other")), 0, "a constraint asks for nothing");
        // The same limits from the command line, and others that leave nothing.
        fs::write(saved.around().join("none.txt"), "pot>2.1\n").unwrap();
        let said = save(&index, &saved, &lists, &["-c", "none.txt"]).assert_code(3);
        assert!(said.stderr.contains("no version of `pot` fits `pot[x]>=1.0,<2,>2.1`"), "{}", said.stderr);
    }
}

#[test]
fn a_constraint_for_some_environments_adds_what_they_would_choose() {
    let (index, saved) = (index(Style::Json), Saved::new());
    let limits = "pot<1.1 ; python_version < '3.9'\npot<2 ; python_version >= '3.9'\n";
    save(&index, &saved, &[("r.txt", "pot\n-c c.txt"), ("c.txt", limits)], &[]).assert_success();
    assert_eq!(saved.filenames("pot").len(), 4, "{:?}", saved.filenames("pot"));
}

#[test]
fn constraints_for_the_same_environments_hold_together() {
    let (index, saved) = (index(Style::Json), Saved::new());
    let limits = "pot<2 ; python_version < '3.9'\npot!=1.1 ; ('3.9' > python_version)\n";
    save(&index, &saved, &[("r.txt", "pot\n-c c.txt"), ("c.txt", limits)], &[]).assert_success();
    let expected = ["pot-1.0-py3-none-any.whl", "pot-1.0.tar.gz", "pot-2.0-py3-none-any.whl"];
    assert_eq!(saved.filenames("pot"), expected);
}

#[test]
fn what_lists_require_of_one_project_holds_together_and_what_contradicts_itself_is_named() {
    let (index, saved) = (index(Style::Json), Saved::new());
    let marked = "pot==2.0 ; os_name == 'nt'\n";
    let lists = [("r.txt", "pot>=1.0\n-r more.txt\n"), ("more.txt", "POT < 2\n")];
    save(&index, &saved, &lists, &[]).assert_success();
    assert_eq!(saved.filenames("pot"), ["pot-1.1-py3-none-any.whl"]);

    let said = save(&index, &saved, &[("r.txt", "pot<2\nlid\npot>=2.0\n")], &[]).assert_code(3);
    for named in
        ["pot<2 (r.txt, line 1) and pot>=2.0 (r.txt, line 3)", "no version of `pot` fits `pot<2,>=2.0`"]
    {
        assert!(said.stderr.contains(named), "{}", said.stderr);
    }
    let failed = result(&said)["failed"].as_array().unwrap().len();
    assert_eq!((failed, saved.filenames("lid").len()), (1, 1));

    // Another environment is another matter, and so is what is named on the command line.
    save(&index, &saved, &[("r.txt", &format!("pot<2\n{marked}"))], &["pot==1.0"]).assert_success();
    assert_eq!(saved.filenames("pot").len(), 4);
}

#[test]
fn only_files_with_a_pinned_digest_are_saved() {
    for style in STYLES {
        let (index, saved) = (index(style), Saved::new());
        let wheel = pot("1.0").build();
        let list = format!("pot==1.0 \\\n  --hash=sha256:{} \\\n  {}\n", "0".repeat(64), pin(&wheel));
        save(&index, &saved, &[("r.txt", &list)], &[]).assert_success();
        assert_eq!(saved.filenames("pot"), ["pot-1.0-py3-none-any.whl"]);
        assert_eq!(downloads(&index), 1);

        let none = format!("pot==1.0 --hash=sha256:{}\nlid==3 {}", "0".repeat(64), pin(&wheel));
        let said = save(&index, &saved, &[("r.txt", &none)], &[]).assert_code(3);
        assert!(said.stderr.contains("none of the 2 files that fit `pot==1.0`"), "{}", said.stderr);
        assert!(saved.filenames("lid").is_empty());

        let partly = format!("pot==1.0 {}\nlid==3\n", pin(&wheel));
        let said = save(&index, &saved, &[("r.txt", &partly)], &[]).assert_code(3);
        assert!(said.stderr.contains("lid==3 (r.txt, line 2): digests are required"), "{}", said.stderr);
        save(&index, &saved, &[("r.txt", &format!("--no-require-hashes\n{partly}"))], &[]).assert_success();
        assert_eq!(saved.filenames("lid").len(), 1);
        save(&index, &saved, &[("r.txt", "lid==3")], &["--require-hashes"]).assert_code(3);
    }
}

#[test]
fn a_digest_that_the_index_does_not_list_is_compared_with_the_bytes() {
    let wheel = pot("1.0");
    let (good, other) = (wheel.build(), SdistBuilder::new("pot", "1.0"));
    let sha512 = |bytes: &[u8]| {
        use sha2::{Digest as _, Sha512};
        Sha512::digest(bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    };
    for (pin, listed) in [
        (format!("--hash=sha512:{}", sha512(&good)), true),
        (format!("--hash=sha256:{}", sha256_hex(&good)), false),
    ] {
        let saved = Saved::new();
        let files = [FakeFile::from(&wheel), FakeFile::from(&other)];
        let files = files.map(|file| if listed { file } else { file.without_hash() });
        let index =
            files.into_iter().fold(FakeIndex::builder(Style::Json), |index, file| index.file("pot", file));
        let index = index.start();
        let list = format!("pot==1.0 {pin}");
        for _ in 0..2 {
            let said = save(&index, &saved, &[("r.txt", &list)], &[]).assert_code(3);
            assert!(said.stderr.contains(&other.filename()), "{}", said.stderr);
            assert!(said.stderr.contains("have none of the digests"), "{}", said.stderr);
            assert_eq!(saved.filenames("pot"), [wheel.filename()]);
        }
        // What is there without a pin is no excuse either.
        save(&index, &saved, &[("r.txt", "pot==1.0")], &[]).assert_success();
        save(&index, &saved, &[("r.txt", &list)], &[]).assert_code(3);
    }
}

#[test]
fn a_list_may_ask_for_pre_releases_and_name_its_index() {
    let (index, saved) = (index(Style::Json), Saved::new());
    save(&index, &saved, &[("r.txt", "--pre\npot\n")], &[]).assert_success();
    assert_eq!(saved.filenames("pot"), [pot("2.1rc1").filename()]);
    let other = Saved::new();
    fs::write(other.around().join("r.txt"), format!("-i {}\npot\n-f wheels\n--prefer-binary\n", index.url()))
        .unwrap();
    let mut command = depot_tests::depot_command(["python", "save", "-v", "-r", "r.txt", "--dir", "tree"]);
    let said = run(command.current_dir(other.around())).assert_success();
    assert!(said.stderr.contains(&format!("index: {} (r.txt, line 1)", index.url())), "{}", said.stderr);
    for words in ["warning: r.txt, line 3: `--find-links`", "warning: r.txt, line 4: `--prefer-binary`"] {
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
    assert_eq!(other.filenames("pot"), [pot("2.0").filename()]);
    // A flag names another one, and that is said.
    let said = save(&index, &saved, &[("r.txt", "-i https://index.example/\npot\n")], &[]).assert_success();
    assert!(said.stderr.contains("r.txt, line 1: `--index-url` is not used"), "{}", said.stderr);
}

#[test]
fn a_list_that_cannot_be_read_whole_asks_nothing_of_anybody() {
    let (index, saved) = (index(Style::Json), Saved::new());
    for (lists, words) in [
        (&[("r.txt", "pot\n-r absent.txt")][..], "cannot read `absent.txt` (r.txt, line 2)"),
        (&[("r.txt", "pot\n-r https://x.example/r.txt")], "is an address"),
        (&[("r.txt", "pot\n-r r.txt")], "includes itself"),
        (&[("r.txt", "pot\n-c c.txt"), ("c.txt", "pot[")], "is not a constraint"),
        (&[("r.txt", "pot\n--no-index")], "nothing to save from"),
    ] {
        let said = save(&index, &saved, lists, &[]).assert_code(1);
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
    assert!(index.requests().is_empty() && !saved.root().exists());
}

#[test]
fn the_first_index_that_has_a_project_answers_for_it() {
    for style in STYLES {
        let first = FakeIndex::builder(style).wheel(&pot("1.0")).start();
        let second =
            FakeIndex::builder(style).wheel(&pot("1.5")).wheel(&WheelBuilder::new("mid", "1")).start();
        let main = FakeIndex::builder(style)
            .wheel(&pot("9.0"))
            .wheel(&WheelBuilder::new("mid", "9"))
            .wheel(&WheelBuilder::new("lid", "3"))
            .start();
        let saved = Saved::new();
        let extra = [("--extra-index-url", first.url()), ("--extra-index-url", second.url())];
        let mut command = saved.save_command(&main.url(), &["pot", "mid", "lid", "--format", "json", "-v"]);
        let said = run(command.args(extra.iter().flat_map(|(flag, url)| [*flag, url]))).assert_success();
        assert_eq!(saved.filenames("pot"), [pot("1.0").filename()]);
        assert_eq!(saved.filenames("mid"), ["mid-1-py3-none-any.whl"]);
        assert_eq!(saved.filenames("lid").len(), 1);
        assert_eq!(second.count(&FakeIndex::page_path("pot")), 0, "nobody else is even asked");
        let result = result(&said);
        assert_eq!(result["extra-indexes"], serde_json::json!([first.url(), second.url()]));
        assert_eq!(saved.record("mid", "mid-1-py3-none-any.whl")["depot"]["origin"]["index"], second.url());
        assert!(
            said.stderr.contains(&format!("extra index: {} (--extra-index-url)", first.url())),
            "{}",
            said.stderr
        );

        // A version that the first does not have is not looked for elsewhere.
        let mut command = saved.save_command(&main.url(), &["pot==9.0"]);
        run(command.env("UV_INDEX", format!("a={}  {}", first.url(), second.url()))).assert_code(3);

        // One that refuses or fails may have it: nobody answers in its place.
        for code in [401, 403, 500] {
            first.fault(&FakeIndex::page_path("lid"), Fault::Status { code, retry_after: None });
            let other = Saved::new();
            let mut command = other.save_command(&main.url(), &["lid", "--retries", "0"]);
            run(command.env("PIP_EXTRA_INDEX_URL", first.url())).assert_code(3);
            assert!(other.filenames("lid").is_empty());
        }
    }
}

#[test]
fn the_index_may_come_from_the_environment() {
    let index = index(Style::Json);
    for (name, others) in [
        ("DEPOT_INDEX_URL", &["UV_DEFAULT_INDEX", "PIP_INDEX_URL"][..]),
        ("UV_DEFAULT_INDEX", &["PIP_INDEX_URL"]),
        ("PIP_INDEX_URL", &[]),
    ] {
        let saved = Saved::new();
        let mut command = depot_tests::depot_command(["python", "save", "lid", "-v"]);
        command.arg("--dir").arg(saved.root()).env(name, index.url());
        let said = run(command.envs(others.iter().map(|other| (*other, "http://127.0.0.1:9/simple/"))));
        let said = said.assert_success();
        assert!(said.stderr.contains(&format!("index: {}", index.url())), "{}", said.stderr);
        assert!(name == "DEPOT_INDEX_URL" || said.stderr.contains(&format!("({name})")), "{}", said.stderr);
        assert_eq!(saved.filenames("lid").len(), 1);
    }
}
