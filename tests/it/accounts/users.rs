//! Making accounts and keeping them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use depot_tests::WheelBuilder;
use serde_json::Value;

use super::{basic, publish_as, read_as};
use crate::python::depot::{Depot, assert_refused, body};

fn users(depot: &Depot) -> Vec<Value> {
    let listed = depot.admin(&["user", "list", "--format", "json"]).assert_success().stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["schema"], "depot.user-list/1");
    listed["users"].as_array().unwrap().clone()
}

#[test]
fn an_account_reads_and_publishes_by_its_password() {
    let depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &["--email", "ann@acme.example"]);
    assert_eq!(read_as(&depot, "ann", "correct horse").status, 200);
    assert_eq!(read_as(&depot, "ANN", "correct horse").status, 200);
    for (name, password) in [("ann", "wrong"), ("ann", "correct horse "), ("bob", "correct horse")] {
        let refused = read_as(&depot, name, password);
        assert_refused(&refused, 401, "wrong-password");
        assert!(refused.header("www-authenticate").is_some_and(|ask| ask.starts_with("Basic ")));
    }
    let published = publish_as(&depot, "ann", "correct horse", &WheelBuilder::new("tea-pot", "1.0"));
    assert_eq!(published.status, 201, "{}", published.text());
    let journal = fs::read_to_string(depot.data_dir().join("journal/changes.jsonl")).unwrap();
    assert!(journal.lines().any(|line| line.contains(r#""who":"ann","what":"publish""#)), "{journal}");
    assert!(journal.lines().any(|line| line.contains(r#""what":"user-create","name":"ann""#)), "{journal}");
}

#[test]
fn accounts_are_listed_without_their_passwords_which_are_kept_hashed() {
    let depot = Depot::start();
    depot.new_user("Ann", "correct horse", &["--email", "ann@acme.example", "--admin"]);
    depot.admin(&["user", "create", "--username", "ci", "--robot", "--mirror"]).assert_success();
    let users = users(&depot);
    let of = |key: &str| users.iter().map(|user| user[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("name"), ["ann", "ci"]);
    assert_eq!(of("admin"), [true, false]);
    assert_eq!(of("robot"), [false, true]);
    assert_eq!(of("mirror"), [false, true]);
    assert_eq!(of("email"), [Value::from("ann@acme.example"), Value::Null]);
    assert_eq!(of("password"), [Value::Null, Value::Null]);
    let text = depot.admin(&["user", "list"]).assert_success().stdout;
    assert!(
        text.contains("ann  ann@acme.example  admin  ") && text.contains("ci  -  robot,mirror  "),
        "{text}"
    );
    let twin = depot.data_dir().join("state/users/ann.json");
    assert_eq!(fs::metadata(&twin).unwrap().permissions().mode() & 0o777, 0o600);
    let twin = fs::read_to_string(twin).unwrap();
    assert!(twin.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !twin.contains("correct horse"), "{twin}");
}

#[test]
fn verbs_used_wrongly_change_nothing_and_say_how() {
    let depot = Depot::start();
    depot.new_user("ann", "correct horse", &[]);
    depot.admin(&["user", "create", "--username", "ci", "--robot"]).assert_success();
    let create = ["user", "create", "--password-stdin", "--username"];
    for (args, input, code, words) in [
        (&[&create[..], &["ann"]].concat()[..], "correct horse", 1, "there is, or was, an account `ann`"),
        (&[&create[..], &["bob"]].concat(), "short", 1, "at least 8 characters"),
        (&[&create[..], &["bob"]].concat(), "two\nlines\n", 1, "control characters"),
        (&[&create[..], &["bob"]].concat(), "depot_looks.like.one", 1, "token"),
        (&[&create[..], &["b/ob"]].concat(), "correct horse", 2, "is not a user name"),
        (&[&create[..], &["bob", "--email", "nowhere"]].concat(), "correct horse", 1, "e-mail"),
        (&[&create[..], &["bob", "--robot"]].concat(), "correct horse", 2, "cannot be used with"),
        (&["user", "create", "--username", "bob"], "", 1, "--password-stdin"),
        (&["user", "passwd", "--password-stdin", "--username", "ci"], "correct horse", 1, "is a robot"),
        (
            &["user", "passwd", "--password-stdin", "--username", "bob"],
            "correct horse",
            1,
            "no account `bob`",
        ),
        (&["user", "disable", "--username", "bob"], "", 1, "no account `bob`"),
        (&["user", "delete", "--username", "bob"], "", 1, "no account `bob`"),
    ] {
        let said = depot.admin_reading(args, input).assert_code(code);
        assert!(said.stderr.contains(words) && said.stdout.is_empty(), "{args:?}: {}", said.stderr);
    }
    assert_eq!(users(&depot).len(), 2);
}

#[test]
fn a_disabled_account_and_its_tokens_are_dead_at_once_and_come_back_when_it_is_enabled() {
    let depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &[]);
    let token = depot.new_token("ann", &["read"]);
    let by_token = || depot.request("GET", "/python/simple/", Some(&token), "", b"");
    // What is remembered of both is warm.
    for _ in 0..3 {
        assert_eq!(read_as(&depot, "ann", "correct horse").status, 200);
        assert_eq!(by_token().status, 200);
    }
    depot.admin(&["user", "disable", "--username", "ann"]).assert_success();
    assert_refused(&read_as(&depot, "ann", "correct horse"), 401, "wrong-password");
    let refused = by_token();
    assert_refused(&refused, 401, "invalid-token");
    assert!(body(&refused)["detail"].as_str().unwrap().contains("account is disabled"), "{}", refused.text());
    depot.admin(&["user", "enable", "--username", "ann"]).assert_success();
    assert_eq!(read_as(&depot, "ann", "correct horse").status, 200);
    assert_eq!(by_token().status, 200);
}

#[test]
fn another_password_makes_the_old_one_worthless_although_it_is_remembered() {
    let depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &[]);
    assert_eq!(read_as(&depot, "ann", "correct horse").status, 200);
    let args = ["user", "passwd", "--username", "ann", "--password-stdin"];
    depot.admin_reading(&args, "battery staple\n").assert_success();
    assert_eq!(read_as(&depot, "ann", "correct horse").status, 401);
    assert_eq!(read_as(&depot, "ann", "battery staple").status, 200);
}

#[test]
fn a_deleted_account_is_gone_with_its_tokens_and_nobody_gets_its_name() {
    let depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &[]);
    let token = depot.new_token("ann", &["read"]);
    let said = depot.admin(&["user", "delete", "--username", "ann"]).assert_success().stdout;
    assert_eq!(said, "deleted ann and 1 of its tokens\n");
    assert_eq!(read_as(&depot, "ann", "correct horse").status, 401);
    assert_refused(&depot.request("GET", "/python/simple/", Some(&token), "", b""), 401, "invalid-token");
    assert!(users(&depot).is_empty());
    for args in [
        &["user", "create", "--username", "ann", "--robot"][..],
        &["user", "enable", "--username", "ann"],
        &["token", "create", "--user", "ann"],
    ] {
        depot.admin(args).assert_code(1);
    }
}

/// What the server answers to the password of `ann` and to a token of hers.
fn answers(depot: &Depot, token: &str) -> (u16, u16) {
    let by_token = depot.request("GET", "/python/simple/", Some(token), "", b"").status;
    (read_as(depot, "ann", "correct horse").status, by_token)
}

#[test]
fn what_was_disabled_or_deleted_stays_so_whichever_home_forgets_it() {
    for (verb, forgotten) in [
        ("disable", "store"),
        ("disable", "twin"),
        ("delete", "store"),
        ("delete", "twin"),
        ("disable", "journal"),
    ] {
        let mut depot = Depot::start_with(&["--private"]);
        depot.new_user("ann", "correct horse", &[]);
        let token = depot.new_token("ann", &["read"]);
        let twin = depot.data_dir().join("state/users/ann.json");
        let before = fs::read(&twin).unwrap();
        assert_eq!(answers(&depot, &token), (200, 200));
        depot.admin(&["user", verb, "--username", "ann"]).assert_success();
        depot.stop();
        match forgotten {
            "store" => fs::remove_dir_all(depot.data_dir().join("store")).unwrap(),
            "journal" => fs::remove_dir_all(depot.data_dir().join("journal")).unwrap(),
            // An old twin from a copy, and no store that knows better: the journal does.
            _ => {
                fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
                fs::write(&twin, &before).unwrap();
            }
        }
        depot.resume();
        assert_eq!(answers(&depot, &token), (401, 401), "{verb}, and the {forgotten} forgot");
    }
}

#[test]
fn a_token_of_an_account_that_every_home_lost_is_worthless() {
    let mut depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &[]);
    let token = depot.new_token("ann", &["admin"]);
    let other = depot.new_token("nobodys", &["read"]);
    assert_eq!(answers(&depot, &token), (200, 200));
    depot.stop();
    fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
    fs::remove_dir_all(depot.data_dir().join("state/users")).unwrap();
    depot.resume();
    assert_eq!(answers(&depot, &token), (401, 401));
    assert_eq!(depot.request("GET", "/python/simple/", Some(&other), "", b"").status, 200);
}

#[test]
fn accounts_are_kept_through_a_restart_and_by_verbs_without_a_server() {
    let mut depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &[]);
    depot.stop();
    depot.new_user("bob", "battery staple", &[]);
    let args = ["user", "passwd", "--username", "ann", "--password-stdin"];
    depot.admin_reading(&args, "another horse").assert_success();
    depot.resume();
    assert_eq!(read_as(&depot, "ann", "another horse").status, 200);
    assert_eq!(read_as(&depot, "bob", "battery staple").status, 200);
    assert_eq!(read_as(&depot, "ann", "correct horse").status, 401);
}

#[test]
fn an_export_has_the_accounts_and_none_of_their_passwords() {
    let mut depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &["--email", "ann@acme.example"]);
    depot.new_user("eve", "correct horse", &[]);
    depot.admin(&["user", "delete", "--username", "eve"]).assert_success();
    let (file, other) = (depot.around().join("all.jsonl"), depot.around().join("other"));
    depot.admin(&["export", file.to_str().unwrap()]).assert_success();
    assert!(!fs::read_to_string(&file).unwrap().contains("argon2"));
    depot.stop();
    let to = other.to_str().unwrap();
    let import = |args: &[&str], input: &str| {
        let mut command = std::process::Command::new(depot_tests::binary("depot-server"));
        command.env_clear().args(args).args(["--data-dir", to]);
        depot_tests::run_reading(&mut command, input).assert_success().stdout
    };
    import(&["import", file.to_str().unwrap()], "");
    let listed = import(&["user", "list"], "");
    assert!(listed.contains("ann@acme.example") && !listed.contains("eve"), "{listed}");
    import(&["user", "passwd", "--username", "ann", "--password-stdin"], "another horse");
    assert!(fs::read_to_string(other.join("state/users/eve.json")).unwrap().contains("deleted"));
}

#[test]
fn a_backup_has_the_accounts() {
    let depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &[]);
    let token = depot.new_token("ann", &["read"]);
    let to = depot.around().join("backup");
    depot.admin(&["backup", to.to_str().unwrap()]).assert_success();
    let other = depot_tests::ServerProcess::start(&to, ["--private"]);
    for line in [basic("ann", "correct horse"), format!("Authorization: Bearer {token}\r\n")] {
        let request = format!("GET /python/simple/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}\r\n");
        assert_eq!(depot_tests::send(other.url(), request).unwrap().status, 200, "{line}");
    }
}
