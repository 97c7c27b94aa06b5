//! `depot-server config`, and what must never be shown.

use std::fs;

use depot_tests::{counted, workspace_root};
use serde_json::{Value, json};

use super::Room;

fn as_json(room: &Room, args: &[&str], variables: &[(&str, &str)]) -> Value {
    let args = [&["config", "--format", "json"], args].concat();
    let said = room.run_with(&args, variables).assert_success();
    assert!(said.stderr.is_empty(), "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn every_value_is_shown_with_where_it_comes_from() {
    let room = Room::with("[limits]\nhead_timeout = \"2m\"\n\n[access]\nread = \"${WHO}\"\n");
    let args = ["--max-file-size", "1 MiB", "--data-dir", "data"];
    let variables = [("DEPOT_PORT", "81"), ("WHO", "tokens")];
    let shown = as_json(&room, &args, &variables);
    assert_eq!((&shown["schema"], &shown["file"]), (&json!("depot.config/1"), &json!("depot-server.toml")));
    let settings = shown["settings"].as_object().unwrap();
    for (key, expected) in [
        ("server.host", json!({ "value": "127.0.0.1", "source": "default" })),
        ("server.port", json!({ "value": 81, "source": "environment", "where": "DEPOT_PORT" })),
        ("limits.max_file_size", json!({ "value": 1 << 20, "source": "flag", "where": "--max-file-size" })),
        ("limits.head_timeout", json!({ "value": 120, "source": "file", "where": "depot-server.toml:2" })),
        ("access.read", json!({ "value": "tokens", "source": "file", "where": "depot-server.toml:5" })),
        ("transport.certificate", json!({ "value": null, "source": "default" })),
    ] {
        assert_eq!(settings[key], expected, "{key}");
    }
    assert_eq!(shown["weaker"], json!([]));

    let args = [&["config"], &args[..]].concat();
    let text = room.run_with(&args, &variables).assert_success().stdout;
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert!(line("server.port = 81 ").ends_with("# DEPOT_PORT"), "{text}");
    assert!(line("access.read = \"tokens\" ").ends_with("# depot-server.toml:5"), "{text}");
    assert!(!text.contains("weaker"), "{text}");
    assert_eq!(text.lines().count(), 1 + settings.len());
}

#[test]
fn an_empty_variable_says_nothing() {
    let room = Room::with("[server]\nport = 81\ndata_dir = \"data\"\n");
    let empty = [
        "DEPOT_DATA_DIR",
        "DEPOT_PORT",
        "DEPOT_PRIVATE",
        "DEPOT_READ",
        "DEPOT_CONFIG",
        "DEPOT_TRUSTED_PROXIES",
    ]
    .map(|name| (name, ""));
    assert_eq!(as_json(&room, &[], &empty), as_json(&room, &[], &[]));
    let said = room.run_with(&["token", "list"], &empty).assert_code(1).stderr;
    assert!(said.contains("there is no data directory `data`"), "{said}");
    fs::remove_file(room.path("depot-server.toml")).unwrap();
    let said = room.run_with(&["init"], &empty).assert_success();
    assert_eq!(said.stdout, "depot-server.toml\n");
}

#[test]
fn what_is_shown_can_be_used_as_a_file() {
    let room = Room::with(
        "[server]\ndata_dir = \"a \\\"$$\\\" \\\\ \\u00fc\"\nhost = \"127.0.0.2\"\noffline = true\n[access]\n\
         read = \"tokens\"\n[transport]\ntrusted_proxies = [\"127.0.0.0/8\", \"::1\"]\n[limits]\n\
         max_file_size = 1000\nbody_grace = \"1500ms\"\n[log]\nlevel = \"info,hyper=warn\"\nformat = \"json\"\n\
         [repositories.python]\nmax_file_size = \"3 GiB\"\n",
    );
    let shown = room.run(&["config"]).assert_success().stdout;
    fs::create_dir(room.path("copy")).unwrap();
    room.write("copy.toml", &shown);
    let values = |args: &[&str]| {
        let shown = as_json(&room, args, &[]);
        let settings = shown["settings"].as_object().unwrap().iter();
        settings.map(|(key, setting)| (key.clone(), setting["value"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(values(&["--config", "copy.toml"]), values(&[]));
}

#[test]
fn weak_settings_are_listed_and_no_failure() {
    let room = Room::new();
    let args = ["--host", "0.0.0.0", "--read", "everyone", "--transport", "plain", "--log", "debug"];
    let shown = as_json(&room, &args, &[]);
    let about: Vec<_> = shown["weaker"].as_array().unwrap().iter().map(|weak| &weak["about"]).collect();
    assert_eq!(about, ["access.read", "transport.kind", "log.level"]);
    let text = room.run(&[&["config"], &args[..]].concat()).assert_success().stdout;
    let (_, weaker) = text.split_once("# weaker than recommended:\n").unwrap();
    assert_eq!(weaker.lines().count(), 3, "{text}");
    // All of them are comments: what is shown stays a file.
    assert!(weaker.lines().all(|line| line.starts_with("# ")), "{text}");
}

/// What nothing may print.
const SECRET: &str = "hunter2-5f0c1e";

#[test]
fn secrets_stay_in_their_files_and_variables() {
    let room = Room::new();
    drop(room.serve(&[], &[]));
    for name in ["tls.pem", "tls.key"] {
        room.write(name, &format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"));
    }
    let pem = fs::read_to_string(room.path("tls.key")).unwrap();
    let token = fs::read_to_string(room.path("data/admin.token")).unwrap();
    let variables = [
        ("HIDDEN", SECRET),
        ("PEM", pem.as_str()),
        ("DEPOT_AUTH_TOKEN", SECRET),
        ("DEPOT_TOKEN", token.trim()),
    ];
    let mut files = vec![
        "[transport]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\n".to_owned(),
        "[transport]\nkind = \"plain\"\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\n".to_owned(),
        format!("[server]\nport = {SECRET}\n"),
        format!("[server]\nport = \"{SECRET}\n"),
        format!("password = \"{SECRET}\"\n"),
        format!("[server]\npassword = \"{SECRET}\"\n"),
    ];
    // A secret in the wrong place: in every setting that is no path, command or public name, and the key itself
    // where its path should be.
    let page = fs::read_to_string(workspace_root().join("docs/configuration.md")).unwrap();
    let keys = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for key in keys {
        let shown = [
            "server.data_dir",
            "transport.certificate",
            "transport.key",
            "publish.scan",
            "oidc.publishers",
            "oidc.audience",
            "repositories.python.reserved",
            "repositories.python.policy",
            "repositories.pypi.netrc",
            "repositories.pypi.policy",
            "repositories.all.policy",
        ];
        if !shown.contains(&key) {
            files.push(format!("{key} = \"${{HIDDEN}}\"\n"));
            files.push(format!("{key} = \"a ${{HIDDEN}} b\"\n"));
            files.push(format!("{key} = [\"${{HIDDEN}}\"]\n"));
        }
        files.push(format!("{key} = \"${{PEM}}\"\n"));
    }
    assert!(files.len() > 50, "the table of docs/configuration.md was not found");
    let tried = 2 * files.len() as u64;
    for file in files {
        room.write("depot-server.toml", &file);
        for format in ["text", "json"] {
            let said = room.run_with(&["config", "--format", format], &variables);
            for said in [said.stdout, said.stderr] {
                assert!(!said.contains(SECRET) && !said.contains(token.trim()), "{file}: {said}");
            }
        }
    }
    let help = room.run_with(&["serve", "--help"], &variables).assert_success().stdout;
    assert!(!help.contains(SECRET), "{help}");
    counted("configuration", "outputs without the secret", tried + 1);
}

#[test]
fn the_help_names_every_flag_and_variable_of_the_page_in_docs() {
    let room = Room::new();
    let help = room.run(&["serve", "--help"]).assert_success().stdout;
    let page = fs::read_to_string(workspace_root().join("docs/configuration.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let mut named = 0;
    for row in rows {
        let mut columns = row.split('|').skip(2).map(|column| column.trim().trim_matches('`'));
        for word in [columns.next().unwrap(), columns.next().unwrap()] {
            assert!(help.contains(word), "{word} is not in:\n{help}");
            named += usize::from(!word.is_empty());
        }
    }
    assert!(named > 20, "{named}");
}
