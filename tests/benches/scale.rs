//! One node with 100,000 projects and 1,000,000 files: its start, its pages, its memory.

mod tree;

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use depot_tests::{WheelBuilder, binary, depot_command, run};
use rustix::fs::{Advice, fadvise};

use crate::{
    Options,
    ask::{ACCEPT_HTML, ACCEPT_JSON, Headers, ask},
    machine::{Core, Machine},
    median, packages,
    process::{Service, free_address},
};

const PROJECTS: usize = 100_000;
/// Building the store from the tree takes minutes.
const DEADLINE: Duration = Duration::from_mins(20);
/// What later requests are the median of.
const AGAIN: usize = 9;

/// What was measured.
pub(crate) struct Scale {
    pub(crate) projects: usize,
    pub(crate) files: usize,
    /// A start without a store: all is read from the tree. In seconds, as all times here.
    pub(crate) built: f64,
    /// The size of the store then, in bytes.
    pub(crate) store: u64,
    /// A start whose files are not in memory, until `readyz` says so.
    pub(crate) cold: f64,
    /// The same with the files in memory.
    pub(crate) warm: f64,
    pub(crate) pages: Vec<Page>,
    /// `depot-server reindex` while the server runs.
    pub(crate) reindex: f64,
    /// After a warm start and every page, in KiB.
    pub(crate) resident: u64,
    /// The most it was until then, in KiB.
    pub(crate) peak: u64,
    /// The most that building the store took, in KiB.
    pub(crate) peak_built: u64,
}

/// A page in one form and coding.
pub(crate) struct Page {
    pub(crate) name: String,
    /// Bytes on the wire.
    pub(crate) size: usize,
    pub(crate) first: f64,
    pub(crate) later: f64,
    /// The first request after one project was added; none for pages that this does not concern.
    pub(crate) changed: Option<f64>,
}

/// Writes the repository if need be, and measures a server over it. `data_dir` is kept for the next run.
pub(crate) fn measure(data_dir: &Path, folder: &Path, machine: &Machine, options: &Options) -> Scale {
    let size = tree::ensure(data_dir, PROJECTS);
    let machine = machine.unpinned();
    // What an earlier run added or built.
    let remove = |path: &str| match fs::remove_dir_all(data_dir.join(path)) {
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("{path}: {error}"),
        _ => {}
    };
    for path in ["store", "journal"] {
        remove(path);
    }
    for number in 0..4 {
        remove(&format!("repositories/python/files/{}", added(number)));
    }
    let (server, built) = start(data_dir, folder, &machine);
    assert!(server.said().contains(&format!("files={}", size.files)), "{}", server.said());
    let peak_built = server.memory("VmHWM");
    drop(server);
    let store = bytes_in(&data_dir.join("store"));
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    let again = || {
        let (server, seconds) = start(data_dir, folder, &machine);
        assert!(!server.said().contains("from the tree"), "the store was not kept: {}", server.said());
        seconds
    };
    for _ in 0..options.rounds {
        forget(&data_dir.join("store"));
        cold.push(again());
        warm.push(again());
        eprintln!("start: {:.2} s cold, {:.2} s warm", cold[cold.len() - 1], warm[warm.len() - 1]);
    }
    let (server, _) = start(data_dir, folder, &machine);
    let pages = pages(&server, data_dir, folder);
    let (resident, peak) = (server.memory("VmRSS"), server.memory("VmHWM"));
    let started = Instant::now();
    run(command(&machine, "reindex").arg("--data-dir").arg(data_dir)).assert_success();
    let reindex = started.elapsed().as_secs_f64();
    eprintln!("reindex: {reindex:.1} s");
    drop(server);
    Scale {
        projects: size.projects,
        files: size.files,
        built,
        store,
        cold: median(cold),
        warm: median(warm),
        pages,
        reindex,
        resident,
        peak,
        peak_built,
    }
}

fn command(machine: &Machine, verb: &str) -> Command {
    let mut command = machine.command(Core::Server, binary("depot-server"));
    command.arg(verb);
    command
}

/// A running server, and how long it took until it was ready.
fn start(data_dir: &Path, folder: &Path, machine: &Machine) -> (Service, f64) {
    let address = free_address();
    let mut command = command(machine, "serve");
    command.arg("--data-dir").arg(data_dir).args(["--port", address.rsplit(':').next().unwrap()]);
    let started = Instant::now();
    let log = folder.join("log");
    let server = Service::start(command, &format!("http://{address}"), "/readyz", &log, DEADLINE);
    (server.unwrap_or_else(|error| panic!("{error}")), started.elapsed().as_secs_f64())
}

fn added(number: usize) -> String {
    format!("added-by-the-bench-{number}")
}

fn pages(server: &Service, data_dir: &Path, folder: &Path) -> Vec<Page> {
    let forms = [("HTML", ACCEPT_HTML), ("JSON", ACCEPT_JSON)];
    let codings = [("identity", ""), ("gzip", "gzip")];
    let mut pages = Vec::new();
    for (path, name) in [
        ("/python/simple/", "root page"),
        (&*format!("/python/simple/{}/", tree::name(4711)), "project page"),
    ] {
        for (form, accept) in forms {
            for (coding, encoding) in codings {
                let mut headers: Headers = vec![("Accept", accept.to_owned())];
                if !encoding.is_empty() {
                    headers.push(("Accept-Encoding", encoding.to_owned()));
                }
                let first = ask(server.url(), path, &headers);
                assert_eq!(first.answer.status, 200, "{path}");
                let coded = if first.answer.coding.is_empty() { "identity" } else { &first.answer.coding };
                // A server that does not compress is seen in the report, and not stopped by it.
                let name = if coded == coding {
                    format!("{name}, {form}, {coding}")
                } else {
                    format!("{name}, {form}, {coding} asked for, {coded} given")
                };
                let later = median((0..AGAIN).map(|_| ask(server.url(), path, &headers).seconds));
                let changed = (path == "/python/simple/").then(|| {
                    let project = added(pages.len());
                    push_one(server, data_dir, folder, &project);
                    let asked = ask(server.url(), path, &headers);
                    assert!(asked.answer.body != first.answer.body, "{project} changed nothing");
                    asked.seconds
                });
                let page = Page { name, size: first.answer.body.len(), first: first.seconds, later, changed };
                eprintln!("{}: {:.1} ms, then {:.1} ms", page.name, page.first * 1e3, page.later * 1e3);
                pages.push(page);
            }
        }
    }
    pages
}

/// Publishes one small wheel of a project that was not there.
fn push_one(server: &Service, data_dir: &Path, folder: &Path, project: &str) {
    let tree = folder.join(project);
    packages::save(&tree, &WheelBuilder::new(project, "1.0").random_file("data.bin", 100, 1));
    let token = fs::read_to_string(data_dir.join("admin.token")).unwrap();
    let mut push = depot_command(["python", "push", server.url(), "--dir"]);
    run(push.arg(tree).env("DEPOT_AUTH_TOKEN", token.trim())).assert_success();
}

/// Takes the files below a folder out of the system's memory, so that they must be read from the disk.
fn forget(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            forget(&entry.path());
        } else {
            let file = File::open(entry.path()).unwrap();
            // Only what is on disk can be given up.
            file.sync_all().unwrap();
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        }
    }
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() { bytes_in(&entry.path()) } else { metadata.len() }
        })
        .sum()
}
