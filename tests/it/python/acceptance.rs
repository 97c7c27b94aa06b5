//! What was saved installs where no index is: saved for three targets, pushed, and then with nobody to ask but the server.

mod cases;
mod installed;
mod synced;

use std::collections::BTreeMap;
use std::net::TcpListener;

use depot_tests::{Clients, FakeFile, FakeIndex, FakeIndexBuilder, SdistBuilder, Style, WheelBuilder, run};
use serde_json::Value;

use super::depot::Depot;
use super::saved::{Saved, result};

/// A target: as depot writes it, as pip takes it, and as uv does.
struct Other {
    /// `cp313-musllinux_1_2_aarch64`
    target: String,
    /// `3.13`
    python: String,
    /// What pip is told for `--platform`.
    pip: &'static [&'static str],
    /// What uv is told for `--python-platform`.
    uv: &'static str,
}

/// Another Python on another system, newer than this machine's, and an older one on a third.
fn others(host: u8) -> [Other; 2] {
    let newer = if host == 13 { 14 } else { 13 };
    let older = if host > 10 { 10 } else { 8 };
    [
        Other {
            target: format!("cp3{newer}-musllinux_1_2_aarch64"),
            python: format!("3.{newer}"),
            pip: &["musllinux_1_2_aarch64", "musllinux_1_1_aarch64"],
            uv: "aarch64-unknown-linux-musl",
        },
        Other {
            target: format!("cp3{older}-win_amd64"),
            python: format!("3.{older}"),
            pip: &["win_amd64"],
            uv: "x86_64-pc-windows-msvc",
        },
    ]
}

/// The Python of the clients.
struct Host {
    /// `11`
    minor: u8,
    /// `x86_64`
    machine: String,
}

impl Host {
    fn of(clients: &Clients) -> Self {
        let script = "import sys, platform; print(sys.version_info[1], platform.machine())";
        let said = clients.room().python(["-c", script]).assert_success().stdout;
        let (minor, machine) = said.trim().split_once(' ').unwrap();
        Self { minor: minor.parse().unwrap(), machine: machine.to_owned() }
    }

    /// The tag of a wheel that is compiled for it.
    fn tag(&self) -> String {
        let Self { minor, machine } = self;
        format!("cp3{minor}-cp3{minor}-{}", platform_tags(machine))
    }
}

fn platform_tags(machine: &str) -> String {
    format!("manylinux_2_17_{machine}.manylinux2014_{machine}.musllinux_1_1_{machine}")
}

/// What each of the targets gets of it:
///
/// * `shop` is pure, and needs `engine` (compiled for each Python; the newest not for the old one), `pixel` (compiled
///   for each platform) and `certs` (pure; the newest is yanked, or not final).
/// * `kiosk` needs what its markers say of the target.
/// * `legacy` is an sdist alone. What builds it is a wheel that needs an sdist, which needs another wheel to be built.
fn upstream(host: &Host) -> FakeIndexBuilder {
    let others = others(host.minor);
    let (newer, older) = (others[0].python.replace('.', ""), others[1].python.replace('.', ""));
    let engine = |version: &str, tag: &str| {
        WheelBuilder::new("engine", version).tag(tag).requires_dist("pixel>=3 ; extra == 'fast'")
    };
    let engine = |version: &str, tag: &str| engine(version, tag).metadata_line("Provides-Extra: fast");
    let pixel = |version: &str, tag: &str| WheelBuilder::new("pixel", version).tag(tag);
    let everywhere = [
        format!("cp37-abi3-{}", platform_tags(&host.machine)),
        "cp37-abi3-musllinux_1_1_aarch64".to_owned(),
        "cp37-abi3-win_amd64".to_owned(),
    ];
    let mut index = FakeIndex::builder(Style::Json)
        .wheel(
            &WheelBuilder::new("Shop", "1.0")
                .requires_dist("engine[fast]>=1")
                .requires_dist("certs")
                .requires_dist("extra-cost ; extra == 'nobody-asks'"),
        )
        .wheel(&engine("2.0", &host.tag()))
        .wheel(&engine("2.0", &format!("cp{newer}-cp{newer}-musllinux_1_2_aarch64")))
        .wheel(&engine("1.5", &host.tag()))
        .wheel(&engine("1.5", &format!("cp{older}-cp{older}-win_amd64")))
        .wheel(&WheelBuilder::new("certs", "2026.1"))
        .file("certs", FakeFile::from(&WheelBuilder::new("certs", "2026.2")).yanked("expired"))
        .wheel(&WheelBuilder::new("certs", "2027.0rc1"))
        .wheel(&WheelBuilder::new("extra-cost", "1"))
        .wheel(
            &WheelBuilder::new("kiosk", "4")
                .requires_dist("loop>=2 ; sys_platform != 'win32'")
                .requires_dist("loop<2 ; sys_platform == 'win32'")
                .requires_dist("colour ; platform_system == 'Windows'")
                .requires_dist(&format!("backport ; python_version < '{}'", others[0].python)),
        )
        .wheel(&WheelBuilder::new("loop", "1.9"))
        .wheel(&WheelBuilder::new("loop", "2.1"))
        .wheel(&WheelBuilder::new("loop", "3.0").requires_python(">=3.99"))
        .wheel(&WheelBuilder::new("colour", "0.4"))
        .wheel(&WheelBuilder::new("backport", "1.1"))
        .sdist(&SdistBuilder::new("legacy", "0.3").build_requires("maker>=1").backend("maker.backend"))
        .wheel(&WheelBuilder::new("maker", "1.2").requires_dist("maker-core").with_backend(&["maker_core"]))
        .sdist(&SdistBuilder::new("maker-core", "5").build_requires("chisel").backend("chisel.backend"))
        .wheel(&WheelBuilder::new("chisel", "1").with_backend(&[]));
    for tag in &everywhere {
        index = index.wheel(&pixel("3.1", tag));
    }
    index
}

/// An index that was saved and pushed from, and went down for good; and the server that has what was saved.
struct Moved {
    depot: Depot,
    saved: Saved,
    /// The first is that of this machine, the others are [`others`].
    targets: Vec<String>,
    /// What was chosen for each target, without what only builds.
    chosen: BTreeMap<String, Versions>,
    silence: Silence,
}

/// The version of each project.
type Versions = BTreeMap<String, String>;

impl Moved {
    /// Saves everything for the Python of the clients and for [`others`], and takes the index away.
    fn new(clients: &Clients) -> Self {
        let host = Host::of(clients);
        let mut index = upstream(&host).start();
        let saved = Saved::new();
        let mut targets = vec!["host".to_owned()];
        targets.extend(others(host.minor).map(|other| other.target));
        let mut args = vec!["shop", "kiosk", "legacy", "--format", "json"];
        args.extend(targets.iter().flat_map(|target| ["--target", target]));
        // What is on PATH is the Python that will install it.
        let room = clients.room();
        let bin = room.venv().parent().unwrap().to_owned();
        let said = run(saved.solve_command(&index.url(), &args).env("PATH", bin)).assert_success();
        assert!(!said.stderr.contains("warning"), "{}", said.stderr);
        let result = result(&said);
        let mut told = result["targets"].as_array().unwrap().iter().map(|target| target.as_str().unwrap());
        let this = told.find(|told| !targets[1..].iter().any(|other| other == told)).unwrap();
        this.clone_into(&mut targets[0]);
        assert!(targets[0].starts_with(&format!("cp3{}-", host.minor)), "{targets:?}");
        let chosen = chosen(&result);
        let depot = Depot::start();
        saved.push(&depot, &[]).assert_success();
        let silence = Silence::after(&mut index);
        Self { depot, saved, targets, chosen, silence }
    }

    /// The URL of the only index there is.
    fn url(&self) -> String {
        format!("{}/python/simple/", self.depot.url())
    }

    /// What was chosen for a target of these projects.
    fn versions(&self, target: &str, projects: &[&str]) -> Versions {
        let chosen = self.chosen[target].iter();
        chosen
            .filter(|(project, _)| projects.contains(&project.as_str()))
            .map(|(project, version)| (project.clone(), version.clone()))
            .collect()
    }
}

/// What a save chose for each target to run there.
fn chosen(result: &Value) -> BTreeMap<String, Versions> {
    let mut chosen: BTreeMap<String, Versions> = BTreeMap::new();
    for package in result["packages"].as_array().unwrap() {
        if package["for-build"] == true {
            continue;
        }
        for target in package["targets"].as_array().unwrap() {
            let versions = chosen.entry(target.as_str().unwrap().to_owned()).or_default();
            let text = |key: &str| package[key].as_str().unwrap().to_owned();
            versions.insert(text("project"), text("version"));
        }
    }
    chosen
}

/// Listens where an index was, and answers nobody.
struct Silence([TcpListener; 2]);

impl Silence {
    /// Takes the place of an index.
    fn after(index: &mut FakeIndex) -> Self {
        index.stop();
        let origins = [index.origin(), index.foreign_origin()];
        Self(origins.map(|origin| {
            let listener = TcpListener::bind(origin.strip_prefix("http://").unwrap()).unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        }))
    }

    /// Fails if anybody has asked since.
    #[track_caller]
    fn assert_unbroken(&self) {
        for listener in &self.0 {
            let asked = listener.accept();
            assert!(
                asked.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
                "somebody asked the index: {asked:?}"
            );
        }
    }
}
