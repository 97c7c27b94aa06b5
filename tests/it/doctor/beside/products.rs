//! Other products over a fresh folder each, filled with the same packages, on this machine alone.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{RawResponse, run, send, workspace_root};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

/// How long a product may take to start.
const DEADLINE: Duration = Duration::from_mins(1);

const PASSWORD: &str = "doctor";

/// The virtual environment that `.ci/doctor` makes.
pub(super) struct Venv(PathBuf);

impl Venv {
    pub(super) fn find() -> Option<Self> {
        let folder = env::var_os("DEPOT_BENCH_VENV")
            .map_or_else(|| workspace_root().join("target/bench-venv"), Into::into);
        folder.join("bin/devpi-server").exists().then_some(Self(folder))
    }

    fn program(&self, name: &str, home: &Path) -> Command {
        let mut command = Command::new(self.0.join("bin").join(name));
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        command.env("HOME", home).env("PYTHONUNBUFFERED", "1").env("LANG", "C.UTF-8").current_dir(home);
        command
    }

    /// A server under gunicorn, as who runs it for others would have it.
    fn gunicorn(&self, home: &Path, address: &str, application: &str) -> Command {
        let mut command = self.program("gunicorn", home);
        command.args(["--workers", "1", "--threads", "8", "--keep-alive", "60", "--graceful-timeout", "1"]);
        command.args(["--bind", address, application]);
        command
    }

    /// The name and version of a package of it.
    pub(super) fn version(&self, package: &str) -> String {
        let start = format!("{}-", package.replace('-', "_"));
        let pythons = fs::read_dir(self.0.join("lib")).unwrap().flatten();
        let entries =
            pythons.flat_map(|python| fs::read_dir(python.path().join("site-packages")).unwrap().flatten());
        let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let version =
            names.find_map(|name| Some(name.strip_prefix(&start)?.strip_suffix(".dist-info")?.to_owned()));
        format!("{package} {}", version.unwrap_or_default())
    }
}

/// A running product; it is stopped when dropped, with all that it started.
pub(super) struct Product {
    /// The root of its Simple API, with credentials where uploads want them.
    pub(super) index: String,
    /// Where uploads go.
    pub(super) upload: String,
    child: Child,
}

impl Drop for Product {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Product {
    /// With its defaults, but for one user who may upload.
    pub(super) fn pypiserver(venv: &Venv, home: &Path, files: &[PathBuf]) -> Self {
        let folder = copied(files, &home.join("packages"));
        let application = format!(
            "import pypiserver\napp = pypiserver.app(roots=[{:?}], authenticate=['update'], \
             auther=lambda user, password: (user, password) == ('root', {PASSWORD:?}))\n",
            folder.display().to_string()
        );
        fs::write(home.join("doctor_wsgi.py"), application).unwrap();
        let address = free_address();
        let command = venv.gunicorn(home, &address, "doctor_wsgi:app");
        Self::start(command, home, &address, ("root:doctor@", "/simple/", "/"))
    }

    /// With the index `root/test`, filled by `uv publish`.
    pub(super) fn devpi(venv: &Venv, home: &Path, files: &[PathBuf]) -> Self {
        let data = home.join("data");
        let mut init = venv.program("devpi-init", home);
        init.arg("--serverdir").arg(&data).args(["--no-root-pypi", "--root-passwd", PASSWORD]);
        run(&mut init).assert_success();
        let address = free_address();
        let mut command = venv.program("devpi-server", home);
        command.arg("--serverdir").arg(&data);
        command.args(["--host", "127.0.0.1", "--port", address.rsplit(':').next().unwrap()]);
        let devpi =
            Self::start(command, home, &address, ("root:doctor@", "/root/test/+simple/", "/root/test/"));
        let url = format!("http://{address}");
        let login =
            json(&url, "POST", "/+login", "", &format!(r#"{{"user":"root","password":"{PASSWORD}"}}"#));
        let session = STANDARD.encode(format!("root:{}", login["result"]["password"].as_str().unwrap()));
        let auth = format!("X-Devpi-Auth: {session}\r\n");
        json(&url, "PUT", "/root/test", &auth, r#"{"type":"stage","bases":[],"volatile":false}"#);
        let mut publish = venv.program("uv", home);
        publish.args(["publish", "--no-config", "--no-cache", "--trusted-publishing", "never"]);
        publish.args(["--publish-url", &devpi.upload, "--username", "root", "--password", PASSWORD]);
        run(publish.args(files)).assert_success();
        devpi
    }

    /// In front of an index.
    pub(super) fn proxpi(venv: &Venv, home: &Path, upstream: &str) -> Self {
        let address = free_address();
        let mut command = venv.gunicorn(home, &address, "proxpi.server:app");
        command.env("PROXPI_INDEX_URL", upstream);
        Self::start(command, home, &address, ("", "/index/", "/"))
    }

    /// Over a folder.
    pub(super) fn simple_repository_server(venv: &Venv, home: &Path, files: &[PathBuf]) -> Self {
        let folder = home.join("packages");
        copied(files, &folder.join("tea-pot"));
        let address = free_address();
        let mut command = venv.program("simple-repository-server", home);
        command.args(["--host", "127.0.0.1", "--port", address.rsplit(':').next().unwrap()]).arg(folder);
        Self::start(command, home, &address, ("", "/simple/", "/"))
    }

    /// Starts it, and waits until it answers anything.
    fn start(mut command: Command, home: &Path, address: &str, paths: (&str, &str, &str)) -> Self {
        let log = File::create(home.join("log")).unwrap();
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        let (credentials, index, upload) = paths;
        let index = format!("http://{credentials}{address}{index}");
        let mut product = Self { index, upload: format!("http://{address}{upload}"), child };
        let started = Instant::now();
        let url = format!("http://{address}");
        let ask = || {
            send(&url, format!("GET /favicon.ico HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
        };
        while ask().is_err() {
            let ended = product.child.try_wait().unwrap().is_some();
            let said = || fs::read_to_string(home.join("log")).unwrap_or_default();
            assert!(!ended && started.elapsed() < DEADLINE, "{command:?} does not answer:\n{}", said());
            thread::sleep(Duration::from_millis(50));
        }
        product
    }
}

/// The files in another folder.
fn copied(files: &[PathBuf], folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    for file in files {
        fs::copy(file, folder.join(file.file_name().unwrap())).unwrap();
    }
    folder.to_owned()
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn json(url: &str, method: &str, path: &str, headers: &str, body: &str) -> Value {
    let host = url.trim_start_matches("http://");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let answer: RawResponse = send(url, request).unwrap();
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}
