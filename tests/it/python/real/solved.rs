//! What depot and uv make of requirements.

use std::io::Write as _;
use std::process::{Command, Stdio};

use depot_tests::{Room, depot};
use serde_json::Value;

use super::super::saved::result;
use super::cases::{Solution, Target, pins};

/// What `depot python save` would install in each target, from this index or from its default; none in all of them where
/// anything failed.
pub(crate) fn by_depot(index: Option<&str>, requirements: &[String], targets: &[Target]) -> Vec<Solution> {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("tree");
    let mut args = vec!["python", "save", "--dry-run", "--format", "json", "--dir", dir.to_str().unwrap()];
    args.extend(index.iter().flat_map(|index| ["--index-url", index]));
    args.extend(targets.iter().flat_map(|target| ["--target", target.name]));
    args.extend(requirements.iter().map(String::as_str));
    let output = depot(args);
    let report = result(&output);
    if output.code != Some(0) {
        assert_eq!(output.code, Some(3), "{requirements:?}: {}", output.stderr);
        assert_ne!(report["failed"].as_array().unwrap().len(), 0, "{report}");
        return vec![None; targets.len()];
    }
    let packages = report["packages"].as_array().unwrap();
    let solution = |target: &Target| {
        let installed = packages.iter().filter(|package| {
            let targets = package["targets"].as_array().unwrap();
            package["for-build"] == false && targets.iter().any(|one| one == target.name)
        });
        let text = |package: &Value, key: &str| package[key].as_str().unwrap().to_owned();
        Some(installed.map(|package| (text(package, "project"), text(package, "version"))).collect())
    };
    targets.iter().map(solution).collect()
}

/// What uv solves, where the command says which index. Nothing is built: the sdists of the recording say what they require.
pub(crate) fn by_uv(mut command: Command, room: &Room, requirements: &[String], target: &Target) -> Solution {
    command.args(["pip", "compile", "-", "--no-header", "--no-annotate"]);
    command.args(["--python-version", target.python, "--python-platform", target.platform]);
    command.args(["--no-python-downloads", "--python"]).arg(room.venv());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(requirements.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        assert!(!talk.contains("Built "), "{talk}");
        return Some(pins(&String::from_utf8_lossy(&output.stdout)));
    }
    // Anything else that goes wrong would be taken for a case without a solution.
    assert!(talk.contains("No solution found"), "{requirements:?} for {}: {talk}", target.name);
    None
}
