//! What the figures were measured on, as far as it bears on them, and nothing that names it.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use crate::median;

/// The machine and its tools.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) kernel: String,
    /// The load average of the last minute, before anything here began: near 0, or the figures are worth little.
    pub(crate) load: String,
    pub(crate) file_system: String,
    /// How long the disk takes to make 4 KiB durable, in milliseconds.
    pub(crate) sync_ms: f64,
    pub(crate) rustc: String,
    /// None where it is not installed.
    pub(crate) nginx: Option<String>,
    /// None where it is not installed.
    pub(crate) wrk: Option<String>,
    /// Whether servers and load can be kept on a core each.
    pub(crate) pins: bool,
}

/// The core that a process stays on.
#[derive(Clone, Copy)]
pub(crate) enum Core {
    /// The first: whichever server is being measured.
    Server,
    /// The second: what asks it.
    Load,
}

impl Machine {
    /// Looks at this machine; `folder` lies on the disk that counts.
    pub(crate) fn look(folder: &Path) -> Self {
        let unknown = || "unknown".to_owned();
        let size = field("/proc/meminfo", "MemTotal").and_then(|text| {
            let kib: u64 = text.split(' ').next()?.parse().ok()?;
            Some(format!("{:.1} GiB", kib as f64 / 1_048_576.0))
        });
        let load = fs::read_to_string("/proc/loadavg").ok();
        let load = load.and_then(|text| text.split(' ').next().map(str::to_owned));
        let kind = said("df", [OsStr::new("--output=fstype"), folder.as_os_str()]);
        Self {
            date: said("date", ["-u", "+%Y-%m-%d"]).unwrap_or_else(unknown),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(1, Into::into),
            memory: size.unwrap_or_else(unknown),
            // The version alone: what follows it names somebody's build.
            kernel: said("uname", ["-sr"])
                .map_or_else(unknown, |words| words.split('-').next().unwrap_or_default().to_owned()),
            load: load.unwrap_or_else(unknown),
            file_system: kind.and_then(|text| text.lines().last().map(str::to_owned)).unwrap_or_else(unknown),
            sync_ms: sync_ms(folder),
            rustc: said("rustc", ["--version"]).unwrap_or_else(unknown),
            nginx: said("nginx", ["-v"]).map(|text| text.replace("nginx version: nginx/", "nginx ")),
            wrk: said("wrk", ["-v"]).and_then(|text| {
                Some(text.split(" [").next()?.trim().to_owned()).filter(|version| version.starts_with("wrk"))
            }),
            pins: ["0", "1"].iter().all(|core| said("taskset", ["-c", core, "echo", "pinned"]).is_some()),
        }
    }

    /// The same machine, whose commands may run on every core.
    pub(crate) fn unpinned(&self) -> Self {
        Self { pins: false, ..self.clone() }
    }

    /// A command on this core, where that can be, with nothing in its environment that could set it.
    pub(crate) fn command(&self, core: Core, program: impl AsRef<OsStr>) -> Command {
        let mut command = if self.pins {
            let mut command = Command::new("taskset");
            command.args(["-c", if matches!(core, Core::Server) { "0" } else { "1" }]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.env_clear().stdin(Stdio::null()).env("HOME", "/dev/null").env("NO_COLOR", "1");
        if let Some(path) = env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }
}

/// The first words a program says, on whichever stream; none if it does not start or says nothing.
fn said<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    // wrk ends with 1 after telling its version.
    (!text.is_empty() && (output.status.success() || program == "wrk")).then_some(text)
}

/// The value of the first line `name : value` of a file.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn sync_ms(folder: &Path) -> f64 {
    let path = folder.join("sync");
    let mut file = File::create(&path).unwrap();
    let times: Vec<f64> = (0..100)
        .map(|_| {
            let started = Instant::now();
            file.write_all(&[1; 4096]).unwrap();
            file.sync_data().unwrap();
            started.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    fs::remove_file(path).unwrap();
    median(times)
}
