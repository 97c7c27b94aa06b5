//! Faults of the disk, the machine and the client, brought about at every step of an upload in the real command: what
//! was acknowledged is there, nothing is there in part, and the server goes on as soon as it can.
//!
//! The faults come from `tests/faults/shim.c`, which stands between the server and the C library. Each suite ends with
//! the same check ([`world`]).

mod client;
mod clock;
mod deletion;
mod descriptors;
mod disk;
mod drain;
mod kill;
mod memory;
mod mounts;
mod power;
mod reads;
mod shim;
mod steps;
mod world;

/// Says what was tried, to whoever looks into a run.
#[allow(clippy::print_stderr, reason = "a failed run is looked into")]
fn say(words: impl std::fmt::Display) {
    eprintln!("{words}");
}
