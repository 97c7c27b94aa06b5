//! `uv pip compile` with an empty cache: of an index that is far, and through servers that have nothing yet and stand
//! between.

use std::{
    any::Any,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use depot_tests::{FakeIndex, RealProjects, Style, run};

use super::{depot, far};
use crate::{
    Options,
    machine::{Core, Machine},
    median,
    process::{Service, free_address},
    servers::{Devpi, Venv},
    universal::WANTED,
};

/// How many of the projects of the other benchmark are compiled.
const COMPILED: usize = 20;

/// How many requests proxpi answers at once: as many as uv has at most.
const THREADS: &str = "64";

const DEADLINE: Duration = Duration::from_mins(1);

/// What was measured.
pub(crate) struct Compiled {
    /// uv and its version.
    pub(crate) uv: String,
    pub(crate) wanted: usize,
    /// How many releases the resolution has.
    pub(crate) releases: usize,
    /// The index itself first, then depot, then the others.
    pub(crate) ways: Vec<Way>,
}

/// One way to the index.
pub(crate) struct Way {
    pub(crate) name: String,
    /// How it was started; empty for the index itself.
    pub(crate) started: &'static str,
    /// The median seconds of a compile while it has nothing, and of the next one; or why there are none.
    pub(crate) seconds: Result<[f64; 2], String>,
    /// The same beside the index itself, in each round.
    pub(crate) ratios: Vec<[f64; 2]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    None,
    Depot,
    Proxpi,
    Devpi,
    SimpleRepository,
}

const SERVERS: [Server; 5] =
    [Server::None, Server::Depot, Server::Proxpi, Server::Devpi, Server::SimpleRepository];

impl Server {
    fn package(self) -> &'static str {
        match self {
            Self::None => "the-index-itself",
            Self::Depot => "depot",
            Self::Proxpi => "proxpi",
            Self::Devpi => "devpi-server",
            Self::SimpleRepository => "simple-repository-server",
        }
    }

    fn started(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Depot => "`depot-server serve`, asked at the address of all repositories",
            Self::Proxpi => "under gunicorn, one worker of 64 threads",
            Self::Devpi => {
                "its own command, a mirror index that is told that its upstream has metadata files"
            }
            Self::SimpleRepository => {
                "its own command, with the index as its one source; it sends readers there for files"
            }
        }
    }
}

/// A server that runs, and where its index is.
struct Running {
    _server: Box<dyn Any>,
    index: String,
}

/// Compiles the same list in each way, in turn, twice with each server: it is fresh the first time.
///
/// # Errors
///
/// The Python programs are not there.
pub(super) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Result<Compiled, String> {
    let bench = Bench { venv: Venv::find()?, machine: machine.unpinned(), list: folder.join("wanted.in") };
    fs::write(&bench.list, WANTED[..COMPILED].join("\n")).unwrap();
    let index = FakeIndex::builder(Style::Json).relative().without_etags().real(RealProjects::read()).start();
    // The harness makes the files when they are first asked for.
    let resolution = bench.compile(folder, &index.url()).unwrap().1;
    let origin = far(&index);
    let mut seconds: Vec<Result<Vec<[f64; 2]>, String>> = SERVERS.iter().map(|_| Ok(Vec::new())).collect();
    for round in 1..=options.rounds {
        for (server, sum) in SERVERS.into_iter().zip(&mut seconds) {
            let Ok(rounds) = sum else { continue };
            let room = folder.join(format!("compile-{round}-{}", server.package()));
            let took = bench.round(server, &room, &origin, &resolution);
            eprintln!("uv pip compile, round {round}, {}: {took:.3?}", server.package());
            match took {
                Ok(took) => rounds.push(took),
                Err(why) => *sum = Err(why),
            }
            let _ = fs::remove_dir_all(room);
        }
    }
    let direct = seconds[0].clone()?;
    let ways = SERVERS.into_iter().zip(seconds).map(|(server, seconds)| {
        let ratios = seconds.iter().flatten().zip(&direct);
        Way {
            name: match server {
                Server::None => "the index itself".to_owned(),
                Server::Depot => "depot".to_owned(),
                other => bench.venv.version(other.package()),
            },
            started: server.started(),
            ratios: ratios.map(|(took, direct)| [0, 1].map(|turn| took[turn] / direct[turn])).collect(),
            seconds: seconds.map(|rounds| [0, 1].map(|turn| median(rounds.iter().map(|round| round[turn])))),
        }
    });
    Ok(Compiled {
        uv: bench.venv.version("uv"),
        wanted: COMPILED,
        releases: resolution.lines().count(),
        ways: ways.collect(),
    })
}

struct Bench {
    venv: Venv,
    machine: Machine,
    list: PathBuf,
}

impl Bench {
    /// Starts a server in an empty folder, and compiles twice. Depot must do it.
    fn round(&self, server: Server, room: &Path, origin: &str, resolution: &str) -> Result<[f64; 2], String> {
        fs::create_dir(room).unwrap();
        let running = self.start(server, room, origin)?;
        let mut took = [0.0; 2];
        for turn in &mut took {
            let (seconds, said) = self.compile(room, &running.index)?;
            if said != resolution {
                assert!(server != Server::Depot, "through depot uv resolves otherwise:\n{said}");
                return Err("uv resolves otherwise through it".to_owned());
            }
            *turn = seconds;
        }
        Ok(took)
    }

    /// The seconds of the whole command, and the resolution.
    fn compile(&self, room: &Path, index: &str) -> Result<(f64, String), String> {
        let mut command = self.venv.uv(&self.machine, room);
        command.args([
            "pip",
            "compile",
            "--no-config",
            "--no-cache",
            "--quiet",
            "--no-header",
            "--no-annotate",
        ]);
        command.args(["--no-build", "--python-version", "3.12", "--index-url", index]).arg(&self.list);
        let started = Instant::now();
        let output = run(&mut command);
        let seconds = started.elapsed().as_secs_f64();
        if output.success() {
            return Ok((seconds, output.stdout));
        }
        eprintln!("uv pip compile from {index} said:\n{}", output.stderr);
        Err("uv pip compile failed".to_owned())
    }

    fn start(&self, server: Server, room: &Path, origin: &str) -> Result<Running, String> {
        let upstream = format!("{origin}/simple/");
        let running = |server, index| Running { _server: server, index };
        let service = |command, address: &str, path: &str| {
            Service::start(command, &format!("http://{address}"), path, &room.join("log"), DEADLINE)
        };
        Ok(match server {
            Server::None => running(Box::new(()), upstream),
            Server::Depot => {
                let server = depot(&room.join("data"), origin);
                let index = format!("{}/simple/", server.url());
                running(Box::new(server), index)
            }
            Server::Proxpi => {
                let address = free_address();
                let mut command = self.venv.gunicorn(&self.machine, room, &address, THREADS);
                command.arg("proxpi.server:app").env("PROXPI_INDEX_URL", &upstream);
                command.env("PROXPI_LOGGING_LEVEL", "WARNING");
                let service = service(command, &address, "/health")?;
                let index = format!("{}/index/", service.url());
                running(Box::new(service), index)
            }
            Server::Devpi => {
                let devpi = Devpi::mirror(room, &self.machine, &self.venv, &upstream)?;
                let index = format!("{}/root/bench/+simple/", devpi.url());
                running(Box::new(devpi), index)
            }
            Server::SimpleRepository => {
                let address = free_address();
                let mut command =
                    self.venv.program(&self.machine, Core::Server, "simple-repository-server", room);
                let port = address.rsplit(':').next().unwrap();
                command.args(["--host", "127.0.0.1", "--port", port, &upstream]);
                let service = service(command, &address, "/simple/")?;
                let index = format!("{}/simple/", service.url());
                running(Box::new(service), index)
            }
        })
    }
}
