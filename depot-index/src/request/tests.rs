use std::time::{Duration, Instant};

use crate::{
    Client, IndexError, IndexUrl, Netrc,
    testing::{
        FakeServer, Reply, answer, chain, client, client_with, known_file, project, redirect, unknown_file,
    },
};

const BYTES: &[u8] = b"PK the bytes";
/// What `me:secret` is in HTTP Basic.
const BASIC: &str = "Basic bWU6c2VjcmV0";

fn file_server() -> FakeServer {
    FakeServer::start(|_| answer(200, &[], BYTES))
}

#[tokio::test]
async fn credentials_go_to_the_index_and_its_files() {
    let server = file_server();
    let file = known_file("a-1.zip", server.url("/files/a-1.zip"), BYTES);
    client().download(&server.private_index(), &file, &mut Vec::new()).await.unwrap();
    assert_eq!(server.asked()[0].header("authorization"), Some(BASIC));
}

#[tokio::test]
async fn credentials_do_not_go_to_another_origin() {
    let (index, files) = (file_server(), file_server());
    let file = known_file("a-1.zip", files.url("/files/a-1.zip"), BYTES);
    client().download(&index.private_index(), &file, &mut Vec::new()).await.unwrap();
    assert_eq!(files.asked()[0].header("authorization"), None);
    assert!(index.asked().is_empty());
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_origin() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = file_server();
        let target = elsewhere.url("/a-1.zip?signature=x");
        let index = FakeServer::start(move |_| redirect(status, &target));
        let file = known_file("a-1.zip", index.url("/files/a-1.zip"), BYTES);
        client().download(&index.private_index(), &file, &mut Vec::new()).await.unwrap();

        assert_eq!(index.asked()[0].header("authorization"), Some(BASIC), "{status}");
        let [asked] = elsewhere.asked().try_into().unwrap();
        assert_eq!(asked.path, "/a-1.zip?signature=x");
        for header in ["authorization", "cookie", "referer", "proxy-authorization"] {
            assert_eq!(asked.header(header), None, "{status} {header}");
        }
    }
}

#[tokio::test]
async fn credentials_stay_behind_once_a_redirect_has_left_the_index() {
    let index = FakeServer::start(|asked| match asked.header("x").or(Some(asked.path.as_str())) {
        Some("/back") => answer(200, &[], BYTES),
        Some(path) => redirect(302, path.trim_start_matches("/to/")),
        None => unreachable!(),
    });
    let back = index.url("/back");
    let elsewhere = FakeServer::start(move |_| redirect(302, &back));
    let file = known_file("a-1.zip", index.url(&format!("/to/{}", elsewhere.url("/"))), BYTES);
    client().download(&index.private_index(), &file, &mut Vec::new()).await.unwrap();

    let asked = index.asked();
    assert_eq!((asked[0].header("authorization"), asked[1].header("authorization")), (Some(BASIC), None));
}

#[tokio::test]
async fn credentials_in_a_link_are_for_that_link() {
    let (index, files) = (file_server(), file_server());
    let link = files.url("/a-1.zip").replace("http://", "http://me:secret@");
    client().download(&index.index(), &known_file("a-1.zip", link, BYTES), &mut Vec::new()).await.unwrap();
    assert_eq!(files.asked()[0].header("authorization"), Some(BASIC));
}

fn client_of(netrc: &str) -> Client {
    client_with(|options| options.netrc = Netrc::parse(netrc))
}

/// The same server by another name.
fn by_name(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

const EVE: &str = "machine 127.0.0.1 login eve password other\n";
/// What `eve:other` is in HTTP Basic.
const BASIC_EVE: &str = "Basic ZXZlOm90aGVy";

#[tokio::test]
async fn a_netrc_is_asked_for_the_host_of_each_link() {
    let (index, files) = (file_server(), file_server());
    let client = client_of(&format!("{EVE}machine localhost login me password secret"));
    let at = |url: String| known_file("a-1.zip", url, BYTES);
    client.download(&index.index(), &at(by_name(&files.url("/a"))), &mut Vec::new()).await.unwrap();
    client.download(&index.index(), &at(files.url("/a")), &mut Vec::new()).await.unwrap();
    client.download(&index.index(), &at(index.url("/a")), &mut Vec::new()).await.unwrap();
    let sent = |server: &FakeServer| -> Vec<_> {
        server.asked().iter().map(|asked| asked.header("authorization").map(str::to_owned)).collect()
    };
    assert_eq!(sent(&files), [Some(BASIC.to_owned()), Some(BASIC_EVE.to_owned())]);
    assert_eq!(sent(&index), [Some(BASIC_EVE.to_owned())]);
    assert!(client.used_netrc());
    // What stands in the URL comes first.
    client.download(&index.private_index(), &at(index.url("/a")), &mut Vec::new()).await.unwrap();
    assert_eq!(sent(&index)[1].as_deref(), Some(BASIC));
}

#[tokio::test]
async fn a_redirect_gets_what_the_netrc_has_for_the_new_host_and_nothing_else() {
    for (netrc, expected) in [
        (format!("{EVE}machine localhost login me password secret"), Some(BASIC)),
        (EVE.to_owned(), None),
        (format!("{EVE}default login me password secret"), None),
    ] {
        let elsewhere = file_server();
        let target = by_name(&elsewhere.url("/a"));
        let index = FakeServer::start(move |_| redirect(302, &target));
        let file = known_file("a-1.zip", index.url("/a"), BYTES);
        client_of(&netrc).download(&index.index(), &file, &mut Vec::new()).await.unwrap();
        assert_eq!(index.asked()[0].header("authorization"), Some(BASIC_EVE));
        assert_eq!(elsewhere.asked()[0].header("authorization"), expected, "{netrc}");
    }
}

#[test]
fn a_netrc_gives_another_host_nothing_over_plain_http_and_links_nothing_by_default() {
    let client = client_of("machine files.example login a password b default login c password d");
    for (index, link, expected) in [
        ("https://index.example/", "https://files.example/a", Some("a")),
        ("http://index.example/", "https://files.example/a", Some("a")),
        ("http://index.example/", "http://files.example/a", None),
        ("http://files.example/", "http://files.example:8080/a", Some("a")),
        ("https://index.example/", "https://index.example/a", Some("c")),
        ("https://index.example/", "https://other.example/a", None),
    ] {
        let (index, url): (IndexUrl, _) = (index.parse().unwrap(), link.parse().unwrap());
        let found = client.credentials_by_host(&index, &url).map(|found| found.user.as_str());
        assert_eq!(found, expected, "{index} {link}");
    }
}

#[tokio::test]
async fn redirects_end() {
    let server = FakeServer::start(|asked| redirect(302, &format!("{}x", asked.path)));
    let error = client().project(&server.index(), &project()).await.unwrap_err();
    assert!(matches!(error, IndexError::Refused { .. }), "{error}");
    assert_eq!(server.asked().len(), 6);
}

#[tokio::test]
async fn no_address_but_https_and_http_is_followed() {
    for target in ["file:///etc/passwd", "ftp://index.example/", "data:text/html,hello", "gopher://[::1]/"] {
        let server = FakeServer::start(move |_| redirect(302, target));
        let error = client().project(&server.index(), &project()).await.unwrap_err();
        assert!(matches!(error, IndexError::Refused { .. }), "{error}");

        let file = unknown_file("a-1.zip", target.to_owned());
        let error = client().size(&server.index(), &file).await.unwrap_err();
        assert!(matches!(error, IndexError::Refused { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_https_index_does_not_lead_to_plain_http() {
    let server = file_server();
    let index: IndexUrl = "https://index.example/simple/".parse().unwrap();
    let file = unknown_file("a-1.zip", server.url("/a-1.zip"));
    let error = client().download(&index, &file, &mut Vec::new()).await.unwrap_err();
    assert!(matches!(error, IndexError::Refused { .. }), "{error}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_link_that_is_no_url_is_named_by_its_file() {
    let file = unknown_file("a-1.zip", "http://me:secret@[/".to_owned());
    let error = client().size(&file_server().index(), &file).await.unwrap_err();
    assert!(matches!(error, IndexError::BadLink { .. }), "{error}");
    assert!(!chain(&error).contains("secret"));
}

#[tokio::test]
async fn refusals_are_told_apart_and_not_repeated() {
    for (status, expected) in
        [(401, "refused the credentials"), (403, "forbidden"), (410, "not there"), (418, "418")]
    {
        let server = FakeServer::start(move |_| answer(status, &[("WWW-Authenticate", "Basic")], b""));
        let error = client().project(&server.private_index(), &project()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!chain(&error).contains("secret"), "{error}");
        assert_eq!(server.asked().len(), 1);
    }
    let server = FakeServer::start(|_| answer(401, &[], b""));
    let error = client().project(&server.index(), &project()).await.unwrap_err();
    assert!(matches!(error, IndexError::Unauthorized { sent: false, .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nPK".to_vec();
    for sent in [Vec::new(), begun] {
        let server = FakeServer::start(move |_| Reply::Hang(sent.clone()));
        let client = client_with(|options| options.read_timeout = Duration::from_millis(100));
        let file = known_file("a-1.zip", server.url("/a-1.zip"), BYTES);
        let start = Instant::now();
        let error = client.download(&server.index(), &file, &mut Vec::new()).await.unwrap_err();
        assert!(matches!(error, IndexError::Unreachable { attempts: 3, .. }), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again_and_named() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let index: IndexUrl = format!("http://me:secret@{address}/simple/").parse().unwrap();
    let error = client().project(&index, &project()).await.unwrap_err();
    assert!(matches!(error, IndexError::Unreachable { attempts: 3, .. }), "{error}");
    let text = chain(&error);
    assert!(
        text.contains(&format!("`http://{address}/simple/teapot-tools/`")) && !text.contains("secret"),
        "{text}"
    );
}

#[tokio::test]
async fn a_side_that_does_not_speak_tls_is_not_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let index: IndexUrl = format!("https://{}/simple/", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = client().project(&index, &project()).await.unwrap_err();
    assert!(matches!(error, IndexError::Unreachable { attempts: 1, .. }), "{}", chain(&error));
}
