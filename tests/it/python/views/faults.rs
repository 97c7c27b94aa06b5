//! Another index that fails in every way, seen through a real server: no bad body is whole, nothing bad is kept, and what
//! was good stays.

mod table;
mod upstream;
mod variants;

use std::thread;
use std::time::{Duration, Instant};

use depot_tests::{FakeFile, FakeIndex, Fault, RawConnection, RawResponse, Style, random_bytes, send};

use crate::python::depot::uploads_under_way;

fn sdist(number: usize) -> String {
    format!("pot-{number}.tar.gz")
}

fn path(number: usize) -> String {
    format!("/files/pot/{}", sdist(number))
}

fn fetch(url: &str, path: &str) -> std::io::Result<RawResponse> {
    send(url, format!("GET {path} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n"))
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
