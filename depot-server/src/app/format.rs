//! Which version of the data directory's layout this is, and whether it is a whole one.
//!
//! `<data-dir>/format` is `{"format": 1, "written_by": "..."}`. It is read before anything else is touched, so that an
//! older server never writes into what a newer one made. A directory without it is of version 1, the first.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::private;

/// The version that this server reads and writes.
pub(crate) const FORMAT: u64 = 1;

/// The name of the file that says it.
pub(crate) const FORMAT_FILE: &str = "format";

/// While this file is in a data directory, it is a backup or an import that was not finished. It is locked by whoever is
/// at it.
pub(crate) const UNFINISHED: &str = "unfinished";

/// What a kill leaves that came before the mark was written: nothing was put beside it then.
pub(crate) const JUST_BEGUN: &str = "just begun";

/// Who writes.
pub(crate) const WRITER: &str = concat!("depot-server ", env!("CARGO_PKG_VERSION"));

/// What `format` says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Format {
    format: u64,
    #[serde(default)]
    written_by: String,
}

/// Why a data directory may not be used by this server; nothing in it was touched.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// A newer server made it.
    #[error(
        "`{}` has format {found} ({written_by}), and this {WRITER} knows formats up to {FORMAT}: start it with the newer depot-server, or restore a backup that this one made",
        path.display()
    )]
    TooNew {
        /// The data directory.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// Which server wrote that.
        written_by: String,
    },
    /// Its version cannot be read.
    #[error(
        "`{}` does not say which format the data directory has ({reason}): if no newer depot-server ever used it, write {{\"format\": {FORMAT}}} into that file",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A backup or an import was cut off.
    #[error("`{}` is unfinished ({what}): do that again, or name another data directory", path.display())]
    Unfinished {
        /// The data directory.
        path: PathBuf,
        /// What was cut off.
        what: String,
    },
    /// It cannot be read or written.
    #[error("cannot use `{}`: {source}", path.display())]
    Io {
        /// Which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Whether this server may use the data directory, which need not be there. Touches nothing.
pub(crate) fn check(data_dir: &Path) -> Result<(), FormatError> {
    let io = |path: &Path, source| FormatError::Io { path: path.to_owned(), source };
    let unfinished = data_dir.join(UNFINISHED);
    match fs::read_to_string(&unfinished) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        what => {
            let mut what = what.map_err(|source| io(&unfinished, source))?.trim().to_owned();
            if what.is_empty() {
                JUST_BEGUN.clone_into(&mut what);
            }
            return Err(FormatError::Unfinished { path: data_dir.to_owned(), what });
        }
    }
    let path = data_dir.join(FORMAT_FILE);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text.map_err(|source| io(&path, source))?,
    };
    match serde_json::from_slice::<Format>(&text) {
        Ok(format) if format.format > FORMAT => {
            let (found, written_by) = (format.format, format.written_by);
            Err(FormatError::TooNew { path: data_dir.to_owned(), found, written_by })
        }
        Ok(format) if format.format == 0 => {
            Err(FormatError::Unreadable { path, reason: "there is no format 0".to_owned() })
        }
        Ok(_) => Ok(()),
        Err(error) => Err(FormatError::Unreadable { path, reason: error.to_string() }),
    }
}

/// Whether some server has made this its data directory. What it made before there was this file has a journal.
pub(crate) fn is_settled(data_dir: &Path) -> bool {
    data_dir.join(FORMAT_FILE).exists() || data_dir.join("journal").is_dir()
}

/// Says which version it is, where nothing does. The directory must have been [`check`]ed.
pub(crate) fn settle(data_dir: &Path) -> io::Result<()> {
    let path = data_dir.join(FORMAT_FILE);
    if path.exists() { Ok(()) } else { write(data_dir) }
}

/// Says that this server wrote the directory.
pub(crate) fn write(data_dir: &Path) -> io::Result<()> {
    let mut text = serde_json::to_vec(&Format { format: FORMAT, written_by: WRITER.to_owned() })?;
    text.push(b'\n');
    private::write(&data_dir.join(FORMAT_FILE), &text)
}

/// Marks a folder as unfinished until [`Unfinished::end`]; a folder that someone is at is refused. None if it is.
pub(crate) struct Unfinished {
    path: PathBuf,
    // The lock ends with the file.
    _lock: File,
}

impl Unfinished {
    /// Marks a folder, in words that say what is under way; none if someone else is at it.
    pub(crate) fn begin(folder: &Path, what: &str) -> io::Result<Option<Self>> {
        let path = folder.join(UNFINISHED);
        let lock = File::options().create(true).truncate(false).write(true).open(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        let mark = format!("{what}\n");
        io::Write::write_all(&mut &lock, mark.as_bytes())?;
        lock.set_len(mark.len() as u64)?;
        lock.sync_all()?;
        if cfg!(unix) {
            File::open(folder)?.sync_all()?;
        }
        Ok(Some(Self { path, _lock: lock }))
    }

    /// The folder is whole; what it holds must be synced.
    pub(crate) fn end(self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        match self.path.parent() {
            Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_is_refused_and_an_older_or_absent_one_taken() {
        let folder = tempfile::tempdir().unwrap();
        check(&folder.path().join("absent")).unwrap();
        check(folder.path()).unwrap();
        settle(folder.path()).unwrap();
        check(folder.path()).unwrap();
        let path = folder.path().join(FORMAT_FILE);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("{\"format\":1,\"written_by\":\"depot-server "), "{text}");
        fs::write(&path, "{\"format\": 1}").unwrap();
        settle(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"format\": 1}", "it is left as it is");
        for (text, is_too_new) in
            [("{\"format\": 2, \"later\": {}}", true), ("", false), ("{\"format\": 0}", false), ("[]", false)]
        {
            fs::write(&path, text).unwrap();
            let refused = check(folder.path()).unwrap_err();
            assert_eq!(matches!(refused, FormatError::TooNew { found: 2, .. }), is_too_new, "{refused}");
            assert_eq!(matches!(refused, FormatError::Unreadable { .. }), !is_too_new, "{refused}");
        }
    }

    #[test]
    fn what_is_unfinished_is_refused_until_it_ends_and_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let unfinished = Unfinished::begin(folder.path(), "a backup").unwrap().unwrap();
        assert!(Unfinished::begin(folder.path(), "another").unwrap().is_none());
        let refused = check(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("is unfinished (a backup)"), "{refused}");
        drop(unfinished);
        assert!(check(folder.path()).is_err(), "it was not ended");
        Unfinished::begin(folder.path(), "a backup").unwrap().unwrap().end().unwrap();
        check(folder.path()).unwrap();
    }
}
