//! A folder of distributions, served in place: flat, in folders of projects, or a saved tree. Nothing is written there.
//!
//! What lies there may change at any time, so each answer first looks whether it did: folders and files are known by their
//! times and sizes, and what is known of a file is forgotten when those differ.

mod facts;
mod scan;

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use depot_proto::{
    DistributionFilename, ProjectName, Sha256Digest, Version,
    layout::{Part, href_from_page},
    simple::{MetadataMark, PageFile, ProjectPage},
};
use depot_tree::{Tree, TreeError};
use moka::sync::Cache;

use self::{
    facts::{Facts, Known},
    scan::{Scan, Stamp},
};
use super::{
    files::{self, Content, Served},
    listing::{CacheState, Listing, next_version},
};

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// The system does not let it be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// Which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A saved tree is damaged.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file is not what its record says.
    #[error("`{filename}` is damaged: its bytes are not those of its record")]
    Damaged {
        /// Which file.
        filename: String,
    },
}

/// A folder of distributions.
pub(crate) struct Directory {
    root: PathBuf,
    scan: Mutex<Looked>,
    facts: Facts,
    pages: Cache<ProjectName, Page>,
}

/// What lies there, and when all of it was looked at.
struct Looked {
    scan: Arc<Scan>,
    when: Instant,
}

/// A page, and what it was made of.
#[derive(Clone)]
struct Page {
    seen: Arc<[(PathBuf, Option<Stamp>)]>,
    shown: Arc<ProjectPage>,
    version: u64,
}

/// The pages that are remembered.
const PAGES: u64 = 10_000;

impl Directory {
    /// A folder, which must be there. Its files are not read before somebody asks for their project.
    pub(crate) fn open(root: &Path) -> Result<Self, DirectoryError> {
        let failed = |source| DirectoryError::Io { path: root.to_owned(), source };
        let root = root.canonicalize().map_err(failed)?;
        let scan = Scan::read(&root).map_err(failed)?;
        let (facts, pages) = (Facts::default(), Cache::new(PAGES));
        Ok(Self {
            root,
            scan: Mutex::new(Looked { scan: Arc::new(scan), when: Instant::now() }),
            facts,
            pages,
        })
    }

    /// What lies there now. `about` is looked at closely; of the rest it is noticed within a second.
    fn scan(&self, about: Option<&ProjectName>) -> Result<Arc<Scan>, DirectoryError> {
        let mut looked = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if !looked.scan.is_current(about, looked.when) {
            let read = Scan::read(&self.root);
            let scan = read.map_err(|source| DirectoryError::Io { path: self.root.clone(), source })?;
            *looked = Looked { scan: Arc::new(scan), when: now };
        } else if looked.when.elapsed() >= scan::BELIEVED {
            looked.when = now;
        }
        Ok(Arc::clone(&looked.scan))
    }

    /// Another number whenever something else lies there. May block.
    pub(crate) fn version(&self) -> Result<u64, DirectoryError> {
        Ok(self.scan(None)?.version)
    }

    /// The names of the projects there, in order. May block.
    pub(crate) fn names(&self) -> Result<Vec<ProjectName>, DirectoryError> {
        Ok(self.scan(None)?.projects.keys().cloned().collect())
    }

    /// Whether something of a project lay there when the folder could be read last.
    pub(crate) fn had(&self, project: &ProjectName) -> bool {
        let looked = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        looked.scan.projects.contains_key(project)
    }

    /// A project; none if nothing of it lies there. May block, for as long as it takes to hash what is new.
    pub(crate) fn listing(&self, project: &ProjectName) -> Result<Option<Listing>, DirectoryError> {
        let scan = self.scan(Some(project))?;
        let Some(found) = scan.projects.get(project) else { return Ok(None) };
        let seen: Arc<[_]> = scan.seen(project, found).collect();
        let kept = self.pages.get(project).filter(|kept| kept.seen == seen);
        let Page { shown: page, version, .. } = match kept {
            Some(kept) => kept,
            None => {
                let page = match &scan.tree {
                    Some(tree) => tree_page(tree, project, found)?,
                    None => self.loose_page(project, found),
                };
                let page = Page { seen, shown: Arc::new(page), version: next_version() };
                self.pages.insert(project.clone(), page.clone());
                page
            }
        };
        Ok(Some(Listing { page, version, cache: CacheState::Here }))
    }

    /// A part of a file; none if it does not lie there. May block.
    pub(crate) fn open_part(
        &self,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Option<Arc<Served>>, DirectoryError> {
        let scan = self.scan(Some(filename.project()))?;
        let found = scan.projects.get(filename.project());
        let Some(path) = found.and_then(|found| found.get(filename.as_str())) else { return Ok(None) };
        let served = match (&scan.tree, part) {
            (Some(tree), _) => open_in_tree(tree, filename, part)?,
            (None, Part::Bytes) => Some(self.open_loose(path, filename)?),
            (None, Part::Metadata) => facts::metadata(path, filename).map(|bytes| sidecar(bytes, METADATA)),
            (None, Part::Provenance | Part::Record) => None,
        };
        Ok(served.map(Arc::new))
    }

    fn open_loose(&self, path: &Path, filename: &DistributionFilename) -> Result<Served, DirectoryError> {
        let failed = |source| DirectoryError::Io { path: path.to_owned(), source };
        let file = scan::open_file(path).map_err(failed)?;
        let Known { sha256, .. } = self.facts.of(path, &file, filename).map_err(failed)?;
        serve(file, filename, sha256).map_err(failed)?.ok_or_else(|| damaged(filename))
    }

    fn loose_page(&self, project: &ProjectName, found: &scan::Files) -> ProjectPage {
        let mut page = ProjectPage::new(project.clone());
        let mut versions = Vec::new();
        for (name, path) in found {
            let Ok(filename) = DistributionFilename::parse(name, project) else { continue };
            let known = scan::open_file(path).and_then(|file| self.facts.of(path, &file, &filename));
            // One that came or went, or may not be read, is one file's misfortune.
            let known = match known {
                Ok(known) => known,
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a file cannot be read, and is left out");
                    continue;
                }
            };
            page.files.push(PageFile {
                filename: name.clone(),
                url: href_from_page(project, name),
                hashes: [("sha256".to_owned(), known.sha256.to_string())].into(),
                size: Some(known.size),
                // When it came to lie there says nothing of when it was published.
                upload_time: None,
                requires_python: known.requires_python,
                yanked: depot_proto::Yanked::No,
                core_metadata: known.core_metadata.map_or(MetadataMark::Absent, MetadataMark::Sha256),
                provenance: None,
            });
            versions.push(filename.version().clone());
        }
        in_order(&mut page, versions);
        page
    }
}

const METADATA: &str = "text/plain; charset=utf-8";
const PROVENANCE: &str = "application/vnd.pypi.integrity.v1+json";

/// Sorts the files by version and name, and names the versions.
fn in_order(page: &mut ProjectPage, mut versions: Vec<Version>) {
    let project = page.project.clone();
    page.files.sort_by_cached_key(|file| {
        let version =
            DistributionFilename::parse(&file.filename, &project).map(|name| name.version().clone());
        (version.ok(), file.filename.clone())
    });
    versions.sort();
    versions.dedup();
    page.versions = versions.iter().map(ToString::to_string).collect();
}

/// A project of a saved tree: what its records say.
fn tree_page(tree: &Tree, project: &ProjectName, found: &scan::Files) -> Result<ProjectPage, DirectoryError> {
    let mut page = ProjectPage::new(project.clone());
    if let Some(status) = tree.project(project)?.and_then(|record| record.shown().cloned()) {
        (page.status, page.status_reason) = (status.state, status.reason);
    }
    if !page.status.offers_files() {
        return Ok(page);
    }
    let mut versions = Vec::new();
    for name in found.keys() {
        match tree.record(project, name) {
            Ok(Some(record)) => {
                page.files.push(record.to_page_file(href_from_page(project, name)));
                let filename = DistributionFilename::parse(name, project);
                versions.extend(filename.ok().map(|filename| filename.version().clone()));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a record cannot be read, and its file is left out"),
        }
    }
    in_order(&mut page, versions);
    Ok(page)
}

fn open_in_tree(
    tree: &Tree,
    filename: &DistributionFilename,
    part: Part,
) -> Result<Option<Served>, DirectoryError> {
    let (project, name) = (filename.project(), filename.as_str());
    let Some(record) = tree.record(project, name)? else { return Ok(None) };
    let status = tree.project(project)?.and_then(|record| record.shown().cloned());
    if status.is_some_and(|status| !status.state.offers_files()) {
        return Ok(None);
    }
    let wanted = match part {
        Part::Bytes => {
            let Some(opened) = tree.open_part(project, name, Part::Bytes)? else { return Ok(None) };
            let failed = |source| DirectoryError::Io { path: tree.path(project, name, Part::Bytes), source };
            let served = serve(opened.file, filename, record.sha256).map_err(failed)?;
            let served = served.filter(|served| served.size == record.size);
            return served.ok_or_else(|| damaged(filename)).map(Some);
        }
        Part::Metadata => record.core_metadata,
        Part::Provenance => record.provenance,
        Part::Record => None,
    };
    let Some(wanted) = wanted else { return Ok(None) };
    let below = depot_proto::layout::file_path(project, name, part);
    let document = tree.document(&below)?.filter(|document| Sha256Digest::of(document) == wanted);
    // One that is missing or damaged is derived again, where that is possible.
    let document = match (document, part) {
        (None, Part::Metadata) => facts::metadata(&tree.path(project, name, Part::Bytes), filename)
            .filter(|document| Sha256Digest::of(document) == wanted),
        (document, _) => document,
    };
    let content_type = if part == Part::Metadata { METADATA } else { PROVENANCE };
    Ok(document.map(|document| sidecar(document, content_type)))
}

fn damaged(filename: &DistributionFilename) -> DirectoryError {
    DirectoryError::Damaged { filename: filename.to_string() }
}

fn sidecar(document: Vec<u8>, content_type: &'static str) -> Served {
    let (size, etag) = (document.len() as u64, files::etag(Sha256Digest::of(&document)));
    Served { size, etag, content: Content::Memory(document.into()), content_type }
}

/// An open file with this digest; none if it is small enough to be hashed once more, and has another.
fn serve(
    mut file: File,
    filename: &DistributionFilename,
    sha256: Sha256Digest,
) -> io::Result<Option<Served>> {
    let size = file.metadata()?.len();
    let content = if size <= files::SMALL {
        let mut bytes = Vec::with_capacity(size as usize);
        file.read_to_end(&mut bytes)?;
        if Sha256Digest::of(&bytes) != sha256 {
            return Ok(None);
        }
        Content::Memory(Bytes::from(bytes))
    } else {
        Content::File(Arc::new(file))
    };
    Ok(Some(Served {
        content,
        size,
        etag: files::etag(sha256),
        content_type: files::content_type(filename.as_str()),
    }))
}

#[cfg(test)]
mod tests;
