//! The report: `docs/benchmarks.md`, whole.

mod more;
mod publish;
mod pull;
mod save;

use std::fmt::Write as _;

use crate::{
    Measured, Options,
    machine::Machine,
    median,
    push::Pushed,
    serve::{Row, Served},
    wrk::CONNECTIONS,
};

/// What depot is to reach beside devpi, for each wheel.
const AIM_PUSH: f64 = 100.0;

/// The report as Markdown. What was not asked for is not in it.
pub(crate) fn write(machine: &Machine, options: &Options, measured: &Measured) -> String {
    let mut text = String::from(
        "# Benchmarks\n\n`.ci/bench --write` writes this page; `make bench` measures and prints it. No figure here is a \
         gate.\nWhat counts is the ratio: both sides run on the same machine, in turn, within the same minutes.\n\n",
    );
    machine_list(&mut text, machine);
    if let Some(served) = &measured.served {
        text.push_str("## Serving, beside nginx\n\n");
        match served {
            Ok(served) => table(&mut text, served),
            Err(why) => text.push_str(&skipped(why)),
        }
        how_served(&mut text, machine, options);
    }
    if let Some(beside) = &measured.beside {
        text.push_str("## Serving, beside Python servers\n\n");
        match beside {
            Ok(beside) => more::servers(&mut text, beside, machine, options),
            Err(why) => text.push_str(&skipped(why)),
        }
    }
    if let Some(pushed) = &measured.push {
        push(&mut text, options, pushed, machine);
    }
    if let Some(publish) = &measured.publish {
        text.push_str("## Publishing, beside Python servers\n\n");
        match publish {
            Ok(publish) => publish::publish(&mut text, publish, options),
            Err(why) => text.push_str(&skipped(why)),
        }
    }
    if let Some(saved) = &measured.save {
        text.push_str("## Save, beside pip\n\n");
        save::save(&mut text, saved, options);
    }
    if let Some(universal) = &measured.universal {
        text.push_str("## Save for all targets\n\n");
        save::universal(&mut text, universal, options);
    }
    if let Some(pulled) = &measured.pull {
        pull::pull(&mut text, pulled, options);
    }
    if let Some(memory) = &measured.memory {
        text.push_str("## Memory for one large file\n\n");
        more::memory(&mut text, memory);
    }
    if let Some(scale) = &measured.scale {
        text.push_str("## A large repository\n\n");
        more::scale(&mut text, scale, options);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn skipped(why: &str) -> String {
    format!("Not measured: {why}.\n\n")
}

fn machine_list(text: &mut String, machine: &Machine) {
    let absent = || "not installed".to_owned();
    let Machine { date, processor, cores, memory, kernel, load, file_system, sync_ms, rustc, .. } = machine;
    let nginx = machine.nginx.clone().unwrap_or_else(absent);
    let wrk = machine.wrk.clone().unwrap_or_else(absent);
    let _ = write!(
        text,
        "- measured on {date} (UTC), release build; the load average before was {load}\n- {cores} cores ({processor}), {memory} of memory\n- {kernel}; \
         {file_system}, where making 4 KiB durable takes {sync_ms:.2} ms\n- {rustc}\n- {nginx}; {wrk}\n\n"
    );
}

fn table(text: &mut String, served: &Served) {
    text.push_str(
        "| what | bytes | depot, requests/s | nginx, requests/s | depot, MB/s | nginx, MB/s | depot / nginx | aim |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in &served.rows {
        let Row { name, body_len, depot, nginx, ratios, aim } = row;
        let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = ratios.iter().copied().fold(0.0, f64::max);
        let ratio = median(ratios.iter().copied());
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | **{ratio:.2}** ({lowest:.2} to {highest:.2}) | {aim:.1} |",
            grouped(*body_len as f64),
            grouped(depot.requests),
            grouped(nginx.requests),
            grouped(depot.megabytes),
            grouped(nginx.megabytes),
        );
    }
    text.push('\n');
    for skipped in &served.skipped {
        let _ = writeln!(text, "Not measured: {skipped}.\n");
    }
}

fn how_served(text: &mut String, machine: &Machine, options: &Options) {
    let Options { seconds, rounds, .. } = options;
    let cores = if machine.pins {
        "The server that is asked has one core to itself and wrk another."
    } else {
        "The servers and wrk share the cores: they could not be kept on one each."
    };
    let _ = write!(
        text,
        "A depot-server with its settings as they come is filled by `depot python push`. What it then answers is saved \
         byte for byte\nand served by nginx as static files: one worker, sendfile, gzip_static, no access log, ETags, \
         connections kept, files kept open. wrk asks\nfor each over loopback with one thread and {CONNECTIONS} connections, \
         {seconds} seconds of depot, then {seconds} seconds of nginx, {rounds} times; figures are\nmedians, and the \
         range of the ratio over the rounds stands in brackets. {cores}\nPages are asked for with `Accept: text/html` \
         for HTML and with what pip sends for JSON; where gzip is said they are\nasked for with `Accept-Encoding: gzip`, \
         and nginx has depot's own gzip as a file. For 304 each is asked with the ETag it gave.\nA run fails if any \
         answer is an error, if fewer or more bytes came than the answers must have had, or if either server\nanswers \
         with other bytes than depot did at first. The ratio is of requests a second, for the wheel of 50 MB of bytes a \
         second;\nMB/s counts millions of bytes, headers included. Over loopback sendfile spares the server one of two \
         copies; on a network card it\nspares the only one.\n\n"
    );
}

fn push(text: &mut String, options: &Options, pushed: &Pushed, machine: &Machine) {
    let Pushed { amount, projects, first, first_range: (shortest, longest), again, devpi } = pushed;
    let files = grouped(amount.files as f64);
    let _ = write!(
        text,
        "## Push\n\n| what | files | seconds | files/s |\n|---|--:|--:|--:|\n| push to an empty server, each file \
         durable | {files} | {first:.2} ({shortest:.2} to {longest:.2}) | **{}** |\n| the same push again, nothing to \
         send | {files} | {again:.3} | {} |\n",
        grouped(amount.files as f64 / first),
        grouped(amount.files as f64 / again),
    );
    match devpi {
        Ok((wheels, seconds)) => {
            let (rate, depots) = (*wheels as f64 / seconds, amount.files as f64 / first);
            let _ = write!(
                text,
                "| `uv publish` to devpi-server | {wheels} | {seconds:.1} | {} |\n\nFor each wheel depot is **{}** times as \
                 fast; the aim is {AIM_PUSH:.0}.\n\n",
                grouped(rate),
                grouped(depots / rate),
            );
        }
        Err(why) => {
            let _ = write!(text, "\nNot measured beside devpi: {why}.\n\n");
        }
    }
    let _ = write!(
        text,
        "A saved tree of {files} wheels in {projects} projects, {:.1} KB each on average and {:.1} MB in all, is pushed \
         by `depot python push`\nwith its settings as they come to a depot-server that was just started over an empty \
         folder. The time is that of the whole command,\nfrom its start to its end; both share the {} cores. The \
         server answers for a file when its bytes, its record and the journal's line\nare synced. Medians of {} rounds, \
         each with a fresh server; every file must be counted as sent the first time, and as there already\nthe \
         second. devpi-server and uv are pinned in `tests/benches/servers.txt` and run with their settings as they come, on \
         all cores;\ndevpi is given the first wheels of the same tree.\n\n",
        amount.bytes as f64 / amount.files as f64 / 1e3,
        amount.bytes as f64 / 1e6,
        machine.cores,
        options.rounds,
    );
}

/// A number without decimals from 100 on and where it is none, with its thousands apart.
fn grouped(number: f64) -> String {
    if number > 0.0 && number < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
