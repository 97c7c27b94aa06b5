//! The record of who fetched which file, where the keeper wants one: lines of JSON in `<data-dir>/access/`.
//!
//! It is written behind the backs of those who fetch: what cannot be written as fast as it comes is counted and passed over,
//! and a crash loses the last second. The newest [`MAX_LEN`] bytes and those before them are kept.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use depot_proto::Timestamp;
use serde::{Deserialize, Serialize};

use crate::private;

/// The file that is written, and the one before it.
pub(crate) const FILES: [&str; 2] = ["downloads.jsonl", "downloads.1.jsonl"];

/// When another file is begun, in bytes.
const MAX_LEN: u64 = 64 << 20;

/// Lines that may wait to be written.
const WAITING: usize = 8192;

/// How long a line waits in memory at most.
const FLUSHED_AFTER: Duration = Duration::from_secs(1);

/// Someone fetched a file, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Download {
    /// When.
    pub(crate) time: Timestamp,
    /// Who, as the journal calls them.
    pub(crate) who: String,
    /// The id of their token, or what stands for it.
    pub(crate) token: String,
    /// The repository.
    pub(crate) repository: String,
    /// The project.
    pub(crate) project: String,
    /// The file.
    pub(crate) filename: String,
}

/// The record, being written.
pub(crate) struct Downloads {
    sender: Mutex<Option<SyncSender<Download>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    lost: Arc<AtomicU64>,
}

impl Downloads {
    /// Starts writing into this folder.
    pub(crate) fn start(folder: &Path) -> io::Result<Self> {
        private::create_folder(folder)?;
        let (sender, receiver) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let mut writer = Writer::open(folder, Arc::clone(&lost))?;
        let thread =
            std::thread::Builder::new().name("downloads".to_owned()).spawn(move || writer.run(&receiver))?;
        Ok(Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), lost })
    }

    /// Notes a download; never waits.
    pub(crate) fn note(&self, download: Download) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.as_ref().is_some_and(|sender| sender.try_send(download).is_err()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what waits, and takes no more.
    pub(crate) fn stop(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic of the writer was logged when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Downloads {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Writer {
    folder: PathBuf,
    file: BufWriter<File>,
    len: u64,
    lost: Arc<AtomicU64>,
}

impl Writer {
    fn open(folder: &Path, lost: Arc<AtomicU64>) -> io::Result<Self> {
        let file = private::append(&folder.join(FILES[0]))?;
        let len = file.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), file: BufWriter::new(file), len, lost })
    }

    fn run(&mut self, receiver: &Receiver<Download>) {
        loop {
            let written = match receiver.recv_timeout(FLUSHED_AFTER) {
                // Each is flushed with those that wait with it.
                Ok(first) => std::iter::once(first)
                    .chain(receiver.try_iter().take(WAITING))
                    .try_for_each(|download| self.write(&download))
                    .and_then(|()| self.file.flush()),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(error) = written {
                tracing::warn!(%error, "downloads could not be recorded");
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                tracing::warn!(lost, "more downloads came than could be recorded");
            }
        }
    }

    fn write(&mut self, download: &Download) -> io::Result<()> {
        if self.len > MAX_LEN {
            self.file.flush()?;
            fs::rename(self.folder.join(FILES[0]), self.folder.join(FILES[1]))?;
            *self = Self::open(&self.folder, Arc::clone(&self.lost))?;
        }
        let mut line = serde_json::to_vec(download)?;
        line.push(b'\n');
        self.len += line.len() as u64;
        self.file.write_all(&line)
    }
}

/// Visits what is recorded in this folder, the oldest first. Lines that are not whole are passed over.
pub(crate) fn read(folder: &Path, visit: &mut dyn FnMut(Download)) -> io::Result<()> {
    use io::BufRead as _;
    for name in FILES.iter().rev() {
        let file = match File::open(folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        for line in io::BufReader::new(file).split(b'\n') {
            if let Ok(download) = serde_json::from_slice(&line?) {
                visit(download);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read_in_order_over_files_and_starts() {
        let folder = tempfile::tempdir().unwrap();
        let download = |number: usize| Download {
            time: Timestamp::from_seconds(1).unwrap(),
            who: "ann".to_owned(),
            token: "t".to_owned(),
            repository: "python".to_owned(),
            project: "pot".to_owned(),
            filename: format!("pot-{number}.tar.gz"),
        };
        for number in 0..3 {
            if number == 1 {
                // As if it had grown too large.
                fs::rename(folder.path().join(FILES[0]), folder.path().join(FILES[1])).unwrap();
            }
            let downloads = Downloads::start(folder.path()).unwrap();
            downloads.note(download(number));
            downloads.stop();
            downloads.note(download(9));
        }
        fs::write(
            folder.path().join(FILES[1]),
            [fs::read(folder.path().join(FILES[1])).unwrap(), b"{\"ti".to_vec()].concat(),
        )
        .unwrap();
        let mut read_again = Vec::new();
        read(folder.path(), &mut |download| read_again.push(download.filename)).unwrap();
        assert_eq!(read_again, ["pot-0.tar.gz", "pot-1.tar.gz", "pot-2.tar.gz"]);
    }
}
