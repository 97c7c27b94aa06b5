//! The recording: that it is what the tests say it is, and how uv's solutions are recorded anew.

use std::collections::BTreeSet;

use depot_tests::{Clients, FakeIndex, RealProjects, Style};

use super::cases::{self, Solutions, TARGETS};
use super::solved::by_uv;

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
            let mut command = room.command("uv");
            command.env("UV_DEFAULT_INDEX", index.url());
            by_target.insert(target.name.to_owned(), by_uv(command, &room, &requirements, target));
        }
    }
    cases::write(version.split_whitespace().nth(1).unwrap(), &solutions);
}
