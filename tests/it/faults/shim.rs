//! Bringing faults about: `tests/faults/shim.c`, compiled, loaded into a server, and told what to do while it runs.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use depot_tests::{ServerProcess, binary, sha256_hex, skipped, workspace_root};
use tempfile::TempDir;

/// Kinds of operations; the numbers are those of `enum op`.
pub(super) mod op {
    pub(in crate::faults) const OPEN: u64 = 1;
    pub(in crate::faults) const CREATE: u64 = 2;
    pub(in crate::faults) const READ: u64 = 4;
    pub(in crate::faults) const WRITE: u64 = 8;
    pub(in crate::faults) const TRUNCATE: u64 = 16;
    pub(in crate::faults) const SYNC: u64 = 32;
    pub(in crate::faults) const LINK: u64 = 64;
    pub(in crate::faults) const RENAME: u64 = 128;
    pub(in crate::faults) const UNLINK: u64 = 256;
    pub(in crate::faults) const MKDIR: u64 = 512;
    pub(in crate::faults) const SEND: u64 = 1024;
    /// Whatever needs room or changes something on the disk.
    pub(in crate::faults) const CHANGES: u64 =
        CREATE | WRITE | TRUNCATE | SYNC | LINK | RENAME | UNLINK | MKDIR;
}

/// Numbers of `errno`, as Linux has them.
pub(super) mod errno {
    pub(in crate::faults) const EIO: u64 = 5;
    pub(in crate::faults) const EMFILE: u64 = 24;
    pub(in crate::faults) const ENOSPC: u64 = 28;
    pub(in crate::faults) const EROFS: u64 = 30;
    pub(in crate::faults) const EDQUOT: u64 = 122;
}

/// What happens to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    KillBefore,
    KillAfter,
    /// Half of what is written is, and then the process dies.
    KillHalfway,
    Fail(u64),
    /// Half is written, and so it is said.
    Short,
    /// Half is written, and it is said that all was; or nothing is synced, and it is said that it was.
    Lie,
}

/// Which operations something happens to: of the kinds `ops` under a path with `only` in it and `except` not, those
/// from the `first` to the `last`, counted from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) action: Action,
    pub(super) ops: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) only: &'static str,
    pub(super) except: &'static str,
}

impl Plan {
    /// Every operation of these kinds.
    pub(super) fn new(action: Action, ops: u64) -> Self {
        Self { action, ops, first: 1, last: u64::MAX, only: "", except: "" }
    }

    /// The operation of this number alone.
    pub(super) fn at(self, number: u64) -> Self {
        Self { first: number, last: number, ..self }
    }

    /// All operations from this number on.
    pub(super) fn from(self, number: u64) -> Self {
        Self { first: number, last: u64::MAX, ..self }
    }
}

/// A page of memory shared with a server under the shim.
pub(super) struct Shim {
    library: PathBuf,
    folder: TempDir,
    control: File,
    logs: bool,
}

const PAGE: usize = 4096;
const WORDS: u64 = 16 * 8;

impl Shim {
    /// None, and said so, where it cannot be compiled.
    pub(super) fn new(what: &str) -> Option<Self> {
        let Some(library) = compiled() else {
            skipped(&format!("{what}: no C compiler that makes a shared library"));
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        fs::write(&path, [0; PAGE]).unwrap();
        let control = File::options().read(true).write(true).open(path).unwrap();
        Some(Self { library, folder, control, logs: false })
    }

    /// The same, with every change written down.
    pub(super) fn recording(what: &str) -> Option<Self> {
        Some(Self { logs: true, ..Self::new(what)? })
    }

    /// Where the changes are written down.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts a server over this folder, with nothing amiss yet.
    pub(super) fn start(&self, data_dir: &Path) -> ServerProcess {
        self.disarm();
        ServerProcess::start_command(self.command(data_dir), data_dir)
    }

    /// The command that starts a server over this folder, as the control page says.
    pub(super) fn command(&self, data_dir: &Path) -> Command {
        let mut command = serve(data_dir);
        command
            .env("LD_PRELOAD", &self.library)
            .env("DEPOT_FAULT_ROOT", data_dir)
            .env("DEPOT_FAULT_CONTROL", self.folder.path().join("control"));
        if self.logs {
            command.env("DEPOT_FAULT_LOG", self.log());
        }
        command
    }

    /// From here on this happens; what was counted is forgotten.
    pub(super) fn arm(&self, plan: Plan) {
        self.put(1, 0);
        self.put(5, 0);
        let (action, error) = match plan.action {
            Action::KillBefore => (1, 0),
            Action::KillAfter => (2, 0),
            Action::KillHalfway => (3, 0),
            Action::Fail(error) => (4, error),
            Action::Short => (5, 0),
            Action::Lie => (6, 0),
        };
        for (text, at) in [(plan.only, WORDS), (plan.except, WORDS + 256)] {
            let mut space = [0; 256];
            space[..text.len()].copy_from_slice(text.as_bytes());
            self.control.write_all_at(&space, at).unwrap();
        }
        for (index, word) in
            [(0, 0), (2, plan.first), (3, plan.last), (4, error), (7, 0), (8, 0), (1, action)]
        {
            self.put(index, word);
        }
        self.put(5, plan.ops);
    }

    /// From here on all is well again; syncs are still watched, for [`Self::synced_again`].
    pub(super) fn disarm(&self) {
        self.put(1, 0);
        // What is new may have the number of what is gone.
        self.put(5, op::SYNC | op::CREATE | op::MKDIR);
    }

    /// How often something happened since [`Self::arm`].
    pub(super) fn hits(&self) -> u64 {
        self.word(7)
    }

    /// How often a file was synced with success after a sync of it had failed.
    pub(super) fn synced_again(&self) -> u64 {
        self.word(8)
    }

    /// Sets the wall clock of the server ahead by so many seconds, or behind.
    pub(super) fn set_clock(&self, seconds: i64) {
        self.put(6, (seconds * 1_000_000_000).cast_unsigned());
    }

    fn put(&self, index: u64, word: u64) {
        self.control.write_all_at(&word.to_le_bytes(), index * 8).unwrap();
    }

    fn word(&self, index: u64) -> u64 {
        let mut word = [0; 8];
        self.control.read_exact_at(&mut word, index * 8).unwrap();
        u64::from_le_bytes(word)
    }
}

/// The command that starts a server over this folder, in an empty environment.
pub(super) fn serve(data_dir: &Path) -> Command {
    let mut command = Command::new(binary("depot-server"));
    command.env_clear().args(["serve", "--port", "0", "--data-dir"]).arg(data_dir);
    command
}

/// The shim as a library; made at most once for each state of its source.
fn compiled() -> Option<PathBuf> {
    let source = workspace_root().join("tests/faults/shim.c");
    let version = &sha256_hex(&fs::read(&source).unwrap())[..16];
    let folder = binary("depot-server").parent().unwrap().to_owned();
    let library = folder.join(format!("libfaults-{version}.so"));
    if library.exists() {
        return Some(library);
    }
    // Several tests come here at once, and each sees the whole library or none.
    let made = folder.join(format!("libfaults-{version}.{}", std::process::id()));
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o"]).arg(&made).arg(&source);
    let output = command.args(["-ldl", "-lpthread"]).output().ok()?;
    if !output.status.success() {
        super::say(String::from_utf8_lossy(&output.stderr));
        return None;
    }
    fs::rename(made, &library).unwrap();
    Some(library)
}

/// Waits until this is so, within half a minute.
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}: not so after 30 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}
