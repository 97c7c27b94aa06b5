//! Configurations that are refused: exit code 2, one message that begins with the place, and nothing made.

use depot_tests::counted;

use super::Room;

/// What a file holds, and the line and the words that it is refused with.
const WRONG: &[(&str, usize, &str)] = &[
    ("[server]\nprot = 81\n", 2, "is `server.port` meant?"),
    ("[server]\nport = 81\n[limits]\nmaxFileSize = 1\n", 4, "is `limits.max_file_size` meant?"),
    ("host = \"::1\"\n", 1, "is `server.host` meant?"),
    ("[repositories.team]\nenabled = true\n", 1, "[repositories.team] needs a `kind`"),
    ("[server]\nport = \"http\"\n", 2, "write a number from 0 to 65535"),
    ("[server]\nport = 1.5\n", 2, "cannot be a fraction"),
    ("[server]\noffline = \"maybe\"\n", 2, "write true or false"),
    ("server = true\n", 1, "write [server]"),
    ("[limits]\nhead_timeout = \"0s\"\n", 2, "must be from \"1s\""),
    ("[limits]\nmax_file_size = \"2 gigs\"\n", 2, "such as \"2 GiB\""),
    ("\n\n[log]\nlevel = \"${NOT_SET}\"\n", 4, "the variable `NOT_SET` is not set"),
    ("[log]\nlevel = \"$LEVEL\"\n", 2, "write `$$` for a dollar"),
    ("[log]\nlevel = \"loud\"\n", 2, "write off, error"),
    ("[transport]\nkind = \"tls\"\n", 2, "name `transport.certificate`"),
    ("[server\n", 1, "this is no TOML"),
    ("[server]\nport = 1\nport = 2\n", 3, "this is no TOML"),
];

#[test]
fn a_wrong_file_is_refused_by_its_line() {
    let room = Room::new();
    for (text, line, words) in WRONG {
        room.write("depot-server.toml", text);
        for verb in ["serve", "config"] {
            let said = room.run(&[verb, "--data-dir", "data"]).assert_code(2);
            let place = format!("depot-server: depot-server.toml:{line}: ");
            assert!(
                said.stderr.starts_with(&place) && said.stderr.contains(words),
                "{text}: {}",
                said.stderr
            );
            assert!(said.stdout.is_empty() && said.stderr.lines().count() == 1, "{}", said.stderr);
        }
    }
    assert_eq!(room.names(), ["depot-server.toml"]);
    counted("configuration", "wrong files refused by line", WRONG.len() as u64);
}

#[test]
fn a_file_that_cannot_be_read_is_refused_unless_nobody_named_it() {
    let room = Room::new();
    for verb in ["serve", "config", "reindex"] {
        let said = room.run(&[verb, "--config", "absent.toml"]).assert_code(2).stderr;
        assert!(said.contains("cannot read the configuration `absent.toml`"), "{said}");
    }
    room.run_with(&["config"], &[("DEPOT_CONFIG", "absent.toml")]).assert_code(2);
    std::fs::create_dir(room.path("depot-server.toml")).unwrap();
    room.run(&["config"]).assert_code(2);
    std::fs::remove_dir(room.path("depot-server.toml")).unwrap();
    std::fs::write(room.path("depot-server.toml"), b"\xff\xfe").unwrap();
    let said = room.run(&["config"]).assert_code(2).stderr;
    assert!(said.contains("UTF-8"), "{said}");
    std::fs::remove_file(room.path("depot-server.toml")).unwrap();
    room.run(&["config"]).assert_success();
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused() {
    let room = Room::with("[transport]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\n");
    for (text, words) in
        [(None, "No such file"), (Some(""), "there is none in it"), (Some("junk"), "there is none in it")]
    {
        if let Some(text) = text {
            room.write("tls.pem", text);
        }
        for verb in ["serve", "config"] {
            let said = room.run(&[verb, "--data-dir", "data", "--port", "0"]).assert_code(2).stderr;
            assert!(said.contains("the certificate in `tls.pem`") && said.contains(words), "{said}");
        }
    }
    assert!(!room.path("data").exists());
}

#[test]
fn a_wrong_flag_or_variable_is_refused_by_its_name() {
    let room = Room::new();
    for (args, variables, words) in [
        (&["--port", "x"][..], &[][..], "depot-server: --port: `server.port` cannot be `x`"),
        (&[], &[("DEPOT_PORT", "x")], "depot-server: DEPOT_PORT: `server.port` cannot be `x`"),
        (&["--host", "localhost"], &[], "write an IP address"),
        (&["--offline=perhaps"], &[], "--offline: "),
        (&["--transport", "carrier-pigeon"], &[], "write tls, proxy or plain"),
        (&["--tls-key", "k"], &[], "name `transport.certificate`"),
        (&["--trusted-proxies", "10.0.0.0/8,all"], &[], "write ranges"),
        (&["--max-file-size", "0"], &[], "must be from 1"),
        (&["--log", "inof"], &[], "--log: "),
        (&["--private", "--read", "everyone"], &[], "do not agree"),
        (&["--prot", "1"], &[], "--port"),
    ] {
        for verb in ["serve", "config"] {
            let args = [&[verb, "--data-dir", "data"], args].concat();
            let said = room.run_with(&args, variables).assert_code(2);
            assert!(said.stderr.contains(words) && said.stdout.is_empty(), "{args:?}: {}", said.stderr);
        }
    }
    assert!(room.names().is_empty());
    // The layers need not agree: the higher one decides.
    let said = room.run_with(&["config", "--private"], &[("DEPOT_READ", "everyone")]).assert_success();
    assert!(said.stdout.contains("access.read = \"tokens\""), "{}", said.stdout);
}

#[test]
fn a_tilde_is_refused_because_no_shell_reads_it() {
    let room = Room::with("[server]\ndata_dir = \"~/depot\"\n");
    for (args, variables) in [
        (&["config"][..], &[][..]),
        (&["token", "list"], &[]),
        (&["config", "--data-dir=~/depot"], &[]),
        (&["config"], &[("DEPOT_TLS_KEY", "~root/key")]),
    ] {
        let said = room.run_with(args, variables).assert_code(2).stderr;
        assert!(said.contains("write the whole path, or ${HOME}"), "{args:?}: {said}");
    }
    assert_eq!(room.names(), ["depot-server.toml"]);
}

#[test]
fn a_rate_is_a_size_as_in_the_file() {
    let room = Room::new();
    for rate in ["", "0", "-1", "M", "1.5M", "99999999999G"] {
        let said = room.run(&["scrub", "--data-dir", "absent", &format!("--rate={rate}")]).assert_code(2);
        assert!(said.stderr.contains("--rate"), "{}", said.stderr);
    }
    for rate in ["1", "50M", "50 MiB", "2g", "1T", "1 MB"] {
        let said = room.run(&["scrub", "--data-dir", "absent", "--rate", rate]).assert_code(1);
        assert!(said.stderr.contains("there is no data directory"), "{}", said.stderr);
    }
}
