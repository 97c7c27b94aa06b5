//! Secrets that uploaders send: in credentials, in addresses, in forms.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{Client, Clients, Room, WheelBuilder, run};

use super::Search;
use crate::python::depot::Depot;

pub(super) const WRONG: &str = "depot_canary.wrong.c4naryc4naryc4nary";
pub(super) const PASSWORD: &str = "canary-password-1";

/// The uploaders that are here, each with these credentials, told as each is told; what they upload is in `dist/`.
fn uploaders(room: &Room, url: &str, password: &str) -> Vec<Command> {
    let wheel = "dist/teapot-1.0-py3-none-any.whl";
    let mut twine = room.command("twine");
    twine.args([
        "upload",
        "--verbose",
        "--non-interactive",
        "--disable-progress-bar",
        "--repository-url",
        url,
        wheel,
    ]);
    twine.env("TWINE_USERNAME", "ann").env("TWINE_PASSWORD", password);
    let mut uv = room.command("uv");
    uv.args(["publish", "--trusted-publishing", "never", "--publish-url", url, wheel]);
    uv.env("UV_PUBLISH_USERNAME", "ann").env("UV_PUBLISH_PASSWORD", password);
    let mut all = vec![twine, uv];
    if Clients::find_with(Client::Maturin).is_some() {
        let mut hatch = room.command_of(Client::Hatch);
        hatch.args(["publish", "--no-prompt", wheel]);
        hatch.env("HATCH_INDEX_REPO", url).env("HATCH_INDEX_USER", "ann").env("HATCH_INDEX_AUTH", password);
        let mut maturin = room.command_of(Client::Maturin);
        maturin.args(["upload", wheel]);
        maturin
            .env("MATURIN_REPOSITORY_URL", url)
            .env("MATURIN_USERNAME", "ann")
            .env("MATURIN_PASSWORD", password);
        all.extend([hatch, maturin]);
    }
    all
}

#[test]
fn no_secret_that_an_uploader_sends_is_found_again() {
    upload("trace");
}

#[test]
fn no_secret_that_an_uploader_sends_is_found_again_by_who_looks_for_something_else() {
    upload("debug");
}

/// Uploads rightly and wrongly, before a server that talks as much as this.
fn upload(level: &str) {
    let Some(clients) = Clients::find() else { return };
    let mut depot = Depot::start_with(&["--log", level]);
    let mut search = Search::default();
    let robot = depot.new_token("robot", &["push-new", "push", "read"]);
    search.add_token("a token that was made", &robot);
    search.add_token("the administrator's token", &depot.token());
    search.add("a token that is wrong", WRONG);
    search.add("a password", PASSWORD);
    search.add("a password in an address", "canary-url-2");
    search.add("a password in a form", "canary-form-3");
    let room = clients.room();
    let dist = room.path().join("dist");
    fs::create_dir(&dist).unwrap();
    let (url, teapot) = (format!("{}/python/", depot.url()), WheelBuilder::new("teapot", "1.0"));
    let address = url.replace("http://", "http://ann:canary-url-2@");
    fs::write(dist.join(teapot.filename()), teapot.build()).unwrap();
    for password in [WRONG, PASSWORD, &robot, &robot] {
        for mut command in uploaders(&room, &url, password) {
            run(&mut command);
        }
    }
    assert_eq!(depot.listed("teapot").len(), 1, "the right token publishes");
    // Other bytes, and credentials in the address, which some take from there.
    fs::write(dist.join(teapot.filename()), teapot.file("teapot/more.py", "x = 1\n").build()).unwrap();
    for url in [&url, &address] {
        for mut command in uploaders(&room, url, &robot) {
            run(&mut command);
        }
    }
    // What the server answers to each of these, by hand.
    let form = "--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\ncanary-form-3\r\n\
                --x\r\nContent-Disposition: form-data; name=\"canary-form-3\"; filename=\"x\"\r\n\r\nx\r\n--x--\r\n";
    let forms = [form.to_owned(), form.replace("--x--", "--x"), form.replace("form-data;", "canary;")];
    for password in [WRONG, PASSWORD, &robot] {
        let credentials = STANDARD.encode(format!("ann:{password}"));
        for form in &forms {
            for accept in ["*/*", "application/json", "text/html"] {
                let headers = format!(
                    "Authorization: Basic {credentials}\r\nContent-Type: multipart/form-data; boundary=x\r\nAccept: {accept}\r\n"
                );
                for path in ["/python/", "/legacy?password=canary-form-3", "/python/simple/"] {
                    let answer = depot.request("POST", path, None, &headers, form.as_bytes());
                    assert!(answer.status >= 400, "{path}");
                    search.look("a status line", answer.status_line.as_bytes());
                    search.look_at_answer(&format!("the answer to a form at {path}"), &answer);
                }
            }
        }
    }
    search.look_at_answer("what is measured", &depot.get("/metrics"));
    for line in depot.server().stderr().lines() {
        search.look("the log", line.as_bytes());
    }
    assert!(depot.server().stderr().contains(&level.to_uppercase()), "the log is as talkative as that");
    depot.stop();
    search.look_below(&depot.data_dir(), &["admin.token"]);
    search.assert_nothing_was_found();
}
