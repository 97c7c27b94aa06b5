//! A server of any kind as a process of its own: started on a core, waited for, and stopped with all it started.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// How long a server may take to end by itself before it is killed: one that has just put a million files into its store
/// writes for a while.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running server; it is stopped when dropped.
pub(crate) struct Service {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Service {
    /// Starts a command whose output goes to `log`, and waits until `path` of `url` is answered with 200.
    ///
    /// # Errors
    ///
    /// It ended, or did not answer within `deadline`; the end of its log is told to whoever runs the bench.
    pub(crate) fn start(
        mut command: Command,
        url: &str,
        path: &str,
        log: &Path,
        deadline: Duration,
    ) -> Result<Self, String> {
        let output = File::create(log).unwrap();
        // A group of its own, so that workers are stopped with their master.
        command.process_group(0).stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().map_err(|error| format!("{command:?} did not start: {error}"))?;
        let mut service = Self { child, url: url.to_owned(), log: log.to_owned() };
        let started = Instant::now();
        while !is_answered(url, path) {
            let ended = service.child.try_wait().unwrap();
            if ended.is_some() || started.elapsed() > deadline {
                let said = service.said();
                let lines: Vec<&str> = said.lines().collect();
                eprintln!("{command:?} said:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"));
                let how = if ended.is_some() { "it ended" } else { "it does not answer" };
                return Err(format!("{how} before it was ready"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(service)
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A figure of `/proc/PID/status`, in KiB.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        memory_of(self.child.id(), name)
    }

    /// What it said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The address of a port that nobody has. Taken and given back: nothing else here asks for ports in between.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A figure of a process, in KiB; 0 where the system does not tell.
pub(crate) fn memory_of(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default()
}

fn is_answered(url: &str, path: &str) -> bool {
    let host = url.trim_start_matches("http://");
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\n\r\n")?;
        let mut head = vec![0; 12];
        match stream.read_exact(&mut head) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Vec::new()),
            read => read.map(|()| head),
        }
    };
    ask().is_ok_and(|head| head.ends_with(b" 200"))
}
