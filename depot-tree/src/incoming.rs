//! Bytes on their way into a tree: written to `tmp/`, hashed as they come.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use depot_proto::{ProjectName, Sha256Digest, Sha256Hasher};

use crate::{
    error::{OnPath as _, TreeError},
    tree::Tree,
};

/// A file being received. Dropped before it is published, it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    files: Temporary,
    project: ProjectName,
    file: File,
    hasher: Sha256Hasher,
    size: u64,
}

/// A file received whole, synced, and not yet published. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Sealed {
    pub(crate) files: Temporary,
    pub(crate) project: ProjectName,
    /// None while they are set aside.
    file: Option<File>,
    sha256: Sha256Digest,
    size: u64,
    /// That of the PEP 740 document that goes beside the bytes.
    provenance: Option<Sha256Digest>,
}

/// What the note of a project's record ends in.
pub(crate) const PROJECT_NOTE: &str = ".project";

/// What the note of files that are published together ends in.
pub(crate) const SET_NOTE: &str = ".set";

/// The files of one upload in `tmp/`, removed with it.
#[derive(Debug)]
pub(crate) struct Temporary {
    stem: PathBuf,
    keeps_note: bool,
    keeps_all: bool,
}

impl Temporary {
    pub(crate) fn bytes(&self) -> PathBuf {
        self.with(".part")
    }

    /// The record, which is also the note of what the bytes will become.
    pub(crate) fn record(&self) -> PathBuf {
        self.with(".json")
    }

    pub(crate) fn metadata(&self) -> PathBuf {
        self.with(".metadata")
    }

    pub(crate) fn provenance(&self) -> PathBuf {
        self.with(".provenance")
    }

    /// A record on its way into the place of another.
    pub(crate) fn new_record(&self) -> PathBuf {
        self.with(".new")
    }

    /// The note of a project's record that is changed.
    pub(crate) fn project(&self) -> PathBuf {
        self.with(PROJECT_NOTE)
    }

    /// Leaves the note when everything else is removed.
    pub(crate) fn keep_note(&mut self) {
        self.keeps_note = true;
    }

    /// Leaves everything: the next to open the tree needs it.
    pub(crate) fn keep_all(&mut self) {
        self.keeps_all = true;
    }

    /// The name that all of them begin with.
    pub(crate) fn stem(&self) -> &Path {
        &self.stem
    }

    fn with(&self, suffix: &str) -> PathBuf {
        let mut path = self.stem.clone().into_os_string();
        path.push(suffix);
        path.into()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.keeps_all {
            return;
        }
        let notes = [self.record(), self.project()];
        for path in [self.bytes(), self.metadata(), self.provenance(), self.new_record()].iter().chain(&notes)
        {
            if self.keeps_note && notes.contains(path) {
                continue;
            }
            // Most are not there; one that cannot be removed is swept at the next opening.
            let _ = fs::remove_file(path);
        }
    }
}

impl Tree {
    /// Starts receiving a file of this project.
    pub fn begin(&self, project: &ProjectName) -> Result<Incoming, TreeError> {
        let files = self.temporary(project)?;
        let path = files.bytes();
        let file = File::options().read(true).write(true).create_new(true).open(&path).on("create", &path)?;
        Ok(Incoming { files, project: project.clone(), file, hasher: Sha256Hasher::new(), size: 0 })
    }

    pub(crate) fn temporary(&self, project: &ProjectName) -> Result<Temporary, TreeError> {
        Ok(Temporary { stem: self.stem(project)?, keeps_note: false, keeps_all: false })
    }

    /// A new name in `tmp/` without its suffix.
    pub(crate) fn stem(&self, project: &ProjectName) -> Result<PathBuf, TreeError> {
        let Some(session) = &self.session else {
            let refused =
                io::Error::new(io::ErrorKind::PermissionDenied, "the tree was opened for reading only");
            return Err(refused).on("write into", self.root());
        };
        Ok(session.stem(project))
    }
}

impl Incoming {
    /// One that was received already: its bytes lie where `files` has them.
    pub(crate) fn received(
        files: Temporary,
        project: ProjectName,
        file: File,
        hasher: Sha256Hasher,
        size: u64,
    ) -> Self {
        Self { files, project, file, hasher, size }
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), TreeError> {
        self.file.write_all(bytes).on("write to", self.files.bytes())?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes were taken.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Opens the bytes that were taken so far, and those that will be, for somebody else to read. They are read to the end
    /// even where the file is dropped or published meanwhile.
    pub fn reader(&self) -> Result<File, TreeError> {
        let path = self.files.bytes();
        File::open(&path).on("open", path)
    }

    /// Forgets what was taken, to start again.
    pub fn restart(&mut self) -> Result<(), TreeError> {
        use io::Seek as _;
        self.file.set_len(0).on("truncate", self.files.bytes())?;
        self.file.rewind().on("rewind", self.files.bytes())?;
        self.hasher = Sha256Hasher::new();
        self.size = 0;
        Ok(())
    }

    /// Ends the file: its bytes are synced, its digest and size are known.
    pub fn seal(self) -> Result<Sealed, TreeError> {
        check_length(&self.file, self.size, &self.files.bytes())?;
        self.file.sync_data().on("sync", self.files.bytes())?;
        let Self { files, project, file, hasher, size } = self;
        Ok(Sealed { files, project, file: Some(file), sha256: hasher.finish(), size, provenance: None })
    }
}

impl Sealed {
    /// The digest of the bytes.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Their number.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the file's PEP 740 document, which gets its name with the bytes. It is synced: nobody could derive it again.
    pub fn attach_provenance(&mut self, document: &[u8]) -> Result<(), TreeError> {
        write_synced(&self.files.provenance(), document)?;
        self.provenance = Some(Sha256Digest::of(document));
        Ok(())
    }

    /// The digest of the document that was attached, for the record to name.
    pub fn provenance(&self) -> Option<Sha256Digest> {
        self.provenance
    }

    /// Goes, but leaves the note of what the bytes became: the next to open the tree will report the file again
    /// ([`crate::Recovered`]). For one who published the file and could not write that down elsewhere.
    pub fn leave_note(mut self) {
        self.files.keep_note();
    }

    /// Where the bytes lie until they are published, for a program that looks at them.
    pub fn path(&self) -> PathBuf {
        self.files.bytes()
    }

    /// The bytes, from the start.
    pub fn reader(&mut self) -> Result<&mut File, TreeError> {
        use io::Seek as _;
        let path = self.files.bytes();
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&path).on("open", &path)?,
        };
        let file = self.file.insert(file);
        file.rewind().on("rewind", path)?;
        Ok(file)
    }

    /// Does not keep them open while others are received.
    pub fn set_aside(&mut self) {
        self.file = None;
    }
}

/// A disk that says it took what it did not is found out by the length of the file.
fn check_length(file: &File, expected: u64, path: &Path) -> Result<(), TreeError> {
    let length = file.metadata().on("look at", path)?.len();
    if length == expected {
        return Ok(());
    }
    let words = format!("{length} bytes are there after {expected} were written");
    Err(io::Error::new(io::ErrorKind::WriteZero, words)).on("write to", path)
}

/// Writes a small file and syncs it.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), TreeError> {
    let mut file = File::create(path).on("create", path)?;
    file.write_all(bytes).on("write to", path)?;
    check_length(&file, bytes.len() as u64, path)?;
    file.sync_data().on("sync", path)
}

#[cfg(test)]
mod tests;
