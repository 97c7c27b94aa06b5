//! Saved trees of wheels that would install, in depot's layout, written the plainest way.

use std::{fs, path::Path};

use depot_tests::{Output, ServerProcess, WheelBuilder, depot_command, run, sha256_hex};
use serde_json::{Value, json};

/// What was put into a tree.
#[derive(Clone, Copy, Default)]
pub(crate) struct Amount {
    pub(crate) files: usize,
    pub(crate) bytes: usize,
}

/// Puts a wheel into the saved tree at `root`: bytes, then record.
pub(crate) fn save(root: &Path, wheel: &WheelBuilder) -> Amount {
    let folder = root.join("files").join(wheel.project());
    fs::create_dir_all(&folder).unwrap();
    let (filename, bytes, metadata) = (wheel.filename(), wheel.build(), wheel.metadata());
    let record = json!({
        "filename": filename,
        "hashes": { "sha256": sha256_hex(&bytes) },
        "size": bytes.len(),
        "upload-time": "2026-01-02T03:04:05.000000Z",
        "requires-python": wheel.requires_python_text(),
        "core-metadata": { "sha256": sha256_hex(&metadata) },
        "depot": { "v": 1 },
    });
    fs::write(folder.join(&filename), &bytes).unwrap();
    fs::write(folder.join(format!("{filename}.metadata")), metadata).unwrap();
    fs::write(folder.join(format!("{filename}.json")), record.to_string()).unwrap();
    Amount { files: 1, bytes: bytes.len() }
}

/// Puts `releases` wheels of a project into a tree, each with `size(n)` random bytes inside.
pub(crate) fn save_project(
    root: &Path,
    name: &str,
    releases: usize,
    size: impl Fn(usize) -> usize,
) -> Amount {
    (0..releases).fold(Amount::default(), |sum, number| {
        let module = depot_tests::escaped_name(name);
        let wheel =
            WheelBuilder::new(name, &format!("{}.{}.{}", number / 100, number / 10 % 10, number % 10))
                .requires_python(">=3.9")
                .requires_dist("six>=1.16")
                .random_file(&format!("{module}/data.bin"), size(number), number as u64);
        let one = save(root, &wheel);
        Amount { files: sum.files + one.files, bytes: sum.bytes + one.bytes }
    })
}

/// What `depot python push` counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) present: u64,
}

/// Pushes a tree to a server, and panics if any file was refused.
pub(crate) fn push(tree: &Path, server: &ServerProcess) -> Counts {
    let mut command = depot_command(["--format", "json", "python", "push", server.url(), "--dir"]);
    let output: Output = run(command.arg(tree).env("DEPOT_AUTH_TOKEN", server.token())).assert_success();
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let count = |name: &str| report["counts"][name].as_u64().unwrap();
    assert_eq!((count("updated"), count("failed")), (0, 0), "{}", output.stdout);
    Counts { sent: count("sent"), present: count("present") }
}
