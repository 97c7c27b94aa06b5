//! Whole files, streamed and verified.

use std::io;

use bytes::Bytes;
use depot_proto::{DistributionFilename, Sha256Digest, Sha256Hasher, simple::PageFile};
use reqwest::header::CONTENT_LENGTH;
use url::Url;

use crate::{
    attempts::Failure,
    client::Client,
    error::IndexError,
    index_url::IndexUrl,
    request::{Wanted, broke_off, file_url, shown},
};

/// Where the bytes of a download go, in order.
///
/// What it holds counts for nothing until [`Client::download`] has returned `Ok`.
pub trait Sink: Send {
    /// Forgets all that was written: the file comes again from its first byte.
    fn restart(&mut self) -> io::Result<()>;

    /// Takes the next bytes; the download waits for it, which is what bounds memory.
    fn write(&mut self, chunk: Bytes) -> impl Future<Output = io::Result<()>> + Send;
}

impl Sink for Vec<u8> {
    fn restart(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }

    async fn write(&mut self, chunk: Bytes) -> io::Result<()> {
        self.extend_from_slice(&chunk);
        Ok(())
    }
}

/// What a download was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// The SHA-256 of the bytes written.
    pub sha256: Sha256Digest,
    /// Their number.
    pub size: u64,
}

impl Client {
    /// Streams `file` into `sink` and verifies it.
    ///
    /// The sha256 and size must be those that `file` lists; where it lists no sha256, the bytes must at least begin
    /// as such a file does. An attempt that breaks off is made again from the start, after [`Sink::restart`].
    pub async fn download<S: Sink>(
        &self,
        index: &IndexUrl,
        file: &PageFile,
        sink: &mut S,
    ) -> Result<Downloaded, IndexError> {
        let url = file_url(index, file)?;
        let mut attempts = self.attempts();
        loop {
            match self.try_download(index, &url, file, sink).await {
                Ok(downloaded) => return Ok(downloaded),
                Err(failure) => attempts.wait_or_fail(failure).await?,
            }
            sink.restart().map_err(IndexError::Sink)?;
        }
    }

    async fn try_download<S: Sink>(
        &self,
        index: &IndexUrl,
        url: &Url,
        file: &PageFile,
        sink: &mut S,
    ) -> Result<Downloaded, Failure> {
        let mut response = self.send(index, url, &Wanted::File).await?;
        let announced =
            response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut verifier = Verifier::new(file, url, self.options().file_limit);
        verifier.announced(announced)?;
        loop {
            let chunk = response.chunk().await.map_err(|error| broke_off(url, verifier.size, error))?;
            let Some(chunk) = chunk else { return verifier.finish() };
            verifier.take(&chunk)?;
            sink.write(chunk).await.map_err(IndexError::Sink)?;
        }
    }
}

/// How many of the first bytes it takes to tell an archive from a web page.
const MAGIC_LEN: usize = 2;

/// Watches the bytes of one attempt go by, and stops it as soon as they cannot be the file.
struct Verifier<'a> {
    file: &'a PageFile,
    url: &'a Url,
    sha256: Option<Sha256Digest>,
    limit: u64,
    hasher: Sha256Hasher,
    size: u64,
    first: Vec<u8>,
}

impl<'a> Verifier<'a> {
    fn new(file: &'a PageFile, url: &'a Url, limit: u64) -> Self {
        let (sha256, hasher) = (file.sha256(), Sha256Hasher::new());
        Self { file, url, sha256, limit, hasher, size: 0, first: Vec::with_capacity(MAGIC_LEN) }
    }

    fn announced(&self, length: Option<u64>) -> Result<(), IndexError> {
        match (length, self.file.size) {
            (Some(actual), Some(expected)) if actual != expected => Err(self.wrong_size(expected, actual)),
            (Some(actual), _) => self.check_limits(actual),
            (None, _) => Ok(()),
        }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), IndexError> {
        self.size += chunk.len() as u64;
        self.check_limits(self.size)?;
        self.hasher.update(chunk);
        if self.sha256.is_none() && self.first.len() < MAGIC_LEN {
            let missing = MAGIC_LEN - self.first.len();
            self.first.extend_from_slice(&chunk[..missing.min(chunk.len())]);
            if self.first.len() == MAGIC_LEN {
                self.check_magic()?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Downloaded, Failure> {
        if let Some(expected) = self.file.size
            && self.size < expected
        {
            // A body that is ended by closing the connection looks complete wherever it is cut.
            let (url, received) = (shown(self.url), self.size);
            let error = IndexError::Truncated { url, received, attempts: 1, source: None };
            return Err(Failure::Again(Box::new(error), None));
        }
        if self.sha256.is_none() {
            self.check_magic()?;
        }
        let actual = self.hasher.finish();
        match self.sha256 {
            Some(expected) if expected != actual => {
                let filename = self.file.filename.clone();
                Err(IndexError::HashMismatch { filename, expected, actual }.into())
            }
            _ => Ok(Downloaded { sha256: actual, size: self.size }),
        }
    }

    fn check_limits(&self, size: u64) -> Result<(), IndexError> {
        match self.file.size {
            Some(expected) if size > expected => Err(self.wrong_size(expected, size)),
            _ if size > self.limit => Err(IndexError::TooLarge { url: shown(self.url), limit: self.limit }),
            _ => Ok(()),
        }
    }

    fn check_magic(&self) -> Result<(), IndexError> {
        // A name that says nothing asks nothing of the bytes either.
        match DistributionFilename::guess(&self.file.filename) {
            Ok(filename) if !depot_dist::looks_like(&filename, &self.first) => {
                Err(IndexError::NotTheFile { filename: self.file.filename.clone() })
            }
            _ => Ok(()),
        }
    }

    fn wrong_size(&self, expected: u64, actual: u64) -> IndexError {
        IndexError::SizeMismatch { filename: self.file.filename.clone(), expected, actual }
    }
}

#[cfg(test)]
mod tests;
