//! Who may read: the token in every place where a client can put it, and nobody without one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{RawResponse, WheelBuilder};

use super::depot::assert_refused;
use super::index::{Built, Index, varies_by};

const ROOT: &str = "/python/simple/";
const PAGE: &str = "/python/simple/tea-pot/";

fn with_a_wheel(depot: Index) -> (Index, Built) {
    let wheel = depot.publish(&WheelBuilder::new("tea-pot", "1.0"));
    (depot, wheel)
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The places where clients put a token.
fn ways(token: &str) -> [String; 6] {
    let jwt = token.strip_prefix("depot_").expect("a token says whose it is");
    [
        basic("__token__", token),
        basic("anyone", token),
        basic("", token),
        basic(token, ""),
        format!("Authorization: Bearer {token}"),
        format!("Authorization: bearer {jwt}"),
    ]
}

#[track_caller]
fn assert_challenged(answer: &RawResponse, expected: &str) {
    assert_refused(answer, 401, expected);
    let challenge = answer.header("www-authenticate").expect("pip asks its keyring only when challenged");
    assert!(challenge.starts_with("Basic realm=\""), "{challenge}");
    let caching = answer.header("cache-control").unwrap_or_default();
    assert!(!caching.contains("public") && !caching.contains("immutable"), "{caching}");
}

#[test]
fn a_private_server_tells_nobody_anything_without_a_token() {
    let (depot, wheel) = with_a_wheel(Index::start_private());
    let paths = [
        ROOT,
        PAGE,
        "/python/simple/unknown/",
        &wheel.path(),
        &wheel.upload_path(),
        &format!("{}.metadata", wheel.path()),
        "/python/files/unknown/unknown-1.0.tar.gz",
        "/python/files/tea-pot/tea_pot-9-py3-none-any.whl",
    ];
    for path in paths {
        assert_challenged(&depot.get(path, &["Accept: application/json"]), "unauthenticated");
        let head = depot.request("HEAD", path, &[]);
        assert_eq!((head.status, head.body.len()), (401, 0), "{path}");
        assert!(head.header("www-authenticate").is_some());
        // Neither a validator that was guessed nor a range gets past the door.
        assert_eq!(depot.get(path, &["If-None-Match: *"]).status, 401, "{path}");
        assert_eq!(depot.get(path, &["Range: bytes=0-0"]).status, 401, "{path}");
    }
}

#[test]
fn a_token_is_taken_wherever_a_client_puts_it() {
    let (depot, wheel) = with_a_wheel(Index::start_private());
    for way in ways(&depot.token()) {
        for path in [ROOT, PAGE, &wheel.path(), &wheel.upload_path(), &format!("{}.metadata", wheel.path())] {
            let answer = depot.get(path, &[&way]);
            assert_eq!(answer.status, 200, "{path} {way}: {}", answer.text());
        }
        let unknown = depot.get("/python/simple/unknown/", &[&way, "Accept: application/json"]);
        assert_refused(&unknown, 404, "not-found");
    }
}

#[test]
fn no_shared_cache_may_keep_what_is_private() {
    let (depot, wheel) = with_a_wheel(Index::start_private());
    let way = &ways(&depot.token())[0];
    for path in [ROOT, PAGE, &wheel.path(), &format!("{}.metadata", wheel.path())] {
        let answer = depot.get(path, &[way]);
        let caching = answer.header("cache-control").unwrap();
        assert!(caching.contains("private") && !caching.contains("public"), "{path}: {caching}");
        let etag = format!("If-None-Match: {}", answer.header("etag").unwrap());
        let known = depot.get(path, &[way, &etag]);
        assert_eq!((known.status, known.header("cache-control")), (304, Some(caching)));
    }
    for path in [ROOT, PAGE] {
        let answer = depot.get(path, &[way]);
        assert!(varies_by(&answer, "accept") && varies_by(&answer, "authorization"), "{:?}", answer.headers);
    }
}

#[test]
fn a_token_that_fails_is_refused_even_where_everyone_may_read() {
    for depot in [Index::start(), Index::start_private()] {
        let (depot, wheel) = with_a_wheel(depot);
        let token = depot.token();
        let (head, signature) = token.rsplit_once('.').unwrap();
        let other = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{head}.{other}{}", &signature[1..]);
        let foreign = Index::start().token();
        for bad in ["x", "depot_x", "depot_a.b.c", &forged, &foreign, &token[..token.len() - 8]] {
            for way in [basic("__token__", bad), basic(bad, ""), format!("Authorization: Bearer {bad}")] {
                for path in [ROOT, PAGE, "/python/simple/unknown/", &wheel.path()] {
                    let answer = depot.get(path, &[&way, "Accept: application/json"]);
                    assert_challenged(&answer, "invalid-token");
                    assert!(!answer.text().contains(&forged), "a token is never repeated");
                }
            }
        }
        let bearer = format!("Authorization: Bearer {token}");
        for malformed in [
            "Authorization: ",
            "Authorization: Basic",
            "Authorization: Basic !!!",
            "Authorization: Digest x",
            "Authorization: Basic Og==",
            &format!("{bearer}\r\n{bearer}"),
        ] {
            let answer = depot.get(PAGE, &[malformed, "Accept: application/json"]);
            assert_challenged(&answer, "invalid-token");
        }
        assert!(!depot.log().contains(signature), "the log has no tokens");
    }
}
