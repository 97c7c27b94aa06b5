//! Tokens that nobody issued. The server's own key lies in the test's data folder, so a forgery can be as good as it
//! gets and still have one thing wrong.

use std::collections::HashSet;
use std::fs;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use depot_tests::{counted, sha256_hex};
use serde_json::{Value, json};

use super::announce;
use crate::python::depot::{Depot, assert_accepted, assert_refused, body};

/// A key and what a token of it says.
pub(crate) struct Forger {
    key: Ed25519KeyPair,
    header: Value,
    pub(crate) claims: Value,
}

impl Forger {
    /// Everything that the server itself would sign for this token.
    pub(crate) fn of(depot: &Depot, token: &str) -> Self {
        let folder = depot.data_dir().join("keys");
        let path = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        let pem = fs::read_to_string(path).unwrap();
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let key = Ed25519KeyPair::from_pkcs8(&STANDARD.decode(der).unwrap()).unwrap();
        let mut parts = token.strip_prefix("depot_").unwrap().split('.');
        let mut part = || {
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap()).unwrap()
        };
        Self { key, header: part(), claims: part() }
    }

    fn sign(&self) -> String {
        let text = self.unsigned();
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()));
        format!("depot_{text}.{signature}")
    }

    fn unsigned(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }

    /// Signed with the right key, but with this claim.
    pub(crate) fn with(&self, claim: &str, value: impl Into<Value>) -> String {
        self.changed(|forger| forger.claims[claim] = value.into())
    }

    fn changed(&self, change: impl FnOnce(&mut Self)) -> String {
        let der = self.key.to_pkcs8v1().unwrap();
        let key = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
        let mut forger = Self { key, header: self.header.clone(), claims: self.claims.clone() };
        change(&mut forger);
        forger.sign()
    }
}

#[track_caller]
fn assert_worthless(depot: &Depot, token: &str, what: &str) {
    let refused = announce(depot, token, "teapot");
    assert_eq!(refused.status, 401, "{what}: {}", refused.text());
    assert_refused(&refused, 401, "invalid-token");
    let detail = body(&refused)["detail"].as_str().unwrap().to_owned();
    assert!(token.len() < 20 || !detail.contains(token), "{what}: the token is repeated");
    let refused = depot.request("GET", "/python/simple/", Some(token), "", b"");
    assert_eq!(refused.status, 401, "{what}");
}

#[test]
fn a_token_with_one_wrong_claim_is_worthless_under_the_right_signature() {
    let depot = Depot::start();
    let token = depot.new_token("robot", &["push-new"]);
    let forger = Forger::of(&depot, &token);
    // What is forged without a fault passes, so each fault below is what the refusal is about.
    assert_accepted(&announce(&depot, &forger.sign(), "teapot"), 202, "send");

    let now = forger.claims["iat"].as_i64().unwrap();
    for (claim, value) in [
        ("exp", json!(now - 60)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!("never")),
        ("exp", json!(null)),
        ("nbf", json!(now + 3600)),
        ("iss", json!("depot:0000")),
        ("aud", json!("depot:0000")),
        ("aud", json!([])),
        ("sub", json!("admin")),
        ("jti", json!("00000000000000000000000000000000")),
        ("jti", json!("../../admin")),
        ("jti", json!("")),
        ("scp", json!(["admin"])),
        ("scp", json!(["push-new", "admin"])),
        ("scp", json!("admin")),
        ("scp", json!([])),
    ] {
        assert_worthless(&depot, &forger.with(claim, value.clone()), &format!("{claim}: {value}"));
    }
    for claim in ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "scp"] {
        let token = forger.changed(|forger| {
            forger.claims.as_object_mut().unwrap().remove(claim).unwrap();
        });
        assert_worthless(&depot, &token, &format!("without {claim}"));
    }
    let expired = announce(&depot, &forger.with("exp", now - 60), "teapot");
    assert!(body(&expired)["detail"].as_str().unwrap().contains("expired"), "{}", expired.text());
}

#[test]
fn a_token_with_another_header_is_worthless() {
    let depot = Depot::start();
    let token = depot.new_token("robot", &["push-new"]);
    let forger = Forger::of(&depot, &token);
    for (key, value) in [
        ("typ", json!("JWT")),
        ("typ", json!(null)),
        ("kid", json!("0000000000000000")),
        ("kid", json!("../keys")),
        ("kid", json!(null)),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("none")),
        ("alg", json!("Unheard")),
    ] {
        let token = forger.changed(|forger| forger.header[key] = value.clone());
        assert_worthless(&depot, &token, &format!("{key}: {value}"));
    }
    // A key in the header is the forger's own.
    let own = Ed25519KeyPair::generate().unwrap();
    let token = forger.changed(|forger| {
        let x = URL_SAFE_NO_PAD.encode(own.public_key());
        forger.header["jwk"] = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        forger.key = own;
    });
    assert_worthless(&depot, &token, "with its own key");
}

#[test]
fn a_token_without_the_servers_signature_is_worthless() {
    let depot = Depot::start();
    let token = depot.new_token("robot", &["push-new"]);
    let forger = Forger::of(&depot, &token);
    let none = forger.changed(|forger| forger.header["alg"] = json!("none"));
    let unsigned = none.rsplit_once('.').unwrap().0.to_owned();
    assert_worthless(&depot, &format!("{unsigned}."), "alg none");
    assert_worthless(&depot, &unsigned, "alg none without the last dot");

    let mut symmetric = Forger::of(&depot, &token);
    symmetric.header["alg"] = json!("HS256");
    let text = symmetric.unsigned();
    // The public key is no secret, so it must not do as one.
    for secret in [symmetric.key.public_key().as_ref(), b""] {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let tag = aws_lc_rs::hmac::sign(&key, text.as_bytes());
        let token = format!("depot_{text}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_worthless(&depot, &token, "HS256");
    }

    let other = forger.changed(|forger| forger.key = Ed25519KeyPair::generate().unwrap());
    assert_worthless(&depot, &other, "another key");
    let other = forger.with("sub", "ann");
    let (head, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    assert_worthless(&depot, &format!("{head}.{signature}"), "the signature of another token");
    for cut in [0, 1, 10, token.len() / 2, token.len() - 1] {
        assert_worthless(&depot, &token[..cut], &format!("the first {cut}"));
    }
    let mut flipped = token.clone().into_bytes();
    let middle = flipped.len() - 20;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    assert_worthless(&depot, std::str::from_utf8(&flipped).unwrap(), "one letter changed");
    for nonsense in
        ["depot_", "depot_a.b.c", "a.b.c", "...", "depot_depot_x", &"x".repeat(20_000), &sha256_hex(b"")]
    {
        assert_worthless(&depot, nonsense, &nonsense[..nonsense.len().min(20)]);
    }
}

#[test]
fn a_token_of_another_server_is_worthless() {
    let (depot, other) = (Depot::start(), Depot::start());
    for token in [other.token(), other.new_token("admin", &["admin"])] {
        assert_accepted(&announce(&other, &token, "teapot"), 202, "send");
        assert_worthless(&depot, &token, "foreign");
    }
    // Not even where it is signed with this server's key, as where a key was copied.
    let foreign = Forger::of(&other, &other.token());
    let own = Forger::of(&depot, &depot.token());
    let token = own.changed(|forger| forger.claims = foreign.claims.clone());
    assert_worthless(&depot, &token, "foreign claims under the own key");
}

/// What a claim may be that a careless reader takes for the right one, or for none.
fn wrong_values(now: i64) -> Vec<(&'static str, Value)> {
    let mut wrong = Vec::new();
    for claim in ["iss", "aud", "sub", "jti"] {
        for value in [
            json!(null),
            json!(true),
            json!(0),
            json!([]),
            json!({}),
            json!(""),
            json!("*"),
            json!(["*"]),
            json!("'; --"),
        ] {
            wrong.push((claim, value));
        }
    }
    for claim in ["exp", "nbf", "iat"] {
        for value in [
            json!(null),
            json!(true),
            json!([]),
            json!({}),
            json!(""),
            json!((now + 60).to_string()),
            json!([now + 60]),
            json!({ "$gt": 0 }),
            json!(-1),
            json!(-9_000_000_000_000_i64),
        ] {
            wrong.push((claim, value));
        }
    }
    // Where a number is right, these are not: an end in the past, a beginning to come, and no number at all.
    for value in [json!(0), json!(now - 60), json!(1e300), json!("Infinity")] {
        wrong.push(("exp", value));
    }
    for value in [json!(now + 3600), json!(u64::MAX), json!(1e300)] {
        wrong.push(("nbf", value));
    }
    wrong
}

/// Headers that offer another key, another way to find one, or another way to use it.
fn wrong_headers(forger: &Forger, own: &Ed25519KeyPair) -> Vec<(&'static str, Value)> {
    let x = URL_SAFE_NO_PAD.encode(own.public_key());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": forger.header["kid"] });
    let mut wrong = vec![
        ("jwk", jwk.clone()),
        ("jku", json!("http://127.0.0.1:9/keys.json")),
        ("jku", json!("file:///dev/zero")),
        ("x5u", json!("http://127.0.0.1:9/key.pem")),
        ("x5c", json!([STANDARD.encode(own.public_key())])),
        ("jwks", json!({ "keys": [jwk] })),
    ];
    for kid in [
        "",
        ".",
        "..",
        "/dev/null",
        "../../../../../../dev/null",
        "file:///dev/null",
        "' OR '1'='1",
        "x' UNION SELECT 'key'; --",
        "%2e%2e",
        "\u{0}",
        "*",
        "0",
        "null",
    ] {
        wrong.push(("kid", json!(kid)));
    }
    for kid in [json!(0), json!([forger.header["kid"]]), json!({}), json!(true)] {
        wrong.push(("kid", kid));
    }
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384",
        "EdDSA ", "eddsa",
    ] {
        wrong.push(("alg", json!(alg)));
    }
    wrong.push(("typ", json!("JWT")));
    wrong.push(("cty", json!("JWT")));
    wrong
}

#[test]
fn of_all_the_forgeries_that_are_known_none_is_worth_anything() {
    let depot = Depot::start();
    let token = depot.new_token("robot", &["push-new"]);
    let forger = Forger::of(&depot, &token);
    assert_accepted(&announce(&depot, &forger.sign(), "teapot"), 202, "send");
    let now = forger.claims["iat"].as_i64().unwrap();
    let mut tried: Vec<(String, String)> = Vec::new();
    for (claim, value) in wrong_values(now) {
        tried.push((format!("{claim}: {value}"), forger.with(claim, value)));
    }
    // Signed by another, whatever the header offers to judge it by.
    let own = Ed25519KeyPair::generate().unwrap();
    for (key, value) in wrong_headers(&forger, &own) {
        let token = forger.changed(|forger| {
            let pkcs8 = own.to_pkcs8v1().unwrap();
            forger.key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
            forger.header[key] = value.clone();
        });
        let unsigned = token.rsplit_once('.').unwrap().0.to_owned();
        tried.push((format!("{key}: {value}"), token));
        tried.push((format!("{key}: {value}, unsigned"), format!("{unsigned}.")));
    }
    let public = forger.key.public_key().as_ref().to_vec();
    let spelled = [
        STANDARD.encode(&public).into_bytes(),
        URL_SAFE_NO_PAD.encode(&public).into_bytes(),
        sha256_hex(&public).into_bytes(),
        forger.header["kid"].as_str().unwrap().as_bytes().to_vec(),
        public,
    ];
    for (number, secret) in spelled.iter().enumerate() {
        let mut symmetric = Forger::of(&depot, &token);
        symmetric.header["alg"] = json!("HS256");
        let text = symmetric.unsigned();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, text.as_bytes()));
        tried.push((format!("HS256 by the public key, {number}"), format!("depot_{text}.{tag}")));
    }
    // The right signature over what the server would have to guess at.
    tried.push((
        "two audiences".into(),
        forger.changed(|it| it.claims["aud"] = json!(["depot:0", it.claims["aud"]])),
    ));
    tried
        .push(("two issuers".into(), forger.changed(|it| it.claims["iss"] = json!([it.claims["iss"], "x"]))));
    let huge = forger.changed(|it| it.claims["padding"] = json!("x".repeat(1_000_000)));
    tried.push(("a megabyte".into(), huge));
    assert!(tried.len() >= 120, "{}", tried.len());

    let (mut believed, mut refused) = (Vec::new(), HashSet::new());
    for (what, token) in &tried {
        // Where nobody needs a token, and where everybody does.
        let answers = [
            depot.request("GET", "/python/simple/", Some(token), "", b""),
            announce(&depot, token, "teapot"),
            depot.request("GET", "/api/whoami", Some(token), "", b""),
        ];
        let statuses = answers.map(|answer| answer.status);
        match statuses {
            [401, 401, 401] => drop(refused.insert(token)),
            // A header that no server reads is refused before it is looked at.
            [431, 431, 431] if token.len() > 100_000 => {}
            _ => believed.push(format!("{what}: {statuses:?}")),
        }
    }
    assert!(believed.is_empty(), "{believed:#?}");
    assert!(refused.len() >= 120, "{} different ones were answered with 401", refused.len());
    counted("attack 36", "forged tokens that are all 401", refused.len() as u64);
}

#[test]
fn a_token_with_a_critical_header_that_nobody_here_knows_is_worthless() {
    let depot = Depot::start();
    let forger = Forger::of(&depot, &depot.new_token("robot", &["push-new"]));
    for name in ["exp", "b64", "http://depot.example/unheard-of"] {
        let token = forger.changed(|forger| {
            forger.header["crit"] = json!([name]);
            forger.header[name] = json!(false);
        });
        assert_worthless(&depot, &token, name);
    }
}
