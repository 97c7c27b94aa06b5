//! `depot python push`: what is sent, what a second run does, and what travels without bytes.

mod attested;
mod refused;
mod states;

use std::fs;
use std::time::{Duration, Instant};

use depot_tests::{FakeFile, FakeIndex, SdistBuilder, Style, WheelBuilder, run, sha256_hex};
use serde_json::json;

use super::depot::Depot;
use super::saved::{Saved, result};

/// A server whose log names every request.
fn logging() -> Depot {
    Depot::start_with(&["--log", "info,depot_server=debug", "--log-format", "json"])
}

/// The requests that the server has logged from here on, as `METHOD path`.
struct Requests<'a> {
    depot: &'a Depot,
    from: usize,
}

impl<'a> Requests<'a> {
    fn from_now(depot: &'a Depot) -> Self {
        let requests = Self { depot, from: 0 };
        let from = requests.all().len();
        Self { depot, from }
    }

    fn seen(&self) -> Vec<String> {
        self.all().split_off(self.from)
    }

    fn all(&self) -> Vec<String> {
        // What was answered may not be logged yet; once this request is, all before it are.
        let marker =
            format!("/marker-{:?}", Instant::now()).replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let marker = format!("/{}", marker.trim_matches('-'));
        self.depot.get(&marker);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.depot.server().stderr().contains(&marker) {
            assert!(Instant::now() < deadline, "the log does not name requests");
            std::thread::sleep(Duration::from_millis(5));
        }
        let log = self.depot.server().stderr();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let requests = lines.filter(|line| line["message"] == "request");
        requests
            .map(|line| format!("{} {}", line["method"].as_str().unwrap(), line["path"].as_str().unwrap()))
            .filter(|line| !line.contains("marker-"))
            .collect()
    }
}

fn pot() -> WheelBuilder {
    WheelBuilder::new("tea.pot", "1.0").requires_python(">=3.8")
}

fn index(style: Style) -> FakeIndex {
    FakeIndex::builder(style)
        .wheel(&pot())
        .sdist(&SdistBuilder::new("tea.pot", "1.0"))
        .wheel(&WheelBuilder::new("lid", "3"))
        .start()
}

/// A tree with all of the index.
fn saved(index: &FakeIndex) -> Saved {
    let saved = Saved::new();
    saved.save(index, &["tea-pot", "lid"]).assert_success();
    saved
}

#[test]
fn a_push_shows_its_plan_and_brings_files_with_what_is_known_of_them() {
    for style in [Style::Json, Style::HtmlOnly] {
        let (index, depot) = (index(style), Depot::start());
        let saved = saved(&index);
        let said = saved.push(&depot, &[]).assert_success();
        assert!(said.stderr.contains("plan: 3 files to send"), "{}", said.stderr);
        assert!(said.stderr.contains("sent 3 files") && said.stdout.is_empty(), "{}", said.stderr);
        let wheel = pot();
        let file =
            depot.listed("tea-pot").into_iter().find(|file| file["filename"] == wheel.filename()).unwrap();
        assert_eq!(file["hashes"]["sha256"], sha256_hex(&wheel.build()));
        assert_eq!(file["requires-python"], ">=3.8");
        assert_eq!(file["core-metadata"]["sha256"], sha256_hex(&wheel.metadata()));
        if style == Style::Json {
            assert_eq!(file["upload-time"], "2024-05-06T07:08:09.000000Z");
        }
        let (here, there) =
            (saved.record("tea-pot", &wheel.filename()), depot.stored_record("tea-pot", &wheel.filename()));
        assert_eq!(here["depot"]["origin"], there["depot"]["origin"]);
        assert_eq!(depot.get(&format!("/python/files/tea-pot/{}", wheel.filename())).body, wheel.build());
        depot.assert_tmp_is_empty();
    }
}

#[test]
fn a_second_push_asks_once_and_sends_nothing() {
    for style in [Style::Json, Style::HtmlOnly] {
        let (index, depot) = (index(style), logging());
        let saved = saved(&index);
        saved.push(&depot, &[]).assert_success();
        let requests = Requests::from_now(&depot);
        let said = saved.push(&depot, &[]).assert_success();
        assert!(
            said.stderr.contains("sent 0 files") && said.stderr.contains("3 there already"),
            "{}",
            said.stderr
        );
        assert_eq!(requests.seen(), ["POST /python/_/plan"]);
    }
}

#[test]
fn a_yank_travels_without_bytes() {
    let (index, depot) = (index(Style::Json), logging());
    let saved = saved(&index);
    saved.push(&depot, &[]).assert_success();
    let filename = pot().filename();
    for (file, yanked) in [
        (FakeFile::from(&pot()).yanked("leaks"), json!("leaks")),
        (FakeFile::from(&pot()).yanked(""), json!(true)),
        (FakeFile::from(&pot()), json!(false)),
    ] {
        index.put("tea-pot", file);
        saved.save(&index, &["tea-pot==1.0"]).assert_success();
        let requests = Requests::from_now(&depot);
        let said = saved.push(&depot, &[]).assert_success();
        assert!(said.stderr.contains("sent 0 files") && said.stderr.contains("1 updated"), "{}", said.stderr);
        let announced = format!("PUT /python/simple/tea-pot/{filename}.json");
        assert_eq!(requests.seen(), ["POST /python/_/plan", &announced]);
        let listed = depot.listed("tea-pot").into_iter().find(|file| file["filename"] == filename).unwrap();
        assert_eq!(listed.get("yanked").unwrap_or(&json!(false)), &yanked);
    }
}

#[test]
fn an_interrupted_push_leaves_nothing_half_and_the_next_one_sends_the_rest() {
    let names: Vec<String> = (0..40).map(|number| format!("cup{number}")).collect();
    let wheel = |name: &str| {
        WheelBuilder::new(name, "1.0").random_file(&format!("{name}/data.bin"), 1_500_000, name.len() as u64)
    };
    let index =
        names.iter().fold(FakeIndex::builder(Style::Json), |index, name| index.wheel(&wheel(name))).start();
    let (saved, depot) = (Saved::new(), Depot::start());
    let args: Vec<&str> = names.iter().map(String::as_str).collect();
    saved.save(&index, &args).assert_success();

    let mut command = saved.push_command(depot.url(), &["--jobs", "2"]);
    let mut child = command.env("DEPOT_AUTH_TOKEN", depot.token()).spawn().unwrap();
    let arrived = || names.iter().filter(|name| depot.tree().join("files").join(name).exists()).count();
    let deadline = Instant::now() + Duration::from_secs(30);
    while arrived() < 5 {
        assert!(Instant::now() < deadline, "five files did not arrive");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    depot.assert_tmp_is_empty();
    let there: Vec<&String> = names.iter().filter(|name| !depot.listed(name).is_empty()).collect();
    assert!((4..39).contains(&there.len()), "{} of 40 arrived before the end", there.len());
    for name in &there {
        let path = format!("/python/files/{name}/{}", wheel(name).filename());
        assert_eq!(depot.get(&path).body, wheel(name).build());
    }
    let said = result(&saved.push(&depot, &["--format", "json"]).assert_success());
    assert_eq!(said["counts"]["sent"].as_u64().unwrap() as usize, 40 - there.len(), "{said}");
    assert!(names.iter().all(|name| depot.listed(name).len() == 1));
    depot.assert_tmp_is_empty();
}

#[test]
fn a_dry_run_tells_what_would_be_sent_and_sends_nothing() {
    let (index, depot) = (index(Style::Json), logging());
    let saved = saved(&index);
    let requests = Requests::from_now(&depot);
    let said = saved.push(&depot, &["--dry-run"]).assert_success();
    assert!(said.stdout.contains(&pot().filename()) && said.stdout.lines().count() == 3, "{}", said.stdout);
    assert!(said.stderr.contains("would send 3 files"), "{}", said.stderr);
    assert_eq!(requests.seen(), ["POST /python/_/plan"]);
    assert!(depot.listed("tea-pot").is_empty());
    let planned = result(&saved.push(&depot, &["--dry-run", "--format", "json"]).assert_success());
    assert_eq!((&planned["dry-run"], &planned["files"][0]["outcome"]), (&json!(true), &json!("planned")));
}

#[test]
fn the_result_for_programs_is_one_document_on_stdout() {
    let (index, depot) = (index(Style::Json), Depot::start());
    let saved = saved(&index);
    let said = saved.push(&depot, &["--format", "json", "-q"]).assert_success();
    assert_eq!(said.stderr, "");
    let sent = result(&said);
    assert_eq!(sent["schema"], "depot.push/1");
    assert_eq!(sent["server"], format!("{}/python", depot.url()));
    assert_eq!(
        sent["counts"],
        json!({
            "planned": 0, "sent": 3, "updated": 0, "provenance": 0, "projects": 0, "present": 0, "failed": 0,
        })
    );
    let mut files: Vec<_> =
        sent["files"].as_array().unwrap().iter().map(|file| file["filename"].clone()).collect();
    files.sort_by_key(ToString::to_string);
    assert_eq!(files, ["lid-3-py3-none-any.whl", "tea_pot-1.0-py3-none-any.whl", "tea_pot-1.0.tar.gz"]);
    assert!(sent["files"].as_array().unwrap().iter().all(|file| file["outcome"] == "sent"), "{sent}");
    let again = result(&saved.push(&depot, &["--format", "json"]).assert_success());
    assert_eq!(
        again["counts"],
        json!({ "planned": 0, "sent": 0, "updated": 0, "provenance": 0, "projects": 0, "present": 3, "failed": 0 })
    );
}

#[test]
fn the_token_comes_from_an_option_a_file_the_environment_or_the_url() {
    let (index, depot) = (index(Style::Json), Depot::start());
    let saved = saved(&index);
    let (token, url) = (depot.token(), depot.url().to_owned());
    let file = saved.around().join("token");
    fs::write(&file, format!("{token}\n")).unwrap();
    let file = file.to_str().unwrap();
    let in_url = url.replace("http://", &format!("http://__token__:{token}@"));
    let mut by_environment = saved.push_command(&url, &["-v"]);
    by_environment.env("DEPOT_AUTH_TOKEN", &token);
    let mut file_first = saved.push_command(&url, &["--token-file", file, "-v"]);
    file_first.env("DEPOT_AUTH_TOKEN", "depot_wrong");
    for mut command in [
        saved.push_command(&url, &["--token", &token, "-v"]),
        saved.push_command(&url, &["--token-file", file, "-v"]),
        by_environment,
        file_first,
        saved.push_command(&in_url, &["-v"]),
        saved.push_command(&in_url, &["--format", "json"]),
    ] {
        let said = run(&mut command).assert_success();
        let signature = token.rsplit('.').next().unwrap();
        assert!(!said.stderr.contains(signature) && !said.stdout.contains(signature), "the token is printed");
    }
    let said = run(&mut saved.push_command(&url, &["--token-file", "/no/such/file"])).assert_code(1);
    assert!(said.stderr.contains("/no/such/file"), "{}", said.stderr);
    fs::write(file, "\n").unwrap();
    let said = run(&mut saved.push_command(&url, &["--token-file", file])).assert_code(1);
    assert!(said.stderr.contains("is empty"), "{}", said.stderr);
}

#[test]
fn the_url_may_be_what_pip_is_given() {
    let (index, depot) = (index(Style::Json), Depot::start());
    let saved = saved(&index);
    for tail in ["", "/", "/python", "/python/", "/python/simple", "/python/simple/", "/simple/"] {
        let url = format!("{}{tail}", depot.url());
        let mut command = saved.push_command(&url, &[]);
        run(command.env("DEPOT_AUTH_TOKEN", depot.token())).assert_success();
    }
}
