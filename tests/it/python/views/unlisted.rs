//! Files that are kept here and that their index takes off its page, alone or with the whole project: what was hidden of
//! them stays hidden.

use std::{
    fs,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use depot_tests::{FakeFile, FakeIndex, Fault, Style, WheelBuilder};
use serde_json::Value;

use super::{
    super::depot::{Depot, assert_refused, body},
    index_of, wheel_name,
};

/// A server that asks each time, and of which this repository or group hides what can be hidden.
fn hiding(index: &FakeIndex, around: &Path, table: &str) -> Depot {
    let policy = "yanked = \"hide\"\narchived = \"hide\"\ndeprecated = \"hide\"\n";
    fs::write(around.join("policy.toml"), policy).unwrap();
    let asking = "[repositories.pypi]\npage_ttl = 0\nmissing_ttl = 0\n";
    let following = if table == "pypi" { "" } else { "[repositories.all]\n" };
    let config = around.join("depot.toml");
    fs::write(&config, format!("{asking}{following}policy = \"policy.toml\"\n")).unwrap();
    Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()])
}

/// Where a policy of this repository or group holds.
fn mounts(table: &str) -> &'static [&'static str] {
    if table == "pypi" { &["", "/pypi"] } else { &[""] }
}

fn at(project: &str, version: &str) -> String {
    format!("/files/{project}/{}", wheel_name(project, version))
}

/// Has a file kept: readers have it before it is.
#[track_caller]
fn keep(depot: &Depot, project: &str, version: &str) {
    let begun = Instant::now();
    while depot.get(&at(project, version)).header("x-depot-cache") != Some("HIT") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{project} {version} is not kept");
        sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn assert_hidden(depot: &Depot, table: &str, project: &str, version: &str) {
    for mount in mounts(table) {
        for suffix in ["", ".metadata"] {
            let answer = depot.get(&format!("{mount}{}{suffix}", at(project, version)));
            assert_refused(&answer, 403, "hidden-by-policy");
        }
    }
    let at_upstream = FakeIndex::file_path(project, &wheel_name(project, version));
    assert_ne!(depot.get(&format!("/packages{at_upstream}")).status, 200);
}

fn why(depot: &Depot, project: &str, version: &str) -> Value {
    body(&depot.get(&format!("/api/why?at=/&project={project}&version={version}")))
}

#[test]
fn a_yanked_file_that_leaves_its_page_stays_hidden() {
    for table in ["pypi", "all"] {
        let (index, around) = (index_of(&["six"]), tempfile::tempdir().unwrap());
        let mut depot = hiding(&index, around.path(), table);
        for version in ["1", "2"] {
            keep(&depot, "six", version);
        }
        index.put("six", FakeFile::from(&WheelBuilder::new("six", "2")).yanked("bad"));
        assert_hidden(&depot, table, "six", "2");
        for version in ["1", "2"] {
            index.remove("six", &wheel_name("six", version));
        }
        assert_hidden(&depot, table, "six", "2");
        depot.stop();
        depot.resume();
        assert_hidden(&depot, table, "six", "2");
        let hidden = why(&depot, "six", "2");
        assert_eq!(hidden["verdict"], "hidden", "{hidden}");
        assert_eq!(hidden["files"][0]["rule"]["code"], "yanked", "{hidden}");
        assert_eq!(hidden["files"][0]["rule-of"], table, "{hidden}");
        // What only left is had by its address for ever.
        assert_eq!(depot.get(&at("six", "1")).status, 200);
        let kept = why(&depot, "six", "1");
        assert_eq!(kept["verdict"], "shown", "{kept}");
        assert_eq!(kept["files"][0]["held"][0]["fate"], "unlisted", "{kept}");
    }
}

#[test]
fn metadata_of_a_file_that_was_never_kept_is_hidden_where_nobody_knows_whether_it_was_yanked() {
    let (index, around) = (index_of(&["six"]), tempfile::tempdir().unwrap());
    let depot = hiding(&index, around.path(), "pypi");
    let metadata = format!("{}.metadata", at("six", "2"));
    assert_eq!(depot.get(&metadata).status, 200);
    index.put("six", FakeFile::from(&WheelBuilder::new("six", "2")).yanked("bad"));
    assert_refused(&depot.get(&metadata), 403, "hidden-by-policy");
    index.remove("six", &wheel_name("six", "2"));
    assert_refused(&depot.get(&metadata), 403, "hidden-by-policy");
    // Of what was never here there is nothing to hide.
    assert_eq!(depot.get(&at("six", "7")).status, 404);
}

#[test]
fn a_project_that_was_hidden_for_its_state_and_then_taken_away_stays_hidden() {
    for (table, state) in [("pypi", "archived"), ("all", "deprecated")] {
        let index = FakeIndex::builder(Style::Json).wheel(&WheelBuilder::new("six", "1")).start();
        let around = tempfile::tempdir().unwrap();
        let mut depot = hiding(&index, around.path(), table);
        keep(&depot, "six", "1");
        index.set_status("six", state, None);
        assert_hidden(&depot, table, "six", "1");
        index.fault(&FakeIndex::page_path("six"), Fault::NotFound);
        for _ in 0..2 {
            assert_hidden(&depot, table, "six", "1");
            let hidden = why(&depot, "six", "1");
            assert_eq!(
                (&hidden["verdict"], &hidden["status"]),
                (&"hidden".into(), &state.into()),
                "{hidden}"
            );
            assert_eq!(hidden["files"][0]["rule"]["code"], state, "{hidden}");
            depot.stop();
            depot.resume();
        }
        index.heal();
        index.set_status("six", "active", None);
        assert_eq!(depot.get(&at("six", "1")).status, 200);
    }
}
