//! Whole files, streamed and verified.

use std::io;

use bytes::Bytes;
use depot_proto::{DistributionFilename, Sha256Digest, Sha256Hasher, simple::PageFile};
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName},
};
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

    /// The file comes from its first byte. Who keeps the bytes for another day keeps its version too.
    fn begun(&mut self, begun: &Begun<'_>) -> io::Result<()> {
        let _ = begun;
        Ok(())
    }

    /// Takes the next bytes; the download waits for it, which is what bounds memory.
    fn write(&mut self, chunk: Bytes) -> impl Future<Output = io::Result<()>> + Send;
}

/// What a server says before the first byte of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begun<'a> {
    /// How it names this version of the file, if it does.
    pub etag: Option<&'a str>,
    /// How many bytes it announces.
    pub length: Option<u64>,
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

/// What a sink holds of a file already: its first bytes, from an earlier download.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// How many bytes.
    pub size: u64,
    /// What hashed them.
    pub hasher: Sha256Hasher,
    /// How the server named the version that they are of, if it is the same server.
    pub etag: Option<String>,
}

impl Client {
    /// Streams `file` into `sink` and verifies it.
    ///
    /// The sha256 and size must be those that `file` lists; where it lists no sha256, the bytes must at least begin
    /// as such a file does. An attempt that breaks off is gone on with where the server can do that, and made again
    /// from the start, after [`Sink::restart`], where it cannot.
    pub async fn download<S: Sink>(
        &self,
        index: &IndexUrl,
        file: &PageFile,
        sink: &mut S,
    ) -> Result<Downloaded, IndexError> {
        self.resume(index, file, sink, Held::default()).await
    }

    /// The same, where the sink holds some of the file already. If the whole then is not what is listed, what was held
    /// is not to be trusted, and the file is downloaded once more from its start.
    pub async fn resume<S: Sink>(
        &self,
        index: &IndexUrl,
        file: &PageFile,
        sink: &mut S,
        held: Held,
    ) -> Result<Downloaded, IndexError> {
        let url = file_url(index, file)?;
        let mut attempts = self.attempts();
        let mut download = Download {
            client: self,
            index,
            sink,
            verifier: self.verifier(file, &url, held),
            asked_rest: false,
        };
        let mut may_splice = true;
        let mut furthest = download.verifier.size;
        loop {
            let failure = match download.attempt(may_splice).await {
                Ok(()) => match download.verifier.verdict() {
                    Ok(downloaded) => return Ok(downloaded),
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            // There are servers that refuse a request for the rest in any words, and give the whole to who asks for it.
            let is_refused = download.asked_rest && failure.is_a_status();
            let is_spoiled = download.verifier.is_spliced && failure.is_about_the_bytes();
            if may_splice && (is_refused || is_spoiled) {
                tracing::info!(url = %shown(&url), "what is held cannot be gone on with: starting again");
                may_splice = false;
                // Who may not have the file today may have it tomorrow: then what is held is dropped once the whole comes.
                if !failure.is_about_who_asks() {
                    download.start_over()?;
                }
                continue;
            }
            if download.verifier.size >= furthest.saturating_add(PROGRESS) {
                furthest = download.verifier.size;
                attempts.forgive();
            }
            attempts.wait_or_fail(failure).await?;
        }
    }

    fn verifier<'a>(&self, file: &'a PageFile, url: &'a Url, held: Held) -> Verifier<'a> {
        let mut verifier = Verifier::new(file, url, self.options().file_limit);
        verifier.is_spliced = held.size > 0;
        Verifier { hasher: held.hasher, size: held.size, etag: held.etag, ..verifier }
    }
}

/// An attempt that came this many bytes further than any before it was no failure to be counted.
const PROGRESS: u64 = 1 << 20;

impl Failure {
    /// Whether what came is not what should have come.
    fn is_about_the_bytes(&self) -> bool {
        use IndexError::{HashMismatch, NotTheFile, SizeMismatch, TooLarge};
        let Self::Final(error) = self else { return false };
        matches!(error, HashMismatch { .. } | SizeMismatch { .. } | NotTheFile { .. } | TooLarge { .. })
    }

    /// Whether the server answered for good, and not with what was asked for. A part of another place counts too.
    fn is_a_status(&self) -> bool {
        matches!(self, Self::Final(IndexError::Status { .. })) || self.is_about_who_asks()
    }

    /// Whether the answer says that there is nothing for this asker, rather than something of the request.
    fn is_about_who_asks(&self) -> bool {
        use IndexError::{Forbidden, NotFound, Unauthorized};
        matches!(self, Self::Final(NotFound { .. } | Unauthorized { .. } | Forbidden { .. }))
    }
}

/// One download under way.
struct Download<'a, S> {
    client: &'a Client,
    index: &'a IndexUrl,
    sink: &'a mut S,
    verifier: Verifier<'a>,
    /// Whether the last attempt asked for no more than what is missing.
    asked_rest: bool,
}

impl<S: Sink> Download<'_, S> {
    /// Makes one attempt at what is missing; on success all bytes are there.
    async fn attempt(&mut self, may_splice: bool) -> Result<(), Failure> {
        let from = self.verifier.size;
        if from > 0 && self.verifier.file.size == Some(from) {
            return Ok(());
        }
        // What is held is dropped when the whole comes, and not before.
        let rest = self.verifier.continuation().filter(|_| may_splice);
        self.asked_rest = rest.is_some();
        let wanted = rest.unwrap_or(Wanted::File);
        let url = self.verifier.url;
        let mut response = self.client.send(self.index, url, &wanted).await?;
        let length = header(&response, &CONTENT_LENGTH).and_then(|value| value.parse::<u64>().ok());
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let range = header(&response, &CONTENT_RANGE).unwrap_or_default();
            if !continues(range, from, self.verifier.file.size) {
                let url = shown(url);
                return Err(IndexError::Status { url, status: 206, attempts: 1, retry_after: None }.into());
            }
            self.verifier.is_spliced = true;
            self.verifier.announced(length.map(|length| length.saturating_add(from)))?;
        } else {
            self.start_over()?;
            self.verifier.announced(length)?;
            self.verifier.etag =
                header(&response, &ETAG).filter(|etag| etag.starts_with('"')).map(str::to_owned);
            let begun = Begun { etag: self.verifier.etag.as_deref(), length };
            self.sink.begun(&begun).map_err(IndexError::Sink)?;
        }
        loop {
            let chunk = response.chunk().await.map_err(|error| broke_off(url, self.verifier.size, error))?;
            let Some(chunk) = chunk else { return self.verifier.ended() };
            self.verifier.take(&chunk)?;
            self.sink.write(chunk).await.map_err(IndexError::Sink)?;
        }
    }

    fn start_over(&mut self) -> Result<(), IndexError> {
        if self.verifier.size > 0 {
            self.sink.restart().map_err(IndexError::Sink)?;
            self.verifier.start_over();
        }
        Ok(())
    }
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok().map(str::trim)
}

/// Whether a `Content-Range` begins where what is held ends, and ends with a file of the size that is listed.
fn continues(range: &str, from: u64, size: Option<u64>) -> bool {
    let Some((bounds, total)) = range.strip_prefix("bytes ").and_then(|range| range.split_once('/')) else {
        return false;
    };
    let Some((first, last)) = bounds.split_once('-') else { return false };
    let (first, last, total) = (first.parse::<u64>(), last.parse::<u64>(), total.parse::<u64>());
    let is_last = |last: u64, total: u64| last.checked_add(1) == Some(total);
    let size_fits = |total: u64| size.is_none_or(|size| size == total);
    first == Ok(from)
        && match (last, total) {
            (Ok(last), Ok(total)) => is_last(last, total) && size_fits(total),
            // `*`: it does not say how long the whole is.
            (Ok(last), Err(_)) => size.is_some_and(|size| is_last(last, size)),
            _ => false,
        }
}

/// How many of the first bytes it takes to tell an archive from a web page.
const MAGIC_LEN: usize = 2;

/// Watches the bytes go by, and stops an attempt as soon as they cannot be the file.
struct Verifier<'a> {
    file: &'a PageFile,
    url: &'a Url,
    sha256: Option<Sha256Digest>,
    limit: u64,
    hasher: Sha256Hasher,
    size: u64,
    first: Vec<u8>,
    /// How the server names the version of what was taken.
    etag: Option<String>,
    /// Whether the bytes are not all of one answer.
    is_spliced: bool,
}

impl<'a> Verifier<'a> {
    fn new(file: &'a PageFile, url: &'a Url, limit: u64) -> Self {
        let (sha256, hasher) = (file.sha256(), Sha256Hasher::new());
        let first = Vec::with_capacity(MAGIC_LEN);
        Self { file, url, sha256, limit, hasher, size: 0, first, etag: None, is_spliced: false }
    }

    fn start_over(&mut self) {
        *self = Self::new(self.file, self.url, self.limit);
    }

    /// How to ask for what is missing. Without a version or a digest nobody could tell that two halves do not belong
    /// together.
    fn continuation(&self) -> Option<Wanted> {
        let is_safe = self.sha256.is_some() || self.etag.is_some();
        let may_be = |size: u64| self.file.size.is_none_or(|whole| size < whole);
        (is_safe && self.size > 0 && may_be(self.size))
            .then(|| Wanted::Rest { from: self.size, version: self.etag.clone() })
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

    /// The body ended as such.
    fn ended(&self) -> Result<(), Failure> {
        if let Some(expected) = self.file.size
            && self.size < expected
        {
            // A body that is ended by closing the connection looks complete wherever it is cut.
            let (url, received) = (shown(self.url), self.size);
            let error = IndexError::Truncated { url, received, attempts: 1, source: None };
            return Err(Failure::Again(Box::new(error), None));
        }
        Ok(())
    }

    /// What all the bytes are.
    fn verdict(&self) -> Result<Downloaded, Failure> {
        if self.sha256.is_none() {
            self.check_magic()?;
        }
        let actual = self.hasher.clone().finish();
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
