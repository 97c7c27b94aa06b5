//! What each room may not name.

use super::scan;

/// Each crate's folder, and the crates of the workspace that it may know.
const CRATES: &[(&str, &[&str])] = &[
    ("depot-proto", &[]),
    ("depot-dist", &["depot-proto"]),
    ("depot-tree", &["depot-proto"]),
    ("depot-index", &["depot-proto", "depot-dist"]),
    ("depot-cli", &["depot-proto", "depot-dist", "depot-tree", "depot-index"]),
    ("depot-server", &["depot-proto", "depot-dist", "depot-tree", "depot-index"]),
    (
        "tests",
        &[
            "depot-proto",
            "depot-dist",
            "depot-tree",
            "depot-index",
            "depot-cli",
            "depot-server",
            "depot-tests",
        ],
    ),
];

/// What a whole crate may not name: its folder, and paths. A path also matches in the middle of a longer one.
const CRATE_RULES: &[(&str, &[&str])] = &[
    (
        "depot-proto",
        &[
            "tokio",
            "axum",
            "reqwest",
            "sled",
            "sqlx",
            "std::fs",
            "std::net",
            "SystemTime::now",
            "Instant::now",
            "Utc::now",
            "Local::now",
        ],
    ),
    ("depot-dist", &["tokio", "axum", "reqwest", "sled", "sqlx"]),
    ("depot-tree", &["tokio", "axum", "reqwest", "sled", "sqlx"]),
    ("depot-index", &["axum", "sled", "sqlx"]),
    ("depot-cli", &["axum", "sled", "sqlx"]),
];

/// A wall inside depot-server.
struct Wall {
    /// Whether the file at this path (inside `src/`) stands behind the wall.
    behind: fn(&str) -> bool,
    forbidden: &'static [&'static str],
}

const SERVER_WALLS: &[Wall] = &[
    Wall {
        behind: |file| !is_door(file) && !["lib.rs", "app.rs", "listen.rs", "main.rs"].contains(&file),
        forbidden: &["axum"],
    },
    Wall { behind: |file| !in_room(file, "store"), forbidden: &["sled", "sqlx"] },
    Wall {
        behind: |file| in_room(file, "store"),
        forbidden: &["crate::http", "crate::service", "crate::python"],
    },
    Wall {
        behind: |file| in_room(file, "auth") || in_room(file, "service"),
        forbidden: &["crate::http", "crate::python"],
    },
    Wall { behind: |file| in_room(file, "python") && !is_door(file), forbidden: &["crate::http"] },
    Wall {
        // python.rs is the table of contents of its folder, so it alone may name the doors.
        behind: |file| file != "python.rs" && in_room(file, "python") && !is_door(file),
        forbidden: &["crate::python::http"],
    },
    Wall { behind: |file| in_room(file, "http"), forbidden: &["crate::python"] },
    // Every route is in the table of doors, with what it needs.
    Wall { behind: |file| file != "http/doors.rs", forbidden: &["axum::routing"] },
];

/// Whether a file of `src/` is `ROOM.rs` or lies in `ROOM/`.
fn in_room(file: &str, room: &str) -> bool {
    file.strip_prefix(room).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Whether a file, or a folder around it, is named `http`.
fn is_door(file: &str) -> bool {
    file.split('/').any(|part| part == "http" || part == "http.rs")
}

/// The lines of a source that name what its room may not, and what that is.
pub(super) fn forbidden_names(path: &str, source: &str) -> Vec<(usize, String)> {
    let Some((folder, inside)) = path.split_once('/') else { return Vec::new() };
    let Some((_, known)) = CRATES.iter().find(|(name, _)| *name == folder) else { return Vec::new() };
    let mut forbidden: Vec<String> = CRATE_RULES
        .iter()
        .filter(|(name, _)| *name == folder)
        .flat_map(|(_, paths)| *paths)
        .map(ToString::to_string)
        .collect();
    for name in CRATES.iter().map(|(name, _)| if *name == "tests" { "depot-tests" } else { name }) {
        // A crate's own name stands in its documentation tests, its binary and its integration tests.
        if name != folder && !known.contains(&name) {
            forbidden.push(name.replace('-', "_"));
        }
    }
    if folder != "depot-tree" {
        forbidden.push("object_store".to_owned());
    }
    let file = inside.strip_prefix("src/");
    if let (Some(file), "depot-server") = (file, folder) {
        let walls = SERVER_WALLS.iter().filter(|wall| (wall.behind)(file));
        forbidden.extend(walls.flat_map(|wall| wall.forbidden).map(ToString::to_string));
    }

    let mut found = Vec::new();
    for (line, named) in scan::paths(source, &module_of(file.unwrap_or("lib.rs"))) {
        for forbidden in forbidden.iter().filter(|forbidden| names(&named, forbidden)) {
            found.push((line, format!("`{}` may not be named here: {forbidden}", named.join("::"))));
        }
    }
    found.dedup();
    found
}

/// Whether a path names a forbidden one: a crate (`axum`, also as `axum_extra`) or a room (`crate::http`) at its
/// start, any other path (`std::fs`, `SystemTime::now`) anywhere.
fn names(path: &[String], forbidden: &str) -> bool {
    let wanted: Vec<&str> = forbidden.split("::").collect();
    match wanted[..] {
        [name] => path[0] == name || path[0].strip_prefix(name).is_some_and(|rest| rest.starts_with('_')),
        ["crate", ..] => path.len() >= wanted.len() && path.iter().zip(&wanted).all(|(a, b)| a == b),
        _ => path.windows(wanted.len()).any(|part| part.iter().zip(&wanted).all(|(a, b)| a == b)),
    }
}

/// The module that a file of `src/` is.
fn module_of(file: &str) -> Vec<String> {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let inside = (!matches!(stem, "lib" | "main")).then(|| stem.split('/')).into_iter().flatten();
    std::iter::once("crate").chain(inside).map(str::to_owned).collect()
}

/// The lines of a crate's Cargo.toml that depend on a crate of the workspace above it or beside it.
pub(super) fn forbidden_dependencies(folder: &str, manifest: &str) -> Vec<(usize, String)> {
    let Some((_, known)) = CRATES.iter().find(|(name, _)| *name == folder) else {
        return vec![(1, format!("{folder} is not in the list of crates in tests/it/tidy/rules.rs"))];
    };
    let mut found = Vec::new();
    let mut in_dependencies = false;
    for (number, line) in (1..).zip(manifest.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        let name = if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_matches(['[', ']']);
            in_dependencies = section.ends_with("dependencies");
            // `[dependencies.NAME]`
            section.rsplit_once("dependencies.").map(|(_, name)| name)
        } else if in_dependencies {
            line.split(['.', '=', ' ']).next()
        } else {
            None
        };
        let Some(name) = name.map(|name| name.trim_matches('"')) else { continue };
        let own = name.starts_with("depot-");
        // The harness may know itself, but a dependency on itself makes no sense either.
        if own && (!known.contains(&name) || name == "depot-tests") {
            found.push((number, format!("{folder} may not depend on {name}")));
        }
    }
    found
}

/// The host names of the public index and of its files, put together so that this file does not hold them.
fn registries() -> [String; 2] {
    [["pypi", "org"].join("."), ["pythonhosted", "org"].join(".")]
}

/// The lines that name the public index.
pub(super) fn lines_naming_a_registry(text: &str) -> Vec<usize> {
    let registries = registries();
    let lines = (1..).zip(text.lines());
    lines
        .filter(|(_, line)| registries.iter().any(|host| line.to_ascii_lowercase().contains(host)))
        .map(|(number, _)| number)
        .collect()
}

/// What is wrong with these places (path and line) that name the public index: only one line may, in the source of
/// the crates that ask it.
pub(super) fn misplaced_registry_names(places: &[(String, usize)]) -> Vec<String> {
    let is_home =
        |path: &str| ["depot-index/src/", "depot-cli/src/"].iter().any(|home| path.starts_with(home));
    let homes = places.iter().filter(|(path, _)| is_home(path)).count();
    places
        .iter()
        .filter(|(path, _)| !is_home(path) || homes > 1)
        .map(|(path, line)| format!("{path}:{line}: the public index is named outside its one constant"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, source: &str) -> Vec<usize> {
        forbidden_names(path, source).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn axum_stands_only_at_the_doors_of_the_server() {
        let source = "use std::io;\nuse axum::Router;\n// axum::x\nlet axum = 1;";
        for room in ["store.rs", "store/sled.rs", "python/pages.rs", "service/gc.rs", "auth.rs", "config.rs"]
        {
            assert_eq!(lines(&format!("depot-server/src/{room}"), source), [2], "{room}");
        }
        for room in [
            "http.rs",
            "http/error.rs",
            "python/http.rs",
            "python/http/put.rs",
            "app.rs",
            "lib.rs",
            "listen.rs",
        ] {
            assert_eq!(lines(&format!("depot-server/src/{room}"), source), [0; 0], "{room}");
        }
        assert_eq!(lines("depot-index/src/lib.rs", source), [2]);
        assert_eq!(lines("depot-cli/src/lib.rs", "fn f(x: axum_core::body::Body) {}"), [1]);
        assert_eq!(lines("tests/src/index.rs", source), [0; 0]);
    }

    #[test]
    fn sled_stands_only_in_the_store() {
        let source = "use {std::io, sled::Db};\nfn f() -> sled::Result<()> {}";
        assert_eq!(lines("depot-server/src/store/sled.rs", source), [0; 0]);
        assert_eq!(lines("depot-server/src/app.rs", source), [1, 2]);
        assert_eq!(lines("depot-server/src/http/x.rs", source), [1, 2]);
        assert_eq!(lines("depot-cli/src/lib.rs", source), [1, 2]);
    }

    #[test]
    fn the_rooms_of_the_server_name_only_lower_ones() {
        let cases = [
            ("store/sled.rs", "use crate::{python::X, store::Y};", true),
            ("store/sled.rs", "use super::super::service::X;", true),
            ("store/sled.rs", "use super::memory::X;", false),
            ("store.rs", "use crate::http::X;", true),
            ("service/gc.rs", "crate::python::x()", true),
            ("service/gc.rs", "crate::store::x()", false),
            ("auth/token.rs", "use crate::http::{self};", true),
            ("python/pages.rs", "use crate::http::X;", true),
            ("python/pages.rs", "use super::http::X;", true),
            ("python/pages.rs", "use crate::service::X;", false),
            ("python.rs", "pub use http::router; use self::http::x;", false),
            ("python/http/put.rs", "use crate::http::X; use crate::python::publish;", false),
            ("http/error.rs", "use crate::python::X;", true),
            ("http/error.rs", "use crate::service::X;", false),
            ("app.rs", "use crate::{http, python};", false),
            ("main.rs", "use depot_cli::x;", true),
            ("main.rs", "use depot_server::x;", false),
            ("python/proxy.rs", "use depot_index::Client;", false),
            ("python/http.rs", "use axum::{Router, routing::get};", true),
            ("http/doors.rs", "use axum::routing::get;", false),
        ];
        for (file, source, broken) in cases {
            assert_eq!(
                !lines(&format!("depot-server/src/{file}"), source).is_empty(),
                broken,
                "{file}: {source}"
            );
        }
    }

    #[test]
    fn the_lower_crates_stay_pure() {
        assert_eq!(
            lines("depot-proto/src/a.rs", "use std::{fmt,\nfs};\nx(SystemTime::now());\nstd::net::IpAddr"),
            [2, 3, 4]
        );
        assert_eq!(lines("depot-proto/src/a.rs", "use std::time::SystemTime; #[tokio::test] fn f() {}"), [1]);
        assert_eq!(lines("depot-dist/src/a.rs", "use tokio::fs;"), [1]);
        assert_eq!(
            lines("depot-tree/src/a.rs", "use reqwest::Client; use std::fs; use object_store::path;"),
            [1]
        );
        assert_eq!(
            lines("depot-index/src/a.rs", "use depot_tree::x;\nuse depot_dist::y; use object_store::path;"),
            [1, 2]
        );
        assert_eq!(lines("depot-cli/src/a.rs", "use depot_server::x;\nuse depot_index::y;"), [1]);
        assert_eq!(lines("depot-cli/src/a.rs", "use depot_tests::x;"), [1]);
    }

    #[test]
    fn a_crate_depends_only_on_lower_ones() {
        let manifest = "[package]\nname = \"depot-tree\"\n[dependencies]\ndepot-proto.workspace = true\n\
                        depot-dist = { path = \"x\" }\n[dev-dependencies]\n\"depot-tests\" = \"1\"\n\
                        [dependencies.depot-index]\n[target.'cfg(unix)'.dependencies]\ndepot-cli = \"1\" # why\n";
        let found: Vec<usize> =
            forbidden_dependencies("depot-tree", manifest).into_iter().map(|(line, _)| line).collect();
        assert_eq!(found, [5, 7, 8, 10]);
        assert_eq!(forbidden_dependencies("depot-npm", "").len(), 1);
    }

    #[test]
    fn the_public_index_has_one_home() {
        let [index, files] = registries();
        let text = format!("a\nhttps://{}/simple/\nPyPI\nhttps://files.{files}/x", index.to_uppercase());
        assert_eq!(lines_naming_a_registry(&text), [2, 4]);
        let place = |path: &str, line| (path.to_owned(), line);
        assert!(misplaced_registry_names(&[]).is_empty());
        assert!(misplaced_registry_names(&[place("depot-cli/src/a.rs", 3)]).is_empty());
        assert_eq!(
            misplaced_registry_names(&[place("depot-cli/src/a.rs", 3), place("README.md", 1)]).len(),
            1
        );
        let twice = [place("depot-cli/src/a.rs", 3), place("depot-index/src/a.rs", 3)];
        assert_eq!(misplaced_registry_names(&twice).len(), 2);
    }
}
