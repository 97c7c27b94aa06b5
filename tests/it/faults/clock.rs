//! The wall clock jumps while the server runs: tokens are judged by it, and nothing else minds.

use std::thread;
use std::time::Duration;

use depot_tests::{counted, run};
use tempfile::tempdir;

use super::shim::Shim;
use super::world::{Upload, Way, World, open};
use crate::wire::Wire;

const YEAR: i64 = 365 * 24 * 60 * 60;

/// The status of an upload with this token: 400 if it is let in, as the file is none.
fn status(url: &str, token: &str) -> u16 {
    let mut wire = Wire::open(url, token).unwrap();
    wire.put_bytes("other", "other-1-py3-none-any.whl", b"no wheel").unwrap().status
}

#[test]
fn a_clock_that_jumps_ends_tokens_and_nothing_else() {
    let Some(shim) = Shim::new("a clock that jumps") else { return };
    let folder = tempdir().unwrap();
    let mut world = World::new(folder.path());
    let server = shim.start(folder.path());
    let mut command = std::process::Command::new(depot_tests::binary("depot-server"));
    // Of ten years, so that it outlives what the bootstrap token does not.
    command.env_clear().args(["token", "create", "--user", "robot", "--expires-days", "3650"]);
    command.args(["--scope", "admin:*:*", "--data-dir"]).arg(folder.path());
    let lasting = run(&mut command).assert_success().stdout.trim().to_owned();
    let short = server.token();
    let first = Upload::wheel(Way::Announced, "kept", "1.0", 100);
    world.upload(&server, &first, "before any jump");

    // Opened before the jumps, and used after each.
    let mut kept = open(&server);
    let jumps = [
        (YEAR, 401, 400),
        (0, 400, 400),
        (-YEAR, 401, 401),
        (0, 400, 400),
        (11 * YEAR, 401, 401),
        (0, 400, 400),
    ];
    for (number, (ahead, of_short, of_lasting)) in jumps.into_iter().enumerate() {
        let what = format!("{} days ahead", ahead / (24 * 60 * 60));
        shim.set_clock(ahead);
        // A token from the future is none yet, and an old one none any more.
        assert_eq!(
            (status(server.url(), &short), status(server.url(), &lasting)),
            (of_short, of_lasting),
            "{what}"
        );
        // Pages and files are read without a token, by old connections and new ones.
        let anonymous = depot_tests::send(
            server.url(),
            "GET /python/simple/kept/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        );
        assert_eq!(anonymous.unwrap().status, 200, "{what}");
        if of_lasting == 400 {
            let upload = Upload::wheel(Way::Bytes, "kept", &format!("2.{number}"), 10);
            let answer = upload.perform(&mut Wire::open(server.url(), &lasting).unwrap());
            assert!(world.take(&upload, &answer, &what), "{what}: {answer:?}");
        }
        // Whatever is timed is timed by the other clock.
        thread::sleep(Duration::from_millis(300));
        let ready = kept.request("GET", "/healthz", "", b"").map(|answer| answer.status);
        assert!(matches!(ready, Ok(200 | 401)), "{what}: {ready:?}");
    }
    // The journal goes by its serials: they follow each other whatever its times say.
    world.check(&server, "after the jumps");
    assert_eq!(server.terminate().code(), Some(0));

    // Started while the clock is wrong, and again when it is right.
    for ahead in [-YEAR, YEAR, 0] {
        let what = format!("started {ahead} s ahead");
        shim.set_clock(ahead);
        let server = shim.start(folder.path());
        world.check_started(&server, &what);
        let upload = Upload::wheel(Way::Bytes, "kept", &format!("3.{}", ahead + YEAR), 10);
        world.upload(&server, &upload, &what);
        assert_eq!(server.terminate().code(), Some(0));
    }
    let server = shim.start(folder.path());
    world.check_started(&server, "at last");
    world.assert_installs(&server, "at last");
    counted("fault 11", "jumps of the wall clock", jumps.len() as u64 + 3);
}
