//! `depot login`, `logout`, `token`, `whoami` and `use` against a live server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use depot_tests::{Output, WheelBuilder, depot_command, run, run_reading};
use serde_json::Value;
use tempfile::TempDir;

use super::basic;
use crate::python::command::schema::assert_valid;
use crate::python::depot::Depot;

/// A person with a home.
struct Person {
    home: TempDir,
}

impl Person {
    fn new() -> Self {
        Self { home: TempDir::new().unwrap() }
    }

    fn depot(&self, args: &[&str], input: &str) -> Output {
        let mut command = depot_command(args);
        command.env("HOME", self.home.path()).env("DEPOT_CONFIG_DIR", self.home.path().join("depot"));
        command.current_dir(self.home.path());
        if input.is_empty() { run(&mut command) } else { run_reading(&mut command, input) }
    }

    fn login(&self, depot: &Depot) -> Output {
        self.depot(&["login", depot.url(), "--username", "ann", "--password-stdin"], "correct horse\n")
    }

    fn credentials(&self) -> PathBuf {
        self.home.path().join("depot/credentials.json")
    }

    fn kept(&self) -> Value {
        serde_json::from_slice(&fs::read(self.credentials()).unwrap()).unwrap()
    }

    fn token(&self, depot: &Depot) -> String {
        self.kept()["servers"][depot.url()]["token"].as_str().unwrap().to_owned()
    }
}

fn server() -> Depot {
    let depot = Depot::start_with(&["--private"]);
    depot.new_user("ann", "correct horse", &["--mirror"]);
    depot
}

fn reads(depot: &Depot, token: &str) -> u16 {
    depot.request("GET", "/python/simple/", Some(token), "", b"").status
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A saved tree with one wheel.
fn saved(person: &Person) -> String {
    let index =
        depot_tests::FakeIndex::builder(depot_tests::Style::Json).wheel(&WheelBuilder::new("tea-pot", "1.0"));
    let (index, dir) = (index.start(), person.home.path().join("tree").to_str().unwrap().to_owned());
    person
        .depot(&["python", "save", "tea-pot", "--dir", &dir, "--index-url", &index.url()], "")
        .assert_success();
    dir
}

#[test]
fn a_login_keeps_a_token_with_which_everything_goes_until_the_logout() {
    let (depot, ann) = (server(), Person::new());
    let dir = saved(&ann);
    let refused = ann.depot(&["python", "push", depot.url(), "--dir", &dir], "").assert_code(1);
    assert!(refused.stderr.contains("depot login"), "{}", refused.stderr);
    let said = ann.login(&depot).assert_success();
    assert!(said.stdout.contains("as ann, until "), "{}", said.stdout);
    assert_eq!(mode(&ann.credentials()), 0o600);
    assert_eq!(mode(ann.credentials().parent().unwrap()), 0o700);
    let token = ann.token(&depot);
    assert!(!said.stdout.contains(&token) && !said.stderr.contains(&token));
    assert!(!fs::read_to_string(ann.credentials()).unwrap().contains("correct horse"));

    ann.depot(&["python", "push", depot.url(), "--dir", &dir], "").assert_success();
    let verified = ann.depot(&["python", "verify", depot.url(), "--dir", &dir], "");
    assert!(!verified.stderr.contains("401"), "{}", verified.stderr);
    let who = ann.depot(&["whoami"], "").assert_success().stdout;
    assert!(who.contains("ann  an account") && who.contains("which grants read"), "{who}");
    let who = ann.depot(&["whoami", depot.url(), "--format", "json"], "").assert_success().stdout;
    let who: Value = serde_json::from_str(&who).unwrap();
    assert_valid(&who);
    assert_eq!((&who["schema"], &who["servers"][0]["user"]), (&"depot.whoami/1".into(), &"ann".into()));
    assert!(who["servers"][0]["token"]["expires"].is_string());

    // A second login takes the place of the first, whose token dies.
    ann.login(&depot).assert_success();
    let second = ann.token(&depot);
    assert_eq!((reads(&depot, &token), reads(&depot, &second)), (401, 200));
    ann.depot(&["logout", depot.url()], "").assert_success();
    assert_eq!(reads(&depot, &second), 401);
    assert_eq!(ann.kept()["servers"], serde_json::json!({}));
    ann.depot(&["logout", depot.url()], "").assert_code(1);
    ann.depot(&["whoami"], "").assert_code(2);
}

#[test]
fn a_logout_forgets_the_token_although_the_server_is_gone_and_says_so() {
    let (mut depot, ann) = (server(), Person::new());
    ann.login(&depot).assert_success();
    let url = depot.url().to_owned();
    depot.stop();
    let said = ann.depot(&["logout", &url], "").assert_code(3);
    assert!(said.stderr.contains("lives on at the server until"), "{}", said.stderr);
    assert_eq!(ann.kept()["servers"], serde_json::json!({}));
}

#[test]
fn a_token_that_is_given_is_kept_if_it_is_one() {
    let (depot, ann) = (server(), Person::new());
    let token = depot.new_token("robot", &["read"]);
    let login = ["login", depot.url(), "--token-stdin"];
    let said = ann.depot(&login, &format!("{token}\n")).assert_success().stdout;
    assert!(said.contains("as robot, until "), "{said}");
    assert_eq!(ann.token(&depot), token);
    let refused = ann.depot(&login, "depot_nonsense\n").assert_code(1);
    assert!(refused.stderr.contains("not valid here"), "{}", refused.stderr);
    assert_eq!(ann.token(&depot), token);
}

#[test]
fn logins_that_fail_say_why_and_keep_nothing() {
    let (depot, ann) = (server(), Person::new());
    let url = depot.url().to_owned();
    let with_password = url.replace("http://", "http://ann:correct%20horse@");
    for (args, input, code, words) in [
        (
            &["login", &url, "--username", "ann", "--password-stdin"][..],
            "wrong\n",
            1,
            "user name or the password is wrong",
        ),
        (&["login", &url, "--username", "ann", "--password-stdin"], "\n", 1, "no password on standard input"),
        (&["login", &url, "--username", "ann"], "", 2, "--password-stdin"),
        (&["login", &url], "", 2, "--username"),
        (&["login", &url, "--password-stdin"], "x", 2, "--username"),
        (&["login", &with_password], "", 2, "leave user and password out"),
        (&["login", "depot.example"], "", 2, "URL"),
        (
            &["login", "http://127.0.0.1:9", "--username", "a", "--password-stdin"],
            "x\n",
            1,
            "could not be reached",
        ),
        (
            &["login", &url, "--username", "ann", "--password-stdin", "--scope", "admin"],
            "correct horse\n",
            1,
            "administrator",
        ),
        (&["token", "list", &url], "", 2, "there is no login"),
    ] {
        let said = ann.depot(args, input).assert_code(code);
        assert!(said.stderr.contains(words) && said.stdout.is_empty(), "{args:?}: {}", said.stderr);
    }
    assert!(!ann.credentials().exists());
}

#[test]
fn a_file_of_tokens_that_others_can_read_is_not_used() {
    let (depot, ann) = (server(), Person::new());
    ann.login(&depot).assert_success();
    fs::set_permissions(ann.credentials(), fs::Permissions::from_mode(0o640)).unwrap();
    let refused = ann.depot(&["whoami"], "").assert_code(1);
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
}

#[test]
fn the_token_of_a_login_goes_to_its_own_server_alone() {
    let (depot, ann) = (server(), Person::new());
    ann.login(&depot).assert_success();
    let token = ann.token(&depot);
    let dir = saved(&ann);
    // The same name with another port, and another name of the same machine, are other servers.
    let other = depot_tests::FakeIndex::builder(depot_tests::Style::Json).start();
    let named = depot.url().replace("127.0.0.1", "localhost");
    for url in [other.url(), named] {
        let said = ann.depot(&["python", "push", &url, "--dir", &dir, "--retries", "0"], "");
        assert_ne!(said.code, Some(0), "{url}");
    }
    assert!(other.requests().iter().all(|request| request.authorization.is_none()));
    // What is typed goes before what is kept.
    let said = ann.depot(&["whoami", depot.url(), "--token", &depot.token()], "").assert_success().stdout;
    assert!(said.contains("admin  no account, and an administrator"), "{said}");
    assert!(!said.contains(&token));
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let (depot, ann) = (server(), Person::new());
    ann.login(&depot).assert_success();
    let url = depot.url().to_owned();
    let create = [
        "token",
        "create",
        &url,
        "--name",
        "ci",
        "--scope",
        "push",
        "--project",
        "acme-*",
        "--expires-days",
        "7",
    ];
    // The token of a login makes none.
    let refused = ann.depot(&create, "").assert_code(1);
    assert!(refused.stderr.contains("--username"), "{}", refused.stderr);
    let by_password = ["--username", "ann", "--password-stdin"];
    let made = ann.depot(&[&create[..], &by_password].concat(), "correct horse\n").assert_success();
    let token = made.stdout.trim().to_owned();
    assert!(token.starts_with("depot_") && made.stderr.contains("not shown again"), "{}", made.stderr);
    let listed = ann.depot(&["token", "list", &url], "").assert_success().stdout;
    let line = listed.lines().find(|line| line.contains("  ci  ")).unwrap();
    assert!(line.contains("push:*:acme-*") && !listed.contains(&token), "{listed}");
    let id = line.split("  ").next().unwrap();
    let json = |args: &[&str], input: &str| {
        let said = ann.depot(&[args, &["--format", "json"]].concat(), input).assert_success().stdout;
        assert_valid(&serde_json::from_str(&said).unwrap());
    };
    json(&["token", "list", &url], "");
    json(&[&create[..], &by_password].concat(), "correct horse\n");
    let revoke = ["token", "revoke", &url, id];
    ann.depot(&revoke, "").assert_code(1);
    assert_eq!(reads(&depot, &token), 200);
    json(&[&revoke[..], &by_password].concat(), "correct horse\n");
    assert_eq!(reads(&depot, &token), 401);
    json(&["login", &url, "--username", "ann", "--password-stdin"], "correct horse\n");
    json(&["logout", &url], "");
}

#[test]
fn clients_are_told_where_the_server_is_and_keep_what_they_had() {
    let (depot, ann) = (server(), Person::new());
    let (url, home) = (depot.url().to_owned(), ann.home.path());
    let index = format!("{url}/python/simple/");
    let (pip, uv) = (home.join(".config/pip/pip.conf"), home.join(".config/uv/uv.toml"));
    fs::create_dir_all(pip.parent().unwrap()).unwrap();
    fs::write(&pip, "# mine\n[global]\ntimeout = 5\nindex-url = https://me:canary@old.example/\n").unwrap();
    let dry = ann.depot(&["use", &url, "--dry-run"], "").assert_success().stdout;
    assert!(
        dry.contains(&format!("+index-url = {index}")) && dry.contains("-index-url = https://***@old"),
        "{dry}"
    );
    assert!(!dry.contains("canary"), "{dry}");
    assert!(!uv.exists() && fs::read_to_string(&pip).unwrap().contains("old.example"));
    let done = ann.depot(&["use", &url], "").assert_success();
    assert_eq!(done.stdout, dry);
    let said = fs::read_to_string(&pip).unwrap();
    assert_eq!(said, format!("# mine\n[global]\ntimeout = 5\nindex-url = {index}\n"));
    let said = fs::read_to_string(&uv).unwrap();
    assert_eq!(said, format!("[[index]]\nname = \"depot\"\nurl = \"{index}\"\ndefault = true\n"));
    // A second time there is nothing to do.
    let again = ann.depot(&["use", &url, "--pip", "--uv"], "").assert_success();
    assert!(again.stdout.is_empty() && again.stderr.contains("is so already"), "{}", again.stdout);

    ann.depot(&["use", &url, "--netrc"], "").assert_code(2);
    ann.login(&depot).assert_success();
    fs::write(home.join(".netrc"), "machine other.example login me password canary\n").unwrap();
    let shown = ann.depot(&["use", &url, "--netrc"], "").assert_success().stdout;
    let token = ann.token(&depot);
    assert!(
        shown.contains("+password ***") && !shown.contains(&token) && !shown.contains("canary"),
        "{shown}"
    );
    let netrc = fs::read_to_string(home.join(".netrc")).unwrap();
    assert!(netrc.starts_with("machine other.example login me password canary\n") && netrc.contains(&token));
    assert_eq!(mode(&home.join(".netrc")), 0o600);

    ann.depot(&["use", &url, "--poetry"], "").assert_code(2);
    fs::write(home.join("pyproject.toml"), "[project] # mine\nname = \"x\"\n").unwrap();
    let shown = ann.depot(&["use", &url, "--poetry", "--format", "json"], "").assert_success().stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_valid(&shown);
    assert_eq!((&shown["schema"], &shown["files"][0]["changed"]), (&"depot.use/1".into(), &true.into()));
    let said = fs::read_to_string(home.join("pyproject.toml")).unwrap();
    assert!(said.starts_with("[project] # mine\n") && said.contains("priority = \"primary\""), "{said}");
}

#[test]
fn pip_and_uv_install_by_what_they_were_told_and_by_name_and_password() {
    let Some(clients) = depot_tests::Clients::find() else { return };
    let (depot, ann) = (server(), Person::new());
    depot.publish(&WheelBuilder::new("tea-pot", "1.0"));
    ann.login(&depot).assert_success();
    ann.depot(&["use", depot.url(), "--pip", "--uv", "--netrc"], "").assert_success();
    let password = depot.url().replace("http://", "http://ann:correct%20horse@");
    let url = format!("{}/python/simple/", depot.url());
    for index in [format!("{password}/python/simple/"), url] {
        for uv in [false, true] {
            let room = clients.room();
            fs::copy(ann.home.path().join(".netrc"), room.home().join(".netrc")).unwrap();
            let output =
                if uv { room.uv_install(&index, ["tea-pot"]) } else { room.pip_install(&index, ["tea-pot"]) };
            output.assert_success();
        }
    }
    let refused = depot.request("GET", "/python/simple/", None, &basic("ann", "wrong"), b"");
    assert_eq!(refused.status, 401);
}
