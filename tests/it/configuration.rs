//! The server's configuration, as the real command reads it: from its file, the environment and its flags.

mod beyond;
mod init;
mod refused;
mod shown;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use depot_tests::{Output, RawResponse, ServerProcess, binary, run, send};
use tempfile::TempDir;

/// An empty folder that the command runs in, with nothing of this machine's settings around it.
struct Room(TempDir);

impl Room {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// One with a file of the name that is looked for.
    fn with(file: &str) -> Self {
        let room = Self::new();
        room.write("depot-server.toml", file);
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// `depot-server` with these arguments and variables.
    fn command(&self, args: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(binary("depot-server"));
        command.env_clear().env("HOME", "/dev/null").envs(variables.iter().copied()).args(args);
        command.current_dir(self.0.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        run(&mut self.command(args, variables))
    }

    /// A server over the folder `data`, on a free port.
    fn serve(&self, args: &[&str], variables: &[(&str, &str)]) -> ServerProcess {
        let args = [&["serve", "--port", "0", "--data-dir", "data"], args].concat();
        ServerProcess::start_command(self.command(&args, variables), &self.path("data"))
    }
}

fn get(url: &str, path: &str) -> RawResponse {
    send(url, format!("GET {path} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n")).unwrap()
}

#[test]
fn the_server_says_which_file_it_read() {
    let room = Room::new();
    let server = room.serve(&[], &[]);
    assert!(server.stderr().contains("no configuration file"), "{}", server.stderr());
    drop(server);
    room.write("depot-server.toml", "");
    let server = room.serve(&[], &[]);
    assert!(server.stderr().contains("configuration depot-server.toml\n"), "{}", server.stderr());
    drop(server);
    room.write("other.toml", "[log]\nlevel = \"debug\"\n");
    for (args, variables) in
        [(&["--config", "other.toml"][..], &[][..]), (&[], &[("DEPOT_CONFIG", "other.toml")])]
    {
        let server = room.serve(args, variables);
        assert!(server.stderr().contains("configuration other.toml\n"), "{}", server.stderr());
        assert!(server.stderr().contains("one setting is weaker than recommended"), "{}", server.stderr());
    }
}

#[test]
fn each_layer_wins_over_those_below_it() {
    let room = Room::new();
    let host = |args: &[&str], variables: &[(&str, &str)]| {
        let server = room.serve(args, variables);
        assert_eq!(get(server.url(), "/healthz").status, 200);
        server.url().rsplit_once(':').unwrap().0.to_owned()
    };
    assert_eq!(host(&[], &[]), "http://127.0.0.1");
    room.write("depot-server.toml", "[server]\nhost = \"${HERE:-127.0.0.2}\"\n");
    assert_eq!(host(&[], &[]), "http://127.0.0.2");
    assert_eq!(host(&[], &[("HERE", "127.0.0.3")]), "http://127.0.0.3");
    let environment = &[("DEPOT_HOST", "127.0.0.4")];
    assert_eq!(host(&[], environment), "http://127.0.0.4");
    assert_eq!(host(&["--host", "127.0.0.5"], environment), "http://127.0.0.5");
}

#[test]
fn other_verbs_find_the_data_directory_where_serve_does() {
    let room = Room::with("[server]\ndata_dir = \"place\"\nport = 0\n[log]\nlevel = \"${NOT_EVERYWHERE}\"\n");
    let server = ServerProcess::start_command(
        room.command(&["serve"], &[("NOT_EVERYWHERE", "info")]),
        &room.path("place"),
    );
    // Settings that the verb does not use need not be right where it runs.
    let said = room.run(&["token", "list"]).assert_success();
    assert!(said.stdout.contains("bootstrap"), "{}", said.stdout);
    assert!(server.terminate().success());
    room.run(&["reindex"]).assert_success();
    assert_eq!(room.names(), ["depot-server.toml", "place"]);
    // A folder that is named is asked for alone.
    room.write("depot-server.toml", "nonsense");
    room.run(&["token", "list", "--data-dir", "place"]).assert_success();
    room.run_with(&["token", "list"], &[("DEPOT_DATA_DIR", "place")]).assert_success();
    room.run(&["token", "list"]).assert_code(2);
}

#[test]
fn a_repository_that_is_not_enabled_is_not_found() {
    let room = Room::with("[repositories.python]\nenabled = false\n");
    let server = room.serve(&[], &[]);
    let token = server.token();
    for request in ["GET /python/simple/", "GET /python/simple/x/", "PUT /python/simple/x/x-1.0.tar.gz"] {
        let head = format!(
            "{request} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\nContent-Length: 0\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        );
        assert_eq!(send(server.url(), head).unwrap().status, 404, "{request}");
    }
    // Nor from what is kept at hand: the list of projects is rendered soon after the start.
    for _ in 0..50 {
        assert_eq!(get(server.url(), "/python/simple/").status, 404);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(get(server.url(), "/healthz").status, 200);
    assert!(server.stderr().contains("`python` is not enabled"), "{}", server.stderr());
    drop(server);
    room.write("depot-server.toml", "");
    assert_eq!(get(room.serve(&[], &[]).url(), "/python/simple/").status, 200);
}

#[test]
fn limits_and_readers_of_the_file_hold() {
    let room = Room::with("[access]\nread = \"tokens\"\n[repositories.python]\nmax_file_size = \"1 KiB\"\n");
    let server = room.serve(&[], &[]);
    assert_eq!(get(server.url(), "/python/simple/").status, 401);
    let put = |length: usize| {
        let head = format!(
            "PUT /python/simple/x/x-1.0.tar.gz HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\nContent-Length: {length}\r\n\r\n",
            server.token()
        );
        send(server.url(), [head.into_bytes(), vec![0; length]].concat()).unwrap().status
    };
    assert_eq!(put(1025), 413);
    assert_eq!(put(1024), 400);
}

#[test]
fn the_older_variables_still_work() {
    let room = Room::new();
    let variables = &[
        ("DEPOT_PRIVATE", "yes"),
        ("DEPOT_MAX_FILE_SIZE", "1048576"),
        ("DEPOT_LOG", "warn"),
        ("DEPOT_LOG_FORMAT", "json"),
        ("DEPOT_PORT", "81"),
        ("DEPOT_DATA_DIR", "there"),
    ];
    let said = room.run_with(&["config"], variables).assert_success().stdout;
    for line in [
        "server.data_dir = \"there\"",
        "server.port = 81",
        "access.read = \"tokens\"",
        "limits.max_file_size = \"1 MiB\"",
        "log.level = \"warn\"",
        "log.format = \"json\"",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let server = room.serve(&["--private"], &[]);
    assert_eq!(get(server.url(), "/python/simple/").status, 401);
}
