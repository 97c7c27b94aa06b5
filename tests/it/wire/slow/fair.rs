//! Clients on a bad line: slow, and not to be sent away.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use depot_tests::{RawConnection, random_bytes, sha256_hex};

use super::{BIG, BIG_NAME, GONE};
use crate::python::depot::{Depot, mirrored};

/// How much an upload sends each second: four times the least that it must.
const UPLOADED: usize = 4 << 10;

/// Uploads a file at four KiB a second, for as long as the slow ones have; the status that it is answered with.
pub(super) fn upload(depot: &Depot) -> u16 {
    let seconds = GONE.as_secs() as usize - 5;
    let bytes = random_bytes(seconds * UPLOADED, 4);
    assert_eq!(depot.announce("fair", &mirrored("fair-1.0.tar.gz", &bytes)).status, 202);
    let mut connection = RawConnection::open(depot.url(), Duration::from_secs(30)).unwrap();
    let head = format!(
        "PUT /python/simple/fair/fair-1.0.tar.gz HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n",
        depot.token(),
        bytes.len()
    );
    connection.send(head).unwrap();
    for part in bytes.chunks(UPLOADED) {
        if connection.send(part).is_err() {
            break;
        }
        thread::sleep(Duration::from_secs(1));
    }
    connection.receive(false).map_or(0, |answer| answer.status)
}

/// Reads the big file at this many bytes a second for as long as the slow ones have, and then the rest of it. What went
/// wrong, if anything.
pub(super) fn read(url: &str, rate: usize) -> Option<String> {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request =
        format!("GET /python/files/big/{BIG_NAME} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut received = Vec::new();
    let end = Instant::now() + GONE;
    while Instant::now() < end {
        let mut part = vec![0; rate];
        if let Err(error) = stream.read_exact(&mut part) {
            return Some(format!("who reads {rate} bytes a second was cut off: {error}"));
        }
        received.extend_from_slice(&part);
        thread::sleep(Duration::from_secs(1));
    }
    let rest = stream.read_to_end(&mut received);
    let head = received.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let body = &received[head..];
    let is_whole = body.len() == BIG && sha256_hex(body) == sha256_hex(&random_bytes(BIG, 26));
    (!is_whole).then(|| format!("who reads {rate} bytes a second got {} of {BIG}: {rest:?}", body.len()))
}
