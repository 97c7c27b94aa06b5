//! `depot python save`: what is chosen, what is stored of it, and what a second run does.

mod again;
mod closure;
mod faults;
mod hostile;
mod lists;
mod mending;
mod resume;
mod secrets;
mod targets;
mod trouble;

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use depot_tests::{
    FakeFile, FakeIndex, FakeIndexBuilder, SdistBuilder, Style, WheelBuilder, run, sha256_hex,
};
use serde_json::json;

use super::depot::assert_tmp_is_empty;
use super::saved::{Saved, downloads, result};

const STYLES: [Style; 2] = [Style::Json, Style::HtmlOnly];

fn pot(version: &str) -> WheelBuilder {
    WheelBuilder::new("tea.pot", version).requires_python(">=3.8")
}

fn index(style: Style) -> FakeIndexBuilder {
    FakeIndex::builder(style)
        .wheel(&pot("1.0"))
        .sdist(&SdistBuilder::new("tea.pot", "1.0"))
        .wheel(&pot("1.10"))
        .sdist(&SdistBuilder::new("tea.pot", "1.10"))
        .file("tea-pot", FakeFile::from(&pot("1.11")).yanked("too hot"))
        .wheel(&pot("2.0rc1"))
        .wheel(&WheelBuilder::new("unripe", "0.1a1"))
        .wheel(&WheelBuilder::new("unripe", "0.1a2"))
        .wheel(&WheelBuilder::new("lid", "3"))
}

#[test]
fn the_newest_version_is_saved_whole_with_what_the_index_says() {
    for style in STYLES {
        let (index, saved) = (index(style).start(), Saved::new());
        let said = saved.save(&index, &["Tea_Pot"]).assert_success();
        assert!(said.stdout.is_empty(), "{}", said.stdout);
        assert!(said.stderr.contains("saved 2 files"), "{}", said.stderr);
        let wheel = pot("1.10");
        assert_eq!(saved.filenames("tea-pot"), ["tea_pot-1.10-py3-none-any.whl", "tea_pot-1.10.tar.gz"]);
        assert_eq!(saved.stored("tea-pot", &wheel.filename()).unwrap(), wheel.build());
        let sidecar = format!("{}.metadata", wheel.filename());
        assert_eq!(saved.stored("tea-pot", &sidecar).unwrap(), wheel.metadata());

        let record = saved.record("tea-pot", &wheel.filename());
        assert_eq!(record["filename"], wheel.filename());
        assert_eq!(record["hashes"], json!({ "sha256": sha256_hex(&wheel.build()) }));
        assert_eq!(record["size"], wheel.build().len());
        assert_eq!(record["requires-python"], ">=3.8");
        assert_eq!(record["core-metadata"]["sha256"], sha256_hex(&wheel.metadata()));
        let url = format!("{}{}", index.origin(), FakeIndex::file_path("tea.pot", &wheel.filename()));
        let origin = json!({ "kind": "mirrored", "index": index.url(), "url": url });
        assert_eq!(record["depot"]["origin"], origin);
        assert!(record["depot"]["first-seen"].is_string(), "{record}");
        let time = if style == Style::Json { json!("2024-05-06T07:08:09.000000Z") } else { json!(null) };
        assert_eq!(record["upload-time"], time);
        assert_tmp_is_empty(&saved.root());
    }
}

#[test]
fn versions_are_chosen_as_installers_do() {
    for style in STYLES {
        for (spec, more, versions) in [
            ("tea-pot", None, &["1.10"][..]),
            ("tea-pot<1.10", None, &["1.0"]),
            ("tea-pot~=1.0", None, &["1.10"]),
            ("tea-pot[all]==1.0 ; python_version > '3'", None, &["1.0"]),
            ("tea-pot==1.11", None, &["1.11"]),
            ("tea-pot>=2.0rc1", None, &["2.0rc1"]),
            ("tea-pot", Some("--all-versions"), &["1.0", "1.10"]),
            ("tea-pot>=1.0rc1", Some("--all-versions"), &["1.0", "1.10", "2.0rc1"]),
            ("unripe", None, &["0.1a2"]),
        ] {
            let (index, saved) = (index(style).start(), Saved::new());
            let mut args = vec![spec, "--format", "json"];
            args.extend(more);
            let result = result(&saved.save(&index, &args).assert_success());
            let mut chosen: Vec<_> = result["files"]
                .as_array()
                .unwrap()
                .iter()
                .map(|file| file["version"].as_str().unwrap())
                .collect();
            chosen.dedup();
            assert_eq!(chosen, versions, "{spec} {more:?}");
        }
    }
}

#[test]
fn a_yanked_file_is_saved_only_where_it_is_pinned_and_then_with_its_flag() {
    let (index, saved) = (index(Style::Json).start(), Saved::new());
    let refused = saved.save(&index, &["tea-pot>1.10,<2"]).assert_code(3);
    assert!(refused.stderr.contains("yanked") && refused.stderr.contains("too hot"), "{}", refused.stderr);
    assert!(refused.stderr.contains("=="), "it says how to have it: {}", refused.stderr);
    saved.save(&index, &["tea-pot==1.11"]).assert_success();
    assert_eq!(saved.record("tea-pot", &pot("1.11").filename())["yanked"], "too hot");
}

#[test]
fn requirements_come_from_files_and_standard_input_with_comments() {
    let (index, saved) = (index(Style::Json).start(), Saved::new());
    let list = saved.around().join("requirements.txt");
    fs::write(&list, "\u{feff}# what we need\n\n  tea.pot==1.0  # an old one\r\n\tunripe\n").unwrap();
    let mut command = saved.save_command(&index.url(), &["--stdin", "-r", list.to_str().unwrap()]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"lid # the newest\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(saved.filenames("tea-pot"), ["tea_pot-1.0-py3-none-any.whl", "tea_pot-1.0.tar.gz"]);
    assert_eq!(saved.filenames("unripe").len() + saved.filenames("lid").len(), 2);
}

#[test]
fn a_bad_line_is_named_with_its_place_and_stops_nothing() {
    let (index, saved) = (index(Style::Json).start(), Saved::new());
    let list = saved.around().join("requirements.txt");
    fs::write(&list, "lid\n-e .\nlid==\nabsent\ntea.pot==99\nlid @ https://x.example/lid.whl\n").unwrap();
    let said = saved.save(&index, &["-r", list.to_str().unwrap()]).assert_code(3);
    for (line, words) in [
        (2, "a project on this machine"),
        (3, "lid=="),
        (4, "there is no project `absent`"),
        (5, "no version of `tea-pot` fits"),
        (6, "names an address"),
    ] {
        let place = format!("requirements.txt, line {line}");
        let named = said.stderr.lines().any(|said| said.contains(&place) && said.contains(words));
        assert!(named, "line {line}: {}", said.stderr);
    }
    assert_eq!(saved.filenames("lid").len(), 1);
    assert!(said.stderr.contains("5 failed"), "{}", said.stderr);
}

#[test]
fn a_dry_run_tells_names_and_sizes_and_touches_nothing() {
    for style in STYLES {
        let (index, saved) = (index(style).start(), Saved::new());
        let said = saved.save(&index, &["tea-pot==1.0", "--dry-run"]).assert_success();
        let lines: Vec<_> = said.stdout.lines().collect();
        assert_eq!(lines.len(), 2, "{}", said.stdout);
        assert!(
            lines[0].starts_with(&pot("1.0").filename()) && !said.stdout.contains("unknown"),
            "{}",
            said.stdout
        );
        assert!(said.stderr.contains("would save 2 files"), "{}", said.stderr);
        assert_eq!(downloads(&index), 0);
        let heads = index.requests().iter().filter(|request| request.method == "HEAD").count();
        assert_eq!(heads, if style == Style::Json { 0 } else { 2 });
        let planned =
            result(&saved.save(&index, &["tea-pot==1.0", "--dry-run", "--format", "json"]).assert_success());
        assert_eq!(planned["dry-run"], true);
        assert_eq!(planned["files"][0]["size"], pot("1.0").build().len());
        assert_eq!(planned["files"][0]["outcome"], "planned");
        assert!(!saved.root().exists());
    }
}

#[test]
fn the_result_for_programs_is_one_document_on_stdout() {
    let (index, saved) = (index(Style::Json).start(), Saved::new());
    let said = saved.save(&index, &["lid", "absent", "--format", "json"]).assert_code(3);
    let result = result(&said);
    assert_eq!(result["schema"], "depot.save/1");
    assert_eq!(
        result["counts"],
        json!({ "planned": 0, "saved": 1, "updated": 0, "present": 0, "provenance": 0, "failed": 1 })
    );
    let (lid, file) = (WheelBuilder::new("lid", "3"), &result["files"][0]);
    assert_eq!(
        (&file["project"], &file["version"], &file["outcome"]),
        (&json!("lid"), &json!("3"), &json!("saved"))
    );
    assert_eq!(
        (&file["filename"], &file["sha256"]),
        (&json!(lid.filename()), &json!(sha256_hex(&lid.build())))
    );
    assert_eq!((&file["size"], &result["bytes"]), (&json!(lid.build().len()), &json!(lid.build().len())));
    assert_eq!(result["failed"][0]["item"], "absent");
    assert!(result["seconds"].is_number() && result["dir"] == saved.root().to_str().unwrap(), "{result}");

    let quiet = saved.save(&index, &["lid", "-q", "--format", "json"]).assert_success();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn wrong_usage_is_2_and_what_cannot_begin_is_1() {
    let (index, saved) = (index(Style::Json).start(), Saved::new());
    saved.save(&index, &[]).assert_code(2);
    saved.save(&index, &["lid", "--jobs", "0"]).assert_code(2);
    saved.save(&index, &["lid", "--explode"]).assert_code(2);
    saved.save(&index, &["lid", "-q", "-v"]).assert_code(2);
    for name in ["requirements.txt", "Lists.in", "pyproject.toml", "uv.lock"] {
        let said = saved.solve(&index, &[name]).assert_code(2);
        assert!(said.stderr.contains(&format!("write `-r {name}`")), "{}", said.stderr);
    }
    assert_eq!(index.requests(), [], "nobody is asked for a project of such a name");
    let said = saved.save(&index, &["-r", "/no/such/file"]).assert_code(1);
    assert!(said.stderr.contains("/no/such/file"), "{}", said.stderr);
    fs::write(saved.root(), "a file where the tree should be").unwrap();
    let said = saved.save(&index, &["lid"]).assert_code(1);
    assert!(said.stderr.contains(saved.root().to_str().unwrap()), "{}", said.stderr);
}

#[test]
fn an_index_url_that_is_none_is_wrong_usage() {
    let saved = Saved::new();
    for url in ["index.example", "ftp://index.example/simple/", "https://index.example/?a=b", "https://", ""]
    {
        run(&mut saved.save_command(url, &["lid"])).assert_code(2);
    }
}

#[test]
fn a_message_says_its_reason_once() {
    let saved = Saved::new();
    fs::write(saved.root(), "a file where the tree should be").unwrap();
    let index = index(Style::Json).start();
    for said in [run(&mut saved.save_command("index.example", &["lid"])), saved.save(&index, &["lid"])] {
        let reason = said.stderr.trim().rsplit(": ").next().unwrap();
        assert_eq!(said.stderr.matches(reason).count(), 1, "{}", said.stderr);
    }
}
