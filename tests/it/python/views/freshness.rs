//! How old what is shown may be, and how it says so.

use depot_tests::{Clients, FakeIndex, RawResponse, Style, WheelBuilder};

use super::{files, index_of, wheel_name};
use crate::python::depot::Depot;

const PAGE_CACHING: (Option<&str>, Option<&str>) = (Some("no-cache"), Some("Accept, Accept-Encoding"));
const FOR_EVER: &str = "public, max-age=365000000, immutable";

/// A server that asks for a page each time.
fn asking_always(index: &FakeIndex, more: &str) -> (Depot, tempfile::TempDir) {
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    let text = format!("[repositories.pypi]\npage_ttl = \"0s\"\nmissing_ttl = \"0s\"\n{more}");
    std::fs::write(&config, text).unwrap();
    let args = ["--config", config.to_str().unwrap(), "--upstream", &index.url()];
    (Depot::start_with(&args), around)
}

fn cache(answer: &RawResponse) -> Option<&str> {
    answer.header("x-depot-cache")
}

#[track_caller]
fn page(depot: &Depot, headers: &str) -> RawResponse {
    let answer = depot.request("GET", "/simple/six/", None, headers, b"");
    assert_eq!((answer.header("cache-control"), answer.header("vary")), PAGE_CACHING, "{}", answer.text());
    assert!(answer.header("etag").is_some_and(|etag| etag.starts_with('"')), "{:?}", answer.headers);
    answer
}

#[test]
fn a_page_is_a_miss_then_revalidated_then_new_then_stale() {
    let mut index = index_of(&["six"]);
    let (depot, _around) = asking_always(&index, "");
    let first = page(&depot, "");
    assert_eq!((first.status, cache(&first)), (200, Some("MISS")));
    let again = page(&depot, "");
    assert_eq!((cache(&again), &again.body), (Some("REVALIDATED"), &first.body));
    assert_eq!(again.header("etag"), first.header("etag"));
    let asked = index.requests();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].if_none_match.is_none() && asked[1].if_none_match.is_some(), "{asked:?}");
    // A client that has the page is told so, and the index is still asked whether it holds.
    let condition = format!("If-None-Match: {}\r\n", first.header("etag").unwrap());
    let same = page(&depot, &condition);
    assert_eq!((same.status, same.body.len(), cache(&same)), (304, 0, Some("REVALIDATED")));
    assert_eq!(index.count(&FakeIndex::page_path("six")), 3);

    index.put("six", &WheelBuilder::new("six", "3"));
    let newer = page(&depot, &condition);
    assert_eq!((newer.status, cache(&newer)), (200, Some("MISS")));
    assert_eq!(files(&newer).len(), 3);
    assert_ne!(newer.header("etag"), first.header("etag"));

    index.stop();
    let condition = format!("If-None-Match: {}\r\n", newer.header("etag").unwrap());
    let stale = page(&depot, "");
    assert_eq!((stale.status, cache(&stale), &stale.body), (200, Some("STALE"), &newer.body));
    let same = page(&depot, &condition);
    assert_eq!((same.status, cache(&same)), (304, Some("STALE")));

    // It comes back by itself.
    index.restart();
    index.put("six", &WheelBuilder::new("six", "4"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(25);
    loop {
        let answer = page(&depot, "");
        if cache(&answer) == Some("MISS") {
            assert_eq!(files(&answer).len(), 4);
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{:?}", answer.headers);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn a_young_page_is_a_hit_in_every_form() {
    let mut index = index_of(&["six"]);
    let depot = super::in_front_of(&index);
    assert_eq!(cache(&page(&depot, "")), Some("MISS"));
    index.stop();
    let mut etags = Vec::new();
    for accept in ["application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html", "text/html"]
    {
        for coding in ["identity", "gzip", "zstd"] {
            let headers = format!("Accept-Encoding: {coding}\r\n");
            let request = |more: &str| {
                let request = format!(
                    "GET /simple/six/ HTTP/1.1\r\nHost: depot\r\nConnection: close\r\nAccept: {accept}\r\n{headers}{more}\r\n"
                );
                depot_tests::send(depot.url(), request).unwrap()
            };
            let answer = request("");
            assert_eq!((answer.status, cache(&answer)), (200, Some("HIT")), "{accept} {coding}");
            let caching = (answer.header("cache-control"), answer.header("vary"));
            assert_eq!(caching, PAGE_CACHING, "{accept} {coding}");
            let etag = answer.header("etag").unwrap().to_owned();
            let same = request(&format!("If-None-Match: \"x\", {etag}\r\n"));
            assert_eq!((same.status, cache(&same)), (304, Some("HIT")), "{accept} {coding}");
            assert_eq!(same.header("etag"), Some(etag.as_str()));
            etags.push(etag);
        }
    }
    etags.sort();
    etags.dedup();
    assert!(etags.len() >= 6, "two forms in three codings have {} names", etags.len());
}

#[test]
fn a_file_says_for_ever_what_it_is_wherever_it_comes_from() {
    let mut index = index_of(&["six"]);
    let depot = super::in_front_of(&index);
    let wheel = WheelBuilder::new("six", "1");
    let path = format!("/files/six/{}", wheel_name("six", "1"));
    let sha256 = format!("\"{}\"", depot_tests::sha256_hex(&wheel.build()));
    let metadata = format!("\"{}\"", depot_tests::sha256_hex(&wheel.metadata()));
    let get = |path: &str, more: &str| depot.request("GET", path, None, more, b"");
    // What has the bytes is told so before they are fetched.
    let known = get(&path, &format!("If-None-Match: {sha256}\r\n"));
    assert_eq!((known.status, known.header("etag")), (304, Some(sha256.as_str())));
    for round in 0..3 {
        if round == 2 {
            index.stop();
        }
        for (path, etag, bytes) in [
            (path.clone(), &sha256, wheel.build()),
            (format!("{path}.metadata"), &metadata, wheel.metadata()),
        ] {
            let answer = get(&path, "");
            assert_eq!((answer.status, answer.header("etag")), (200, Some(etag.as_str())), "{path}");
            assert!(answer.body == bytes);
            assert_eq!(answer.header("cache-control"), Some(FOR_EVER), "{path}");
            assert!(matches!(cache(&answer), Some("MISS" | "HIT")), "{path}: {:?}", cache(&answer));
            let same = get(&path, &format!("If-None-Match: {etag}\r\n"));
            assert_eq!((same.status, same.body.len()), (304, 0), "{path}");
            assert_eq!(
                (same.header("etag"), same.header("cache-control")),
                (Some(etag.as_str()), Some(FOR_EVER))
            );
            let part = get(&path, "Range: bytes=1-4\r\n");
            assert_eq!((part.status, &part.body[..]), (206, &bytes[1..5]), "{path}");
        }
    }
    assert_eq!(cache(&get(&path, "")), Some("HIT"));
}

#[test]
fn old_pages_still_install_while_the_index_is_down() {
    let Some(clients) = Clients::find() else { return };
    let wheels = [WheelBuilder::new("app", "1").requires_dist("lib>=1"), WheelBuilder::new("lib", "1")];
    let mut index =
        wheels.iter().fold(FakeIndex::builder(Style::Json), depot_tests::FakeIndexBuilder::wheel).start();
    let (depot, _around) = asking_always(&index, "");
    let url = format!("{}/simple/", depot.url());
    clients.room().uv_install(&url, ["app"]).assert_success();
    index.stop();
    for uv in [true, false] {
        let room = clients.room();
        let said = if uv { room.uv_install(&url, ["app"]) } else { room.pip_install(&url, ["app"]) };
        said.assert_success();
        assert_eq!(room.installed_version("lib"), "1");
    }
    assert_eq!(cache(&depot.get("/simple/app/")), Some("STALE"));
    // That something is not there is not said by who cannot know.
    let unknown = depot.get("/simple/never-seen/");
    assert!((500..600).contains(&unknown.status), "{}", unknown.status_line);
}
