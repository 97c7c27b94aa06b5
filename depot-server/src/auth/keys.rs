//! The server's signing keys: Ed25519, one PEM file each, readable by their owner alone.

use std::{fs, io, path::Path};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use depot_proto::Sha256Digest;

use crate::{clock, private};

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the key `{path}`: {reason}")]
pub(crate) struct KeyError {
    path: String,
    reason: String,
}

impl KeyError {
    fn new(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self { path: path.display().to_string(), reason: reason.to_string() }
    }
}

/// One signing key.
pub(crate) struct Key {
    /// What a token's `kid` names it by: 16 hexadecimal digits of the public key's digest.
    pub(crate) id: String,
    /// The private key, as PKCS#8.
    pub(crate) private: Vec<u8>,
    /// The 32 bytes of the public key.
    pub(crate) public: Vec<u8>,
}

/// Reads the keys in `folder`, oldest first, and makes the first one if there is none.
pub(crate) fn open(folder: &Path) -> Result<Vec<Key>, KeyError> {
    private::create_own_folder(folder).map_err(|error| KeyError::new(folder, error))?;
    let paths = paths(folder)?;
    if paths.is_empty() {
        return Ok(vec![generate(folder, clock::now().seconds())?]);
    }
    paths.iter().map(|path| read(path)).collect()
}

/// The files of the keys, oldest first.
fn paths(folder: &Path) -> Result<Vec<std::path::PathBuf>, KeyError> {
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
        })
        .map_err(|error| KeyError::new(folder, error))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
    // Their names begin with the time they were made.
    paths.sort();
    Ok(paths)
}

/// Makes another key, which is the newest; its id.
pub(crate) fn add(folder: &Path) -> Result<String, KeyError> {
    let made = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        name.split('-').next()?.parse::<i64>().ok()
    };
    // Whatever the clock says now, it sorts after the others.
    let last = paths(folder)?.iter().filter_map(|path| made(path)).max();
    let now = clock::now().seconds();
    Ok(generate(folder, last.map_or(now, |last| now.max(last + 1)))?.id)
}

/// Removes all keys but this one, durably: what they signed is worthless.
pub(crate) fn remove_all_but(folder: &Path, id: &str) -> Result<(), KeyError> {
    for path in paths(folder)? {
        if read(&path)?.id != id {
            fs::remove_file(&path).map_err(|error| KeyError::new(&path, error))?;
        }
    }
    private::sync_folder(folder).map_err(|error| KeyError::new(folder, error))
}

fn generate(folder: &Path, seconds: i64) -> Result<Key, KeyError> {
    let refused = |_| KeyError::new(folder, "no key could be made");
    let pair = Ed25519KeyPair::generate().map_err(refused)?;
    let document: Pkcs8V1Der<'_> = pair.as_der().map_err(refused)?;
    let key = of(document.as_ref(), folder)?;
    let body = STANDARD.encode(document.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let path = folder.join(format!("{seconds:012}-{}.pem", key.id));
    private::write(&path, pem.as_bytes()).map_err(|error| KeyError::new(&path, error))?;
    Ok(key)
}

fn read(path: &Path) -> Result<Key, KeyError> {
    let pem = private::read(path).map_err(|error| KeyError::new(path, error))?;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let document = STANDARD.decode(body.trim()).map_err(|error| KeyError::new(path, error))?;
    of(&document, path)
}

fn of(document: &[u8], path: &Path) -> Result<Key, KeyError> {
    let pair = Ed25519KeyPair::from_pkcs8(document).map_err(|error| KeyError::new(path, error))?;
    let public = pair.public_key().as_ref().to_vec();
    let id = Sha256Digest::of(&public).to_string()[..16].to_owned();
    Ok(Key { id, private: document.to_vec(), public })
}
