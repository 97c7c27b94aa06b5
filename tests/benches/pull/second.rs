//! Later pulls: what was pulled through, at its own address and at that of all repositories, beside what is hosted.

use std::{collections::BTreeMap, path::Path};

use depot_tests::{FakeIndex, ServerProcess, Style, WheelBuilder, binary, escaped_name, sha256_hex};
use serde_json::Value;

use super::far;
use crate::{
    Options,
    ask::{ACCEPT_JSON, Headers, ask},
    machine::{Core, Machine},
    median, packages, wrk,
};

/// The files of the two pages.
pub(crate) const SMALL: usize = 3;
pub(crate) const LARGE: usize = 500;

/// Longer loads would tell nothing more of a ratio.
const MOST_SECONDS: u32 = 2;

/// What was measured of one page or file.
pub(crate) struct Beside {
    pub(crate) name: &'static str,
    /// Requests a second of what is hosted; the median.
    pub(crate) hosted: f64,
    /// The repository that pulls through beside it, in each round.
    pub(crate) proxy: Vec<f64>,
    /// All repositories at one address beside it, in each round.
    pub(crate) group: Vec<f64>,
}

/// What is asked for, at three addresses.
struct Subject {
    name: &'static str,
    paths: [String; 3],
    headers: Headers,
    /// The digest of a file, or of each file of a page by its version.
    expected: Expected,
}

enum Expected {
    File(String),
    Page(BTreeMap<String, String>),
}

/// The projects: what they are called, how many releases they have, and the bytes inside each.
const PROJECTS: [(&str, usize, usize); 4] = [
    ("small", SMALL, 100),
    ("large", LARGE, 100),
    ("wheel-of-9k", 1, 8_000),
    ("wheel-of-30m", 1, 30_000_000),
];

/// Loads each thing at each address, in turn.
///
/// # Errors
///
/// wrk is not there.
pub(super) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Result<Vec<Beside>, String> {
    if machine.wrk.is_none() {
        return Err("wrk not installed here".to_owned());
    }
    let tree = folder.join("tree");
    let mut index = FakeIndex::builder(Style::Json).relative();
    let mut digests = BTreeMap::new();
    for (project, releases, size) in PROJECTS {
        for release in 0..releases {
            packages::save(&tree, &wheel("own", project, release, size));
            let wheel = wheel("far", project, release, size);
            digests.insert(wheel.filename(), sha256_hex(&wheel.build()));
            index = index.wheel(&wheel);
        }
    }
    let index = index.start();
    let data_dir = folder.join("data");
    let mut command = machine.command(Core::Server, binary("depot-server"));
    command.arg("serve").arg("--data-dir").arg(&data_dir).args(["--port", "0"]);
    command.args(["--upstream", &format!("{}/simple/", far(&index))]);
    let server = ServerProcess::start_command(command, &data_dir);
    packages::push(&tree, &server);
    let subjects = subjects(&digests);
    let rows = subjects.iter().map(|subject| load(folder, machine, options, &server, subject));
    Ok(rows.collect())
}

fn wheel(of: &str, project: &str, release: usize, size: usize) -> WheelBuilder {
    let name = format!("{of}-{project}");
    let inside = format!("{}/data.bin", escaped_name(&name));
    WheelBuilder::new(&name, &format!("1.{release}")).requires_python(">=3.9").random_file(
        &inside,
        size,
        release as u64,
    )
}

fn subjects(digests: &BTreeMap<String, String>) -> Vec<Subject> {
    let page = |name: &'static str, project: &str| {
        let own = format!("/python/simple/own-{project}/");
        let [proxy, group] = ["/pypi", ""].map(|mount| format!("{mount}/simple/far-{project}/"));
        let start = format!("{}-", escaped_name(&format!("far-{project}")));
        let files = digests.iter().filter(|(filename, _)| filename.starts_with(&start));
        Subject {
            name,
            paths: [own, proxy, group],
            headers: vec![("Accept", ACCEPT_JSON.to_owned())],
            expected: Expected::Page(files.map(|(name, sha256)| (name.clone(), sha256.clone())).collect()),
        }
    };
    let file = |name: &'static str, project: &str, size: usize| {
        let [own, other] = ["own", "far"].map(|of| wheel(of, project, 0, size));
        let own = format!("/python/files/{}/{}", own.project(), own.filename());
        let [proxy, group] =
            ["/pypi", ""].map(|mount| format!("{mount}/files/{}/{}", other.project(), other.filename()));
        let expected = Expected::File(digests[&other.filename()].clone());
        Subject { name, paths: [own, proxy, group], headers: Vec::new(), expected }
    };
    vec![
        page("page of 3 files, JSON", PROJECTS[0].0),
        page("page of 500 files, JSON", PROJECTS[1].0),
        file("wheel of 9 KB", PROJECTS[2].0, PROJECTS[2].2),
        file("wheel of 30 MB", PROJECTS[3].0, PROJECTS[3].2),
    ]
}

fn load(
    folder: &Path,
    machine: &Machine,
    options: &Options,
    server: &ServerProcess,
    subject: &Subject,
) -> Beside {
    let Subject { name, paths, headers, expected } = subject;
    let bodies: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| {
            // The first pull, the only one that asks the index; a file's page comes first, as installers have it.
            let body = ask(server.url(), path, headers).answer.body;
            assert!(ask(server.url(), path, headers).answer.body == body, "{path} differs the second time");
            body
        })
        .collect();
    for body in &bodies[1..] {
        check(name, body, expected);
    }
    let seconds = options.seconds.min(MOST_SECONDS);
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let figures: Vec<f64> = paths
            .iter()
            .zip(&bodies)
            .map(|(path, body)| {
                let url = [server.url(), path].concat();
                let load = wrk::load(folder, machine, &url, headers, body.len(), seconds);
                load.unwrap_or_else(|error| panic!("{error}")).requests
            })
            .collect();
        eprintln!("{name}, round {round}: hosted, proxy, group {figures:.0?}/s");
        rounds.push(figures);
    }
    for (path, body) in paths.iter().zip(&bodies) {
        assert!(ask(server.url(), path, headers).answer.body == *body, "{path} is not what it was at first");
    }
    let beside = |place: usize| rounds.iter().map(|round| round[place] / round[0]).collect();
    Beside { name, hosted: median(rounds.iter().map(|round| round[0])), proxy: beside(1), group: beside(2) }
}

/// Panics unless that is the file, or a page that lists these files and no others.
fn check(name: &str, body: &[u8], expected: &Expected) {
    match expected {
        Expected::File(sha256) => assert!(sha256_hex(body) == *sha256, "{name} has other bytes"),
        Expected::Page(files) => {
            let page: Value = serde_json::from_slice(body).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let listed: BTreeMap<String, String> = page["files"]
                .as_array()
                .unwrap()
                .iter()
                .map(|file| (text(&file["filename"]), text(&file["hashes"]["sha256"])))
                .collect();
            assert!(listed == *files, "{name} lists other files");
        }
    }
}
