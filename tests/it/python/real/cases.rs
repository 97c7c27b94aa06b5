//! What is solved, for whom, and what was recorded as its solution.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use depot_tests::RealProjects;
use serde_json::{Value, json};

/// A target: its name for depot, the Python and the platform of it for uv.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) python: &'static str,
    pub(crate) platform: &'static str,
}

const fn target(name: &'static str, python: &'static str, platform: &'static str) -> Target {
    Target { name, python, platform }
}

/// Newest Python first, as depot takes them. The plain names of both commands mean the same platforms; the tags say it.
pub(crate) const TARGETS: [Target; 9] = [
    target("cp314-manylinux_2_28_x86_64", "3.14", "x86_64-manylinux_2_28"),
    target("cp314-macosx_13_0_arm64", "3.14", "aarch64-apple-darwin"),
    target("cp312-manylinux_2_28_x86_64", "3.12", "x86_64-manylinux_2_28"),
    target("cp312-manylinux_2_28_aarch64", "3.12", "aarch64-manylinux_2_28"),
    target("cp312-musllinux_1_2_x86_64", "3.12", "x86_64-unknown-linux-musl"),
    target("cp312-macosx_13_0_arm64", "3.12", "aarch64-apple-darwin"),
    target("cp312-win_amd64", "3.12", "x86_64-pc-windows-msvc"),
    target("cp39-manylinux_2_28_x86_64", "3.9", "x86_64-manylinux_2_28"),
    target("cp39-win_amd64", "3.9", "x86_64-pc-windows-msvc"),
];

/// Projects with their versions, none where there is no solution.
pub(crate) type Solution = Option<BTreeMap<String, String>>;

/// The solutions of each case, by the names of the targets.
pub(super) type Solutions = BTreeMap<String, BTreeMap<String, Solution>>;

/// The cases as they are written, each with its requirements.
pub(super) fn cases() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(RealProjects::folder().join("roots.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| (line.to_owned(), line.split(" + ").map(str::to_owned).collect())).collect()
}

/// What uv said.
pub(super) fn read() -> Solutions {
    let text = fs::read_to_string(RealProjects::folder().join("solutions.json")).unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let mut solutions = Solutions::new();
    for (case, groups) in recorded["cases"].as_object().unwrap() {
        let by_target = solutions.entry(case.clone()).or_default();
        for group in groups.as_array().unwrap() {
            let solution = group["solution"].as_str().map(pins);
            for target in group["targets"].as_array().unwrap() {
                by_target.insert(target.as_str().unwrap().to_owned(), solution.clone());
            }
        }
    }
    solutions
}

/// Keeps what uv said: targets with the same solution together, a line each, so that a change can be read.
pub(super) fn write(uv: &str, solutions: &Solutions) {
    let mut cases = Vec::new();
    for (case, by_target) in solutions {
        let mut groups: BTreeMap<&Solution, BTreeSet<&String>> = BTreeMap::new();
        for (target, solution) in by_target {
            groups.entry(solution).or_default().insert(target);
        }
        let lines = groups.iter().map(|(solution, targets)| {
            let pins = solution.as_ref().map(|solution| {
                solution
                    .iter()
                    .map(|(name, version)| format!("{name}=={version}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            });
            format!("      {}", json!({ "targets": targets, "solution": pins }))
        });
        cases.push(format!("    {}: [\n{}\n    ]", json!(case), lines.collect::<Vec<_>>().join(",\n")));
    }
    let text = format!("{{\n  \"uv\": {},\n  \"cases\": {{\n{}\n  }}\n}}\n", json!(uv), cases.join(",\n"));
    fs::write(RealProjects::folder().join("solutions.json"), text).unwrap();
}

/// Reads `name==version`, wherever whitespace stands between them.
pub(super) fn pins(text: &str) -> BTreeMap<String, String> {
    let pins = text
        .split_whitespace()
        .map(|pin| pin.split_once("==").unwrap_or_else(|| panic!("{pin:?} is no pin")));
    pins.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}
