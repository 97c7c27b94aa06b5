//! First pulls: directly from an index that is far, and through a depot that has nothing.

use std::{fmt::Write as _, fs, path::Path, time::Instant};

use depot_tests::{FakeIndex, Style, WheelBuilder, escaped_name, run, sha256_hex};

use super::{
    client::{Target, pull},
    depot, far,
};
use crate::{
    Options,
    machine::{Core, Machine},
    servers::Venv,
};

/// How many wheels a closure has here, and how many files the plain client fetches at once.
pub(crate) const CLOSURE: usize = 100;
const AT_ONCE: usize = 16;

/// The bytes inside the large wheel.
const LARGE: usize = 30_000_000;

/// What was measured of one kind of pull.
pub(crate) struct First {
    pub(crate) name: String,
    pub(crate) files: usize,
    pub(crate) bytes: usize,
    /// In each round: the seconds of the index itself, and through depot.
    pub(crate) rounds: Vec<(f64, f64)>,
    /// The same until the first byte of the first file, where that was looked at.
    pub(crate) waits: Vec<(f64, f64)>,
}

/// What is at the other end of the line.
struct Site {
    /// `http://HOST:PORT` at this end.
    origin: String,
    /// The index lives as long as it is asked.
    _index: FakeIndex,
    targets: Vec<Target>,
    bytes: usize,
}

impl Site {
    /// An index of so many projects with one wheel each, which have so many bytes inside.
    fn new(projects: usize, size: impl Fn(usize) -> usize) -> Self {
        let mut index = FakeIndex::builder(Style::Json).relative().without_etags();
        let (mut targets, mut bytes) = (Vec::new(), 0);
        for number in 0..projects {
            let name = format!("package-{number:03}");
            let inside = format!("{}/data.bin", escaped_name(&name));
            let wheel = WheelBuilder::new(&name, "1.0").requires_python(">=3.9").random_file(
                &inside,
                size(number),
                number as u64,
            );
            let built = wheel.build();
            bytes += built.len();
            targets.push(Target { project: name, filename: wheel.filename(), sha256: sha256_hex(&built) });
            index = index.wheel(&wheel);
        }
        let index = index.start();
        Self { origin: far(&index), _index: index, targets, bytes }
    }
}

pub(super) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Vec<First> {
    let machine = machine.unpinned();
    let one = Site::new(1, |_| LARGE);
    let many = Site::new(CLOSURE, |number| 20_000 + number * number * 200);
    let mut rows = vec![
        by_client(folder, options, "one wheel of 30 MB", &one, 1),
        by_client(folder, options, &format!("{CLOSURE} wheels, {AT_ONCE} at once"), &many, AT_ONCE),
    ];
    match Venv::find() {
        Ok(venv) => {
            for tool in [Tool::Uv, Tool::Pip] {
                rows.push(by_tool(folder, &machine, options, &venv, tool, &many));
            }
        }
        Err(why) => eprintln!("skipped: first pulls by uv and pip: {why}"),
    }
    rows
}

fn by_client(folder: &Path, options: &Options, name: &str, site: &Site, at_once: usize) -> First {
    let (mut rounds, mut waits) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        let direct = pull(&site.origin, &site.targets, at_once);
        let through = through(folder, site, |url| pull(url, &site.targets, at_once));
        eprintln!("first pull of {name}, round {round}: {direct:.3?}, through depot {through:.3?}");
        rounds.push((direct.whole, through.whole));
        waits.push((direct.first_byte, through.first_byte));
    }
    First { name: name.to_owned(), files: site.targets.len(), bytes: site.bytes, rounds, waits }
}

/// What a depot that has nothing does, by its address.
fn through<T>(folder: &Path, site: &Site, what: impl FnOnce(&str) -> T) -> T {
    let data_dir = folder.join("data");
    let server = depot(&data_dir, &site.origin);
    let did = what(server.url());
    assert!(server.terminate().success());
    fs::remove_dir_all(data_dir).unwrap();
    did
}

#[derive(Clone, Copy)]
enum Tool {
    Uv,
    Pip,
}

fn by_tool(
    folder: &Path,
    machine: &Machine,
    options: &Options,
    venv: &Venv,
    tool: Tool,
    site: &Site,
) -> First {
    let (name, program) = match tool {
        Tool::Uv => ("`uv pip install`", "uv"),
        Tool::Pip => ("`pip download`", "pip"),
    };
    let home = folder.join(program);
    fs::create_dir_all(&home).unwrap();
    let list = home.join("requirements.txt");
    let pins = site.targets.iter().fold(String::new(), |mut pins, target| {
        // The tool itself hashes what it gets.
        let _ = writeln!(pins, "{}==1.0 --hash=sha256:{}", target.project, target.sha256);
        pins
    });
    fs::write(&list, pins).unwrap();
    let pull = |origin: &str| {
        let (index, files) = (format!("{origin}/simple/"), home.join("files"));
        let mut command = match tool {
            Tool::Uv => venv.uv(machine, &home),
            Tool::Pip => venv.program(machine, Core::Load, program, &home),
        };
        match tool {
            Tool::Uv => command
                .args(["pip", "install", "--no-config", "--no-cache", "--quiet", "--target"])
                .arg(&files),
            Tool::Pip => command
                .args(["download", "--isolated", "--no-cache-dir", "--disable-pip-version-check", "--quiet"])
                .args(["--no-input", "--dest"])
                .arg(&files),
        };
        command.args(["--no-deps", "--require-hashes", "--index-url", &index, "-r"]).arg(&list);
        let started = Instant::now();
        run(&mut command).assert_success();
        let seconds = started.elapsed().as_secs_f64();
        for target in &site.targets {
            let there = match tool {
                Tool::Uv => format!("{}/data.bin", escaped_name(&target.project)),
                Tool::Pip => target.filename.clone(),
            };
            assert!(files.join(there).is_file(), "{program} has no {} from {origin}", target.filename);
        }
        fs::remove_dir_all(files).unwrap();
        seconds
    };
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let direct = pull(&site.origin);
        let through = through(folder, site, pull);
        eprintln!("first pull by {name}, round {round}: {direct:.2} s, through depot {through:.2} s");
        rounds.push((direct, through));
    }
    let name = format!("the same by {name}, {}", venv.version(program));
    First { name, files: site.targets.len(), bytes: site.bytes, rounds, waits: Vec::new() }
}
