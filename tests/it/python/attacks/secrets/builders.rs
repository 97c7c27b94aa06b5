//! Secrets of the tools that build and publish in one go, and of those that read a project to publish it.

use std::fs;
use std::process::Command;

use depot_tests::{Client, Clients, Room, WheelBuilder, run};

use super::Search;
use super::uploaders::{PASSWORD, WRONG};
use crate::python::depot::Depot;

const PYPROJECT: &str = "[build-system]\nrequires = [\"flit_core >=3.11\"]\nbuild-backend = \"flit_core.buildapi\"\n\n[project]\n\
    name = \"teapot\"\nversion = \"1.0\"\ndescription = \"A pot\"\n";

/// A tool, the room it works in, and how it publishes to an address with this password.
type Publish = fn(&Room, &str, &str) -> Command;

fn flit(room: &Room, url: &str, password: &str) -> Command {
    let mut command = room.command_of(Client::Flit);
    command.arg("publish").env("SOURCE_DATE_EPOCH", "1600000000");
    command.env("FLIT_INDEX_URL", url).env("FLIT_USERNAME", "ann").env("FLIT_PASSWORD", password);
    command
}

fn pdm(room: &Room, url: &str, password: &str) -> Command {
    let mut command = room.command_of(Client::Pdm);
    command.args(["publish", "--no-build", "-v"]).env("PDM_PUBLISH_REPO", url);
    command.env("PDM_PUBLISH_USERNAME", "ann").env("PDM_PUBLISH_PASSWORD", password);
    command
}

fn poetry(room: &Room, url: &str, password: &str) -> Command {
    let mut command = room.command_of(Client::Poetry);
    command.args(["publish", "-r", "depot", "-vvv"]).env("POETRY_REPOSITORIES_DEPOT_URL", url);
    command.env("POETRY_HTTP_BASIC_DEPOT_USERNAME", "ann").env("POETRY_HTTP_BASIC_DEPOT_PASSWORD", password);
    command
}

fn hatch(room: &Room, url: &str, password: &str) -> Command {
    let mut command = room.command_of(Client::Hatch);
    command.args(["publish", "--no-prompt"]).env("HATCH_INDEX_REPO", url);
    command.env("HATCH_INDEX_USER", "ann").env("HATCH_INDEX_AUTH", password);
    command
}

fn maturin(room: &Room, url: &str, password: &str) -> Command {
    let mut command = room.command_of(Client::Maturin);
    command.args(["upload", WHEEL]).env("MATURIN_REPOSITORY_URL", url);
    command.env("MATURIN_USERNAME", "ann").env("MATURIN_PASSWORD", password);
    command
}

const WHEEL: &str = "dist/teapot-1.0-py3-none-any.whl";

/// Publishes rightly and wrongly, in every way that these tools are told how.
fn publish(client: Client, publish: Publish) {
    let Some(clients) = Clients::find_with(client) else { return };
    // What a keeper looks at who looks for something.
    let mut depot = Depot::start_with(&["--log", "debug"]);
    let mut search = Search::default();
    depot.new_user("ann", "canary-account-4", &[]);
    let robot = depot.new_token("robot", &["push-new", "push", "read"]);
    search.add_token("a token that was made", &robot);
    search.add_token("the administrator's token", &depot.token());
    search.add("a token that is wrong", WRONG);
    search.add("a password that is wrong", PASSWORD);
    search.add("a password in an address", "canary-url-2");
    search.add("the password of an account", "canary-account-4");
    let room = clients.room();
    let write = |path: &str, bytes: &[u8]| {
        let path = room.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("pyproject.toml", PYPROJECT.as_bytes());
    write("teapot/__init__.py", b"\"\"\"A pot.\"\"\"\n");
    write(WHEEL, &WheelBuilder::new("teapot", "1.0").build());
    let url = format!("{}/python/", depot.url());
    let named = |name: &str, secret: &str| url.replace("http://", &format!("http://{name}:{secret}@"));
    let token_in_address = named("__token__", &robot);
    for (address, password) in [
        (&*url, WRONG),
        (&url, PASSWORD),
        (&url, "canary-account-4"),
        (&url, "canary-account-4"),
        (&url, &robot),
        (&named("ann", "canary-url-2"), "canary-account-4"),
        (&named("ann", "canary-url-2"), &robot),
        (&token_in_address, &robot),
        (&url.replace("/python/", "/python/simple/"), &robot),
        (&url.replace("/python/", "/elsewhere/"), &robot),
    ] {
        run(&mut publish(&room, address, password));
    }
    assert!(!depot.listed("teapot").is_empty(), "{client:?}: the right password publishes");
    search.look_at_answer("what is measured", &depot.get("/metrics"));
    for file in ["cmdline", "environ", "comm"] {
        let shown = fs::read(format!("/proc/{}/{file}", depot.server().pid())).unwrap();
        search.look(&format!("/proc/PID/{file}"), &shown);
    }
    let log = depot.server().stderr();
    assert!(log.contains("DEBUG") && log.contains("POST"), "the log tells of uploads: {log}");
    for line in log.lines() {
        search.look("the log", line.as_bytes());
    }
    depot.stop();
    search.look_below(&depot.data_dir(), &["admin.token"]);
    search.assert_nothing_was_found();
}

#[test]
fn no_secret_that_flit_sends_is_found_again() {
    publish(Client::Flit, flit);
}

#[test]
fn no_secret_that_pdm_sends_is_found_again() {
    publish(Client::Pdm, pdm);
}

#[test]
fn no_secret_that_poetry_sends_is_found_again() {
    publish(Client::Poetry, poetry);
}

#[test]
fn no_secret_that_hatch_sends_is_found_again() {
    publish(Client::Hatch, hatch);
}

#[test]
fn no_secret_that_maturin_sends_is_found_again() {
    publish(Client::Maturin, maturin);
}
