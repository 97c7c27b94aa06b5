//! What can be learnt of a file without downloading it: its core metadata, its size.

use bytes::Bytes;
use depot_proto::{
    DistributionFilename, ProjectName, Sha256Digest, metadata,
    simple::{MetadataMark, PageFile},
};
use reqwest::header::CONTENT_LENGTH;
use url::Url;

use crate::{
    attempts::Failure,
    client::Client,
    error::IndexError,
    index_url::IndexUrl,
    request::{Wanted, file_url, link_url, read_body},
};

impl Client {
    /// Reads the core metadata of `file`, byte for byte, without downloading the file.
    ///
    /// It comes from the sidecar (PEP 658) where the page advertises one, verified if its hash is listed; else, for a
    /// wheel, from the archive's end by range requests. Where neither is possible the error is
    /// [`IndexError::NeedsDownload`]. Metadata had by ranges is as trustworthy as the index: only the whole file can
    /// be checked against its hash.
    pub async fn metadata(
        &self,
        index: &IndexUrl,
        project: &ProjectName,
        file: &PageFile,
    ) -> Result<Vec<u8>, IndexError> {
        let url = file_url(index, file)?;
        if file.core_metadata != MetadataMark::Absent
            && let Some(bytes) = self.sidecar(index, &url, file).await?
        {
            return Ok(bytes.into());
        }
        let filename = DistributionFilename::parse(&file.filename, project)?;
        if !matches!(filename, DistributionFilename::Wheel(_)) {
            return Err(IndexError::NeedsDownload {
                filename: file.filename.clone(),
                reason: "the index has no metadata file for it, and only wheels can be read from afar",
            });
        }
        self.wheel_metadata(index, &url, filename, file.size).await
    }

    /// Reads the provenance of `file` (PEP 740), byte for byte, from where its page says that it is; none if the page
    /// names none. What it attests, and whether that is true, is for others to judge.
    pub async fn provenance(&self, index: &IndexUrl, file: &PageFile) -> Result<Option<Vec<u8>>, IndexError> {
        let Some(link) = &file.provenance else { return Ok(None) };
        let document = self.fetch_document(index, &link_url(index, file, link)?).await?;
        Ok(Some(document.into()))
    }

    /// Asks for the size of `file` in bytes; none if the server does not tell.
    pub async fn size(&self, index: &IndexUrl, file: &PageFile) -> Result<Option<u64>, IndexError> {
        self.size_at(index, &file_url(index, file)?).await
    }

    pub(crate) async fn size_at(&self, index: &IndexUrl, url: &Url) -> Result<Option<u64>, IndexError> {
        let mut attempts = self.attempts();
        loop {
            match self.send(index, url, &Wanted::Head).await {
                // The header itself: what the client makes of it is the length of the body, which HEAD has none of.
                Ok(answer) => {
                    let header = answer.headers().get(CONTENT_LENGTH);
                    return Ok(header.and_then(|value| value.to_str().ok()?.trim().parse().ok()));
                }
                // Servers without HEAD; and addresses signed for GET alone forbid it.
                Err(Failure::Final(
                    IndexError::Forbidden { .. } | IndexError::Status { status: 400 | 405 | 501, .. },
                )) => return Ok(None),
                Err(failure) => attempts.wait_or_fail(failure).await?,
            }
        }
    }

    /// The sidecar, if it is there and is what it should be.
    async fn sidecar(
        &self,
        index: &IndexUrl,
        file_url: &Url,
        file: &PageFile,
    ) -> Result<Option<Bytes>, IndexError> {
        let mut url = file_url.clone();
        url.set_path(&format!("{}.metadata", file_url.path()));
        let bytes = match self.fetch_document(index, &url).await {
            Ok(bytes) => bytes,
            // Buckets say 403 for what they do not have. Installers give up here; a wheel can still be asked itself.
            Err(error @ (IndexError::NotFound { .. } | IndexError::Forbidden { .. })) => {
                tracing::debug!(%error, "the index advertises a metadata file that it does not have");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match file.core_metadata {
            MetadataMark::Sha256(expected) => {
                let actual = Sha256Digest::of(&bytes);
                if actual != expected {
                    let filename = format!("{}.metadata", file.filename);
                    return Err(IndexError::HashMismatch { filename, expected, actual });
                }
            }
            // Nothing to verify by, so at least it must read as metadata: some servers answer 200 with a web page.
            _ => {
                if let Err(error) = metadata::parse(&bytes) {
                    tracing::debug!(%error, file = file.filename, "the metadata file is not metadata");
                    return Ok(None);
                }
            }
        }
        Ok(Some(bytes))
    }

    /// All of a small document.
    async fn fetch_document(&self, index: &IndexUrl, url: &Url) -> Result<Bytes, IndexError> {
        let mut attempts = self.attempts();
        loop {
            let fetched = match self.send(index, url, &Wanted::File).await {
                Ok(response) => read_body(response, url, self.options().metadata_limit).await,
                Err(failure) => Err(failure),
            };
            match fetched {
                Ok(bytes) => return Ok(bytes),
                Err(failure) => attempts.wait_or_fail(failure).await?,
            }
        }
    }
}

#[cfg(test)]
mod tests;
