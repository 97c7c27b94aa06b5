//! Forms that are refused: each with a status, a code and a sentence, and nothing left behind.

use std::time::{Duration, Instant};

use depot_tests::{RawConnection, SdistBuilder, WheelBuilder, counted};

use super::form::{Form, Uploader, blake2_hex, md5_hex};
use super::peak;
use crate::python::depot::{Depot, assert_refused, body, listing};
use crate::python::index::Built;

fn teapot() -> Built {
    Built::from(&WheelBuilder::new("Tea.Pot", "1.0"))
}

/// Sends a form that must be refused with this status, code and words, without a trace.
#[track_caller]
fn refuse(depot: &Depot, form: &Form, status: u16, code: &str, words: &str) {
    let refused = form.post(depot);
    assert_refused(&refused, status, code);
    let detail = body(&refused)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(words), "{detail}");
    assert!(!detail.contains("was ever registered"), "Poetry would take that for an invitation");
    // The sentence stands in the status line too.
    let start: String = detail.chars().take(60).collect();
    assert!(refused.status_line.contains(&start), "{}", refused.status_line);
    assert!(listing(&depot.tree().join("files")).is_empty());
}

#[test]
fn a_form_that_asks_for_something_else_is_refused() {
    let depot = Depot::start();
    let with = |action: &str, version: &str| {
        let form = Form::new().field(":action", action).field("protocol_version", version);
        form.field("name", "tea-pot").content(&teapot(), None)
    };
    for action in ["submit", "submit_pkg_info", "doc_upload"] {
        refuse(&depot, &with(action, "1"), 410, "invalid-form", "upload files");
    }
    refuse(&depot, &with("remove_pkg", "1"), 400, "invalid-form", "`file_upload`");
    refuse(&depot, &with("file_upload", "2"), 400, "invalid-form", "Unknown protocol version");
    // At the end of a form, as before the file.
    let late = Form::new().content(&teapot(), None);
    refuse(&depot, &late, 400, "invalid-form", "no `:action`");
    refuse(&depot, &late.clone().field(":action", "submit"), 410, "invalid-form", "upload files");
    let query = Form::new().content(&teapot(), None);
    let refused = query.post_to(&depot, "/python/?:action=submit", Some(&depot.token()));
    assert_refused(&refused, 410, "invalid-form");
    refuse(&depot, &Form::of(&teapot()), 400, "invalid-form", "does not have a file");
    depot.assert_tmp_is_empty();
}

#[test]
fn a_form_that_disagrees_with_its_file_is_refused() {
    let depot = Depot::start();
    let form = |name: &str, version: &str, filetype: &str| {
        let form = Form::new().field(":action", "file_upload").field("name", name);
        form.field("version", version).field("filetype", filetype)
    };
    let wheel = teapot();
    let named = |name: &str, bytes: &[u8]| Form::of(&wheel).file("content", name, None, bytes);
    let sent = |form: Form| form.content(&wheel, None);
    for (form, code, words) in [
        (sent(form("kettle", "1.0", "bdist_wheel")), "metadata-mismatch", "does not belong"),
        (sent(form("tea-pot", "1.1", "bdist_wheel")), "metadata-mismatch", "the form says `1.1`"),
        (sent(form("_tea_", "1.0", "bdist_wheel")), "invalid-name", "`name` is an invalid value"),
        (sent(form("tea-pot", "1.0", "sdist")), "invalid-filename", "`filetype` says"),
        (sent(form("tea-pot", "1.0", "bdist_egg")), "invalid-form", "`filetype` is an invalid value"),
        (sent(Form::of(&wheel).field("sha256_digest", "abc")), "invalid-form", "64 hexadecimal digits"),
        (
            sent(Form::of(&wheel).field("md5_digest", &"x".repeat(32))),
            "invalid-form",
            "32 hexadecimal digits",
        ),
        (sent(Form::of(&wheel).field("md5_digest", &md5_hex(b"x"))), "digest-mismatch", "`md5_digest`"),
        (
            sent(Form::of(&wheel).field("blake2_256_digest", &blake2_hex(b"x"))),
            "digest-mismatch",
            "`blake2_256_digest`",
        ),
        (
            sent(Form::of(&wheel).field("sha256_digest", &blake2_hex(b"x"))),
            "digest-mismatch",
            "`sha256_digest`",
        ),
        // A digest after the file is checked all the same.
        (sent(Form::of(&wheel)).field("md5_digest", &md5_hex(b"x")), "digest-mismatch", "`md5_digest`"),
        (named("tea_pot-1.0-py3-none-any.whl", b"no zip"), "invalid-distribution", "tea_pot-1.0"),
        (named("tea_pot-1.0.tar.bz2", b"x"), "invalid-filename", ".whl, .tar.gz and .zip are taken"),
        (named("tea_pot-1.0-py3.11.egg", b"x"), "invalid-filename", ".whl, .tar.gz and .zip are taken"),
        (named("tea_pot-1.0-py3-none-any.WHL", b"x"), "invalid-filename", "are taken"),
        (named("../tea_pot-1.0-py3-none-any.whl", b"x"), "invalid-filename", "starts with"),
        (named("a/tea_pot-1.0-py3-none-any.whl", b"x"), "invalid-filename", "no file name"),
        (named("C:\\\\tea_pot-1.0-py3-none-any.whl", b"x"), "invalid-filename", "no file name"),
        (named("tea_pot-1.0-py3-none-any.whl.json", b"x"), "invalid-filename", "no known extension"),
        (named("täa_pot-1.0-py3-none-any.whl", b"x"), "invalid-filename", "non-ASCII"),
    ] {
        refuse(&depot, &form, 400, code, words);
    }
    // Spelled otherwise it is the same name and version.
    let alike = form("TEA_.pot", "v1.0.0", "UNKNOWN").content(&wheel, None);
    assert_eq!(alike.post(&depot).status, 200);
    depot.assert_tmp_is_empty();
}

#[test]
fn what_the_file_says_of_itself_must_agree_too() {
    let depot = Depot::start();
    let metadata = "Metadata-Version: 2.1\nName: kettle\nVersion: 1.0\n";
    let wheel = WheelBuilder::named("tea_pot-1.0-py3-none-any.whl", metadata).unwrap();
    let file = Built { metadata: b"Name: tea-pot\n".to_vec(), ..Built::from(&wheel) };
    refuse(&depot, &Uploader::Twine7.form(&file), 400, "metadata-mismatch", "kettle");
    let metadata = "Metadata-Version: 2.1\nName: tea-pot\nVersion: 2.0\n";
    let sdist = SdistBuilder::named("tea_pot-1.0.tar.gz", metadata).unwrap();
    let refused = Uploader::Twine7.form(&Built::from(&sdist)).post(&depot);
    assert_eq!(refused.status, 400, "{}", refused.text());
}

#[test]
fn forms_that_two_readers_could_read_differently_are_refused() {
    let depot = Depot::start();
    let form = || Form::of(&teapot());
    let content = || form().content(&teapot(), None);
    for (form, words) in [
        (content().content(&teapot(), None), "two files"),
        (form().field("content", "x"), "must be a file"),
        (
            form().file("sha256_digest", "x", None, b"x").content(&teapot(), None),
            "is a file in place of a text",
        ),
        (form().field("name", "kettle").content(&teapot(), None), "there twice"),
        (content().field("summary", "a\0b"), "NUL"),
        (content().field("name", "tea-pot\0"), "NUL"),
        (form().part("Content-Type: text/plain", b"x"), "no name"),
        (form().part("Content-Disposition: form-data; name=\"\"", b"x"), "no name"),
        (form().part("X: y", b"x"), "no name"),
        (
            form().part(
                "Content-Disposition: form-data; name=content\r\nContent-Type: multipart/mixed; boundary=x",
                b"--x\r\nContent-Disposition: attachment; filename=a\r\n\r\na\r\n--x--",
            ),
            "is a form itself",
        ),
        (
            form()
                .part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", b"eA=="),
            "encoded",
        ),
        (Form::new().boundary(&"b".repeat(71)).field("a", "b"), "boundary"),
    ] {
        refuse(&depot, &form, 400, "invalid-form", words);
    }
    // The same value twice says nothing else, and a signature is a file of any bytes.
    let form = form().field("name", "Tea.Pot").file("gpg_signature", "x.asc", None, b"\0\0");
    assert_eq!(form.content(&teapot(), None).post(&depot).status, 200);
}

#[test]
fn what_is_no_form_at_all_is_refused() {
    let depot = Depot::start();
    let token = depot.token();
    let post = |headers: &str, body: &[u8]| depot.request("POST", "/python/", Some(&token), headers, body);
    assert_refused(&post("", b"x"), 415, "invalid-form");
    assert_refused(&post("Content-Type: application/json\r\n", b"{}"), 415, "invalid-form");
    assert_refused(&post("Content-Type: multipart/form-data\r\n", b"--x--"), 415, "invalid-form");
    assert_refused(&post("Content-Type: multipart/form-data; boundary=x\r\n", b""), 400, "truncated");
    assert_refused(&post("Content-Type: multipart/form-data; boundary=x\r\n", b"--x\r\nA"), 400, "truncated");
    let coded = "Content-Type: multipart/form-data; boundary=x\r\nContent-Encoding: gzip\r\n";
    assert_refused(&post(coded, b"x"), 415, "unsupported-coding");
    let cut = Uploader::Uv.form(&teapot());
    let cut = &cut.body()[..cut.body().len() - 8];
    let refused = post(&Form::new().content_type(), cut);
    assert_refused(&refused, 400, "truncated");
    assert!(listing(&depot.tree().join("files")).is_empty());
    depot.assert_tmp_is_empty();
}

#[test]
fn forms_of_a_million_fields_and_fields_without_end_are_refused_early() {
    let depot = Depot::start();
    let before = peak(&depot);
    let many = {
        let mut form = Form::of(&teapot());
        for _ in 0..1_000_000 {
            form = form.field("classifiers", "");
        }
        form
    };
    let started = Instant::now();
    refuse(&depot, &many, 400, "invalid-form", "10000 parts");
    let long = |field: &str, length: usize| Form::of(&teapot()).field(field, &"x".repeat(length));
    refuse(&depot, &long("description", 11 << 20), 413, "too-large", "`description` has more than");
    refuse(&depot, &long("version", 2000), 413, "too-large", "`version` has more than 1024 bytes");
    refuse(&depot, &long("attestations", 2 << 20), 413, "too-large", "`attestations`");
    let head = format!("Content-Disposition: form-data; name=\"{}\"", "x".repeat(20_000));
    refuse(&depot, &Form::of(&teapot()).part(&head, b"x"), 400, "invalid-form", "too long");
    let mut descriptions = Form::of(&teapot());
    for _ in 0..5 {
        descriptions = descriptions.field("description", &"x".repeat(9 << 20));
    }
    refuse(&depot, &descriptions, 413, "too-large", "beside the file");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let grown = peak(&depot) - before;
    assert!(grown < 48 << 10, "{grown} KiB");
    // A long description alone is nobody's fault.
    let form = long("description", 9 << 20).content(&teapot(), None);
    assert_eq!(form.post(&depot).status, 200);
    counted("attack 27", "fields in one form", 1_000_000);
}

#[test]
fn a_file_above_the_limit_is_refused_by_its_announced_length_and_by_its_bytes() {
    let depot = Depot::start_with(&["--max-file-size", "100000"]);
    let fits = Built::from(&WheelBuilder::new("tea-pot", "1.0").random_file("tea_pot/a", 90_000, 1));
    assert_eq!(Uploader::Uv.form(&fits).post(&depot).status, 200);
    let large = Built::from(&WheelBuilder::new("tea-pot", "2.0").random_file("tea_pot/a", 400_000, 1));
    let refused = Uploader::Uv.form(&large).post(&depot);
    assert_refused(&refused, 413, "too-large");
    assert!(refused.status_line.contains("larger than the 100000 bytes"), "{}", refused.status_line);
    // Who asks before sending is refused without a byte of the body.
    let mut connection = RawConnection::open(depot.url(), Duration::from_secs(5)).unwrap();
    let head = format!(
        "POST /python/ HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {}\r\n{}Expect: 100-continue\r\n\
         Content-Length: 99999999999\r\n\r\n",
        depot.token(),
        Form::new().content_type()
    );
    connection.send(head).unwrap();
    let refused = connection.receive(false).unwrap();
    assert_eq!((refused.status, refused.header("connection")), (413, Some("close")), "{}", refused.text());
    assert_eq!(depot.listed("tea-pot").len(), 1);
    depot.assert_tmp_is_empty();
}

#[test]
fn who_may_push_nothing_is_refused_before_the_file_comes() {
    let depot = Depot::start();
    let reader = depot.new_token("reader", &["read"]);
    let narrow = depot.new_token("narrow", &["push-new+push:python:kettle"]);
    let form = Uploader::Twine7.form(&Built::from(&WheelBuilder::new("tea-pot", "1.0").random_file(
        "tea_pot/a",
        600_000,
        1,
    )));
    let anonymous = form.post_to(&depot, "/python/", None);
    assert_refused(&anonymous, 401, "unauthenticated");
    assert!(anonymous.status_line.contains("this needs a token"), "{}", anonymous.status_line);
    assert_refused(&form.post_to(&depot, "/python/", Some(&reader)), 403, "forbidden");
    assert_refused(&form.post_to(&depot, "/python/", Some(&narrow)), 403, "forbidden");
    assert_refused(&form.post_to(&depot, "/python/", Some("depot_wrong")), 401, "invalid-token");
    assert!(listing(&depot.tree().join("files")).is_empty());
    depot.assert_tmp_is_empty();
}
