//! Everything that can befall a download: no bad body is complete, nothing bad is kept, and what was good stays.

use serde_json::json;

use super::{
    upstream::{Fault, PAGE, bare_entry, entry, path_of, wheel},
    *,
};

const WHEEL: &str = "tea_pot-1.0-py3-none-any.whl";
const OTHER: &str = "tea_pot-2.0.tar.gz";

fn faults(size: usize) -> Vec<Fault> {
    let cuts = [0, 1, size / 3, size / 2, size - 1].map(Fault::CutAt);
    let others = [
        Fault::Status(500, None),
        Fault::Status(503, Some(1)),
        Fault::Status(403, None),
        Fault::Hang,
        Fault::WrongBytes,
        Fault::Html,
        Fault::Unannounced(size / 2),
        Fault::Redirect(path_of(WHEEL)),
        Fault::Redirect("http://169.254.169.254/latest".to_owned()),
        Fault::Redirect("http://10.0.0.1/x".to_owned()),
        Fault::Redirect("http://2130706433/x".to_owned()),
        Fault::Redirect("file:///etc/passwd".to_owned()),
    ];
    cuts.into_iter().chain(others).collect()
}

async fn befalls(fault: Fault, ballast: usize, mode: FileMode) {
    let bench = Bench::with(|settings| settings.files = mode);
    let bytes = wheel("1.0", ballast);
    bench.index.list(&[(entry(WHEEL, &bytes), &bytes), (entry(OTHER, b"other"), b"other")]);
    bench.fetch(OTHER).await.unwrap();
    // No request for the rest gets any further.
    bench.index.without_ranges();
    bench.index.fault(&path_of(WHEEL), fault.clone(), usize::MAX);
    let clients: Vec<_> = (0..10)
        .map(|_| {
            let proxy = Arc::clone(&bench.proxy);
            tokio::spawn(async move { read(proxy.file(&named(WHEEL), Part::Bytes).await).await })
        })
        .collect();
    for client in clients {
        let error = client.await.unwrap();
        assert!(error.is_err(), "{fault:?} ({ballast}): a whole body");
    }
    assert!(bench.keeps_nothing(WHEEL).await, "{fault:?} ({ballast})");
    if mode == FileMode::Cache {
        assert_eq!(bench.fetch(OTHER).await.unwrap().unwrap(), b"other", "{fault:?}");
        // When it is over, the file comes.
        bench.index.heal();
        let bench = bench.restart(|_| {});
        assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes, "{fault:?} ({ballast})");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_the_upstream_makes_a_bad_file_whole() {
    for ballast in [100, 500_000] {
        let size = wheel("1.0", ballast).len();
        let each =
            faults(size).into_iter().map(|fault| tokio::spawn(befalls(fault, ballast, FileMode::Cache)));
        for one in each.collect::<Vec<_>>() {
            one.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_one_that_passes_through() {
    let size = wheel("1.0", 500_000).len();
    let each = faults(size).into_iter().map(|fault| tokio::spawn(befalls(fault, 500_000, FileMode::Stream)));
    for one in each.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_breaks_off_goes_on_and_nobody_notices() {
    for with_ranges in [true, false] {
        let (bench, bytes) = (Bench::new(), wheel("1.0", 600_000));
        bench.index.list(&[(entry(WHEEL, &bytes), &bytes)]);
        if !with_ranges {
            bench.index.without_ranges();
        }
        bench.index.fault(&path_of(WHEEL), Fault::CutAt(300_000), 1);
        let clients: Vec<_> = (0..5)
            .map(|_| {
                let proxy = Arc::clone(&bench.proxy);
                tokio::spawn(async move { read(proxy.file(&named(WHEEL), Part::Bytes).await).await })
            })
            .collect();
        for client in clients {
            assert!(client.await.unwrap().unwrap().unwrap() == bytes);
        }
        assert_eq!(bench.index.asked(&path_of(WHEEL)).len(), 2);
        bench.settled().await;
        assert!(bench.proxy.tree.record(&pot(), WHEEL).unwrap().is_some());
    }
}

#[tokio::test]
async fn a_file_that_comes_otherwise_the_second_time_is_whole_for_nobody() {
    let (bench, bytes) = (Bench::new(), wheel("1.0", 600_000));
    let mut entry = bare_entry(WHEEL);
    entry["size"] = json!(bytes.len());
    bench.index.list(&[(entry, &bytes)]);
    bench.index.without_ranges();
    bench.index.fault(&path_of(WHEEL), Fault::CutAt(400_000), 1);
    let fetched = bench.proxy.file(&named(WHEEL), Part::Bytes).await;
    // What is there after the first attempt is not what follows it.
    let mut other = bytes.clone();
    other[1000] ^= 1;
    bench.index.put(&path_of(WHEEL), other.clone(), "application/octet-stream");
    let read = read(fetched).await;
    // Whichever attempt the change came before, the body is of one of them.
    if let Ok(Some(whole)) = read {
        assert!(whole == bytes || whole == other, "a mixture");
    }
}

#[tokio::test]
async fn a_file_that_nobody_measured_is_whole_if_it_can_be_read() {
    let (bench, bytes) = (Bench::new(), wheel("1.0", 200_000));
    bench.index.list(&[(bare_entry(WHEEL), &bytes)]);
    bench.index.fault(&path_of(WHEEL), Fault::Unannounced(bytes.len() - 30), 1);
    assert!(bench.fetch(WHEEL).await.is_err());
    assert!(bench.keeps_nothing(WHEEL).await);
    bench.index.fault(&path_of(WHEEL), Fault::Unannounced(bytes.len()), 1);
    assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes);
}

#[tokio::test]
async fn a_file_that_comes_longer_than_was_told_is_not_cut_to_what_was_told() {
    for digest in [None, Some("md5")] {
        let (bench, bytes) = (Bench::new(), noise(500_000));
        let mut listed = bare_entry(OTHER);
        if let Some(digest) = digest {
            listed["hashes"] = json!({ digest: md5_of(&bytes) });
        }
        bench.index.list(&[(listed, &bytes)]);
        bench.index.without_ranges();
        bench.index.fault(&path_of(OTHER), Fault::Short(400_000, 300_000), 1);
        assert!(bench.fetch(OTHER).await.is_err(), "{digest:?}");
        assert!(bench.keeps_nothing(OTHER).await, "{digest:?}");
        assert!(bench.fetch(OTHER).await.unwrap().unwrap() == bytes, "{digest:?}");
    }
}

#[tokio::test]
async fn a_file_is_known_by_whatever_digest_is_listed() {
    for (mode, size) in [(FileMode::Cache, 200), (FileMode::Cache, 300_000), (FileMode::Stream, 300_000)] {
        let bench = Bench::with(|settings| settings.files = mode);
        let bytes = noise(size);
        let mut listed = bare_entry(OTHER);
        listed["size"] = json!(bytes.len());
        listed["hashes"] = json!({ "md5": md5_of(&bytes), "crc32": "0" });
        bench.index.list(&[(listed, &bytes)]);
        bench.index.fault(&path_of(OTHER), Fault::WrongBytes, 1);
        assert!(bench.fetch(OTHER).await.is_err(), "{mode:?} {size}");
        assert!(bench.keeps_nothing(OTHER).await, "{mode:?} {size}");
        assert!(bench.fetch(OTHER).await.unwrap().unwrap() == bytes, "{mode:?} {size}");
    }
}

/// Bytes that begin as a gzip file does.
fn noise(size: usize) -> Vec<u8> {
    let mut bytes = b"\x1f\x8b".to_vec();
    bytes.extend((0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8));
    bytes
}

fn md5_of(bytes: &[u8]) -> String {
    use md5::{Digest as _, Md5};
    let number = Md5::digest(bytes).iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{number:032x}")
}

#[tokio::test]
async fn links_lead_neither_into_the_network_nor_to_this_machine() {
    let secret = TestIndex::start();
    secret.put("/x", &b"secret"[..], "text/plain");
    for url in
        [secret.url("/x"), "http://169.254.169.254/x".to_owned(), "http://[::ffff:10.0.0.1]/x".to_owned()]
    {
        let bench = Bench::new();
        let mut entry = bare_entry(WHEEL);
        entry["url"] = json!(url);
        let page = json!({ "meta": {}, "name": POT, "files": [entry] });
        bench.index.put(PAGE, page.to_string(), "application/vnd.pypi.simple.v1+json");
        let error = bench.proxy.file(&named(WHEEL), Part::Bytes).await.err().unwrap();
        assert!(matches!(error, ProxyError::Refused { .. }), "{error}");
        assert!(matches!(bench.part(WHEEL, Part::Metadata).await, Err(ProxyError::Refused { .. })));
    }
    assert_eq!(secret.asked_in_all(), 0);
}
