//! Three thousand clients in one thread: each does a little once a second, and notes when it was sent away.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

const BEAT: Duration = Duration::from_secs(1);

/// In which way a client is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Connects and says nothing.
    Silent,
    /// Sends a head of which the end never comes.
    Head,
    /// Sends an upload, a byte a second.
    Body,
    /// The same in chunks.
    Chunks,
    /// The same without a right to it.
    RefusedBody,
    /// Sends a body with a question that needs none.
    UselessBody,
    /// Asks for a big file and hardly reads it.
    Reader,
    /// Asks for a small file again and again, and reads none of it.
    Hoarder,
    /// Asked for a page, has it, and asks for nothing more.
    Idle,
}

/// How a client was sent away.
#[derive(Debug, Clone, Copy)]
struct Gone {
    after: Duration,
    /// With the end of what the server had to say, and not by a reset.
    cleanly: bool,
}

struct Client {
    kind: Kind,
    stream: TcpStream,
    since: Instant,
    received: Vec<u8>,
    gone: Option<Gone>,
}

pub(super) struct Crowd(Vec<Client>);

impl Kind {
    /// What it says at first.
    fn beginning(self, token: &str, number: usize) -> String {
        let put = |lines: &str| {
            format!("PUT /python/simple/slow/slow-{number}.0.tar.gz HTTP/1.1\r\nHost: depot\r\n{lines}\r\n")
        };
        let bearer = format!("Authorization: Bearer {token}\r\n");
        match self {
            Self::Silent => String::new(),
            Self::Head => "GET /python/simple/ HTTP/1.1\r\nHost: depot\r\nX-Slow: ".to_owned(),
            Self::Body => put(&format!("{bearer}Content-Length: 1000000\r\n")),
            Self::Chunks => put(&format!("{bearer}Transfer-Encoding: chunked\r\n")),
            Self::RefusedBody => put("Content-Length: 1000000\r\n"),
            Self::UselessBody => {
                "GET /python/simple/ HTTP/1.1\r\nHost: depot\r\nContent-Length: 1000000\r\n\r\n".to_owned()
            }
            Self::Reader => {
                format!("GET /python/files/big/{} HTTP/1.1\r\nHost: depot\r\n\r\n", super::BIG_NAME)
            }
            Self::Hoarder => {
                format!("GET /python/files/teapot/{} HTTP/1.1\r\nHost: depot\r\n\r\n", super::WHEEL)
                    .repeat(200)
            }
            Self::Idle => "GET /python/simple/teapot/ HTTP/1.1\r\nHost: depot\r\n\r\n".to_owned(),
        }
    }

    /// What it says each second.
    fn drop(self) -> &'static [u8] {
        match self {
            Self::Silent | Self::Reader | Self::Hoarder | Self::Idle => b"",
            Self::Chunks => b"1\r\nx\r\n",
            Self::Head | Self::Body | Self::RefusedBody | Self::UselessBody => b"x",
        }
    }

    /// The statuses that it may be answered with, if it is answered at all.
    fn answers(self) -> &'static [u16] {
        match self {
            Self::Silent | Self::Head | Self::Body | Self::Chunks => &[408],
            Self::RefusedBody => &[401],
            Self::UselessBody | Self::Reader | Self::Hoarder | Self::Idle => &[200],
        }
    }

    /// Whether it must be told why, and not only hung up on.
    fn is_answered(self) -> bool {
        !matches!(self, Self::Silent | Self::Head)
    }
}

impl Client {
    fn open(kind: Kind, authority: &str, beginning: &str) -> Self {
        let mut stream = TcpStream::connect(authority).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { kind, stream, since: Instant::now(), received: Vec::new(), gone: None }
    }

    /// Does what it does in a second.
    fn beat(&mut self) {
        if self.gone.is_some() {
            return;
        }
        // A reader takes so little that the window is never opened for more.
        let mut part = [0; 4096];
        let space =
            if matches!(self.kind, Kind::Reader | Kind::Hoarder) { &mut part[..16] } else { &mut part[..] };
        let read = self.stream.read(space);
        let after = self.since.elapsed();
        match read {
            Ok(0) => self.gone = Some(Gone { after, cleanly: true }),
            Ok(length) => self.received.extend_from_slice(&space[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // Where the other end has gone, the next read says so.
                let _ = self.stream.write(self.kind.drop());
            }
            Err(_) => self.gone = Some(Gone { after, cleanly: false }),
        }
    }

    fn status(&self) -> Option<u16> {
        let line = String::from_utf8_lossy(&self.received[..self.received.len().min(40)]).into_owned();
        line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    fn answers_received(&self) -> usize {
        String::from_utf8_lossy(&self.received).matches("HTTP/1.1 ").count()
    }

    /// What is wrong with how it was treated.
    fn fault(&self) -> Option<&'static str> {
        let answered = self.status().is_some_and(|status| self.kind.answers().contains(&status));
        if matches!(self.kind, Kind::Reader | Kind::Hoarder) {
            return (!answered).then_some("were not answered");
        }
        if !answered && (self.kind.is_answered() || !self.received.is_empty()) {
            return Some("were not answered as they should be");
        }
        let Some(gone) = self.gone else { return Some("are still there") };
        match self.kind {
            Kind::Idle if !gone.cleanly => Some("were cut off and not closed"),
            Kind::Idle if self.answers_received() != 1 => Some("were told something they had not asked for"),
            Kind::Idle if gone.after < Duration::from_secs(15) => Some("were sent away too soon"),
            _ => None,
        }
    }
}

impl Crowd {
    /// Connects them all.
    pub(super) fn open(url: &str, token: &str, kinds: &[(Kind, usize)]) -> Self {
        let authority = url.strip_prefix("http://").unwrap();
        let mut clients = Vec::new();
        for (kind, count) in kinds {
            clients.extend(
                (0..*count).map(|number| Client::open(*kind, authority, &kind.beginning(token, number))),
            );
        }
        Self(clients)
    }

    /// Lets each be slow for as long as this, or until all are gone.
    pub(super) fn stand_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let began = Instant::now();
            for client in &mut self.0 {
                client.beat();
            }
            thread::sleep(BEAT.saturating_sub(began.elapsed()));
        }
    }

    /// What is wrong, each with how many it is wrong with.
    #[expect(clippy::print_stderr, reason = "whoever tunes the limits wants to see when they strike")]
    pub(super) fn faults(&self) -> Vec<String> {
        let mut longest = BTreeMap::<Kind, (usize, Duration)>::new();
        let mut faults = BTreeMap::<(Kind, &str), (usize, Vec<u8>)>::new();
        for client in &self.0 {
            if let Some(gone) = client.gone {
                let (count, after) = longest.entry(client.kind).or_default();
                *count += 1;
                *after = gone.after.max(*after);
            }
            if let Some(fault) = client.fault() {
                let (count, received) = faults.entry((client.kind, fault)).or_default();
                *count += 1;
                received.clone_from(&client.received);
            }
        }
        eprintln!("who was sent away, how many, and the last after: {longest:?}");
        faults
            .into_iter()
            .map(|((kind, fault), (count, received))| {
                let received = String::from_utf8_lossy(&received[..received.len().min(60)]).into_owned();
                format!("{count} of kind {kind:?} {fault}; one of them got {received:?}")
            })
            .collect()
    }
}
