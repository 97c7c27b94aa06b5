//! What lies in a folder, and whether it still does.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use depot_proto::{
    DistributionFilename, ProjectName,
    layout::{FILES, PROJECTS, Part},
};
use depot_tree::Tree;

use crate::python::listing::next_version;

/// For how long folders that nobody asked about in particular are believed to be as they were.
pub(super) const BELIEVED: Duration = Duration::from_secs(1);

/// A folder or file that changed so shortly before it was looked at may have changed again within the same tick of the
/// file system's clock.
const TICK: Duration = Duration::from_millis(50);

/// By what it is noticed that a file or folder changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    size: u64,
    modified: SystemTime,
    #[cfg(unix)]
    inode: u64,
    /// When anything of it changed: nobody can set that.
    #[cfg(unix)]
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of what is there; none if it changed just now, so that it must be looked at again.
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        let modified = metadata.modified().ok()?;
        if modified.elapsed().is_ok_and(|age| age < TICK) {
            return None;
        }
        Some(Self {
            size: metadata.len(),
            modified,
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(metadata),
            #[cfg(unix)]
            changed: (
                std::os::unix::fs::MetadataExt::ctime(metadata),
                std::os::unix::fs::MetadataExt::ctime_nsec(metadata),
            ),
        })
    }

    fn at(path: &Path) -> Option<Self> {
        Self::of(&fs::metadata(path).ok()?)
    }
}

/// The files of a project by their names, and where each lies.
pub(super) type Files = BTreeMap<String, PathBuf>;

/// What lies in a folder.
pub(super) struct Scan {
    /// The reader of a saved tree, if it is one: then only files with a record count.
    pub(super) tree: Option<Tree>,
    pub(super) projects: BTreeMap<ProjectName, Files>,
    /// No other look of this process has it.
    pub(super) version: u64,
    folders: Vec<(PathBuf, Option<Stamp>)>,
}

impl Scan {
    /// Looks at every name in the folder, and in the folders in it.
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let files = root.join(FILES);
        let is_tree = files.is_dir();
        let mut scan = Self {
            tree: is_tree.then(|| Tree::open_read_only(root)),
            projects: BTreeMap::new(),
            version: next_version(),
            folders: Vec::new(),
        };
        if is_tree {
            scan.stamp(root.join(PROJECTS));
            for folder in scan.folder(&files, None)? {
                let Some(project) = project_of(&folder) else { continue };
                scan.folder(&folder, Some(&project))?;
            }
        } else {
            for folder in scan.folder(root, None)? {
                let project = project_of(&folder);
                // Folders that may not be read, or are gone again, are none of ours.
                let _ = scan.folder(&folder, project.as_ref());
            }
        }
        Ok(scan)
    }

    fn stamp(&mut self, path: PathBuf) {
        // Before it is read: a change in between is noticed the next time.
        let stamp = Stamp::at(&path);
        self.folders.push((path, stamp));
    }

    /// Takes the files of a folder, and returns the folders in it.
    fn folder(&mut self, folder: &Path, project: Option<&ProjectName>) -> io::Result<Vec<PathBuf>> {
        self.stamp(folder.to_owned());
        let mut folders = Vec::new();
        let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        for entry in entries {
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            // Pipes and the like would keep whoever opens them waiting for ever.
            if !kind.is_file() && !kind.is_symlink() {
                continue;
            }
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let Some(filename) = self.meaning(&path, &name, project) else { continue };
            if kind.is_symlink() && !leads_to_a_file_below(&path, folder) {
                tracing::debug!(path = %path.display(), "a link that leads elsewhere is left out");
                continue;
            }
            self.projects.entry(filename.project().clone()).or_default().insert(name, path);
        }
        Ok(folders)
    }

    /// What a file's name says, if it is a distribution that is to be served.
    fn meaning(
        &self,
        path: &Path,
        name: &str,
        project: Option<&ProjectName>,
    ) -> Option<DistributionFilename> {
        let by_folder = project.and_then(|project| DistributionFilename::parse(name, project).ok());
        if self.tree.is_none() {
            return by_folder.or_else(|| DistributionFilename::guess(name).ok());
        }
        let mut record = path.as_os_str().to_owned();
        record.push(Part::Record.suffix());
        by_folder.filter(|_| Path::new(&record).is_file())
    }

    /// Whether what was seen is still so: all of it, or, where that was looked at a moment ago and the project is there,
    /// what is near the project.
    pub(super) fn is_current(&self, about: Option<&ProjectName>, looked_at: Instant) -> bool {
        let is_same = |(path, stamp): &(PathBuf, Option<Stamp>)| stamp.is_some() && Stamp::at(path) == *stamp;
        let found = about.and_then(|project| self.projects.get(project));
        match found {
            Some(found) if looked_at.elapsed() < BELIEVED => {
                let holds = |folder: &Path| found.values().any(|path| path.parent() == Some(folder));
                let mut near = self.folders.iter().enumerate();
                near.all(|(place, entry)| {
                    (place > 1 && !holds(&entry.0)) || is_same(entry) || is_absent(entry)
                })
            }
            _ => self.folders.iter().all(|entry| is_same(entry) || is_absent(entry)),
        }
    }

    /// What a project's page is made of: the files, and where more of them may come to lie.
    pub(super) fn seen<'a>(
        &'a self,
        project: &'a ProjectName,
        found: &'a Files,
    ) -> impl Iterator<Item = (PathBuf, Option<Stamp>)> + 'a {
        let record =
            self.tree.as_ref().map(|tree| tree.root().join(PROJECTS).join(format!("{project}.json")));
        let records = found.values().map(|path| {
            let mut path = path.clone().into_os_string();
            path.push(if self.tree.is_some() { Part::Record.suffix() } else { "" });
            PathBuf::from(path)
        });
        records.chain(record).map(|path| {
            let stamp = fs::metadata(&path).ok().and_then(|metadata| Stamp::of(&metadata));
            (path, stamp)
        })
    }
}

/// Opens a file, and nothing else that may have taken its name.
pub(super) fn open_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::File::options();
    options.read(true);
    // A pipe is opened without waiting for whoever writes to it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"))
    }
}

/// A folder that was not there, and is not.
fn is_absent((path, stamp): &(PathBuf, Option<Stamp>)) -> bool {
    stamp.is_none() && !path.exists()
}

fn project_of(folder: &Path) -> Option<ProjectName> {
    folder.file_name()?.to_str()?.parse().ok()
}

/// Links within a folder are as good as files; others could show anything.
fn leads_to_a_file_below(link: &Path, folder: &Path) -> bool {
    let below = folder.canonicalize().and_then(|folder| Ok(link.canonicalize()?.starts_with(folder)));
    below.unwrap_or(false) && link.is_file()
}
