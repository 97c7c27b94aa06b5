//! A long line: carries connections to a server on this machine, as if it were some way away and the way were narrow.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How much is carried at once. Small enough that 30 MB/s are paced in steps of half a millisecond.
const PIECE: usize = 16 * 1024;

/// How many pieces may be under way in one direction of a connection: 4 MiB, more than a line of 30 MB/s holds in 20 ms.
const UNDER_WAY: usize = 256;

/// A running line; it carries for as long as the test runs.
///
/// A connection takes one round trip before it carries anything, as TCP's does. Everything arrives half a round trip
/// after it was sent. What comes from the server, in all connections together, is no faster than the line; what goes to
/// it is a few requests, and is not slowed.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
}

impl Line {
    /// Starts one to this address, with this time for a round trip and so many bytes a second.
    pub fn start(to: SocketAddr, round_trip: Duration, bytes_per_second: u32) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let pace = Arc::new(Pace { bytes_per_second, free_at: Mutex::new(Instant::now()) });
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let pace = Arc::clone(&pace);
                let opened = Instant::now();
                // A client that goes away in the middle is no failure of the line.
                thread::spawn(move || drop(carry(client, to, opened + round_trip, round_trip / 2, &pace)));
            }
        });
        Self { address }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What all connections share on their way back.
#[derive(Debug)]
struct Pace {
    bytes_per_second: u32,
    /// When the line has carried all that was given to it.
    free_at: Mutex<Instant>,
}

impl Pace {
    /// Takes the next place on the line, and says when the last byte is through.
    fn through(&self, bytes: usize) -> Instant {
        let mut free_at = self.free_at.lock().unwrap();
        let seconds = bytes as f64 / f64::from(self.bytes_per_second);
        *free_at = (*free_at).max(Instant::now()) + Duration::from_secs_f64(seconds);
        *free_at
    }
}

fn carry(
    client: TcpStream,
    to: SocketAddr,
    open_at: Instant,
    delay: Duration,
    pace: &Arc<Pace>,
) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || direction(from_client, to_server, move |_| open_at.max(Instant::now()) + delay));
    let pace = Arc::clone(pace);
    direction(server, client, move |bytes| pace.through(bytes) + delay);
    Ok(())
}

/// Carries one way until it ends; `arrival` says when a piece of so many bytes arrives.
fn direction(mut from: TcpStream, to: TcpStream, arrival: impl Fn(usize) -> Instant) {
    let (sender, receiver) = sync_channel(UNDER_WAY);
    let writer = thread::spawn(move || deliver(to, &receiver));
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if !send(&sender, arrival(length), piece[..length].to_vec()) {
            break;
        }
    }
    drop(sender);
    let _ = writer.join();
}

fn send(sender: &SyncSender<(Instant, Vec<u8>)>, at: Instant, bytes: Vec<u8>) -> bool {
    sender.send((at, bytes)).is_ok()
}

fn deliver(mut to: TcpStream, pieces: &Receiver<(Instant, Vec<u8>)>) {
    for (at, bytes) in pieces {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers whatever it is told first with so many bytes, and closes.
    fn server(bytes: usize) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                thread::spawn(move || {
                    client.read_exact(&mut [0; 4]).unwrap();
                    client.write_all(&vec![7; bytes]).unwrap();
                });
            }
        });
        address
    }

    fn ask(line: &Line) -> (usize, Duration) {
        let started = Instant::now();
        let mut client = TcpStream::connect(line.address()).unwrap();
        client.write_all(b"all!").unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        (answer.len(), started.elapsed())
    }

    #[test]
    fn an_answer_takes_two_round_trips_and_the_time_of_its_bytes() {
        let line = Line::start(server(1_000_000), Duration::from_millis(100), 4_000_000);
        let (length, time) = ask(&line);
        assert_eq!(length, 1_000_000);
        assert!(time >= Duration::from_millis(200 + 250), "{time:?}");
    }

    #[test]
    fn connections_share_the_line() {
        let line = Line::start(server(1_000_000), Duration::from_millis(2), 10_000_000);
        let started = Instant::now();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(ask(&line).0, 1_000_000));
            }
        });
        assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
    }
}
