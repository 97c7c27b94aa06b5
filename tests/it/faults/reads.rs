//! A disk that fails while a file is read: the client never takes what it got for the whole.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use depot_tests::{RawConnection, ServerProcess, counted, send, skipped};
use tempfile::tempdir;

use super::shim::{Action, Plan, Shim, errno, op, serve, wait_until};
use super::world::{Upload, Way, World};

/// Makes reads of one file fail, by stopping the server at each of its calls. The server's own way of reading goes past
/// the C library, and so past the shim.
struct Tracer(Child);

impl Tracer {
    /// None where processes cannot be traced.
    fn attach(server: &ServerProcess, path: &str) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-o", "/dev/null", "-P", path, "-e", "trace=preadv2,pread64"]);
        command.args(["-e", "inject=preadv2,pread64:error=EIO"]);
        command.args(["-p", &server.pid().to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let mut tracer = Self(child);
        let mut gone = false;
        wait_until("the server is traced", || {
            gone = tracer.0.try_wait().unwrap().is_some();
            gone || threads(server).iter().all(|status| !status.contains("TracerPid:\t0\n"))
        });
        (!gone).then_some(tracer)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // It lets go of the server when it is asked to end.
        if let Some(pid) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

fn threads(server: &ServerProcess) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok()).collect()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_file_that_cannot_be_read_breaks_the_connection() {
    let folder = tempdir().unwrap();
    let mut world = World::new(folder.path());
    let server = ServerProcess::start_command(serve(folder.path()), folder.path());
    let upload = Upload::wheel(Way::Bytes, "kept", "1.0", 40_000_000);
    world.upload(&server, &upload, "the file to be read");
    let path = folder.path().join("repositories/python/files/kept").join(&upload.filename);
    let mut tried = 0;
    // More than the sockets between us hold, so that the rest is not read yet.
    for before in [0, 1, 1_000_000, 20_000_000] {
        let what = format!("after {before} bytes");
        let mut connection = RawConnection::open(server.url(), Duration::from_secs(20)).unwrap();
        let ask = |connection: &mut RawConnection| {
            connection.send(get(&format!("/python/files/kept/{}", upload.filename))).unwrap();
        };
        let mut taken = 0;
        if before > 0 {
            ask(&mut connection);
            taken = connection.take_bytes(before).unwrap();
        }
        let Some(tracer) = Tracer::attach(&server, path.to_str().unwrap()) else {
            return skipped("reads that fail: no strace that may trace");
        };
        if before == 0 {
            ask(&mut connection);
        }
        while let Ok(more) = connection.take_bytes(1) {
            taken += more;
        }
        assert!(taken < upload.bytes().len(), "{what}: the whole came although it could not be read");
        tried += 1;
        drop(tracer);
        world.check_project(&server, "kept", &what);
    }
    world.check(&server, "at last");
    assert_eq!(server.terminate().code(), Some(0));
    counted("fault 6", "downloads during which the disk failed", tried);
}

#[test]
fn a_file_that_cannot_be_opened_is_refused_before_its_headers() {
    let Some(shim) = Shim::new("files that cannot be opened") else { return };
    let folder = tempdir().unwrap();
    let mut world = World::new(folder.path());
    let server = shim.start(folder.path());
    let upload = Upload::wheel(Way::Bytes, "kept", "1.0", 10_000);
    world.upload(&server, &upload, "before");
    let mut tried = 0;
    for part in ["", ".metadata"] {
        shim.arm(Plan { except: "/store/", ..Plan::new(Action::Fail(errno::EIO), op::OPEN | op::READ) });
        let answer =
            send(server.url(), get(&format!("/python/files/kept/{}{part}", upload.filename))).unwrap();
        assert!(matches!(answer.status, 500 | 503), "{}", answer.status);
        assert!(shim.hits() > 0);
        shim.disarm();
        tried += 1;
    }
    world.check(&server, "after");
    assert_eq!(server.terminate().code(), Some(0));
    counted("fault 6", "files that could not be opened to be read", tried);
}
