//! The sections about pulling through.

use std::fmt::Write as _;

use super::grouped;
use crate::{
    Options, median,
    pull::{Beside, CLOSURE, Compiled, First, LARGE, Pulled, SMALL, Way},
    save::{BYTES_PER_SECOND, ROUND_TRIP},
};

/// What depot is to need of the index's own time at most.
const AIM_FIRST: f64 = 1.15;
/// What it is to serve, of the requests that it serves of what it hosts.
const AIM_LATER: f64 = 1.0;

pub(super) fn pull(text: &mut String, pulled: &Pulled, options: &Options) {
    text.push_str("## Pulling through, first\n\n");
    first(text, &pulled.first, options);
    text.push_str("## Pulling through, later\n\n");
    match &pulled.second {
        Ok(rows) => later(text, rows, options),
        Err(why) => text.push_str(&super::skipped(why)),
    }
    text.push_str("## `uv pip compile` through depot and its neighbours\n\n");
    match &pulled.compiled {
        Ok(compiled) => compile(text, compiled, options),
        Err(why) => text.push_str(&super::skipped(why)),
    }
}

/// The median, and the range where there is one.
fn spread(numbers: impl Iterator<Item = f64>) -> String {
    let numbers: Vec<f64> = numbers.collect();
    let lowest = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = numbers.iter().copied().fold(0.0, f64::max);
    format!("**{:.2}** ({lowest:.2} to {highest:.2})", median(numbers))
}

fn first(text: &mut String, rows: &[First], options: &Options) {
    text.push_str(
        "| first pull | files | MB | from the index, s | through depot, s | depot / index | aim | first byte, ms: index | depot |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for First { name, files, bytes, rounds, waits } in rows {
        let middle = |which: fn(&(f64, f64)) -> f64| median(rounds.iter().map(which));
        let first_byte = |which: fn(&(f64, f64)) -> f64| {
            let shown = |seconds: f64| format!("{:.0}", seconds * 1e3);
            if waits.is_empty() { String::new() } else { shown(median(waits.iter().map(which))) }
        };
        let _ = writeln!(
            text,
            "| {name} | {files} | {:.1} | {:.3} | {:.3} | {} | <= {AIM_FIRST} | {} | {} |",
            *bytes as f64 / 1e6,
            middle(|round| round.0),
            middle(|round| round.1),
            spread(rounds.iter().map(|(direct, through)| through / direct)),
            first_byte(|round| round.0),
            first_byte(|round| round.1),
        );
    }
    let _ = write!(
        text,
        "\nThe index is one of the tests', and the way to it is a relay: a round trip takes {} ms, a connection takes one more, \
         and all answers\ntogether pass at {} MB/s. A depot that was just started over an empty folder stands at the near end, \
         with its settings as they come,\nand is asked at the address of all repositories; beside it the same client asks the \
         index over the same relay. In the first two rows\nthat is a plain client, which asks for a project's page and then for \
         the file, over connections that it keeps; the first byte is that of\nthe first file, from when it was asked for. The \
         tools are given a list of the {CLOSURE} wheels with their digests, no cache and an empty folder,\nand their time is that \
         of the whole command. All bytes are hashed, by us or by the tool. Client, depot, relay and index share the\ncores. Medians \
         of {} rounds, in turn.\n\n",
        ROUND_TRIP.as_millis(),
        BYTES_PER_SECOND / 1_000_000,
        options.rounds,
    );
}

fn later(text: &mut String, rows: &[Beside], options: &Options) {
    text.push_str(
        "| what depot has pulled through before | hosted, requests/s | at its own address / hosted | at the address of all / \
         hosted | aim |\n|---|--:|--:|--:|--:|\n",
    );
    for Beside { name, hosted, proxy, group } in rows {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {AIM_LATER:.1} |",
            grouped(*hosted),
            spread(proxy.iter().copied()),
            spread(group.iter().copied()),
        );
    }
    let _ = write!(
        text,
        "\nOne depot hosts projects with pages of {SMALL} and of {LARGE} files and with a small and a large wheel, and has pulled \
         others of the same\nshape through. wrk asks for each, with one thread and {} connections, in turn, {} times; figures are \
         medians, and the range of the\nratio over the rounds stands in brackets. Pages are asked for as pip asks for them, \
         without compression. What was pulled through\nmust be byte for byte what the index has, or list just that, before \
         and after.\n\n",
        crate::wrk::CONNECTIONS,
        options.rounds,
    );
}

fn compile(text: &mut String, compiled: &Compiled, options: &Options) {
    let Compiled { uv, wanted, releases, ways } = compiled;
    text.push_str(
        "| `uv pip compile` | cold, s | beside the index itself | again, s | beside the index itself |\n|---|--:|--:|--:|--:|\n",
    );
    let mut failures = Vec::new();
    for (number, Way { name, seconds, ratios, .. }) in ways.iter().enumerate() {
        match seconds {
            Ok([cold, again]) => {
                let beside = |turn: usize| match number {
                    0 => String::new(),
                    _ => spread(ratios.iter().map(|round| round[turn])),
                };
                let _ = writeln!(text, "| {name} | {cold:.2} | {} | {again:.2} | {} |", beside(0), beside(1));
            }
            Err(why) => failures.push(format!("{name}: {why}")),
        }
    }
    text.push('\n');
    for failure in &failures {
        let _ = writeln!(text, "Not measured: {failure}.\n");
    }
    let _ = write!(
        text,
        "{uv} compiles {wanted} projects, which need {releases} in all, with no cache, behind the relay of the section above; \
         the time is that of\nthe whole command. The projects are real ones as they were recorded for the tests, with the \
         metadata of all their wheels. Each server\nhas nothing the first time, and what the first compile left with it the \
         second. All must resolve alike. Medians of {} rounds, in turn;\nall processes share the cores.\n\n",
        options.rounds,
    );
    for Way { name, started, .. } in ways.iter().skip(1) {
        let _ = writeln!(text, "- {name}: {started}");
    }
    text.push('\n');
}
