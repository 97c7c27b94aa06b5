//! Everything that comes back on one connection, up to its end.

use std::io;
use std::time::Duration;

use depot_tests::{RawConnection, RawResponse, WheelBuilder};

use crate::python::depot::Depot;

/// How long an answer, or the end of a connection, may take on a machine that does many other things.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server closed it.
    Closed,
    /// It is open, and nothing more came for ten seconds.
    Open,
    /// What came is not HTTP.
    Nonsense(String),
}

/// What a server answered to some bytes.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) answers: Vec<RawResponse>,
    pub(super) ending: Ending,
}

impl Exchange {
    /// Sends these bytes and reads answers until the server closes the connection.
    pub(super) fn of(url: &str, bytes: &[u8]) -> Self {
        let mut connection = RawConnection::open(url, PATIENCE).unwrap();
        // A server that refuses early closes before it has read everything; its answer still counts.
        let _ = connection.send(bytes);
        Self::read(&mut connection, bytes.starts_with(b"HEAD "))
    }

    /// Reads answers to their end; `head` where the first request is a HEAD.
    pub(super) fn read(connection: &mut RawConnection, head: bool) -> Self {
        let mut answers = Vec::new();
        let ending = loop {
            match connection.receive(head && answers.is_empty()) {
                Ok(answer) => answers.push(answer),
                Err(error) => match error.kind() {
                    io::ErrorKind::TimedOut => break Ending::Open,
                    io::ErrorKind::InvalidData => break Ending::Nonsense(error.to_string()),
                    _ => break Ending::Closed,
                },
            }
        };
        Self { answers, ending }
    }

    pub(super) fn statuses(&self) -> Vec<u16> {
        self.answers.iter().map(|answer| answer.status).collect()
    }
}

/// A connection that is kept for as long as the server keeps it, and opened again after that.
pub(super) struct Kept {
    url: String,
    connection: Option<RawConnection>,
    /// How often it had to be opened.
    pub(super) opened: u64,
}

impl Kept {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), connection: None, opened: 0 }
    }

    /// Sends one request and reads its answer. A connection that turns out to be closed is opened again, once.
    #[track_caller]
    pub(super) fn ask(&mut self, request: &[u8]) -> RawResponse {
        let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
        for _ in 0..2 {
            let mut connection = self.connection.take().unwrap_or_else(|| {
                self.opened += 1;
                RawConnection::open(&self.url, PATIENCE).unwrap()
            });
            let _ = connection.send(request);
            match connection.receive(request.starts_with(b"HEAD ")) {
                Ok(answer) => {
                    let closes = answer.header("connection").is_some_and(|value| value == "close");
                    self.connection = (!closes).then_some(connection);
                    return answer;
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    panic!("no answer to {shown:?}")
                }
                Err(_) => {}
            }
        }
        panic!("hung up on: {shown:?}");
    }
}

/// A file that was published, for others to ask for.
pub(super) struct Published {
    pub(super) project: String,
    pub(super) filename: String,
    pub(super) bytes: Vec<u8>,
}

impl Published {
    pub(super) fn wheel(depot: &Depot, wheel: &WheelBuilder) -> Self {
        depot.publish(wheel);
        Self { project: wheel.project(), filename: wheel.filename(), bytes: wheel.build() }
    }

    /// Where its bytes are.
    pub(super) fn path(&self) -> String {
        format!("/python/files/{}/{}", self.project, self.filename)
    }
}
