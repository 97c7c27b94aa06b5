//! pip, or uv where there is no pip: in an environment that is thrown away, with this tree as its only index, and no way to
//! a network.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::Context as _;
use url::Url;

/// How many of the last lines of a tool are shown.
const LINES: usize = 20;

/// How much of what a tool prints is kept, in bytes.
const KEPT: usize = 16 * 1024;

/// Where nothing listens: whoever asks another machine asks nobody.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A tool that failed, with the last lines that it printed.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Vec<String>);

/// What installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pip,
    Uv,
}

/// What installs, and where to.
#[derive(Debug)]
pub(super) struct Tool {
    kind: Kind,
    /// The Python of the environment.
    python: PathBuf,
    index: Url,
    /// The folder of all that is thrown away.
    room: PathBuf,
}

impl Tool {
    /// Makes an environment of this Python in a folder: with pip, or for uv if pip is not to be had.
    pub(super) async fn new(program: &str, room: &Path, index: Url) -> anyhow::Result<Self> {
        let environment = room.join("environment");
        let bin = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        let python = environment.join(bin);
        let mut tool = Self { kind: Kind::Pip, python, index, room: room.to_owned() };
        let made = tool.run(program, [OsStr::new("-m"), OsStr::new("venv"), environment.as_os_str()]).await?;
        let Err(Refused(said)) = made else { return Ok(tool) };
        // Some systems leave pip out of their Python.
        tool.kind = Kind::Uv;
        let mut args = ["venv", "--clear", "--python", program].map(OsStr::new).to_vec();
        args.push(environment.as_os_str());
        match tool.run("uv", args).await {
            Ok(Ok(())) => Ok(tool),
            _ => anyhow::bail!(
                "`{program} -m venv` made no environment to install into, and uv is not on PATH: {}",
                said.last().map_or("it said nothing", String::as_str)
            ),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Pip => "pip",
            Kind::Uv => "uv",
        }
    }

    /// Where the wheels lie that were built.
    fn wheels(&self) -> PathBuf {
        self.room.join("wheels")
    }

    /// Builds a wheel of an sdist, with what that needs from the index.
    pub(super) async fn build(&self, sdist: &Path) -> anyhow::Result<Result<(), Refused>> {
        let (wheels, index) = (self.wheels(), self.index.as_str());
        let mut args: Vec<&OsStr> = match self.kind {
            Kind::Pip => ["wheel", "--no-deps", "--no-cache-dir", "--index-url", index, "--wheel-dir"]
                .map(OsStr::new)
                .to_vec(),
            Kind::Uv => {
                let mut args = ["build", "--wheel", "--default-index", index].map(OsStr::new).to_vec();
                args.extend([OsStr::new("--python"), self.python.as_os_str(), OsStr::new("--out-dir")]);
                args
            }
        };
        args.extend([wheels.as_os_str(), sdist.as_os_str()]);
        self.run_tool(&args).await
    }

    /// Installs requirements, with the versions that constraints name; what they require too, or them alone.
    pub(super) async fn install(
        &self,
        requirements: &[String],
        constraints: &[String],
        alone: bool,
    ) -> anyhow::Result<Result<(), Refused>> {
        let (list, limits) = (self.room.join("requirements.txt"), self.room.join("constraints.txt"));
        // A list, because a command line is bounded.
        for (path, lines) in [(&list, requirements), (&limits, constraints)] {
            fs::write(path, lines.join("\n") + "\n")
                .with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        let wheels = self.wheels();
        let mut args: Vec<&OsStr> = match self.kind {
            Kind::Pip => ["install", "--no-cache-dir", "--index-url"].map(OsStr::new).to_vec(),
            Kind::Uv => {
                let mut args = ["pip", "install", "--no-cache", "--python"].map(OsStr::new).to_vec();
                args.extend([self.python.as_os_str(), OsStr::new("--default-index")]);
                args
            }
        };
        args.push(self.index.as_str().as_ref());
        if wheels.exists() {
            args.extend([OsStr::new("--find-links"), wheels.as_os_str()]);
        }
        if alone {
            args.push("--no-deps".as_ref());
        }
        args.extend([OsStr::new("-c"), limits.as_os_str(), OsStr::new("-r"), list.as_os_str()]);
        self.run_tool(&args).await
    }

    /// Whether what is installed has all that it requires, as the tool sees it.
    pub(super) async fn check(&self) -> anyhow::Result<Result<(), Refused>> {
        match self.kind {
            Kind::Pip => self.run_tool(&[OsStr::new("check")]).await,
            Kind::Uv => {
                let python = self.python.as_os_str();
                let args = ["pip", "check", "--python"].map(OsStr::new);
                self.run_tool(&[&args[..], &[python]].concat()).await
            }
        }
    }

    async fn run_tool(&self, args: &[&OsStr]) -> anyhow::Result<Result<(), Refused>> {
        match self.kind {
            Kind::Pip => {
                let pip: Vec<&OsStr> = ["-m", "pip"].map(OsStr::new).iter().chain(args).copied().collect();
                self.run(&self.python, pip).await
            }
            Kind::Uv => self.run("uv", args.iter().copied()).await,
        }
    }

    /// Runs a program to its end. One that is not waited for any more is ended.
    async fn run<'a>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = &'a OsStr>,
    ) -> anyhow::Result<Result<(), Refused>> {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.room);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.fence(&mut command);
        let shown = program.display();
        let mut child = command.spawn().with_context(|| format!("cannot run `{shown}`"))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let running = Running(Arc::new(Mutex::new(child)));
        let child = Arc::clone(&running.0);
        let waiting = tokio::task::spawn_blocking(move || {
            let complaining = thread::spawn(move || tail(stderr));
            let printed = tail(stdout);
            let complained = complaining.join().unwrap_or_default();
            // Whoever says nothing more is at its end, so this takes a moment.
            let status = child.lock().unwrap_or_else(PoisonError::into_inner).wait();
            (status, printed, complained)
        });
        let (status, printed, complained) = waiting.await?;
        if status.with_context(|| format!("cannot wait for `{shown}`"))?.success() {
            return Ok(Ok(()));
        }
        // Why it failed stands in what it complains of; what it printed may say of what.
        let mut lines = last_lines(&printed, LINES);
        lines.extend(last_lines(&complained, LINES));
        Ok(Err(Refused(lines.split_off(lines.len().saturating_sub(LINES)))))
    }

    /// Nothing that a user or a machine has set leads the tool elsewhere.
    fn fence(&self, command: &mut Command) {
        for (name, _) in env::vars_os() {
            let is_set = |prefix: &str| name.to_string_lossy().to_ascii_uppercase().starts_with(prefix);
            if ["PIP_", "UV_", "PYTHON", "VIRTUAL_ENV", "NO_PROXY"].into_iter().any(is_set) {
                command.env_remove(&name);
            }
        }
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(name, NOWHERE).env(name.to_ascii_lowercase(), NOWHERE);
        }
        let nothing = if cfg!(windows) { "nul" } else { "/dev/null" };
        command
            .env("PIP_CONFIG_FILE", nothing)
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("PIP_NO_INPUT", "1")
            .env("PYTHONUTF8", "1")
            .env("UV_NO_CONFIG", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("UV_CACHE_DIR", self.room.join("cache"))
            .env("TMPDIR", &self.room);
    }
}

/// A program that is ended when nobody waits for it any more.
struct Running(Arc<Mutex<Child>>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended is not ended again.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The end of what comes, read as it comes, so that nobody waits for a reader.
fn tail(from: Option<impl Read>) -> Vec<u8> {
    let Some(mut from) = from else { return Vec::new() };
    let mut kept = Vec::new();
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(&buffer[..read]);
        let old = kept.len().saturating_sub(KEPT);
        kept.drain(..old);
    }
    kept
}

fn last_lines(bytes: &[u8], most: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(most)..].iter().map(ToString::to_string).collect()
}
