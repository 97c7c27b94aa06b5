//! Another index that fails in every way, seen through a real server: no bad body is whole, nothing bad is kept, and what
//! was good stays.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use depot_tests::{
    FakeFile, FakeIndex, Fault, RawConnection, RawResponse, Style, counted, random_bytes, send,
};

use super::in_front_of;
use crate::python::depot::{Depot, uploads_under_way};

/// How many ask for each file at the same time.
const CLIENTS: usize = 8;

fn faults(size: usize) -> Vec<Fault> {
    let status = |code, retry_after| Fault::Status { code, retry_after };
    let redirect = |url: &str| Fault::Redirect(url.to_owned());
    let cuts = [0, 1, size / 2, size - 1].map(Fault::Truncate);
    let others = [
        status(500, None),
        status(503, Some(1)),
        status(403, None),
        Fault::WrongBytes,
        Fault::HtmlInstead,
        redirect("http://169.254.169.254/latest/meta-data"),
        redirect("http://10.0.0.1/x"),
        redirect("http://[::1]:9/x"),
        redirect("file:///etc/passwd"),
    ];
    cuts.into_iter().chain(others).collect()
}

fn sdist(number: usize) -> String {
    format!("pot-{number}.tar.gz")
}

fn path(number: usize) -> String {
    format!("/files/pot/{}", sdist(number))
}

fn fetch(url: &str, path: &str) -> std::io::Result<RawResponse> {
    send(url, format!("GET {path} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n"))
}

fn proxy_tree(depot: &Depot) -> PathBuf {
    depot.data_dir().join("repositories").join("pypi")
}

/// The file, as soon as the server asks its index again after it failed.
#[track_caller]
fn fetch_in_the_end(depot: &Depot, path: &str) -> Vec<u8> {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        match fetch(depot.url(), path) {
            Ok(answer) if answer.status == 200 && answer.complete => return answer.body,
            answer => assert!(Instant::now() < deadline, "{path}: {answer:?}"),
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn nothing_that_befalls_an_index_makes_a_bad_file_whole() {
    let size = 300_000;
    let faults = faults(size);
    let files: Vec<_> =
        (0..=faults.len()).map(|number| (sdist(number), random_bytes(size, number as u64))).collect();
    let builder = FakeIndex::builder(Style::Json).without_ranges();
    let index = files
        .iter()
        .fold(builder, |index, (name, bytes)| index.file("pot", FakeFile::new(name, bytes.clone())))
        .start();
    let depot = in_front_of(&index);
    let good = faults.len();
    assert!(fetch(depot.url(), &path(good)).unwrap().body == files[good].1);
    for (number, fault) in faults.iter().enumerate() {
        index.fault(&FakeIndex::file_path("pot", &sdist(number)), fault.clone());
    }
    thread::scope(|scope| {
        for number in (0..faults.len()).flat_map(|number| [number; CLIENTS]) {
            let (url, fault) = (depot.url(), &faults[number]);
            scope.spawn(move || {
                // A connection that is broken off before anything was sent is as good as one in the middle.
                let Ok(answer) = fetch(url, &path(number)) else { return };
                assert!(answer.status >= 400 || !answer.complete, "{fault:?}: {}", answer.status_line);
            });
        }
    });
    counted("attack 32", "downloads through faults of an index, over HTTP", (faults.len() * CLIENTS) as u64);
    let kept = proxy_tree(&depot).join("files/pot");
    for (number, fault) in faults.iter().enumerate() {
        assert!(!kept.join(sdist(number)).exists(), "{fault:?}");
    }
    assert_eq!(uploads_under_way(&proxy_tree(&depot)), Vec::<String>::new());
    // What was kept is served meanwhile, and the rest when it is over.
    assert!(fetch(depot.url(), &path(good)).unwrap().body == files[good].1);
    index.heal();
    for (number, (_, bytes)) in files.iter().enumerate() {
        assert!(fetch_in_the_end(&depot, &path(number)) == *bytes);
    }
}

#[test]
fn a_hundred_clients_are_one_request_and_one_who_leaves_harms_nobody() {
    let bytes = random_bytes(3 << 20, 7);
    let index = FakeIndex::builder(Style::Json).file("pot", FakeFile::new(&sdist(1), bytes.clone())).start();
    let depot = in_front_of(&index);
    let file = FakeIndex::file_path("pot", &sdist(1));
    index.fault(&file, Fault::SlowDrip { bytes: 256 << 10, every: Duration::from_millis(50) });
    thread::scope(|scope| {
        for number in 0..100 {
            let (url, bytes) = (depot.url(), &bytes);
            scope.spawn(move || {
                if number % 10 == 0 {
                    let mut leaving = RawConnection::open(url, Duration::from_secs(10)).unwrap();
                    leaving.send(format!("GET {} HTTP/1.1\r\nHost: depot\r\n\r\n", path(1))).unwrap();
                    leaving.take_bytes(1000).unwrap();
                    return;
                }
                let answer = fetch(url, &path(1)).unwrap();
                assert!(answer.complete && answer.body == *bytes, "{}", answer.status_line);
            });
        }
    });
    assert_eq!((index.count(&file), index.count(&FakeIndex::page_path("pot"))), (1, 1));
}

#[test]
fn a_server_that_is_killed_while_a_file_comes_leaves_nothing_of_it() {
    let bytes = random_bytes(2 << 20, 9);
    let mut index =
        FakeIndex::builder(Style::Json).file("pot", FakeFile::new(&sdist(1), bytes.clone())).start();
    let (data, mut args) = (tempfile::tempdir().unwrap(), vec!["--upstream".to_owned(), index.url()]);
    let start = |args: &[String]| depot_tests::ServerProcess::start(data.path(), args);
    let mut server = start(&args);
    let file = FakeIndex::file_path("pot", &sdist(1));
    index.fault(&file, Fault::SlowDrip { bytes: 64 << 10, every: Duration::from_millis(40) });
    let mut client = RawConnection::open(server.url(), Duration::from_secs(10)).unwrap();
    client.send(format!("GET {} HTTP/1.1\r\nHost: depot\r\n\r\n", path(1))).unwrap();
    client.take_bytes(300_000).unwrap();
    let tree = data.path().join("repositories").join("pypi");
    assert_ne!(uploads_under_way(&tree), Vec::<String>::new());
    server.kill9();
    drop(server);
    let server = start(&args);
    assert_eq!(uploads_under_way(&tree), Vec::<String>::new());
    assert!(!tree.join("files/pot").join(sdist(1)).exists());
    index.heal();
    assert!(fetch(server.url(), &path(1)).unwrap().body == bytes);
    // What is kept outlives another kill, and the index.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !tree.join("files/pot").join(format!("{}.json", sdist(1))).exists() {
        assert!(Instant::now() < deadline, "the file is not kept");
        thread::sleep(Duration::from_millis(10));
    }
    drop(server);
    index.stop();
    args.push("--offline".to_owned());
    let server = start(&args);
    assert!(fetch(server.url(), &path(1)).unwrap().body == bytes);
    let page = fetch(server.url(), "/simple/pot/").unwrap();
    assert!(page.text().contains(&sdist(1)), "{}", page.text());
}
