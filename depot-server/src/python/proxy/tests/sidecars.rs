//! Metadata and provenance; files by their upstream paths.

use depot_proto::{Sha256Digest, simple::MetadataMark};
use serde_json::json;

use super::{
    upstream::{Fault, bare_entry, entry, metadata, path_of, wheel},
    *,
};

const WHEEL: &str = "tea_pot-1.0-py3-none-any.whl";
const SDIST: &str = "tea_pot-1.0.tar.gz";

#[tokio::test]
async fn metadata_comes_from_the_end_of_a_wheel_that_is_not_downloaded() {
    let (bench, bytes) = (Bench::new(), wheel("1.0", 900_000));
    bench.index.list(&[(entry(WHEEL, &bytes), &bytes)]);
    assert_eq!(bench.files().await[0].core_metadata, MetadataMark::Present);
    for _ in 0..2 {
        assert_eq!(bench.part(WHEEL, Part::Metadata).await.unwrap().unwrap(), metadata("1.0").as_bytes());
    }
    let asked = bench.index.asked(&path_of(WHEEL));
    assert_eq!((asked.len(), asked.iter().all(|asked| asked.header("range").is_some())), (1, true));
    // Its digest is told from now on, and after a restart nobody is asked.
    let known = MetadataMark::Sha256(Sha256Digest::of(metadata("1.0").as_bytes()));
    assert_eq!(bench.files().await[0].core_metadata, known);
    let asked = bench.index.asked_in_all();
    let bench = bench.restart(|settings| settings.offline = true);
    assert_eq!(bench.files().await[0].core_metadata, known);
    assert_eq!(bench.part(WHEEL, Part::Metadata).await.unwrap().unwrap(), metadata("1.0").as_bytes());
    assert_eq!(bench.index.asked_in_all(), asked);
    assert!(bench.proxy.tree.record(&pot(), WHEEL).unwrap().is_none());
}

#[tokio::test]
async fn the_metadata_of_upstream_is_taken_if_it_is_what_upstream_lists() {
    let (bench, bytes) = (Bench::new(), wheel("1.0", 100));
    let mut listed = entry(WHEEL, &bytes);
    let text = metadata("1.0");
    listed["core-metadata"] = json!({ "sha256": Sha256Digest::of(text.as_bytes()).to_string() });
    bench.index.list(&[(listed, &bytes)]);
    let sidecar = format!("{}.metadata", path_of(WHEEL));
    bench.index.put(&sidecar, text.replace("3.9", "3.8"), "text/plain");
    assert!(matches!(bench.part(WHEEL, Part::Metadata).await, Err(ProxyError::Damaged { .. })));
    bench.index.put(&sidecar, text.clone(), "text/plain");
    assert_eq!(bench.part(WHEEL, Part::Metadata).await.unwrap().unwrap(), text.as_bytes());
    assert!(bench.index.asked(&path_of(WHEEL)).is_empty());
}

#[tokio::test]
async fn a_server_without_ranges_costs_the_wheel_once() {
    for mode in [FileMode::Cache, FileMode::Stream] {
        let bench = Bench::with(|settings| settings.files = mode);
        // More than is taken whole in place of a part.
        let bytes = wheel("1.0", 9 << 20);
        bench.index.list(&[(entry(WHEEL, &bytes), &bytes)]);
        bench.index.without_ranges();
        for _ in 0..2 {
            assert_eq!(bench.part(WHEEL, Part::Metadata).await.unwrap().unwrap(), metadata("1.0").as_bytes());
        }
        let asked = bench.index.asked(&path_of(WHEEL));
        assert_eq!(asked.iter().filter(|asked| asked.header("range").is_none()).count(), 1);
        assert_eq!(bench.proxy.tree.record(&pot(), WHEEL).unwrap().is_some(), mode == FileMode::Cache);
    }
}

#[tokio::test]
async fn a_wheel_that_cannot_be_read_has_no_metadata_and_says_so() {
    let bench = Bench::new();
    bench.index.list(&[(entry(WHEEL, b"no zip at all"), b"no zip at all"), (entry(SDIST, b"s"), b"s")]);
    assert_eq!(bench.part(WHEEL, Part::Metadata).await.unwrap(), None);
    assert_eq!(bench.files().await[0].core_metadata, MetadataMark::Absent);
    assert_eq!(bench.part(SDIST, Part::Metadata).await.unwrap(), None);
    // It is what upstream lists, and is served as that.
    assert_eq!(bench.fetch(WHEEL).await.unwrap().unwrap(), b"no zip at all");
    bench.settled().await;
    assert_eq!(bench.proxy.tree.record(&pot(), WHEEL).unwrap().unwrap().core_metadata, None);
    assert_eq!(bench.part(WHEEL, Part::Metadata).await.unwrap(), None);
}

#[tokio::test]
async fn that_there_is_no_metadata_is_not_learnt_from_bytes_that_are_not_the_file() {
    for mode in [FileMode::Cache, FileMode::Stream] {
        let (bench, bytes) = (Bench::with(|settings| settings.files = mode), wheel("1.0", 100));
        bench.index.list(&[(entry(WHEEL, &bytes), &bytes)]);
        bench.index.put(&path_of(WHEEL), vec![b'x'; bytes.len()], "application/octet-stream");
        assert!(bench.part(WHEEL, Part::Metadata).await.is_err());
        bench.index.put(&path_of(WHEEL), bytes.clone(), "application/octet-stream");
        assert_eq!(bench.part(WHEEL, Part::Metadata).await.unwrap().unwrap(), metadata("1.0").as_bytes());
    }
}

#[tokio::test]
async fn metadata_that_cannot_be_had_now_is_an_error_and_not_remembered() {
    let (bench, bytes) = (Bench::new(), wheel("1.0", 100));
    bench.index.list(&[(entry(WHEEL, &bytes), &bytes)]);
    bench.index.fault(&path_of(WHEEL), Fault::Status(500, None), 2);
    assert!(bench.part(WHEEL, Part::Metadata).await.is_err());
    assert_eq!(bench.part(WHEEL, Part::Metadata).await.unwrap().unwrap(), metadata("1.0").as_bytes());
}

#[tokio::test]
async fn provenance_passes_through_and_is_kept() {
    let bench = Bench::new();
    let mut listed = entry(SDIST, b"s");
    listed["provenance"] = json!(bench.index.url("/integrity/x"));
    bench.index.put("/integrity/x", "{\"version\": 1}", "application/json");
    bench.index.list(&[(listed, b"s"), (bare_entry("tea_pot-2.0.zip"), b"PK")]);
    for _ in 0..2 {
        assert_eq!(bench.part(SDIST, Part::Provenance).await.unwrap().unwrap(), b"{\"version\": 1}");
    }
    assert_eq!(bench.index.asked("/integrity/x").len(), 1);
    assert_eq!(bench.part("tea_pot-2.0.zip", Part::Provenance).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_is_described_without_being_fetched() {
    let bench = Bench::new();
    bench.index.list(&[(entry(SDIST, b"s"), b"s")]);
    let described = bench.proxy.describe(&named(SDIST), Part::Bytes).await.unwrap();
    let Some(Fetched::Described(described)) = described else { panic!("it was fetched") };
    assert_eq!((described.size, described.sha256), (Some(1), Some(Sha256Digest::of(b"s"))));
    assert_eq!(described.content_type, "application/gzip");
    assert!(bench.proxy.describe(&named(SDIST), Part::Metadata).await.unwrap().is_none());
    assert!(bench.index.asked(&path_of(SDIST)).is_empty());
    // What is kept is described whoever is away.
    bench.fetch(SDIST).await.unwrap();
    bench.settled().await;
    let bench = bench.restart(|settings| settings.offline = true);
    for _ in 0..2 {
        let kept = bench.proxy.describe(&named(SDIST), Part::Bytes).await.unwrap();
        assert!(matches!(kept, Some(Fetched::Here(served)) if served.size == 1));
    }
}

#[tokio::test]
async fn a_path_of_upstream_leads_to_its_file_even_when_nothing_is_kept() {
    let bench = Bench::new();
    bench.index.list(&[(entry(WHEEL, b"PK"), b"PK"), (entry("tea-pot-1.0.tar.gz", b"s"), b"s")]);
    let ask = async |path: &str| bench.proxy.packages(path, |_| true).await.unwrap();
    for (path, found) in [
        ("ab/tea_pot-1.0-py3-none-any.whl", Some(WHEEL)),
        ("packages/ab/tea_pot-1.0-py3-none-any.whl", Some(WHEEL)),
        ("ab/tea-pot-1.0.tar.gz", Some("tea-pot-1.0.tar.gz")),
        ("cd/tea_pot-1.0-py3-none-any.whl", None),
        ("ab/tea_pot-2.0-py3-none-any.whl", None),
        ("ab/nothing", None),
    ] {
        assert_eq!(ask(path).await.map(|found| found.to_string()).as_deref(), found, "{path}");
    }
    let asked = bench.index.asked_in_all();
    let refused = bench.proxy.packages("ab/secret-1.0.tar.gz", |project| project.as_str() != "secret").await;
    assert_eq!((refused.unwrap(), bench.index.asked_in_all()), (None, asked));
}

#[tokio::test]
async fn files_of_one_name_in_two_projects_have_documents_of_their_own() {
    const BOTH: &str = "tea-pot-1-2.tar.gz";
    let bench = Bench::new();
    for project in ["tea-pot", "tea-pot-1"] {
        let provenance = format!("/{project}.provenance");
        let file = json!({
            "filename": BOTH, "url": format!("/{project}/{BOTH}"), "hashes": {}, "provenance": bench.index.url(&provenance),
        });
        let page = json!({ "meta": { "api-version": "1.4" }, "name": project, "files": [file] });
        let path = format!("/simple/{project}/");
        bench.index.put(&path, page.to_string(), "application/vnd.pypi.simple.v1+json");
        bench.index.put(&provenance, json!({ "of": project }).to_string(), "application/json");
        // Long enough for both to be asked for at the same time.
        bench.index.fault(&provenance, Fault::Drip(4, Duration::from_millis(60)), 1);
    }
    let had = async |project: &str| {
        let project: ProjectName = project.parse().unwrap();
        let filename = DistributionFilename::parse(BOTH, &project).unwrap();
        match bench.proxy.file(&filename, Part::Provenance).await.unwrap() {
            Some(Fetched::Here(served) | Fetched::Now(served)) => {
                String::from_utf8(bytes_of(&served)).unwrap()
            }
            _ => panic!("there is none"),
        }
    };
    let had = futures_util::future::join(had("tea-pot"), had("tea-pot-1")).await;
    assert_eq!(had, (r#"{"of":"tea-pot"}"#.to_owned(), r#"{"of":"tea-pot-1"}"#.to_owned()));
}

/// A file with this metadata upstream, which its page lists by this mark.
fn list_with(bench: &Bench, filename: &str, bytes: &[u8], mark: serde_json::Value, document: Option<&str>) {
    let mut listed = entry(filename, bytes);
    listed["core-metadata"] = mark;
    bench.index.list(&[(listed, bytes)]);
    let sidecar = format!("{}.metadata", path_of(filename));
    match document {
        Some(document) => bench.index.put(&sidecar, document, "text/plain"),
        None => bench.index.remove(&sidecar),
    }
}

/// The metadata that all who tell of it agree on; none if they agree that there is none.
async fn agreed(bench: &Bench, filename: &str) -> Option<Vec<u8>> {
    let mark = bench.files().await[0].core_metadata;
    let described = bench.proxy.describe(&named(filename), Part::Metadata).await.unwrap();
    let document = bench.part(filename, Part::Metadata).await.unwrap();
    let sha256 = document.as_deref().map(Sha256Digest::of);
    assert_eq!(mark, sha256.map_or(MetadataMark::Absent, MetadataMark::Sha256));
    match described {
        None => assert_eq!(sha256, None),
        Some(Fetched::Here(served)) => assert_eq!(Some(Sha256Digest::of(&bytes_of(&served))), sha256),
        Some(Fetched::Described(described)) => assert_eq!(described.sha256, sha256),
        _ => panic!("it was fetched"),
    }
    document
}

#[tokio::test]
async fn the_metadata_of_an_sdist_is_served_whether_or_not_the_sdist_is_kept() {
    let text = metadata("1.0");
    let listed = json!({ "sha256": Sha256Digest::of(text.as_bytes()).to_string() });
    for (mark, is_first) in [(listed.clone(), false), (listed, true), (json!(true), true)] {
        let bench = Bench::new();
        list_with(&bench, SDIST, b"\x1f\x8bs", mark, Some(&text));
        if is_first {
            assert_eq!(bench.part(SDIST, Part::Metadata).await.unwrap().unwrap(), text.as_bytes());
        }
        bench.fetch(SDIST).await.unwrap().unwrap();
        bench.settled().await;
        assert_eq!(agreed(&bench, SDIST).await.unwrap(), text.as_bytes());
        let bench = bench.restart(|settings| settings.offline = true);
        assert_eq!(agreed(&bench, SDIST).await.unwrap(), text.as_bytes());
    }
}

#[tokio::test]
async fn metadata_that_differs_from_that_in_the_wheel_gives_way_to_it_once_the_wheel_is_kept() {
    let (bench, bytes) = (Bench::new(), wheel("1.0", 100));
    let other = format!("{}\n", metadata("1.0"));
    list_with(&bench, WHEEL, &bytes, json!(true), Some(&other));
    bench.part(WHEEL, Part::Metadata).await.unwrap();
    assert_eq!(agreed(&bench, WHEEL).await.unwrap(), other.as_bytes());
    let held = bench.proxy.file_at_hand(&named(WHEEL), Part::Metadata).unwrap();
    assert!(bench.proxy.is_still_at_hand(&held, &named(WHEEL), Part::Metadata));
    bench.fetch(WHEEL).await.unwrap();
    bench.settled().await;
    assert!(!bench.proxy.is_still_at_hand(&held, &named(WHEEL), Part::Metadata));
    assert_eq!(agreed(&bench, WHEEL).await.unwrap(), metadata("1.0").as_bytes());
}

#[tokio::test]
async fn metadata_of_a_file_that_is_replaced_upstream_is_fetched_again() {
    let always = |settings: &mut ProxySettings| settings.pages_ttl = Duration::ZERO;
    let other = format!("{}Summary: other\n", metadata("1.0"));
    let mark = |text: &str| json!({ "sha256": Sha256Digest::of(text.as_bytes()).to_string() });
    // The mark says so, or the digest of the file alone.
    for marks in [[mark(&metadata("1.0")), mark(&other)], [json!(true), json!(true)]] {
        let (bench, [first, second]) = (Bench::with(always), marks);
        list_with(&bench, WHEEL, &wheel("1.0", 100), first, Some(&metadata("1.0")));
        bench.part(WHEEL, Part::Metadata).await.unwrap();
        assert_eq!(agreed(&bench, WHEEL).await.unwrap(), metadata("1.0").as_bytes());
        list_with(&bench, WHEEL, &wheel("1.0", 200), second, Some(&other));
        bench.files().await;
        assert_eq!(bench.part(WHEEL, Part::Metadata).await.unwrap().unwrap(), other.as_bytes());
        assert_eq!(agreed(&bench, WHEEL).await.unwrap(), other.as_bytes());
    }
}

#[tokio::test]
async fn a_listed_digest_that_nothing_has_gives_way_to_what_the_whole_wheel_says() {
    let (bytes, junk) = (wheel("1.0", 100), b"no zip at all".to_vec());
    let wrong = json!({ "sha256": "1".repeat(64) });
    let text = metadata("1.0");
    for (filename, bytes, found) in
        [(WHEEL, &bytes, Some(text.as_bytes())), (WHEEL, &junk, None), (SDIST, &junk, None)]
    {
        for mode in [FileMode::Cache, FileMode::Stream] {
            let bench = Bench::with(|settings| settings.files = mode);
            list_with(&bench, filename, bytes, wrong.clone(), None);
            assert_eq!(bench.part(filename, Part::Metadata).await.unwrap().as_deref(), found);
            assert_eq!(agreed(&bench, filename).await.as_deref(), found);
            let asked = bench.index.asked_in_all();
            let bench = bench.restart(|settings| settings.files = mode);
            assert_eq!(agreed(&bench, filename).await.as_deref(), found);
            assert_eq!(bench.index.asked_in_all(), asked);
            // Upstream lists what it has after all.
            let listed = json!({ "sha256": Sha256Digest::of(text.as_bytes()).to_string() });
            list_with(&bench, filename, bytes, listed, Some(&text));
            let bench =
                bench.restart(|settings| (settings.files, settings.pages_ttl) = (mode, Duration::ZERO));
            bench.files().await;
            assert_eq!(bench.part(filename, Part::Metadata).await.unwrap().unwrap(), text.as_bytes());
            assert_eq!(agreed(&bench, filename).await.unwrap(), text.as_bytes());
        }
    }
}

#[tokio::test]
async fn what_the_whole_wheel_said_is_told_after_the_wheel_had_to_go() {
    let small = |settings: &mut ProxySettings| settings.max_size = Some(1);
    let bench = Bench::with(small);
    list_with(&bench, WHEEL, &wheel("1.0", 100), json!({ "sha256": "1".repeat(64) }), None);
    bench.fetch(WHEEL).await.unwrap();
    bench.settled().await;
    assert!(bench.proxy.tree.record(&pot(), WHEEL).unwrap().is_none());
    assert_eq!(agreed(&bench, WHEEL).await.unwrap(), metadata("1.0").as_bytes());
}

#[tokio::test]
async fn documents_that_are_fetched_now_are_told_from_those_at_hand() {
    let (bench, bytes) = (Bench::new(), wheel("1.0", 100));
    let mut listed = entry(WHEEL, &bytes);
    listed["provenance"] = json!(bench.index.url("/integrity/x"));
    bench.index.put("/integrity/x", "{}", "application/json");
    bench.index.list(&[(listed, &bytes)]);
    for part in [Part::Metadata, Part::Provenance] {
        let first = bench.proxy.file(&named(WHEEL), part).await.unwrap();
        assert!(matches!(first, Some(Fetched::Now(_))));
        let second = bench.proxy.file(&named(WHEEL), part).await.unwrap();
        assert!(matches!(second, Some(Fetched::Here(_))));
    }
}
