//! How long `depot python save` takes, from its start to its end, beside `pip download` of the same set; and what many
//! files cost it.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use depot_tests::{FakeIndex, FakeIndexBuilder, Line, Style, WheelBuilder, depot_command, run};
use serde_json::Value;

use crate::{
    Options,
    machine::{Core, Machine},
    median,
    packages::Amount,
    process::memory_of,
    servers::Venv,
};

/// How far away the index is, and how wide the way to it.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(20);
pub(crate) const BYTES_PER_SECOND: u32 = 30_000_000;

/// How many files are saved beside pip, how many are there already in the second run, and how many are for the memory.
pub(crate) const SET: usize = 100;
pub(crate) const AGAIN: usize = 300;
pub(crate) const MANY: usize = 2000;

/// What was measured.
pub(crate) struct Saved {
    pub(crate) amount: Amount,
    /// The seconds of each round.
    pub(crate) depot: Vec<f64>,
    /// pip's version and its seconds of each round, or why there are none.
    pub(crate) pip: Result<(String, Vec<f64>), String>,
    /// The median seconds of a run that has nothing to do.
    pub(crate) again: f64,
    /// The most memory that a save of many files had, in KiB, how many bytes those are, and the seconds.
    pub(crate) peak: u64,
    pub(crate) many: Amount,
    pub(crate) many_seconds: f64,
}

/// Saves the same pinned set with both, in turn, each time into an empty folder and without a cache.
pub(crate) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Saved {
    let (index, amount) = index(SET, |number| 20_000 + number * number * 200);
    let (pins, line) = (list(folder, SET), far(&index));
    let pip = Pip::find(folder, machine);
    let (mut depot, mut by_pip) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        let tree = folder.join("tree");
        depot.push(timed(|| save(&line, &pins, &tree, ("saved", SET))));
        fs::remove_dir_all(&tree).unwrap();
        if let Ok(pip) = &pip {
            by_pip.push(timed(|| pip.download(&line, &pins)));
        }
        let last = |times: &[f64]| times.last().map(|time| format!("{time:.2} s")).unwrap_or_default();
        eprintln!("save, round {round}: {}; pip download {}", last(&depot), last(&by_pip));
    }
    let again = again(folder, options);
    let (many, many_seconds, peak) = many(folder);
    Saved { amount, depot, pip: pip.map(|pip| (pip.version, by_pip)), again, peak, many, many_seconds }
}

/// A second run, whose files are all there.
fn again(folder: &Path, options: &Options) -> f64 {
    let (index, _) = index(AGAIN, |_| 2000);
    let (pins, line, tree) = (list(folder, AGAIN), far(&index), folder.join("again"));
    save(&line, &pins, &tree, ("saved", AGAIN));
    let times: Vec<f64> =
        (0..options.rounds).map(|_| timed(|| save(&line, &pins, &tree, ("present", AGAIN)))).collect();
    eprintln!("save again: {times:.3?} s");
    median(times)
}

/// Many files, from an index that is near: they shall not have to wait for each other.
fn many(folder: &Path) -> (Amount, f64, u64) {
    let (index, amount) = index(MANY, |number| 1000 + number % 100 * 1000);
    let (list, tree) = (list(folder, MANY), folder.join("many"));
    let mut command = save_command(&index.url(), &list, &tree);
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        // It only ever grows, and nobody tells once the process has ended.
        peak = peak.max(memory_of(child.id(), "VmHWM"));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{command:?}: {status}");
    let seconds = started.elapsed().as_secs_f64();
    save(&index.url(), &list, &tree, ("present", MANY));
    eprintln!("save of {MANY} files: {seconds:.2} s, {peak} KiB at most");
    (amount, seconds, peak)
}

fn name(number: usize) -> String {
    format!("package-{number:04}")
}

/// An index of so many projects with three releases each; each needs the one before it, and the newest has so many bytes.
fn index(projects: usize, size: impl Fn(usize) -> usize) -> (FakeIndex, Amount) {
    let mut amount = Amount::default();
    let mut index: FakeIndexBuilder = FakeIndex::builder(Style::Json).relative();
    for number in 0..projects {
        for version in ["1.0", "1.1", "2.0"] {
            let mut wheel = WheelBuilder::new(&name(number), version).requires_python(">=3.9");
            if number > 0 {
                wheel = wheel.requires_dist(&format!("{}>=1.1", name(number - 1)));
            }
            if version == "2.0" {
                wheel = wheel.random_file("data.bin", size(number), number as u64);
                amount.files += 1;
                amount.bytes += wheel.build().len();
            }
            index = index.wheel(&wheel);
        }
    }
    (index.start(), amount)
}

/// The set, resolved: a list that pins every version.
fn list(folder: &Path, projects: usize) -> PathBuf {
    let path = folder.join(format!("requirements-{projects}.txt"));
    let pins = (0..projects).fold(String::new(), |mut pins, number| {
        let _ = writeln!(pins, "{}==2.0", name(number));
        pins
    });
    fs::write(&path, pins).unwrap();
    path
}

/// The URL of the index at the other end of a long line.
fn far(index: &FakeIndex) -> String {
    format!("http://{}/simple/", Line::start(index.address(), ROUND_TRIP, BYTES_PER_SECOND).address())
}

fn save_command(index: &str, list: &Path, tree: &Path) -> Command {
    let mut command = depot_command(["--format", "json", "python", "save", "--index-url", index, "-r"]);
    command.arg(list).arg("--dir").arg(tree);
    command
}

/// Saves the list, and panics unless so many files were counted as this.
fn save(index: &str, list: &Path, tree: &Path, (outcome, files): (&str, usize)) {
    let output = run(&mut save_command(index, list, tree)).assert_success();
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["counts"][outcome], files, "{}", report["counts"]);
}

/// The pip that `.ci/bench` installs.
struct Pip<'a> {
    venv: Venv,
    version: String,
    machine: Machine,
    folder: &'a Path,
}

impl<'a> Pip<'a> {
    fn find(folder: &'a Path, machine: &Machine) -> Result<Self, String> {
        let venv = Venv::find()?;
        let home = folder.join("pip");
        fs::create_dir(&home).unwrap();
        Ok(Self { version: venv.version("pip"), venv, machine: machine.unpinned(), folder })
    }

    fn download(&self, index: &str, list: &Path) {
        let (home, files) = (self.folder.join("pip"), self.folder.join("pip/files"));
        let mut command = self.venv.program(&self.machine, Core::Load, "pip", &home);
        command.args(["download", "--isolated", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]);
        command.args(["--no-input", "--index-url", index, "--dest"]).arg(&files).arg("-r").arg(list);
        run(&mut command).assert_success();
        assert_eq!(fs::read_dir(&files).unwrap().count(), SET);
        fs::remove_dir_all(files).unwrap();
    }
}

fn timed(of: impl FnOnce()) -> f64 {
    let started = Instant::now();
    of();
    started.elapsed().as_secs_f64()
}
