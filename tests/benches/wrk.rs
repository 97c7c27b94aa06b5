//! Load from wrk: one thread, always the same request.

use std::{fs, path::Path};

use depot_tests::run;

use crate::{
    ask::Headers,
    machine::{Core, Machine},
};

/// Connections that are open, each with one request under way.
pub(crate) const CONNECTIONS: u32 = 32;

/// More than the head of any answer here has, in bytes.
const HEAD: f64 = 1500.0;

/// wrk calls this once at its end, so it costs the load nothing.
const SCRIPT: &str = r#"
function done(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.timeout
    io.write(string.format("bench: %.0f %.0f %.0f %.0f %.0f\n",
        summary.requests, summary.bytes, summary.duration, errors.status, failed))
end
"#;

/// What came back.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Whole responses a second.
    pub(crate) requests: f64,
    /// A second, in millions, with the headers.
    pub(crate) megabytes: f64,
}

/// Asks for `url` for so many seconds.
///
/// # Errors
///
/// An answer was an error, or what came is not as many bodies of `body_len` bytes and a head of some hundred each: then
/// it was something else that was measured.
pub(crate) fn load(
    folder: &Path,
    machine: &Machine,
    url: &str,
    headers: &Headers,
    body_len: usize,
    seconds: u32,
) -> Result<Load, String> {
    let script = folder.join("done.lua");
    fs::write(&script, SCRIPT).unwrap();
    let mut command = machine.command(Core::Load, "wrk");
    command.args(["--threads", "1", "--timeout", "30s"]);
    command.args(["--connections", &CONNECTIONS.to_string(), "--duration", &format!("{seconds}s")]);
    command.arg("--script").arg(script);
    for (name, value) in headers {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    let output = run(command.arg(url)).assert_success().stdout;
    let line = output.lines().find_map(|line| line.strip_prefix("bench: "));
    let line = line.ok_or_else(|| format!("wrk did not sum up\n{url}: {output}"))?;
    let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
    let [requests, bytes, micros, refused, failed] = numbers[..] else { panic!("wrk said {line:?}") };
    if requests <= 0.0 || refused > 0.0 || failed > 0.0 {
        return Err(format!("it was not served well\n{url}: {output}"));
    }
    // wrk counts errors from 400 on; a redirect, or a page where 304 was due, shows in the bytes. It also counts those
    // of answers that were still coming when it stopped, one for each connection at most.
    let each = bytes / requests;
    let under_way = f64::from(CONNECTIONS) * (body_len as f64 + HEAD) / requests;
    if each < body_len as f64 || each > body_len as f64 + HEAD + under_way {
        return Err(format!(
            "it was answered with {each:.0} bytes each, not {body_len} and a head\n{url}: {output}"
        ));
    }
    let seconds = micros / 1e6;
    Ok(Load { requests: requests / seconds, megabytes: bytes / seconds / 1e6 })
}
