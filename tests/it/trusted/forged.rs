//! What jobs show that proves nothing.

use depot_tests::counted;
use serde_json::{Value, json};

use super::{AUDIENCE, Trusting, assert_refused_job, changed, github_job, now};

#[test]
fn a_token_of_a_job_that_has_one_thing_wrong_is_worth_nothing() {
    let server = Trusting::start("");
    let ci = &server.ci;
    let mut tried = 0;
    let mut refused = |token: &str, words: &str, what: &str| {
        let answer = server.mint(token);
        assert_eq!(answer.status, 422, "{what}: {}", answer.text());
        assert_refused_job(&answer, "invalid-token", words);
        assert!(token.len() < 20 || !answer.text().contains(token), "{what}: the token is repeated");
        tried += 1;
    };
    let now = now();
    for (claim, value, words) in [
        ("aud", json!("depot-other"), "is made for `depot-other`: ask for the audience `depot-acme`"),
        ("aud", json!([AUDIENCE, "depot-other"]), "for no other beside it"),
        ("aud", json!([]), "ask for the audience"),
        ("aud", Value::Null, "is missing"),
        ("aud", json!(7), "worth nothing"),
        ("aud", json!({ "x": AUDIENCE }), ""),
        ("iss", json!("https://evil.example"), "`https://evil.example`, which no publisher here names"),
        ("iss", json!(format!("{}.evil.example", ci.url())), "no publisher here names"),
        ("iss", Value::Null, "no signed JWT"),
        ("iss", json!([ci.url()]), "no signed JWT"),
        ("exp", json!(now - 31), "it has expired"),
        ("exp", json!(now - 100_000), "it has expired"),
        ("exp", json!(-1), ""),
        ("exp", json!((now + 300).to_string()), ""),
        ("exp", json!(null), "is missing"),
        ("exp", json!(now + 8 * 86_400), "more than a week"),
        ("exp", json!(1e300), ""),
        ("nbf", json!(now + 60), "its time has not come"),
        ("iat", json!(now + 60), "its time has not come"),
        ("iat", json!("yesterday"), "when it was issued"),
        ("iat", Value::Null, "when it was issued"),
        ("sub", json!(""), "whose it is"),
        ("sub", json!(7), ""),
        ("sub", Value::Null, "is missing"),
    ] {
        let what = format!("{claim} = {value}");
        refused(&ci.token(&changed(github_job(), claim, value)), words, &what);
    }
    let claims = || ci.claims(&github_job());
    let good = json!({ "typ": "JWT", "alg": "RS256", "kid": "rsa1" });
    assert_eq!(server.mint(&ci.sign_with_header(&good, &claims())).status, 200, "the header alone is right");
    for (name, value, words) in [
        ("alg", json!("none"), "no signed JWT"),
        ("alg", json!("None"), "no signed JWT"),
        ("alg", json!("HS256"), "its algorithm is not that of its key"),
        ("alg", json!("HS512"), "its algorithm is not that of its key"),
        ("alg", json!("ES384"), ""),
        ("alg", json!("EdDSA"), "its algorithm is not that of its key"),
        ("alg", json!("RS384"), "its algorithm is not that of its key"),
        ("alg", json!("PS256"), "its algorithm is not that of its key"),
        ("alg", Value::Null, "no signed JWT"),
        ("kid", json!("rsa2"), "names a key that"),
        ("kid", json!("for-encryption"), "names a key that"),
        ("kid", json!("ec1"), "its algorithm is not that of its key"),
        ("kid", json!("../../etc/passwd"), "names a key that"),
        ("kid", json!(""), "names a key that"),
        ("kid", Value::Null, "names a key that"),
        ("crit", json!(["exp"]), "nobody here knows"),
    ] {
        let mut header = good.clone();
        header[name] = value.clone();
        if value.is_null() {
            header.as_object_mut().unwrap().remove(name);
        }
        refused(&ci.sign_with_header(&header, &claims()), words, &format!("{name} = {value}"));
    }
    let token = ci.token(&github_job());
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let other = ci.token(&changed(github_job(), "repository", "evil/core"));
    let swapped = other.split('.').nth(1).unwrap();
    for (forged, what) in [
        (format!("{header}.{swapped}.{signature}"), "other claims"),
        (format!("{header}.{payload}."), "no signature"),
        (format!("{header}.{payload}"), "two parts"),
        (format!("{token}.{signature}"), "four parts"),
        (format!("{header}.{payload}.{}", signature.chars().rev().collect::<String>()), "another signature"),
        (format!(" {token}"), "a space"),
        (String::new(), "nothing"),
        ("a.b.c".to_owned(), "no base64"),
        ("🫖.🫖.🫖".to_owned(), "no ASCII"),
    ] {
        refused(&forged, "", what);
    }
    assert_eq!(server.mint(&token).status, 200, "none of that used the token up");
    // This server's own tokens are no tokens of jobs.
    refused(&server.depot.token(), "", "the administrator's");
    // The public key as a shared secret.
    refused(
        &hmac(&ci.public_key(), &claims()),
        "its algorithm is not that of its key",
        "HS256 by the public key",
    );
    counted("attack 37", "tokens of jobs with one thing wrong, all refused", tried);
}

/// A token signed with these bytes as a shared secret.
fn hmac(secret: &[u8], claims: &Value) -> String {
    use aws_lc_rs::hmac;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "HS256", "kid": "rsa1" })), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes())))
}

#[test]
fn one_issuer_cannot_speak_for_another() {
    // Two systems are trusted, each for its own; the second signs what the first should say.
    let second = depot_tests::CiSystem::start();
    let more = format!(
        "[[publisher]]\nname = \"second\"\nkind = \"generic\"\nissuer = \"{}\"\nsubject = \"job\"\nscopes = [\"read\"]\n",
        second.url()
    );
    let server = Trusting::start(&more);
    let own = second.token(&json!({ "aud": AUDIENCE }));
    assert_eq!(server.mint(&own).status, 200);
    let as_first = changed(github_job(), "iss", server.ci.url());
    assert_refused_job(&server.mint(&second.token(&as_first)), "invalid-token", "its signature is wrong");
    let as_itself = second.token(&github_job());
    assert_refused_job(&server.mint(&as_itself), "invalid-publisher", "`second` wants `sub`");
}
