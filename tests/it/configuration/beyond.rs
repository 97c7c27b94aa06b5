//! A server that other machines can reach says who may read and over what, or does not start.

use depot_tests::counted;

use super::{Room, get};

#[test]
fn a_host_beyond_this_machine_is_refused_until_both_are_stated() {
    let room = Room::new();
    let mut tried = 0;
    for host in ["0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1"] {
        for (args, asked, not_asked) in [
            (&[][..], &["[access]", "[transport]"][..], &[][..]),
            (&["--read", "everyone"], &["[transport]"], &["[access]"]),
            (&["--private"], &["[transport]"], &["[access]"]),
            (&["--transport", "plain"], &["[access]"], &["[transport]"]),
            (&["--private", "--transport", "proxy"], &["trusted_proxies = ["], &["[access]"]),
        ] {
            for verb in ["serve", "config"] {
                let args = [&[verb, "--data-dir", "data", "--port", "0", "--host", host], args].concat();
                let said = room.run(&args).assert_code(2);
                let words = said.stderr;
                assert!(words.contains(&format!("`{host}` is not a loopback address")), "{words}");
                assert!(asked.iter().all(|word| words.contains(word)), "{args:?}: {words}");
                assert!(!not_asked.iter().any(|word| words.contains(word)), "{args:?}: {words}");
                tried += 1;
            }
        }
    }
    assert!(room.names().is_empty(), "nothing is made before the refusal");
    counted("configuration", "starts beyond loopback without a stated intent", tried);
}

#[test]
fn the_lines_that_the_refusal_shows_are_enough() {
    let room = Room::new();
    let refused = room.run(&["config", "--host", "0.0.0.0"]).assert_code(2).stderr;
    // A block of lines, up to the first other choice, as somebody would copy it.
    let lines: Vec<&str> = refused.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let start = |table: &str| lines.iter().position(|line| *line == table).unwrap();
    let access = lines[start("[access]")..][..2].join("\n");
    let transport = lines[start("[transport]")..][..4].join("\n");
    room.write("depot-server.toml", &format!("{access}\n{transport}\n"));
    // All that is missing now is the certificate.
    let said = room.run(&["config", "--host", "0.0.0.0"]).assert_code(2).stderr;
    assert!(said.contains("cannot read the certificate in `/etc/depot/tls.pem`"), "{said}");
}

#[test]
fn a_stated_intent_listens() {
    let room = Room::with("[access]\nread = \"tokens\"\n");
    let server = room.serve(&["--host", "0.0.0.0"], &[("DEPOT_TRANSPORT", "plain")]);
    let here = server.url().replace("0.0.0.0", "127.0.0.1");
    assert_eq!(get(&here, "/python/simple/").status, 401);
    assert!(server.stderr().contains("weaker than recommended"), "{}", server.stderr());
    assert!(server.terminate().success());
}

#[test]
fn every_loopback_address_is_free() {
    let room = Room::new();
    for host in ["127.0.0.1", "127.0.0.2", "127.9.9.9", "::1"] {
        room.run(&["config", "--host", host]).assert_success();
    }
    assert_eq!(get(room.serve(&["--host", "127.0.0.2"], &[]).url(), "/healthz").status, 200);
}
