//! A body that is a line and then stretches of known length.

use std::time::Duration;

use bytes::Bytes;
use depot_proto::{DistributionFilename, ErrorCode};

use crate::http::{
    error::{ApiError, ApiResult},
    paced::Paced,
};

/// The body, as far as it was taken.
pub(super) struct Pieces<'a> {
    body: &'a mut Paced,
    /// What came and was not taken.
    rest: Bytes,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(body: &'a mut Paced) -> Self {
        Self { body, rest: Bytes::new() }
    }

    /// The first line, without its end.
    pub(super) async fn line(&mut self, limit: usize) -> ApiResult<Vec<u8>> {
        let mut line = Vec::new();
        while let Some(mut bytes) = self.next().await? {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(bytes.len());
            if line.len() + taken > limit {
                let detail =
                    format!("the manifest in the first line is longer than the {limit} bytes taken here");
                return Err(ApiError::too_large(detail));
            }
            line.extend_from_slice(&bytes[..taken]);
            if end.is_some() {
                self.rest = bytes.split_off(taken + 1);
                return Ok(line);
            }
        }
        let detail = "the body ended within the first line, which is the manifest";
        Err(ApiError::bad_request(ErrorCode::Truncated, detail))
    }

    /// Some bytes of this file, at most so many and at least one.
    pub(super) async fn some(&mut self, most: u64, of: &DistributionFilename) -> ApiResult<Bytes> {
        let Some(mut bytes) = self.next().await? else {
            let detail = format!("the body ended before `{of}` was whole");
            return Err(ApiError::bad_request(ErrorCode::Truncated, detail));
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len());
        self.rest = bytes.split_off(most);
        Ok(bytes)
    }

    /// Does not count so much time as the client's.
    pub(super) fn excuse(&mut self, busy: Duration) {
        self.body.excuse(busy);
    }

    /// Refuses what comes after the last file.
    pub(super) async fn end(&mut self) -> ApiResult<()> {
        match self.next().await? {
            None => Ok(()),
            Some(_) => {
                let detail = "there is more in the body than the files that the manifest names";
                Err(ApiError::bad_request(ErrorCode::BadRequest, detail))
            }
        }
    }

    /// The next bytes that are not taken yet; none at the end.
    async fn next(&mut self) -> ApiResult<Option<Bytes>> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        while let Some(bytes) = self.body.next().await? {
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}
