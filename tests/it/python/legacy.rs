//! Uploads by the form that twine and its like send: what each of them sends is taken at each address that it is sent
//! to, and answered in the words that it looks for.

mod answered;
pub(super) mod attestations;
mod form;
mod publishers;
mod refused;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{RawResponse, SdistBuilder, WheelBuilder, counted};
use serde_json::{Value, json};

use self::form::{Form, Uploader};
use super::depot::{Depot, body, listing};
use super::index::Built;

/// Every address that uploads are sent to, of a repository and of the default one.
const ADDRESSES: [&str; 10] = [
    "/python",
    "/python/",
    "/python/legacy",
    "/python/legacy/",
    "/python/upload",
    "/python/upload/",
    "/legacy",
    "/legacy/",
    "/upload",
    "/upload/",
];

fn teapot() -> WheelBuilder {
    WheelBuilder::new("Tea.Pot", "1.0").requires_python(">=3.9")
}

/// A wheel and a source distribution in both of its packings, one project of its own for each uploader.
fn distributions(uploader: Uploader) -> [Built; 3] {
    let name = format!("Tea.Pot_{uploader:?}");
    let escaped = depot_tests::escaped_name(&name);
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 3.0\n");
    let zipped = SdistBuilder::named(&format!("{escaped}-3.0.zip"), metadata).unwrap();
    [
        (&WheelBuilder::new(&name, "1.0+lab.2").requires_python(">=3.9")).into(),
        (&SdistBuilder::new(&name, "2.0")).into(),
        (&zipped).into(),
    ]
}

/// One request of an uploader, with the token as its password.
fn upload(depot: &Depot, uploader: Uploader, path: &str, form: &Form) -> RawResponse {
    let credentials = STANDARD.encode(format!("__token__:{}", depot.token()));
    let body = form.body();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\nAccept: {}\r\n\
         Authorization: Basic {credentials}\r\n{}Content-Length: {}\r\n\r\n",
        uploader.accept(),
        form.content_type(),
        body.len()
    );
    depot_tests::send(depot.url(), [head.as_bytes(), &body].concat()).unwrap()
}

#[test]
fn what_each_uploader_sends_is_published_and_again_is_no_news() {
    let depot = Depot::start();
    for uploader in Uploader::ALL {
        for file in &distributions(uploader) {
            let answer = upload(&depot, uploader, "/python/", &uploader.form(file));
            assert_eq!(answer.status, 200, "{uploader:?} {}: {}", file.filename, answer.text());
            assert_eq!(body(&answer)["outcome"], "created", "{uploader:?}");
            assert_eq!(depot.get(&file.path().replace('+', "%2B")).body, file.bytes, "{uploader:?}");
            let kept = depot.stored_record(&file.project, &file.filename);
            assert_eq!(kept["depot"]["origin"]["kind"], "first-party", "{uploader:?}");
            let before = listing(&depot.tree().join("files"));
            let again = upload(&depot, uploader, "/legacy/", &uploader.form(file));
            assert_eq!((again.status, &body(&again)["outcome"]), (200, &json!("same")), "{uploader:?}");
            assert_eq!(listing(&depot.tree().join("files")), before, "{uploader:?}");
        }
        let listed = depot.listed(&distributions(uploader)[0].project);
        assert_eq!(listed.len(), 3, "{uploader:?}");
    }
    depot.assert_tmp_is_empty();
}

#[test]
fn other_bytes_are_refused_in_the_words_that_each_uploader_looks_for() {
    let depot = Depot::start();
    for uploader in Uploader::ALL {
        let [wheel, ..] = distributions(uploader);
        upload(&depot, uploader, "/python/", &uploader.form(&wheel));
        let mut other = distributions(uploader)[0].bytes.clone();
        other.push(b'x');
        let other = Built {
            project: wheel.project.clone(),
            filename: wheel.filename.clone(),
            bytes: WheelBuilder::new(&format!("Tea.Pot_{uploader:?}"), "1.0+lab.2")
                .file("more.txt", other)
                .build(),
            metadata: wheel.metadata.clone(),
        };
        let refused = upload(&depot, uploader, "/python/", &uploader.form(&other));
        // twine prints the reason of the status line; it and maturin look for the words, Poetry for the status alone.
        let words =
            format!("File already exists ('{}', with sha256 hash '{}')", wheel.filename, wheel.sha256());
        let line = format!("HTTP/1.1 409 {words}");
        assert!(refused.status_line.starts_with(&line), "{uploader:?}: {}", refused.status_line);
        if uploader == Uploader::Uv {
            assert_eq!(refused.header("content-type"), Some("application/json"));
            let said: Value = body(&refused);
            assert!(said["code"].as_str().unwrap().starts_with(&format!("409 {words}")), "{said}");
            assert!(said["message"].as_str().unwrap().starts_with(&words), "{said}");
            assert_eq!(said["title"], "File already exists");
        } else {
            assert_eq!(refused.header("content-type"), Some("text/plain; charset=utf-8"));
            assert!(refused.text().starts_with("409 File already exists"), "{}", refused.text());
        }
        assert_eq!(depot.get(&wheel.path().replace('+', "%2B")).body, wheel.bytes);
    }
    depot.assert_tmp_is_empty();
}

#[test]
fn an_upload_is_taken_at_each_address_and_never_sent_elsewhere() {
    let depot = Depot::start();
    for (number, path) in ADDRESSES.into_iter().enumerate() {
        let file = Built::from(&WheelBuilder::new("teapot", &format!("{number}.0")));
        let answer = Uploader::Twine7.form(&file).post_to(&depot, path, Some(&depot.token()));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let anonymous = Uploader::Twine7.form(&file).post_to(&depot, path, None);
        assert_eq!(anonymous.status, 401, "{path}");
        assert!(anonymous.header("www-authenticate").unwrap().starts_with("Basic realm="), "{path}");
    }
    assert_eq!(depot.listed("teapot").len(), ADDRESSES.len());
    // Nothing is to be read there.
    assert_eq!((depot.get("/python/").status, depot.get("/python").status), (404, 404));
    assert_eq!(depot.get("/legacy/").status, 405);
}

#[test]
fn who_uploads_to_the_address_for_installing_is_told_the_right_one() {
    let depot = Depot::start();
    let file = Built::from(&teapot().random_file("tea_pot/data", 300_000, 1));
    for path in ["/python/simple", "/python/simple/", "/python/simple/tea-pot", "/python/simple/tea-pot/"] {
        let refused = Uploader::Twine7.form(&file).post_to(&depot, path, Some(&depot.token()));
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET,HEAD")), "{path}");
        assert!(refused.text().contains("upload to `/python/`"), "{}", refused.text());
        assert!(refused.status_line.contains("upload to `/python/`"), "{}", refused.status_line);
    }
    let elsewhere = Uploader::Twine7.form(&file).post_to(&depot, "/python/files/", Some(&depot.token()));
    assert_eq!(elsewhere.status, 404);
}

#[test]
fn fields_come_in_any_order_and_in_pieces_of_any_size() {
    let depot = Depot::start();
    let file = |version: &str| Built::from(&WheelBuilder::new("teapot", version));
    let (one, two, three) = (file("1"), file("2"), file("3"));
    let first = Form::new()
        .content(&one, None)
        .field("filetype", "bdist_wheel")
        .field("sha256_digest", &one.sha256())
        .field("md5_digest", &form::md5_hex(&one.bytes))
        .field("version", "1.0.0")
        .field("name", "TeaPot".to_lowercase().as_str())
        .field(":action", "file_upload");
    assert_eq!(first.post(&depot).status, 200, "{}", first.post(&depot).text());
    // The action in the address, the file alone in the form.
    let form = Form::new().content(&two, Some("application/zip"));
    for path in ["/python/?:action=file_upload", "/upload?%3Aaction=file_upload&x=y"] {
        let answer = form.post_to(&depot, path, Some(&depot.token()));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // In chunks of nine bytes, so that every boundary is cut.
    let form = Uploader::Uv.form(&three);
    let mut body = Vec::new();
    for chunk in form.body().chunks(9) {
        body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    let headers = format!("{}Transfer-Encoding: chunked\r\n", form.content_type());
    let answer = depot.request("POST", "/python/", Some(&depot.token()), &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(depot.listed("teapot").len(), 3);
}

#[test]
fn a_form_says_which_of_two_projects_a_source_distribution_is_of_even_at_its_end() {
    let depot = Depot::start();
    let sdist = |name: &str, version: &str| {
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
        let built = SdistBuilder::named("tea-1-1.tar.gz", metadata).unwrap();
        let (project, filename) = (name.to_owned(), built.filename());
        Built { project, filename, bytes: built.build(), metadata: built.metadata() }
    };
    // By itself the name reads as version 1 of tea-1.
    let of_tea = sdist("tea", "1.post1");
    let form = Form::new().content(&of_tea, None).field("name", "tea").field(":action", "file_upload");
    let answer = form.post(&depot);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(depot.listed("tea")[0]["filename"], "tea-1-1.tar.gz");
    assert!(depot.listed("tea-1").is_empty());
    let form = Form::new().field("name", "tea-1").content(&sdist("tea-1", "1"), None);
    let answer = form.field(":action", "file_upload").post(&depot);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(depot.listed("tea-1")[0]["filename"], "tea-1-1.tar.gz");
    depot.assert_tmp_is_empty();
}

#[test]
fn a_token_is_taken_wherever_an_uploader_can_put_it() {
    let depot = Depot::start();
    let token = depot.new_token("robot", &["push-new+push:python:tea*"]);
    let basic = |text: String| format!("Authorization: Basic {}\r\n", STANDARD.encode(text));
    let ways = [
        basic(format!("__token__:{token}")),
        basic(format!("ann:{token}")),
        basic(format!("{token}:")),
        format!("Authorization: Bearer {token}\r\n"),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let file = Built::from(&WheelBuilder::new("teapot", &number.to_string()));
        let form = Uploader::Flit.form(&file);
        let headers = format!("{}{way}", form.content_type());
        let answer = depot.request("POST", "/legacy/", None, &headers, &form.body());
        assert_eq!(answer.status, 200, "{number}: {}", answer.text());
        let other = Uploader::Flit.form(&Built::from(&WheelBuilder::new("kettle", "1")));
        let refused = depot.request("POST", "/legacy/", None, &headers, &other.body());
        assert_eq!(refused.status, 403, "{number}");
        assert!(refused.status_line.contains("push-new"), "{}", refused.status_line);
    }
    let wrong = basic("__token__:depot_wrong".to_owned());
    let form = Uploader::Flit.form(&Built::from(&teapot()));
    let headers = format!("{}{wrong}", form.content_type());
    assert_eq!(depot.request("POST", "/legacy/", None, &headers, &form.body()).status, 401);
}

#[test]
fn a_large_file_is_not_held_in_memory() {
    let depot = Depot::start();
    let wheel = WheelBuilder::new("teapot", "1.0").random_file("teapot/data", 48 << 20, 1);
    let file = Built::from(&wheel);
    let before = peak(&depot);
    let answer = Uploader::Twine5.form(&file).post(&depot);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let grown = peak(&depot) - before;
    assert!(grown < 32 << 10, "{grown} KiB");
    assert_eq!(depot.listed("teapot")[0]["hashes"]["sha256"], file.sha256());
    counted("legacy", "MiB in one form", 48);
}

/// The most memory that the server ever had, in KiB.
fn peak(depot: &Depot) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", depot.server().pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
