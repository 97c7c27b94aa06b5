//! Clients that go away in the middle.

use std::fs;
use std::path::Path;
use std::time::Duration;

use depot_tests::{RawConnection, ServerProcess, counted};
use tempfile::tempdir;

use super::shim::{serve, wait_until};
use super::world::{Upload, Way, World, open, shows_nothing_of};

const TIMEOUT: Duration = Duration::from_secs(10);

/// How many files and sockets a process has open.
fn open_files(server: &ServerProcess) -> usize {
    fs::read_dir(Path::new("/proc").join(server.pid().to_string()).join("fd")).unwrap().count()
}

/// The places at which something this long is cut off.
fn places(length: usize) -> [usize; 7] {
    [0, 1, length / 2, 256 * 1024, 256 * 1024 + 1, length - 2, length - 1]
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    let folder = tempdir().unwrap();
    let mut world = World::new(folder.path());
    let server = ServerProcess::start_command(serve(folder.path()), folder.path());
    let kept = Upload::wheel(Way::Bytes, "kept", "1.0", 20_000_000);
    world.upload(&server, &kept, "the file to be read");
    world.check_project(&server, "kept", "before");
    let before = open_files(&server);
    let mut tried = 0;

    let gone = Upload::wheel(Way::Bytes, "gone", "1.0", 1_500_000);
    let head = format!(
        "PUT {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        gone.path(),
        server.token(),
        gone.bytes().len()
    );
    for place in [0, head.len() / 2, head.len() - 1] {
        let mut connection = RawConnection::open(server.url(), TIMEOUT).unwrap();
        connection.send(&head[..place]).unwrap();
        tried += 1;
    }
    for place in places(gone.bytes().len()) {
        for at_once in [true, false] {
            let mut connection = RawConnection::open(server.url(), TIMEOUT).unwrap();
            connection.send(&head).unwrap();
            connection.send(&gone.bytes()[..place]).unwrap();
            if !at_once {
                // The server has read all of it by then, and waits for more.
                std::thread::sleep(Duration::from_millis(50));
            }
            drop(connection);
            tried += 1;
        }
    }
    world.note_sent(&gone);
    wait_until("what was begun is removed", || {
        let mut names = fs::read_dir(folder.path().join("repositories/python/tmp")).unwrap();
        !names.any(|name| name.unwrap().path().extension().is_some_and(|extension| extension == "part"))
    });
    assert!(shows_nothing_of(&server, "gone"), "a file that never came whole is there");

    for place in places(kept.bytes().len()) {
        let mut connection = RawConnection::open(server.url(), TIMEOUT).unwrap();
        connection
            .send(format!("GET /python/files/kept/{} HTTP/1.1\r\nHost: x\r\n\r\n", kept.filename))
            .unwrap();
        connection.take_bytes(place).unwrap();
        drop(connection);
        tried += 1;
    }
    let mut now = 0;
    wait_until("the descriptors come back", || {
        now = open_files(&server);
        now <= before + 2
    });
    world.assert_nothing_under_way("after clients that went away");
    world.upload(&server, &gone, "sent whole");
    world.check(&server, "at last");
    assert_eq!(open(&server).request("GET", "/readyz", "", b"").unwrap().status, 200);
    world.assert_installs(&server, "at last");
    assert_eq!(server.terminate().code(), Some(0));
    counted("fault 21", "clients that went away in the middle", tried);
}
