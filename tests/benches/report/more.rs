//! The sections about the Python servers, a large file and a large repository.

use std::fmt::Write as _;

use super::grouped;
use crate::{Options, machine::Machine, memory::Memory, scale::Scale, servers::Beside, wrk::CONNECTIONS};

/// What depot is to reach beside the best of the Python servers.
const AIM_BESIDE: f64 = 40.0;
const AIM_GROWTH_MIB: f64 = 32.0;
const AIM_READY: f64 = 3.0;
const AIM_ROOT_MS: f64 = 50.0;
const AIM_PEAK_MIB: f64 = 400.0;

pub(super) fn servers(text: &mut String, beside: &Beside, machine: &Machine, options: &Options) {
    text.push_str("| requests/s |");
    for server in &beside.servers {
        let _ = write!(text, " {} |", server.name);
    }
    text.push_str(" depot / the best of them | aim |\n|---|");
    text.push_str(&"--:|".repeat(beside.servers.len() + 2));
    text.push('\n');
    let mut failures = Vec::new();
    for (number, page) in Beside::pages().iter().enumerate() {
        let _ = write!(text, "| {page} |");
        for server in &beside.servers {
            match &server.pages[number] {
                Ok(requests) => {
                    let _ = write!(text, " {} |", grouped(*requests));
                }
                Err(why) => {
                    text.push_str(" - |");
                    // The first line: what follows is the whole output of something.
                    let failure = format!("{}: {}", server.name, why.lines().next().unwrap_or_default());
                    if !failures.contains(&failure) {
                        failures.push(failure);
                    }
                }
            }
        }
        let mut rates =
            beside.servers.iter().map(|server| server.pages[number].as_ref().copied().unwrap_or(0.0));
        let depot = rates.next().unwrap_or_default();
        let best = rates.fold(0.0, f64::max);
        if best > 0.0 {
            let _ = writeln!(text, " **{}** | {AIM_BESIDE:.0} |", grouped(depot / best));
        } else {
            let _ = writeln!(text, " - | {AIM_BESIDE:.0} |");
        }
    }
    text.push('\n');
    for failure in &failures {
        let _ = writeln!(text, "- {failure}");
    }
    if !failures.is_empty() {
        text.push('\n');
    }
    let cores = if machine.pins {
        "Each has one core to itself while it is asked, and wrk the other"
    } else {
        "They and wrk share the cores"
    };
    let _ = writeln!(
        text,
        "Each server has the same 503 wheels, and is started as its documentation says, in the fastest way that was \
         found there. {cores}:\none thread, {CONNECTIONS} connections, {} seconds for each figure, without compression. \
         A page counts only if it lists every file.\n",
        options.seconds
    );
    for server in &beside.servers {
        let _ = writeln!(text, "- {}: {}", server.name, server.started);
    }
    text.push('\n');
}

pub(super) fn memory(text: &mut String, memory: &Memory) {
    let Memory { size, before, uploaded, downloaded, upload_seconds, download_seconds } = memory;
    let mib = |kib: u64| kib as f64 / 1024.0;
    let rate = |seconds: &f64| grouped(*size as f64 / 1e6 / seconds);
    let row = |what: &str, seconds: &f64, peak: &u64, since: &u64| {
        format!(
            "| {what} | {} | {seconds:.1} | {} | {:.1} | **{:.1}** | < {AIM_GROWTH_MIB:.0} |\n",
            grouped(*size as f64),
            rate(seconds),
            mib(*peak),
            mib(peak.saturating_sub(*since)),
        )
    };
    text.push_str(
        "| what | bytes | seconds | MB/s | peak, MiB | growth, MiB | aim |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    text.push_str(&row("upload by `depot python push`", upload_seconds, uploaded, before));
    text.push_str(&row("download", download_seconds, downloaded, uploaded));
    text.push_str(
        "\nOne wheel of random bytes. The peak is the most memory (VmHWM) that the server ever had; the growth of the upload is \
         counted\nfrom the peak after a push of three small wheels. The upload's time is that of the whole command, which \
         hashes the file first.\nWhat comes back is hashed and must be what was sent.\n\n",
    );
}

pub(super) fn scale(text: &mut String, scale: &Scale, options: &Options) {
    let mib = |kib: u64| kib as f64 / 1024.0;
    let _ = write!(
        text,
        "{} projects, {} files in {} releases.\n\n",
        grouped(scale.projects as f64),
        grouped(scale.files as f64),
        grouped(scale.files as f64 / 2.0)
    );
    text.push_str("| what | measured | aim |\n|---|--:|--:|\n");
    let _ = write!(
        text,
        "| start until ready, the store's files not in memory | **{:.2} s** | < {AIM_READY:.0} s |\n| the same with the files in \
         memory | {:.2} s | |\n| first start: the store built from the tree | {:.0} s | |\n| `depot-server reindex` of a running \
         server | {:.0} s | |\n| memory after a start and all pages below: now | {:.0} MiB | |\n| the same, peak | **{:.0} MiB** | < \
         {AIM_PEAK_MIB:.0} MiB |\n| memory while the store was built, peak | {:.0} MiB | |\n| the store on disk | {:.0} MiB | |\n\n",
        scale.cold,
        scale.warm,
        scale.built,
        scale.reindex,
        mib(scale.resident),
        mib(scale.peak),
        mib(scale.peak_built),
        scale.store as f64 / 1_048_576.0,
    );
    text.push_str("| page | bytes | first, ms | later, ms | after one new project, ms | aim for the root page, ms |\n|---|--:|--:|--:|--:|--:|\n");
    for page in &scale.pages {
        let ms = |seconds: f64| format!("{:.1}", seconds * 1e3);
        let changed = page.changed.map(ms).unwrap_or_default();
        let aim = page.changed.map(|_| format!("< {AIM_ROOT_MS:.0}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {changed} | {aim} |",
            page.name,
            grouped(page.size as f64),
            ms(page.first),
            ms(page.later)
        );
    }
    let _ = write!(
        text,
        "\nA generator writes the tree: every project has five releases with a wheel and an sdist each, with records as long as those \
         of\nmirrored files; the bytes of a project's files are alike and tiny. Starts are medians of {}; before the first kind \
         the store's files\nare dropped from the system's memory. Times of pages are from before the connection to the last byte, \
         over loopback; later ones are\nmedians of nine. Each form is asked for first in the order of the table, and may use what \
         was made for those before it.\n\n",
        options.rounds
    );
}
