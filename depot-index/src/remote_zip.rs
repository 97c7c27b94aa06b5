//! The metadata of a wheel that lies elsewhere, read through range requests.
//!
//! A zip's directory is at its end, and build tools put the metadata just before it. So one request for the tail
//! mostly has all that is needed. The reader works on the parts that are here; where it meets a gap it fails, the
//! gap is fetched, and it starts over: reading again costs microseconds, and no thread waits for the network.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

use bytes::Bytes;
use depot_dist::Limits;
use depot_proto::DistributionFilename;
use reqwest::{Response, StatusCode, header::CONTENT_RANGE};
use url::Url;

use crate::{
    attempts::Failure,
    client::Client,
    error::IndexError,
    index_url::IndexUrl,
    page::blocking,
    request::{Wanted, read_body, shown},
};

/// What is asked for first. The directory has some 100 bytes for each file, so this holds it for 500 files beside
/// metadata of usual length.
const TAIL: u64 = 64 << 10;

/// The most that is fetched of one wheel: a directory of 100,000 files.
const MAX_FETCHED: u64 = 16 << 20;

/// What a server may send whole in place of a part: less than is spent on asking in another way.
const MAX_WHOLE: u64 = 8 << 20;

const NO_RANGES: &str = "its server does not answer range requests";

/// The answer to a request for a part.
enum Answer {
    Part(Part),
    /// The server sent the whole, or something that is not what was asked for.
    Ignored,
    /// The server does not take such a range.
    Refused,
}

struct Part {
    start: u64,
    total: u64,
    bytes: Bytes,
}

impl Client {
    /// Reads `METADATA` of the wheel at `url`, of this many bytes if that is known.
    pub(crate) async fn wheel_metadata(
        &self,
        index: &IndexUrl,
        url: &Url,
        filename: DistributionFilename,
        size: Option<u64>,
    ) -> Result<Vec<u8>, IndexError> {
        let needs_download =
            |reason| IndexError::NeedsDownload { filename: filename.as_str().to_owned(), reason };
        let tail = self.fetch_tail(index, url, size).await?.ok_or_else(|| needs_download(NO_RANGES))?;
        let mut sparse = Sparse::new(tail.total);
        sparse.insert(tail);
        let limits = Limits { max_metadata_size: self.options().metadata_limit, ..Limits::default() };
        loop {
            let (name, limits) = (filename.clone(), limits.clone());
            let read = move || {
                let result = depot_dist::read(&mut sparse, &name, &limits);
                (sparse, result)
            };
            let (returned, result) = blocking(read).await?;
            sparse = returned;
            let source = match result {
                Ok(contents) => return Ok(contents.raw_metadata),
                Err(source) => Box::new(source),
            };
            let Some(gap) = sparse.gap() else {
                return Err(IndexError::BadFile { filename: filename.as_str().to_owned(), source });
            };
            if sparse.fetched + (gap.end - gap.start) > MAX_FETCHED {
                return Err(needs_download("its directory is too large to be read from afar"));
            }
            match self.fetch_part(index, url, &gap).await? {
                Answer::Part(part) if part.total == sparse.total => sparse.insert(part),
                Answer::Part(_) => return Err(needs_download("it changed while it was read")),
                Answer::Ignored | Answer::Refused => return Err(needs_download(NO_RANGES)),
            }
        }
    }

    async fn fetch_tail(
        &self,
        index: &IndexUrl,
        url: &Url,
        size: Option<u64>,
    ) -> Result<Option<Part>, IndexError> {
        let answer = if let Some(size) = size {
            self.fetch_part(index, url, &tail_of(size)).await?
        } else {
            let range = format!("bytes=-{TAIL}");
            match self.fetch(index, url, range, |part| part.start + part.len() == part.total).await? {
                // Some servers know ranges, but not this form; others mind that the file is shorter.
                Answer::Refused => match self.size_at(index, url).await? {
                    Some(size) => self.fetch_part(index, url, &tail_of(size)).await?,
                    None => Answer::Refused,
                },
                answer => answer,
            }
        };
        Ok(match answer {
            Answer::Part(part) => Some(part),
            Answer::Ignored | Answer::Refused => None,
        })
    }

    async fn fetch_part(&self, index: &IndexUrl, url: &Url, part: &Range<u64>) -> Result<Answer, IndexError> {
        if part.is_empty() {
            return Ok(Answer::Refused);
        }
        let range = format!("bytes={}-{}", part.start, part.end - 1);
        self.fetch(index, url, range, |answer| {
            answer.start == part.start && answer.start + answer.len() <= part.end
        })
        .await
    }

    async fn fetch(
        &self,
        index: &IndexUrl,
        url: &Url,
        range: String,
        fits: impl Fn(&Part) -> bool,
    ) -> Result<Answer, IndexError> {
        let wanted = Wanted::Part(range);
        let mut attempts = self.attempts();
        loop {
            let fetched = match self.send(index, url, &wanted).await {
                Ok(response) => read_answer(response, url).await,
                Err(Failure::Final(IndexError::Status { status: 400 | 416 | 501, .. })) => {
                    return Ok(Answer::Refused);
                }
                Err(failure) => Err(failure),
            };
            match fetched {
                Ok(Answer::Part(part)) if part.bytes.is_empty() || !fits(&part) => {
                    return Ok(Answer::Ignored);
                }
                Ok(answer) => return Ok(answer),
                Err(failure) => attempts.wait_or_fail(failure).await?,
            }
        }
    }
}

fn tail_of(size: u64) -> Range<u64> {
    size.saturating_sub(TAIL)..size
}

async fn read_answer(response: Response, url: &Url) -> Result<Answer, Failure> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return match read_body(response, url, MAX_WHOLE).await {
            Ok(bytes) => Ok(Answer::Part(Part { start: 0, total: bytes.len() as u64, bytes })),
            Err(Failure::Final(IndexError::TooLarge { .. })) => Ok(Answer::Ignored),
            Err(failure) => Err(failure),
        };
    }
    let header = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let Some((range, total)) = header.and_then(content_range) else { return Ok(Answer::Ignored) };
    let expected = range.end - range.start;
    if expected > MAX_FETCHED {
        return Ok(Answer::Ignored);
    }
    match read_body(response, url, expected).await {
        Ok(bytes) if bytes.len() as u64 == expected => {
            Ok(Answer::Part(Part { start: range.start, total, bytes }))
        }
        Ok(bytes) => {
            let received = bytes.len() as u64;
            let error = IndexError::Truncated { url: shown(url), received, attempts: 1, source: None };
            Err(Failure::Again(Box::new(error), None))
        }
        Err(Failure::Final(IndexError::TooLarge { .. })) => Ok(Answer::Ignored),
        Err(failure) => Err(failure),
    }
}

/// Reads `bytes 10-19/200` as the bytes 10 to 20 (exclusive) of 200.
fn content_range(header: &str) -> Option<(Range<u64>, u64)> {
    let (range, total) = header.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = total.trim().parse().ok()?;
    (first <= last && last < total).then(|| (first..last + 1, total))
}

impl Part {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// A file of which only parts are here.
struct Sparse {
    total: u64,
    /// By where they start. Gaps are cut at what is here, so parts overlap only if the server sent more than asked.
    parts: BTreeMap<u64, Bytes>,
    position: u64,
    /// Where a read found nothing.
    missing: Option<u64>,
    fetched: u64,
    /// How much to fetch at the next gap; doubles, so that even a scan through the file takes few requests.
    step: u64,
}

impl Sparse {
    fn new(total: u64) -> Self {
        Self { total, parts: BTreeMap::new(), position: 0, missing: None, fetched: 0, step: TAIL }
    }

    fn insert(&mut self, part: Part) {
        self.fetched += part.len();
        self.parts.insert(part.start, part.bytes);
    }

    /// The bytes to fetch so that the read that failed can go on, if one failed; the reader starts over.
    fn gap(&mut self) -> Option<Range<u64>> {
        self.position = 0;
        let missing = self.missing.take()?;
        let before = self.parts.range(..=missing).next_back();
        let floor = before.map_or(0, |(start, bytes)| start + bytes.len() as u64);
        let ceiling = self.parts.range(missing..).next().map_or(self.total, |(start, _)| *start);
        let end = ceiling.min(missing.saturating_add(self.step));
        // Short of a full step before what is here already, the rest of the step is what lies in front: a reader
        // that looks backwards comes there next.
        let start = floor.max(missing.min(end.saturating_sub(self.step)));
        self.step *= 2;
        Some(start..end)
    }
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.total || buffer.is_empty() {
            return Ok(0);
        }
        let here = self.parts.range(..=self.position).next_back().and_then(|(start, bytes)| {
            bytes.get((self.position - start) as usize..).filter(|rest| !rest.is_empty())
        });
        let Some(here) = here else {
            self.missing = Some(self.position);
            return Err(io::Error::other("these bytes have not been fetched yet"));
        };
        let count = here.len().min(buffer.len());
        buffer[..count].copy_from_slice(&here[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.total.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a seek to before the start of the file")
        })?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests;
