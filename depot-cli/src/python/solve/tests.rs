//! The solver over an index in memory, written as tables.

mod choices;
mod conflicts;
mod memory;
mod requirements;
mod saved_tree;
mod to_build;

use std::sync::Arc;

use depot_proto::Target;

use self::memory::Index;
use super::{Choice, Problem, Solution, solve};
use crate::python::inputs::{Input, Place};

const LINUX: &str = "cp312-manylinux_2_28_x86_64";
const WINDOWS: &str = "cp311-win_amd64";

fn input(text: &str) -> Input {
    let requirement = text.parse().map_err(|error: depot_proto::RequirementError| error.to_string());
    Input { text: text.to_owned(), place: Place::CommandLine, requirement, hashes: None }
}

fn problem(wanted: &[&str]) -> Problem {
    Problem { requirements: wanted.iter().map(|text| input(text)).collect(), ..Problem::default() }
}

fn with_constraints(wanted: &[&str], constraints: &[&str]) -> Problem {
    let mut problem = problem(wanted);
    for text in constraints {
        let input = input(text);
        let project = input.requirement.as_ref().unwrap().project.clone();
        problem.constraints.entry(project).or_default().push(input);
    }
    problem
}

/// Solves for some targets, within a time that no solution of these tables comes near.
fn solve_for(index: &Arc<Index>, problem: &Problem, targets: &[&str]) -> Vec<Solution> {
    let targets: Vec<Target> = targets.iter().map(|text| text.parse().unwrap()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let solving = solve(Arc::clone(index) as Arc<_>, problem, &targets, 8);
    runtime
        .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(25), solving).await.unwrap() })
}

fn solve_one(index: &Arc<Index>, problem: &Problem) -> Solution {
    solve_for(index, problem, &[LINUX]).remove(0)
}

/// What is installed: `a 1.0`, `b[x] 2.0`.
fn installed(solution: &Solution) -> Vec<String> {
    let shown = solution.packages.iter().map(|(project, package)| {
        let extras: Vec<_> = package.extras.iter().map(String::as_str).collect();
        let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        format!("{project}{extras} {}", package.version)
    });
    shown.collect()
}

/// Solves for one target, and expects that nothing failed.
fn solved(index: &Arc<Index>, wanted: &[&str]) -> Vec<String> {
    let solution = solve_one(index, &problem(wanted));
    assert_eq!(solution.failed, [], "{wanted:?}");
    installed(&solution)
}

/// Solves for one target, and says what failed: the item, and why.
fn failures(index: &Arc<Index>, problem: &Problem) -> Vec<(String, String)> {
    solve_one(index, problem).failed.into_iter().map(|failed| (failed.item, failed.reason)).collect()
}
