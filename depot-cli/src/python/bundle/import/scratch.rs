//! A folder for what is on its way to a server.

use std::{
    fs::{self, DirEntry, Metadata},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use depot_tree::Tree;

use crate::clock;

/// What the names of these folders begin with, in the system's folder for temporary files.
const NAME: &str = "depot-bundle-";

/// After so many days a folder that nobody uses is one that an import left when it was killed.
const KEPT_DAYS: u64 = 1;

/// A folder for what is on its way to a server; it goes with this.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one, and removes those that were left behind.
    pub(super) fn create() -> anyhow::Result<Self> {
        let mut number = [0; 8];
        aws_lc_rs::rand::fill(&mut number).map_err(|_| anyhow::anyhow!("no random number could be drawn"))?;
        let around = std::env::temp_dir();
        let path = around.join(format!("{NAME}{:016x}", u64::from_le_bytes(number)));
        let mut builder = fs::DirBuilder::new();
        // What is private on the server is private here.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).with_context(|| format!("cannot create the folder `{}`", path.display()))?;
        let made = Self(path);
        made.sweep(&around);
        Ok(made)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes what was left behind, as far as that can be done: it is in nobody's way.
    fn sweep(&self, around: &Path) {
        let Ok(own) = self.0.metadata() else { return };
        for entry in fs::read_dir(around).into_iter().flatten().flatten() {
            if is_left_behind(&entry, &own) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether this is a folder of an import of ours that is over. What somebody else put there is not even looked into.
fn is_left_behind(entry: &DirEntry, own: &Metadata) -> bool {
    let is_named = entry.file_name().to_str().is_some_and(|name| name.starts_with(NAME));
    // Not that of what a link leads to.
    let Ok(metadata) = entry.metadata() else { return false };
    is_named
        && metadata.is_dir()
        && is_same_owner(&metadata, own)
        && metadata.modified().is_ok_and(|modified| modified < clock::days_ago(KEPT_DAYS))
        && Tree::open_read_only(entry.path()).is_shared().is_ok_and(|is_shared| !is_shared)
}

#[cfg(unix)]
fn is_same_owner(one: &Metadata, two: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    one.uid() == two.uid()
}

/// Where folders for temporary files are each user's own.
#[cfg(not(unix))]
fn is_same_owner(_: &Metadata, _: &Metadata) -> bool {
    true
}
