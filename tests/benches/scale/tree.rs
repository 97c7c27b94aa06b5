//! A repository of 100,000 projects and 1,000,000 files, written without asking the server, in minutes.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    thread,
};

use depot_tests::{escaped_name, sha256_hex};
use serde_json::json;

const RELEASES: usize = 5;
/// A wheel and an sdist for each release.
const FILES_OF_A_RELEASE: usize = 2;
const WRITERS: usize = 4;

/// How names begin, how they go on, and how some end: every combination is one project.
const FIRST: [&str; 50] = [
    "acme", "aio", "amber", "apache", "arrow", "async", "atlas", "azure", "basalt", "birch", "blue", "cedar",
    "cloud", "cobalt", "copper", "data", "delta", "django", "ember", "fast", "flask", "flint", "forest",
    "geo", "granite", "harbor", "indigo", "iron", "jasper", "lambda", "lunar", "maple", "micro", "moss",
    "nimbus", "ocean", "open", "pine", "py", "pytest", "quartz", "raven", "red", "river", "silver", "sphinx",
    "stone", "tiny", "umbra", "zen",
];
const SECOND: [&str; 100] = [
    "admin", "agent", "api", "archive", "array", "asset", "audit", "auth", "backup", "batch", "bench",
    "binding", "board", "bridge", "browser", "buffer", "builder", "bus", "cache", "catalog", "chart",
    "check", "client", "codec", "color", "column", "command", "config", "context", "crypto", "curve", "dash",
    "date", "deploy", "diff", "docs", "email", "engine", "event", "export", "feed", "field", "filter",
    "form", "format", "forms", "frame", "gateway", "graph", "grid", "hash", "image", "index", "job", "json",
    "kernel", "label", "layout", "ledger", "lint", "loader", "log", "mail", "map", "markup", "matrix",
    "menu", "mesh", "meter", "model", "monitor", "network", "oauth", "packet", "parser", "patch", "path",
    "pipeline", "plugin", "pool", "proxy", "query", "queue", "report", "router", "schema", "search",
    "secret", "session", "signal", "socket", "spider", "storage", "stream", "table", "task", "test", "theme",
    "token", "tools",
];
const THIRD: [&str; 20] = [
    "",
    "-core",
    "-utils",
    "-client",
    "-sdk",
    "-cli",
    "-lite",
    "-plus",
    "-ext",
    "-types",
    "-stubs",
    "-server",
    "2",
    "-common",
    "-async",
    "-helpers",
    "-next",
    "-models",
    "-testing",
    "-extra-toolkit",
];

/// What is there.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) projects: usize,
    pub(crate) files: usize,
}

/// Sees to it that `data_dir` holds the repository, writing it if it is not there whole, and says what it holds.
/// `projects` is at most 100,000.
pub(crate) fn ensure(data_dir: &Path, projects: usize) -> Size {
    let size = Size { projects, files: projects * RELEASES * FILES_OF_A_RELEASE };
    let stamp = data_dir.join("generated");
    let text = format!("{projects} projects, {} files, form 1\n", size.files);
    if fs::read_to_string(&stamp).is_ok_and(|known| known == text) {
        return size;
    }
    eprintln!("writing {projects} projects with {} files to {}", size.files, data_dir.display());
    match fs::remove_dir_all(data_dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("{}: {error}", data_dir.display()),
        _ => {}
    }
    let files = data_dir.join("repositories/python/files");
    fs::create_dir_all(&files).unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let files = &files;
            scope.spawn(move || {
                for number in (writer..projects).step_by(WRITERS) {
                    write_project(files, number).unwrap_or_else(|error| panic!("{}: {error}", name(number)));
                }
            });
        }
    });
    fs::write(stamp, text).unwrap();
    size
}

/// The name of the project with this number; none has two.
pub(crate) fn name(number: usize) -> String {
    // The ends change slowest, so that a smaller repository has the plain names.
    let (first, rest) = (number % FIRST.len(), number / FIRST.len());
    let (second, third) = (rest % SECOND.len(), rest / SECOND.len());
    format!("{}-{}{}", FIRST[first], SECOND[second], THIRD[third])
}

/// The bytes are alike for all files of a project and lie on disk once: nothing that is measured opens them, and each
/// would else take an inode and 4 KiB. The records are as different, and as long, as those of mirrored files are.
fn write_project(files: &Path, number: usize) -> io::Result<()> {
    let name = name(number);
    let folder = files.join(&name);
    fs::create_dir(&folder)?;
    let bytes = format!("the bytes of {name}\n");
    let sha256 = sha256_hex(bytes.as_bytes());
    let mut written: Option<PathBuf> = None;
    for release in 0..RELEASES {
        let version = format!("{}.{}.{}", number % 7, release, (number + release) % 11);
        let escaped = escaped_name(&name);
        for filename in
            [format!("{escaped}-{version}-py3-none-any.whl"), format!("{escaped}-{version}.tar.gz")]
        {
            let path = folder.join(&filename);
            match &written {
                Some(first) => fs::hard_link(first, &path)?,
                None => fs::write(&path, &bytes)?,
            }
            written.get_or_insert(path);
            let mut record = json!({
                "filename": filename,
                "hashes": { "sha256": sha256 },
                "size": bytes.len(),
                "upload-time": format!("20{:02}-0{}-1{}T07:15:09.{:06}Z", 10 + number % 16, 1 + release, number % 9, number),
                "requires-python": ">=3.9",
                "depot": {
                    "v": 1,
                    "first-seen": "2026-11-01T18:00:00.000000Z",
                    "origin": {
                        "kind": "mirrored",
                        "index": "https://index.example/simple/",
                        "url": format!("https://files.index.example/packages/{}/{}/{sha256}/{filename}", &sha256[..2], &sha256[2..4]),
                    },
                },
            });
            if Path::new(&filename).extension().is_some_and(|end| end == "whl") {
                // A wheel without the digest of its metadata would be opened to find it.
                record["core-metadata"] = json!({ "sha256": sha256_hex(filename.as_bytes()) });
            }
            fs::write(folder.join(format!("{filename}.json")), record.to_string())?;
        }
    }
    Ok(())
}
