//! Both ends of `admin.sock`.

use std::{
    fs, io,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream as BlockingStream},
    path::Path,
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader as AsyncReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
};

use super::{AdminAnswer, AdminRequest, Said, Tell, perform};
use crate::app::Depot;

/// The longest request line, in bytes: a long lock with all its digests.
const MAX_REQUEST: u64 = 32 << 20;

/// Lines that a verb may be ahead of whoever asked.
const AHEAD: usize = 256;

/// How each line of the server's own begins; others are lines of what was asked for.
const ANSWER: &[u8] = b"{\"answer\":";

/// Binds the socket, in the place of one that a process that died left behind: the data directory's lock is held.
///
/// It is made in `state`, which lets nobody else in, and moved to its place when only its owner may use it.
pub(crate) fn bind(path: &Path, state: &Path) -> io::Result<UnixListener> {
    let new = state.join("socket");
    for stale in [path, &new] {
        match fs::remove_file(stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    Ok(listener)
}

/// Answers verbs for as long as the server runs.
pub(crate) async fn serve(listener: UnixListener, depot: Arc<Depot>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let depot = Arc::clone(&depot);
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, depot).await {
                        tracing::warn!(%error, "an admin verb could not be answered");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an admin connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, depot: Arc<Depot>) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    AsyncReader::new(reading.take(MAX_REQUEST)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<AdminRequest>(&line) {
        Ok(request) => {
            let (send, mut said) = mpsc::channel::<Vec<u8>>(AHEAD);
            let verb = tokio::task::spawn_blocking(move || {
                // Whoever asked may have gone; then the verb is told so.
                let tell = |said| send.blocking_send(line_of(said)).is_ok();
                perform(&depot, request, &tell)
            });
            while let Some(line) = said.recv().await {
                writing.write_all(&line).await?;
            }
            verb.await?
        }
        Err(error) => AdminAnswer::Failed { reason: format!("the server does not know this verb: {error}") },
    };
    writing.write_all(&to_line(&answer)).await?;
    writing.shutdown().await
}

fn line_of(said: Said) -> Vec<u8> {
    match said {
        Said::Line(line) => line,
        Said::Progress(words) => to_line(&AdminAnswer::Progress { words }),
    }
}

fn to_line(answer: &AdminAnswer) -> Vec<u8> {
    let mut line = serde_json::to_vec(answer).unwrap_or_default();
    line.push(b'\n');
    line
}

/// What is asked would be cut off, and no server could read it.
fn too_long(bytes: usize) -> io::Error {
    let (asked, most) = (bytes.div_ceil(1 << 20), MAX_REQUEST >> 20);
    let words = format!(
        "the list is too long: it takes {asked} MiB, of which a server reads {most}: give it in parts"
    );
    io::Error::new(io::ErrorKind::InvalidInput, words)
}

/// Asks a running server, and hands on what it says before its answer; none if none runs.
pub(crate) fn ask(path: &Path, request: &AdminRequest, tell: Tell<'_>) -> io::Result<Option<AdminAnswer>> {
    let mut stream = match BlockingStream::connect(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        stream => stream?,
    };
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    if line.len() as u64 > MAX_REQUEST {
        return Err(too_long(line.len()));
    }
    stream.write_all(&line)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up without an answer"));
        }
        let goes_on = if !line.starts_with(ANSWER) {
            tell(Said::Line(line))
        } else if let AdminAnswer::Progress { words } = serde_json::from_slice(&line)? {
            tell(Said::Progress(words))
        } else {
            return Ok(Some(serde_json::from_slice(&line)?));
        };
        if !goes_on {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener as BlockingListener;

    use super::*;
    use crate::python::warm::{Line, Wish};

    #[test]
    fn what_is_longer_than_a_server_reads_is_not_sent_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let _listener = BlockingListener::bind(&path).unwrap();
        let line = Line { requirement: "x".repeat(33 << 20), ..Line::default() };
        let wish = Wish { lines: vec![line], ..Wish::default() };
        let request = AdminRequest::Warm { repository: None, wish };
        let error = ask(&path, &request, &|_| true).unwrap_err().to_string();
        assert!(error.contains("takes 34 MiB, of which a server reads 32: give it in parts"), "{error}");
    }
}
