//! pip as it was in 2023, with a depot as its only index.

use std::fs;

use depot_tests::{Client, Clients, Output, Room, run};

use super::{Kitchen, assert_all_installed, three_lids};
use crate::python::index::Index;

/// Runs the old pip with these arguments, for the virtual environment of this room.
fn old_pip(room: &Room, args: &[&str]) -> Output {
    run(room.command_of(Client::OldPip).args(args))
}

fn install(room: &Room, index_url: &str, args: &[&str]) -> Output {
    old_pip(room, &[&["install", "--index-url", index_url], args].concat())
}

#[test]
fn an_old_pip_installs_with_extras_and_dependencies() {
    let Some(clients) = Clients::find_with(Client::OldPip) else { return };
    let (kitchen, room) = (Kitchen::over(Index::start_logging()), clients.room());
    let version = old_pip(&room, &["--version"]).assert_success().stdout;
    assert!(version.starts_with("pip 23."), "{version}");
    let before = kitchen.depot.requests().len();
    let output = install(&room, &kitchen.depot.url(), &["Tea_Pot[pouring]"]).assert_success();
    assert!(!output.stderr.contains("WARNING"), "{}", output.stderr);
    assert_all_installed(&room);
    let requests = kitchen.depot.requests().split_off(before);
    let metadata = requests.iter().filter(|(_, path)| path.ends_with(".whl.metadata")).count();
    assert_eq!(metadata, 2, "it resolves from the metadata: {requests:?}");
}

#[test]
fn an_old_pip_installs_what_is_locked_by_hashes_and_nothing_else() {
    let Some(clients) = Clients::find_with(Client::OldPip) else { return };
    let kitchen = Kitchen::new();
    let wrong = kitchen.locked().replace(&kitchen.lid.sha256(), &kitchen.pot.sha256());
    let args = ["--require-hashes", "-r", "locked.txt"];
    let room = clients.room();
    fs::write(room.path().join("locked.txt"), wrong).unwrap();
    let refused = install(&room, &kitchen.depot.url(), &args).assert_code(1);
    assert!(refused.stderr.contains("DO NOT MATCH THE HASHES"), "{}", refused.stderr);
    fs::write(room.path().join("locked.txt"), kitchen.locked()).unwrap();
    install(&room, &kitchen.depot.url(), &args).assert_success();
    assert_all_installed(&room);
}

#[test]
fn an_old_pip_reads_a_private_depot_with_a_token_in_the_url() {
    let Some(clients) = Clients::find_with(Client::OldPip) else { return };
    let (kitchen, room) = (Kitchen::over(Index::start_private()), clients.room());
    assert!(!install(&room, &kitchen.depot.url(), &["tea-pot"]).success());
    let output = install(&room, &kitchen.depot.url_with_token(), &["tea-pot[pouring]"]).assert_success();
    assert_all_installed(&room);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(!said.contains(&kitchen.depot.token()), "{said}");
}

#[test]
fn an_old_pip_passes_over_yanked_files_and_pre_releases_unless_they_are_named() {
    let Some(clients) = Clients::find_with(Client::OldPip) else { return };
    let depot = three_lids();
    let room = clients.room();
    for (args, version) in
        [(&["lid"][..], "1.0"), (&["lid==2.0"], "2.0"), (&["--upgrade", "--pre", "lid"], "3.0rc1")]
    {
        let output = install(&room, &depot.url(), args).assert_success();
        assert_eq!(room.installed_version("lid"), version);
        assert_eq!(output.stderr.contains("too <hot> & \"loud\""), version == "2.0", "{}", output.stderr);
    }
}

#[test]
fn an_old_pip_downloads_the_very_bytes_and_lists_versions() {
    let Some(clients) = Clients::find_with(Client::OldPip) else { return };
    let (kitchen, room) = (Kitchen::new(), clients.room());
    let url = kitchen.depot.url();
    old_pip(&room, &["download", "--index-url", &url, "--no-deps", "--dest", "files", "tea-pot", "lid"])
        .assert_success();
    for file in [&kitchen.pot, &kitchen.lid] {
        assert!(fs::read(room.path().join("files").join(&file.filename)).unwrap() == file.bytes);
    }
    let listed = old_pip(&room, &["index", "versions", "--index-url", &url, "lid"]).assert_success();
    assert!(listed.stdout.contains("Available versions: 1.0+lab.2\n"), "{}", listed.stdout);
}
