//! The real clients, so fenced in that only their arguments decide what they ask and whom.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::archives::zipped;
use crate::counts::skipped;
use crate::index::FakeFile;
use crate::process::{Output, clean_command, run, target_dir, workspace_root};

/// Where nothing listens, and where a client is sent that asks anyone but this machine.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The clients with an environment of their own, because what they need clashes with what the others do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// The oldest pip that is promised to work.
    OldPip,
    /// Poetry.
    Poetry,
    /// pipenv.
    Pipenv,
    /// The Python of an environment with CycloneDX's own library, which judges bills of materials.
    CycloneDx,
    /// The last twine that knew `--skip-existing` for every index.
    OldTwine,
    /// hatch.
    Hatch,
    /// The build backend of hatch, which needs no index to build with.
    Hatchling,
    /// flit, with its build backend.
    Flit,
    /// PDM, with its build backend.
    Pdm,
    /// maturin.
    Maturin,
}

impl Client {
    /// What its environment is called, after the name of the common one.
    const fn suffix(self) -> &'static str {
        match self {
            Self::OldPip => "-old-pip",
            Self::Poetry => "-poetry",
            Self::Pipenv => "-pipenv",
            Self::CycloneDx => "-cyclonedx",
            Self::OldTwine | Self::Hatch | Self::Hatchling | Self::Flit | Self::Pdm | Self::Maturin => {
                "-publishers"
            }
        }
    }

    const fn program(self) -> &'static str {
        match self {
            Self::OldPip => "pip",
            Self::Poetry => "poetry",
            Self::Pipenv => "pipenv",
            Self::CycloneDx => "python",
            Self::OldTwine => "twine",
            Self::Hatch => "hatch",
            Self::Hatchling => "hatchling",
            Self::Flit => "flit",
            Self::Pdm => "pdm",
            Self::Maturin => "maturin",
        }
    }
}

/// The virtual environment with the pinned clients, made by `.ci/venv`.
#[derive(Debug, Clone)]
pub struct Clients {
    venv: PathBuf,
}

impl Clients {
    /// The clients at `DEPOT_TEST_VENV`, else in `test-venv` of the target folder.
    ///
    /// `None` only where `DEPOT_TEST_VENV=none` says that this machine has no Python: the test then passes without
    /// having run, and `.ci/test` says so in its last line. Clients that are merely absent fail the test.
    pub fn find() -> Option<Self> {
        let venv = match env::var_os("DEPOT_TEST_VENV") {
            Some(path) if path == "none" => {
                eprintln!("skipped: DEPOT_TEST_VENV=none");
                return None;
            }
            // A relative path is meant from the root, and the tests run in their package's folder.
            Some(path) => workspace_root().join(path),
            None => target_dir().join("test-venv"),
        };
        for name in ["python", "pip", "uv", "twine"] {
            let path = venv.join("bin").join(name);
            assert!(path.exists(), "{} is missing: run `.ci/venv` first", path.display());
        }
        Some(Self { venv })
    }

    /// The clients, where this one is among them. Where `.ci/venv` could not install it the test passes without having
    /// run, and the end of the run says so.
    pub fn find_with(client: Client) -> Option<Self> {
        let clients = Self::find()?;
        let program = clients.program_of(client);
        if program.exists() {
            return Some(clients);
        }
        skipped(&format!(
            "tests of {client:?}: {} is missing, and `.ci/venv` installs it",
            program.display()
        ));
        None
    }

    /// A pure distribution that a client brought into its environment, packed as a wheel again; none where no environment
    /// has one of this major version or a later one.
    pub fn installed_wheel(&self, project: &str, major: u32) -> Option<FakeFile> {
        let venvs = [None, Some(Client::Pipenv), Some(Client::Poetry), Some(Client::OldPip)];
        venvs.into_iter().find_map(|client| {
            let venv = client.map_or_else(|| self.venv.clone(), |client| self.venv_of(client));
            packed(&venv, project, major)
        })
    }

    /// A fresh room to work in.
    pub fn room(&self) -> Room {
        let room = Room { clients: self.clone(), folder: TempDir::new().unwrap() };
        for folder in ["home", "tmp", "work"] {
            fs::create_dir(room.folder.path().join(folder)).unwrap();
        }
        room
    }

    fn program(&self, name: &str) -> PathBuf {
        self.venv.join("bin").join(name)
    }

    fn venv_of(&self, client: Client) -> PathBuf {
        let mut venv = self.venv.clone().into_os_string();
        venv.push(client.suffix());
        venv.into()
    }

    fn program_of(&self, client: Client) -> PathBuf {
        self.venv_of(client).join("bin").join(client.program())
    }
}

/// What [`Clients::installed_wheel`] makes of one environment.
fn packed(venv: &Path, project: &str, major: u32) -> Option<FakeFile> {
    let entries = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let site = entries(venv.join("lib")).map(|python| python.path().join("site-packages"));
    let infos = site.flat_map(entries).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let version = name.strip_prefix(project)?.strip_prefix('-')?.strip_suffix(".dist-info")?.to_owned();
        let is_new = version.split('.').next()?.parse::<u32>().is_ok_and(|number| number >= major);
        is_new.then(|| (entry.path(), version))
    });
    let (info, version) = infos.last()?;
    let site = info.parent()?;
    let record = fs::read_to_string(info.join("RECORD")).ok()?;
    let paths = record.lines().filter_map(|line| line.split(',').next());
    let own = paths.filter(|path| !path.starts_with("..") && !path.contains("__pycache__"));
    let members: Option<Vec<_>> =
        own.map(|path| Some((path.to_owned(), fs::read(site.join(path)).ok()?))).collect();
    let metadata = fs::read(info.join("METADATA")).ok()?;
    let filename = format!("{project}-{version}-py3-none-any.whl");
    Some(FakeFile::new(&filename, zipped(&members?)).metadata(metadata))
}

/// A temporary folder with a home, caches and a virtual environment of its own; gone when dropped.
///
/// Commands run in its `work` folder. A `.netrc`, where a test wants one, goes to [`Self::home`].
#[derive(Debug)]
pub struct Room {
    clients: Clients,
    folder: TempDir,
}

impl Room {
    /// The working folder of the commands.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The home of the commands.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A command of the clients' environment (`pip`, `uv`, `twine`, `python`), to add arguments and variables to.
    pub fn command(&self, program: &str) -> Command {
        self.fenced(self.clients.program(program))
    }

    /// A command of a client with an environment of its own ([`Clients::find_with`]). What it installs goes to the
    /// virtual environment of this room.
    pub fn command_of(&self, client: Client) -> Command {
        let program = self.clients.program_of(client);
        let mut command = self.fenced(&program);
        if client == Client::CycloneDx {
            return command;
        }
        if client == Client::Pdm {
            // It builds with the backend that lies beside it, and not with one that it would have to ask for.
            let own = program.parent().and_then(Path::parent).unwrap();
            command.env("VIRTUAL_ENV", own).env("PDM_CHECK_UPDATE", "false");
            return command;
        }
        let python = self.venv();
        if client == Client::OldPip {
            command.arg("--python").arg(python);
            return command;
        }
        let bin = python.parent().unwrap();
        let path = env::var("PATH").unwrap_or_default();
        command
            // The activated environment is the one that both install into.
            .env("VIRTUAL_ENV", bin.parent().unwrap())
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("VIRTUALENV_NO_PERIODIC_UPDATE", "1");
        let folder = self.folder.path();
        if client == Client::Poetry {
            command
                .arg("--no-interaction")
                .env("POETRY_CONFIG_DIR", folder.join("poetry-config"))
                .env("POETRY_DATA_DIR", folder.join("poetry-data"))
                .env("POETRY_CACHE_DIR", folder.join("poetry-cache"))
                .env("POETRY_KEYRING_ENABLED", "false");
        } else if client == Client::Pipenv {
            command
                .env("PIPENV_CACHE_DIR", folder.join("pipenv-cache"))
                .env("PIPENV_IGNORE_VIRTUALENVS", "0")
                .env("PIPENV_NOSPIN", "1")
                .env("PIPENV_YES", "1");
        }
        command
    }

    fn fenced(&self, program: impl AsRef<OsStr>) -> Command {
        let folder = self.folder.path();
        let mut command = clean_command(program);
        command
            .current_dir(self.path())
            .env("HOME", self.home())
            .env("TMPDIR", folder.join("tmp"))
            .env("XDG_CACHE_HOME", folder.join("cache"))
            // Whoever asks another machine asks nobody.
            .env("ALL_PROXY", NOWHERE)
            .env("HTTP_PROXY", NOWHERE)
            .env("HTTPS_PROXY", NOWHERE)
            .env("NO_PROXY", "127.0.0.1,localhost")
            // No configuration file of the user or of the machine is read.
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_CACHE_DIR", folder.join("pip-cache"))
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("PIP_NO_INPUT", "1")
            .env("UV_NO_CONFIG", "1")
            .env("UV_CACHE_DIR", folder.join("uv-cache"))
            .env("UV_PYTHON_DOWNLOADS", "never")
            // twine brings keyring, which would ask the desktop of whoever runs the tests.
            .env("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring");
        command
    }

    /// Runs pip with these arguments, for the virtual environment of this room.
    pub fn pip<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        let python = self.venv();
        run(self.command("pip").arg("--python").arg(python).args(args))
    }

    /// `pip install` from this index alone into the virtual environment of this room.
    pub fn pip_install<S: AsRef<OsStr>>(&self, index_url: &str, args: impl IntoIterator<Item = S>) -> Output {
        let python = self.venv();
        let mut command = self.command("pip");
        command.arg("--python").arg(python).args(["install", "--index-url", index_url]).args(args);
        run(&mut command)
    }

    /// `pip download` from this index alone into this folder.
    pub fn pip_download<S: AsRef<OsStr>>(
        &self,
        index_url: &str,
        folder: &Path,
        args: impl IntoIterator<Item = S>,
    ) -> Output {
        let mut command = self.command("pip");
        command.args(["download", "--index-url", index_url, "--dest"]).arg(folder).args(args);
        run(&mut command)
    }

    /// Runs uv with these arguments.
    pub fn uv<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        run(self.command("uv").args(args))
    }

    /// `uv pip install` from this index alone into the virtual environment of this room.
    pub fn uv_install<S: AsRef<OsStr>>(&self, index_url: &str, args: impl IntoIterator<Item = S>) -> Output {
        let python = self.venv();
        let mut command = self.command("uv");
        command.args(["pip", "install", "--default-index", index_url, "--python"]).arg(python).args(args);
        run(&mut command)
    }

    /// Runs twine with these arguments.
    pub fn twine<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        run(self.command("twine").arg("--no-color").args(args))
    }

    /// Runs the Python of this room's virtual environment: `room.python(["-c", "import six"])`.
    pub fn python<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        let python = self.venv();
        let mut command = clean_command(python);
        command.current_dir(self.path()).env("HOME", self.home()).args(args);
        run(&mut command)
    }

    /// The `__version__` of a module that was installed here.
    #[track_caller]
    pub fn installed_version(&self, module: &str) -> String {
        let script = format!("import {module}; print({module}.__version__)");
        self.python(["-c", &script]).assert_success().stdout.trim().to_owned()
    }

    /// The Python of this room's virtual environment, made by uv at the first call (about 20 ms).
    pub fn venv(&self) -> PathBuf {
        let venv = self.folder.path().join("venv");
        let python = venv.join("bin").join("python");
        if !python.exists() {
            let mut command = self.command("uv");
            command.args(["venv", "--quiet", "--python"]).arg(self.clients.program("python")).arg(&venv);
            run(&mut command).assert_success();
        }
        python
    }
}
