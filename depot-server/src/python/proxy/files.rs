//! What becomes of a question for a file.

use std::sync::Arc;

use depot_proto::{
    DistributionFilename, ProjectName, Sha256Digest,
    layout::Part,
    redact::SafeUrl,
    simple::{MetadataMark, PageFile},
};

use super::{
    Proxy,
    counters::Event,
    error::ProxyError,
    fetch::Purpose,
    fetched::{Coming, Described, Fetched},
    kept::Look,
    page::Entry,
    settings::FileMode,
    stream,
};
use crate::python::files::{METADATA, PROVENANCE, Served, content_type};

impl Proxy {
    /// A file, or a part of it; none if upstream does not list it, or has no such part.
    pub(crate) async fn file(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Option<Fetched>, ProxyError> {
        if let Some(opened) = self.file_at_hand(filename, part) {
            self.counters.count(Event::Hit);
            return Ok(Some(Fetched::Here(Arc::clone(&opened.served))));
        }
        // Whatever is at hand: files of a project that is quarantined are not sent.
        self.check_offered(filename.project()).await?;
        if let Some(opened) = self.kept.cached(&self.tree, filename, part) {
            self.counters.count(Event::Hit);
            return Ok(Some(Fetched::Here(Arc::clone(&opened.served))));
        }
        let found = match part {
            Part::Bytes => self.bytes(filename).await,
            Part::Metadata => self.metadata(filename).await,
            Part::Provenance => self.provenance(filename).await,
            Part::Record => Ok(None),
        };
        match found {
            Err(ProxyError::Missing { .. }) => Ok(None),
            found => found,
        }
    }

    /// What is known of a file without fetching it, or the file if it is kept; none if upstream does not list it.
    pub(crate) async fn describe(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Option<Fetched>, ProxyError> {
        if let Some(opened) = self.file_at_hand(filename, part) {
            self.counters.count(Event::Hit);
            return Ok(Some(Fetched::Here(Arc::clone(&opened.served))));
        }
        let content_type = match part {
            Part::Bytes => content_type(filename.as_str()),
            Part::Metadata => METADATA,
            Part::Provenance => PROVENANCE,
            Part::Record => return Ok(None),
        };
        self.check_offered(filename.project()).await?;
        if part != Part::Provenance
            && let Look::Here(served) = self.look(filename, part).await?
        {
            self.counters.count(Event::Hit);
            return Ok(Some(Fetched::Here(served)));
        }
        let Some((entry, _)) = self.listed_file(filename).await? else { return Ok(None) };
        check_status(&entry)?;
        let Some(shown) = entry.shown.files.iter().find(|file| file.filename == filename.as_str()) else {
            return Ok(None);
        };
        if part == Part::Bytes && self.settings.files == FileMode::Redirect && !self.settings.offline {
            return Ok(entry.file(filename).map(|file| Fetched::Elsewhere(address(&file))));
        }
        let has_ranges = part != Part::Bytes || self.settings.files != FileMode::Stream;
        let described = Described { size: None, sha256: None, content_type, has_ranges };
        let described = match (part, shown.core_metadata) {
            (Part::Bytes, _) => Some(Described { size: shown.size, sha256: shown.sha256(), ..described }),
            (Part::Provenance, _) => shown.provenance.as_ref().map(|_| described),
            (_, MetadataMark::Absent) => None,
            (_, MetadataMark::Present) => Some(described),
            (_, MetadataMark::Sha256(sha256)) => Some(Described { sha256: Some(sha256), ..described }),
        };
        Ok(described.map(Fetched::Described))
    }

    /// Refuses what is of a project that its index quarantined, also where that is all that is left of it.
    async fn check_offered(self: &Arc<Self>, project: &ProjectName) -> Result<(), ProxyError> {
        if let Some(entry) = self.kept_entry(project).await? {
            return check_status(&entry);
        }
        let (this, name) = (Arc::clone(self), project.clone());
        let left = tokio::task::spawn_blocking(move || this.pages.folder.left(&name)).await;
        match left.map_err(|_| ProxyError::broken_off(project.as_str()))? {
            Some((status, reason)) if !status.offers_files() => {
                Err(ProxyError::Quarantined { project: project.clone(), reason })
            }
            _ => Ok(()),
        }
    }

    async fn bytes(self: &Arc<Self>, filename: &DistributionFilename) -> Result<Option<Fetched>, ProxyError> {
        if let Look::Here(served) = self.look(filename, Part::Bytes).await? {
            self.counters.count(Event::Hit);
            return Ok(Some(Fetched::Here(served)));
        }
        self.check_online(filename)?;
        let Some((entry, file)) = self.listed_file(filename).await? else { return Ok(None) };
        check_status(&entry)?;
        self.counters.count(Event::Miss);
        let described = |size: Option<u64>| Described {
            size,
            sha256: file.sha256(),
            content_type: content_type(filename.as_str()),
            has_ranges: self.settings.files != FileMode::Stream,
        };
        match self.settings.files {
            FileMode::Redirect => Ok(Some(Fetched::Elsewhere(address(&file)))),
            FileMode::Stream => {
                let described = described(file.size);
                stream::begin(self, file, described).await.map(|passing| Some(Fetched::Streamed(passing)))
            }
            FileMode::Cache => {
                let flight = self.fetch(filename, file.clone(), Purpose::Keep);
                Ok(Some(match flight.begun().await? {
                    // Somebody else's question had it kept meanwhile.
                    Some(served) if flight.file().is_none() => Fetched::Here(served),
                    _ => Fetched::Coming(Coming { described: described(flight.size()), flight }),
                }))
            }
        }
    }

    pub(super) fn check_online(&self, filename: &DistributionFilename) -> Result<(), ProxyError> {
        if self.settings.offline {
            return Err(ProxyError::Offline { what: filename.to_string() });
        }
        Ok(())
    }

    /// What the tree has of a file.
    pub(super) async fn look(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Look, ProxyError> {
        let (this, name) = (Arc::clone(self), filename.clone());
        let looked = tokio::task::spawn_blocking(move || this.kept.look(&this.tree, &name, part)).await;
        looked.map_err(|_| ProxyError::broken_off(filename.as_str()))?
    }

    /// A file as a page lists it, whatever the age of the page; one that does not have it is asked for again if it is old.
    pub(super) async fn listed_file(
        self: &Arc<Self>,
        filename: &DistributionFilename,
    ) -> Result<Option<(Arc<Entry>, PageFile)>, ProxyError> {
        let listed = |entry: Arc<Entry>| entry.file(filename).map(|file| (entry, file));
        let kept = self.kept_entry(filename.project()).await?;
        if let Some(found) = kept.and_then(listed) {
            return Ok(Some(found));
        }
        Ok(self.entry(filename.project()).await?.and_then(|(entry, _)| listed(entry)))
    }

    pub(super) fn served(&self, filename: &DistributionFilename, part: Part, bytes: Vec<u8>) -> Arc<Served> {
        let media_type = if part == Part::Metadata { METADATA } else { PROVENANCE };
        let sha256 = Sha256Digest::of(&bytes);
        self.kept.put(filename, part, Served::document(bytes, sha256, media_type))
    }
}

impl Entry {
    /// A file as upstream lists it.
    pub(super) fn listed(&self, filename: &DistributionFilename) -> Option<PageFile> {
        self.upstream.files.iter().find(|file| file.filename == filename.as_str()).cloned()
    }

    /// What is shown of the metadata of a file.
    pub(super) fn shown_mark(&self, filename: &DistributionFilename) -> Option<MetadataMark> {
        let shown = self.shown.files.iter().find(|file| file.filename == filename.as_str());
        shown.map(|file| file.core_metadata)
    }

    /// A file with its address upstream; with the digest and size that were kept first, or learnt here.
    pub(super) fn file(&self, filename: &DistributionFilename) -> Option<PageFile> {
        let is_it = |file: &&PageFile| file.filename == filename.as_str();
        let upstream = self.upstream.files.iter().find(is_it)?;
        let shown = self.shown.files.iter().find(is_it)?;
        Some(PageFile { hashes: shown.hashes.clone(), size: shown.size, ..upstream.clone() })
    }
}

/// Whether the files of a project may be sent.
pub(super) fn check_status(entry: &Entry) -> Result<(), ProxyError> {
    let page = &entry.upstream;
    if page.status.offers_files() {
        return Ok(());
    }
    let (project, reason): (ProjectName, _) = (page.project.clone(), page.status_reason.clone());
    Err(ProxyError::Quarantined { project, reason })
}

/// Where readers are sent: credentials in the address are this server's.
fn address(file: &PageFile) -> String {
    file.url.parse::<SafeUrl>().map_or_else(|_| file.url.clone(), |url| url.without_credentials().into())
}
