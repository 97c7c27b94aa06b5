//! HTTP/2 connections that are slow on purpose: the protocol has its own ways to let a server wait.

use std::thread;
use std::time::{Duration, Instant};

use depot_tests::counted;

use super::frames::{ACK, END_HEADERS, Frame, HEADERS, PING, frame, get, literal, request};
use super::secure::{Http2, Secure};

/// When the slow ones must be gone: what a server waits for, and half as much again for a busy machine.
const GONE: Duration = Duration::from_secs(45);

/// Ways to be slow.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Says nothing after its settings, and answers pings.
    Idle,
    /// The same after a request that was answered.
    IdleAfterOne,
    /// Sends headers whose end never comes, and answers pings.
    Headers,
    /// Sends an upload without its body, and answers pings.
    Body,
    /// Asks for a page and gives it no room, and answers pings.
    Window,
}

const WAYS: [Way; 5] = [Way::Idle, Way::IdleAfterOne, Way::Headers, Way::Body, Way::Window];

fn begin(secure: &Secure, way: Way) -> Http2 {
    // A window of one byte: an answer stops after that.
    let window: &[(u16, u32)] = if matches!(way, Way::Window) { &[(4, 1)] } else { &[] };
    let mut connection = secure.http2(window);
    let upload = || {
        let bearer = format!("Bearer {}", secure.token());
        let parts = bearer.as_bytes();
        // A literal whose value is longer than one byte of length can say.
        let rest = parts.len() - 127;
        let length = [0x7f, (rest & 0x7f) as u8 | 0x80, (rest >> 7) as u8];
        let authorization = [&[0, 13], b"authorization".as_slice(), &length, parts].concat();
        [
            request("PUT", "/python/simple/teapot/teapot-1.0.tar.gz"),
            authorization,
            literal("content-length", "99"),
        ]
        .concat()
    };
    match way {
        Way::Idle => {}
        Way::IdleAfterOne | Way::Window => connection.send(&get(1, "/python/simple/")).unwrap(),
        Way::Headers => connection.send(&frame(HEADERS, 0, 1, &request("GET", "/python/simple/"))).unwrap(),
        Way::Body => connection.send(&frame(HEADERS, END_HEADERS, 1, &upload())).unwrap(),
    }
    connection
}

/// Answers pings until the end of the connection, or of the stream where that is what must end; when that was.
fn wait_for_the_end(connection: &mut Http2, way: Way) -> Option<Duration> {
    let began = Instant::now();
    while began.elapsed() < GONE {
        match connection.next() {
            Ok(None) => return Some(began.elapsed()),
            Ok(Some(Frame { kind: PING, flags: 0, payload, .. })) => {
                let _ = connection.send(&frame(PING, ACK, 0, &payload));
            }
            // A slow stream may end alone, by a reset or by its answer.
            Ok(Some(frame)) if frame.stream == 1 => {
                let answered = matches!(way, Way::Body) && frame.kind == HEADERS;
                if answered || frame.kind == super::frames::RST_STREAM {
                    return Some(began.elapsed());
                }
            }
            // Within ten seconds nothing came.
            Ok(Some(_)) | Err(_) => {}
        }
    }
    None
}

#[test]
fn no_way_of_waiting_holds_a_connection_for_ever() {
    let Some(secure) = Secure::start() else { return };
    let still_there: Vec<Way> = thread::scope(|scope| {
        let waiting = WAYS.map(|way| {
            let mut connection = begin(&secure, way);
            (way, scope.spawn(move || wait_for_the_end(&mut connection, way)))
        });
        let ends = waiting.into_iter().map(|(way, waiting)| (way, waiting.join().unwrap()));
        ends.filter(|(_, end)| end.is_none()).map(|(way, _)| way).collect()
    });
    assert!(still_there.is_empty(), "after {GONE:?} these are still there: {still_there:?}");
    secure.assert_is_well();
    counted("attack 30", "ways to let a server wait", WAYS.len() as u64);
}
