//! How much was tried: what each suite of attacks and faults says of itself at the end of a run.

use std::{env, fs::File, io::Write as _, path::Path};

/// The folder that counts are left in; `.ci/test` sets it, and prints what is there at the end.
const FOLDER: &str = "DEPOT_TEST_COUNTS";

/// Says that a test tried this many of something: `counted("attack 17", "paths that climb", 1650)`. The first word is
/// what the end of a run is sorted by.
pub fn counted(of: &str, what: &str, number: u64) {
    eprintln!("{of}: {number} {what}");
    let Some(folder) = env::var_os(FOLDER) else { return };
    // Each test is a process of its own, or a thread: one line is one write, and appending keeps lines whole.
    let path = Path::new(&folder).join("counts");
    let mut file = File::options().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{of}\t{number}\t{what}\n").as_bytes()).unwrap();
}

/// Says that a test was not run, because this machine lacks what it needs: `skipped("a full disk: tmpfs cannot be
/// mounted here")`.
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
    let Some(folder) = env::var_os(FOLDER) else { return };
    let mut file =
        File::options().create(true).append(true).open(Path::new(&folder).join("skipped")).unwrap();
    file.write_all(format!("{why}\n").as_bytes()).unwrap();
}
