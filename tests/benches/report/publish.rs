//! The section about `uv publish`.

use std::fmt::Write as _;

use super::grouped;
use crate::{Options, publish::Publish};

pub(super) fn publish(text: &mut String, publish: &Publish, options: &Options) {
    let Publish { files, bytes, taken } = publish;
    let depot = taken.first().and_then(|depot| depot.seconds.as_ref().ok());
    text.push_str(
        "| `uv publish` to | files | seconds | files/s | depot is faster by |\n|---|--:|--:|--:|--:|\n",
    );
    let mut failures = Vec::new();
    for (number, server) in taken.iter().enumerate() {
        match &server.seconds {
            Ok(seconds) => {
                let faster = depot.filter(|_| number > 0).map(|depot| format!("**{:.1}**", seconds / depot));
                let rate = grouped(*files as f64 / seconds);
                let faster = faster.unwrap_or_default();
                let _ = writeln!(text, "| {} | {files} | {seconds:.2} | {rate} | {faster} |", server.name);
            }
            Err(why) => failures.push(format!("{}: {why}", server.name)),
        }
    }
    text.push('\n');
    for failure in &failures {
        let _ = writeln!(text, "Not measured: {failure}.\n");
    }
    let _ = write!(
        text,
        "The same {files} wheels, {:.1} MB in all, are published by `uv publish` with its settings as they come to an empty server of \
         each\nkind, which may use every core as uv may. uv sends one after the other, so what counts is how long each is waited \
         for; depot\nanswers when a file, its record and the journal's line are synced. The time is that of the whole command; \
         medians of {} rounds,\nin turn. The servers are started by their own commands.\n\n",
        *bytes as f64 / 1e6,
        options.rounds
    );
}
