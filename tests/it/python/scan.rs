//! What a server's keeper asks of files beside the rules: a command that looks at them, and room in their projects.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Barrier;
use std::time::Instant;

use depot_tests::{RawResponse, WheelBuilder, escaped_name};
use serde_json::json;
use tempfile::TempDir;

use super::depot::{Depot, assert_accepted, assert_refused, body, mirrored};

/// A server whose configuration says this, and the folder that it and a script lie in.
fn with(configuration: &str, script: &str) -> (TempDir, Depot) {
    let folder = TempDir::new().unwrap();
    let scan = folder.path().join("scan");
    fs::write(&scan, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&scan, fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("depot-server.toml");
    fs::write(&file, configuration.replace("SCAN", scan.to_str().unwrap())).unwrap();
    let depot = Depot::start_with(&["--config", file.to_str().unwrap()]);
    (folder, depot)
}

fn wheel(name: &str) -> WheelBuilder {
    WheelBuilder::new(name, "1.0")
}

const SCANNED: &str = "[publish]\nscan = [\"SCAN\", \"$$HOME;`id`\"]\nscan_timeout = \"2s\"\n";

#[test]
fn a_command_sees_each_file_once_before_anybody_else_does() {
    let script = "echo \"$# $1 $DEPOT_SCAN_FILENAME $DEPOT_SCAN_PROJECT $DEPOT_SCAN_VERSION $DEPOT_SCAN_SHA256 $DEPOT_SCAN_SIZE $DEPOT_SCAN_ORIGIN $DEPOT_ADMIN\" >> \"${0%/*}/seen\"\n\
        echo \"$2\" \"$(wc -c < \"$2\")\" >> \"${0%/*}/sizes\"";
    let (folder, depot) = with(SCANNED, script);
    let (pot, lid) = (wheel("tea-pot"), wheel("lid"));
    depot.publish(&pot);
    // What is here already was looked at.
    assert_eq!(depot.put("tea-pot", &pot.filename(), &pot.build()).status, 200);
    assert_accepted(&depot.announce("lid", &mirrored(&lid.filename(), &lid.build())), 202, "send");
    assert_accepted(&depot.put("lid", &lid.filename(), &lid.build()), 201, "created");
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap();
    let line = |wheel: &WheelBuilder, origin: &str| {
        let (bytes, project) = (wheel.build(), escaped_name(&wheel.project()).replace('_', "-"));
        let (sha256, size) = (depot_tests::sha256_hex(&bytes), bytes.len());
        format!("2 $HOME;`id` {} {project} 1.0 {sha256} {size} {origin} \n", wheel.filename())
    };
    assert_eq!(seen, line(&pot, "first-party") + &line(&lid, "mirrored"));
    for (row, wheel) in fs::read_to_string(folder.path().join("sizes")).unwrap().lines().zip([&pot, &lid]) {
        let (path, size) = row.rsplit_once(' ').unwrap();
        assert!(PathBuf::from(path).starts_with(depot.tree().join("tmp")), "{path}");
        assert_eq!(size, wheel.build().len().to_string());
    }
}

#[test]
fn what_the_command_refuses_is_not_published_and_its_words_are_told() {
    let (_folder, depot) =
        with(SCANNED, "printf 'found:\\n  \\033[31mEvil.Tea\\n'; echo and more >&2; exit 1");
    let pot = wheel("pot");
    let answer = depot.put("pot", &pot.filename(), &pot.build());
    assert_refused(&answer, 400, "invalid-distribution");
    let detail = body(&answer)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("found: [31mEvil.Tea; and more"), "{detail}");
    assert_accepted(&depot.announce("pot", &mirrored(&pot.filename(), &pot.build())), 202, "send");
    assert_refused(&depot.put("pot", &pot.filename(), &pot.build()), 400, "invalid-distribution");
    assert!(depot.listed("pot").is_empty());
    depot.assert_tmp_is_empty();
}

#[test]
fn a_command_that_fails_publishes_nothing() {
    let pot = wheel("pot");
    for script in ["exit 2", "kill -9 $$", "sleep 100 & sleep 100", "yes; exit 3"] {
        let (_folder, depot) = with(SCANNED, script);
        let started = Instant::now();
        assert_refused(&depot.put("pot", &pot.filename(), &pot.build()), 503, "unavailable");
        assert!(started.elapsed().as_secs() < 20, "{script}");
        assert!(depot.listed("pot").is_empty(), "{script}");
        depot.assert_tmp_is_empty();
    }
    let (_folder, depot) = with("[publish]\nscan = [\"SCAN-that-is-not-there\"]\n", "");
    assert_refused(&depot.put("pot", &pot.filename(), &pot.build()), 503, "unavailable");
}

#[test]
fn a_project_takes_no_more_than_it_may_have() {
    let (_folder, depot) = with("[limits]\nmax_project_size = 20000\n", "");
    let large = |version: &str| WheelBuilder::new("pot", version).random_file("pot/data", 8000, 1);
    depot.publish(&large("1.0"));
    depot.publish(&large("1.1"));
    let third = large("1.2");
    let answer = depot.put("pot", &third.filename(), &third.build());
    assert_refused(&answer, 413, "too-large");
    assert!(body(&answer)["detail"].as_str().unwrap().contains("limit of 20000"), "{}", answer.text());
    // Others have their own room, and what is here is still here.
    depot.publish(&WheelBuilder::new("lid", "1.0").random_file("lid/data", 8000, 1));
    assert_eq!(depot.put("pot", &large("1.1").filename(), &large("1.1").build()).status, 200);
    assert_eq!(depot.listed("pot").len(), 2);
}

/// A file of this many bytes and some more, under a version of its own.
fn pot(version: usize, size: usize) -> WheelBuilder {
    WheelBuilder::new("pot", &format!("{version}.0")).random_file("pot/data", size, 1)
}

#[test]
fn uploads_of_one_moment_do_not_fill_a_project_together() {
    // The command keeps them all on their way at once.
    let configuration = "[limits]\nmax_project_size = 30000\n[publish]\nscan = [\"SCAN\"]\n";
    let (_folder, depot) = with(configuration, "sleep 1");
    let (wheels, barrier) = ((0..10).map(|version| pot(version, 8000)), Barrier::new(10));
    let answers: Vec<RawResponse> = std::thread::scope(|scope| {
        let (depot, barrier) = (&depot, &barrier);
        let push = |wheel: WheelBuilder| {
            scope.spawn(move || {
                let bytes = wheel.build();
                barrier.wait();
                depot.put("pot", &wheel.filename(), &bytes)
            })
        };
        let pushing: Vec<_> = wheels.map(push).collect();
        pushing.into_iter().map(|push| push.join().unwrap()).collect()
    });
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((taken.len(), refused.len()), (3, 7));
    for answer in refused {
        assert_refused(answer, 413, "too-large");
    }
    let sizes = depot.listed("pot").iter().map(|file| file["size"].as_u64().unwrap()).sum::<u64>();
    assert!(sizes <= 30_000, "{sizes}");
    // What was refused holds no room, and neither does what is here hold twice what it has.
    let rest = usize::try_from(30_000 - sizes).unwrap() - 1500;
    assert_eq!(depot.put("pot", &pot(20, rest).filename(), &pot(20, rest).build()).status, 201);
}

#[test]
fn what_a_scan_refused_holds_no_room() {
    let configuration = "[limits]\nmax_project_size = 20000\n[publish]\nscan = [\"SCAN\"]\n";
    let (_folder, depot) = with(configuration, "case $DEPOT_SCAN_VERSION in 7*) exit 1;; esac");
    for _ in 0..5 {
        assert_eq!(depot.put("pot", &pot(7, 8000).filename(), &pot(7, 8000).build()).status, 400);
    }
    depot.publish(&pot(1, 8000));
    depot.publish(&pot(2, 8000));
}

#[test]
fn a_plan_tells_what_a_project_has_no_room_for() {
    let (_folder, depot) = with("[limits]\nmax_project_size = 30000\n", "");
    depot.publish(&pot(1, 8000));
    let file = |project: &str, wheel: &WheelBuilder, size: usize| {
        let sha256 = depot_tests::sha256_hex(&wheel.build());
        json!({ "project": project, "filename": wheel.filename(), "sha256": sha256, "size": size, "facts": sha256 })
    };
    let lid = WheelBuilder::new("lid", "1.0");
    let files = json!([
        file("pot", &pot(1, 8000), pot(1, 8000).build().len()),
        file("pot", &pot(2, 1), 30_000),
        file("pot", &pot(3, 1), 9000),
        file("pot", &pot(4, 1), 9000),
        file("lid", &lid, 29_000),
        file("pot", &pot(5, 1), 9000),
        file("pot", &pot(6, 1), 1000),
    ]);
    let plan = json!({ "files": files }).to_string();
    let token = depot.token();
    let answer = depot.request("POST", "/python/_/plan", Some(&token), "", plan.as_bytes());
    let answers = body(&answer)["answers"].as_array().unwrap().clone();
    let verdicts: Vec<&str> = answers.iter().map(|answer| answer["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts[1..], ["forbidden", "missing", "missing", "missing", "forbidden", "missing"]);
    assert!(["have", "update"].contains(&verdicts[0]), "{}", verdicts[0]);
    for refused in [1, 5] {
        let reason = answers[refused]["reason"].as_str().unwrap();
        assert!(reason.contains("limit of 30000"), "{reason}");
    }
}
