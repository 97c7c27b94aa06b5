//! What views show lies ready too, and is answered in front of the router only as the router would answer at that moment.

use std::{
    fs,
    io::Read as _,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use depot_proto::Timestamp;
use depot_tests::{FakeFile, FakeIndex, FakeIndexBuilder, RawResponse, Style, WheelBuilder};
use serde_json::{Value, json};

use super::{
    super::depot::{Depot, mirrored},
    HTML, JSON, ODD, ask, said,
};

fn six(version: &str) -> WheelBuilder {
    WheelBuilder::new("six", version)
}

fn index() -> FakeIndex {
    let large = WheelBuilder::new("six", "2").random_file("six/data.bin", 200_000, 1);
    let lid = WheelBuilder::new("lid", "2");
    let wheels = [&six("1"), &large, &lid];
    wheels.into_iter().fold(FakeIndex::builder(Style::Json), FakeIndexBuilder::wheel).start()
}

/// A server in front of an index, with this configuration.
fn in_front_of(index: &FakeIndex, around: &Path, config: &str) -> Depot {
    let path = around.join("depot.toml");
    fs::write(&path, config).unwrap();
    Depot::start_with(&["--config", path.to_str().unwrap(), "--upstream", &index.url()])
}

/// Whether it was answered in front of the router.
fn is_in_front(answer: &RawResponse) -> bool {
    answer.header("x-request-id").is_none()
}

/// Asks until it is answered in front of the router.
#[track_caller]
fn in_front(depot: &Depot, path: &str, lines: &str) -> RawResponse {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = ask(depot, "GET", path, lines);
        if is_in_front(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path} {lines}: {}: {}", answer.status_line, answer.text());
    }
}

/// Asks in front, then the router, and in front again; what all of them say.
#[track_caller]
fn both(depot: &Depot, path: &str, lines: &str) -> RawResponse {
    let mut first = ask(depot, "GET", path, lines);
    let mut routed = ask(depot, "GET", &format!("{path}?x=1"), lines);
    let again = ask(depot, "GET", path, lines);
    assert_eq!((first.status, again.status), (routed.status, routed.status), "{path} {lines}");
    if routed.status == 200 {
        assert_eq!(said(again.clone()), said(routed), "{path} {lines}");
        // The first may have had to be fetched.
        routed = again.clone();
        for answer in [&mut first, &mut routed] {
            answer.headers.retain(|(name, _)| name != "x-depot-cache");
        }
        assert_eq!(said(first), said(routed), "{path} {lines}");
    }
    again
}

fn done(depot: &Depot, verb: &str, asked: &Value) {
    let body = asked.to_string();
    let answer =
        depot.request("POST", &format!("/python/_/{verb}"), Some(&depot.token()), "", body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn the_answers_are_the_routers() {
    let index = index();
    let depot = Depot::start_with(&["--upstream", &index.url()]);
    depot.publish(&WheelBuilder::new("teapot", "1"));
    let lid = WheelBuilder::new("lid", "1");
    depot.announce("lid", &mirrored(&lid.filename(), &lid.build()));
    assert_eq!(depot.put("lid", &lid.filename(), &lid.build()).status, 201);
    let of = |project: &str, version: &str| {
        format!("files/{project}/{}", WheelBuilder::new(project, version).filename())
    };
    let (small, large) = (of("six", "1"), of("six", "2"));
    let (of_both, own) = ([of("lid", "1"), of("lid", "2")], of("teapot", "1"));
    let direct = small.replace("files/", "simple/");
    let metadata = format!("{small}.metadata");
    let shared = ["simple/six/", "simple/lid/", &small, &large, &metadata, &direct, &of_both[1]];
    let at_root = ["simple/teapot/", &own, &of_both[0]];
    let paths = shared.iter().flat_map(|path| [format!("/{path}"), format!("/pypi/{path}")]);
    for path in paths.chain(at_root.iter().map(|path| format!("/{path}"))) {
        // What is fetched now is at hand when it is asked for once more.
        let deadline = Instant::now() + Duration::from_secs(10);
        while ask(&depot, "GET", &format!("{path}?x=1"), "").header("x-depot-cache") == Some("MISS") {
            assert!(Instant::now() < deadline, "{path}");
        }
        for lines in ["", JSON, HTML, "Accept-Encoding: gzip\r\n", "Accept: */*\r\nAccept-Encoding: zstd\r\n"]
        {
            for method in ["GET", "HEAD"] {
                let routed = ask(&depot, method, &format!("{path}?x=1"), lines);
                assert_eq!(routed.status, 200, "{path}");
                assert!(!is_in_front(&routed));
                let etag = routed.header("etag").unwrap().to_owned();
                let routed = said(routed);
                // The first may find it not at hand yet, and make it so.
                for lines in [lines.to_owned(), format!("{lines}{ODD}")] {
                    for _ in 0..2 {
                        let answer = said(ask(&depot, method, &path, &lines));
                        assert_eq!(answer, routed, "{method} {path} {lines}");
                    }
                }
                let lines = format!("{lines}If-None-Match: W/{etag}\r\n");
                let fresh = said(ask(&depot, method, &path, &lines));
                assert_eq!(fresh.0, "HTTP/1.1 304 Not Modified", "{path}");
                assert_eq!(fresh, said(ask(&depot, method, &format!("{path}?x=1"), &lines)), "{path}");
            }
        }
        assert_eq!(is_in_front(&ask(&depot, "GET", &path, JSON)), !path.ends_with(&large), "{path}");
    }
    assert_eq!(in_front(&depot, "/simple/six/", "").header("x-depot-cache"), Some("HIT"));
    assert_eq!(in_front(&depot, "/simple/teapot/", "").header("x-depot-cache"), None);
    assert_eq!(in_front(&depot, &format!("/{}", of_both[0]), "").header("x-depot-cache"), None);
    // Names that are written in another way are the router's affair.
    assert_eq!(ask(&depot, "GET", "/simple/Six/", "").status, 301);
    assert_eq!(ask(&depot, "GET", &format!("/{}", small.replace("/six/", "/Six/")), "").status, 200);
    for path in ["/simple/absent/", "/files/six/six-9-py3-none-any.whl", "/pypi/simple/teapot/"] {
        assert_eq!(both(&depot, path, "").status, 404, "{path}");
    }
}

#[test]
fn a_change_here_is_seen_at_once() {
    let index = index();
    let depot = Depot::start_with(&["--upstream", &index.url()]);
    let pot = |version: &str| WheelBuilder::new("teapot", version);
    depot.publish(&pot("1"));
    let page = "/simple/teapot/";
    let file = format!("/files/teapot/{}", pot("1").filename());
    let ready = || [page, &file].map(|path| in_front(&depot, path, JSON).status);
    for number in 2..6 {
        ready();
        depot.publish(&pot(&number.to_string()));
        assert!(both(&depot, page, JSON).text().contains(&pot(&number.to_string()).filename()));
    }
    ready();
    done(&depot, "yank", &json!({ "project": "teapot", "version": "1", "reason": "it leaks" }));
    assert!(both(&depot, page, JSON).text().contains("it leaks"));
    ready();
    done(&depot, "status", &json!({ "project": "teapot", "state": "quarantined" }));
    assert!(!both(&depot, page, JSON).text().contains(".whl"));
    assert_eq!(both(&depot, &file, "").status, 403);
    done(&depot, "status", &json!({ "project": "teapot", "state": "active" }));
    ready();
    done(&depot, "delete", &json!({ "project": "teapot", "filename": pot("1").filename() }));
    assert_ne!(both(&depot, &file, "").status, 200);

    // Who owns a name may change from one request to the next.
    let (page, file) = ("/simple/six/", format!("/files/six/{}", six("1").filename()));
    for path in [page, &file, &format!("/pypi{page}"), &format!("/pypi{file}")] {
        in_front(&depot, path, "");
    }
    let token = depot.new_token("ci", &["push+push-new:python:si*"]);
    for path in [page, &file] {
        for mount in ["", "/pypi"] {
            assert_eq!(both(&depot, &format!("{mount}{path}"), "").status, 404, "{mount}{path}");
        }
    }
    assert_eq!(depot.put_as(&token, "six", &six("9").filename(), &six("9").build()).status, 201);
    let text = both(&depot, page, JSON).text();
    assert!(text.contains(&six("9").filename()) && !text.contains(&six("1").filename()), "{text}");
    assert_eq!(index.count(&FakeIndex::page_path("teapot")), 0);
}

#[test]
fn a_page_of_another_index_is_at_hand_for_as_long_as_it_may_be_believed() {
    let mut index = index();
    let around = tempfile::tempdir().unwrap();
    let config = "[repositories.pypi]\npage_ttl = \"2s\"\n";
    let depot = in_front_of(&index, around.path(), config);
    let (page, file) = ("/simple/six/", format!("/files/six/{}", six("1").filename()));
    for path in [page, &file] {
        assert_eq!(in_front(&depot, path, JSON).header("x-depot-cache"), Some("HIT"));
    }
    index.put("six", FakeFile::from(&six("3")));
    let deadline = Instant::now() + Duration::from_secs(10);
    while !ask(&depot, "GET", page, JSON).text().contains(&six("3").filename()) {
        assert!(Instant::now() < deadline, "the page is never asked for again");
    }
    for _ in 0..3 {
        assert!(both(&depot, page, JSON).text().contains(&six("3").filename()));
    }
    // Without the index what is old is shown, and said to be.
    index.stop();
    let deadline = Instant::now() + Duration::from_secs(10);
    while in_front(&depot, page, JSON).header("x-depot-cache") != Some("STALE") {
        assert!(Instant::now() < deadline, "the page never grows old");
    }
    assert_eq!(in_front(&depot, &file, "").header("x-depot-cache"), Some("HIT"));
    assert!(in_front(&depot, page, JSON).text().contains(&six("3").filename()));
}

#[test]
fn offline_what_was_seen_or_pushed_is_at_hand() {
    let index = index();
    let mut depot = Depot::start_with(&["--upstream", &index.url()]);
    let lid = WheelBuilder::new("lid", "1");
    depot.announce("lid", &mirrored(&lid.filename(), &lid.build()));
    assert_eq!(depot.put("lid", &lid.filename(), &lid.build()).status, 201);
    let file = format!("/files/six/{}", six("1").filename());
    for path in ["/simple/six/", &file] {
        in_front(&depot, path, "");
    }
    depot.stop();
    depot.resume_with(&["--offline"]);
    for path in ["/simple/six/", "/simple/lid/", &file] {
        assert_eq!(in_front(&depot, path, "").status, 200, "{path}");
        assert_eq!(both(&depot, path, "").status, 200, "{path}");
    }
    assert_eq!(index.count(&FakeIndex::page_path("lid")), 0);
    assert_eq!(both(&depot, "/simple/absent/", "").status, 404);
}

#[test]
fn a_policy_that_changes_takes_away_what_lies_ready() {
    for table in ["all", "pypi"] {
        let (index, around) = (index(), tempfile::tempdir().unwrap());
        let policy = around.path().join("policy.toml");
        fs::write(&policy, "# no rules\n").unwrap();
        let depot = in_front_of(
            &index,
            around.path(),
            &format!("[repositories.{table}]\npolicy = \"policy.toml\"\n"),
        );
        let (page, file) = ("/simple/six/", format!("/files/six/{}", six("1").filename()));
        for path in [page, &file] {
            in_front(&depot, path, JSON);
        }
        for (text, status) in [("block = [\"six==1\"]\n", 200), ("block = [\"six\"]\n", 403)] {
            fs::write(&policy, text).unwrap();
            let deadline = Instant::now() + Duration::from_secs(20);
            // Not both ways at once: it may change in between.
            while [(file.as_str(), ""), (page, JSON)]
                .map(|(path, asked)| ask(&depot, "GET", path, asked).status)
                != [403, status]
            {
                assert!(Instant::now() < deadline, "{table}: {text} is not followed");
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(!both(&depot, page, JSON).text().contains(&six("1").filename()));
            assert_eq!(both(&depot, &file, "").status, 403);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's clock is the system's")]
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

#[test]
fn what_a_cooldown_hides_is_shown_when_it_ends() {
    let around = tempfile::tempdir().unwrap();
    fs::write(around.path().join("policy.toml"), "cooldown = \"1 hour\"\n").unwrap();
    let old = FakeFile::from(&six("1")).upload_time("2020-01-01T00:00:00Z");
    let index = FakeIndex::builder(Style::Json).file("six", old).start();
    let depot = in_front_of(&index, around.path(), "[repositories.all]\npolicy = \"policy.toml\"\n");
    // It is old enough in a few seconds.
    let uploaded = Timestamp::from_seconds(now() - 3600 + 6).unwrap();
    index.put("six", FakeFile::from(&six("2")).upload_time(&uploaded.to_string()));
    let shows = || in_front(&depot, "/simple/six/", JSON).text().contains(&six("2").filename());
    assert!(!shows());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !shows() {
        assert!(Instant::now() < deadline, "it is never shown");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn who_must_be_judged_is() {
    let index = index();
    let depot = Depot::start_with(&["--upstream", &index.url()]);
    let (page, file) = ("/simple/six/", format!("/files/six/{}", six("1").filename()));
    let whole = [page, &file].map(|path| in_front(&depot, path, "").body)[1].clone();
    for path in [page, &file] {
        for (token, status) in [(depot.token(), 200), ("wrong".to_owned(), 401)] {
            let answer = ask(&depot, "GET", path, &format!("Authorization: Bearer {token}\r\n"));
            assert_eq!((answer.status, is_in_front(&answer)), (status, false), "{path}");
        }
    }
    let part = ask(&depot, "GET", &file, "Range: bytes=10-19\r\n");
    assert_eq!((part.status, &part.body[..], is_in_front(&part)), (206, &whole[10..20], false));
    assert_eq!(part.header("x-depot-cache"), Some("HIT"));
    assert_eq!(ask(&depot, "GET", &file, "Range: bytes=999999-\r\n").status, 416);

    let around = tempfile::tempdir().unwrap();
    let depot = in_front_of(&index, around.path(), "[access]\nread = \"tokens\"\n");
    for path in [page, &file] {
        for _ in 0..3 {
            let allowed = ask(&depot, "GET", path, &format!("Authorization: Bearer {}\r\n", depot.token()));
            assert_eq!((allowed.status, is_in_front(&allowed)), (200, false), "{path}");
            let refused = ask(&depot, "GET", path, "");
            assert_eq!((refused.status, is_in_front(&refused)), (401, false), "{path}");
        }
    }
}

#[test]
fn what_lies_in_a_folder_is_looked_for_each_time() {
    let (index, around) = (index(), tempfile::tempdir().unwrap());
    let wheels = around.path().join("wheels");
    fs::create_dir(&wheels).unwrap();
    let config = "[repositories.wheels]\nkind = \"directory\"\npath = \"wheels\"\n\
                  [repositories.all]\nmembers = [\"python\", \"wheels\", \"pypi\"]\n";
    let depot = in_front_of(&index, around.path(), config);
    depot.publish(&WheelBuilder::new("teapot", "1"));
    for version in ["5", "6"] {
        for _ in 0..3 {
            assert_eq!(both(&depot, "/simple/six/", JSON).status, 200);
        }
        fs::write(wheels.join(six(version).filename()), six(version).build()).unwrap();
        let text = both(&depot, "/simple/six/", JSON).text();
        assert!(text.contains(&six(version).filename()), "{text}");
    }
    // What is owned is asked of no folder.
    in_front(&depot, "/simple/teapot/", JSON);
    in_front(&depot, "/pypi/simple/six/", JSON);
}

/// The names that a list has.
fn names(answer: &RawResponse) -> Vec<String> {
    let list: Value = serde_json::from_slice(&answer.body).unwrap();
    let projects = list["projects"].as_array().unwrap().iter();
    projects.map(|project| project["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_list_of_a_view_is_the_routers_and_follows_its_members() {
    let index = index();
    let depot = Depot::start_with(&["--upstream", &index.url()]);
    let both = |lines: &str| {
        let routed = said(ask(&depot, "GET", "/simple/?x=1", lines));
        assert_eq!(said(ask(&depot, "GET", "/simple/", lines)), routed, "{lines}");
        routed.2
    };
    let listed = || {
        both(JSON);
        names(&in_front(&depot, "/simple/", JSON))
    };
    assert_eq!(listed(), Vec::<String>::new());
    depot.publish(&WheelBuilder::new("teapot", "1"));
    assert_eq!(listed(), ["teapot"]);
    ask(&depot, "GET", "/pypi/simple/six/", "");
    assert_eq!(listed(), ["six", "teapot"]);
    assert_eq!(names(&in_front(&depot, "/pypi/simple/", JSON)), ["six"]);
    for number in 0..30 {
        depot.publish(&WheelBuilder::new(&format!("cup{number}"), "1"));
    }
    assert_eq!(listed().len(), 32);
    done(&depot, "delete", &json!({ "project": "teapot", "version": "1" }));
    assert_eq!(listed().len(), 31);
    // What is compressed is the same list.
    for form in [JSON, HTML, ""] {
        let (plain, coded) = (both(form), both(&format!("{form}Accept-Encoding: gzip, zstd\r\n")));
        assert!(coded.starts_with(&[0x1f, 0x8b]) && coded.len() < plain.len());
        let mut inflated = Vec::new();
        flate2::read::GzDecoder::new(&coded[..]).read_to_end(&mut inflated).unwrap();
        assert_eq!(inflated, plain);
    }
    let etag = in_front(&depot, "/simple/", JSON).header("etag").unwrap().to_owned();
    let lines = format!("{JSON}If-None-Match: {etag}\r\n");
    assert_eq!(ask(&depot, "GET", "/simple/", &lines).status, 304);
}

#[test]
fn a_list_with_all_of_another_index_follows_that_and_policies() {
    let (index, around) = (index(), tempfile::tempdir().unwrap());
    let policy = around.path().join("policy.toml");
    fs::write(&policy, "# no rules\n").unwrap();
    let config = "[repositories.pypi]\nroot_ttl = \"2s\"\n\
                  [repositories.all]\nlist_upstream = true\npolicy = \"policy.toml\"\n";
    let depot = in_front_of(&index, around.path(), config);
    depot.publish(&WheelBuilder::new("teapot", "1"));
    assert_eq!(names(&in_front(&depot, "/simple/", JSON)), ["lid", "six", "teapot"]);
    assert_eq!(names(&in_front(&depot, "/pypi/simple/", JSON)), Vec::<String>::new());
    let becomes = |expected: &[&str]| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while names(&in_front(&depot, "/simple/", JSON)) != expected {
            assert!(Instant::now() < deadline, "{:?}", names(&in_front(&depot, "/simple/", JSON)));
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    index.put("cup", FakeFile::from(&WheelBuilder::new("cup", "1")));
    becomes(&["cup", "lid", "six", "teapot"]);
    fs::write(&policy, "block = [\"six\", \"teapot\"]\n").unwrap();
    becomes(&["cup", "lid"]);
}

#[test]
fn who_may_not_read_everything_gets_a_list_of_their_own() {
    let (index, around) = (index(), tempfile::tempdir().unwrap());
    let depot = in_front_of(&index, around.path(), "[access]\nread = \"tokens\"\n");
    for project in ["teapot", "cup"] {
        depot.publish(&WheelBuilder::new(project, "1"));
    }
    let (all, some) = (depot.token(), depot.new_token("ci", &["read:python:cup"]));
    let list = |token: &str, lines: &str| {
        let lines = format!("{JSON}{lines}Authorization: Bearer {token}\r\n");
        let answer = ask(&depot, "GET", "/simple/", &lines);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        answer
    };
    for _ in 0..3 {
        assert_eq!(names(&list(&some, "")), ["cup"]);
        assert_eq!(list(&some, "Accept-Encoding: gzip\r\n").header("content-encoding"), None);
        assert_eq!(names(&list(&all, "")), ["cup", "teapot"]);
        assert_eq!(list(&all, "Accept-Encoding: gzip\r\n").header("content-encoding"), Some("gzip"));
        assert_eq!(ask(&depot, "GET", "/simple/", "").status, 401);
    }
    depot.publish(&WheelBuilder::new("lid", "1"));
    assert_eq!(names(&list(&all, "")), ["cup", "lid", "teapot"]);
}
