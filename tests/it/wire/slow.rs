//! Clients that are slow on purpose (attack 26): three thousand of them are nothing to one that is not, and they are gone
//! when their time is over.
//!
//! All of them are tried at once, because what they wait for is the clock.

mod crowd;
mod fair;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use depot_tests::{RawConnection, WheelBuilder, counted, random_bytes};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::connections::{assert_descriptors_come_back, descriptors};
use super::exchange::Published;
use crate::python::depot::{Depot, mirrored};
use crowd::{Crowd, Kind};

/// When the slow ones must be gone: what a server waits for, and half as much again for a busy machine.
const GONE: Duration = Duration::from_secs(45);

/// How large the file is that is read slowly: more than the system holds of it on its way.
const BIG: usize = 24 << 20;
const BIG_NAME: &str = "big-1.0.tar.gz";

/// A small file that is at hand.
const WHEEL: &str = "teapot-1.0-py3-none-any.whl";

/// How many of each kind.
const CROWD: &[(Kind, usize)] = &[
    (Kind::Silent, 400),
    (Kind::Head, 400),
    (Kind::Body, 100),
    (Kind::Chunks, 100),
    (Kind::RefusedBody, 400),
    (Kind::UselessBody, 400),
    (Kind::Reader, 150),
    (Kind::Hoarder, 50),
    (Kind::Idle, 1_000),
];

/// As many descriptors as this process may have: the crowd's ends are here.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

fn depot_with_files() -> (Depot, Published) {
    let depot = Depot::start();
    let wheel =
        Published::wheel(&depot, &WheelBuilder::new("teapot", "1.0").random_file("leaves.bin", 60_000, 1));
    let big = random_bytes(BIG, 26);
    assert_eq!(depot.announce("big", &mirrored(BIG_NAME, &big)).status, 202);
    assert_eq!(depot.put("big", BIG_NAME, &big).status, 201);
    // What a server opens once and keeps open is open before anything is counted.
    let path = format!("/python/files/big/{BIG_NAME}");
    assert_eq!(depot.request("GET", &path, None, "Range: bytes=0-0\r\n", b"").status, 206);
    (depot, wheel)
}

/// How long a client that is not slow waits for pages and files, until it is told to stop.
fn fast_client(url: &str, wheel: &Published, stop: &AtomicBool) -> Vec<Duration> {
    let mut connection = RawConnection::open(url, Duration::from_secs(30)).unwrap();
    let paths = ["/python/simple/teapot/".to_owned(), wheel.path(), "/python/simple/".to_owned()];
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for path in &paths {
            let began = Instant::now();
            connection.send(format!("GET {path} HTTP/1.1\r\nHost: depot\r\n\r\n")).unwrap();
            let answer = connection.receive(false).unwrap();
            took.push(began.elapsed());
            assert_eq!((answer.status, answer.complete), (200, true), "{path}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    took.sort();
    took
}

/// Lets the crowd stand before a server for 45 seconds; `p99` is what the fast client must see.
#[expect(clippy::print_stderr, reason = "how long it took is half of what this is for")]
fn besiege(p99: Duration) {
    raise_descriptor_limit();
    let (depot, wheel) = depot_with_files();
    let before = descriptors(&depot);
    let token = depot.token();
    let stop = AtomicBool::new(false);
    let (crowd, took, mut faults) = thread::scope(|scope| {
        let fast = scope.spawn(|| fast_client(depot.url(), &wheel, &stop));
        let uploader = scope.spawn(|| fair::upload(&depot));
        let readers = [128 << 10, 16 << 10].map(|rate| {
            let url = depot.url();
            scope.spawn(move || fair::read(url, rate))
        });
        let mut crowd = Crowd::open(depot.url(), &token, CROWD);
        crowd.stand_for(GONE);
        stop.store(true, Ordering::Relaxed);
        let took = fast.join().unwrap();
        // Slow as they are, these are not too slow: they get all they came for.
        let mut faults: Vec<String> =
            readers.into_iter().filter_map(|reader| reader.join().unwrap()).collect();
        match uploader.join().unwrap() {
            201 => {}
            status => faults.push(format!("an upload of 4 KiB a second was answered with {status}")),
        }
        (crowd, took, faults)
    });
    let (middle, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    let (asked, longest) = (took.len(), took.last().unwrap());
    eprintln!("beside the crowd {asked} requests took p50 {middle:?}, p99 {most:?}, at most {longest:?}");
    faults.extend(crowd.faults());
    // What a slow reader did not read lies in its buffers, so that its end does not show here: it shows there.
    let held = descriptors(&depot);
    if held > before + 5 {
        faults.push(format!("{held} descriptors are open, where there were {before}"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(most < p99, "p50 {middle:?}, p99 {most:?}, at most {longest:?}");
    drop(crowd);
    // A long page that was asked for often keeps one in each of its forms.
    assert_descriptors_come_back(&depot, before + 3);
    depot.assert_tmp_is_empty();
    counted("attack 26", "slow and idle connections at once", crowd_size() as u64);
    counted("attack 26", "quick requests beside them", asked as u64);
}

fn crowd_size() -> usize {
    CROWD.iter().map(|(_, count)| count).sum()
}

#[test]
fn a_crowd_of_slow_clients_is_sent_away_and_nobody_waits_for_it() {
    assert_eq!(crowd_size(), 3_000);
    besiege(Duration::from_secs(2));
}

/// The same, on a machine that has nothing else to do.
mod long {
    use super::{Duration, besiege};

    #[test]
    #[ignore = "part of make test-faults"]
    fn nobody_waits_a_tenth_of_a_second_for_slow_clients() {
        besiege(Duration::from_millis(100));
    }
}
