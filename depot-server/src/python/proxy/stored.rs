//! Pages on disk: what was read upstream, to be served after a restart and while upstream is away.
//!
//! They can be fetched again, so they are not synced; one that a power cut spoiled is taken for one that is not there.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use depot_index::{FetchedPage, Validators};
use depot_proto::{
    ProjectName, Sha256Digest, Timestamp,
    layout::Part,
    media_type::PageFormat,
    simple::{PageFile, ProjectPage, ProjectStatus},
};
use serde::{Deserialize, Serialize};

use super::known::{self, Noted, note_name};

/// The version of the documents.
const VERSION: u32 = 1;

/// What a document is written under before it has its name.
const UNFINISHED: &str = ".new";

/// What is kept of a project that upstream has no more.
#[derive(Debug, Serialize, Deserialize)]
struct Left {
    v: u32,
    status: ProjectStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A page as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct StoredPage {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    fetched_at: Timestamp,
    form: String,
    page: ProjectPage,
}

impl StoredPage {
    pub(super) fn new(fetched: FetchedPage, fetched_at: Timestamp) -> Self {
        let form = if fetched.format == PageFormat::Json { "json" } else { "html" }.to_owned();
        let Validators { etag, last_modified } = fetched.validators;
        Self { v: VERSION, etag, last_modified, fetched_at, form, page: fetched.page }
    }

    pub(super) fn into_parts(self) -> (ProjectPage, Validators, Timestamp) {
        let Self { etag, last_modified, fetched_at, page, .. } = self;
        (page, Validators { etag, last_modified }, fetched_at)
    }
}

/// The folder of pages, and of what else was fetched without the files that it is about.
pub(super) struct PageFolder {
    path: PathBuf,
    seen: RwLock<Seen>,
    unfinished: AtomicU64,
}

/// The projects whose pages are kept.
struct Seen {
    names: BTreeSet<ProjectName>,
    /// How many came or went since the server was started.
    version: u64,
}

impl PageFolder {
    /// Opens the folder, and makes it if it is not there: reads its names.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&path)? {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            if name.ends_with(UNFINISHED) {
                // Of a process that died; what cannot be removed is in nobody's way.
                let _ = fs::remove_file(path.join(&name));
            } else if let Some(project) = project_of(&name) {
                names.insert(project);
            }
        }
        let seen = RwLock::new(Seen { names, version: 0 });
        Ok(Self { path, seen, unfinished: AtomicU64::new(0) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The projects whose pages are kept, sorted.
    pub(super) fn names(&self) -> Vec<ProjectName> {
        self.read_seen().names.iter().cloned().collect()
    }

    /// Whether the page of a project is kept.
    pub(super) fn has(&self, project: &ProjectName) -> bool {
        self.read_seen().names.contains(project)
    }

    /// How many pages are.
    pub(super) fn len(&self) -> usize {
        self.read_seen().names.len()
    }

    /// Another number whenever these are others.
    pub(super) fn version(&self) -> u64 {
        self.read_seen().version
    }

    fn read_seen(&self) -> RwLockReadGuard<'_, Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a page is kept, or is not; whether that is news.
    fn note(&self, project: &ProjectName, is_kept: bool) -> bool {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        let is_news = if is_kept { seen.names.insert(project.clone()) } else { seen.names.remove(project) };
        seen.version += u64::from(is_news);
        is_news
    }

    /// The kept page of a project; none if there is none that can be read. May block.
    pub(super) fn read(&self, project: &ProjectName) -> Option<StoredPage> {
        if !self.read_seen().names.contains(project) {
            return None;
        }
        let path = self.page_path(project);
        let stored = fs::read(&path).map_err(|error| error.to_string()).and_then(|bytes| {
            let stored: StoredPage = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
            let is_ours = stored.v == VERSION && stored.page.project == *project;
            if is_ours { Ok(stored) } else { Err("it is of another version or project".to_owned()) }
        });
        stored.inspect_err(|error| tracing::warn!(%project, error, "a kept page is not used")).ok()
    }

    /// Keeps a page in the place of what was there. May block.
    pub(super) fn write(&self, page: &StoredPage) -> io::Result<()> {
        let project = &page.page.project;
        let document = serde_json::to_vec(page).map_err(io::Error::other)?;
        self.put(&self.page_path(project), &document)?;
        self.note(project, true);
        match fs::remove_file(self.left_path(project)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Forgets a project that upstream has no more, but for what its last page said of the project itself: files that are
    /// kept of it are under that still. May block.
    pub(super) fn forget(&self, project: &ProjectName, last: Option<&ProjectPage>) {
        if let Some(last) = last.filter(|last| last.status != ProjectStatus::Active)
            && let Err(error) = self.leave(last)
        {
            // Its page says it still.
            tracing::error!(%project, %error, "the status of a project that is gone cannot be kept, and its page stays");
            return;
        }
        if self.note(project, false)
            && let Err(error) = fs::remove_file(self.page_path(project))
        {
            tracing::warn!(%project, %error, "the page of a project that is gone cannot be removed");
        }
    }

    fn leave(&self, last: &ProjectPage) -> io::Result<()> {
        let left = Left { v: VERSION, status: last.status, reason: last.status_reason.clone() };
        self.put(&self.left_path(&last.project), &serde_json::to_vec(&left).map_err(io::Error::other)?)
    }

    /// The status and its reason that a project had last which upstream has no more; none if there was nothing to say. One
    /// that cannot be read may have been any: none of the files are shown then. May block.
    pub(super) fn left(&self, project: &ProjectName) -> Option<(ProjectStatus, Option<String>)> {
        let document = match fs::read(self.left_path(project)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            read => read.unwrap_or_default(),
        };
        Some(match serde_json::from_slice::<Left>(&document) {
            Ok(left) => (left.status, left.reason),
            Err(error) => {
                tracing::error!(%project, %error, "the status of a project that is gone cannot be read");
                (ProjectStatus::Quarantined, None)
            }
        })
    }

    /// A document of a file that was fetched without the file. May block.
    pub(super) fn read_part(
        &self,
        project: &ProjectName,
        filename: &str,
        part: Part,
    ) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.part_path(project, filename, part)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// The metadata of a file that was fetched without the file, if it holds for what is listed. It is empty if there is none
    /// to be had. May block.
    pub(super) fn read_metadata(
        &self,
        project: &ProjectName,
        filename: &str,
        listed: Option<&PageFile>,
    ) -> io::Result<Option<Vec<u8>>> {
        known::metadata(&self.path.join(project.as_str()), filename, listed)
    }

    /// Keeps it, with a note of what was listed if it is not that. May block.
    pub(super) fn write_metadata(
        &self,
        project: &ProjectName,
        file: &PageFile,
        metadata: &[u8],
    ) -> io::Result<()> {
        let filename = &file.filename;
        if let Some(note) = Noted::of(file, Sha256Digest::of(metadata)) {
            let folder = self.path.join(project.as_str());
            fs::create_dir_all(&folder)?;
            let note = serde_json::to_vec(&note).map_err(io::Error::other)?;
            self.put(&folder.join(note_name(filename)), &note)?;
        }
        self.write_part(project, filename, Part::Metadata, metadata)
    }

    /// Keeps a document of a file that was fetched without the file. May block.
    pub(super) fn write_part(
        &self,
        project: &ProjectName,
        filename: &str,
        part: Part,
        document: &[u8],
    ) -> io::Result<()> {
        fs::create_dir_all(self.path.join(project.as_str()))?;
        self.put(&self.part_path(project, filename, part), document)
    }

    fn put(&self, path: &Path, document: &[u8]) -> io::Result<()> {
        let number = self.unfinished.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.path.join(format!("{number}{UNFINISHED}"));
        let written = fs::write(&unfinished, document).and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            let _ = fs::remove_file(unfinished);
        }
        written
    }

    fn page_path(&self, project: &ProjectName) -> PathBuf {
        self.path.join(format!("{project}.json"))
    }

    fn left_path(&self, project: &ProjectName) -> PathBuf {
        self.path.join(format!("{project}.status"))
    }

    fn part_path(&self, project: &ProjectName, filename: &str, part: Part) -> PathBuf {
        self.path.join(project.as_str()).join(format!("{filename}{}", part.suffix()))
    }
}

fn project_of(name: &str) -> Option<ProjectName> {
    let stem = name.strip_suffix(".json")?;
    stem.parse::<ProjectName>().ok().filter(|project| project.as_str() == stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str) -> StoredPage {
        let page = ProjectPage::new(name.parse().unwrap());
        let validators = Validators { etag: Some("\"x\"".to_owned()), last_modified: None };
        let fetched = FetchedPage { page, format: PageFormat::Json, validators };
        StoredPage::new(fetched, "2026-01-02T03:04:05Z".parse().unwrap())
    }

    #[test]
    fn pages_are_there_after_a_restart_and_spoiled_ones_are_not() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("pages");
        let folder = PageFolder::open(path.clone()).unwrap();
        for name in ["tea-pot", "lid", "cup"] {
            folder.write(&page(name)).unwrap();
        }
        let pot: ProjectName = "tea-pot".parse().unwrap();
        folder.write_part(&pot, "tea_pot-1.whl", Part::Metadata, b"m").unwrap();
        fs::write(path.join("lid.json"), "{").unwrap();
        fs::write(path.join("cup.json"), serde_json::to_vec(&page("lid")).unwrap()).unwrap();
        fs::write(path.join("7.new"), "half").unwrap();
        let folder = PageFolder::open(path.clone()).unwrap();
        assert_eq!(
            folder.names().iter().map(ProjectName::as_str).collect::<Vec<_>>(),
            ["cup", "lid", "tea-pot"]
        );
        let (read, validators, fetched) = folder.read(&pot).unwrap().into_parts();
        assert_eq!((read, validators.etag.as_deref()), (ProjectPage::new(pot.clone()), Some("\"x\"")));
        assert_eq!(fetched.to_string(), "2026-01-02T03:04:05.000000Z");
        assert!(
            folder.read(&"lid".parse().unwrap()).is_none() && folder.read(&"cup".parse().unwrap()).is_none()
        );
        assert_eq!(folder.read_part(&pot, "tea_pot-1.whl", Part::Metadata).unwrap().unwrap(), b"m");
        assert!(folder.read_part(&pot, "tea_pot-2.whl", Part::Metadata).unwrap().is_none());
        assert!(!path.join("7.new").exists());
        folder.forget(&pot, Some(&ProjectPage::new(pot.clone())));
        assert!(folder.read(&pot).is_none() && !path.join("tea-pot.json").exists());
        assert!(folder.left(&pot).is_none());
        // What was said of it besides is kept, until there is a page again; what cannot be read is the worst.
        let mut last = page("tea-pot");
        (last.page.status, last.page.status_reason) = (ProjectStatus::Quarantined, Some("x".to_owned()));
        folder.forget(&pot, Some(&last.page));
        assert_eq!(folder.left(&pot), Some((ProjectStatus::Quarantined, Some("x".to_owned()))));
        assert_eq!(PageFolder::open(path.clone()).unwrap().names().len(), 2);
        fs::write(path.join("tea-pot.status"), "{").unwrap();
        assert_eq!(folder.left(&pot), Some((ProjectStatus::Quarantined, None)));
        folder.write(&page("tea-pot")).unwrap();
        assert!(folder.left(&pot).is_none());
    }
}
