//! What the real installers make of a depot that is their only index.

mod choice;
mod metadata;
mod old_pip;
mod pipenv;
mod poetry;
mod private;
mod projects;

use depot_tests::{Clients, Room, SdistBuilder, WheelBuilder, sha256_hex};
use serde_json::json;

use super::index::{Built, Index};

/// A wheel that requires another, which has a local version, and an sdist with an epoch.
struct Kitchen {
    depot: Index,
    pot: Built,
    lid: Built,
    spout: Built,
}

impl Kitchen {
    fn new() -> Self {
        Self::over(Index::start())
    }

    fn over(depot: Index) -> Self {
        let pot = WheelBuilder::new("Tea.Pot", "1.2")
            .requires_dist("lid>=0.9")
            .requires_dist("spout-tools; extra == \"pouring\"")
            .metadata_line("Provides-Extra: pouring");
        Self {
            pot: depot.publish(&pot),
            lid: depot.publish(&WheelBuilder::new("Lid", "1.0+lab.2").requires_python(">=3.8")),
            spout: depot.publish(&SdistBuilder::new("spout-tools", "1!2.0").requires_python(">=3.8")),
            depot,
        }
    }

    /// A requirements file with a hash for each file.
    fn locked(&self) -> String {
        let line = |requirement: &str, file: &Built| {
            format!("{requirement} --hash=sha256:{}\n", sha256_hex(&file.bytes))
        };
        [
            line("tea-pot[pouring]==1.2", &self.pot),
            line("lid==1.0+lab.2", &self.lid),
            line("spout-tools==1!2.0", &self.spout),
        ]
        .concat()
    }
}

/// A version that is good, a later one that is yanked, and one that is not final.
fn three_lids() -> Index {
    let depot = Index::start();
    depot.publish(&WheelBuilder::new("lid", "1.0"));
    depot.publish_with(&WheelBuilder::new("lid", "2.0"), &json!({ "yanked": "too <hot> & \"loud\"" }));
    depot.publish(&WheelBuilder::new("lid", "3.0rc1"));
    depot
}

#[track_caller]
fn assert_all_installed(room: &Room) {
    assert_eq!(room.installed_version("tea_pot"), "1.2");
    assert_eq!(room.installed_version("lid"), "1.0+lab.2");
    assert_eq!(room.installed_version("spout_tools"), "1!2.0");
    assert_eq!(room.pip(["check"]).assert_success().stdout.trim(), "No broken requirements found.");
}

#[test]
fn pip_installs_with_extras_and_dependencies() {
    let Some(clients) = Clients::find() else { return };
    let (kitchen, room) = (Kitchen::new(), clients.room());
    let output = room.pip_install(&kitchen.depot.url(), ["Tea_Pot[pouring]"]).assert_success();
    assert!(!output.stderr.contains("WARNING"), "{}", output.stderr);
    assert_all_installed(&room);
}

#[test]
fn uv_installs_with_extras_and_dependencies() {
    let Some(clients) = Clients::find() else { return };
    let (kitchen, room) = (Kitchen::new(), clients.room());
    let output = room.uv_install(&kitchen.depot.url(), ["Tea_Pot[pouring]"]).assert_success();
    assert!(!output.stderr.contains("warning"), "{}", output.stderr);
    assert_all_installed(&room);
}

#[test]
fn pip_and_uv_need_no_slash_at_the_end_of_the_index_url() {
    let Some(clients) = Clients::find() else { return };
    let kitchen = Kitchen::new();
    let url = kitchen.depot.url();
    let url = url.trim_end_matches('/');
    let (for_pip, for_uv) = (clients.room(), clients.room());
    for_pip.pip_install(url, ["tea-pot"]).assert_success();
    for_uv.uv_install(url, ["tea-pot"]).assert_success();
    assert_eq!(
        (for_pip.installed_version("lid"), for_uv.installed_version("lid")),
        ("1.0+lab.2".into(), "1.0+lab.2".into())
    );
}

#[test]
fn pip_and_uv_install_what_is_locked_by_hashes() {
    let Some(clients) = Clients::find() else { return };
    let kitchen = Kitchen::new();
    let url = kitchen.depot.url();
    for uv in [false, true] {
        let room = clients.room();
        std::fs::write(room.path().join("locked.txt"), kitchen.locked()).unwrap();
        let args = ["--require-hashes", "-r", "locked.txt"];
        let output = if uv { room.uv_install(&url, args) } else { room.pip_install(&url, args) };
        output.assert_success();
        assert_all_installed(&room);

        // And nothing that is not what was locked.
        let room = clients.room();
        let wrong = kitchen.locked().replace(&kitchen.lid.sha256(), &kitchen.pot.sha256());
        std::fs::write(room.path().join("locked.txt"), wrong).unwrap();
        let output = if uv { room.uv_install(&url, args) } else { room.pip_install(&url, args) };
        assert!(!output.success(), "uv: {uv}");
    }
}

#[test]
fn pip_downloads_the_very_bytes() {
    let Some(clients) = Clients::find() else { return };
    let (kitchen, room) = (Kitchen::new(), clients.room());
    let folder = room.path().join("wheels");
    let args = ["--no-deps", "tea-pot", "lid", "spout-tools"];
    room.pip_download(&kitchen.depot.url(), &folder, args).assert_success();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        names.push(entry.unwrap().file_name().into_string().unwrap());
    }
    names.sort();
    let mut expected = Vec::new();
    for file in [&kitchen.pot, &kitchen.lid, &kitchen.spout] {
        assert!(std::fs::read(folder.join(&file.filename)).unwrap() == file.bytes, "{}", file.filename);
        expected.push(file.filename.clone());
    }
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn uv_reads_a_page_as_html_where_it_is_given_as_a_list_of_links() {
    let Some(clients) = Clients::find() else { return };
    let (kitchen, room) = (Kitchen::over(Index::start_logging()), clients.room());
    let python = room.venv();
    let url = kitchen.depot.url();
    let mut command = room.command("uv");
    command.args(["pip", "install", "--no-index", "--python"]).arg(python);
    for project in ["tea-pot", "lid", "spout-tools"] {
        command.args(["--find-links", &format!("{url}{project}/")]);
    }
    let output = depot_tests::run(command.arg("tea-pot[pouring]")).assert_success();
    assert!(!output.stderr.contains("warning"), "{}", output.stderr);
    assert_all_installed(&room);
    let requests = kitchen.depot.requests();
    let page = ("GET".to_owned(), "/python/simple/lid/".to_owned());
    assert!(requests.contains(&page), "{requests:?}");
}

#[test]
fn a_new_upload_is_seen_at_once_by_clients_that_have_been_here_before() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start();
    let (for_pip, for_uv) = (clients.room(), clients.room());
    let url = depot.url();
    for version in ["1.0", "1.1", "1.2"] {
        depot.publish(&WheelBuilder::new("lid", version));
        // A cached page is used only after it was asked for again.
        for_pip.pip_install(&url, ["--upgrade", "--trusted-host", "127.0.0.1", "lid"]).assert_success();
        for_uv.uv_install(&url, ["--upgrade", "lid"]).assert_success();
        assert_eq!(for_pip.installed_version("lid"), version);
        assert_eq!(for_uv.installed_version("lid"), version);
    }
}

#[test]
fn an_unknown_project_is_an_error_that_names_it() {
    let Some(clients) = Clients::find() else { return };
    let (kitchen, room) = (Kitchen::new(), clients.room());
    let url = kitchen.depot.url();
    let output = room.pip_install(&url, ["kettle"]).assert_code(1);
    assert!(output.stderr.contains("No matching distribution found for kettle"), "{}", output.stderr);
    let output = room.uv_install(&url, ["kettle"]).assert_code(1);
    assert!(output.stderr.contains("kettle was not found in the package registry"), "{}", output.stderr);
}
