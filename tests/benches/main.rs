//! How fast depot serves, beside nginx serving the same bytes as static files and beside the Python servers that people
//! use; how fast it takes a push, beside devpi, saves, beside pip, and is pulled through, beside the index behind it; and
//! what a large file and a large repository cost it.
//!
//! `.ci/bench` runs this. Options: `--write` puts the report into `docs/benchmarks.md`; `--seconds N` and `--rounds N`
//! shorten a run whose figures are not kept; `--only pages,files,push,publish,save,universal,pull,servers,memory,scale` runs parts; `--scale-dir DIR` is
//! where the large repository is kept between runs.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a bench talks to whoever runs it, and fails by panicking with all it knows"
)]

mod ask;
mod machine;
mod memory;
mod nginx;
mod packages;
mod process;
mod publish;
mod pull;
mod push;
mod report;
mod save;
mod scale;
mod serve;
mod servers;
mod universal;
mod wrk;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use depot_tests::workspace_root;
use machine::Machine;

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Pages,
    Files,
    Servers,
    Push,
    Publish,
    Save,
    Universal,
    Pull,
    Memory,
    Scale,
}

impl Part {
    const ALL: [(&'static str, Self); 10] = [
        ("pages", Self::Pages),
        ("files", Self::Files),
        ("servers", Self::Servers),
        ("push", Self::Push),
        ("publish", Self::Publish),
        ("save", Self::Save),
        ("universal", Self::Universal),
        ("pull", Self::Pull),
        ("memory", Self::Memory),
        ("scale", Self::Scale),
    ];

    fn read(name: &str) -> Self {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found
            .unwrap_or_else(|| {
                panic!(
                    "there is no part {name:?}: pages, files, servers, push, publish, save, universal, pull, memory and scale are known"
                )
            })
            .1
    }
}

/// What can be set.
struct Options {
    /// Whether the report is kept.
    write: bool,
    /// How long each load lasts, in seconds.
    seconds: u32,
    /// How often each thing is measured; the median counts.
    rounds: u32,
    /// What is measured.
    parts: Vec<Part>,
    /// Where the large repository is.
    scale_dir: PathBuf,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            write: false,
            seconds: 5,
            rounds: 3,
            parts: Part::ALL.map(|(_, part)| part).to_vec(),
            scale_dir: Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("scale"),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} wants a value"));
            let number = |value: String| {
                let number = value.parse().ok().filter(|number| *number > 0);
                number.unwrap_or_else(|| panic!("{value:?} is no number above 0"))
            };
            match argument.as_str() {
                "--write" => options.write = true,
                "--seconds" => options.seconds = number(value()),
                "--rounds" => options.rounds = number(value()),
                "--only" => options.parts = value().split(',').map(Part::read).collect(),
                "--scale-dir" => options.scale_dir = value().into(),
                // Cargo says so to every bench.
                "--bench" => {}
                other => panic!(
                    "there is no option {other:?}: --write, --seconds N, --rounds N, --only PART,... and --scale-dir DIR are known"
                ),
            }
        }
        assert!(
            !options.write || options.parts.len() == Part::ALL.len(),
            "--write keeps a whole report: leave --only out"
        );
        options
    }

    fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}

/// What was measured; none for what was not asked for.
struct Measured {
    push: Option<push::Pushed>,
    publish: Option<Result<publish::Publish, String>>,
    save: Option<save::Saved>,
    universal: Option<universal::Universal>,
    pull: Option<pull::Pulled>,
    served: Option<Result<serve::Served, String>>,
    beside: Option<Result<servers::Beside, String>>,
    memory: Option<memory::Memory>,
    scale: Option<scale::Scale>,
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
    let measured = Measured {
        push: options.wants(Part::Push).then(|| push::measure(&room("push"), &machine, &options)),
        publish: options.wants(Part::Publish).then(|| publish::measure(&room("publish"), &machine, &options)),
        save: options.wants(Part::Save).then(|| save::measure(&room("save"), &machine, &options)),
        universal: options.wants(Part::Universal).then(|| universal::measure(&room("universal"), &options)),
        pull: options.wants(Part::Pull).then(|| pull::measure(&room("pull"), &machine, &options)),
        served: (options.wants(Part::Pages) || options.wants(Part::Files))
            .then(|| serve::measure(&room("serve"), &machine, &options)),
        beside: options.wants(Part::Servers).then(|| servers::measure(&room("servers"), &machine, &options)),
        memory: options.wants(Part::Memory).then(|| memory::measure(&room("memory"))),
        scale: options
            .wants(Part::Scale)
            .then(|| scale::measure(&options.scale_dir, &room("scale"), &machine, &options)),
    };
    let report = report::write(&machine, &options, &measured);
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
