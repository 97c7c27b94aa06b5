//! No more file descriptors.

use std::process::Command;
use std::time::Duration;

use depot_tests::{RawConnection, ServerProcess, binary, counted};
use tempfile::tempdir;

use super::shim::{Action, Plan, errno, op, wait_until};
use super::steps::{Bench, Seen};
use super::world::{Upload, Way, World, open};

#[test]
fn a_server_without_descriptors_recovers_when_connections_end() {
    let folder = tempdir().unwrap();
    let mut world = World::new(folder.path());
    // Bound by the shell, as an administrator would.
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", "ulimit -n 64; exec \"$0\" serve --port 0 --data-dir \"$1\""]);
    command.arg(binary("depot-server")).arg(folder.path());
    let server = ServerProcess::start_command(command, folder.path());
    let kept = Upload::wheel(Way::Bytes, "kept", "1.0", 300_000);
    world.upload(&server, &kept, "before");

    let mut tried = 0;
    for round in 0..3 {
        let what = format!("round {round}");
        let mut held = Vec::new();
        for number in 0..150 {
            // The system takes what the server does not, up to 128 of them.
            let Ok(mut connection) = RawConnection::open(server.url(), Duration::from_secs(1)) else { break };
            if number % 2 == 0 {
                let _ = connection.send("GET /python/simple/kept/ HTTP/1.1\r\nHost: x\r\n\r\n");
            }
            held.push(connection);
            tried += 1;
        }
        std::thread::sleep(Duration::from_millis(500));
        drop(held);
        wait_until(&what, || {
            let Ok(mut connection) = RawConnection::open(server.url(), Duration::from_secs(5)) else {
                return false;
            };
            let asked = connection.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
            asked.is_ok() && connection.receive(false).is_ok_and(|answer| answer.status == 200)
        });
        world.check_project(&server, "kept", &what);
        world.upload(&server, &Upload::wheel(Way::Announced, "more", &format!("1.{round}"), 300_000), &what);
    }
    world.check(&server, "at last");
    world.assert_nothing_under_way("at last");
    world.assert_installs(&server, "at last");
    assert_eq!(open(&server).request("GET", "/readyz", "", b"").unwrap().status, 200);
    assert_eq!(server.terminate().code(), Some(0));
    counted("fault 9", "connections to a server of 64 descriptors", tried);
}

#[test]
fn an_upload_that_gets_no_descriptor_is_refused_and_succeeds_later() {
    let Some(mut bench) = Bench::new("no descriptors") else { return };
    let mut seen = Seen::default();
    let plan = Plan { except: "/store/", ..Plan::new(Action::Fail(errno::EMFILE), op::OPEN | op::CREATE) };
    for (way, size) in [(Way::Announced, 300_000), (Way::Facts, 0)] {
        for for_good in [false, true] {
            bench.at_every_step(plan, for_good, way, size, &mut seen);
        }
    }
    bench.finish("no descriptors");
    assert_eq!(seen.restarts, 0, "a descriptor that is free again is enough");
    counted("fault 9", "files that could not be opened for want of a descriptor", seen.steps);
}
