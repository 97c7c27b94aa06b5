use std::io::Write as _;

use depot_proto::{
    media_type::{ACCEPT_PAGES, PageFormat},
    retry::Backoff,
};
use flate2::{Compression, write::GzEncoder};

use crate::{
    Answer, IndexError, Validators,
    testing::{FakeServer, Reply, answer, answer_announcing, client, client_with, project, redirect},
};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

fn json_page(link: &str) -> Vec<u8> {
    format!(
        r#"{{"meta": {{"api-version": "1.4"}}, "name": "teapot-tools", "versions": ["1.0"], "files": [
            {{"filename": "teapot_tools-1.0.tar.gz", "url": "{link}", "hashes": {{}}, "size": 1}}]}}"#
    )
    .into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn reads_a_json_page_and_asks_for_nothing_else() {
    let server = FakeServer::start(|_| {
        answer(200, &[("Content-Type", JSON)], &json_page("../../f/teapot_tools-1.0.tar.gz"))
    });
    let page = client().project(&server.index(), &project()).await.unwrap();
    assert_eq!(page.files[0].url, server.url("/f/teapot_tools-1.0.tar.gz"));

    let [asked] = server.asked().try_into().unwrap();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/simple/teapot-tools/"));
    assert_eq!(asked.header("accept"), Some(ACCEPT_PAGES));
    assert!(asked.header("user-agent").unwrap().starts_with("depot/"));
    assert_eq!(asked.header("authorization"), None);
}

#[tokio::test]
async fn reads_html_where_that_is_all_there_is() {
    let server = FakeServer::start(|_| {
        let page = r#"<!DOCTYPE html><html><body><a href="teapot_tools-1.0.tar.gz">teapot_tools-1.0.tar.gz</a></body></html>"#;
        answer(200, &[("Content-Type", "text/html; charset=utf-8")], page.as_bytes())
    });
    let page = client().project(&server.index(), &project()).await.unwrap();
    assert_eq!(page.files[0].url, server.url("/simple/teapot-tools/teapot_tools-1.0.tar.gz"));
}

#[tokio::test]
async fn a_compressed_page_is_decompressed() {
    let server = FakeServer::start(|asked| {
        assert!(asked.header("accept-encoding").unwrap().contains("gzip"));
        let headers = [("Content-Type", JSON), ("Content-Encoding", "gzip")];
        answer(200, &headers, &gzip(&json_page("a/teapot_tools-1.0.tar.gz")))
    });
    assert_eq!(client().project(&server.index(), &project()).await.unwrap().files.len(), 1);
}

#[tokio::test]
async fn the_limit_holds_for_what_a_page_decompresses_to() {
    let server = FakeServer::start(|_| {
        answer(200, &[("Content-Type", JSON), ("Content-Encoding", "gzip")], &gzip(&vec![b' '; 4 << 20]))
    });
    let client = client_with(|options| options.page_limit = 1 << 20);
    let error = client.project(&server.index(), &project()).await.unwrap_err();
    assert!(matches!(error, IndexError::TooLarge { limit: 0x10_0000, .. }), "{error}");
}

#[tokio::test]
async fn a_compressed_page_that_is_cut_short_is_asked_for_again() {
    let server = FakeServer::start(|asked| {
        let whole = gzip(&json_page("a/teapot_tools-1.0.tar.gz"));
        let sent = if asked.before == 0 { &whole[..whole.len() - 9] } else { &whole[..] };
        answer(200, &[("Content-Type", JSON), ("Content-Encoding", "gzip")], sent)
    });
    assert_eq!(client().project(&server.index(), &project()).await.unwrap().files.len(), 1);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn links_are_resolved_against_where_a_redirect_leads() {
    let server = FakeServer::start(|asked| match asked.path.as_str() {
        "/simple/teapot-tools/" => redirect(301, "/moved/teapot-tools/"),
        _ => answer(200, &[("Content-Type", JSON)], &json_page("teapot_tools-1.0.tar.gz")),
    });
    let page = client().project(&server.index(), &project()).await.unwrap();
    assert_eq!(page.files[0].url, server.url("/moved/teapot-tools/teapot_tools-1.0.tar.gz"));
}

#[tokio::test]
async fn an_absent_project_is_asked_for_once() {
    let server = FakeServer::start(|_| answer(404, &[], b""));
    let error = client().project(&server.index(), &project()).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let server = FakeServer::start(|asked| match asked.before {
        0 => answer(500, &[], b""),
        1 => answer_announcing(4000, 200, &[("Content-Type", JSON)], b"{"),
        _ => answer(200, &[("Content-Type", JSON)], &json_page("teapot_tools-1.0.tar.gz")),
    });
    assert_eq!(client().project(&server.index(), &project()).await.unwrap().files.len(), 1);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn retry_after_takes_the_place_of_the_usual_wait() {
    let server = FakeServer::start(|asked| match asked.before {
        0 => answer(503, &[("Retry-After", "0")], b""),
        _ => answer(200, &[("Content-Type", JSON)], &json_page("teapot_tools-1.0.tar.gz")),
    });
    let hour = std::time::Duration::from_hours(1);
    let client = client_with(|options| options.backoff = Backoff { retries: 1, first: hour, max: hour });
    assert_eq!(client.project(&server.index(), &project()).await.unwrap().files.len(), 1);
}

#[tokio::test]
async fn a_lasting_fault_is_reported_with_the_number_of_attempts() {
    let server = FakeServer::start(|_| answer(502, &[], b""));
    let error = client().project(&server.index(), &project()).await.unwrap_err();
    assert!(matches!(error, IndexError::Status { status: 502, attempts: 3, .. }), "{error}");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn what_is_no_page_is_refused_by_its_type() {
    for content_type in ["application/json", "text/plain", "application/octet-stream"] {
        let server = FakeServer::start(move |_| answer(200, &[("Content-Type", content_type)], b"{}"));
        let error = client().project(&server.index(), &project()).await.unwrap_err();
        assert!(matches!(error, IndexError::NotAPage { .. }), "{error}");
    }
    let server = FakeServer::start(|_| answer(200, &[], b"{}"));
    assert!(matches!(
        client().project(&server.index(), &project()).await.unwrap_err(),
        IndexError::NotAPage { content_type, .. } if content_type.is_empty()
    ));
}

#[tokio::test]
async fn an_unreadable_page_is_not_asked_for_again() {
    let server = FakeServer::start(|_| answer(200, &[("Content-Type", JSON)], b"[1, 2"));
    let error = client().project(&server.index(), &project()).await.unwrap_err();
    assert!(matches!(error, IndexError::BadPage { .. }), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_page_that_is_known_is_asked_for_by_its_version() {
    let server = FakeServer::start(|asked| {
        if asked.header("if-none-match") == Some("W/\"7\"")
            || asked.header("if-modified-since") == Some("then")
        {
            return answer(304, &[], b"");
        }
        let headers = [("Content-Type", JSON), ("ETag", "W/\"7\""), ("Last-Modified", "then")];
        answer(200, &headers, br#"{"meta": {}, "name": "teapot-tools", "files": []}"#)
    });
    let ask = async |known: &Validators| client().page(&server.index(), &project(), known).await;
    let Answer::Page(fetched) = ask(&Validators::default()).await.unwrap() else { panic!("it is not known") };
    assert_eq!(fetched.format, PageFormat::Json);
    let expected = Validators { etag: Some("W/\"7\"".to_owned()), last_modified: Some("then".to_owned()) };
    assert_eq!(fetched.validators, expected);
    assert_eq!(ask(&expected).await.unwrap(), Answer::Fresh);
    // The date is for servers that have nothing better.
    assert!(server.asked()[1].header("if-modified-since").is_none());
    assert_eq!(ask(&Validators { etag: None, ..expected }).await.unwrap(), Answer::Fresh);
    assert!(matches!(
        ask(&Validators { etag: Some("x".to_owned()), last_modified: None }).await,
        Ok(Answer::Page(_))
    ));
}

#[tokio::test]
async fn who_did_not_say_what_they_have_is_not_told_that_it_holds() {
    let server = FakeServer::start(|_| answer(304, &[], b""));
    let error = client().project(&server.index(), &project()).await.unwrap_err();
    assert!(matches!(error, IndexError::Status { status: 304, .. }), "{error}");
}

#[tokio::test]
async fn the_list_of_projects_is_read_in_either_form() {
    let page = br#"{"meta": {}, "projects": [{"name": "Tea_Pot"}, {"name": "lid"}]}"#;
    let json = FakeServer::start(|_| answer(200, &[("Content-Type", JSON)], page));
    let html =
        FakeServer::start(|_| answer(200, &[("Content-Type", "text/html")], b"<a href=\"lid/\">lid</a>"));
    assert_eq!(client().root(&json.index()).await.unwrap().projects, ["Tea_Pot", "lid"]);
    assert_eq!(client().root(&html.index()).await.unwrap().projects, ["lid"]);
    assert_eq!(html.asked()[0].path, "/simple/");
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_no_wait_but_told() {
    let server = FakeServer::start(|_| answer(503, &[("Retry-After", "50")], b""));
    let client = client_with(|options| options.longest_wait = std::time::Duration::from_secs(1));
    let error = client.project(&server.index(), &project()).await.unwrap_err();
    let IndexError::Status { attempts: 1, retry_after: Some(wait), .. } = error else { panic!("{error}") };
    assert_eq!(wait.as_secs(), 50);
}

#[tokio::test]
async fn large_pages_take_turns_and_small_ones_do_not_wait() {
    let large = |project: &str, size: usize| {
        let page = format!(r#"{{"meta": {{}}, "name": "{project}", "files": []"#);
        format!("{page}{}}}", " ".repeat(size - page.len() - 1)).into_bytes()
    };
    let server = FakeServer::start(move |asked| {
        let name = asked.path.split('/').nth(2).unwrap();
        let size = if name == "small" { 1000 } else { 6 << 20 };
        let whole = answer(200, &[("Content-Type", JSON)], &large(name, size));
        // Two of them never end.
        if name.starts_with("endless") { Reply::Hang(whole[..5 << 20].to_vec()) } else { whole.into() }
    });
    let client = client_with(|options| options.read_timeout = std::time::Duration::from_mins(1));
    let asks = |name: &str| {
        let (client, index, name) = (client.clone(), server.index(), name.parse().unwrap());
        tokio::spawn(async move { client.project(&index, &name).await.unwrap() })
    };
    let endless = ["endless-1", "endless-2"].map(asks);
    while client.large_pages_under_way() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut waiting = asks("large");
    assert_eq!(asks("small").await.unwrap().project.as_str(), "small");
    let moment = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(moment, &mut waiting).await.is_err(), "it took no turn");
    // Who gives up lets the next one read.
    endless[0].abort();
    assert_eq!(waiting.await.unwrap().project.as_str(), "large");
    while client.large_pages_under_way() > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    endless[1].abort();
}
