//! What it costs to pull from an index that is far through a depot that has nothing yet, beside asking the index itself;
//! what it costs once depot has it, beside what it hosts; and a cold `uv pip compile` through depot and its neighbours.

mod client;
mod compile;
mod first;
mod second;

use std::path::Path;

use depot_tests::{FakeIndex, Line, ServerProcess};

pub(crate) use self::{
    compile::{Compiled, Way},
    first::{CLOSURE, First},
    second::{Beside, LARGE, SMALL},
};
use crate::{
    Options,
    machine::Machine,
    save::{BYTES_PER_SECOND, ROUND_TRIP},
};

/// What was measured.
pub(crate) struct Pulled {
    /// First pulls, a row for each kind.
    pub(crate) first: Vec<First>,
    /// Later ones, or why there are none.
    pub(crate) second: Result<Vec<Beside>, String>,
    /// `uv pip compile`, or why there is none.
    pub(crate) compiled: Result<Compiled, String>,
}

pub(crate) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Pulled {
    Pulled {
        first: first::measure(folder, machine, options),
        second: second::measure(folder, machine, options),
        compiled: compile::measure(folder, machine, options),
    }
}

/// The origin of an index at the other end of a long line.
fn far(index: &FakeIndex) -> String {
    format!("http://{}", Line::start(index.address(), ROUND_TRIP, BYTES_PER_SECOND).address())
}

/// A depot with nothing in it that pulls through the index at this origin, with its settings as they come.
fn depot(folder: &Path, origin: &str) -> ServerProcess {
    ServerProcess::start(folder, ["--host", "127.0.0.1", "--upstream", &format!("{origin}/simple/")])
}
