//! What the server's keeper asks of a file beside the rules: that a command of theirs finds nothing in it. That its project
//! has room for it: `room.rs`.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use depot_proto::{DistributionFilename, FileRecord};
use depot_tree::Sealed;

use super::PublishError;
use crate::python::repository::Repository;

/// What is asked of every file; nothing if it is not configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// The most bytes that the files of one project may have together.
    pub(crate) max_project_size: Option<u64>,
    /// The command that looks at each file.
    pub(crate) scan: Option<Scan>,
}

/// A command that looks at files.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    /// The program and its arguments; there is at least the program.
    pub(crate) command: Vec<String>,
    /// How long it may take.
    pub(crate) timeout: Duration,
}

/// The exit code that means: this file is not to be published. All others but 0 mean that the scan itself failed.
const REFUSES: i32 = 1;

/// The most that is heard of what a command says.
const MOST_WORDS: u64 = 4096;

/// The most of it that the uploader is told.
const MOST_TOLD: usize = 500;

/// The variables that a command gets of the server's own; others may hold secrets.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "LANG", "TMPDIR", "SystemRoot", "TEMP"];

/// Lets the command look at a file that is not published yet. It fails closed: what was not looked at to the end is not
/// published.
pub(super) fn scan(
    repository: &Repository,
    filename: &DistributionFilename,
    sealed: &Sealed,
    record: &FileRecord,
) -> Result<(), PublishError> {
    let Some(scan) = &repository.policy.scan else { return Ok(()) };
    let started = Instant::now();
    let ended = run(scan, filename, sealed, record);
    let took = started.elapsed().as_millis();
    let failed = match ended {
        Ok((status, _)) if status.success() => {
            tracing::debug!(%filename, ms = took, "the scan found nothing");
            return Ok(());
        }
        Ok((status, words)) if status.code() == Some(REFUSES) => {
            tracing::warn!(%filename, ms = took, words, "the scan refused a file");
            return Err(PublishError::Scanned { filename: filename.to_string(), words });
        }
        Ok((status, words)) => format!("it ended with {status}: {words}"),
        Err(error) => error.to_string(),
    };
    tracing::error!(%filename, ms = took, failed, "a file could not be scanned, and is not published");
    Err(PublishError::NotScanned { filename: filename.to_string() })
}

fn run(
    scan: &Scan,
    filename: &DistributionFilename,
    sealed: &Sealed,
    record: &FileRecord,
) -> std::io::Result<(ExitStatus, String)> {
    let path = std::path::absolute(sealed.path())?;
    let (program, arguments) = scan.command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).arg(&path).env_clear();
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
        .env("DEPOT_SCAN_PATH", &path)
        .env("DEPOT_SCAN_FILENAME", filename.as_str())
        .env("DEPOT_SCAN_PROJECT", filename.project().as_str())
        .env("DEPOT_SCAN_VERSION", filename.version().to_string())
        .env("DEPOT_SCAN_SHA256", sealed.sha256().to_string())
        .env("DEPOT_SCAN_SIZE", sealed.size().to_string())
        .env("DEPOT_SCAN_ORIGIN", if record.is_mirrored() { "mirrored" } else { "first-party" })
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Whatever it starts ends with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let heard = [child.stdout.take().map(listen), child.stderr.take().map(listen)];
    let status = wait(&mut child, scan.timeout)?;
    // Something that it left behind may hold its output open.
    let words = heard
        .into_iter()
        .flatten()
        .map(|words| words.recv_timeout(Duration::from_secs(1)).unwrap_or_default());
    let words: Vec<String> = words.filter(|words| !words.is_empty()).collect();
    Ok((status, words.join("; ")))
}

/// Takes in what a command says, to the end, so that it is never held up; only the start is kept.
fn listen(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (say, heard) = mpsc::channel();
    thread::spawn(move || {
        let mut words = Vec::new();
        let _ = pipe.by_ref().take(MOST_WORDS).read_to_end(&mut words);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        let _ = say.send(printable(&String::from_utf8_lossy(&words)));
    });
    heard
}

/// One line without anything that commands a terminal.
fn printable(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(MOST_TOLD).collect()
}

fn wait(child: &mut Child, timeout: Duration) -> std::io::Result<ExitStatus> {
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            end(child)?;
            let words = format!("it took longer than {} seconds", timeout.as_secs());
            return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, words));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn end(child: &mut Child) -> std::io::Result<()> {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    child.kill()?;
    child.wait().map(drop)
}
