//! Saved for three targets, and installed from the server alone.

use std::fs;
use std::path::Path;

use depot_tests::{Clients, FakeIndex, Room, SdistBuilder, Style, WheelBuilder, run, skipped};

use super::{Depot, Host, Moved, Other, Saved, Silence, Versions, others};

/// What `shop` needs, the same by its markers wherever pip runs.
const SHOP: [&str; 4] = ["certs", "engine", "pixel", "shop"];

/// What `kiosk` needs somewhere.
const KIOSK: [&str; 4] = ["backport", "colour", "kiosk", "loop"];

fn versions(list: &[(&str, &str)]) -> Versions {
    list.iter().map(|(project, version)| ((*project).to_owned(), (*version).to_owned())).collect()
}

/// What is installed in a room.
fn installed(room: &Room) -> Versions {
    let listed = room.pip(["list", "--format", "json"]).assert_success().stdout;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_lowercase();
    listed.iter().map(|one| (text(&one["name"]), text(&one["version"]))).collect()
}

/// The project and version of each wheel in a folder.
fn wheels(folder: &Path) -> Versions {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let split = |name: String| {
        let mut parts = name.split('-').map(str::to_owned);
        (parts.next().unwrap().replace('_', "-"), parts.next().unwrap())
    };
    names.map(split).collect()
}

/// What `uv pip compile` prints.
fn compiled(stdout: &str) -> Versions {
    let lines = stdout.lines().filter(|line| !line.trim_start().starts_with('#'));
    let pins = lines.filter_map(|line| line.trim().split_once("=="));
    pins.map(|(project, version)| (project.to_owned(), version.to_owned())).collect()
}

/// What uv resolves of these for another target.
fn uv_compile(room: &Room, url: &str, other: &Other, projects: &str) -> Versions {
    fs::write(room.path().join("in.txt"), projects).unwrap();
    let mut command = room.command("uv");
    command.args(["pip", "compile", "in.txt", "--quiet", "--default-index", url]);
    command.args(["--python-platform", other.uv, "--python-version", &other.python]);
    compiled(&run(&mut command).assert_success().stdout)
}

#[test]
fn what_is_saved_for_three_targets_installs_on_each_from_the_server_alone() {
    let Some(clients) = Clients::find() else { return };
    let moved = Moved::new(&clients);
    let url = moved.url();
    let this = &moved.targets[0];

    // On this machine with both installers; the sdist is built, and what builds it is built before.
    let all = versions(&[
        ("backport", "1.1"),
        ("certs", "2026.1"),
        ("engine", "2.0"),
        ("kiosk", "4"),
        ("legacy", "0.3"),
        ("loop", "2.1"),
        ("pixel", "3.1"),
        ("shop", "1.0"),
    ]);
    assert_eq!(moved.chosen[this], all);
    for uv in [false, true] {
        let room = clients.room();
        let names = ["shop", "kiosk", "legacy"];
        let said = if uv { room.uv_install(&url, names) } else { room.pip_install(&url, names) };
        said.assert_success();
        assert_eq!(installed(&room), all, "uv: {uv}");
        for module in ["shop", "engine", "legacy"] {
            assert_eq!(room.installed_version(module), all[module]);
        }
        room.pip(["check"]).assert_success();
    }

    let others = others(Host::of(&clients).minor);
    for (other, engine) in others.iter().zip(["2.0", "1.5"]) {
        let shop = versions(&[("certs", "2026.1"), ("engine", engine), ("pixel", "3.1"), ("shop", "1.0")]);
        assert_eq!(moved.versions(&other.target, &SHOP), shop, "{}", other.target);
        let room = clients.room();
        let folder = room.path().join("wheels");
        let mut args = vec!["--only-binary=:all:", "--python-version", &other.python, "shop"];
        args.extend(other.pip.iter().flat_map(|platform| ["--platform", platform]));
        room.pip_download(&url, &folder, &args).assert_success();
        assert_eq!(wheels(&folder), shop, "pip for {}", other.target);
        // Of markers pip knows those of the machine it runs on alone; uv knows those of the target.
        let everything = uv_compile(&room, &url, other, "shop\nkiosk\nlegacy\n");
        assert_eq!(everything, moved.chosen[&other.target], "uv for {}", other.target);
    }
    let kiosk = |at: usize| moved.versions(&moved.targets[at], &KIOSK);
    assert_eq!(kiosk(1), versions(&[("kiosk", "4"), ("loop", "2.1")]));
    let windows = versions(&[("backport", "1.1"), ("colour", "0.4"), ("kiosk", "4"), ("loop", "1.9")]);
    assert_eq!(kiosk(2), windows);
    moved.silence.assert_unbroken();
}

#[test]
fn nothing_is_saved_that_no_target_needs() {
    let Some(clients) = Clients::find() else { return };
    let moved = Moved::new(&clients);
    assert!(moved.saved.filenames("extra-cost").is_empty());
    assert_eq!(moved.saved.filenames("certs").len(), 1);
    assert_eq!(moved.saved.filenames("loop").len(), 2);
    assert_eq!(moved.saved.filenames("pixel").len(), 3);
    // Both Pythons that can have it share the newest, and the older one of this machine's wheels is not needed.
    assert_eq!(moved.saved.filenames("engine").len(), 3, "{:?}", moved.saved.filenames("engine"));
}

#[test]
fn an_sdist_builds_from_the_server_alone() {
    let Some(clients) = Clients::find() else { return };
    let moved = Moved::new(&clients);
    let url = moved.url();
    let room = clients.room();
    room.pip_install(&url, ["--no-binary", "legacy", "legacy"]).assert_success();
    assert_eq!(room.installed_version("legacy"), "0.3");
    // What built it stays in the environment it was built in.
    assert_eq!(installed(&room), versions(&[("legacy", "0.3")]));

    // An sdist that was unpacked, as by who changes something in it.
    let room = clients.room();
    fs::copy(moved.saved.path("legacy", "legacy-0.3.tar.gz"), room.path().join("legacy-0.3.tar.gz")).unwrap();
    let python = room.venv();
    let mut build = room.command("uv");
    build.args(["build", "--wheel", "--default-index", &url, "--out-dir", "out", "--python"]).arg(&python);
    run(build.arg("legacy-0.3.tar.gz")).assert_success();
    assert!(room.path().join("out").join("legacy-0.3-py3-none-any.whl").is_file());
    moved.silence.assert_unbroken();
}

#[test]
fn an_old_sdist_is_built_by_the_real_setuptools_from_the_server_alone() {
    let Some(clients) = Clients::find() else { return };
    // Since then it makes wheels by itself.
    let Some(setuptools) = clients.installed_wheel("setuptools", 71) else {
        skipped("building with the real setuptools: no client brought one that is new enough");
        return;
    };
    let setup =
        "from setuptools import setup\nsetup(name='relic', version='1.4', py_modules=['relic_module'])\n";
    let sdist = SdistBuilder::new("relic", "1.4")
        .raw_pkg_info("Metadata-Version: 1.0\nName: relic\nVersion: 1.4\n")
        .setup_py(setup)
        .file("relic_module.py", "__version__ = '1.4'\n");
    let mut index = FakeIndex::builder(Style::Json)
        .sdist(&sdist)
        .file("setuptools", setuptools)
        .wheel(&WheelBuilder::new("wheel", "0.46"))
        .start();
    let saved = Saved::new();
    let said = saved.solve(&index, &["relic", "--target", "host"]).assert_success();
    assert!(said.stderr.contains("warning: what relic 1.4 requires is only known once"), "{}", said.stderr);
    let depot = Depot::start();
    saved.push(&depot, &[]).assert_success();
    let silence = Silence::after(&mut index);
    let url = format!("{}/python/simple/", depot.url());
    for uv in [false, true] {
        let room = clients.room();
        let said = if uv { room.uv_install(&url, ["relic"]) } else { room.pip_install(&url, ["relic"]) };
        said.assert_success();
        assert_eq!(room.installed_version("relic_module"), "1.4", "uv: {uv}");
    }
    silence.assert_unbroken();
}

#[test]
fn an_sdist_does_not_build_where_what_builds_it_is_missing() {
    // So that the others of this page show something.
    let Some(clients) = Clients::find() else { return };
    let host = Host::of(&clients);
    let index = super::upstream(&host).start();
    let saved = Saved::new();
    saved.solve(&index, &["legacy", "--no-deps"]).assert_success();
    let depot = Depot::start();
    saved.push(&depot, &[]).assert_success();
    let room = clients.room();
    let said = room.pip_install(&format!("{}/python/simple/", depot.url()), ["legacy"]).assert_code(1);
    assert!(said.stderr.contains("No matching distribution found for maker"), "{}", said.stderr);
}
