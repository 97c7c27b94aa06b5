//! The section about saving.

use std::fmt::Write as _;

use super::grouped;
use crate::{
    Options, median,
    save::{AGAIN, BYTES_PER_SECOND, MANY, ROUND_TRIP, SET, Saved},
    universal::Universal,
};

/// What depot is to need of pip's time.
const AIM_SAVE: f64 = 0.4;
const AIM_AGAIN: f64 = 1.0;
const AIM_PEAK_MIB: f64 = 200.0;

pub(super) fn save(text: &mut String, saved: &Saved, options: &Options) {
    let Saved { amount, depot, pip, again, peak, many, many_seconds } = saved;
    let time = |times: &[f64]| {
        let shortest = times.iter().copied().fold(f64::INFINITY, f64::min);
        let longest = times.iter().copied().fold(0.0, f64::max);
        format!("{:.2} ({shortest:.2} to {longest:.2})", median(times.iter().copied()))
    };
    text.push_str("| what | files | MB | seconds | aim |\n|---|--:|--:|--:|--:|\n");
    let megabytes = amount.bytes as f64 / 1e6;
    let _ = writeln!(text, "| `depot python save` | {SET} | {megabytes:.1} | {} | |", time(depot));
    if let Ok((version, times)) = pip {
        let row = format!("| `pip download`, {version} | {SET} | {megabytes:.1} | {} | |", time(times));
        let ratios = depot.iter().zip(times).map(|(depot, pip)| depot / pip);
        let ratio = median(ratios);
        let _ = writeln!(text, "{row}\n| depot / pip | | | **{ratio:.2}** | <= {AIM_SAVE} |");
    }
    let _ = write!(
        text,
        "| the same verb again, nothing to save | {AGAIN} | | **{again:.2}** | < {AIM_AGAIN:.0} |\n| a save of many files | \
         {} | {:.1} | {many_seconds:.2} | |\n\nThe save of {} files had **{:.0} MiB** of memory at most; the aim is < \
         {AIM_PEAK_MIB:.0}.\n\n",
        grouped(MANY as f64),
        many.bytes as f64 / 1e6,
        grouped(MANY as f64),
        *peak as f64 / 1024.0,
    );
    if let Err(why) = pip {
        let _ = write!(text, "Not measured beside pip: {why}.\n\n");
    }
    let _ = write!(
        text,
        "The index is one of the tests', and the way to it is a relay: a round trip takes {} ms, a connection takes one more, \
         and all answers\ntogether pass at {} MB/s; the {} files are asked for without it. What is saved is a list that pins \
         every version, of projects that\nneed each other, one wheel each. Both follow what the wheels require, have no cache and \
         an empty folder each time, and may use every\ncore; the index runs on the same ones. Times are those of the whole \
         command; medians of {} rounds, in turn. The memory is the most (VmHWM)\nthat the process ever had.\n\n",
        ROUND_TRIP.as_millis(),
        BYTES_PER_SECOND / 1_000_000,
        grouped(MANY as f64),
        options.rounds,
    );
}

pub(super) fn universal(text: &mut String, universal: &Universal, options: &Options) {
    let Universal { wanted, targets, files, releases, failed, near, far, again, peak } = universal;
    let _ = write!(
        text,
        "| `depot python save --universal` | seconds |\n|---|--:|\n| from an index that is near | {near:.2} |\n| from one that is \
         far | {far:.2} |\n| again, from there, nothing to save | {again:.2} |\n\nThat is {wanted} projects for {targets} targets: \
         {releases} releases, {} files, and {failed} that some target has nothing of. It had **{:.0} MiB** of memory at most.\n\n\
         The projects are real ones as they were recorded for the tests, with all their wheels and what those require; the files \
         themselves are\nsmall, so this is the time of choosing and asking, and not of bytes. What is far is {} ms away, behind \
         the relay of the section above.\nMedians of {} rounds, each into an empty folder.\n\n",
        grouped(*files as f64),
        *peak as f64 / 1024.0,
        ROUND_TRIP.as_millis(),
        options.rounds,
    );
}
