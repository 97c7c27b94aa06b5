//! Which file names a project has, whatever their case, without listing its folder for each new file.
//!
//! A name that differs from a present one only in case is a conflict, and on most file systems only a listing can tell.
//! Listing for each of n new files of a project costs n squared, so the names of large folders are remembered, as hashes:
//! a hash that is not there proves that the name is free, one that is there asks the folder.
//!
//! What is remembered is true for as long as nobody else changes the folder. Other processes that write the tree take its
//! lock for that and leave their session's id in it ([`crate::session::TreeLock::was_ours`]); anyone else, a copy into a
//! tree in use, moves the folder's modification time.

use std::{
    collections::{HashMap, HashSet},
    fs,
    hash::{BuildHasher as _, RandomState},
    path::Path,
    time::SystemTime,
};

use depot_proto::{ProjectName, layout::Part};

use crate::error::{OnPath as _, TreeError};

/// Smaller folders are listed faster than they are remembered.
const WORTH_REMEMBERING: usize = 32;

/// The most names remembered in all: eight mebibytes or so.
const MOST: usize = 500_000;

/// The names of the projects that were written to last.
#[derive(Debug, Default)]
pub(crate) struct KnownNames {
    hasher: RandomState,
    projects: HashMap<ProjectName, Known>,
    total: usize,
    /// How often a folder was listed.
    #[cfg(test)]
    pub(crate) listings: usize,
}

#[derive(Debug)]
struct Known {
    modified: SystemTime,
    names: HashSet<u64>,
}

impl KnownNames {
    /// The name of a file of the project with a record that is this one but for case.
    pub(crate) fn find(
        &mut self,
        project: &ProjectName,
        folder: &Path,
        filename: &str,
    ) -> Result<Option<String>, TreeError> {
        let modified = modified(folder)?;
        if let Some(known) = self.projects.get(project)
            && known.modified == modified
            && !known.names.contains(&self.hash(filename))
        {
            return Ok(None);
        }
        self.list(project, folder, modified, filename)
    }

    fn list(
        &mut self,
        project: &ProjectName,
        folder: &Path,
        modified: SystemTime,
        filename: &str,
    ) -> Result<Option<String>, TreeError> {
        #[cfg(test)]
        {
            self.listings += 1;
        }
        self.forget(project);
        let mut names = HashSet::new();
        let mut found = None;
        for entry in fs::read_dir(folder).on("list", folder)? {
            let name = entry.on("list", folder)?.file_name();
            if let Some((present, Part::Record)) = name.to_str().map(Part::split) {
                names.insert(self.hash(present));
                if present.eq_ignore_ascii_case(filename) {
                    found = Some(present.to_owned());
                }
            }
        }
        if names.len() >= WORTH_REMEMBERING {
            if self.total + names.len() > MOST {
                self.clear();
            }
            self.total += names.len();
            self.projects.insert(project.clone(), Known { modified, names });
        }
        Ok(found)
    }

    /// Whether what is known of the project is still true: asked before its folder is changed.
    pub(crate) fn is_current(&self, project: &ProjectName, folder: &Path) -> bool {
        let Some(known) = self.projects.get(project) else { return false };
        modified(folder).is_ok_and(|modified| modified == known.modified)
    }

    /// The folder was changed under the tree's lock, and got this name if there is one, and was as it was known before.
    pub(crate) fn changed(&mut self, project: &ProjectName, folder: &Path, filename: Option<&str>) {
        let hash = filename.map(|filename| self.hash(filename));
        let now = modified(folder);
        let Some(known) = self.projects.get_mut(project) else { return };
        match now {
            Ok(now) => known.modified = now,
            Err(_) => return self.forget(project),
        }
        if hash.is_some_and(|hash| known.names.insert(hash)) {
            self.total += 1;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.projects.clear();
        self.total = 0;
    }

    fn forget(&mut self, project: &ProjectName) {
        if let Some(known) = self.projects.remove(project) {
            self.total -= known.names.len();
        }
    }

    fn hash(&self, filename: &str) -> u64 {
        self.hasher.hash_one(filename.to_ascii_lowercase())
    }
}

fn modified(folder: &Path) -> Result<SystemTime, TreeError> {
    fs::metadata(folder).and_then(|folder| folder.modified()).on("look at", folder)
}
