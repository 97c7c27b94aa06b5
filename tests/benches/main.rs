//! How fast depot serves, beside nginx serving the same bytes as static files, and how fast it takes a push.
//!
//! `.ci/bench` runs this. Options: `--write` puts the report into `docs/benchmarks.md`, `--seconds N` and `--rounds N`
//! shorten a run whose figures are not kept.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a bench talks to whoever runs it, and fails by panicking with all it knows"
)]

mod machine;
mod nginx;
mod packages;
mod push;
mod report;
mod serve;
mod wrk;

use std::{env, fs, path::Path};

use depot_tests::workspace_root;
use machine::Machine;

/// What can be set.
struct Options {
    /// Whether the report is kept.
    write: bool,
    /// How long each load lasts, in seconds.
    seconds: u32,
    /// How often each thing is measured; the median counts.
    rounds: u32,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self { write: false, seconds: 5, rounds: 3 };
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let value = arguments.next().and_then(|value| value.parse().ok());
                value.filter(|number| *number > 0).unwrap_or_else(|| panic!("{argument} wants a number"))
            };
            match argument.as_str() {
                "--write" => options.write = true,
                "--seconds" => options.seconds = number(),
                "--rounds" => options.rounds = number(),
                // Cargo says so to every bench.
                "--bench" => {}
                other => {
                    panic!("there is no option {other:?}: --write, --seconds N and --rounds N are known")
                }
            }
        }
        options
    }
}

fn main() {
    let options = Options::read(env::args().skip(1));
    // Beside the build and not in the folder for temporary files, which may lie in memory.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let room = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let machine = Machine::look(folder.path());
    let pushed = push::measure(&room("push"), &options);
    let served = serve::measure(&room("serve"), &machine, &options);
    let report = report::write(&machine, &options, &served, &pushed);
    println!("{report}");
    if options.write {
        keep(&workspace_root().join("docs/benchmarks.md"), &report);
    }
}

fn keep(path: &Path, report: &str) {
    fs::write(path, report).unwrap();
    eprintln!("written: docs/benchmarks.md");
}

/// The middle one of these numbers.
fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[middle] } else { f64::midpoint(numbers[middle - 1], numbers[middle]) }
}
