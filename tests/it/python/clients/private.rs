//! A private depot, and the places where pip and uv keep a token for it.

use depot_tests::Clients;

use super::{Kitchen, assert_all_installed};
use crate::python::index::Index;

fn private_kitchen() -> Kitchen {
    Kitchen::over(Index::start_private())
}

#[test]
fn without_a_token_nothing_is_installed() {
    let Some(clients) = Clients::find() else { return };
    let (kitchen, room) = (private_kitchen(), clients.room());
    let url = kitchen.depot.url();
    let output = room.pip_install(&url, ["tea-pot"]);
    assert!(!output.success(), "{}", output.stderr);
    let output = room.uv_install(&url, ["tea-pot"]);
    assert!(!output.success(), "{}", output.stderr);
    assert!(output.stderr.contains("401") || output.stderr.contains("authentication"), "{}", output.stderr);
}

#[test]
fn a_token_in_the_index_url_is_enough() {
    let Some(clients) = Clients::find() else { return };
    let kitchen = private_kitchen();
    let token = kitchen.depot.token();
    let as_password = kitchen.depot.url_with_token();
    let as_user = as_password.replace("__token__:", "");
    for url in [as_password, as_user] {
        let (for_pip, for_uv) = (clients.room(), clients.room());
        let by_pip = for_pip.pip_install(&url, ["tea-pot[pouring]"]).assert_success();
        let by_uv = for_uv.uv_install(&url, ["tea-pot[pouring]"]).assert_success();
        assert_all_installed(&for_pip);
        assert_all_installed(&for_uv);
        let said = [by_pip.stdout, by_pip.stderr, by_uv.stdout, by_uv.stderr, kitchen.depot.log()];
        assert!(said[1..].iter().all(|said| !said.contains(&token)), "a token was printed: {said:?}");
    }
}

#[test]
fn a_token_in_netrc_is_enough() {
    let Some(clients) = Clients::find() else { return };
    let kitchen = private_kitchen();
    let url = kitchen.depot.url();
    for uv in [false, true] {
        let room = clients.room();
        let netrc = format!("machine 127.0.0.1\nlogin __token__\npassword {}\n", kitchen.depot.token());
        std::fs::write(room.home().join(".netrc"), netrc).unwrap();
        let args = ["tea-pot[pouring]"];
        let output = if uv { room.uv_install(&url, args) } else { room.pip_install(&url, args) };
        output.assert_success();
        assert_all_installed(&room);
    }
}

#[test]
fn a_token_in_the_environment_is_enough_for_uv() {
    let Some(clients) = Clients::find() else { return };
    let (kitchen, room) = (private_kitchen(), clients.room());
    let python = room.venv();
    let mut command = room.command("uv");
    command
        .args(["pip", "install", "--index", &format!("depot={}", kitchen.depot.url())])
        .args(["--default-index", &kitchen.depot.url(), "--python"])
        .arg(python)
        .arg("tea-pot[pouring]")
        .env("UV_INDEX_DEPOT_USERNAME", "__token__")
        .env("UV_INDEX_DEPOT_PASSWORD", kitchen.depot.token());
    depot_tests::run(&mut command).assert_success();
    assert_all_installed(&room);
}
