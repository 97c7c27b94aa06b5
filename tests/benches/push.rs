//! How long `depot python push` takes, from its start to its end.

use std::{fs, path::Path, time::Instant};

use depot_tests::ServerProcess;

use crate::{
    Options,
    machine::Machine,
    median,
    packages::{self, Amount, Counts},
    servers::{Devpi, Venv, paths},
};

const PROJECTS: usize = 100;
const RELEASES: usize = 14;
/// How many of the wheels devpi is given: all would take it minutes.
const FOR_DEVPI: usize = 200;

/// The median times, in seconds.
pub(crate) struct Pushed {
    pub(crate) amount: Amount,
    pub(crate) projects: usize,
    /// To a server that has nothing.
    pub(crate) first: f64,
    /// The shortest and the longest of them.
    pub(crate) first_range: (f64, f64),
    /// To a server that has everything.
    pub(crate) again: f64,
    /// To devpi-server, by `uv publish`: how many wheels, and the seconds; or why not.
    pub(crate) devpi: Result<(usize, f64), String>,
}

/// Pushes the same tree to a fresh server in each round, and once more.
pub(crate) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Pushed {
    let tree = folder.join("tree");
    let amount = (0..PROJECTS).fold(Amount::default(), |sum, number| {
        // 2,000 to 7,600 bytes, in no order; what a wheel is beside them makes it 3 to 9 KB.
        let size = |release: usize| 2000 + (number * 7919 + release * 104_729) % 5600;
        let one = packages::save_project(&tree, &format!("package-{number:03}"), RELEASES, size);
        Amount { files: sum.files + one.files, bytes: sum.bytes + one.bytes }
    });
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        let data_dir = folder.join("data");
        let server = ServerProcess::start(&data_dir, ["--host", "127.0.0.1"]);
        let files = amount.files as u64;
        first.push(timed(|| packages::push(&tree, &server), &Counts { sent: files, present: 0 }));
        again.push(timed(|| packages::push(&tree, &server), &Counts { sent: 0, present: files }));
        eprintln!(
            "push, round {round}: {:.2} s, then {:.3} s",
            first[first.len() - 1],
            again[again.len() - 1]
        );
        assert!(server.terminate().success());
        fs::remove_dir_all(data_dir).unwrap();
    }
    let devpi = to_devpi(folder, &tree, machine);
    let shortest = first.iter().copied().fold(f64::INFINITY, f64::min);
    let longest = first.iter().copied().fold(0.0, f64::max);
    Pushed {
        amount,
        projects: PROJECTS,
        first: median(first),
        first_range: (shortest, longest),
        again: median(again),
        devpi,
    }
}

/// Both sides may use every core, as the server and the command of depot may.
fn to_devpi(folder: &Path, tree: &Path, machine: &Machine) -> Result<(usize, f64), String> {
    let (venv, machine) = (Venv::find()?, machine.unpinned());
    let home = folder.join("devpi");
    fs::create_dir(&home).unwrap();
    let devpi = Devpi::start(&home, &machine, &venv)?;
    let mut wheels = paths(&tree.join("files"));
    wheels.truncate(FOR_DEVPI);
    let started = Instant::now();
    devpi.publish(&machine, &venv, &wheels)?;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("push to devpi: {} wheels in {seconds:.1} s", wheels.len());
    Ok((wheels.len(), seconds))
}

fn timed(push: impl FnOnce() -> Counts, expected: &Counts) -> f64 {
    let started = Instant::now();
    let counts = push();
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(counts, *expected);
    seconds
}
