//! The real commands as processes, in an environment that holds nothing of this machine's settings.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a server may take to listen, and to end when asked.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where nobody listens: what a server of a test takes for the public index, unless the test names another.
const NOBODY: &str = "http://127.0.0.1:9/simple/";

/// The variables that a test process hands on: where programs and certificates lie, and where coverage goes.
/// None of them can change what a package manager does.
const KEPT: &[&str] =
    &["PATH", "TMPDIR", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR", "LLVM_PROFILE_FILE", "RUST_BACKTRACE"];

/// What a command said and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output, as text.
    pub stdout: String,
    /// Standard error, as text.
    pub stderr: String,
    command: String,
}

impl Output {
    /// Whether it ended with 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Fails the test, with all that was said, unless the command ended with 0.
    #[track_caller]
    pub fn assert_success(self) -> Self {
        self.assert_code(0)
    }

    /// Fails the test, with all that was said, unless the command ended with this code.
    #[track_caller]
    pub fn assert_code(self, code: i32) -> Self {
        assert!(
            self.code == Some(code),
            "{} ended with {:?} in place of {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The target folder of the running test: the parent of its `<profile>/deps/`.
pub(crate) fn target_dir() -> PathBuf {
    profile_dir().parent().unwrap().to_owned()
}

fn profile_dir() -> PathBuf {
    let test = env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    if folder.ends_with("deps") { folder.parent().unwrap() } else { folder }.to_owned()
}

/// The path of one of the workspace's own commands, beside the running test.
///
/// Cargo does not build the binaries of other packages for a test, so they may be missing: the panic says how to
/// build them.
pub fn binary(name: &str) -> PathBuf {
    let path = profile_dir().join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path
}

/// A command whose environment holds only what every program needs.
///
/// `HOME` cannot be written to, so that no test leaves anything for the next one: a test that needs a home sets it.
pub(crate) fn clean_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null());
    for name in KEPT {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("LANG", "C.UTF-8").env("NO_COLOR", "1").env("HOME", "/dev/null");
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
    output_of(command, &output)
}

/// Runs a command that is given this text to read.
pub fn run_reading(command: &mut Command, input: &str) -> Output {
    use std::io::Write as _;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
    // Whoever does not read what it is given says so by its exit code.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    output_of(command, &output)
}

fn output_of(command: &Command, output: &std::process::Output) -> Output {
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        command: format!("{command:?}"),
    }
}

/// The `depot` command with these arguments, in a clean environment, to add variables or a folder to.
pub fn depot_command<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = clean_command(binary("depot"));
    command.args(args);
    command
}

/// Runs `depot` with these arguments in a clean environment.
pub fn depot<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    run(&mut depot_command(args))
}

/// A running `depot-server`; it is killed when dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    url: String,
    data_dir: PathBuf,
    stderr: Arc<Mutex<String>>,
    drain: Option<JoinHandle<()>>,
}

impl ServerProcess {
    /// Starts `depot-server serve` over this data folder, on a free port, and waits until it listens.
    pub fn start<S: AsRef<OsStr>>(data_dir: &Path, extra_args: impl IntoIterator<Item = S>) -> Self {
        let mut command = clean_command(binary("depot-server"));
        command.arg("serve").arg("--data-dir").arg(data_dir).args(["--port", "0"]).args(extra_args);
        command.env("DEPOT_UPSTREAM", NOBODY);
        Self::start_command(command, data_dir)
    }

    /// Starts any command that says `listening on http://ADDRESS:PORT` (or `https`) in a line of standard error.
    pub fn start_command(mut command: Command, data_dir: &Path) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        let stderr = Arc::new(Mutex::new(String::new()));
        let (sender, receiver) = mpsc::channel();
        let pipe = child.stderr.take().unwrap();
        let buffer = Arc::clone(&stderr);
        let drain = std::thread::spawn(move || drain(pipe, &buffer, &sender));

        let mut server =
            Self { child, url: String::new(), data_dir: data_dir.to_owned(), stderr, drain: Some(drain) };
        match receiver.recv_timeout(DEADLINE) {
            Ok(url) => server.url = url,
            Err(reason) => {
                // Killed first, so that the drain ends and nothing it said is missing.
                server.kill9();
                let what = match reason {
                    RecvTimeoutError::Timeout => "did not listen within 30 s",
                    RecvTimeoutError::Disconnected => "ended before it listened",
                };
                panic!("{command:?} {what}; its standard error:\n{}", server.stderr());
            }
        }
        server
    }

    /// `http://127.0.0.1:PORT`, or `https` where it speaks TLS
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bootstrap admin token.
    pub fn token(&self) -> String {
        let path = self.data_dir.join("admin.token");
        let token =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        token.trim().to_owned()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it said on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Kills it as a power cut would: SIGKILL, nothing is flushed. Returns when it is gone.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.join_drain();
    }

    /// Asks it to end (SIGTERM) and waits until it did.
    pub fn terminate(self) -> ExitStatus {
        self.ask_to_end();
        self.wait()
    }

    /// Asks it to end (SIGTERM), and does not wait.
    pub fn ask_to_end(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }

    /// Waits until it ended, as it was asked to.
    pub fn wait(mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.join_drain();
                return status;
            }
            if Instant::now() > deadline {
                self.kill9();
                panic!(
                    "the server did not end within 30 s of SIGTERM; its standard error:\n{}",
                    self.stderr()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn join_drain(&mut self) {
        if let Some(drain) = self.drain.take() {
            let _ = drain.join();
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            eprintln!("--- standard error of the server at {}:\n{}", self.url, self.stderr());
        }
    }
}

/// Keeps everything a server says, so that its pipe never fills, and sends its address once.
fn drain(pipe: ChildStderr, buffer: &Mutex<String>, sender: &mpsc::Sender<String>) {
    let mut sender = Some(sender);
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        buffer.lock().unwrap().push_str(&text);
        if let Some(url) = address_in(&text)
            && let Some(sender) = sender.take()
        {
            let _ = sender.send(url);
        }
        line.clear();
    }
}

/// The URL after `listening on ` in a line of a server.
fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on ")?;
    let scheme = ["http://", "https://"].into_iter().find(|scheme| rest.starts_with(scheme))?;
    let rest = &rest[scheme.len()..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".:[]-".contains(c))).unwrap_or(rest.len());
    let address = &rest[..end];
    let (_, port) = address.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    Some(format!("{scheme}{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_out_of_a_line() {
        let line = "2026-01-01T00:00:00Z  INFO depot_server: listening on http://127.0.0.1:8080/ as told\n";
        assert_eq!(address_in(line).as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(address_in("listening on http://[::1]:81\u{1b}[0m").as_deref(), Some("http://[::1]:81"));
        assert_eq!(
            address_in("listening on https://127.0.0.1:443").as_deref(),
            Some("https://127.0.0.1:443")
        );
        assert_eq!(address_in("listening on http://127.0.0.1"), None);
        assert_eq!(address_in("nothing"), None);
    }

    fn shell(script: &str) -> Command {
        let mut command = clean_command("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_is_found_by_its_address_and_ends_on_sigterm() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("admin.token"), "depot_abc\n").unwrap();
        let script = "trap 'exit 7' TERM; echo first >&2; echo listening on http://127.0.0.1:1234 >&2; \
                      while :; do sleep 0.05; done";
        let server = ServerProcess::start_command(shell(script), folder.path());
        assert_eq!(server.url(), "http://127.0.0.1:1234");
        assert_eq!(server.token(), "depot_abc");
        assert!(server.stderr().starts_with("first\n"));
        assert_eq!(server.terminate().code(), Some(7));
    }

    #[test]
    #[should_panic(expected = "no such setting")]
    fn a_server_that_ends_early_fails_with_what_it_said() {
        ServerProcess::start_command(shell("echo no such setting >&2; exit 1"), Path::new("/"));
    }

    #[test]
    fn nothing_of_this_machine_leaks_into_a_command() {
        let seen = run(&mut shell("env")).assert_success().stdout;
        let leaked: Vec<&str> = seen
            .lines()
            .filter(|line| {
                let name = line.split('=').next().unwrap().to_ascii_uppercase();
                ["PIP_", "UV_", "DEPOT_", "TWINE_"].iter().any(|start| name.starts_with(start))
                    || name.ends_with("_PROXY")
            })
            .collect();
        assert!(leaked.is_empty(), "{leaked:?}");
    }
}
