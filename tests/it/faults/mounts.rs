//! The same with the real thing: a disk of 16 MiB that fills up, one that is mounted read-only while the server runs,
//! and a process that may write no large file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use depot_tests::{ServerProcess, binary, counted, skipped};
use tempfile::{TempDir, tempdir};

use super::shim::serve;
use super::world::{Upload, Way, World, is_ready, open};

/// A file system of its own; unmounted when dropped.
struct Mounted(TempDir);

impl Mounted {
    /// 16 MiB in memory.
    fn small(what: &str) -> Option<Self> {
        let mounted = Self(tempdir().unwrap());
        mounted.again(what, &["-t", "tmpfs", "-o", "size=16m", "depot-test"])
    }

    /// An ext4 in this file, which becomes read-only when it meets an error.
    fn image(what: &str, image: &Path) -> Option<Self> {
        let mounted = Self(tempdir().unwrap());
        mounted.again(what, &["-o", "loop,errors=remount-ro", image.to_str().unwrap()])
    }

    fn again(self, what: &str, args: &[&str]) -> Option<Self> {
        if mount(args, self.0.path()) {
            return Some(self);
        }
        skipped(&format!("{what}: nothing can be mounted here"));
        None
    }

    fn data_dir(&self) -> PathBuf {
        self.0.path().join("data")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

fn mount(args: &[&str], at: &Path) -> bool {
    let output = Command::new("mount").args(args).arg(at).output();
    output.is_ok_and(|output| output.status.success())
}

/// Uploads files of half a mebibyte until one is refused, or so many were taken; how many were, and the status of the
/// refusal.
fn fill(world: &mut World, server: &ServerProcess, project: &str, most: usize) -> (usize, u16) {
    for number in 0..most {
        let upload = Upload::wheel(Way::Bytes, project, &format!("1.{number}"), 500_000);
        let answer = upload.perform(&mut open(server));
        if !world.take(&upload, &answer, project) {
            return (number, answer.unwrap().status);
        }
    }
    (most, 0)
}

#[test]
fn a_disk_that_fills_up_is_used_again_when_there_is_room() {
    let Some(disk) = Mounted::small("a disk that fills up") else { return };
    let mut world = World::new(&disk.data_dir());
    let mut server = ServerProcess::start_command(serve(&disk.data_dir()), &disk.data_dir());
    world.upload(&server, &Upload::wheel(Way::Bytes, "kept", "1.0", 300_000), "while there is room");
    let mut refused = 0;
    for round in 0..4 {
        let what = format!("round {round}");
        // Someone else fills the disk, and leaves a different little each time.
        let ballast = disk.0.path().join("ballast");
        let room = 1_500_000 + round * 130_000;
        let free = free_bytes(disk.0.path());
        fs::write(&ballast, vec![1; usize::try_from(free).unwrap().saturating_sub(room)]).unwrap();
        let (taken, status) = fill(&mut world, &server, &format!("more-{round}"), 40);
        assert!(taken < 40, "{what}: the disk is never full");
        assert_eq!(status, 507, "{what}");
        refused += 1;
        // Nothing of it is left, what is here is served, and whoever asks is told.
        world.assert_nothing_under_way(&what);
        world.check_project(&server, "kept", &what);
        fs::remove_file(&ballast).unwrap();
        if !is_ready(&server, &what) {
            assert_eq!(server.terminate().code(), Some(0));
            server = ServerProcess::start_command(serve(&disk.data_dir()), &disk.data_dir());
        }
        world.upload(&server, &Upload::wheel(Way::Announced, "kept", &format!("2.{round}"), 10_000), &what);
        world.check(&server, &what);
    }
    world.assert_installs(&server, "a disk that filled up");
    assert_eq!(server.terminate().code(), Some(0));
    counted("fault 5", "times that a real disk was filled up", refused);
}

fn free_bytes(folder: &Path) -> u64 {
    let output = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn a_disk_that_becomes_read_only_is_read_and_written_after_it_was_mounted_again() {
    const WHAT: &str = "a disk that becomes read-only";
    let around = tempdir().unwrap();
    let image = around.path().join("image");
    fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return skipped(&format!("{WHAT}: no ext4 can be made here"));
    }
    let Some(disk) = Mounted::image(WHAT, &image) else { return };
    let mut world = World::new(&disk.data_dir());
    let server = ServerProcess::start_command(serve(&disk.data_dir()), &disk.data_dir());
    world.upload(&server, &Upload::wheel(Way::Bytes, "kept", "1.0", 300_000), "while it may be written");
    // What the kernel does when it finds that the disk fails.
    if !mount(&["-o", "remount,abort"], disk.0.path()) {
        return skipped(&format!("{WHAT}: the kernel knows no such option"));
    }
    let new = Upload::wheel(Way::Bytes, "new", "1.0", 10);
    let answer = new.perform(&mut open(&server));
    assert!(!world.take(&new, &answer, WHAT), "{answer:?}");
    assert!(!is_ready(&server, WHAT), "a server that cannot write says so");
    world.check_project(&server, "kept", WHAT);
    assert_eq!(server.terminate().code(), Some(0));
    drop(disk);

    let Some(disk) = Mounted::image(WHAT, &image) else { return };
    world.moved_to(&disk.data_dir());
    let server = ServerProcess::start_command(serve(&disk.data_dir()), &disk.data_dir());
    world.check_started(&server, "mounted again");
    world.retry(&server, &new, "mounted again");
    world.assert_installs(&server, "mounted again");
    assert_eq!(server.terminate().code(), Some(0));
    counted("fault 8", "times that a real disk became read-only", 1);
}

#[test]
fn a_process_that_may_write_no_large_file_refuses_those_and_takes_the_others() {
    let folder = tempdir().unwrap();
    let mut world = World::new(folder.path());
    let mut command = Command::new("/bin/sh");
    // In blocks of 512 bytes: one mebibyte. The signal that comes with it is what a service manager ignores.
    command
        .env_clear()
        .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" serve --port 0 --data-dir \"$1\""]);
    command.arg(binary("depot-server")).arg(folder.path());
    let server = ServerProcess::start_command(command, folder.path());
    world.upload(&server, &Upload::wheel(Way::Bytes, "kept", "1.0", 300_000), "a small file");
    let large = Upload::wheel(Way::Announced, "large", "1.0", 2_000_000);
    let answer = large.perform(&mut open(&server));
    assert!(!world.take(&large, &answer, "a large file"));
    let status = answer.unwrap().status;
    world.assert_nothing_under_way("a large file");
    assert!(is_ready(&server, "after a large file"));
    world.upload(&server, &Upload::wheel(Way::Bytes, "kept", "1.1", 300_000), "a small file again");
    world.check(&server, "after a large file");
    assert_eq!(server.terminate().code(), Some(0));
    let server = ServerProcess::start_command(serve(folder.path()), folder.path());
    world.check_started(&server, "without a limit");
    world.retry(&server, &large, "without a limit");
    assert_eq!(status, 507);
    counted("fault 5", "files larger than the process may write", 1);
}
