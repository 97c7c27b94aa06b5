//! Many clients at once, and some who leave.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use depot_tests::{
    FakeFile, FakeIndex, Fault, RawConnection, RawResponse, Style, WheelBuilder, random_bytes,
};

use crate::python::depot::{Depot, assert_tmp_is_empty};

const CLIENTS: usize = 100;

/// A server whose proxy does this with files.
fn serving(index: &FakeIndex, files: &str) -> (Depot, tempfile::TempDir) {
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    std::fs::write(&config, format!("[repositories.pypi]\nfiles = \"{files}\"\n")).unwrap();
    let args = ["--config", config.to_str().unwrap(), "--upstream", &index.url()];
    (Depot::start_with(&args), around)
}

fn asking(url: &str, path: &str) -> RawConnection {
    let mut connection = RawConnection::open(url, Duration::from_secs(25)).unwrap();
    let accept = "application/vnd.pypi.simple.v1+json";
    connection.send(format!("GET {path} HTTP/1.1\r\nHost: depot\r\nAccept: {accept}\r\n\r\n")).unwrap();
    connection
}

/// What a hundred see who ask for the same at the same moment, the places of those who leave as soon as anything comes
/// left out.
fn crowd(url: &str, path: &str, leaves: impl Fn(usize) -> bool + Sync) -> Vec<RawResponse> {
    let together = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        let all: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (together, leaves) = (&together, &leaves);
                scope.spawn(move || {
                    together.wait();
                    let mut connection = asking(url, path);
                    if leaves(number) {
                        // Some before the first byte, some after.
                        if number % 2 == 0 {
                            connection.take_bytes(1).unwrap();
                        }
                        return None;
                    }
                    Some(connection.receive(false).unwrap())
                })
            })
            .collect();
        all.into_iter().filter_map(|one| one.join().unwrap()).collect()
    })
}

const POT: &str = "pot-1.tar.gz";

fn pot(size: usize) -> (FakeIndex, Vec<u8>) {
    let bytes = random_bytes(size, 7);
    let wheel = WheelBuilder::new("pot", "2");
    let index = FakeIndex::builder(Style::Json).file("pot", FakeFile::new(POT, bytes.clone())).wheel(&wheel);
    (index.start(), bytes)
}

fn dripping(bytes: usize) -> Fault {
    Fault::SlowDrip { bytes, every: Duration::from_millis(40) }
}

#[test]
fn a_hundred_who_ask_for_a_page_are_one_question() {
    let (index, _) = pot(10);
    let depot = super::in_front_of(&index);
    index.fault(&FakeIndex::page_path("pot"), dripping(50));
    let answers = crowd(depot.url(), "/simple/pot/", |number| number % 5 == 0);
    assert_eq!(answers.len(), 80);
    for answer in &answers {
        assert_eq!((answer.status, answer.complete, &answer.body), (200, true, &answers[0].body));
        assert_eq!(super::files(answer).len(), 2);
    }
    assert_eq!(index.requests().len(), 1, "{:?}", index.requests());
}

#[test]
fn a_hundred_who_ask_for_metadata_are_one_question() {
    let (index, _) = pot(10);
    let depot = super::in_front_of(&index);
    let wheel = WheelBuilder::new("pot", "2");
    let metadata = format!("{}.metadata", FakeIndex::file_path("pot", &wheel.filename()));
    index.fault(&metadata, dripping(10));
    let path = format!("/files/pot/{}.metadata", wheel.filename());
    let answers = crowd(depot.url(), &path, |number| number % 5 == 1);
    assert_eq!(answers.len(), 80);
    for answer in answers {
        assert!(answer.status == 200 && answer.complete && answer.body == wheel.metadata(), "{answer:?}");
    }
    assert_eq!((index.count(&metadata), index.count(&FakeIndex::page_path("pot"))), (1, 1));
}

#[test]
fn a_hundred_who_ask_for_a_file_are_one_question_whoever_leaves() {
    for size in [1000, 2 << 20] {
        let (index, bytes) = pot(size);
        let depot = super::in_front_of(&index);
        let file = FakeIndex::file_path("pot", POT);
        index.fault(&file, dripping((size / 20).max(100)));
        let answers = crowd(depot.url(), &format!("/files/pot/{POT}"), |number| number % 3 == 0);
        assert_eq!(answers.len(), 66);
        for answer in answers {
            assert!(
                answer.status == 200 && answer.complete && answer.body == bytes,
                "{}",
                answer.status_line
            );
        }
        assert_eq!((index.count(&file), index.count(&FakeIndex::page_path("pot"))), (1, 1), "{size}");
        assert_tmp_is_empty(&depot.data_dir().join("repositories/pypi"));
    }
}

#[test]
fn the_first_who_asked_may_leave_and_all_others_too() {
    let (index, bytes) = pot(2 << 20);
    let depot = super::in_front_of(&index);
    let (path, file) = (format!("/files/pot/{POT}"), FakeIndex::file_path("pot", POT));
    index.fault(&file, dripping(128 << 10));
    let mut first = asking(depot.url(), &path);
    first.take_bytes(1000).unwrap();
    thread::scope(|scope| {
        let staying = scope.spawn(|| asking(depot.url(), &path).receive(false).unwrap());
        for _ in 0..10 {
            scope.spawn(|| asking(depot.url(), &path).take_bytes(1000).unwrap());
        }
        drop(first);
        let answer = staying.join().unwrap();
        assert!(answer.complete && answer.body == bytes);
    });
    assert_eq!(index.count(&file), 1);
    // Where nobody stays it comes all the same, for those who come later.
    let (index, bytes) = pot(2 << 20);
    let depot = super::in_front_of(&index);
    index.fault(&file, dripping(128 << 10));
    asking(depot.url(), &path).take_bytes(1000).unwrap();
    let kept = depot.data_dir().join("repositories/pypi/files/pot").join(format!("{POT}.json"));
    let deadline = Instant::now() + Duration::from_secs(20);
    while !kept.exists() {
        assert!(Instant::now() < deadline, "the file is not kept");
        thread::sleep(Duration::from_millis(20));
    }
    let answer = asking(depot.url(), &path).receive(false).unwrap();
    assert!(answer.complete && answer.body == bytes);
    assert_eq!(answer.header("x-depot-cache"), Some("HIT"));
    assert_eq!(index.count(&file), 1);
}

#[test]
fn files_that_pass_through_are_right_for_each_of_a_hundred() {
    let (index, bytes) = pot(400_000);
    let (depot, _around) = serving(&index, "stream");
    let file = FakeIndex::file_path("pot", POT);
    index.fault(&file, dripping(100_000));
    let answers = crowd(depot.url(), &format!("/files/pot/{POT}"), |number| number % 3 == 0);
    assert_eq!(answers.len(), 66);
    for answer in answers {
        assert!(answer.status == 200 && answer.complete && answer.body == bytes, "{}", answer.status_line);
    }
    // Each is a question of its own, and the page was one for all.
    assert!(index.count(&file) >= 66, "{}", index.count(&file));
    assert_eq!(index.count(&FakeIndex::page_path("pot")), 1);
    let tree = depot.data_dir().join("repositories/pypi");
    assert!(!tree.join("files/pot").exists());
    assert_tmp_is_empty(&tree);
    // A part would be complete before anybody knows that it is right, so none is promised, and none is sent.
    let path = format!("/files/pot/{POT}");
    for (method, range) in [("GET", ""), ("HEAD", ""), ("GET", "Range: bytes=1-4\r\n")] {
        let answer = depot.request(method, &path, None, range, b"");
        assert_eq!((answer.status, answer.header("accept-ranges")), (200, Some("none")), "{method} {range}");
        assert!(method == "HEAD" || answer.body == bytes, "{range}");
    }
}

#[test]
fn files_that_stay_where_they_are_are_pointed_at() {
    let (index, bytes) = pot(1000);
    let (depot, _around) = serving(&index, "redirect");
    let file = FakeIndex::file_path("pot", POT);
    let answers = crowd(depot.url(), &format!("/files/pot/{POT}"), |number| number % 10 == 1);
    for answer in answers {
        assert_eq!(answer.status, 302);
        let there = format!("{}{file}", index.origin());
        assert_eq!(answer.header("location"), Some(there.as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
    }
    assert_eq!((index.count(&file), index.count(&FakeIndex::page_path("pot"))), (0, 1));
    let there = asking(index.origin(), &file).receive(false).unwrap();
    assert!(there.body == bytes);
}
