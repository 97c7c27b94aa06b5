//! Pages, asked of depot and of the Python servers that people use, each alone on the server's core.

mod devpi;

use std::{env, fs, path::Path, process::Command, time::Duration};

use depot_tests::workspace_root;
pub(crate) use devpi::Devpi;
use serde_json::Value;

use crate::{
    Options,
    ask::{ACCEPT_HTML, ACCEPT_JSON, Headers, try_ask},
    machine::{Core, Machine},
    packages,
    process::{Service, free_address},
    serve, wrk,
};

/// Reading a folder of packages, or opening a database, may take a while.
const DEADLINE: Duration = Duration::from_mins(1);

/// How many requests gunicorn answers at once, and how many connections it keeps: as many as wrk has.
const THREADS: &str = "32";

/// The pages that are asked for: the project, its files, and the form.
const PAGES: [(&str, usize, &str, &str); 4] = [
    ("small", 3, "HTML", ACCEPT_HTML),
    ("small", 3, "JSON", ACCEPT_JSON),
    ("large", 500, "HTML", ACCEPT_HTML),
    ("large", 500, "JSON", ACCEPT_JSON),
];

/// What one server did.
pub(crate) struct Server {
    /// Its name, and its version.
    pub(crate) name: String,
    /// How it was started.
    pub(crate) started: &'static str,
    /// Requests a second for each of [`PAGES`], or why there are none.
    pub(crate) pages: Vec<Result<f64, String>>,
}

/// What was measured: depot first, then the others.
pub(crate) struct Beside {
    pub(crate) servers: Vec<Server>,
}

impl Beside {
    /// The names of the pages.
    pub(crate) fn pages() -> Vec<String> {
        PAGES.iter().map(|(_, files, form, _)| format!("page of {files} files, {form}")).collect()
    }
}

/// The folder with the programs of the virtual environment that `.ci/bench` makes.
pub(crate) struct Venv(std::path::PathBuf);

impl Venv {
    /// The environment, if it is there.
    pub(crate) fn find() -> Result<Self, String> {
        let folder = env::var_os("DEPOT_BENCH_VENV")
            .map_or_else(|| workspace_root().join("target/bench-venv"), Into::into);
        let bin = folder.join("bin");
        if bin.join("devpi-server").exists() {
            return Ok(Self(bin));
        }
        Err("the Python servers are not installed here; `.ci/bench` does it where PyPI can be reached"
            .to_owned())
    }

    /// One of its programs, on the core of servers, with a home of its own.
    pub(crate) fn program(&self, machine: &Machine, core: Core, name: &str, home: &Path) -> Command {
        let mut command = machine.command(core, self.0.join(name));
        command.env("HOME", home).env("PYTHONUNBUFFERED", "1").current_dir(home);
        command
    }

    /// uv, which runs on the Python here and looks for no other, nearby or elsewhere.
    pub(crate) fn uv(&self, machine: &Machine, home: &Path) -> Command {
        let mut command = self.program(machine, Core::Load, "uv", home);
        command.env("UV_PYTHON", self.0.join("python")).env("UV_PYTHON_DOWNLOADS", "never");
        command
    }

    /// gunicorn at this address, with one worker of so many threads; what it runs is to be said yet.
    pub(crate) fn gunicorn(&self, machine: &Machine, home: &Path, address: &str, threads: &str) -> Command {
        let mut command = self.program(machine, Core::Server, "gunicorn", home);
        command.args([
            "--workers",
            "1",
            "--threads",
            threads,
            "--graceful-timeout",
            "1",
            "--keep-alive",
            "60",
        ]);
        command.args(["--bind", address]);
        command
    }

    /// The name and version of a package of it.
    pub(crate) fn version(&self, package: &str) -> String {
        let site = self.0.parent().unwrap().join("lib");
        let folders = fs::read_dir(site).unwrap().flatten().flat_map(|python| {
            fs::read_dir(python.path().join("site-packages")).into_iter().flatten().flatten()
        });
        let start = format!("{}-", package.replace('-', "_"));
        let mut names = folders.filter_map(|entry| entry.file_name().into_string().ok());
        let version =
            names.find_map(|name| Some(name.strip_prefix(&start)?.strip_suffix(".dist-info")?.to_owned()));
        format!("{package} {}", version.unwrap_or_default())
    }
}

/// Feeds the same wheels to every server and asks each for the same pages.
pub(crate) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Result<Beside, String> {
    if machine.wrk.is_none() {
        return Err("wrk not installed here".to_owned());
    }
    let venv = Venv::find()?;
    let tree = folder.join("tree");
    packages::save_project(&tree, "small", 3, |_| 100);
    packages::save_project(&tree, "large", 500, |_| 100);
    let depot = serve::start(folder, machine);
    packages::push(&tree, &depot);
    let flat = wheels(&tree, &folder.join("wheels"));

    let room = |name: &str| {
        let path = folder.join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let load = |url: &str, prefix: &str| load(folder, machine, options, url, prefix);
    let mut servers = vec![Server {
        name: "depot".to_owned(),
        started: "`depot-server serve`",
        pages: load(depot.url(), "/python/simple"),
    }];
    let mut add = |name: &str, started, prefix: &str, service: Result<Service, String>| {
        let pages = match &service {
            Ok(service) => load(service.url(), prefix),
            Err(error) => PAGES.iter().map(|_| Err(error.clone())).collect(),
        };
        servers.push(Server { name: venv.version(name), started, pages });
    };
    let start = |command, address: &str, path: &str, home: &Path| {
        Service::start(command, &format!("http://{address}"), path, &home.join("log"), DEADLINE)
    };

    let (home, address) = (room("pypiserver"), free_address());
    let application = format!(
        "import pypiserver\napp = pypiserver.app(roots=[{:?}], backend_arg='cached-dir', disable_fallback=True)\n",
        flat.display().to_string()
    );
    fs::write(home.join("bench_wsgi.py"), application).unwrap();
    let mut command = venv.gunicorn(machine, &home, &address, THREADS);
    command.arg("bench_wsgi:app");
    let started = "under gunicorn, one worker of 32 threads, with its cached backend";
    add("pypiserver", started, "/simple", start(command, &address, "/simple/small/", &home));

    let (home, address) = (room("proxpi"), free_address());
    let mut command = venv.gunicorn(machine, &home, &address, THREADS);
    command.arg("proxpi.server:app").env("PROXPI_INDEX_URL", format!("{}/python/simple/", depot.url()));
    command.env("PROXPI_LOGGING_LEVEL", "WARNING");
    let started = "under gunicorn, one worker of 32 threads; depot is the index that it has cached";
    add("proxpi", started, "/index", start(command, &address, "/index/small/", &home));

    let (home, address) = (room("simple-repository-server"), free_address());
    let mut command = venv.program(machine, Core::Server, "simple-repository-server", &home);
    let port = address.rsplit(':').next().unwrap();
    command.args(["--host", "127.0.0.1", "--port", port]).arg(&flat);
    let started = "its own command, over a folder";
    add("simple-repository-server", started, "/simple", start(command, &address, "/simple/small/", &home));

    let devpi = Devpi::start(&room("devpi"), machine, &venv);
    let pages = match &devpi {
        Ok(devpi) => match devpi.publish(machine, &venv, &paths(&flat)) {
            Ok(()) => load(devpi.url(), "/root/bench/+simple"),
            Err(error) => PAGES.iter().map(|_| Err(error.clone())).collect(),
        },
        Err(error) => PAGES.iter().map(|_| Err(error.clone())).collect(),
    };
    servers.push(Server {
        name: venv.version("devpi-server"),
        started: "its own command, with its settings as they come, filled by `uv publish`",
        pages,
    });
    Ok(Beside { servers })
}

/// The wheels of a tree, in a folder for each project, without what is depot's.
fn wheels(tree: &Path, to: &Path) -> std::path::PathBuf {
    for path in paths(&tree.join("files")) {
        let project = to.join(path.parent().unwrap().file_name().unwrap());
        fs::create_dir_all(&project).unwrap();
        fs::hard_link(&path, project.join(path.file_name().unwrap())).unwrap();
    }
    to.to_owned()
}

/// The wheels in the folders of a folder, sorted.
pub(crate) fn paths(folder: &Path) -> Vec<std::path::PathBuf> {
    let projects = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files =
        projects.flat_map(|project| fs::read_dir(project).unwrap().map(|entry| entry.unwrap().path()));
    let mut wheels: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "whl")).collect();
    wheels.sort();
    wheels
}

/// Requests a second of every page that the server has.
fn load(
    folder: &Path,
    machine: &Machine,
    options: &Options,
    url: &str,
    prefix: &str,
) -> Vec<Result<f64, String>> {
    let one = |(project, files, form, accept): (&str, usize, &str, &str)| {
        let path = format!("{prefix}/{project}/");
        let headers: Headers = vec![("Accept", accept.to_owned())];
        let asked = try_ask(url, &path, &headers);
        let answer = asked.map_err(|error| format!("it does not answer within a minute ({error})"))?.answer;
        if answer.status != 200 {
            return Err(format!("it answers {}", answer.status));
        }
        let is_json = answer.content_type.ends_with("+json");
        if is_json != (form == "JSON") {
            return Err(format!("it has no {form}"));
        }
        let listed = if is_json {
            let page: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            page["files"].as_array().map_or(0, Vec::len)
        } else {
            String::from_utf8_lossy(&answer.body).matches("<a ").count()
        };
        if listed != files {
            return Err(format!("it lists {listed} of {files} files"));
        }
        let load = wrk::load(
            folder,
            machine,
            &format!("{url}{path}"),
            &headers,
            answer.body.len(),
            options.seconds,
        )?;
        eprintln!("{url}{path} as {form}: {:.0}/s", load.requests);
        Ok(load.requests)
    };
    PAGES.into_iter().map(one).collect()
}
