//! The harness itself: what it builds really installs, and what it breaks really breaks.

use std::time::{Duration, Instant};

use depot_tests::{
    Clients, FakeFile, FakeIndex, Fault, RawConnection, RawResponse, Room, SdistBuilder, Style, WheelBuilder,
    escaped_name, send, sha256_hex,
};

const STYLES: [Style; 2] = [Style::Json, Style::HtmlOnly];

fn request(method: &str, url: &str, path: &str, headers: &str) -> RawResponse {
    send(url, format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")).unwrap()
}

fn get(url: &str, path: &str) -> RawResponse {
    request("GET", url, path, "")
}

/// A wheel that requires another, and an sdist.
fn teapots() -> (WheelBuilder, WheelBuilder, SdistBuilder) {
    let lid = WheelBuilder::new("Lid", "0.3+lab.1").requires_python(">=3.8");
    let pot =
        WheelBuilder::new("Tea.Pot", "1.2").requires_dist("lid>=0.3").file("tea_pot/a, b.txt", "leaves");
    let spout = SdistBuilder::new("spout-tools", "2.0")
        .requires_python(">=3.8")
        .file("spout_tools/more.py", "x = 1\n");
    (lid, pot, spout)
}

fn teapot_index(style: Style) -> FakeIndex {
    let (lid, pot, spout) = teapots();
    FakeIndex::builder(style).wheel(&lid).wheel(&pot).sdist(&spout).start()
}

fn assert_teapots_are_installed(room: &Room) {
    assert_eq!(room.installed_version("tea_pot"), "1.2");
    assert_eq!(room.installed_version("lid"), "0.3+lab.1");
    assert_eq!(room.installed_version("spout_tools"), "2.0");
    assert_eq!(room.pip(["check"]).assert_success().stdout.trim(), "No broken requirements found.");
}

#[test]
fn pip_installs_wheels_and_sdists_in_both_styles() {
    let Some(clients) = Clients::find() else { return };
    for style in STYLES {
        let index = teapot_index(style);
        let room = clients.room();
        room.pip_install(&index.url(), ["tea-pot", "spout-tools"]).assert_success();
        assert_teapots_are_installed(&room);
        assert_eq!(index.count("/simple/lid/"), 1);
    }
}

#[test]
fn uv_installs_wheels_and_sdists_in_both_styles() {
    let Some(clients) = Clients::find() else { return };
    for style in STYLES {
        let index = teapot_index(style);
        let room = clients.room();
        room.uv_install(&index.url(), ["tea-pot", "spout-tools"]).assert_success();
        assert_teapots_are_installed(&room);
    }
}

#[test]
fn pip_refuses_wrong_bytes_and_a_yanked_file() {
    let Some(clients) = Clients::find() else { return };
    let good = WheelBuilder::new("lid", "1.0");
    let yanked = WheelBuilder::new("lid", "2.0");
    for style in STYLES {
        let index = FakeIndex::builder(style)
            .wheel(&good)
            .file("lid", FakeFile::from(&yanked).yanked("too hot"))
            .start();
        index.fault(&FakeIndex::file_path("lid", &good.filename()), Fault::WrongBytes);
        let room = clients.room();
        let refused = room.pip_install(&index.url(), ["lid"]).assert_code(1);
        assert!(refused.stderr.contains("DO NOT MATCH THE HASHES"), "{}", refused.stderr);
        index.heal();
        room.pip_install(&index.url(), ["lid"]).assert_success();
        assert_eq!(room.installed_version("lid"), "1.0");
    }
}

#[test]
fn twine_and_pip_start_without_this_machines_settings() {
    let Some(clients) = Clients::find() else { return };
    let room = clients.room();
    let (lid, ..) = teapots();
    std::fs::write(room.path().join(lid.filename()), lid.build()).unwrap();
    room.twine(["check", &lid.filename()]).assert_success();
    let settings = room.pip(["config", "list"]).assert_success().stdout;
    let own = ["cache-dir", "config-file", "disable-pip-version-check", "no-input"];
    for line in settings.lines() {
        assert!(own.iter().any(|name| line.starts_with(&format!(":env:.{name}="))), "{line} leaked in");
    }
    let missing =
        room.pip_install("http://127.0.0.1:9/simple/", ["--retries", "0", "setuptools"]).assert_code(1);
    assert!(!missing.stdout.contains("Looking in links"), "{}", missing.stdout);
}

#[test]
fn a_json_index_lists_what_it_knows_and_serves_metadata() {
    let (_, pot, spout) = teapots();
    let file = FakeFile::from(&pot).yanked("").upload_time("2025-01-02T03:04:05.000000Z");
    let index = FakeIndex::builder(Style::Json)
        .file("tea-pot", file)
        .sdist(&spout)
        .status("tea-pot", "archived", Some("cold"))
        .start();
    let accept = "Accept: application/vnd.pypi.simple.v1+json\r\n";
    let page = request("GET", &index.url(), "/simple/tea-pot/", accept);
    assert_eq!(page.header("content-type"), Some("application/vnd.pypi.simple.v1+json"));
    let page: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    assert_eq!(page["versions"], serde_json::json!(["1.2"]));
    assert_eq!(page["project-status"], serde_json::json!({ "status": "archived", "reason": "cold" }));
    let file = &page["files"][0];
    assert_eq!(file["hashes"]["sha256"], sha256_hex(&pot.build()));
    assert_eq!(file["size"], pot.build().len());
    assert_eq!(file["yanked"], true);
    assert_eq!(file["upload-time"], "2025-01-02T03:04:05.000000Z");

    let path = FakeIndex::file_path("tea-pot", &pot.filename());
    let metadata = get(&index.url(), &format!("{path}.metadata"));
    assert_eq!(metadata.body, pot.metadata());
    assert_eq!(file["core-metadata"]["sha256"], sha256_hex(&metadata.body));

    let root = request("GET", &index.url(), "/simple/", accept);
    assert_eq!(
        root.text(),
        r#"{"meta":{"api-version":"1.4"},"projects":[{"name":"spout-tools"},{"name":"tea-pot"}]}"#
    );
    let html = get(&index.url(), "/simple/tea-pot/");
    assert!(html.text().contains("data-core-metadata=\"sha256="), "{}", html.text());
}

#[test]
fn an_html_only_index_tells_no_more_than_mirrors_do() {
    let (lid, ..) = teapots();
    let index = FakeIndex::builder(Style::HtmlOnly).wheel(&lid).start();
    let page =
        request("GET", &index.url(), "/simple/lid/", "Accept: application/vnd.pypi.simple.v1+json\r\n");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let text = page.text();
    assert!(text.contains("href=\"../../files/lid/lid-0.3%2Blab.1-py3-none-any.whl#sha256="), "{text}");
    assert!(text.contains("data-requires-python=\"&gt;=3.8\""), "{text}");
    for absent in ["core-metadata", "size", "upload-time", "repository-version"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
    let metadata = format!("{}.metadata", FakeIndex::file_path("lid", "lid-0.3%2Blab.1-py3-none-any.whl"));
    assert_eq!(get(&index.url(), &metadata).status, 404);
    assert_eq!(get(&index.url(), "/simple/nothing/").status, 404);
    assert_eq!(get(&index.url(), "/simple/Lid").header("location"), Some("/simple/lid/"));
}

#[test]
fn files_answer_head_and_ranges() {
    let bytes: Vec<u8> = (0..=255).collect();
    let index =
        FakeIndex::builder(Style::Json).file("lid", FakeFile::new("lid-1.tar.gz", bytes.clone())).start();
    let path = FakeIndex::file_path("lid", "lid-1.tar.gz");
    let head = request("HEAD", &index.url(), &path, "");
    assert_eq!((head.header("content-length"), head.header("accept-ranges")), (Some("256"), Some("bytes")));
    assert_eq!(head.body, b"");
    for (range, part) in [
        ("0-0", 0..1),
        ("10-19", 10..20),
        ("250-", 250..256),
        ("250-999", 250..256),
        ("-5", 251..256),
        ("-999", 0..256),
    ] {
        let response = request("GET", &index.url(), &path, &format!("Range: bytes={range}\r\n"));
        let expected = format!("bytes {}-{}/256", part.start, part.end - 1);
        assert_eq!(
            (response.status, response.header("content-range")),
            (206, Some(expected.as_str())),
            "{range}"
        );
        assert_eq!(response.body, bytes[part], "{range}");
    }
    let beyond = request("GET", &index.url(), &path, "Range: bytes=256-\r\n");
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */256")));
    for range in ["0-1,3-4", "5-2", "x", "-"] {
        assert_eq!(
            request("GET", &index.url(), &path, &format!("Range: bytes={range}\r\n")).status,
            200,
            "{range}"
        );
    }
    let seen = index.requests();
    assert_eq!((seen[1].method.as_str(), seen[1].range.as_deref()), ("GET", Some("bytes=0-0")));

    let plain = FakeIndex::builder(Style::Json)
        .file("lid", FakeFile::new("lid-1.tar.gz", bytes))
        .without_ranges()
        .start();
    let whole = request("GET", &plain.url(), &path, "Range: bytes=0-0\r\n");
    assert_eq!((whole.status, whole.header("accept-ranges"), whole.body.len()), (200, None, 256));
}

#[test]
fn credentials_are_asked_for_at_the_first_origin_only() {
    let (lid, ..) = teapots();
    let index = FakeIndex::builder(Style::Json)
        .credentials("ann", "s3cret")
        .file("lid", FakeFile::from(&lid).foreign())
        .start();
    let refused = get(&index.url(), "/simple/lid/");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Basic realm=\"fake\"")));
    let basic = "Authorization: Basic YW5uOnMzY3JldA==\r\n";
    let page = request("GET", &index.url(), "/simple/lid/", basic);
    assert_eq!(page.status, 200);
    assert!(page.text().contains(index.foreign_origin()), "{}", page.text());
    let path = FakeIndex::file_path("lid", &lid.filename().replace('+', "%2B"));
    assert_eq!(get(index.foreign_origin(), &path).status, 200);
    let seen = index.requests();
    assert_eq!(seen[1].authorization.as_deref(), Some("Basic YW5uOnMzY3JldA=="));
    assert_eq!((seen[2].foreign, seen[2].authorization.clone()), (true, None));
    assert_eq!(index.count(&FakeIndex::file_path("lid", &lid.filename())), 1);
    assert!(index.url_with_credentials().starts_with("http://ann:s3cret@127.0.0.1:"));

    let Some(clients) = Clients::find() else { return };
    clients.room().pip_install(&index.url_with_credentials(), ["lid"]).assert_success();
    assert!(
        index
            .requests()
            .iter()
            .filter(|request| request.foreign)
            .all(|request| request.authorization.is_none())
    );
}

#[test]
fn faults_happen_as_told_and_as_often() {
    let (lid, ..) = teapots();
    let bytes = lid.build();
    let index = FakeIndex::builder(Style::Json).wheel(&lid).start();
    let page = FakeIndex::page_path("lid");
    let file = FakeIndex::file_path("lid", &lid.filename());
    let url = index.url();

    index.fault(&page, Fault::NotFound);
    assert_eq!(get(&url, &page).status, 404);
    index.fault_times(&page, 2, Fault::Status { code: 503, retry_after: Some(3) });
    let busy = get(&url, &page);
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("3")));
    assert_eq!((get(&url, &page).status, get(&url, &page).status), (503, 200));

    index.fault(&file, Fault::Truncate(10));
    let short = get(&url, &file);
    assert_eq!((short.status, short.complete, short.body.as_slice()), (200, false, &bytes[..10]));
    assert_eq!(short.header("content-length"), Some(bytes.len().to_string().as_str()));

    index.fault(&file, Fault::WrongBytes);
    let wrong = get(&url, &file);
    assert_eq!((wrong.body.len(), wrong.complete), (bytes.len(), true));
    assert_ne!(wrong.body, bytes);

    index.fault(&file, Fault::HtmlInstead);
    let portal = get(&url, &file);
    assert_eq!((portal.status, portal.header("content-type")), (200, Some("text/html")));

    index.fault(&file, Fault::Redirect(format!("{}{file}", index.foreign_origin())));
    assert_eq!(get(&url, &file).status, 302);

    let every = Duration::from_millis(20);
    index.fault(&file, Fault::SlowDrip { bytes: bytes.len() / 4, every });
    let started = Instant::now();
    assert_eq!(get(&url, &file).body, bytes);
    assert!(started.elapsed() >= every * 4);

    index.fault(&file, Fault::Hang);
    let mut connection = RawConnection::open(&url, Duration::from_millis(200)).unwrap();
    connection.send(format!("GET {file} HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap();
    assert_eq!(connection.receive(false).unwrap_err().kind(), std::io::ErrorKind::TimedOut);

    index.heal();
    assert_eq!(get(&url, &file).body, bytes);
}

#[test]
fn an_index_changes_goes_down_and_comes_back() {
    let (lid, pot, _) = teapots();
    let mut index =
        FakeIndex::builder(Style::HtmlOnly).wheel(&lid).latency(Duration::from_millis(30)).start();
    let url = index.url();
    let mut kept = RawConnection::open(&url, Duration::from_secs(5)).unwrap();
    let started = Instant::now();
    kept.send("GET /simple/ HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(kept.receive(false).unwrap().status, 200);
    assert!(started.elapsed() >= Duration::from_millis(30));

    index.put("Tea_Pot", &pot);
    assert_eq!(get(&url, "/simple/tea-pot/").status, 200);
    index.remove("tea-pot", &pot.filename());
    assert!(!get(&url, "/simple/tea-pot/").text().contains(&escaped_name("Tea.Pot-1")));

    index.stop();
    assert!(kept.is_closed());
    assert!(RawConnection::open(&url, Duration::from_secs(1)).is_err());
    index.restart();
    assert_eq!((get(&url, "/simple/lid/").status, index.url()), (200, url));
}

#[tokio::test]
async fn an_index_can_be_used_inside_a_runtime() {
    let mut index = teapot_index(Style::Json);
    let url = index.url();
    let answer = tokio::task::spawn_blocking(move || get(&url, "/simple/lid/").status).await.unwrap();
    assert_eq!(answer, 200);
    index.stop();
    drop(teapot_index(Style::HtmlOnly));
}
