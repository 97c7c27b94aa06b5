//! Load from wrk: one thread, always the same request.

use std::{fs, path::Path};

use depot_tests::run;

use crate::machine::{Core, Machine};

/// Connections that are open, each with one request under way.
pub(crate) const CONNECTIONS: u32 = 32;

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

/// Asks for `url` for so many seconds. Panics if any answer was an error, or if what came is less than as many bodies
/// of `body_len` bytes: then it was something else that was measured.
pub(crate) fn load(
    folder: &Path,
    machine: &Machine,
    url: &str,
    accept: Option<&str>,
    body_len: usize,
    seconds: u32,
) -> Load {
    let script = folder.join("done.lua");
    fs::write(&script, SCRIPT).unwrap();
    let mut command = machine.command(Core::Load, "wrk");
    command.args(["--threads", "1", "--timeout", "30s"]);
    command.args(["--connections", &CONNECTIONS.to_string(), "--duration", &format!("{seconds}s")]);
    command.arg("--script").arg(script);
    if let Some(accept) = accept {
        command.args(["--header", &format!("Accept: {accept}")]);
    }
    let output = run(command.arg(url)).assert_success().stdout;
    let line = output.lines().find_map(|line| line.strip_prefix("bench: "));
    let line = line.unwrap_or_else(|| panic!("wrk did not sum up:\n{output}"));
    let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
    let [requests, bytes, micros, refused, failed] = numbers[..] else { panic!("wrk said {line:?}") };
    assert!(requests > 0.0 && refused == 0.0 && failed == 0.0, "{url} was not served well:\n{output}");
    // wrk counts errors from 400 on; that a redirect is no answer shows in the bytes.
    assert!(
        bytes >= requests * body_len as f64,
        "{url} was answered with less than its {body_len} bytes:\n{output}"
    );
    let seconds = micros / 1e6;
    Load { requests: requests / seconds, megabytes: bytes / seconds / 1e6 }
}
