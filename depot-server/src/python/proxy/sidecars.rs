//! Metadata and provenance of files: had without the file where that can be, and kept.

use std::{io, sync::Arc};

use depot_index::{Client, IndexError};
use depot_proto::{
    DistributionFilename, DistributionKind, Sha256Digest,
    layout::Part,
    simple::{MetadataMark, PageFile},
};

use super::{
    Proxy, counters::Event, error::ProxyError, fetch::Purpose, fetched::Fetched, kept::Look,
    settings::FileMode, stored::PageFolder, upstream::Kind,
};
use crate::python::files::Served;

/// A document of a file, or that there is none.
pub(super) type Document = Result<Option<Arc<Served>>, ProxyError>;

/// What could be had of a wheel from afar.
enum Had {
    Metadata(Vec<u8>),
    /// Only the whole file tells.
    NeedsFile,
}

impl Proxy {
    /// The core metadata of a file; none if there is none to be had.
    pub(super) async fn metadata(
        self: &Arc<Self>,
        filename: &DistributionFilename,
    ) -> Result<Option<Fetched>, ProxyError> {
        let look = self.look(filename, Part::Metadata).await?;
        if let Look::Here(served) = look {
            self.counters.count(Event::Hit);
            return Ok(Some(Fetched::Here(served)));
        }
        let listed = self.kept_entry(filename.project()).await?.and_then(|entry| entry.listed(filename));
        let is_listed = listed.as_ref().is_some_and(|file| file.core_metadata != MetadataMark::Absent);
        if matches!(look, Look::NoSuchPart) && !is_listed {
            return Ok(None);
        }
        if let Some(kept) = self.kept_metadata(filename, listed).await? {
            if kept.is_empty() {
                return Ok(None);
            }
            self.counters.count(Event::Hit);
            return Ok(Some(Fetched::Here(self.served(filename, Part::Metadata, kept))));
        }
        self.check_online(filename)?;
        let Some((_, file)) = self.listed_file(filename).await? else { return Ok(None) };
        if filename.kind() != DistributionKind::Wheel && file.core_metadata == MetadataMark::Absent {
            return Ok(None);
        }
        self.counters.count(Event::Miss);
        let (this, name) = (Arc::clone(self), filename.clone());
        let begin = || async move { this.fetch_metadata(&name, file).await };
        let had = self.documents.join(&place(filename, Part::Metadata), begin).ended().await;
        let had = had.unwrap_or_else(|| Err(ProxyError::broken_off(filename.as_str())));
        had.map(|had| had.map(Fetched::Now))
    }

    async fn fetch_metadata(self: &Arc<Self>, filename: &DistributionFilename, file: PageFile) -> Document {
        let metadata = match self.metadata_from_afar(filename, &file).await? {
            Had::Metadata(metadata) => Some(metadata),
            Had::NeedsFile if filename.kind() != DistributionKind::Wheel => None,
            Had::NeedsFile => match self.metadata_of_whole(filename, &file).await? {
                Some(served) => return Ok(Some(served)),
                None => None,
            },
        };
        let (this, name) = (Arc::clone(self), filename.clone());
        let kept = tokio::task::spawn_blocking(move || this.keep_metadata(&name, &file, metadata.as_deref()));
        kept.await.map_err(|_| ProxyError::broken_off(filename.as_str()))
    }

    async fn metadata_from_afar(
        &self,
        filename: &DistributionFilename,
        file: &PageFile,
    ) -> Result<Had, ProxyError> {
        let (index, project) = (&self.upstream.index, filename.project());
        let question = async |client: Client| match client.metadata(index, project, file).await {
            Ok(metadata) => match file.core_metadata {
                // It was read out of the wheel, as the listed one is not there. Only all of its bytes tell who is right.
                MetadataMark::Sha256(sha256) if Sha256Digest::of(&metadata) != sha256 => Ok(Had::NeedsFile),
                _ => Ok(Had::Metadata(metadata)),
            },
            // What cannot be read may be another file than the one that is listed: that only all of its bytes tell, and
            // that there is no metadata is remembered.
            Err(IndexError::NeedsDownload { .. } | IndexError::BadFile { .. }) => Ok(Had::NeedsFile),
            Err(error) => Err(error),
        };
        let what = stored(filename, Part::Metadata);
        let had = self.upstream.ask(Kind::Small, &what, Some(self.settings.page_deadline), question).await?;
        had.ok_or(ProxyError::Missing { what })
    }

    /// Fetches the whole wheel for its metadata; it is kept if files are.
    async fn metadata_of_whole(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        file: &PageFile,
    ) -> Document {
        let keeps = self.settings.files == FileMode::Cache;
        let purpose = if keeps { Purpose::Keep } else { Purpose::Metadata };
        self.fetch(filename, file.clone(), purpose).ended().await?;
        if let Look::Here(served) = self.look(filename, Part::Metadata).await? {
            return Ok(Some(served));
        }
        let listed = self.kept_entry(filename.project()).await?.and_then(|entry| entry.listed(filename));
        let kept = self.kept_metadata(filename, listed).await?;
        let kept = kept.filter(|kept| !kept.is_empty());
        Ok(kept.map(|metadata| self.served(filename, Part::Metadata, metadata)))
    }

    /// Keeps the metadata of a file beside its page, or that there is none to be had; serves it, and has the page list it. May
    /// block.
    pub(super) fn keep_metadata(
        &self,
        filename: &DistributionFilename,
        file: &PageFile,
        metadata: Option<&[u8]>,
    ) -> Option<Arc<Served>> {
        self.keep_beside(filename, file, metadata.unwrap_or_default());
        let mark = metadata.map_or(MetadataMark::Absent, |it| MetadataMark::Sha256(Sha256Digest::of(it)));
        let served = metadata.map(|metadata| self.served(filename, Part::Metadata, metadata.to_vec()));
        // The page may be another one by now, which lets go of this again.
        let shown = self.in_memory(filename.project()).and_then(|entry| entry.shown_mark(filename));
        if shown != Some(mark) {
            self.learnt(filename.project());
        }
        served
    }

    pub(super) fn keep_beside(&self, filename: &DistributionFilename, file: &PageFile, metadata: &[u8]) {
        if let Err(error) = self.pages.folder.write_metadata(filename.project(), file, metadata) {
            tracing::warn!(%filename, %error, "the metadata of a file cannot be kept");
        }
    }

    pub(super) fn keep_part(&self, filename: &DistributionFilename, part: Part, document: &[u8]) {
        let folder = &self.pages.folder;
        if let Err(error) = folder.write_part(filename.project(), filename.as_str(), part, document) {
            tracing::warn!(%filename, %error, "a document of a file cannot be kept");
        }
    }

    async fn kept_document(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        read: impl FnOnce(&PageFolder) -> io::Result<Option<Vec<u8>>> + Send + 'static,
    ) -> Result<Option<Vec<u8>>, ProxyError> {
        let this = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || read(&this.pages.folder));
        let read = read.await.map_err(|_| ProxyError::broken_off(filename.as_str()))?;
        Ok(read.unwrap_or_else(|error| {
            tracing::warn!(%filename, %error, "a kept document cannot be read");
            None
        }))
    }

    async fn kept_metadata(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        listed: Option<PageFile>,
    ) -> Result<Option<Vec<u8>>, ProxyError> {
        let name = filename.clone();
        let read =
            move |folder: &PageFolder| folder.read_metadata(name.project(), name.as_str(), listed.as_ref());
        self.kept_document(filename, read).await
    }

    /// The PEP 740 document of a file, as upstream has it; none if it has none.
    pub(super) async fn provenance(
        self: &Arc<Self>,
        filename: &DistributionFilename,
    ) -> Result<Option<Fetched>, ProxyError> {
        let name = filename.clone();
        let read =
            move |folder: &PageFolder| folder.read_part(name.project(), name.as_str(), Part::Provenance);
        if let Some(kept) = self.kept_document(filename, read).await? {
            self.counters.count(Event::Hit);
            return Ok(Some(Fetched::Here(self.served(filename, Part::Provenance, kept))));
        }
        self.check_online(filename)?;
        let Some((_, file)) = self.listed_file(filename).await? else { return Ok(None) };
        if file.provenance.is_none() {
            return Ok(None);
        }
        self.counters.count(Event::Miss);
        let (this, name) = (Arc::clone(self), filename.clone());
        let begin = || async move { this.fetch_provenance(&name, &file).await };
        let had = self.documents.join(&place(filename, Part::Provenance), begin).ended().await;
        let had = had.unwrap_or_else(|| Err(ProxyError::broken_off(filename.as_str())));
        had.map(|had| had.map(Fetched::Now))
    }

    async fn fetch_provenance(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        file: &PageFile,
    ) -> Document {
        let index = &self.upstream.index;
        let question = async |client: Client| client.provenance(index, file).await;
        let what = stored(filename, Part::Provenance);
        let had = self.upstream.ask(Kind::Small, &what, Some(self.settings.page_deadline), question).await?;
        let Some(document) = had.flatten() else { return Ok(None) };
        if serde_json::from_slice::<serde::de::IgnoredAny>(&document).is_err() {
            return Err(ProxyError::Damaged { what, reason: "it is not JSON".to_owned() });
        }
        let (this, name) = (Arc::clone(self), filename.clone());
        let kept = tokio::task::spawn_blocking(move || {
            this.keep_part(&name, Part::Provenance, &document);
            this.served(&name, Part::Provenance, document)
        });
        kept.await.map(Some).map_err(|_| ProxyError::broken_off(filename.as_str()))
    }
}

/// What is fetched once for all: `foo-1-2.tar.gz` is a file of `foo` and another one of `foo-1`.
fn place(filename: &DistributionFilename, part: Part) -> String {
    format!("{}/{}", filename.project(), stored(filename, part))
}

fn stored(filename: &DistributionFilename, part: Part) -> String {
    format!("{filename}{}", part.suffix())
}
