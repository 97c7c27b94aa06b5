//! The Python on PATH, and what it says of this machine.

use std::{
    env,
    io::Read as _,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use depot_proto::{Arch, Implementation, Interpreter, Platform, PythonVersion, System};
use serde::Deserialize;

use super::pythons::Python;

/// How long a Python has to say what it is. A cold start from a slow disk takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// More than it has to say.
const MOST: u64 = 64 * 1024;

/// By what names a Python is looked for on PATH, in this order.
const PROGRAMS: &[&str] = if cfg!(windows) { &["python", "py"] } else { &["python3", "python"] };

/// What is run. It knows any Python 3, prints one line, and on macOS is not told an old version for old times' sake.
const SCRIPT: &str = include_str!("host.py");

/// What was found on PATH.
#[derive(Debug)]
pub(super) struct Found {
    /// The name of the program, if one is usable.
    pub(super) program: Option<String>,
    /// What it is.
    pub(super) host: Option<Host>,
    /// Why one that is there is not usable, as the end of a sentence; empty if none is there.
    pub(super) note: String,
}

/// A Python, and the machine it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) python: Python,
    pub(super) platform: Platform,
}

/// What a Python says of itself.
#[derive(Debug, Deserialize)]
struct Said {
    implementation: String,
    major: u8,
    minor: u8,
    full_version: String,
    free_threaded: bool,
    /// As in `sysconfig.get_platform()`: `linux-x86_64`, `win-amd64`, `macosx-11.0-arm64`.
    platform: String,
    /// What `uname -m` says.
    machine: String,
    bits: u8,
    glibc: Option<(u16, u16)>,
    musl: Option<(u16, u16)>,
    macos: Option<(u16, u16)>,
}

/// Asks the first Python on PATH that answers.
pub(super) fn find() -> Found {
    let mut note = String::new();
    for program in PROGRAMS {
        match ask(program) {
            Ok(host) => return Found { program: Some((*program).to_owned()), host: Some(host), note },
            Err(Some(reason)) if note.is_empty() => note = format!(" (the {program} there {reason})"),
            Err(_) => {}
        }
    }
    Found { program: None, host: None, note }
}

/// What a program says of itself; why it does not, unless there is none.
fn ask(program: &str) -> Result<Host, Option<String>> {
    let mut command = Command::new(program);
    command.args(["-I", "-S", "-c", SCRIPT]).env("SYSTEM_VERSION_COMPAT", "0");
    let output = run(command, PATIENCE)?;
    let said: Said = serde_json::from_slice(&output)
        .map_err(|_| Some("does not say what it is: it is no Python 3".to_owned()))?;
    understand(&said).map_err(Some)
}

/// Runs a command and takes what it prints. One that takes longer than `patience` is ended.
fn run(mut command: Command, patience: Duration) -> Result<Vec<u8>, Option<String>> {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(|error| {
        (error.kind() != std::io::ErrorKind::NotFound).then(|| format!("cannot be run: {error}"))
    })?;
    let Some(mut stdout) = child.stdout.take() else { return Err(end(&mut child)) };
    let (sender, receiver) = mpsc::channel();
    // It ends when the program does, or soon after it is killed.
    thread::spawn(move || {
        let mut output = Vec::new();
        let read = stdout.by_ref().take(MOST).read_to_end(&mut output);
        let _ = sender.send(read.map(|_| output));
    });
    let output = receiver.recv_timeout(patience);
    end(&mut child);
    match output {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(Some(format!("cannot be read: {error}"))),
        Err(_) => Err(Some(format!("does not answer within {} seconds", patience.as_secs()))),
    }
}

/// Leaves no process behind.
fn end(child: &mut Child) -> Option<String> {
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// What a Python that says this is a target of.
fn understand(said: &Said) -> Result<Host, String> {
    let implementation = match said.implementation.as_str() {
        "cpython" => Implementation::CPython,
        "pypy" => Implementation::PyPy,
        other => return Err(format!("is `{other}`, for which depot knows no tags")),
    };
    let version = PythonVersion::new(said.major, said.minor);
    let full_version =
        said.full_version.parse().map_err(|_| "has a version that cannot be read".to_owned())?;
    let platform =
        platform(said).ok_or_else(|| format!("runs on `{}`, which depot does not know", said.platform))?;
    let interpreter = Interpreter { version, implementation, free_threaded: said.free_threaded };
    Ok(Host { python: Python { interpreter, full_version: Some(full_version) }, platform })
}

fn platform(said: &Said) -> Option<Platform> {
    let (system, rest) = said.platform.split_once('-').unwrap_or((&said.platform, ""));
    match system {
        // Windows names its 32-bit platform as a whole.
        "win32" => Platform::new(System::Windows, Arch::I686),
        "win" => Platform::new(System::Windows, Arch::read(rest)?),
        "macosx" => {
            let (major, minor) = said.macos?;
            Platform::new(System::Macos(major, minor), Arch::read(&said.machine)?)
        }
        "linux" => {
            // A 32-bit Python may run on a 64-bit kernel.
            let arch = match (Arch::read(rest)?, said.bits) {
                (Arch::X86_64, 32) => Arch::I686,
                (Arch::Aarch64, 32) => Arch::Armv7l,
                (arch, _) => arch,
            };
            let libc = said.glibc.map(|(major, minor)| System::Glibc(major, minor));
            let libc = libc.or_else(|| said.musl.map(|(major, minor)| System::Musl(major, minor)));
            Platform::new(libc.unwrap_or(System::Linux), arch)
        }
        _ => None,
    }
}

/// The platform that this program was made for, with the usual versions: where no Python says more.
pub(super) fn compiled_for() -> Platform {
    let name = match env::consts::OS {
        "macos" => "macos",
        "windows" => "windows",
        _ => "linux",
    };
    let own = format!("{name}-{}", env::consts::ARCH);
    own.parse().or_else(|_| "linux".parse()).expect("linux is a platform")
}

#[cfg(test)]
mod tests;
