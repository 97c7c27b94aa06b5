//! Killed at any moment: what was acknowledged is there, nothing is there in part, and what was not acknowledged
//! completes when it is done again.

pub(crate) mod journal;
mod ledger;
mod load;
mod push;
mod save;
mod server;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Starts a command, kills it after this time unless it has ended, and says whether it was killed.
fn run_and_kill(command: &mut Command, after: Duration) -> bool {
    let mut child: Child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(after);
    let alive = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    alive
}

/// What lies in a tree's `tmp/` that belongs to an upload or a download: anything but locks and the memory of what
/// was read.
fn left_in_tmp(tree: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(tree.join("tmp")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "linking.lock" && name != "verified.json").collect()
}
