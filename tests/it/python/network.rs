//! How connections are made: credentials by host from `.netrc`, and proxies from the environment.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{FakeFile, FakeIndex, Fault, Output, Proxy, Style, WheelBuilder, run};

use super::depot::{Depot, listing};
use super::saved::Saved;

const PASSWORD: &str = "pa55-w0rd";

/// An index that asks for credentials, one of whose files lies at another origin.
fn private() -> FakeIndex {
    FakeIndex::builder(Style::Json)
        .credentials("ann", PASSWORD)
        .wheel(&WheelBuilder::new("near", "1"))
        .file("far", FakeFile::from(&WheelBuilder::new("far", "1")).foreign())
        .start()
}

fn open() -> FakeIndex {
    FakeIndex::builder(Style::Json).wheel(&WheelBuilder::new("near", "1")).start()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Writes a `.netrc` beside the tree, readable by its owner alone or by all.
fn netrc(saved: &Saved, name: &str, text: &str, open: bool) -> PathBuf {
    let path = saved.around().join(name);
    fs::write(&path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(if open { 0o644 } else { 0o600 })).unwrap();
    }
    path
}

fn entry(password: &str) -> String {
    format!(
        "machine other.example login eve password wrong\nmachine 127.0.0.1 login ann password {password}\n"
    )
}

/// Fails where something that was said or written into the tree holds this secret, plain or as it is sent.
#[track_caller]
fn assert_kept(saved: &Saved, said: &Output, secret: &str) {
    let mut texts = vec![said.stdout.clone(), said.stderr.clone()];
    if saved.root().exists() {
        for path in listing(&saved.root()).keys() {
            let path = saved.root().join(path);
            if path.is_file() {
                texts.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
            }
        }
    }
    for text in texts {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_netrc_at_home_or_named_gives_the_index_its_credentials() {
    let index = private();
    for named in [false, true] {
        let saved = Saved::new();
        let path = netrc(&saved, if named { "mine" } else { ".netrc" }, &entry(PASSWORD), false);
        let mut command = saved.save_command(&index.url(), &["near", "far", "-v", "--format", "json"]);
        command.env("HOME", saved.around());
        if named {
            command.env("NETRC", path);
        }
        index.clear_log();
        let said = run(&mut command).assert_success();
        assert_kept(&saved, &said, PASSWORD);
        assert!(!said.stderr.contains("warning"), "{}", said.stderr);
        // It is for this host, whether the index listens there or who has its files.
        for request in index.requests() {
            assert_eq!(request.authorization, Some(basic("ann", PASSWORD)), "{request:?}");
        }
        assert!(index.requests().iter().any(|request| request.foreign));
    }
}

#[test]
fn credentials_of_a_netrc_do_not_follow_a_redirect() {
    let index = private();
    for path in [FakeIndex::page_path("near"), FakeIndex::file_path("near", "near-1-py3-none-any.whl")] {
        let saved = Saved::new();
        netrc(&saved, ".netrc", &entry(PASSWORD), false);
        // Another name is another host.
        let elsewhere = index.foreign_origin().replace("127.0.0.1", "localhost");
        index.fault_times(&path, 1, Fault::Redirect(format!("{elsewhere}{path}")));
        run(saved.save_command(&index.url(), &["near"]).env("HOME", saved.around()));
        let foreign: Vec<_> = index.requests().into_iter().filter(|request| request.foreign).collect();
        assert!(!foreign.is_empty());
        assert!(foreign.iter().all(|request| request.authorization.is_none()), "{foreign:?}");
        index.clear_log();
    }
}

#[test]
fn credentials_in_the_url_win_and_a_file_open_to_others_is_warned_of_when_it_is_used() {
    let (index, saved) = (private(), Saved::new());
    netrc(&saved, ".netrc", &entry("wr0ng-one"), true);
    let save = |url: &str| run(saved.save_command(url, &["near"]).env("HOME", saved.around()));
    let said = save(&index.url_with_credentials()).assert_success();
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
    let said = save(&index.url()).assert_code(3);
    assert_kept(&saved, &said, "wr0ng-one");
    assert!(said.stderr.contains("refused the credentials"), "{}", said.stderr);
    #[cfg(unix)]
    assert!(said.stderr.contains("warning: others can read the passwords"), "{}", said.stderr);
    // A netrc that says nothing of the host, or is not there, changes nothing.
    netrc(&saved, ".netrc", "machine other.example login a password b\n", true);
    let said = save(&index.url()).assert_code(3);
    assert!(said.stderr.contains("none were given") && !said.stderr.contains("warning"), "{}", said.stderr);
}

#[test]
fn a_push_takes_its_token_from_a_netrc_unless_a_flag_or_the_url_has_one() {
    let (index, saved, depot) = (open(), Saved::new(), Depot::start());
    saved.save(&index, &["near"]).assert_success();
    let push = |url: &str, token: Option<&str>| {
        let mut command = saved.push_command(url, &["-v"]);
        if let Some(token) = token {
            command.env("DEPOT_AUTH_TOKEN", token);
        }
        run(command.env("HOME", saved.around()))
    };
    push(depot.url(), None).assert_code(1);
    let token = depot.token();
    netrc(&saved, ".netrc", "machine 127.0.0.1 login __token__ password wrong\n", false);
    push(depot.url(), None).assert_code(1);
    push(depot.url(), Some(&token)).assert_success();
    let in_url = depot.url().replace("http://", &format!("http://__token__:{token}@"));
    push(&in_url, None).assert_success();
    netrc(&saved, ".netrc", &format!("machine 127.0.0.1 login __token__ password {token}\n"), false);
    let said = push(depot.url(), None).assert_success();
    assert_kept(&saved, &said, &token);
    push(depot.url(), Some("wrong")).assert_code(1);
}

/// Saves through what the environment says of proxies.
fn save_through(index: &FakeIndex, saved: &Saved, variables: &[(&str, &str)]) -> Output {
    let mut command: Command = saved.save_command(&index.url(), &["near", "-v", "--retries", "0"]);
    run(command.envs(variables.iter().copied()))
}

#[test]
fn proxies_of_the_environment_are_used_and_their_credentials_are_theirs() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let (index, saved, proxy) = (private(), Saved::new(), Proxy::start());
        let url = proxy.url_with_credentials("bob", "pr0xy-pass");
        let mut command =
            saved.save_command(&index.url_with_credentials(), &["near", "-v", "--format", "json"]);
        let said = run(command.env(name, url)).assert_success();
        assert_kept(&saved, &said, "pr0xy-pass");
        assert_kept(&saved, &said, PASSWORD);
        let requests = proxy.requests();
        assert_eq!(requests.len(), index.requests().len(), "{name}");
        for request in &requests {
            assert!(request.target.starts_with(index.origin()), "{request:?}");
            assert_eq!(request.authorization, Some(basic("bob", "pr0xy-pass")), "{name}");
            assert_eq!(request.origin_authorization, Some(basic("ann", PASSWORD)));
        }
        // The index never hears of the proxy's user.
        assert!(index.requests().iter().all(|seen| seen.authorization == Some(basic("ann", PASSWORD))));
    }
}

#[test]
fn no_proxy_is_obeyed() {
    for no_proxy in ["127.0.0.1", "*", "other.example, 127.0.0.0/8"] {
        let (index, saved, proxy) = (open(), Saved::new(), Proxy::start());
        save_through(&index, &saved, &[("HTTP_PROXY", &proxy.url()), ("NO_PROXY", no_proxy)])
            .assert_success();
        assert_eq!(proxy.requests(), [], "{no_proxy}");
    }
    let (index, saved, proxy) = (open(), Saved::new(), Proxy::start());
    save_through(&index, &saved, &[("HTTP_PROXY", &proxy.url()), ("NO_PROXY", "other.example")])
        .assert_success();
    assert_eq!(proxy.requests().len(), 2);
}

#[test]
fn a_proxy_that_is_down_is_a_failure_that_does_not_tell_its_password() {
    let (index, saved) = (open(), Saved::new());
    let said =
        save_through(&index, &saved, &[("HTTP_PROXY", "http://bob:pr0xy-pass@127.0.0.1:9")]).assert_code(3);
    assert_kept(&saved, &said, "pr0xy-pass");
    assert!(said.stderr.contains("could not be reached"), "{}", said.stderr);
    assert!(index.requests().is_empty(), "nobody goes round a proxy");
}

#[test]
fn a_push_goes_through_the_proxy_too() {
    let (index, saved, depot, proxy) = (open(), Saved::new(), Depot::start(), Proxy::start());
    saved.save(&index, &["near"]).assert_success();
    let mut command = saved.push_command(depot.url(), &[]);
    command.env("DEPOT_AUTH_TOKEN", depot.token()).env("HTTP_PROXY", proxy.url());
    run(&mut command).assert_success();
    assert_eq!(depot.listed("near").len(), 1);
    let methods: Vec<_> = proxy.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["POST", "PUT", "PUT"]);
}
