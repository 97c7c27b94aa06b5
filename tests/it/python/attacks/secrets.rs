//! Attack 39: secrets that are found where they do not belong: in the log at its most talkative, in answers, in what
//! commands say, in files, and in what the machine shows of a process.

mod builders;
mod people;
mod uploaders;

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use depot_tests::{FakeFile, FakeIndex, Fault, RawResponse, Style, WheelBuilder, counted, run, send};

use serde_json::json;

use crate::python::depot::{Depot, listing, mirrored, record};
use crate::python::saved::Saved;

/// Everything that was said or written, and the secrets that must not be in it.
#[derive(Default)]
struct Search {
    secrets: Vec<(&'static str, String)>,
    looked_at: u64,
    hits: Vec<String>,
}

impl Search {
    /// A secret, which is looked for as it is and as it travels.
    fn add(&mut self, what: &'static str, secret: &str) {
        self.secrets.push((what, secret.to_owned()));
        for user in ["", "ann:", "__token__:", "robot:"] {
            self.secrets.push((what, STANDARD.encode(format!("{user}{secret}"))));
        }
        self.secrets.push((what, URL_SAFE_NO_PAD.encode(secret)));
    }

    /// A token, which is looked for by its signature: without it the rest is worth nothing.
    fn add_token(&mut self, what: &'static str, token: &str) {
        let signature = token.trim().rsplit('.').next().unwrap().to_owned();
        assert!(signature.len() > 20, "{what}");
        self.secrets.push((what, signature));
        self.secrets.push((what, STANDARD.encode(format!("__token__:{}", token.trim()))));
    }

    fn look(&mut self, place: &str, bytes: &[u8]) {
        self.looked_at += 1;
        let text = String::from_utf8_lossy(bytes);
        for (what, secret) in &self.secrets {
            if let Some(at) = text.find(secret.as_str()) {
                let line = text[..at].lines().last().unwrap_or_default();
                self.hits.push(format!("{what} in {place}, after: {line}"));
            }
        }
    }

    fn look_at_answer(&mut self, place: &str, answer: &RawResponse) {
        self.look(place, format!("{:?}", answer.headers).as_bytes());
        self.look(place, &answer.body);
    }

    /// All files below a folder but those where a secret belongs.
    fn look_below(&mut self, root: &Path, but: &[&str]) {
        for path in listing(root).into_keys() {
            let whole = root.join(&path);
            self.look("the name of a file", path.as_os_str().as_encoded_bytes());
            if whole.is_file() && !but.iter().any(|one| path.ends_with(one)) {
                self.look(&whole.display().to_string(), &fs::read(&whole).unwrap());
            }
        }
    }

    /// Runs a command to its end and looks at what it said, at whatever level of talk it has.
    fn run(&mut self, what: &str, command: &mut Command) {
        command.env("RUST_LOG", "trace").env("DEPOT_LOG", "trace").env("RUST_BACKTRACE", "1");
        let said = run(command);
        self.look(&format!("what {what} said"), said.stderr.as_bytes());
        self.look(&format!("what {what} printed"), said.stdout.as_bytes());
    }

    #[track_caller]
    fn assert_nothing_was_found(&self) {
        assert!(self.hits.is_empty(), "{:#?}", self.hits);
        assert!(self.looked_at > 40, "{}", self.looked_at);
        let secrets = self.secrets.len();
        counted("attack 39", &format!("places searched for {secrets} spellings of secrets"), self.looked_at);
    }
}

#[test]
fn no_secret_that_a_server_meets_is_found_again() {
    let mut depot = Depot::start_with(&["--log", "trace"]);
    let mut search = Search::default();
    search.add_token("the administrator's token", &depot.token());
    let robot = depot.new_token("robot", &["push-new", "read"]);
    search.add_token("a token that was made", &robot);
    for (what, secret) in [
        ("a password", "canary-password-1"),
        ("the password of an account", "canary-account-6"),
        ("a token that is none", "depot_canary.forged.c4naryc4naryc4nary"),
        ("a cookie", "canary-cookie-2"),
        ("a password in a URL", "canary-url-3"),
        ("a password for a proxy", "canary-proxy-4"),
        ("a token in a query", "canary-query-5"),
    ] {
        search.add(what, secret);
    }
    depot.new_user("eve", "canary-account-6", &[]);
    let headers = [
        // First, as the failures of the others slow it down.
        format!("Authorization: Basic {}\r\n", STANDARD.encode("eve:canary-account-6")),
        format!("Authorization: Basic {}\r\n", STANDARD.encode("ann:canary-password-1")),
        "Authorization: Bearer depot_canary.forged.c4naryc4naryc4nary\r\n".to_owned(),
        "Authorization: canary-password-1\r\n".to_owned(),
        "Authorization: Digest username=ann, response=canary-password-1\r\n".to_owned(),
        "Cookie: session=canary-cookie-2\r\n".to_owned(),
        format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode("ann:canary-proxy-4")),
        format!("Authorization: Bearer {robot}\r\n"),
        format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("__token__:{}", depot.token()))),
        format!("Authorization: Bearer {robot}\r\nAuthorization: Bearer {robot}\r\n"),
    ];
    let wheel = WheelBuilder::new("teapot", "1.0");
    for header in &headers {
        for (method, path, body) in [
            ("GET", "/python/simple/", &b""[..]),
            ("GET", "/python/simple/unknown/", b""),
            ("GET", "/python/simple/teapot/?token=canary-query-5&access_token=canary-query-5", b""),
            ("GET", "/elsewhere?password=canary-query-5", b""),
            ("PUT", "/python/simple/teapot/teapot-1.0-py3-none-any.whl", b"no wheel"),
            ("PUT", "/python/simple/teapot/teapot-1.0-py3-none-any.whl.json", b"{ no json"),
            ("POST", "/python/_/plan", b"[]"),
            ("GET", "/api/whoami?password=canary-query-5", b""),
            ("POST", "/api/tokens", b"canary-query-5"),
            ("POST", "/api/users", b"{\"password\": \"canary-account-6\"}"),
            ("PATCH", "/api/users/eve", b"{\"password\": canary-account-6}"),
            ("DELETE", "/api/tokens", b"{\"token\": canary-query-5}"),
            ("DELETE", "/python/simple/teapot/", b""),
        ] {
            let answer = depot.request(method, path, None, header, body);
            search.look_at_answer(&format!("the answer to {method} {path}"), &answer);
        }
    }
    // A target in absolute form may hold credentials too.
    let absolute = "GET http://ann:canary-url-3@depot/python/simple/ HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n";
    if let Ok(answer) = send(depot.url(), absolute) {
        search.look_at_answer("the answer to an absolute target", &answer);
    }
    let answer = depot.announce("teapot", &mirrored(&wheel.filename(), &wheel.build()));
    search.look_at_answer("the answer to an announcement", &answer);
    depot.put("teapot", &wheel.filename(), &wheel.build());
    search.look_at_answer("a page", &depot.get("/python/simple/teapot/"));
    depot.announce("kettle", &record("kettle-1.0.tar.gz", b""));
    for args in [
        &["token", "list"][..],
        &["token", "list", "--format", "json"],
        &["reindex"],
        &["token", "revoke", "zzz"],
    ] {
        let said = depot.admin(args);
        search.look("what an admin verb said", format!("{}{}", said.stdout, said.stderr).as_bytes());
    }
    for file in ["cmdline", "environ", "comm"] {
        let shown = fs::read(format!("/proc/{}/{file}", depot.server().pid())).unwrap();
        search.look(&format!("/proc/PID/{file}"), &shown);
    }
    let server = depot.server();
    server.ask_to_end();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while Path::new(&depot.data_dir().join("admin.sock")).exists() {
        assert!(std::time::Instant::now() < deadline, "the server does not end");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let log = depot.server().stderr();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is as talkative as it gets");
    for line in log.lines() {
        search.look("the log", line.as_bytes());
    }
    depot.wait();
    search.look_below(&depot.data_dir(), &["admin.token"]);
    search.assert_nothing_was_found();
}

#[test]
fn no_secret_that_a_command_is_given_is_found_again() {
    let depot = Depot::start_with(&["--private", "--log", "trace"]);
    let mut search = Search::default();
    let token = depot.token();
    search.add_token("the administrator's token", &token);
    search.add("the index's password", "canary-index-1");
    search.add("a password in netrc", "canary-netrc-2");
    search.add("the proxy's password", "canary-proxy-3");
    search.add("a token that is wrong", "depot_canary.wrong.c4naryc4naryc4nary");
    let index = FakeIndex::builder(Style::Json)
        .credentials("ann", "canary-index-1")
        .wheel(&WheelBuilder::new("near", "1.0"))
        .file("far", FakeFile::from(&WheelBuilder::new("far", "1.0")).foreign())
        .start();
    let saved = Saved::new();
    let home = saved.around().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join(".netrc"), "machine 127.0.0.1 login ann password canary-netrc-2\n").unwrap();
    fs::write(home.join("token"), &token).unwrap();
    let proxied = |mut command: Command| {
        command
            .env("HOME", &home)
            .env("HTTP_PROXY", "http://ann:canary-proxy-3@127.0.0.1:9")
            .env("HTTPS_PROXY", "http://ann:canary-proxy-3@127.0.0.1:9");
        command
    };
    let direct = |command: Command| {
        let mut command = proxied(command);
        command.env("NO_PROXY", "127.0.0.1,localhost");
        command
    };
    let url = index.url_with_credentials();
    for args in
        [&["near", "far"][..], &["near", "far", "-v"], &["near", "--format", "json", "-v"], &["absent", "-v"]]
    {
        search.run("save", &mut direct(saved.save_command(&url, args)));
        // Everyone whom a proxy is named to that cannot be reached hears of it, and not of its password.
        search.run(
            "save by a proxy",
            &mut proxied(saved.save_command(&url, &[args, &["--retries", "0"]].concat())),
        );
    }
    for fault in
        [Fault::NotFound, Fault::WrongBytes, Fault::HtmlInstead, Fault::Redirect("ftp://x/".to_owned())]
    {
        index.fault(&FakeIndex::page_path("near"), fault);
        search.run("a save that fails", &mut direct(saved.save_command(&url, &["near", "-v"])));
        index.heal();
    }
    let file = home.join("token");
    let file = file.to_str().unwrap();
    for args in [&["-v"][..], &["--format", "json"], &["--dry-run", "-v"]] {
        let with_file = [&["--token-file", file], args].concat();
        search.run("push", &mut direct(saved.push_command(depot.url(), &with_file)));
        let mut command = direct(saved.push_command(depot.url(), args));
        search.run("push", command.env("DEPOT_AUTH_TOKEN", &token));
        let wrong = [&["--token", "depot_canary.wrong.c4naryc4naryc4nary"], args].concat();
        search.run("a push that is refused", &mut direct(saved.push_command(depot.url(), &wrong)));
        let elsewhere = direct(saved.push_command("http://127.0.0.1:9/", args));
        search.run("a push to nobody", &mut { elsewhere });
        let address =
            depot.url().replace("http://", "http://__token__:depot_canary.wrong.c4naryc4naryc4nary@");
        search.run("a push with a token in the address", &mut direct(saved.push_command(&address, args)));
    }
    search.look_below(&saved.root(), &[]);
    search.look_below(&depot.data_dir(), &["admin.token"]);
    for line in depot.server().stderr().lines() {
        search.look("the log", line.as_bytes());
    }
    search.assert_nothing_was_found();
}

#[test]
fn credentials_in_the_address_that_a_file_is_said_to_come_from_are_not_kept() {
    let mut depot = Depot::start();
    let mut search = Search::default();
    search.add("a password in a URL", "canary-url-3");
    let wheel = WheelBuilder::new("teapot", "1.0");
    let mut facts = mirrored(&wheel.filename(), &wheel.build());
    facts["depot"]["origin"]["url"] = json!("https://ann:canary-url-3@index.example/teapot.whl");
    facts["depot"]["origin"]["index"] = json!("https://ann:canary-url-3@index.example/simple/");
    // Whether they are refused or dropped.
    let answer = depot.announce("teapot", &facts);
    search.look_at_answer("the answer to an announcement", &answer);
    depot.put("teapot", &wheel.filename(), &wheel.build());
    depot.stop();
    search.look_below(&depot.data_dir(), &["admin.token"]);
    assert!(search.hits.is_empty(), "{:#?}", search.hits);
}
