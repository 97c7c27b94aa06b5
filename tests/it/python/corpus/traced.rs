//! Attack 10: while archives that mean harm are pushed, the server opens, makes, moves and removes nothing but what is its
//! own. `strace` sees what it asks of the system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use depot_tests::corpus::{Case, PROJECT, tar_cases, zip_cases};
use depot_tests::{ServerProcess, binary, counted, send, skipped};
use tempfile::TempDir;

/// What changes the names or the bytes of files. A system that has not one of these never sees it.
const CALLS: &str = "trace=openat,?openat2,?open,?creat,?mkdir,mkdirat,?rename,?renameat,renameat2,?link,linkat,?symlink,\
    symlinkat,?unlink,unlinkat,?rmdir,truncate,?mknod,mknodat,?chmod,fchmodat,?chown,fchownat,setxattr,mount,execve";

/// How a file is opened that is written to.
const WRITING: [&str; 6] = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];

/// How many uploads there are: those that are judged quickly come again and again.
const UPLOADS: usize = 1000;

/// What is judged quickly.
const QUICK: Duration = Duration::from_millis(30);

/// A server under the eyes of strace, which writes to this file; none where strace cannot look.
fn watched(folder: &Path, trace: &Path) -> Option<ServerProcess> {
    let eyes = |command: &mut Command| {
        // The server stays this process's child; who looks is a process beside it.
        command
            .args([
                "-D",
                "-f",
                "--seccomp-bpf",
                "-y",
                "-q",
                "-s",
                "4096",
                "-e",
                CALLS,
                "-e",
                "signal=none",
                "-o",
            ])
            .arg(trace);
    };
    let mut attempt = Command::new("strace");
    eyes(&mut attempt);
    let works = attempt.arg("true").output().is_ok_and(|output| output.status.success());
    if !works || fs::read_to_string(trace).is_ok_and(|said| said.is_empty()) {
        skipped("attack 10 as the system sees it: strace is missing, or may not look at processes here");
        return None;
    }
    let data = folder.join("data");
    let mut command = Command::new("strace");
    eyes(&mut command);
    command.arg(binary("depot-server")).args(["serve", "--port", "0", "--data-dir"]).arg(&data);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(folder.join("elsewhere"));
    Some(ServerProcess::start_command(command, &data))
}

fn push(server: &ServerProcess, token: &str, filename: &str, bytes: &[u8]) -> u16 {
    let head = format!(
        "PUT /python/simple/{PROJECT}/{filename} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    );
    send(server.url(), [head.as_bytes(), bytes].concat()).unwrap().status
}

/// A call by its name, and the texts among its arguments, each with the folder that it is meant from.
fn read_call(line: &str) -> Option<(&str, Vec<PathBuf>)> {
    let (_, line) = line.split_once(' ')?;
    let (name, arguments) = line.trim_start().split_once('(')?;
    // What goes on after an interruption, and threads that end between two calls.
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let mut paths = Vec::new();
    let (mut rest, mut folder) = (arguments, PathBuf::new());
    while let Some(at) = rest.find(['<', '"']) {
        let (is_folder, inside) = (rest[at..].starts_with('<'), &rest[at + 1..]);
        let Some(end) = inside.find(if is_folder { '>' } else { '"' }) else { break };
        let text = &inside[..end];
        // What stands after the arguments is the answer.
        if rest[..at].contains(") = ") || (is_folder && text.starts_with("unfinished")) {
            break;
        }
        if is_folder {
            folder = PathBuf::from(text);
        } else {
            paths.push(folder.join(text));
        }
        rest = &inside[end + 1..];
    }
    Some((name, paths))
}

/// Whether a call leaves everything as it is, or is about what is the server's own.
fn is_harmless(line: &str, name: &str, paths: &[PathBuf], own: &Path) -> bool {
    let is_own = |path: &PathBuf| {
        let climbs = path.components().any(|part| part.as_os_str() == "..");
        !climbs && (path.starts_with(own) || path == Path::new("/dev/null"))
    };
    match name {
        "execve" => paths.first().is_some_and(|path| path.ends_with("depot-server")),
        "open" | "openat" | "openat2" if !WRITING.iter().any(|flag| line.contains(flag)) => true,
        _ => !paths.is_empty() && paths.iter().all(is_own),
    }
}

#[test]
fn nothing_outside_the_data_directory_is_touched_while_hostile_archives_come() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir(root.join("elsewhere")).unwrap();
    let trace = root.join("trace");
    let Some(server) = watched(&root, &trace) else { return };
    let token = server.token();
    let cases = [zip_cases(), tar_cases()].concat();
    let push = |case: &Case| {
        let began = Instant::now();
        let status = push(&server, &token, &case.filename, &case.bytes);
        let is_right = if case.is_refused() { status == 400 } else { matches!(status, 200 | 201) };
        assert!(is_right, "{}: {status}", case.name);
        began.elapsed()
    };
    let quick: Vec<&Case> = cases.iter().filter(|case| push(case) < QUICK && case.is_refused()).collect();
    assert!(quick.len() > 20, "{}", quick.len());
    let again: Vec<&Case> = quick.into_iter().cycle().take(UPLOADS - cases.len()).collect();
    std::thread::scope(|scope| {
        for part in again.chunks(again.len().div_ceil(4)) {
            scope.spawn(|| part.iter().for_each(|case| _ = push(case)));
        }
    });
    let refused = again.len() + cases.iter().filter(|case| case.is_refused()).count();
    assert!(server.terminate().success());
    assert_eq!(fs::read_dir(root.join("elsewhere")).unwrap().count(), 0);
    // Who looks writes down the last of what it saw after the server has gone.
    let said = || fs::read_to_string(&trace).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !said().contains("exited with 0") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (said, own) = (said(), root.join("data"));
    let calls: Vec<_> = said.lines().filter_map(|line| Some((line, read_call(line)?))).collect();
    let harmful: Vec<&str> = calls
        .iter()
        .filter(|(line, (name, paths))| !is_harmless(line, name, paths, &own))
        .map(|(line, _)| *line)
        .collect();
    assert!(harmful.is_empty(), "{} calls:\n{}", harmful.len(), harmful[..harmful.len().min(20)].join("\n"));
    // It saw what it was there to see: each upload is written somewhere.
    let seen = calls.iter().filter(|(line, (name, _))| *name == "openat" && line.contains("O_CREAT")).count();
    assert!(seen >= refused, "{seen} files were made in {UPLOADS} uploads");
    counted("attack 10", "uploads of hostile archives under the eyes of strace", UPLOADS as u64);
}

#[test]
fn a_call_is_read_from_what_strace_writes() {
    let own = Path::new("/data");
    for (line, is_fine) in [
        (r#"1 openat(AT_FDCWD</>, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3</etc/passwd>"#, true),
        (r#"1 openat(AT_FDCWD</>, "/data/x", O_WRONLY|O_CREAT, 0600) = 3</data/x>"#, true),
        (r#"1 openat(AT_FDCWD</>, "/etc/cron", O_WRONLY|O_CREAT, 0600) = 3</etc/cron>"#, false),
        (r#"1 openat(AT_FDCWD</etc>, "cron", O_RDWR) = -1 EACCES (Permission denied)"#, false),
        (r#"1 openat(5</data/tmp>, "x", O_RDWR|O_CREAT <unfinished ...>"#, true),
        (r#"1 openat(AT_FDCWD</>, "/data/../etc/x", O_RDWR) = 3</etc/x>"#, false),
        (r#"1 renameat2(AT_FDCWD</>, "/data/a", AT_FDCWD</>, "/tmp/b", 0) = 0"#, false),
        (r#"1 rename("/data/a", "/data/b") = 0"#, true),
        (r#"1 unlink("/tmp/b") = -1 ENOENT (No such file or directory)"#, false),
        (r#"1 execve("/bin/sh", ["sh"], 0x7f /* 3 vars */) = 0"#, false),
    ] {
        let (name, paths) = read_call(line).unwrap();
        assert_eq!(is_harmless(line, name, &paths, own), is_fine, "{line}: {paths:?}");
    }
    assert_eq!(read_call("1 <... openat resumed>) = 3</etc/x>"), None);
    assert_eq!(read_call("1 ???( <detached ...>"), None);
    assert_eq!(read_call("1 +++ exited with 0 +++"), None);
}
