//! `depot doctor`: every fault that is planted into an index is found, by its name and alone, and depot-server has none.

mod beside;
mod index;
mod own;
mod planted;
mod tls;

use std::fs;

use depot_tests::{Output, depot_command, run, workspace_root};
use serde_json::Value;

use self::index::{Mode, Site};
use self::planted::Planted;
use crate::python::command::schema::assert_valid;

/// Faults of an index over TLS: `tls` plants them.
const OVER_TLS: [&str; 2] = ["reach.http2", "file.downgrade"];

/// Runs doctor, in an environment that knows of no login and no proxy.
fn doctor(args: &[&str]) -> Output {
    run(depot_command([&["--format", "json", "doctor"], args].concat())
        .env("DEPOT_CONFIG_DIR", "/nonexistent"))
}

/// The document, which is as its schema says.
#[track_caller]
fn document(output: &Output) -> Value {
    let document = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", output.stdout, output.stderr));
    assert_valid(&document);
    document
}

/// What is not as it should be: name, level and what was seen.
fn findings(document: &Value) -> Vec<(String, String, String)> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let all = document["findings"].as_array().unwrap().iter();
    let bad = all.filter(|finding| finding["level"] != "ok");
    bad.map(|finding| (text(finding, "id"), text(finding, "level"), text(finding, "seen"))).collect()
}

/// Runs doctor on a site.
fn examine(site: &Site) -> Output {
    let url = site.url();
    let mut args = vec![url.as_str(), "--project", "tea-pot"];
    match site.mode() {
        Mode::Open => {}
        Mode::Private => args.extend(["--token", index::TOKEN]),
        Mode::Root => args.push("--root"),
        Mode::Upload => args.extend(["--token", index::TOKEN, "--upload", "doctor-test"]),
        Mode::Proxied => {
            let args = ["--format", "json", "doctor", "http://index.example/simple/", "--project", "tea-pot"];
            return run(depot_command(args)
                .env("HTTP_PROXY", site.origin())
                .env("DEPOT_CONFIG_DIR", "/nonexistent"));
        }
    }
    doctor(&args)
}

/// Plants each fault of some areas into an index of its own, and looks for it.
fn every_fault_is_found(areas: &[&str]) {
    let in_areas: Vec<&Planted> = planted::all()
        .filter(|planted| areas.iter().any(|area| planted.id.starts_with(&format!("{area}."))))
        .collect();
    assert!(!in_areas.is_empty());
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<Vec<&Planted>> =
            (0..4).map(|part| in_areas.iter().skip(part).step_by(4).copied().collect()).collect();
        let threads: Vec<_> = parts
            .into_iter()
            .map(|part| {
                scope.spawn(move || part.into_iter().filter_map(fault_of_the_doctor).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// What is wrong with the doctor, if it does not find this fault alone.
fn fault_of_the_doctor(planted: &Planted) -> Option<String> {
    let site = Site::start(planted.mode, planted.edit);
    let output = examine(&site);
    let found = findings(&document(&output));
    let is_failure = found.iter().any(|(_, level, _)| level == "failure");
    let ids: Vec<&str> = found.iter().map(|(id, ..)| id.as_str()).collect();
    if ids == [planted.id] && output.code == Some(if is_failure { 3 } else { 0 }) {
        return None;
    }
    Some(format!(
        "{} ({}): {found:#?}, exit code {:?} {}",
        planted.id, planted.what, output.code, output.stderr
    ))
}

#[test]
fn an_index_without_faults_has_no_findings() {
    for mode in Mode::ALL {
        let site = Site::start(mode, |_, _| {});
        let output = examine(&site);
        let mut found = findings(&document(&output));
        // Over plain http nothing else can be said of another machine.
        found.retain(|(id, ..)| mode != Mode::Proxied || id != "reach.plain-http");
        assert!(found.is_empty() && output.code == Some(0), "{mode:?}: {found:#?} {}", output.stderr);
        let looked_at = document(&output)["counts"]["ok"].as_u64().unwrap();
        assert!(looked_at > 50, "{mode:?}: {looked_at} checks");
    }
}

#[test]
fn faults_of_connections_access_and_forms_are_found() {
    every_fault_is_found(&["reach", "access", "form", "names"]);
}

#[test]
fn faults_of_pages_are_found() {
    every_fault_is_found(&["html", "json"]);
}

#[test]
fn faults_of_caching_compression_and_files_are_found() {
    every_fault_is_found(&["cache", "coding", "file"]);
}

#[test]
fn faults_of_ranges_metadata_lists_and_uploads_are_found() {
    every_fault_is_found(&["range", "metadata", "root", "upload"]);
}

#[test]
fn every_check_that_is_documented_has_a_fault_that_is_planted() {
    let page = fs::read_to_string(workspace_root().join("docs/doctor.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let is_level =
        |rest: &str| ["note |", "warning |", "failure |"].iter().any(|level| rest.starts_with(level));
    let ids: Vec<&str> = rows.filter(|(_, rest)| is_level(rest)).map(|(id, _)| id).collect();
    assert!(ids.len() > 70, "{} rows", ids.len());
    let planted = |id: &str| planted::all().any(|planted| planted.id == id) || OVER_TLS.contains(&id);
    let missing: Vec<&&str> = ids.iter().filter(|id| !planted(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for planted in planted::all() {
        assert!(ids.contains(&planted.id), "{} is not in docs/doctor.md", planted.id);
    }
}

#[test]
fn the_list_of_all_projects_is_asked_for_only_on_demand() {
    let site = Site::start(Mode::Open, |_, _| {});
    examine(&site).assert_success();
    assert!(site.paths().iter().all(|path| path != "/simple/" && path != "/simple"), "{:?}", site.paths());
    let site = Site::start(Mode::Root, |_, _| {});
    examine(&site).assert_success();
    assert!(site.paths().iter().any(|path| path == "/simple/"));
}

#[test]
fn what_cannot_be_looked_at_is_told_with_exit_code_1() {
    let site = Site::start(Mode::Open, |_, _| {});
    // The project that is looked at where none is named is not there.
    let output = doctor(&[&site.url()]).assert_code(1);
    assert!(output.stderr.contains("looking at `pip`"), "{}", output.stderr);
    assert!(
        output.stderr.contains("has no project `pip`: name one that it has with `--project`"),
        "{}",
        output.stderr
    );
    assert_eq!(document(&output)["well"], false);
    let private = Site::start(Mode::Private, |_, _| {});
    let output = doctor(&[&private.url(), "-p", "tea-pot"]).assert_code(1);
    assert!(output.stderr.contains("wants credentials (401)"), "{}", output.stderr);
    let output = doctor(&[&private.url(), "-p", "tea-pot", "--token", "other"]).assert_code(1);
    assert!(output.stderr.contains("refuses these credentials (401)"), "{}", output.stderr);
    let mut command = depot_command(["doctor", &private.url(), "-p", "tea-pot"]);
    let said = run(command.env("DEPOT_CONFIG_DIR", "/nonexistent")).assert_code(1).stdout;
    assert!(
        said.contains("pip      not looked at\n") && said.contains("not all could be looked at: "),
        "{said}"
    );
    let output = doctor(&["http://127.0.0.1:9/simple/"]).assert_code(1);
    assert!(output.stderr.contains("could not be reached"), "{}", output.stderr);
    let elsewhere = Site::start(Mode::Open, |question, answer| {
        if question.path == "/simple/tea-pot/" {
            answer.redirect(302, "http://127.0.0.1:9/simple/tea-pot/");
        }
    });
    let output = doctor(&[&elsewhere.url(), "-p", "tea-pot"]).assert_code(1);
    assert!(output.stderr.contains("leads to http://127.0.0.1:9/simple/tea-pot/"), "{}", output.stderr);
    for usage in [
        vec!["ftp://index.example/"],
        vec!["http://127.0.0.1:9/simple/", "--upload", "x"],
        vec!["http://a:b@127.0.0.1:9/other/", "--upload", "x"],
        vec!["http://a:b@127.0.0.1:9/simple/", "--upload", "x", "--upload-url", "http://127.0.0.2:9/"],
        vec!["http://127.0.0.1:9/simple/", "--upload-url", "http://127.0.0.1:9/"],
    ] {
        doctor(&usage).assert_code(2);
    }
}

#[test]
fn warnings_count_when_they_shall_and_people_read_what_to_do() {
    let site = Site::start(Mode::Open, |_, answer| answer.remove("vary"));
    let url = site.url();
    doctor(&[&url, "-p", "tea-pot"]).assert_success();
    doctor(&[&url, "-p", "tea-pot", "--strict"]).assert_code(3);
    let mut command = depot_command(["doctor", &url, "-p", "tea-pot"]);
    let said = run(command.env("DEPOT_CONFIG_DIR", "/nonexistent")).assert_success().stdout;
    for words in [
        "Forms of a page\n",
        "  warning  form.vary ",
        "hurts pip, uv, poetry: send `Vary: Accept`",
        "  ok       file.sha256 ",
        "pip      2 warnings\n",
        "twine    not looked at (--upload)\n",
        "the index works, not well for all: 0 failures, 2 warnings and 0 notes in ",
    ] {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
}

#[test]
fn credentials_go_to_nobody_but_the_index() {
    let files = Site::start(Mode::Open, |_, _| {});
    let site = Site::start(Mode::Private, |_, _| {});
    site.put_files_at(&files.origin());
    let output = doctor(&[&site.url(), "-p", "tea-pot", "--token", index::TOKEN]).assert_success();
    let found: Vec<String> = findings(&document(&output)).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(found, ["file.origin"]);
    assert!(!files.paths().is_empty() && files.credentials().is_empty(), "{:?}", files.credentials());
}
