//! A tree: its root, and the walk over what it holds.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use depot_proto::{
    ProjectName,
    layout::{self, Part},
};

use crate::{
    error::{OnPath as _, TreeError},
    names::KnownNames,
    recover::{self, Recovered},
    session::Session,
    sync,
};

/// A tree on a local disk.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// None in a tree opened for reading only.
    pub(crate) session: Option<Session>,
    /// Held by one thread while it links; the file of the same purpose keeps other processes out. What is known of the
    /// names in large folders is true only while it is held.
    pub(crate) linking: Mutex<KnownNames>,
    /// Held while a record is read, changed and put back.
    pub(crate) changing: Mutex<()>,
    /// Held alone while files that belong together get their names, so that a listing has all of them or none.
    pub(crate) naming: RwLock<()>,
    /// Held while a project's folder is made durable: who finds it there must not be ahead of that. In it are the
    /// folders that are there and not durable, because that failed.
    founding: Mutex<HashSet<ProjectName>>,
    /// Set when a folder could not be synced; see [`TreeError::Distrusted`].
    distrusted: AtomicBool,
}

impl Tree {
    /// Opens a tree for reading and writing, creates its folders, and finishes or sweeps what a process that died
    /// left in `tmp/`.
    pub fn open(root: impl Into<PathBuf>) -> Result<(Self, Recovered), TreeError> {
        let root = root.into();
        for folder in [layout::FILES, layout::TMP] {
            sync::create_own_folder(&root.join(folder))?;
        }
        // A process that was killed may have made a project's folder and not come to syncing its name: whoever finds
        // the folder from here on takes it for durable.
        sync::sync_folder(&root.join(layout::FILES))?;
        let session = Session::start(&root)?;
        let tree = Self { session: Some(session), ..Self::open_read_only(root) };
        let recovered = recover::recover(&tree)?;
        Ok((tree, recovered))
    }

    /// Opens a tree for reading only: nothing in it is ever created, locked or removed.
    pub fn open_read_only(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            session: None,
            linking: Mutex::default(),
            changing: Mutex::default(),
            naming: RwLock::default(),
            founding: Mutex::default(),
            distrusted: AtomicBool::new(false),
        }
    }

    /// Says that this process writes no more: for one that ends without dropping the tree.
    pub fn end(&self) {
        if let Some(session) = &self.session {
            session.end();
        }
    }

    /// Whether files can be published; if not, why. What is tried is to make a small file.
    pub fn check_writable(&self) -> Result<(), TreeError> {
        self.check_trusted()?;
        let Some(session) = &self.session else { return Ok(()) };
        let path = session.next_scratch("probe");
        let written = fs::write(&path, b"?").on("write to", &path);
        match fs::remove_file(&path) {
            Err(error) if written.is_ok() => Err(error).on("remove", path),
            _ => written,
        }
    }

    pub(crate) fn check_trusted(&self) -> Result<(), TreeError> {
        if self.distrusted.load(Ordering::Relaxed) {
            return Err(TreeError::Distrusted { root: self.root.clone() });
        }
        Ok(())
    }

    /// Makes the names in a folder durable. After a failure no folder is synced again: the system forgets what it could
    /// not write once it has said so.
    pub(crate) fn sync_folder(&self, folder: &Path) -> Result<(), TreeError> {
        self.check_trusted()?;
        sync::sync_folder_or(folder, || self.distrusted.store(true, Ordering::Relaxed))
    }

    /// Creates a project's folder, durably.
    pub(crate) fn found(&self, project: &ProjectName) -> Result<(), TreeError> {
        let mut undurable = self.founding.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.project_folder(project);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                sync::create_own_folder(&folder)?;
                if !undurable.contains(project) {
                    return Ok(());
                }
            }
            // Someone took the folder above it away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => sync::create_folder(&folder)?,
            created => {
                created.on("create the folder", &folder)?;
                undurable.insert(project.clone());
            }
        }
        self.sync_folder(&self.root.join(layout::FILES))?;
        undurable.remove(project);
        Ok(())
    }

    /// The root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a part of a file.
    pub fn path(&self, project: &ProjectName, filename: &str, part: Part) -> PathBuf {
        self.root.join(layout::file_path(project, filename, part))
    }

    pub(crate) fn project_folder(&self, project: &ProjectName) -> PathBuf {
        self.root.join(layout::FILES).join(project.as_str())
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.join(layout::TMP)
    }

    /// The projects that have a folder, sorted. Folders that are no project's are passed over.
    pub fn projects(&self) -> Result<Vec<ProjectName>, TreeError> {
        let mut projects = Vec::new();
        for name in names(&self.root.join(layout::FILES))? {
            if let Ok(project) = name.parse::<ProjectName>()
                && project.as_str() == name
            {
                projects.push(project);
            }
        }
        projects.sort_unstable();
        Ok(projects)
    }

    /// The names of what lies among the folders of projects and is none, sorted.
    pub fn outside_projects(&self) -> Result<Vec<String>, TreeError> {
        let mut others = names(&self.root.join(layout::FILES))?;
        others.retain(|name| name.parse::<ProjectName>().ok().is_none_or(|project| project.as_str() != name));
        others.sort_unstable();
        Ok(others)
    }

    /// The names of the files of a project that have a record, sorted; none if the project is not there. Of files that
    /// this tree publishes together there are all, or none.
    pub fn filenames(&self, project: &ProjectName) -> Result<Vec<String>, TreeError> {
        let _settled = self.naming.read().unwrap_or_else(PoisonError::into_inner);
        let mut filenames: Vec<String> = names(&self.project_folder(project))?
            .into_iter()
            .filter_map(|name| match Part::split(&name) {
                (filename, Part::Record) => Some(filename.to_owned()),
                _ => None,
            })
            .collect();
        filenames.sort_unstable();
        Ok(filenames)
    }
}

/// The names in a folder that are text; none if there is no such folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, TreeError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.on("list", folder)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry.on("list", folder)?.file_name().into_string() {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
