//! The server is told to stop while requests are under way.

use std::thread;
use std::time::Duration;

use depot_tests::{RawConnection, ServerProcess, counted, sha256_hex};
use tempfile::tempdir;

use super::shim::serve;
use super::world::{Upload, Way, World};

const TIMEOUT: Duration = Duration::from_secs(25);

#[test]
fn requests_under_way_finish_when_the_server_is_told_to_stop() {
    let folder = tempdir().unwrap();
    let mut world = World::new(folder.path());
    let server = ServerProcess::start_command(serve(folder.path()), folder.path());
    let kept = Upload::wheel(Way::Bytes, "kept", "1.0", 30_000_000);
    world.upload(&server, &kept, "the file to be read");

    let slow: Vec<Upload> =
        (0..4).map(|number| Upload::wheel(Way::Bytes, &format!("slow-{number}"), "1.0", 600_000)).collect();
    let mut uploads = Vec::new();
    for upload in &slow {
        let mut connection = RawConnection::open(server.url(), TIMEOUT).unwrap();
        let (path, token, length) = (upload.path(), server.token(), upload.bytes().len());
        connection
            .send(format!(
                "PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
            ))
            .unwrap();
        connection.send(&upload.bytes()[..length / 2]).unwrap();
        uploads.push(connection);
    }
    let mut downloads = Vec::new();
    for _ in 0..4 {
        let mut connection = RawConnection::open(server.url(), TIMEOUT).unwrap();
        connection
            .send(format!("GET /python/files/kept/{} HTTP/1.1\r\nHost: x\r\n\r\n", kept.filename))
            .unwrap();
        downloads.push(connection);
    }
    let mut idle = RawConnection::open(server.url(), TIMEOUT).unwrap();
    // All of them are under way by then.
    thread::sleep(Duration::from_millis(300));
    server.ask_to_end();
    thread::sleep(Duration::from_millis(300));
    assert!(idle.is_closed(), "a connection that asks for nothing holds nothing up");

    for (upload, mut connection) in slow.iter().zip(uploads) {
        let bytes = upload.bytes();
        for part in bytes[bytes.len() / 2..].chunks(50_000) {
            connection.send(part).unwrap();
            thread::sleep(Duration::from_millis(10));
        }
        let answer = connection.receive(false);
        assert!(world.take(upload, &answer, "an upload under way"), "{answer:?}");
    }
    for mut connection in downloads {
        let answer = connection.receive(false).unwrap();
        assert!(answer.complete && answer.status == 200);
        assert_eq!(sha256_hex(&answer.body), kept.sha256);
    }
    let ended = server.wait();
    assert_eq!(ended.code(), Some(0));

    let server = ServerProcess::start_command(serve(folder.path()), folder.path());
    world.check_started(&server, "the next start");
    world.assert_installs(&server, "the next start");
    counted("fault 25", "requests under way when the server was told to stop", 9);
}

mod long {
    use super::*;

    #[test]
    #[ignore = "part of make test-faults"]
    fn a_request_that_does_not_finish_is_cut_off_cleanly() {
        let folder = tempdir().unwrap();
        let mut world = World::new(folder.path());
        let server = ServerProcess::start_command(serve(folder.path()), folder.path());
        let stuck = Upload::wheel(Way::Bytes, "stuck", "1.0", 600_000);
        let mut connection = RawConnection::open(server.url(), TIMEOUT).unwrap();
        let (path, token, length) = (stuck.path(), server.token(), stuck.bytes().len());
        connection
            .send(format!(
                "PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
            ))
            .unwrap();
        connection.send(&stuck.bytes()[..length / 2]).unwrap();
        thread::sleep(Duration::from_millis(300));
        server.ask_to_end();
        // The drain is 30 s long, and the wait for the end begins after it.
        thread::sleep(Duration::from_secs(20));
        assert_eq!(server.wait().code(), Some(0));
        world.note_sent(&stuck);
        let server = ServerProcess::start_command(serve(folder.path()), folder.path());
        world.check_started(&server, "after a request was cut off");
        world.retry(&server, &stuck, "after a request was cut off");
    }
}
