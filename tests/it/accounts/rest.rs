//! `/api/tokens`, `/api/users` and `/api/whoami`.

use depot_tests::RawResponse;
use serde_json::{Value, json};

use super::basic;
use crate::python::depot::{Depot, assert_refused, body};

/// A server, and what its people present: ann and bob with a password and a token each, and an administrator with both.
struct World {
    depot: Depot,
    ann: String,
    bob: String,
    root: String,
    anns_token: String,
    bobs_token: String,
    admin_token: String,
}

impl World {
    fn new() -> Self {
        let depot = Depot::start_with(&["--private"]);
        depot.new_user("ann", "correct horse", &[]);
        depot.new_user("bob", "battery staple", &[]);
        depot.new_user("root", "entropy is low", &["--admin"]);
        let (anns_token, bobs_token) =
            (depot.new_token("ann", &["read"]), depot.new_token("bob", &["admin"]));
        let admin_token = depot.token();
        Self {
            depot,
            ann: basic("ann", "correct horse"),
            bob: basic("bob", "battery staple"),
            root: basic("root", "entropy is low"),
            anns_token: bearer(&anns_token),
            bobs_token: bearer(&bobs_token),
            admin_token: bearer(&admin_token),
        }
    }

    fn ask(&self, method: &str, path: &str, who: &str, document: &Value) -> RawResponse {
        let headers = format!("{who}Content-Type: application/json\r\n");
        self.depot.request(method, path, None, &headers, document.to_string().as_bytes())
    }

    fn get(&self, path: &str, who: &str) -> RawResponse {
        self.depot.request("GET", path, None, who, b"")
    }

    /// A new token of whoever asks, which must be made.
    fn make(&self, who: &str, document: &Value) -> Value {
        let made = self.ask("POST", "/api/tokens", who, document);
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(made.header("cache-control"), Some("no-store"));
        body(&made)
    }

    fn reads(&self, token: &Value) -> u16 {
        self.get("/python/simple/", &bearer(token["token"].as_str().unwrap())).status
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn ids(list: &RawResponse) -> Vec<String> {
    assert_eq!(list.status, 200, "{}", list.text());
    let tokens = body(list)["tokens"].as_array().unwrap().clone();
    tokens.iter().map(|token| token["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_password_makes_a_token_that_works_is_listed_and_dies() {
    let world = World::new();
    let made = world.make(&world.ann, &json!({ "name": "laptop", "expires_days": 30 }));
    assert_eq!((&made["name"], &made["user"]), (&json!("laptop"), &json!("ann")));
    assert_eq!(made["scopes"], json!(["read+push-new+push+mirror:*:*"]));
    assert_eq!(world.reads(&made), 200);
    assert_eq!(ids(&world.get("/api/tokens", &world.ann))[0], made["id"]);
    // By its text, by its id in the body, and by its id in the path; a second time is no failure.
    let second = world.make(&world.ann, &json!({}));
    let third = world.make(&world.ann, &json!({ "scopes": ["read", "push"], "projects": ["acme-*", "tea"] }));
    assert_eq!(third["scopes"], json!(["read:*:acme-*", "read:*:tea", "push:*:acme-*", "push:*:tea"]));
    for _ in 0..2 {
        for revoked in [
            world.ask("DELETE", "/api/tokens", &world.ann, &json!({ "token": made["token"] })),
            world.ask("DELETE", "/api/tokens", &world.ann, &json!({ "id": second["id"] })),
            world.ask(
                "DELETE",
                &format!("/api/tokens/{}", third["id"].as_str().unwrap()),
                &world.ann,
                &json!({}),
            ),
        ] {
            assert_eq!(revoked.status, 200, "{}", revoked.text());
            assert!(body(&revoked)["revoked"].is_string() && body(&revoked)["token"].is_null());
        }
    }
    assert_eq!([&made, &second, &third].map(|token| world.reads(token)), [401; 3]);
}

#[test]
fn nobody_but_an_administrator_touches_the_tokens_of_another() {
    let world = World::new();
    let made = world.make(&world.ann, &json!({ "name": "victim" }));
    let by_path = format!("/api/tokens/{}", made["id"].as_str().unwrap());
    for who in [&world.bob, &world.bobs_token] {
        for (path, document) in [
            ("/api/tokens", json!({ "token": made["token"] })),
            ("/api/tokens", json!({ "id": made["id"] })),
            (&*by_path, json!({})),
        ] {
            assert_refused(&world.ask("DELETE", path, who, &document), 404, "not-found");
        }
        assert!(!world.get("/api/tokens", who).text().contains("victim"));
        assert_refused(&world.get("/api/tokens?user=ann", who), 403, "forbidden");
        assert_refused(&world.ask("POST", "/api/tokens", who, &json!({ "user": "ann" })), 403, "forbidden");
    }
    assert_eq!(world.ask("DELETE", &by_path, "", &json!({})).status, 401);
    assert_eq!(world.reads(&made), 200);
    assert!(
        ids(&world.get("/api/tokens?user=ann", &world.root))
            .contains(&made["id"].as_str().unwrap().to_owned())
    );
    assert_eq!(world.ask("DELETE", &by_path, &world.root, &json!({})).status, 200);
    assert_eq!(world.reads(&made), 401);
}

#[test]
fn a_token_makes_no_tokens_and_revokes_only_itself() {
    let world = World::new();
    for who in [&world.anns_token, &world.bobs_token] {
        assert_refused(&world.ask("POST", "/api/tokens", who, &json!({})), 403, "forbidden");
    }
    let other = world.make(&world.ann, &json!({}));
    let itself = body(&world.get("/api/whoami", &world.anns_token))["token"]["id"].clone();
    let refused = world.ask("DELETE", "/api/tokens", &world.anns_token, &json!({ "id": other["id"] }));
    assert_refused(&refused, 403, "forbidden");
    assert_eq!(world.ask("DELETE", "/api/tokens", &world.anns_token, &json!({ "id": itself })).status, 200);
    assert_eq!(world.get("/api/whoami", &world.anns_token).status, 401);
    // An administrator's makes one for anyone, account or not.
    for user in ["ann", "nobodys"] {
        let made = world.make(&world.admin_token, &json!({ "user": user, "expires_days": 3650 }));
        assert_eq!((&made["user"], world.reads(&made)), (&json!(user), 200));
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_words() {
    let world = World::new();
    for (who, document, status, words) in [
        (&world.ann, json!({ "expires_days": 0 }), 400, "from 1 to 366 days"),
        (&world.ann, json!({ "expires_days": 367 }), 400, "from 1 to 366 days"),
        (&world.root, json!({ "expires_days": 3651 }), 400, "from 1 to 3650 days"),
        (&world.ann, json!({ "expires_days": "90" }), 400, "none that it can have"),
        (&world.ann, json!({ "name": "" }), 400, "name of 1 to 100"),
        (&world.ann, json!({ "name": "a\nb" }), 400, "name of 1 to 100"),
        (&world.ann, json!({ "scopes": ["write"] }), 400, "none that it can have"),
        (&world.ann, json!({ "projects": ["a*b"] }), 400, "none that it can have"),
        (&world.ann, json!({ "expire_days": 5 }), 400, "unknown field `expire_days`"),
        (&world.ann, json!({ "scopes": ["admin"] }), 403, "needs an administrator"),
        (&world.ann, json!({ "scopes": vec!["read"; 51] }), 400, "from 1 to 50 scopes"),
        (&world.ann, json!([]), 400, "it is no object"),
        (&String::new(), json!({}), 401, "needs a token"),
    ] {
        let refused = world.ask("POST", "/api/tokens", who, &document);
        assert_eq!(refused.status, status, "{document}: {}", refused.text());
        let detail = body(&refused)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(words), "{document}: {detail}");
    }
    for document in [json!({}), json!({ "id": "x", "token": "y" })] {
        let refused = world.ask("DELETE", "/api/tokens", &world.ann, &document);
        assert_refused(&refused, 400, "bad-request");
    }
    // What a form of a web page can send is not read, and what is no JSON is not quoted.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let headers = format!("{}Content-Type: {kind}\r\n", world.ann);
        let refused = world.depot.request("POST", "/api/tokens", None, &headers, b"{}");
        assert_refused(&refused, 415, "unsupported-type");
    }
    let headers = format!("{}Content-Type: application/json\r\n", world.ann);
    let refused = world.depot.request("DELETE", "/api/tokens", None, &headers, b"{\"token\": canary}");
    assert!(refused.status == 400 && !refused.text().contains("canary"), "{}", refused.text());
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(70_000));
    let refused = world.depot.request("POST", "/api/tokens", None, &headers, long.as_bytes());
    assert_refused(&refused, 413, "too-large");
}

#[test]
fn everyone_is_told_who_they_are() {
    let world = World::new();
    for (who, user, by, account, admin) in [
        (&world.ann, "ann", "password", true, false),
        (&world.root, "root", "password", true, true),
        (&world.anns_token, "ann", "token", true, false),
        (&world.bobs_token, "bob", "token", true, false),
        (&world.admin_token, "admin", "token", false, true),
    ] {
        let told = body(&world.get("/api/whoami", who));
        assert_eq!((&told["user"], &told["by"]), (&json!(user), &json!(by)), "{told}");
        assert_eq!((&told["account"], &told["admin"]), (&json!(account), &json!(admin)), "{told}");
        assert_eq!(told["token"]["expires"].is_string(), by == "token", "{told}");
    }
    assert_refused(&world.get("/api/whoami", ""), 401, "unauthenticated");
}

#[test]
fn accounts_are_an_administrators_affair() {
    let world = World::new();
    let eve = json!({ "name": "Eve", "password": "correct horse", "email": "eve@acme.example" });
    for who in [&String::new(), &world.ann, &world.anns_token, &world.bobs_token] {
        let status = if who.is_empty() { 401 } else { 403 };
        for (method, path) in [
            ("GET", "/api/users"),
            ("POST", "/api/users"),
            ("GET", "/api/users/root"),
            ("PATCH", "/api/users/root"),
            ("DELETE", "/api/users/root"),
            ("DELETE", "/api/users/ann"),
        ] {
            assert_eq!(world.ask(method, path, who, &eve).status, status, "{who} {method} {path}");
        }
    }
    let made = world.ask("POST", "/api/users", &world.root, &eve);
    assert_eq!((made.status, made.header("location")), (201, Some("/api/users/eve")), "{}", made.text());
    assert_eq!(body(&made)["name"], "eve");
    assert!(!made.text().contains("argon2") && !made.text().contains("correct horse"));
    assert_refused(&world.ask("POST", "/api/users", &world.root, &eve), 409, "user-exists");
    let listed = world.get("/api/users", &world.admin_token);
    assert!(
        listed.text().contains("eve@acme.example") && !listed.text().contains("argon2"),
        "{}",
        listed.text()
    );
    let eve = basic("eve", "correct horse");
    let token = world.make(&eve, &json!({}));
    for (disabled, status) in [(true, 401), (false, 200)] {
        let changed = world.ask("PATCH", "/api/users/eve", &world.root, &json!({ "disabled": disabled }));
        assert_eq!((changed.status, &body(&changed)["disabled"]), (200, &json!(disabled)));
        assert_eq!((world.get("/api/whoami", &eve).status, world.reads(&token)), (status, status));
    }
    assert_eq!(world.ask("DELETE", "/api/users/eve", &world.root, &json!({})).status, 204);
    assert_eq!((world.get("/api/whoami", &eve).status, world.reads(&token)), (401, 401));
    assert_refused(&world.get("/api/users/eve", &world.root), 404, "not-found");
    for (document, words) in [
        (json!({ "name": "x y" }), "none that it can have"),
        (json!({ "name": "mallory" }), "a person has a `password`"),
        (
            json!({ "name": "mallory", "password": "correct horse", "robot": true }),
            "a person has a `password`",
        ),
        (json!({ "name": "mallory", "password": "short" }), "at least 8"),
        (json!({ "name": "mallory", "password": "correct horse", "email": "x" }), "e-mail"),
    ] {
        let refused = world.ask("POST", "/api/users", &world.root, &document);
        assert_refused(&refused, 400, "bad-request");
        assert!(refused.text().contains(words), "{document}: {}", refused.text());
    }
}

#[test]
fn everyone_may_change_their_own_password_and_only_with_it() {
    let world = World::new();
    let other = json!({ "password": "another horse" });
    assert_eq!(world.ask("PATCH", "/api/users/ann", &world.anns_token, &other).status, 403);
    assert_eq!(world.ask("PATCH", "/api/users/ann", &world.bob, &other).status, 403);
    let refused = world.ask("PATCH", "/api/users/ann", &world.ann, &json!({ "disabled": true }));
    assert_refused(&refused, 403, "forbidden");
    assert_eq!(world.ask("PATCH", "/api/users/ann", &world.ann, &other).status, 200);
    assert_eq!(world.get("/api/whoami", &world.ann).status, 401);
    assert_eq!(world.get("/api/whoami", &basic("ann", "another horse")).status, 200);
    assert_eq!(world.get("/api/users/ann", &world.anns_token).status, 200);
}

#[test]
fn an_account_has_not_more_tokens_than_anyone_needs() {
    let world = World::new();
    for _ in 0..199 {
        world.make(&world.ann, &json!({}));
    }
    let refused = world.ask("POST", "/api/tokens", &world.ann, &json!({}));
    assert_refused(&refused, 400, "bad-request");
    assert!(refused.text().contains("revoke some first"), "{}", refused.text());
    world.make(&world.bob, &json!({}));
}
