//! Metadata and provenance of files: had without the file where that can be, and kept.

use std::sync::Arc;

use depot_index::{Client, IndexError};
use depot_proto::{
    DistributionFilename, DistributionKind, Sha256Digest,
    layout::Part,
    simple::{MetadataMark, PageFile},
};

use super::{
    Proxy, counters::Event, error::ProxyError, fetch::Purpose, kept::Look, settings::FileMode, upstream::Kind,
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
    pub(super) async fn metadata(self: &Arc<Self>, filename: &DistributionFilename) -> Document {
        match self.look(filename, Part::Metadata).await? {
            Look::Here(served) => {
                self.counters.count(Event::Hit);
                return Ok(Some(served));
            }
            Look::NoSuchPart => return Ok(None),
            Look::Damaged | Look::Absent => {}
        }
        let listed = self.kept_entry(filename.project()).await?.and_then(|entry| entry.file(filename));
        let expected = listed.map(|file| file.core_metadata);
        if let Some(kept) = self.kept_part(filename, Part::Metadata).await? {
            match expected {
                // Upstream says that it is another one now, or this one is spoiled.
                Some(MetadataMark::Sha256(sha256)) if Sha256Digest::of(&kept) != sha256 => {}
                _ if kept.is_empty() => return Ok(None),
                _ => {
                    self.counters.count(Event::Hit);
                    return Ok(Some(self.served(filename, Part::Metadata, kept)));
                }
            }
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
        had.unwrap_or_else(|| Err(ProxyError::broken_off(filename.as_str())))
    }

    async fn fetch_metadata(self: &Arc<Self>, filename: &DistributionFilename, file: PageFile) -> Document {
        match self.metadata_from_afar(filename, &file).await? {
            Had::Metadata(metadata) => {
                let (this, name, file) = (Arc::clone(self), filename.clone(), file.clone());
                let kept = tokio::task::spawn_blocking(move || {
                    this.keep_metadata(&name, &file, Some(&metadata));
                    this.served(&name, Part::Metadata, metadata)
                });
                kept.await.map(Some).map_err(|_| ProxyError::broken_off(filename.as_str()))
            }
            Had::NeedsFile if filename.kind() != DistributionKind::Wheel => Ok(None),
            Had::NeedsFile => self.metadata_of_whole(filename, file).await,
        }
    }

    async fn metadata_from_afar(
        &self,
        filename: &DistributionFilename,
        file: &PageFile,
    ) -> Result<Had, ProxyError> {
        let (index, project) = (&self.upstream.index, filename.project());
        let question = async |client: Client| match client.metadata(index, project, file).await {
            Ok(metadata) => Ok(Had::Metadata(metadata)),
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
        file: PageFile,
    ) -> Document {
        let keeps = self.settings.files == FileMode::Cache;
        let purpose = if keeps { Purpose::Keep } else { Purpose::Metadata };
        self.fetch(filename, file, purpose).ended().await?;
        if let Look::Here(served) = self.look(filename, Part::Metadata).await? {
            return Ok(Some(served));
        }
        let kept = self.kept_part(filename, Part::Metadata).await?;
        let kept = kept.filter(|kept| !kept.is_empty());
        Ok(kept.map(|metadata| self.served(filename, Part::Metadata, metadata)))
    }

    /// Keeps the metadata of a file that is not kept, or that there is none to be had. May block.
    pub(super) fn keep_metadata(
        &self,
        filename: &DistributionFilename,
        file: &PageFile,
        metadata: Option<&[u8]>,
    ) {
        self.keep_part(filename, Part::Metadata, metadata.unwrap_or_default());
        if !matches!(file.core_metadata, MetadataMark::Sha256(_)) {
            self.learnt(filename.project());
        }
    }

    pub(super) fn keep_part(&self, filename: &DistributionFilename, part: Part, document: &[u8]) {
        let folder = &self.pages.folder;
        if let Err(error) = folder.write_part(filename.project(), filename.as_str(), part, document) {
            tracing::warn!(%filename, %error, "a document of a file cannot be kept");
        }
    }

    async fn kept_part(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        part: Part,
    ) -> Result<Option<Vec<u8>>, ProxyError> {
        let (this, name) = (Arc::clone(self), filename.clone());
        let read = tokio::task::spawn_blocking(move || {
            this.pages.folder.read_part(name.project(), name.as_str(), part)
        });
        let read = read.await.map_err(|_| ProxyError::broken_off(filename.as_str()))?;
        Ok(read.unwrap_or_else(|error| {
            tracing::warn!(%filename, %error, "a kept document cannot be read");
            None
        }))
    }

    /// The PEP 740 document of a file, as upstream has it; none if it has none.
    pub(super) async fn provenance(self: &Arc<Self>, filename: &DistributionFilename) -> Document {
        if let Some(kept) = self.kept_part(filename, Part::Provenance).await? {
            self.counters.count(Event::Hit);
            return Ok(Some(self.served(filename, Part::Provenance, kept)));
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
        had.unwrap_or_else(|| Err(ProxyError::broken_off(filename.as_str())))
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
