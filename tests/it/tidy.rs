//! The walls of the house: which room may name what, how long a file may be, which crate may know which, and where
//! the public index may be named. A broken rule is reported as `path:line`.

mod rules;
mod scan;

use std::fs;
use std::path::{Path, PathBuf};

use depot_tests::workspace_root;

/// Lines of code, without comments, blank lines and the trailing tests, that a file may have.
const LONGEST_FILE: usize = 500;

/// One file of the workspace.
struct Source {
    /// From the root, with `/`.
    path: String,
    text: String,
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Files that nobody wrote, or that are data, are as long as they are.
fn is_written_by_hand(source: &Source) -> bool {
    let generated = source.text.lines().take(5).any(|line| line.contains("@generated"));
    !generated && !source.path.split('/').any(|part| part == "fixtures")
}

/// All files that the rules are about.
fn sources() -> Vec<Source> {
    let root = workspace_root();
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            let relative = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            let name = relative.rsplit('/').next().unwrap();
            let skipped = matches!(name, "target" | "node_modules") || name.starts_with('.');
            if path.is_dir() {
                if !skipped || relative == ".ci" {
                    folders.push(path);
                }
            } else if relative.starts_with(".ci/")
                || name == "Makefile"
                || [".rs", ".md", ".toml", ".sh"].iter().any(|end| name.ends_with(end))
            {
                // A file that is no text cannot name anything.
                if let Ok(text) = fs::read_to_string(&path) {
                    sources.push(Source { path: relative, text });
                }
            }
        }
    }
    assert!(
        sources.iter().any(|source| source.path == "depot-server/src/main.rs"),
        "the walk has lost its way"
    );
    sources
}

#[track_caller]
fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_room_names_only_what_it_may() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| is_rust(&source.path)) {
        for (line, what) in rules::forbidden_names(&source.path, &source.text) {
            broken.push(format!("{}:{line}: {what}", source.path));
        }
    }
    assert_none(&broken);
}

#[test]
fn routes_are_made_nowhere_but_in_their_table() {
    let ways = [".route(", ".route_service(", ".nest_service(", ".fallback_service(", "MethodRouter"];
    let mut broken = Vec::new();
    let is_of_server = |path: &str| path.starts_with("depot-server/src/") && is_rust(path);
    for source in sources().iter().filter(|source| is_of_server(&source.path)) {
        for (line, text) in (1..).zip(source.text.lines()) {
            let way = ways.iter().find(|way| text.contains(**way));
            if let Some(way) = way.filter(|_| source.path != "depot-server/src/http/doors.rs") {
                broken.push(format!("{}:{line}: `{way}` makes a route that no table has", source.path));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn no_file_is_too_long() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| is_rust(&source.path) && is_written_by_hand(source)) {
        let lines = scan::code_lines(&source.text);
        if let Some(line) = lines.get(LONGEST_FILE) {
            let count = lines.len();
            broken.push(format!(
                "{}:{line}: {count} lines of code, and {LONGEST_FILE} are the most",
                source.path
            ));
        }
    }
    assert_none(&broken);
}

#[test]
fn no_crate_depends_upwards_or_sideways() {
    let mut broken = Vec::new();
    for source in sources() {
        let Some(folder) = source.path.strip_suffix("/Cargo.toml") else { continue };
        for (line, what) in rules::forbidden_dependencies(folder, &source.text) {
            broken.push(format!("{}:{line}: {what}", source.path));
        }
    }
    assert_none(&broken);
}

#[test]
fn the_public_index_is_named_in_one_line_at_most() {
    let mut named = Vec::new();
    for source in sources() {
        for line in rules::lines_naming_a_registry(&source.text) {
            named.push((source.path.clone(), line));
        }
    }
    assert_none(&rules::misplaced_registry_names(&named));
}
