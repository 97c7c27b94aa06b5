//! Downloads that may go on another day: their bytes lie in `tmp/resumable/` under the digest that they are to have,
//! belong to no session, and are swept by age alone.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use depot_proto::{ProjectName, Sha256Digest, Sha256Hasher};
use serde_json::{Value, json};

use crate::{
    beneath,
    error::{OnPath as _, TreeError},
    incoming::Incoming,
    session::lock_tree,
    sync,
    tree::{Tree, names},
};

/// The folder in `tmp/`.
pub(crate) const FOLDER: &str = "resumable";

/// The most that is read of a note, in bytes: an address is the longest part of it.
const MAX_NOTE: u64 = 64 << 10;

/// A file being received that keeps what it has when it is dropped.
///
/// The lock on its bytes is held for as long as it lives, so two processes never write the same one.
#[derive(Debug)]
pub struct Resumable {
    tmp: PathBuf,
    part: PathBuf,
    /// None once it was handed on.
    file: Option<File>,
    hasher: Sha256Hasher,
    size: u64,
}

/// What is written down beside kept bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeNote {
    /// Where they come from, without credentials.
    pub url: String,
    /// How the server names the version that they are of.
    pub etag: Option<String>,
    /// The digest that the whole is to have.
    pub sha256: Sha256Digest,
    /// The size that the whole is to have, in bytes.
    pub size: u64,
}

impl Tree {
    /// Starts receiving the file with this digest, or goes on with what is kept of it, which is read and hashed again;
    /// none if another process is receiving it now.
    pub fn resume(&self, sha256: Sha256Digest) -> Result<Option<Resumable>, TreeError> {
        let tmp = self.tmp();
        let folder = tmp.join(FOLDER);
        let part = folder.join(format!("{sha256}.part"));
        let mut file = {
            // Whoever has the bytes takes them away under this lock, so what is opened here is never someone's file.
            let _alone = lock_tree(&tmp)?;
            // The names in it are known beforehand, so somebody could have put links there to what is to be destroyed.
            sync::create_own_folder(&folder)?;
            let file = beneath::open_own(&part).on("open", &part)?;
            match file.try_lock() {
                Ok(()) => file,
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error).on("lock", &part),
            }
        };
        let (mut hasher, mut size) = (Sha256Hasher::new(), 0);
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer).on("read", &part)? {
                0 => break,
                read => {
                    hasher.update(&buffer[..read]);
                    size += read as u64;
                }
            }
        }
        Ok(Some(Resumable { tmp, part, file: Some(file), hasher, size }))
    }

    /// Whether something is kept of the file with this digest.
    pub fn keeps(&self, sha256: Sha256Digest) -> bool {
        let part = self.tmp().join(FOLDER).join(format!("{sha256}.part"));
        fs::symlink_metadata(part).is_ok_and(|part| part.is_file())
    }

    /// Removes what nobody went on with since this moment.
    pub fn sweep_resumable(&self, since: SystemTime) -> Result<usize, TreeError> {
        let tmp = self.tmp();
        let folder = tmp.join(FOLDER);
        let mut swept = 0;
        if !fs::symlink_metadata(&folder).is_ok_and(|folder| folder.is_dir()) {
            return Ok(swept);
        }
        let _alone = lock_tree(&tmp)?;
        for path in free(&folder)? {
            let modified = fs::symlink_metadata(&path).and_then(|file| file.modified());
            if modified.is_ok_and(|modified| modified < since) {
                fs::remove_file(&path).on("remove", &path)?;
                if is_part(&path) {
                    let _ = fs::remove_file(note_of(&path));
                    swept += 1;
                }
            }
        }
        // It stays where something is in it.
        let _ = fs::remove_dir(&folder);
        Ok(swept)
    }
}

impl Resumable {
    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What hashed the bytes that it has.
    pub fn hasher(&self) -> &Sha256Hasher {
        &self.hasher
    }

    /// What was written down of the bytes that it has, if that can be read.
    pub fn note(&self) -> Option<ResumeNote> {
        let path = note_of(&self.part);
        let file = beneath::open(path.parent()?, path.file_name()?.as_ref()).ok()??;
        let mut bytes = Vec::new();
        file.take(MAX_NOTE).read_to_end(&mut bytes).ok()?;
        let note: Value = serde_json::from_slice(&bytes).ok()?;
        Some(ResumeNote {
            url: note["url"].as_str()?.to_owned(),
            etag: note["etag"].as_str().map(str::to_owned),
            sha256: note["sha256"].as_str()?.parse().ok()?,
            size: note["size"].as_u64()?,
        })
    }

    /// Writes down what the bytes to come are.
    pub fn write_note(&self, note: &ResumeNote) -> Result<(), TreeError> {
        let ResumeNote { url, etag, sha256, size } = note;
        let document = json!({ "url": url, "etag": etag, "sha256": sha256, "size": size });
        let path = note_of(&self.part);
        // It is made anew, so that nothing is written through a link or into another name of it.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).on("replace", &path),
            _ => {}
        }
        let mut file = File::create_new(&path).on("create", &path)?;
        file.write_all(document.to_string().as_bytes()).on("write to", &path)
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), TreeError> {
        self.open()?.write_all(bytes).on("write to", &self.part)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Reads what it has, from the start; more can be written afterwards.
    pub fn look<T>(&mut self, read: impl FnOnce(&mut File) -> T) -> Result<T, TreeError> {
        let mut file = self.open()?.try_clone().on("read", &self.part)?;
        file.rewind().on("rewind", &self.part)?;
        let seen = read(&mut file);
        // Both handles have one position.
        file.seek(io::SeekFrom::End(0)).on("rewind", &self.part)?;
        Ok(seen)
    }

    /// Forgets what it has, to start again.
    pub fn restart(&mut self) -> Result<(), TreeError> {
        let mut file = self.open()?;
        file.set_len(0).on("truncate", &self.part)?;
        file.rewind().on("rewind", &self.part)?;
        self.hasher = Sha256Hasher::new();
        self.size = 0;
        Ok(())
    }

    /// Hands the bytes on, as those of a file of this project that was received here and now.
    pub fn into_incoming(mut self, tree: &Tree, project: &ProjectName) -> Result<Incoming, TreeError> {
        let files = tree.temporary(project)?;
        {
            let _alone = lock_tree(&self.tmp)?;
            fs::rename(&self.part, files.bytes()).on("move", &self.part)?;
            let _ = fs::remove_file(note_of(&self.part));
            self.remove_folder();
        }
        let Some(file) = self.file.take() else { return Err(gone()).on("hand on", &self.part) };
        Ok(Incoming::received(files, project.clone(), file, std::mem::take(&mut self.hasher), self.size))
    }

    fn open(&self) -> Result<&File, TreeError> {
        self.file.as_ref().ok_or_else(gone).on("use", &self.part)
    }

    /// Takes the folder away once nothing is in it; the tree must be locked.
    fn remove_folder(&self) {
        if let Some(folder) = self.part.parent() {
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Drop for Resumable {
    fn drop(&mut self) {
        // Nothing is not worth keeping.
        if self.file.is_some()
            && self.size == 0
            && let Ok(_alone) = lock_tree(&self.tmp)
        {
            let _ = fs::remove_file(&self.part);
            let _ = fs::remove_file(note_of(&self.part));
            self.remove_folder();
        }
    }
}

fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "part")
}

/// The kept bytes that nobody is at, and the notes that have none; the tree must be locked. What is no file is passed
/// over.
pub(crate) fn free(folder: &Path) -> Result<Vec<PathBuf>, TreeError> {
    let mut free = Vec::new();
    for name in names(folder)? {
        let path = folder.join(&name);
        if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            continue;
        }
        // Of a note without bytes nobody has any use; one with bytes goes with them.
        let is_free = if is_part(&path) {
            File::open(&path).is_ok_and(|file| file.try_lock().is_ok())
        } else {
            !path.with_extension("part").exists()
        };
        if is_free {
            free.push(path);
        }
    }
    Ok(free)
}

pub(crate) fn note_of(part: &Path) -> PathBuf {
    part.with_extension("json")
}

fn gone() -> io::Error {
    io::Error::other("the bytes were handed on")
}

#[cfg(test)]
mod tests;
