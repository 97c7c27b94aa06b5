//! Pages: kept, asked for again, shown old, and never replaced by what is none.

use depot_proto::simple::{MetadataMark, ProjectStatus};
use serde_json::json;

use super::{
    upstream::{Fault, PAGE, bare_entry, entry, path_of, wheel},
    *,
};
use crate::{
    clock,
    python::{listing::CacheState, proxy::LastSaid},
};

const WHEEL: &str = "tea_pot-1.0-py3-none-any.whl";
const SDIST: &str = "tea_pot-1.0.tar.gz";

fn stocked(change: impl FnOnce(&mut ProxySettings)) -> Bench {
    let bench = Bench::with(change);
    bench.index.list(&[(entry(WHEEL, b"PKw"), b"PKw"), (entry(SDIST, b"s"), b"s")]);
    bench
}

fn at_once(settings: &mut ProxySettings) {
    settings.pages_ttl = Duration::ZERO;
}

async fn state(bench: &Bench) -> Option<CacheState> {
    bench.proxy.listing(&pot()).await.unwrap().map(|listing| listing.cache)
}

#[tokio::test]
async fn a_page_is_fetched_once_and_then_at_hand() {
    let bench = stocked(|_| {});
    assert!(bench.proxy.page_at_hand(&pot(), clock::now()).is_none());
    assert_eq!(state(&bench).await, Some(CacheState::Miss));
    assert_eq!(state(&bench).await, Some(CacheState::Hit));
    assert!(matches!(bench.proxy.page_at_hand(&pot(), clock::now()), Some(AtHand::Page(_, CacheState::Hit))));
    assert_eq!(bench.index.asked_in_all(), 1);
    assert_eq!(bench.proxy.seen(), [pot()]);
    let counts = bench.proxy.counts();
    assert_eq!((counts.misses, counts.hits, counts.requests, counts.failures), (1, 1, 1, 0));
}

#[tokio::test]
async fn a_page_says_what_upstream_says_and_leads_here() {
    let bench = Bench::new();
    let mut yanked = entry(SDIST, b"s");
    yanked["yanked"] = json!("broken");
    yanked["requires-python"] = json!(">=3.9");
    yanked["provenance"] = json!("https://attest.example/x");
    let other = entry("other-1.0.tar.gz", b"o");
    let egg = entry("tea_pot-1.0-py3.9.egg", b"PK");
    bench.index.list(&[
        (entry(WHEEL, b"PKw"), b"PKw"),
        (yanked, b"s"),
        (other, b"o"),
        (egg, b"PK"),
        (bare_entry("tea_pot-2.0.tar.bz2"), b"BZ"),
    ]);
    let files = bench.files().await;
    let names: Vec<_> = files.iter().map(|file| file.filename.as_str()).collect();
    assert_eq!(names, [WHEEL, SDIST, "tea_pot-1.0-py3.9.egg", "tea_pot-2.0.tar.bz2"]);
    assert_eq!(files[0].url, format!("../../files/tea-pot/{WHEEL}"));
    assert_eq!(files[0].core_metadata, MetadataMark::Present);
    assert_eq!(files[0].upload_time.unwrap().to_string(), "2026-01-02T03:04:05.000000Z");
    assert_eq!(files[1].core_metadata, MetadataMark::Absent);
    assert_eq!(files[1].yanked.reason(), Some("broken"));
    assert_eq!(files[1].requires_python.as_deref(), Some(">=3.9"));
    assert_eq!(files[1].provenance, Some(format!("../../files/tea-pot/{SDIST}.provenance")));
    // Nothing is invented.
    assert_eq!((files[3].size, files[3].upload_time, files[3].sha256()), (None, None, None));
}

#[tokio::test]
async fn fifty_who_ask_at_the_same_time_are_one_question() {
    let bench = stocked(|_| {});
    bench.index.fault(PAGE, Fault::Drip(100, Duration::from_millis(30)), 1);
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let proxy = Arc::clone(&bench.proxy);
            tokio::spawn(async move { proxy.listing(&pot()).await.unwrap().unwrap().page.files.len() })
        })
        .collect();
    for one in asking {
        assert_eq!(one.await.unwrap(), 2);
    }
    assert_eq!(bench.index.asked_in_all(), 1);
}

#[tokio::test]
async fn an_old_page_is_asked_for_again_by_its_version() {
    let bench = stocked(at_once);
    let first = bench.proxy.listing(&pot()).await.unwrap().unwrap();
    let again = bench.proxy.listing(&pot()).await.unwrap().unwrap();
    assert_eq!((first.cache, again.cache), (CacheState::Miss, CacheState::Revalidated));
    assert_eq!(first.version, again.version);
    let asked = bench.index.asked(PAGE);
    assert!(asked[0].header("if-none-match").is_none() && asked[1].header("if-none-match").is_some());
    bench.index.list(&[(entry(WHEEL, b"PKw"), b"PKw")]);
    let newer = bench.proxy.listing(&pot()).await.unwrap().unwrap();
    assert_eq!((newer.cache, newer.page.files.len()), (CacheState::Miss, 1));
    assert_ne!(newer.version, first.version);
}

#[tokio::test]
async fn whatever_befalls_the_upstream_an_old_page_is_shown_and_stays() {
    let faults = [
        Fault::Status(500, None),
        Fault::Status(503, Some(1)),
        Fault::Status(429, None),
        Fault::Status(401, None),
        Fault::Status(403, None),
        Fault::Hang,
        Fault::Drip(1, Duration::from_millis(100)),
        Fault::CutAt(0),
        Fault::CutAt(40),
        Fault::Html,
        Fault::WrongBytes,
        Fault::Redirect(PAGE.to_owned()),
        Fault::Redirect("http://169.254.169.254/simple/tea-pot/".to_owned()),
        Fault::Redirect("http://127.0.0.1:9/".to_owned()),
        Fault::Redirect("http://[::1]:9/".to_owned()),
    ];
    for fault in faults {
        let bench = stocked(at_once);
        bench.files().await;
        // Another page, so that the old one does not simply still hold.
        bench.index.put(PAGE, "{\"files\": [{}], \"x\": 1}}}", "application/vnd.pypi.simple.v1+json");
        bench.index.fault(PAGE, fault.clone(), usize::MAX);
        let shown = bench.proxy.listing(&pot()).await.unwrap().unwrap();
        assert_eq!((shown.cache, shown.page.files.len()), (CacheState::Stale, 2), "{fault:?}");
        // After a new start too, and with nothing in memory.
        let bench = bench.restart(at_once);
        let shown = bench.proxy.listing(&pot()).await.unwrap().unwrap();
        assert_eq!((shown.cache, shown.page.files.len()), (CacheState::Stale, 2), "{fault:?}");
        // And it comes back.
        bench.index.heal();
        bench.index.list(&[(entry(WHEEL, b"PKw"), b"PKw")]);
        let bench = bench.restart(at_once);
        assert_eq!(bench.files().await.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_no_page_of_the_project_is_an_error_and_not_its_absence() {
    for fault in [Fault::Html, Fault::Status(500, None), Fault::CutAt(30), Fault::Redirect(PAGE.to_owned())] {
        let bench = stocked(|_| {});
        bench.index.fault(PAGE, fault.clone(), usize::MAX);
        assert!(bench.proxy.listing(&pot()).await.is_err(), "{fault:?}");
        bench.index.heal();
        assert_eq!(bench.files().await.len(), 2, "{fault:?}");
    }
    let bench = Bench::new();
    let page = json!({ "meta": {}, "name": "other", "files": [entry("other-1.0.tar.gz", b"o")] });
    bench.index.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
    assert!(matches!(bench.proxy.listing(&pot()).await, Err(ProxyError::Damaged { .. })));
    // One that has no files and says so is a page.
    bench.index.put(
        PAGE,
        "{\"meta\": {}, \"name\": \"tea-pot\", \"files\": []}",
        "application/vnd.pypi.simple.v1+json",
    );
    assert_eq!(bench.files().await.len(), 0);
}

#[tokio::test]
async fn an_absence_is_remembered_for_a_while_and_errors_are_not() {
    let bench = Bench::with(|settings| settings.missing_ttl = Duration::from_millis(300));
    assert_eq!(state(&bench).await, None);
    assert_eq!(state(&bench).await, None);
    assert_eq!(bench.index.asked_in_all(), 1);
    bench.index.list(&[(entry(WHEEL, b"PKw"), b"PKw")]);
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(state(&bench).await, Some(CacheState::Miss));
}

#[tokio::test]
async fn a_project_that_upstream_takes_back_is_gone() {
    let bench = stocked(at_once);
    bench.files().await;
    bench.index.remove(PAGE);
    assert_eq!(state(&bench).await, None);
    assert!(bench.proxy.seen().is_empty());
    let bench = bench.restart(|settings| settings.offline = true);
    assert!(matches!(bench.proxy.listing(&pot()).await, Err(ProxyError::Offline { .. })));
}

#[tokio::test]
async fn who_is_offline_asks_nobody_and_shows_what_is_kept() {
    let bench = stocked(at_once);
    bench.files().await;
    let asked = bench.index.asked_in_all();
    let bench = bench.restart(|settings| (settings.pages_ttl, settings.offline) = (Duration::ZERO, true));
    assert_eq!(state(&bench).await, Some(CacheState::Stale));
    assert!(matches!(bench.proxy.listing(&"lid".parse().unwrap()).await, Err(ProxyError::Offline { .. })));
    assert!(bench.fetch(SDIST).await.unwrap_err().contains("offline"));
    assert!(bench.proxy.upstream_names().await.is_err());
    assert_eq!(bench.index.asked_in_all(), asked);
}

#[tokio::test]
async fn a_page_that_is_lost_is_recollected_from_what_is_kept() {
    let bench = stocked(|_| {});
    bench.fetch(SDIST).await.unwrap();
    bench.settled().await;
    std::fs::remove_dir_all(bench.folder.path().join("pages")).unwrap();
    let bench = bench.restart(|settings| settings.offline = true);
    let files = bench.files().await;
    assert_eq!(files.iter().map(|file| file.filename.as_str()).collect::<Vec<_>>(), [SDIST]);
    assert_eq!(files[0].upload_time.unwrap().to_string(), "2026-01-02T03:04:05.000000Z");
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"s");
    // Who can ask learns the rest, or that there is no more of it.
    let bench = bench.restart(|_| {});
    assert_eq!(bench.files().await.len(), 2);
    std::fs::remove_dir_all(bench.folder.path().join("pages")).unwrap();
    bench.index.remove(PAGE);
    let bench = bench.restart(|_| {});
    assert_eq!((state(&bench).await, state(&bench).await), (None, None));
}

#[tokio::test]
async fn a_page_of_an_index_without_json_is_shown_like_any_other() {
    let bench = Bench::new();
    let sha256 = depot_proto::Sha256Digest::of(b"s");
    let page = format!("<a href=\"..{}#sha256={sha256}\" data-yanked=\"x\">{SDIST}</a>", path_of(SDIST));
    bench.index.put(PAGE, page, "text/html");
    bench.index.put(&format!("/simple{}", path_of(SDIST)), &b"s"[..], "application/octet-stream");
    let files = bench.files().await;
    assert_eq!((files[0].sha256(), files[0].yanked.reason()), (Some(sha256), Some("x")));
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"s");
}

#[tokio::test]
async fn the_version_of_every_file_is_named_whatever_upstream_names() {
    let versions =
        async |bench: &Bench| bench.proxy.listing(&pot()).await.unwrap().unwrap().page.versions.clone();
    // A page that names none, and has a file of another project.
    let bench = Bench::with(at_once);
    let other = entry("other-7.0.tar.gz", b"o");
    let local = "tea_pot-1.10+cpu-py3-none-any.whl";
    bench.index.list(&[
        (entry(local, b"PKl"), b"PKl"),
        (entry(WHEEL, b"PKw"), b"PKw"),
        (entry(SDIST, b"s"), b"s"),
        (bare_entry("tea_pot-1.9.tar.gz"), b"n"),
        (other, b"o"),
    ]);
    assert_eq!(versions(&bench).await, ["1.0", "1.9", "1.10+cpu"]);
    // One that names some of them, among those of no file, in its own way.
    let page = json!({
        "meta": { "api-version": "1.1" }, "name": POT, "versions": ["2.0", "1.0.0", "0.1"],
        "files": [entry(local, b"PKl"), entry(SDIST, b"s")],
    });
    bench.index.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
    assert_eq!(versions(&bench).await, ["0.1", "1.0.0", "1.10+cpu", "2.0"]);
    // And HTML, which cannot.
    let links = [SDIST, local].map(|name| format!("<a href=\"..{}\">{name}</a>", path_of(name)));
    bench.index.put(PAGE, links.concat(), "text/html");
    assert_eq!(versions(&bench).await, ["1.0", "1.10+cpu"]);
}

#[tokio::test]
async fn a_quarantined_project_shows_and_sends_nothing() {
    let bench = stocked(at_once);
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"s");
    let page = json!({
        "meta": { "api-version": "1.4" }, "name": POT, "files": [entry(SDIST, b"s")],
        "project-status": { "status": "quarantined", "reason": "malware" },
    });
    bench.index.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
    let listing = bench.proxy.listing(&pot()).await.unwrap().unwrap();
    assert_eq!((listing.page.status, listing.page.files.len()), (ProjectStatus::Quarantined, 0));
    assert!(bench.fetch(SDIST).await.unwrap_err().contains("quarantined by its index (malware)"));
}

#[tokio::test]
async fn a_project_that_was_quarantined_and_then_taken_away_stays_so() {
    let bench = stocked(at_once);
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"s");
    bench.settled().await;
    let page = json!({
        "meta": { "api-version": "1.4" }, "name": POT, "files": [entry(SDIST, b"s")],
        "project-status": { "status": "quarantined", "reason": "malware" },
    });
    bench.index.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
    bench.files().await;
    bench.index.remove(PAGE);
    let mut bench = bench;
    for _ in 0..3 {
        // Whether upstream says that it is gone, or nothing at all, what is kept of it is not sent.
        assert_eq!(state(&bench).await, None);
        assert!(bench.proxy.seen().is_empty());
        let refused = bench.fetch(SDIST).await.unwrap_err();
        assert!(refused.contains("quarantined by its index (malware)"), "{refused}");
        bench = bench.restart(|settings| settings.offline = true);
        let listing = bench.proxy.listing(&pot()).await.unwrap().unwrap();
        assert_eq!((listing.page.status, listing.page.files.len()), (ProjectStatus::Quarantined, 0));
        assert!(bench.fetch(SDIST).await.is_err() && bench.part(SDIST, Part::Metadata).await.is_err());
        bench = bench.restart(at_once);
    }
    // Until upstream has it again, and has nothing against it.
    bench.index.list(&[(entry(SDIST, b"s"), b"s")]);
    assert_eq!(bench.files().await.len(), 1);
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"s");
    bench.index.remove(PAGE);
    assert_eq!(state(&bench).await, None);
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"s");
}

#[tokio::test]
async fn what_was_last_said_of_a_kept_file_is_known_when_no_page_lists_it_any_more() {
    let bench = stocked(at_once);
    assert_eq!(bench.proxy.last_said(&named(SDIST)).await.unwrap(), None);
    bench.fetch(SDIST).await.unwrap();
    bench.settled().await;
    let said = |yanked, status| Some(LastSaid { yanked, status });
    let mut yanked = entry(SDIST, b"s");
    yanked["yanked"] = json!("bad");
    let page = json!({
        "meta": { "api-version": "1.4" }, "name": POT, "files": [yanked],
        "project-status": { "status": "archived" },
    });
    bench.index.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
    bench.files().await;
    bench.index.list(&[]);
    assert!(bench.files().await.is_empty());
    assert_eq!(bench.proxy.last_said(&named(SDIST)).await.unwrap(), said(true, ProjectStatus::Active));
    bench.index.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
    bench.files().await;
    bench.index.remove(PAGE);
    assert_eq!(state(&bench).await, None);
    let mut bench = bench;
    for _ in 0..2 {
        assert_eq!(bench.proxy.last_said(&named(SDIST)).await.unwrap(), said(true, ProjectStatus::Archived));
        let (files, status) = bench.proxy.kept_files(&pot()).await.unwrap();
        assert_eq!((files.len(), files[0].yanked.reason()), (1, Some("bad")));
        assert_eq!(status, ProjectStatus::Archived);
        bench = bench.restart(at_once);
    }
}

#[tokio::test]
async fn a_yank_that_is_said_of_other_bytes_is_known_when_no_page_lists_the_file_any_more() {
    let bench = stocked(at_once);
    bench.fetch(SDIST).await.unwrap();
    bench.settled().await;
    let mut yanked = entry(SDIST, b"other");
    yanked["yanked"] = json!("bad");
    bench.index.list(&[(yanked, b"other")]);
    assert!(bench.files().await[0].yanked.is_yanked());
    bench.index.list(&[]);
    assert!(bench.files().await.is_empty());
    assert!(bench.proxy.last_said(&named(SDIST)).await.unwrap().unwrap().yanked);
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"s");
}

#[tokio::test]
async fn metadata_of_a_project_that_was_quarantined_and_then_taken_away_is_not_sent() {
    let (bench, bytes) = (Bench::with(at_once), wheel("1.0", 100));
    bench.index.list(&[(entry(WHEEL, &bytes), &bytes)]);
    assert!(bench.part(WHEEL, Part::Metadata).await.unwrap().is_some());
    let page = json!({
        "meta": { "api-version": "1.4" }, "name": POT, "files": [entry(WHEEL, &bytes)],
        "project-status": { "status": "quarantined", "reason": "malware" },
    });
    bench.index.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
    bench.files().await;
    bench.index.remove(PAGE);
    assert_eq!(state(&bench).await, None);
    let refused = |bench: &Bench| {
        let (proxy, filename) = (Arc::clone(&bench.proxy), named(WHEEL));
        async move {
            let described = proxy.describe(&filename, Part::Metadata).await.is_err();
            described
                && matches!(proxy.file(&filename, Part::Metadata).await, Err(ProxyError::Quarantined { .. }))
        }
    };
    assert!(refused(&bench).await);
    assert!(refused(&bench.restart(at_once)).await);
}

#[tokio::test]
async fn files_at_hand_of_a_quarantined_project_are_not_sent_when_its_page_is_not_at_hand() {
    // No page is held in memory.
    let bench = stocked(|settings| (settings.pages_ttl, settings.page_memory) = (Duration::ZERO, 0));
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"s");
    bench.settled().await;
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"s");
    let page = json!({
        "meta": { "api-version": "1.4" }, "name": POT, "files": [entry(SDIST, b"s")],
        "project-status": { "status": "quarantined" },
    });
    bench.index.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
    bench.files().await;
    assert!(bench.fetch(SDIST).await.unwrap_err().contains("quarantined by its index"));
}

#[tokio::test]
async fn an_upstream_that_fails_again_and_again_is_left_alone() {
    let bench = Bench::new();
    let mut failed = 0;
    for number in 0..8 {
        let project: ProjectName = format!("lid-{number}").parse().unwrap();
        bench.index.fault(&format!("/simple/{project}/"), Fault::Status(500, None), usize::MAX);
        failed += usize::from(bench.proxy.listing(&project).await.is_err());
    }
    // Five questions of two attempts each; the others are answered without one.
    assert_eq!((failed, bench.index.asked_in_all()), (8, 10));
    let error = bench.proxy.listing(&pot()).await.unwrap_err();
    assert!(matches!(error, ProxyError::Unreachable { retry_after: Some(_), .. }), "{error}");
}

#[tokio::test]
async fn an_upstream_that_refuses_one_project_again_and_again_is_asked_for_others() {
    let bench = stocked(|_| {});
    for status in [400, 406, 409, 451] {
        let project: ProjectName = format!("lid-{status}").parse().unwrap();
        bench.index.fault(&format!("/simple/{project}/"), Fault::Status(status, None), usize::MAX);
        for _ in 0..6 {
            let error = bench.proxy.listing(&project).await.unwrap_err();
            assert!(matches!(error, ProxyError::Refused { .. }), "{status}: {error}");
        }
    }
    assert!(bench.proxy.listing(&pot()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_wait_that_upstream_asks_for_is_kept_and_told() {
    let bench = Bench::new();
    bench.index.fault(PAGE, Fault::Status(503, Some(40)), usize::MAX);
    for _ in 0..2 {
        let error = bench.proxy.listing(&pot()).await.unwrap_err();
        let ProxyError::Unreachable { retry_after: Some(wait), .. } = error else { panic!("{error}") };
        assert!(wait > Duration::from_secs(30), "{wait:?}");
    }
    assert_eq!(bench.index.asked_in_all(), 1);
}

#[tokio::test]
async fn plain_http_must_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let open = |upstream: &str, allow_http| {
        let mut settings = ProxySettings::new(upstream.parse().unwrap());
        settings.allow_http = allow_http;
        let tree = Arc::new(Tree::open(folder.path()).unwrap().0);
        Proxy::open("pypi".parse().unwrap(), settings, tree, ClientOptions::default())
    };
    assert!(open("http://index.example/simple/", false).is_err());
    for (upstream, allow_http) in [
        ("http://index.example/simple/", true),
        ("https://index.example/simple/", false),
        ("http://127.0.0.1:3141/simple/", false),
        ("http://[::1]/simple/", false),
        ("http://localhost/simple/", false),
    ] {
        assert!(open(upstream, allow_http).is_ok(), "{upstream}");
    }
}

#[tokio::test]
async fn the_list_of_projects_is_fetched_once_and_shown_old() {
    let bench = Bench::with(|settings| settings.root_ttl = Duration::from_millis(100));
    bench.index.put(
        "/simple/",
        "{\"meta\": {}, \"projects\": [{\"name\": \"Tea_Pot\"}, {\"name\": \"lid\"}]}",
        "application/vnd.pypi.simple.v1+json",
    );
    for _ in 0..3 {
        let names = bench.proxy.upstream_names().await.unwrap().names;
        assert_eq!(names.iter().map(ProjectName::as_str).collect::<Vec<_>>(), ["lid", "tea-pot"]);
    }
    assert_eq!(bench.index.asked("/simple/").len(), 1);
    bench.index.fault("/simple/", Fault::Status(500, None), usize::MAX);
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(bench.proxy.upstream_names().await.unwrap().names.len(), 2);
}
