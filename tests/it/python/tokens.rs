//! Tokens and who keeps them: issuing, revoking, scopes, and the secrets on disk.

pub(crate) mod forged;
mod keeping;

use depot_tests::{WheelBuilder, sha256_hex};
use serde_json::{Value, json};

use super::depot::{Depot, assert_accepted, assert_refused, body, record};

/// What an upload of a file that is not there comes to with a token that allows it: 202.
fn announce(depot: &Depot, token: &str, project: &str) -> depot_tests::RawResponse {
    depot.announce_as(token, project, &record(&format!("{project}-1.0.tar.gz"), b""))
}

fn id_of(depot: &Depot, user: &str) -> String {
    let list = depot.admin(&["token", "list", "--format", "json"]).assert_success().stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["schema"], "depot.token-list/1");
    let tokens = list["tokens"].as_array().unwrap();
    let token = tokens.iter().find(|token| token["subject"] == user).unwrap();
    token["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_goes_as_bearer_or_as_the_password_of_any_user() {
    use base64::Engine as _;
    let depot = Depot::start();
    let token = depot.new_token("robot", &["push-new"]);
    let basic = |user: &str, password: &str| {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        format!("Authorization: Basic {text}\r\n")
    };
    let bare = token.strip_prefix("depot_").expect("the text form starts with depot_");
    let body = record("teapot-1.0.tar.gz", b"").to_string();
    for (headers, status) in [
        (format!("Authorization: Bearer {token}\r\n"), 202),
        (format!("authorization: bearer {bare}\r\n"), 202),
        (basic("__token__", &token), 202),
        (basic("ann", bare), 202),
        (basic(&token, ""), 202),
        (String::new(), 401),
        (basic("__token__", ""), 401),
        (basic("__token__", "wrong"), 401),
        (format!("Authorization: {token}\r\n"), 401),
        ("Authorization: Basic !!!\r\n".to_owned(), 401),
        ("Authorization: Negotiate YII\r\n".to_owned(), 401),
        (format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"), 401),
    ] {
        let path = "/python/simple/teapot/teapot-1.0.tar.gz.json";
        let answer = depot.request("PUT", path, None, &headers, body.as_bytes());
        assert_eq!(answer.status, status, "{headers}: {}", answer.text());
        if status == 401 {
            assert!(
                answer.header("www-authenticate").is_some_and(|ask| ask.starts_with("Basic ")),
                "{headers}"
            );
        }
    }
}

#[test]
fn a_wrong_token_is_refused_even_where_none_is_needed() {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("teapot", "1.0"));
    for path in
        ["/python/simple/", "/python/simple/teapot/", "/python/files/teapot/teapot-1.0-py3-none-any.whl"]
    {
        assert_eq!(depot.get(path).status, 200);
        let refused = depot.request("GET", path, Some("depot_wrong"), "", b"");
        assert_refused(&refused, 401, "invalid-token");
    }
}

#[test]
fn a_revoked_token_is_dead_at_once_and_for_good() {
    let mut depot = Depot::start();
    let token = depot.new_token("robot", &["push-new"]);
    let other = depot.new_token("ann", &["push-new"]);
    assert_accepted(&announce(&depot, &token, "teapot"), 202, "send");
    let id = id_of(&depot, "robot");
    let said = depot.admin(&["token", "revoke", &id[..10]]).assert_success();
    assert!(said.stdout.contains(&id) && said.stdout.contains("robot"), "{}", said.stdout);
    let assert_dead = |depot: &Depot| {
        let refused = announce(depot, &token, "teapot");
        assert_refused(&refused, 401, "invalid-token");
        assert!(body(&refused)["detail"].as_str().unwrap().contains("revoked"), "{}", refused.text());
        assert_accepted(&announce(depot, &other, "teapot"), 202, "send");
    };
    assert_dead(&depot);
    depot.stop();
    depot.resume();
    assert_dead(&depot);

    depot.stop();
    std::fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
    depot.resume();
    assert_dead(&depot);

    // The journal alone knows it too.
    depot.stop();
    std::fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
    let twin = depot.data_dir().join("state").join("tokens").join(format!("{id}.json"));
    let mut forgetful: Value = serde_json::from_slice(&std::fs::read(&twin).unwrap()).unwrap();
    assert!(forgetful.as_object_mut().unwrap().remove("revoked").is_some(), "{forgetful}");
    std::fs::write(&twin, forgetful.to_string()).unwrap();
    depot.resume();
    assert_dead(&depot);

    // A token that every place lost is unknown, and not alive.
    depot.stop();
    std::fs::remove_dir_all(depot.data_dir().join("store")).unwrap();
    std::fs::remove_file(&twin).unwrap();
    depot.resume();
    assert_refused(&announce(&depot, &token, "teapot"), 401, "invalid-token");
}

#[test]
fn a_token_revoked_while_the_server_stands_is_dead_when_it_starts() {
    let mut depot = Depot::start();
    let token = depot.new_token("robot", &["push-new"]);
    let id = id_of(&depot, "robot");
    depot.stop();
    let made = depot.new_token("ann", &["push-new"]);
    depot.admin(&["token", "revoke", &id]).assert_success();
    let list = depot.admin(&["token", "list"]).assert_success().stdout;
    let line = list.lines().find(|line| line.starts_with(&id)).unwrap();
    assert!(line.contains("robot") && line.contains("revoked"), "{line}");
    assert!(list.lines().any(|line| line.contains("ann") && line.contains("until")), "{list}");
    depot.resume();
    assert_refused(&announce(&depot, &token, "teapot"), 401, "invalid-token");
    assert_accepted(&announce(&depot, &made, "teapot"), 202, "send");
}

#[test]
fn a_token_lists_and_logs_without_its_text() {
    let mut depot = Depot::start_with(&["--log", "trace"]);
    let token = depot.new_token("robot", &["push-new"]);
    assert_accepted(&announce(&depot, &token, "teapot"), 202, "send");
    let admin = depot.token();
    assert_accepted(&announce(&depot, &admin, "kettle"), 202, "send");
    for args in [&["token", "list"][..], &["token", "list", "--format", "json"]] {
        let list = depot.admin(args).assert_success();
        assert!(!list.stdout.contains(&token) && !list.stdout.contains("eyJ"), "{}", list.stdout);
    }
    let log = depot.server().stderr();
    for secret in [&token, &admin] {
        let signature = secret.rsplit('.').next().unwrap();
        assert!(!log.contains(signature), "a token is in the log");
    }
    depot.stop();
    // Nor does anything on disk hold one but the one file for it.
    for (path, _) in super::depot::listing(&depot.data_dir()) {
        let path = depot.data_dir().join(path);
        if path.is_file() && !path.ends_with("admin.token") {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(token.rsplit('.').next().unwrap()), "{}", path.display());
        }
    }
}

#[test]
fn a_scope_grants_what_it_names_and_nothing_else() {
    let depot = Depot::start();
    let robot = depot.new_token("robot", &["push+push-new:python:acme-*"]);
    for (project, status) in
        [("acme-core", 202), ("acme-", 400), ("acme", 403), ("acmeevil", 403), ("teapot", 403)]
    {
        let answer = announce(&depot, &robot, project);
        assert_eq!(answer.status, status, "{project}: {}", answer.text());
    }
    // The name that is judged is the normalized one.
    let record = record("acme_core-1.0.tar.gz", b"");
    assert_accepted(&depot.announce_as(&robot, "ACME__Core", &record), 202, "send");

    let reader = depot.new_token("reader", &["read"]);
    let refused = announce(&depot, &reader, "acme-core");
    assert_refused(&refused, 403, "forbidden");
    let detail = body(&refused)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("`push-new`"), "{detail}");
    // Who may push something is told what of which project it takes.
    let refused = announce(&depot, &robot, "teapot");
    let detail = body(&refused)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("`push-new` on project `teapot`"), "{detail}");
    let other = depot.new_token("other", &["push+push-new:other:*"]);
    assert_refused(&announce(&depot, &other, "acme-core"), 403, "forbidden");

    // A first upload and a further one are different rights.
    let further = depot.new_token("further", &["push"]);
    assert_refused(&announce(&depot, &further, "teapot"), 403, "forbidden");
    depot.publish(&WheelBuilder::new("teapot", "0.1"));
    assert_accepted(&announce(&depot, &further, "teapot"), 202, "send");
    let first = depot.new_token("first", &["push-new"]);
    assert_refused(&announce(&depot, &first, "teapot"), 403, "forbidden");
}

#[test]
fn a_private_server_shows_nothing_to_who_may_not_read() {
    let depot = Depot::start_with(&["--private"]);
    let wheel = WheelBuilder::new("acme-core", "1.0");
    depot.publish(&wheel);
    let file = format!("/python/files/acme-core/{}", wheel.filename());
    let reader = depot.new_token("reader", &["read"]);
    let narrow = depot.new_token("narrow", &["read:python:other-*"]);
    let status = |path: &str, token| depot.request("GET", path, token, "", b"").status;
    for path in ["/python/simple/acme-core/", &file, &format!("{file}.metadata")] {
        let refused = depot.get(path);
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.header("www-authenticate").is_some_and(|ask| ask.starts_with("Basic ")), "{path}");
        assert_eq!(status(path, Some(&narrow)), 403, "{path}");
        assert_eq!(status(path, Some(&reader)), 200, "{path}");
    }
    // What is not there looks like what is there to who may not know.
    let absent = "/python/simple/acme-absent/";
    assert_eq!((status(absent, None), status(absent, Some(&narrow))), (401, 403));
    assert_eq!(status(absent, Some(&reader)), 404);
    assert_eq!(depot.get("/python/simple/").status, 401);
    // Where a page would be is no secret, but who may read nothing is told so everywhere alike.
    for name in ["Core", "Absent"] {
        let path = format!("/python/simple/Acme-{name}");
        assert_eq!(depot.get(&path).status, 401);
        let redirected = depot.request("GET", &path, Some(&reader), "", b"");
        let page = format!("acme-{}/", name.to_lowercase());
        assert_eq!(redirected.header("location"), Some(page.as_str()));
    }
}

#[test]
fn the_root_page_lists_only_what_its_reader_may_read() {
    let depot = Depot::start_with(&["--private"]);
    depot.publish(&WheelBuilder::new("acme-core", "1.0"));
    depot.publish(&WheelBuilder::new("other-core", "1.0"));
    let narrow = depot.new_token("narrow", &["read:python:other-*"]);
    let page = depot.request("GET", "/python/simple/", Some(&narrow), "", b"").text();
    assert!(page.contains("other-core") && !page.contains("acme-core"), "{page}");
}

#[test]
fn a_scope_for_some_names_needs_no_project_of_that_name() {
    let depot = Depot::start();
    let token = depot.new_token("robot", &["push-new:python:acme-core", "read"]);
    let sha256 = sha256_hex(b"");
    let plan = json!({ "files": [
        { "project": "acme-core", "filename": "acme-core-1.0.tar.gz", "sha256": sha256, "size": 0, "facts": sha256 }
    ] });
    let answer = depot.request("POST", "/python/_/plan", Some(&token), "", plan.to_string().as_bytes());
    assert_eq!(body(&answer)["answers"][0]["verdict"], "missing", "{}", answer.text());
    assert_accepted(&announce(&depot, &token, "acme-core"), 202, "send");
    let wheel = WheelBuilder::new("acme-core", "1.0");
    assert_accepted(&depot.put_as(&token, "acme-core", &wheel.filename(), &wheel.build()), 201, "created");
}
