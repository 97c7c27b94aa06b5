//! What `depot python save --universal` costs: real projects as they were recorded, for every target that the flag means,
//! from an index that is near and from one that is far.

use std::{
    fs,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use depot_tests::{FakeIndex, Line, RealProjects, Style, depot_command};
use serde_json::Value;

use crate::{
    Options, median,
    process::memory_of,
    save::{BYTES_PER_SECOND, ROUND_TRIP},
};

/// What a service may well need, of all kinds of projects: pure, compiled for each Python and for the stable ABI, with
/// extras, and such as are an sdist on some platforms.
pub(crate) const WANTED: [&str; 24] = [
    "aiohttp",
    "boto3",
    "celery[redis]",
    "cryptography",
    "django",
    "fastapi[standard]",
    "flask",
    "google-auth",
    "httpx[http2,socks]",
    "ipython",
    "keyring",
    "lxml",
    "matplotlib",
    "numpy",
    "pandas",
    "pydantic",
    "pytest",
    "requests",
    "sqlalchemy[asyncio]",
    "uvicorn[standard]",
    "pillow",
    "psutil",
    "pyyaml",
    "rich",
];

/// What was measured.
pub(crate) struct Universal {
    pub(crate) wanted: usize,
    pub(crate) targets: usize,
    pub(crate) files: u64,
    pub(crate) releases: usize,
    pub(crate) failed: u64,
    /// Seconds: near, far, and far again with nothing to do.
    pub(crate) near: f64,
    pub(crate) far: f64,
    pub(crate) again: f64,
    /// The most memory of any of these runs, in KiB.
    pub(crate) peak: u64,
}

pub(crate) fn measure(folder: &Path, options: &Options) -> Universal {
    let index = FakeIndex::builder(Style::Json).relative().real(RealProjects::read()).start();
    let line = Line::start(index.address(), ROUND_TRIP, BYTES_PER_SECOND);
    let far = format!("http://{}/simple/", line.address());
    let tree = folder.join("universal");
    // The harness makes the files when they are first asked for.
    let first = save(&index.url(), &tree);
    let (mut near, mut from_far, mut again, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..options.rounds {
        for (url, times) in [(&index.url(), &mut near), (&far, &mut from_far)] {
            fs::remove_dir_all(&tree).unwrap();
            let run = save(url, &tree);
            times.push(run.seconds);
            peak = peak.max(run.peak);
        }
        let run = save(&far, &tree);
        assert_eq!(run.result["counts"]["saved"], 0, "{}", run.result["counts"]);
        again.push(run.seconds);
    }
    eprintln!(
        "save --universal: near {near:.2?} s, far {from_far:.2?} s, again {again:.2?} s, {peak} KiB at most"
    );
    let counts = &first.result["counts"];
    let length = |key: &str| first.result[key].as_array().unwrap().len();
    Universal {
        wanted: WANTED.len(),
        targets: length("targets"),
        files: counts["saved"].as_u64().unwrap(),
        releases: length("packages"),
        failed: counts["failed"].as_u64().unwrap(),
        near: median(near),
        far: median(from_far),
        again: median(again),
        peak,
    }
}

/// One run.
struct Run {
    seconds: f64,
    /// The most memory it had, in KiB.
    peak: u64,
    result: Value,
}

fn save(index: &str, tree: &Path) -> Run {
    let mut command =
        depot_command(["--format", "json", "python", "save", "--universal", "--index-url", index]);
    command.arg("--dir").arg(tree).args(WANTED);
    let output = tree.with_extension("json");
    let started = Instant::now();
    let stdout = fs::File::create(&output).unwrap();
    let mut child = command.stdout(stdout).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        // It only ever grows, and nobody tells once the process has ended.
        peak = peak.max(memory_of(child.id(), "VmHWM"));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let seconds = started.elapsed().as_secs_f64();
    // Some have no files for some targets.
    assert!(matches!(status.code(), Some(0 | 3)), "{command:?}: {status}");
    let result = serde_json::from_reader(fs::File::open(output).unwrap()).unwrap();
    Run { seconds, peak, result }
}
