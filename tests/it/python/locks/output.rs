//! `--pylock`: a lock of what was saved, which pip and uv install.

use std::fs;
use std::path::PathBuf;

use depot_tests::{Clients, FakeIndex, SdistBuilder, Style, WheelBuilder, run};

use crate::python::saved::Saved;

fn wheel(tag: &str) -> WheelBuilder {
    WheelBuilder::new("pot", "2.0")
        .tag(tag)
        .requires_dist("lid")
        .requires_dist("bell ; sys_platform == 'win32'")
}

/// Something compiled, something pure, something for one platform alone, an sdist, and a project whose newest version is
/// not for old Pythons.
fn index() -> FakeIndex {
    FakeIndex::builder(Style::Json)
        .wheel(&wheel("cp311-cp311-manylinux_2_17_x86_64"))
        .wheel(&wheel("cp311-cp311-win_amd64"))
        .wheel(&wheel("cp312-cp312-manylinux_2_17_x86_64"))
        .wheel(&wheel("cp312-cp312-win_amd64"))
        .wheel(&WheelBuilder::new("lid", "2.0").requires_python(">=3.12"))
        .wheel(&WheelBuilder::new("lid", "1.0").requires_python(">=3.8"))
        .wheel(&WheelBuilder::new("bell", "1"))
        .sdist(&SdistBuilder::new("cup", "1"))
        .start()
}

fn lock(saved: &Saved, index: &FakeIndex, args: &[&str]) -> (PathBuf, String) {
    let path = saved.around().join("pylock.toml");
    let common = ["pot", "cup", "--pylock", path.to_str().unwrap()];
    saved.solve(index, &[&common, args].concat()).assert_success();
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn a_lock_of_all_targets_has_a_marker_where_they_differ() {
    let (index, saved) = (index(), Saved::new());
    let (path, text) =
        lock(&saved, &index, &["--python", "3.11,3.12", "--platform", "linux", "--platform", "windows"]);
    for part in [
        "requires-python = \">=3.11\"",
        "\"python_version == '3.12' and sys_platform == 'win32' and platform_machine == 'AMD64' and platform_python_implementation == 'CPython'\"",
        "name = \"bell\"\nversion = \"1\"\nmarker = \"sys_platform == 'win32'\"\n",
        "name = \"pot\"\nversion = \"2.0\"\nindex = \"",
        "name = \"pot-2.0-cp311-cp311-win_amd64.whl\", url = \"",
        "sdist = { name = \"cup-1.tar.gz\"",
        "upload-time = 2024-05-06T07:08:09.000000Z, size = ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(text.matches("name = \"lid\"\n").count(), 2);
    assert_eq!(
        text.matches("python_version == '3.11' and").count(),
        4,
        "two environments, and lid in each of them: {text}"
    );
    // What depot writes, depot reads: the same files again.
    let again = Saved::new();
    again.save(&index, &["-r", path.to_str().unwrap()]).assert_success();
    for project in ["pot", "lid", "bell", "cup"] {
        assert_eq!(again.filenames(project), saved.filenames(project), "{project}");
    }
}

#[test]
fn pip_and_uv_install_what_was_locked() {
    let Some(clients) = Clients::find() else { return };
    let (index, saved) = (index(), Saved::new());
    let version = clients.room().python(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    let version = version.assert_success().stdout.trim().to_owned();
    if !["3.11", "3.12"].contains(&version.as_str()) {
        depot_tests::skipped(&format!(
            "pip and uv install a lock of ours: the wheels of the test are not for {version}"
        ));
        return;
    }
    let (path, _) =
        lock(&saved, &index, &["--python", "3.11,3.12", "--platform", "linux", "--platform", "windows"]);
    let lid = if version == "3.11" { "1.0" } else { "2.0" };
    let (one, other) = (clients.room(), clients.room());
    for room in [&one, &other] {
        fs::copy(&path, room.path().join("pylock.toml")).unwrap();
    }
    one.pip(["install", "--no-index", "-r", "pylock.toml"]).assert_success();
    assert_eq!(one.installed_version("lid"), lid);
    let mut command = other.command("uv");
    run(command.args(["pip", "sync", "--python"]).arg(other.venv()).arg("pylock.toml")).assert_success();
    assert_eq!(
        (other.installed_version("lid").as_str(), other.installed_version("cup").as_str()),
        (lid, "1")
    );
    assert!(!other.python(["-c", "import bell"]).success(), "it is for Windows alone");
}

#[test]
fn where_no_lock_can_be_written_none_is_and_it_is_said() {
    let (index, saved) = (index(), Saved::new());
    let path = saved.around().join("pylock.toml");
    let lock = path.to_str().unwrap();
    let said = saved
        .solve(&index, &["pot", "absent", "--python", "3.12", "--platform", "linux", "--pylock", lock])
        .assert_code(3);
    assert!(said.stderr.contains("is not written") && !path.exists(), "{}", said.stderr);
    saved.solve(&index, &["pot", "--dry-run", "--pylock", lock]).assert_code(2);
    fs::write(&path, "lock-version = '1.0'\npackages = []\n").unwrap();
    saved.solve(&index, &["-r", lock, "--pylock", lock]).assert_code(2);
    // Of one marker, and with other versions: the wheel of the one is too new for the other.
    let index = FakeIndex::builder(Style::Json)
        .wheel(&WheelBuilder::new("pan", "2").tag("py3-none-manylinux_2_34_x86_64"))
        .wheel(&WheelBuilder::new("pan", "1"))
        .start();
    let targets = ["--target", "cp312-manylinux_2_34_x86_64", "--target", "cp312-manylinux_2_17_x86_64"];
    let said = saved.solve(&index, &[&["pan", "--pylock", lock][..], &targets].concat()).assert_code(1);
    assert!(said.stderr.contains("no marker tells the two targets apart"), "{}", said.stderr);
}
