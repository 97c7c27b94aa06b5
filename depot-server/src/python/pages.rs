//! Rendered pages: made once per change, kept in a bounded cache, dropped by generation.

use std::sync::Arc;

use bytes::Bytes;
use depot_proto::{ProjectName, RepositoryName, Sha256Digest, media_type::PageFormat, simple};
use moka::sync::Cache;

use super::{catalog, repository::Repository};
use crate::store::{StoreError, records::Serial};

/// What one page takes beside its bytes, roughly: its key, its validator, the cache's own.
const OVERHEAD: usize = 512;

/// A rendered page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The bytes.
    pub(crate) body: Bytes,
    /// The strong validator of exactly these bytes.
    pub(crate) etag: String,
    /// What they are.
    pub(crate) format: PageFormat,
    /// The serial of the change that the page shows last; 0 for a list of projects.
    pub(crate) serial: Serial,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    repository: RepositoryName,
    /// None for the root page.
    project: Option<ProjectName>,
    format: PageFormat,
    generation: Serial,
}

/// The rendered pages of all repositories.
pub(crate) struct Pages(Cache<Key, Arc<Page>>);

impl Pages {
    /// A cache of at most this many bytes.
    pub(crate) fn new(capacity: u64) -> Self {
        let weight =
            |_: &Key, page: &Arc<Page>| u32::try_from(page.body.len() + OVERHEAD).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(capacity).weigher(weight).build())
    }

    /// The page of a project, if it is rendered; none if it is not, or if the project is not here.
    pub(crate) fn cached(
        &self,
        repository: &Repository,
        project: Option<&ProjectName>,
        format: PageFormat,
    ) -> Option<Arc<Page>> {
        let key = match project {
            Some(project) => project_key(repository, project, format)?,
            None => root_key(repository, format),
        };
        self.0.get(&key)
    }

    /// The page of a project, rendered if need be; none if the project is not here. May block.
    ///
    /// Requests for the same page at the same time render it once.
    pub(crate) fn project(
        &self,
        repository: &Repository,
        project: &ProjectName,
        format: PageFormat,
    ) -> Result<Option<Arc<Page>>, Arc<StoreError>> {
        let Some(key) = project_key(repository, project, format) else { return Ok(None) };
        let rendered = self.0.try_get_with(key, || match catalog::project_page(repository, project) {
            Ok(Some(page)) => {
                let serial = page.last_serial.unwrap_or_default();
                Ok(Page::new(simple::render_project(&page, format), format, serial))
            }
            Ok(None) => Err(None),
            Err(error) => Err(Some(error)),
        });
        match rendered {
            Ok(page) => Ok(Some(page)),
            Err(failed) => match Arc::try_unwrap(failed) {
                Ok(None) => Ok(None),
                Ok(Some(error)) => Err(Arc::new(error)),
                Err(shared) => match &*shared {
                    None => Ok(None),
                    Some(error) => Err(Arc::new(StoreError::Damaged(error.to_string()))),
                },
            },
        }
    }

    /// The list of projects, rendered if need be. May block.
    pub(crate) fn root(&self, repository: &Repository, format: PageFormat) -> Arc<Page> {
        self.0.get_with(root_key(repository, format), || {
            Self::root_of(repository.names.list(&repository.name).iter(), format)
        })
    }

    /// A list of these projects, for those who may not see the others; it is not kept.
    pub(crate) fn root_of<'a>(
        projects: impl Iterator<Item = &'a ProjectName>,
        format: PageFormat,
    ) -> Arc<Page> {
        Page::new(simple::render_root(projects.map(ProjectName::as_str), None, format), format, 0)
    }
}

fn project_key(repository: &Repository, project: &ProjectName, format: PageFormat) -> Option<Key> {
    let generation = repository.serial(project)?;
    Some(Key { repository: repository.name.clone(), project: Some(project.clone()), format, generation })
}

fn root_key(repository: &Repository, format: PageFormat) -> Key {
    let generation = repository.names.root(&repository.name).names_changed;
    Key { repository: repository.name.clone(), project: None, format, generation }
}

impl Page {
    fn new(body: Vec<u8>, format: PageFormat, serial: Serial) -> Arc<Self> {
        // Half the digest is enough to tell the versions of a page apart.
        let digest = Sha256Digest::of(&body).to_string();
        // Two forms may have the same bytes, and are two representations all the same.
        let form = match format {
            PageFormat::Json => "json",
            PageFormat::HtmlV1 => "v1",
            PageFormat::Html => "html",
        };
        Arc::new(Self { body: body.into(), etag: format!("\"{}-{form}\"", &digest[..32]), format, serial })
    }
}
