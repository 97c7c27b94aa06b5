//! Files: fetched once, followed by many, kept, and let go.

use depot_proto::Sha256Digest;
use futures_util::StreamExt as _;
use serde_json::json;

use super::{
    upstream::{Fault, PAGE, bare_entry, entry, path_of, wheel},
    *,
};

const WHEEL: &str = "tea_pot-1.0-py3-none-any.whl";
const SDIST: &str = "tea_pot-1.0.tar.gz";

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8).collect()
}

fn with_wheel(ballast: usize, change: impl FnOnce(&mut ProxySettings)) -> (Bench, Vec<u8>) {
    let (bench, bytes) = (Bench::with(change), wheel("1.0", ballast));
    bench.index.list(&[(entry(WHEEL, &bytes), &bytes)]);
    (bench, bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_clients_are_one_request_and_all_get_the_file() {
    let (bench, bytes) = with_wheel(700_000, |_| {});
    bench.index.fault(&path_of(WHEEL), Fault::Drip(50_000, Duration::from_millis(20)), 1);
    let clients: Vec<_> = (0..100)
        .map(|_| {
            let proxy = Arc::clone(&bench.proxy);
            tokio::spawn(async move { read(proxy.file(&named(WHEEL), Part::Bytes).await).await })
        })
        .collect();
    for client in clients {
        assert!(client.await.unwrap().unwrap().unwrap() == bytes);
    }
    assert_eq!((bench.index.asked(&path_of(WHEEL)).len(), bench.index.asked(PAGE).len()), (1, 1));
    bench.settled().await;
    assert_eq!(bench.left_in_tmp(), 0);
}

#[tokio::test]
async fn who_leaves_midway_harms_nobody() {
    let (bench, bytes) = with_wheel(600_000, |_| {});
    bench.index.fault(&path_of(WHEEL), Fault::Drip(60_000, Duration::from_millis(15)), 1);
    let Some(Fetched::Coming(coming)) = bench.proxy.file(&named(WHEEL), Part::Bytes).await.unwrap() else {
        panic!("it is not here yet")
    };
    assert_eq!(coming.described.size, Some(bytes.len() as u64));
    let mut leaving = coming.body();
    assert!(leaving.next().await.unwrap().is_ok());
    let staying = tokio::spawn(read(bench.proxy.file(&named(WHEEL), Part::Bytes).await));
    drop(leaving);
    assert!(staying.await.unwrap().unwrap().unwrap() == bytes);
    // And nobody has to stay: it is kept all the same.
    let (bench, bytes) = with_wheel(300_000, |_| {});
    drop(bench.proxy.file(&named(WHEEL), Part::Bytes).await.unwrap());
    bench.settled().await;
    assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes);
    assert_eq!(bench.index.asked(&path_of(WHEEL)).len(), 1);
}

#[tokio::test]
async fn the_file_that_is_kept_can_be_pushed_and_is_there_after_a_restart() {
    let (bench, bytes) = with_wheel(10, |_| {});
    assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes);
    bench.settled().await;
    let record = bench.proxy.tree.record(&pot(), WHEEL).unwrap().unwrap();
    assert_eq!((record.sha256, record.is_mirrored()), (Sha256Digest::of(&bytes), true));
    assert_eq!(record.facts.upload_time.unwrap().to_string(), "2026-01-02T03:04:05.000000Z");
    assert_eq!(record.facts.requires_python.as_deref(), Some(">=3.9"));
    assert_eq!(record.core_metadata, Some(Sha256Digest::of(upstream::metadata("1.0").as_bytes())));
    // What the page could not say is known now.
    let asked = bench.index.asked_in_all();
    let bench = bench.restart(|settings| settings.offline = true);
    let files = bench.files().await;
    assert_eq!(
        files[0].core_metadata,
        depot_proto::simple::MetadataMark::Sha256(record.core_metadata.unwrap())
    );
    assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes);
    assert_eq!(
        bench.part(WHEEL, Part::Metadata).await.unwrap().unwrap(),
        upstream::metadata("1.0").as_bytes()
    );
    assert_eq!(bench.index.asked_in_all(), asked);
}

#[tokio::test]
async fn the_first_download_of_a_file_without_a_digest_is_the_file_for_ever() {
    let bench = Bench::with(|settings| settings.pages_ttl = Duration::ZERO);
    bench.index.list(&[(bare_entry(SDIST), b"\x1f\x8bfirst")]);
    assert_eq!(bench.files().await[0].sha256(), None);
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"\x1f\x8bfirst");
    bench.settled().await;
    let pinned = Sha256Digest::of(b"\x1f\x8bfirst");
    // Upstream has other bytes now, and then says so.
    bench.index.list(&[(bare_entry(SDIST), b"\x1f\x8bsecond")]);
    for _ in 0..2 {
        let file = bench.files().await.remove(0);
        assert_eq!((file.sha256(), file.size), (Some(pinned), Some(7)));
        assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"\x1f\x8bfirst");
        bench.index.list(&[(entry(SDIST, b"\x1f\x8bsecond"), b"\x1f\x8bsecond")]);
    }
    // Even if the kept bytes are lost, others do not come in their place.
    let bench = bench.restart(|_| {});
    std::fs::write(bench.proxy.tree.path(&pot(), SDIST, Part::Bytes), b"\x1f\x8bfirxt").unwrap();
    assert!(bench.fetch(SDIST).await.is_err());
}

#[tokio::test]
async fn a_kept_file_that_is_spoiled_is_fetched_again() {
    let (bench, bytes) = with_wheel(10, |_| {});
    bench.fetch(WHEEL).await.unwrap();
    bench.settled().await;
    let path = bench.proxy.tree.path(&pot(), WHEEL, Part::Bytes);
    let mut spoiled = bytes.clone();
    spoiled[100] ^= 1;
    for damage in [Some(&spoiled[..]), Some(&bytes[..50]), None] {
        match damage {
            Some(damage) => std::fs::write(&path, damage).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let opened = bench.proxy.file_at_hand(&named(WHEEL), Part::Bytes).unwrap();
        assert!(bench.proxy.is_still_at_hand(&opened, &named(WHEEL), Part::Bytes));
        bench.proxy.kept.let_go(&named(WHEEL));
        assert!(!bench.proxy.is_still_at_hand(&opened, &named(WHEEL), Part::Bytes));
        assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes);
        bench.settled().await;
        assert!(std::fs::read(&path).unwrap() == bytes);
    }
}

#[tokio::test]
async fn old_kinds_of_files_are_served_as_they_are() {
    let bench = Bench::new();
    let names = ["tea_pot-1.0-py3.9.egg", "tea-pot-1.0.zip", "tea_pot-1.0.tar.bz2"];
    let listed: Vec<_> = names.iter().map(|name| (entry(name, name.as_bytes()), name.as_bytes())).collect();
    bench.index.list(&listed);
    for name in names {
        assert_eq!(bench.fetch(name).await.unwrap().unwrap(), name.as_bytes());
        bench.settled().await;
        assert_eq!(bench.proxy.tree.record(&pot(), name).unwrap().unwrap().core_metadata, None);
    }
    assert_eq!(bench.fetch("tea_pot-9.0.zip").await, Ok(None));
}

#[tokio::test]
async fn a_file_that_moved_is_found_where_its_page_says_now() {
    let (bench, bytes) = with_wheel(10, |_| {});
    bench.files().await;
    bench.index.remove(&path_of(WHEEL));
    let mut moved = entry(WHEEL, &bytes);
    moved["url"] = json!(format!("/packages/cd/{WHEEL}"));
    bench.index.list(&[(moved, &bytes)]);
    assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes);
    // One that is nowhere does not exist.
    bench.index.list(&[(entry(SDIST, b"x"), b"x")]);
    bench.index.remove(&path_of(SDIST));
    let bench = bench.restart(|settings| settings.pages_ttl = Duration::ZERO);
    assert_eq!(bench.fetch(SDIST).await, Ok(None));
}

#[tokio::test]
async fn files_that_are_not_kept_pass_through_or_are_elsewhere() {
    let (bench, bytes) = with_wheel(400_000, |settings| settings.files = FileMode::Stream);
    for _ in 0..2 {
        assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes);
    }
    assert_eq!(bench.index.asked(&path_of(WHEEL)).len(), 2);
    // It broke off and is gone on with, or comes again from its start: the reader does not notice.
    bench.index.fault(&path_of(WHEEL), Fault::CutAt(150_000), 1);
    assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes);
    bench.index.without_ranges();
    bench.index.fault(&path_of(WHEEL), Fault::CutAt(150_000), 1);
    assert!(bench.fetch(WHEEL).await.unwrap().unwrap() == bytes);
    bench.index.fault(&path_of(WHEEL), Fault::WrongBytes, usize::MAX);
    assert!(bench.fetch(WHEEL).await.is_err());
    bench.index.fault(&path_of(WHEEL), Fault::Status(404, None), usize::MAX);
    assert_eq!(bench.fetch(WHEEL).await, Ok(None));
    assert!(bench.keeps_nothing(WHEEL).await);
    let bench = bench.restart(|settings| settings.files = FileMode::Redirect);
    assert_eq!(bench.fetch(WHEEL).await, Err(format!("elsewhere: {}", bench.index.url(&path_of(WHEEL)))));
}

#[tokio::test]
async fn what_was_not_asked_for_the_longest_makes_room() {
    let bench = Bench::with(|settings| settings.max_size = Some(250_000));
    let files: Vec<_> =
        (0..4).map(|number| (format!("tea_pot-{number}.tar.gz"), noise(100_000 + number))).collect();
    let listed: Vec<_> = files.iter().map(|(name, bytes)| (entry(name, bytes), &bytes[..])).collect();
    bench.index.list(&listed);
    let hours_ago = |hours: u64| crate::clock::system() - Duration::from_secs(3600 * hours);
    for (number, (name, _)) in files.iter().take(2).enumerate() {
        bench.fetch(name).await.unwrap();
        bench.settled().await;
        let path = bench.proxy.tree.path(&pot(), name, Part::Bytes);
        std::fs::File::open(path).unwrap().set_modified(hours_ago(9 - number as u64)).unwrap();
    }
    // The older one is asked for again, so the other has to go; who reads it reads on.
    let bench = bench.restart(|settings| settings.max_size = Some(250_000));
    bench.fetch(&files[0].0).await.unwrap();
    let reading = bench.proxy.tree.open_part(&pot(), &files[1].0, Part::Bytes).unwrap().unwrap();
    bench.fetch(&files[2].0).await.unwrap();
    bench.settled().await;
    let kept = bench.proxy.tree.filenames(&pot()).unwrap();
    assert_eq!(kept, [files[0].0.clone(), files[2].0.clone()]);
    assert_eq!(reading.size, files[1].1.len() as u64);
    assert!(bench.fetch(&files[1].0).await.unwrap().unwrap() == files[1].1);
}

#[tokio::test]
async fn a_file_without_a_digest_is_the_same_after_it_had_to_go() {
    let small = |settings: &mut ProxySettings| settings.max_size = Some(1);
    let bench = Bench::with(small);
    bench.index.list(&[(bare_entry(SDIST), b"\x1f\x8bfirst")]);
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"\x1f\x8bfirst");
    bench.settled().await;
    assert!(bench.proxy.tree.record(&pot(), SDIST).unwrap().is_none());
    let bench = bench.restart(small);
    assert_eq!(bench.files().await[0].sha256(), Some(Sha256Digest::of(b"\x1f\x8bfirst")));
    bench.index.put(&path_of(SDIST), &b"\x1f\x8bother"[..], "application/octet-stream");
    assert!(bench.fetch(SDIST).await.is_err());
    bench.index.put(&path_of(SDIST), &b"\x1f\x8bfirst"[..], "application/octet-stream");
    assert_eq!(bench.fetch(SDIST).await.unwrap().unwrap(), b"\x1f\x8bfirst");
}
