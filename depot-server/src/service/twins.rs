//! Twins: what must not be lost with the store lies a second time in a folder of its own, a document each.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use crate::private;

/// A folder or twin that cannot be read, and why.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// Every twin in a folder, which is made if it is not there. One that is damaged is left out, and said.
pub(super) fn read<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>, Unreadable> {
    let failed = |source| Unreadable { path: folder.to_owned(), source };
    private::create_own_folder(folder).map_err(failed)?;
    let mut twins = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let twin = fs::read(&path).map_err(|source| Unreadable { path: path.clone(), source })?;
        match serde_json::from_slice(&twin) {
            Ok(twin) => twins.push(twin),
            Err(error) => tracing::warn!(path = %path.display(), %error, "a twin is damaged"),
        }
    }
    Ok(twins)
}
