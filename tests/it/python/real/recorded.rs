//! The recording: that it is what the tests say it is, and how uv's solutions are recorded anew.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use depot_tests::{Clients, FakeIndex, RealProjects, Room, Style};

use super::cases::{self, Solution, Solutions, TARGETS, Target};

#[test]
fn every_case_has_a_recorded_solution_for_every_target() {
    let (cases, solutions, projects) = (cases::cases(), cases::read(), RealProjects::read());
    let known: BTreeSet<&str> = projects.names().collect();
    assert!(cases.len() >= 30, "{} cases", cases.len());
    assert_eq!(solutions.len(), cases.len(), "solutions.json is not of roots.txt");
    for (case, _) in &cases {
        let by_target = solutions.get(case).unwrap_or_else(|| panic!("{case} has no solutions"));
        for target in &TARGETS {
            let solution = by_target.get(target.name).unwrap_or_else(|| panic!("{case}: {}", target.name));
            for project in solution.iter().flat_map(|solution| solution.keys()) {
                assert!(known.contains(project.as_str()), "{case}: {project} was not recorded");
            }
        }
    }
}

#[test]
#[ignore = "writes uv's solutions anew, where DEPOT_RECORD=1 says so"]
fn recorded_again() {
    if std::env::var_os("DEPOT_RECORD").is_none_or(|value| value != "1") {
        return;
    }
    let room = Clients::find().unwrap().room();
    let index = FakeIndex::builder(Style::Json).real(RealProjects::read()).start();
    let version = room.uv(["--version"]).assert_success().stdout;
    let mut solutions = Solutions::new();
    for (case, requirements) in cases::cases() {
        let by_target = solutions.entry(case).or_default();
        for target in &TARGETS {
            by_target.insert(target.name.to_owned(), by_uv(&room, &index, &requirements, target));
        }
    }
    cases::write(version.split_whitespace().nth(1).unwrap(), &solutions);
}

/// What uv solves from this index alone. Nothing is built: the sdists say what they require.
fn by_uv(room: &Room, index: &FakeIndex, requirements: &[String], target: &Target) -> Solution {
    let mut command: Command = room.command("uv");
    command.args(["pip", "compile", "-", "--no-header", "--no-annotate", "--default-index", &index.url()]);
    command.args(["--python-version", target.python, "--python-platform", target.platform]);
    command.args(["--no-python-downloads", "--python"]).arg(room.venv());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(requirements.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        assert!(!talk.contains("Built "), "{talk}");
        return Some(cases::pins(&String::from_utf8_lossy(&output.stdout)));
    }
    // Anything else that goes wrong would be recorded as a case without a solution.
    assert!(talk.contains("No solution found"), "{requirements:?} for {}: {talk}", target.name);
    None
}
