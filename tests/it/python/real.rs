//! Real projects, as they were recorded: what is solved for each target, beside what uv makes of the same index.
//!
//! `fixtures/real/roots.txt` has the cases, `solutions.json` what uv said, `record.py` says where the projects are from.

pub(crate) mod cases;
mod explained;
mod recorded;
pub(crate) mod solved;

use std::collections::BTreeSet;

use depot_tests::{FakeIndex, RealProjects, Style, counted};

use self::{
    cases::{Solution, Solutions, TARGETS},
    explained::EXPLAINED,
    solved::by_depot,
};

/// In how many parts the cases are compared, each by a test of its own.
const PARTS: usize = 4;

#[test]
fn real_projects_are_solved_as_uv_solves_them() {
    compare(0);
}

#[test]
fn a_second_part_of_the_real_projects_is_solved_as_uv_solves_it() {
    compare(1);
}

#[test]
fn a_third_part_of_the_real_projects_is_solved_as_uv_solves_it() {
    compare(2);
}

#[test]
fn a_last_part_of_the_real_projects_is_solved_as_uv_solves_it() {
    compare(3);
}

/// Solves every case of a part for all targets at once, and tells what is not as recorded and not explained either.
fn compare(part: usize) {
    // Half of the parts see an index that offers pages and metadata as PyPI does, half one that has only HTML.
    let style = if part.is_multiple_of(2) { Style::Json } else { Style::HtmlOnly };
    let index = FakeIndex::builder(style).real(RealProjects::read()).start();
    let recorded = cases::read();
    let (mut equal, mut wrong) = (0, Vec::new());
    for (case, requirements) in cases::cases().into_iter().skip(part).step_by(PARTS) {
        let solutions = by_depot(Some(&index.url()), &requirements, &TARGETS);
        for (target, solution) in TARGETS.iter().map(|target| target.name).zip(solutions) {
            let expected = &recorded[&case][target];
            let explained = EXPLAINED.iter().find(|one| one.case == case && one.targets.contains(&target));
            let others = only_in(&solution, expected);
            match explained {
                None if solution == *expected => equal += 1,
                Some(one) if others == one.instead => {}
                _ => wrong.push(format!(
                    "{case} for {target}: depot has {others:?}, uv has {:?}",
                    only_in(expected, &solution)
                )),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    counted("real projects", "solutions equal to uv's", equal);
}

/// The pins that the one has and the other has not, with spaces between them.
fn only_in(one: &Solution, other: &Solution) -> String {
    let pins = |solution: &Solution| -> BTreeSet<String> {
        let pins = solution.iter().flatten();
        let pins: BTreeSet<_> = pins.map(|(name, version)| format!("{name}=={version}")).collect();
        if solution.is_none() { BTreeSet::from(["no solution".to_owned()]) } else { pins }
    };
    pins(one).difference(&pins(other)).cloned().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_explained_was_recorded() {
    let recorded: Solutions = cases::read();
    for one in &EXPLAINED {
        for target in one.targets {
            let expected = &recorded[one.case][*target];
            assert!(expected.is_some(), "{} for {target} has no solution to differ from", one.case);
            assert!(one.why.len() > 20, "{}", one.case);
        }
    }
}
