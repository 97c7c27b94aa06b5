//! How long `uv publish` of the same wheels takes to depot and to the Python servers that take uploads.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use depot_tests::{ServerProcess, run};

use crate::{
    Options,
    machine::{Core, Machine},
    median, packages,
    process::{Service, free_address},
    servers::{Devpi, Venv, paths},
};

/// What `uv publish` is given: ten projects of twenty releases.
const PROJECTS: usize = 10;
const RELEASES: usize = 20;

/// What one server took.
pub(crate) struct Taken {
    /// Its name, and its version.
    pub(crate) name: String,
    /// The median seconds, or why there are none.
    pub(crate) seconds: Result<f64, String>,
}

/// What was measured: depot first, then the others.
pub(crate) struct Publish {
    pub(crate) files: usize,
    pub(crate) bytes: usize,
    pub(crate) taken: Vec<Taken>,
}

/// Publishes the same wheels to an empty server of each kind in each round. All may use every core, as uv may.
pub(crate) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Result<Publish, String> {
    let (venv, machine) = (Venv::find()?, machine.unpinned());
    let tree = folder.join("tree");
    let (mut files, mut bytes) = (0, 0);
    for number in 0..PROJECTS {
        let size = |release: usize| 2000 + (number * 7919 + release * 104_729) % 5600;
        let amount = packages::save_project(&tree, &format!("package-{number:03}"), RELEASES, size);
        (files, bytes) = (files + amount.files, bytes + amount.bytes);
    }
    let wheels = paths(&tree.join("files"));
    let mut seconds: [Result<Vec<f64>, String>; 3] = [Ok(Vec::new()), Ok(Vec::new()), Ok(Vec::new())];
    for round in 1..=options.rounds {
        let room = folder.join(format!("round-{round}"));
        fs::create_dir(&room).unwrap();
        let took = [
            to_depot(&room, &machine, &venv, &wheels),
            to_devpi(&room, &machine, &venv, &wheels),
            to_pypiserver(&room, &machine, &venv, &wheels),
        ];
        eprintln!("uv publish, round {round}: {took:?}");
        for (sum, took) in seconds.iter_mut().zip(took) {
            match (sum.as_mut(), took) {
                (Ok(sum), Ok(took)) => sum.push(took),
                (Ok(_), Err(why)) => *sum = Err(why),
                (Err(_), _) => {}
            }
        }
        fs::remove_dir_all(room).unwrap();
    }
    let names = ["depot".to_owned(), venv.version("devpi-server"), venv.version("pypiserver")];
    let taken = names.into_iter().zip(seconds);
    let taken = taken.map(|(name, seconds)| Taken { name, seconds: seconds.map(median) }).collect();
    Ok(Publish { files, bytes, taken })
}

fn to_depot(room: &Path, machine: &Machine, venv: &Venv, wheels: &[PathBuf]) -> Result<f64, String> {
    let server = ServerProcess::start(&room.join("depot"), ["--host", "127.0.0.1"]);
    let to = [server.url(), "/python/"].concat();
    let seconds = publish(room, machine, venv, (&to, "__token__", &server.token()), wheels)?;
    assert!(server.terminate().success());
    Ok(seconds)
}

fn to_devpi(room: &Path, machine: &Machine, venv: &Venv, wheels: &[PathBuf]) -> Result<f64, String> {
    let home = room.join("devpi");
    fs::create_dir(&home).unwrap();
    let devpi = Devpi::start(&home, machine, venv)?;
    let started = Instant::now();
    devpi.publish(machine, venv, wheels)?;
    Ok(started.elapsed().as_secs_f64())
}

/// pypiserver by its own command, with uploads for everyone.
fn to_pypiserver(room: &Path, machine: &Machine, venv: &Venv, wheels: &[PathBuf]) -> Result<f64, String> {
    let home = room.join("pypiserver");
    let packages = home.join("packages");
    fs::create_dir_all(&packages).unwrap();
    let address = free_address();
    let port = address.rsplit(':').next().unwrap();
    let mut command = venv.program(machine, Core::Server, "pypi-server", &home);
    command.args(["run", "--interface", "127.0.0.1", "--port", port, "--disable-fallback"]);
    command.args(["--authenticate", ".", "--passwords", "."]).arg(&packages);
    let deadline = Duration::from_mins(1);
    let url = format!("http://{address}");
    let service = Service::start(command, &url, "/simple/", &home.join("log"), deadline)?;
    let to = [service.url(), "/"].concat();
    let seconds = publish(room, machine, venv, (&to, "any", "any"), wheels)?;
    let arrived = fs::read_dir(&packages).unwrap().count();
    assert_eq!(arrived, wheels.len(), "pypiserver has fewer files than it was sent");
    Ok(seconds)
}

/// The seconds of `uv publish` as it comes, from its start to its end.
fn publish(
    room: &Path,
    machine: &Machine,
    venv: &Venv,
    (url, user, password): (&str, &str, &str),
    wheels: &[PathBuf],
) -> Result<f64, String> {
    let home = room.join("uv");
    fs::create_dir_all(&home).unwrap();
    let mut command = venv.program(machine, Core::Load, "uv", &home);
    command.args([
        "publish",
        "--no-config",
        "--no-cache",
        "--trusted-publishing",
        "never",
        "--publish-url",
        url,
    ]);
    command.args(["--username", user, "--password", password]).args(wheels);
    let started = Instant::now();
    let output = run(&mut command);
    let seconds = started.elapsed().as_secs_f64();
    if output.success() {
        return Ok(seconds);
    }
    eprintln!("uv publish said:\n{}", output.stderr);
    Err("uv publish failed".to_owned())
}
