//! Rendered pages of projects: made once per change, form and coding, kept in a bounded cache, dropped by generation.

use std::sync::Arc;

use bytes::Bytes;
use depot_proto::{ProjectName, RepositoryName, Sha256Digest, media_type::PageFormat, simple};
use moka::sync::Cache;

use super::{catalog, key::Key, repository::Repository, view::Shown};
use crate::{
    coding::Coding,
    store::{StoreError, records::Serial},
};

/// What one page takes beside its bytes, roughly: its key, its validator, the cache's own.
const OVERHEAD: usize = 512;

/// A rendered page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The bytes, in their coding.
    pub(crate) body: Bytes,
    /// The coding.
    pub(crate) coding: Coding,
    /// The strong validator of exactly these bytes.
    pub(crate) etag: Bytes,
    /// What they are.
    pub(crate) format: PageFormat,
    /// The serial of the change that the page shows last, where changes are counted.
    pub(crate) serial: Option<Serial>,
}

/// The rendered pages of all repositories.
pub(crate) struct Pages(Cache<Box<[u8]>, Arc<Page>>);

impl Pages {
    /// A cache of at most this many bytes.
    pub(crate) fn new(capacity: u64) -> Self {
        let weight = |_: &_, page: &Arc<Page>| u32::try_from(page.body.len() + OVERHEAD).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(capacity).weigher(weight).build())
    }

    /// The page of a project, by its normalized name, if it is rendered; none if it is not, or if the project is not
    /// here.
    pub(crate) fn cached(
        &self,
        repository: &Repository,
        project: &str,
        format: PageFormat,
        coding: Coding,
    ) -> Option<Arc<Page>> {
        let generation = repository.serial_of(project)?;
        self.0.get(key(repository, project, format, coding, generation)?.as_bytes())
    }

    /// The page of a project, rendered if need be; none if the project is not here. May block.
    ///
    /// Requests for the same page at the same time render it once.
    pub(crate) fn project(
        &self,
        repository: &Repository,
        project: &ProjectName,
        format: PageFormat,
        coding: Coding,
    ) -> Result<Option<Arc<Page>>, Arc<StoreError>> {
        let Some(generation) = repository.serial(project) else { return Ok(None) };
        let Some(key) = key(repository, project.as_str(), format, coding, generation) else {
            return Ok(None);
        };
        // Asked for before the other is begun: who waits for one must not hold up the other.
        let plain = match coding {
            Coding::Identity => None,
            _ => match self.project(repository, project, format, Coding::Identity)? {
                Some(plain) => Some(plain),
                None => return Ok(None),
            },
        };
        let rendered = self.0.try_get_with(key.as_bytes().into(), || match plain {
            Some(plain) => Ok(plain.encoded(coding)),
            None => match catalog::project_page(repository, project) {
                Ok(Some(page)) => {
                    Ok(Arc::new(Page::new(simple::render_project(&page, format), format, page.last_serial)))
                }
                Ok(None) => Err(None),
                Err(error) => Err(Some(error)),
            },
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

    /// The page of a project as a view shows it, if it is rendered.
    pub(crate) fn cached_of(
        &self,
        view: &RepositoryName,
        shown: &Shown,
        format: PageFormat,
        coding: Coding,
    ) -> Option<Arc<Page>> {
        self.0.get(key_of(view, shown, format, coding)?.as_bytes())
    }

    /// The same, rendered if need be; none for a name that is too long to be anybody's. May take a moment.
    pub(crate) fn rendered_of(
        &self,
        view: &RepositoryName,
        shown: &Shown,
        format: PageFormat,
        coding: Coding,
    ) -> Option<Arc<Page>> {
        let key = key_of(view, shown, format, coding)?;
        let plain = match coding {
            Coding::Identity => None,
            _ => Some(self.rendered_of(view, shown, format, Coding::Identity)?),
        };
        let page = self.0.get_with(key.as_bytes().into(), || match plain {
            Some(plain) => plain.encoded(coding),
            None => Arc::new(Page::new(simple::render_project(&shown.page, format), format, None)),
        });
        Some(page)
    }
}

/// Where a page is kept: a change is a new place.
fn key(
    repository: &Repository,
    project: &str,
    format: PageFormat,
    coding: Coding,
    generation: Serial,
) -> Option<Key> {
    Key::new(&[repository.name.as_str(), project], &[format as u8, coding as u8], generation)
}

fn key_of(view: &RepositoryName, shown: &Shown, format: PageFormat, coding: Coding) -> Option<Key> {
    let names = [view.as_str(), shown.page.project.as_str()];
    Key::new(&names, &[format as u8, coding as u8], shown.version)
}

/// A validator of a form and a coding of what has this digest. Two forms may have the same bytes, and are two
/// representations all the same.
pub(super) fn etag(digest: &Sha256Digest, format: PageFormat, coding: Coding) -> Bytes {
    // Half the digest is enough to tell the versions of a page apart.
    let digest = &digest.to_string()[..32];
    let form = match format {
        PageFormat::Json => "json",
        PageFormat::HtmlV1 => "v1",
        PageFormat::Html => "html",
    };
    match coding.name() {
        None => format!("\"{digest}-{form}\"").into(),
        Some(coding) => format!("\"{digest}-{form}-{coding}\"").into(),
    }
}

impl Page {
    /// A page as it was rendered.
    pub(super) fn new(body: Vec<u8>, format: PageFormat, serial: Option<Serial>) -> Self {
        let etag = etag(&Sha256Digest::of(&body), format, Coding::Identity);
        Self { body: body.into(), coding: Coding::Identity, etag, format, serial }
    }

    /// The page in a coding, or as it is where that would not make it shorter.
    fn encoded(self: Arc<Self>, coding: Coding) -> Arc<Self> {
        match coding.encode(&self.body) {
            Ok(body) if body.len() < self.body.len() => {
                let etag = etag(&Sha256Digest::of(&self.body), self.format, coding);
                Arc::new(Self { body: body.into(), coding, etag, format: self.format, serial: self.serial })
            }
            Ok(_) => self,
            Err(error) => {
                tracing::warn!(%error, "a page could not be compressed; it is sent as it is");
                self
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_compressed_where_that_makes_it_shorter() {
        let page = |text: &str| Arc::new(Page::new(text.as_bytes().to_vec(), PageFormat::Html, Some(1)));
        let (long, short) = (page(&"<a>six</a>".repeat(100)), page("<a>"));
        for coding in [Coding::Gzip, Coding::Zstd] {
            let encoded = Arc::clone(&long).encoded(coding);
            assert_eq!(encoded.coding, coding);
            assert_ne!(encoded.etag, long.etag);
            let same = Arc::clone(&short).encoded(coding);
            assert_eq!((same.coding, &same.etag), (Coding::Identity, &short.etag));
        }
    }
}
