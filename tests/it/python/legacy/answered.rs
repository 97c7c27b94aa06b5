//! Who is refused reads why, whatever they send: real uploaders with a file that no buffer holds.

use std::fs;
use std::process::Command;

use depot_tests::{Clients, Output, Room, WheelBuilder, counted, run};

use crate::python::depot::{Depot, assert_refused};

/// More than the system takes of what nobody reads.
const LARGE: usize = 24 << 20;

/// What an uploader says of an upload, in one line.
fn said(output: &Output) -> String {
    format!("{} {}", output.stdout, output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn twine(room: &Room, url: &str, password: &str) -> Output {
    let mut command = room.command("twine");
    command.args(["--no-color", "upload", "--non-interactive", "--disable-progress-bar", "--repository-url"]);
    command.args([url, "-u", "__token__", "-p", password, WHEEL]);
    run(&mut command)
}

fn uv(room: &Room, url: &str, password: &str) -> Output {
    let mut command = room.command("uv");
    command.args([
        "publish",
        "--trusted-publishing",
        "never",
        "--publish-url",
        url,
        "--token",
        password,
        WHEEL,
    ]);
    run(&mut command)
}

/// The status that curl sees; none where it sees no answer.
fn curl(room: &Room, url: &str, password: &str, file: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("curl");
    command.current_dir(room.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(["-sS", "-o", "answer", "-w", "%{http_code}", "-u", &format!("__token__:{password}")]);
    command.args(["-F", ":action=file_upload", "-F", &format!("content=@{file}")]).args(more).arg(url);
    let output = run(&mut command);
    (output.code, output.stdout)
}

const WHEEL: &str = "tea_pot-1.0-py3-none-any.whl";

#[test]
fn whoever_sends_a_large_file_and_is_refused_reads_why() {
    let Some(clients) = Clients::find() else { return };
    let (depot, room) = (Depot::start(), clients.room());
    let reader = depot.new_token("reader", &["read"]);
    let (wheel, mut read) = (WheelBuilder::new("tea-pot", "1.0").random_file("tea_pot/data", LARGE, 1), 0);
    fs::write(room.path().join(WHEEL), wheel.build()).unwrap();
    fs::write(room.path().join("small.whl"), vec![b'x'; 5 << 20]).unwrap();
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    for (path, token, status, words) in [
        ("/python/", "depot_wrong", "401", "the token"),
        ("/legacy/", reader.as_str(), "403", "push-new"),
        ("/python/simple/", reader.as_str(), "405", "upload to `/python/`"),
        ("/nowhere/", reader.as_str(), "404", "nothing is served at this path"),
    ] {
        let url = format!("{}{path}", depot.url());
        // The two that Python's libraries send by, and the one that Rust's do.
        for output in [twine(&room, &url, token), uv(&room, &url, token)] {
            let said = said(&output);
            assert!(!output.success() && said.contains(status), "{path}: {said}");
            assert!(said.contains(words) || status == "401", "{path}: {said}");
            read += 1;
        }
        if has_curl {
            // Asking before it sends, sending at once, and without a word about how much it is going to be.
            for (file, lines) in [
                (WHEEL, &[][..]),
                (WHEEL, &["-H", "Expect:"]),
                ("small.whl", &["-H", "Expect:", "-H", "Transfer-Encoding: chunked"]),
            ] {
                let seen = curl(&room, &url, token, file, lines);
                assert_eq!(seen, (Some(0), status.to_owned()), "{path} {lines:?}");
                read += 1;
            }
        }
    }
    assert!(depot.listed("tea-pot").is_empty());
    depot.assert_tmp_is_empty();
    counted("legacy", "uploaders of a large file that read why it was refused", read);
}

#[test]
fn the_same_goes_for_every_other_door() {
    let depot = Depot::start();
    let body = vec![b' '; 5 << 20];
    for (method, path) in [
        ("PUT", "/python/simple/tea-pot/tea_pot-1.0-py3-none-any.whl"),
        ("POST", "/python/_/plan"),
        ("POST", "/python/_/yank"),
        ("PUT", "/python/_/projects/tea-pot"),
        ("POST", "/api/tokens"),
        ("POST", "/api/users"),
        ("DELETE", "/api/tokens"),
    ] {
        let refused = depot.request(method, path, None, "", &body);
        assert_refused(&refused, 401, "unauthenticated");
        let refused = depot.request(method, path, Some("depot_wrong"), "", &body);
        assert_refused(&refused, 401, "invalid-token");
    }
    for (method, path, status) in [("POST", "/elsewhere", 404), ("PATCH", "/healthz", 405)] {
        assert_eq!(depot.request(method, path, None, "", &body).status, status, "{path}");
    }
}
