//! `depot-server init`.

use std::fs;

use super::Room;

#[test]
fn it_writes_a_file_that_changes_nothing_and_explains_everything() {
    let room = Room::new();
    let before = room.run(&["config", "--data-dir", "data"]).assert_success().stdout;
    let said = room.run(&["init"]).assert_success();
    assert_eq!(said.stdout, "depot-server.toml\n");
    for next in ["`depot-server config`", "`depot-server serve`"] {
        assert!(said.stderr.contains(next), "{}", said.stderr);
    }
    assert_eq!(room.names(), ["depot-server.toml"]);
    let after = room.run(&["config", "--data-dir", "data"]).assert_success().stdout;
    assert_eq!(after.split_once('\n').unwrap().1, before.split_once('\n').unwrap().1);
    let text = fs::read_to_string(room.path("depot-server.toml")).unwrap();
    for line in before.lines().skip(1) {
        let key = line.trim_start_matches("# ").split(' ').next().unwrap();
        let (table, name) = key.rsplit_once('.').unwrap();
        assert!(text.contains(&format!("\n[{table}]\n")) && text.contains(&format!("\n#{name} = ")), "{key}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(room.path("depot-server.toml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(room.serve(&[], &[]).terminate().success());
}

#[test]
fn it_leaves_a_file_that_is_there_unless_it_is_forced() {
    let room = Room::with("[server]\nport = 81\n");
    let said = room.run(&["init"]).assert_code(1);
    assert!(said.stderr.contains("is there already") && said.stderr.contains("--force"), "{}", said.stderr);
    assert!(said.stdout.is_empty());
    assert_eq!(fs::read_to_string(room.path("depot-server.toml")).unwrap(), "[server]\nport = 81\n");
    assert_eq!(room.names(), ["depot-server.toml"]);
    // Nor is anything touched that has a similar name.
    room.write("depot-server.new", "mine");
    room.run(&["init"]).assert_code(1);
    room.run(&["init", "--force"]).assert_success();
    assert!(fs::read_to_string(room.path("depot-server.toml")).unwrap().contains("\n#port = 8080\n"));
    fs::remove_file(room.path("depot-server.toml")).unwrap();
    room.run(&["init"]).assert_success();
    assert_eq!(room.names(), ["depot-server.new", "depot-server.toml"]);
    assert_eq!(fs::read_to_string(room.path("depot-server.new")).unwrap(), "mine");
}

#[test]
fn it_writes_where_it_is_told() {
    let room = Room::new();
    let said = room.run(&["init", "--config", "a.toml"]).assert_success();
    assert!(said.stderr.contains("`depot-server serve --config a.toml`"), "{}", said.stderr);
    room.run_with(&["init"], &[("DEPOT_CONFIG", "b.toml")]).assert_success();
    assert_eq!(room.names(), ["a.toml", "b.toml"]);
    let said = room.run(&["init", "--config", "no/such/folder/c.toml"]).assert_code(1);
    assert!(said.stderr.contains("cannot write `no/such/folder/c.toml`"), "{}", said.stderr);
}

#[test]
fn names_that_are_reserved_at_once_stand_in_the_file() {
    let room = Room::new();
    let said = room.run(&["init", "--reserve", "acme-*", "--reserve", "Secret_Project"]).assert_success();
    assert!(said.stderr.contains("`acme-*`, `secret-project`"), "{}", said.stderr);
    let shown = room.run(&["config", "--data-dir", "data"]).assert_success().stdout;
    assert!(shown.contains("reserved = [\"acme-*\", \"secret-project\"]"), "{shown}");
    // Without the flag, and without a terminal, nobody is asked.
    let said = room.run(&["init", "--force"]).assert_success();
    assert!(said.stderr.contains("no name is reserved yet"), "{}", said.stderr);
    for wrong in ["*", "-", "*-acme"] {
        let said = room.run(&["init", "--force", "--reserve", wrong]).assert_code(2);
        assert!(said.stderr.contains("--reserve"), "{}", said.stderr);
    }
}

#[cfg(unix)]
#[test]
fn at_a_terminal_it_asks_which_names_are_private_until_it_is_told() {
    let room = Room::new();
    let init = format!("'{}' init", depot_tests::binary("depot-server").display());
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &init, "/dev/null"]).current_dir(room.path("")).env("HOME", "/dev/null");
    if std::process::Command::new("script").arg("--version").output().is_err() {
        depot_tests::skipped("init at a terminal: there is no `script` to make one");
        return;
    }
    let said = depot_tests::run_reading(&mut command, "acme *\nacme-*, Secret_Project\n");
    let shown = said.stdout.replace('\r', "");
    assert!(shown.contains("Which names of projects are your own"), "{shown}");
    assert!(shown.contains("`*` would reserve every name"), "{shown}");
    let text = fs::read_to_string(room.path("depot-server.toml")).unwrap();
    assert!(text.contains("\nreserved = [\"acme-*\", \"secret-project\"]\n"), "{text}");
}
