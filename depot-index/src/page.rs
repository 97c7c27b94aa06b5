//! Project pages, and the list of projects.

use bytes::Bytes;
use depot_proto::{
    ProjectName,
    media_type::PageFormat,
    simple::{self, ProjectPage, RootPage},
};
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED},
};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use crate::{
    attempts::Failure,
    client::Client,
    coding::{Coding, Undecoded},
    error::IndexError,
    index_url::IndexUrl,
    request::{Body, Wanted, shown},
};

/// What an index calls the version of a page: asked with it, it can say that it still holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The entity tag, weak or strong.
    pub etag: Option<String>,
    /// When the page changed last, in the words of the index.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether there is anything to ask with.
    pub fn are_any(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }

    fn of(response: &Response) -> Self {
        let header = |name: HeaderName| Some(response.headers().get(name)?.to_str().ok()?.trim().to_owned());
        Self { etag: header(ETAG), last_modified: header(LAST_MODIFIED) }
    }
}

/// What an index says of a page that may be known already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is still as it was.
    Fresh,
    /// This is it now.
    Page(Box<FetchedPage>),
}

/// A page as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPage {
    /// What it says.
    pub page: ProjectPage,
    /// The form that it came in.
    pub format: PageFormat,
    /// What to ask with the next time.
    pub validators: Validators,
}

impl Client {
    /// Reads the page of `project`: JSON where the index has it, else HTML.
    ///
    /// URLs in it are absolute, resolved against where the page was found after redirects. An index that does not
    /// have the project answers with [`IndexError::NotFound`].
    pub async fn project(&self, index: &IndexUrl, project: &ProjectName) -> Result<ProjectPage, IndexError> {
        match self.page(index, project, &Validators::default()).await? {
            Answer::Page(fetched) => Ok(fetched.page),
            // Who does not say what they have is not told so.
            Answer::Fresh => Ok(ProjectPage::new(project.clone())),
        }
    }

    /// The same, for who may have the page already, as these validators name it.
    pub async fn page(
        &self,
        index: &IndexUrl,
        project: &ProjectName,
        known: &Validators,
    ) -> Result<Answer, IndexError> {
        let url = index.project_url(project);
        let mut attempts = self.attempts();
        loop {
            match self.try_page(index, &url, project, known).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => attempts.wait_or_fail(failure).await?,
            }
        }
    }

    async fn try_page(
        &self,
        index: &IndexUrl,
        url: &Url,
        project: &ProjectName,
        known: &Validators,
    ) -> Result<Answer, Failure> {
        let response = self.send(index, url, &Wanted::Page(known.clone())).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Answer::Fresh);
        }
        let format = page_format(&response, url)?;
        let validators = Validators::of(&response);
        let found_at = response.url().clone();
        let project = project.clone();
        let read = move |body: &[u8]| simple::read_project(format, body, &found_at, &project);
        let read = self.read(response, url, read).await?;
        let page =
            read.map_err(|source| IndexError::BadPage { url: shown(url), source: Box::new(source) })?;
        Ok(Answer::Page(Box::new(FetchedPage { page, format, validators })))
    }

    /// Reads the root page of an index, its list of projects. That of a public index is tens of megabytes.
    pub async fn root(&self, index: &IndexUrl) -> Result<RootPage, IndexError> {
        let mut attempts = self.attempts();
        loop {
            match self.try_root(index).await {
                Ok(page) => return Ok(page),
                Err(failure) => attempts.wait_or_fail(failure).await?,
            }
        }
    }

    /// Has a body read that may be compressed. A page of thousands of files takes tens of milliseconds to read, which would
    /// hold up other downloads.
    async fn read<T: Send + 'static>(
        &self,
        response: Response,
        url: &Url,
        read: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (coding, limit) = (Coding::of(&response), self.options().page_limit);
        let (body, turn) = self.read_page(response, url).await?;
        let received = body.len() as u64;
        let failed = |undecoded| match undecoded {
            Undecoded::TooLarge => Failure::from(IndexError::TooLarge { url: shown(url), limit }),
            Undecoded::Broken => {
                let error = IndexError::Truncated { url: shown(url), received, attempts: 1, source: None };
                Failure::Again(Box::new(error), None)
            }
        };
        let first_limit = if turn.is_some() { limit } else { limit.min(LARGE) };
        // Whoever asks may leave, while this goes on and takes its memory: so it has the turn.
        let tried = blocking(move || {
            let _turn = turn;
            match coding.decode(body.clone(), first_limit) {
                Ok(page) => Ok(Tried::Read(read(&page))),
                Err(Undecoded::TooLarge) if first_limit < limit => Ok(Tried::Large(body, read)),
                Err(undecoded) => Err(undecoded),
            }
        });
        match tried.await?.map_err(failed)? {
            Tried::Read(read) => Ok(read),
            // It is a large page that came compressed.
            Tried::Large(body, read) => {
                let turn = self.turn_for_large_page().await;
                let read = blocking(move || {
                    let _turn = turn;
                    coding.decode(body, limit).map(|page| read(&page))
                });
                read.await?.map_err(failed)
            }
        }
    }

    async fn try_root(&self, index: &IndexUrl) -> Result<RootPage, Failure> {
        let url = index.as_url();
        let response = self.send(index, url, &Wanted::Page(Validators::default())).await?;
        let format = page_format(&response, url)?;
        let found_at = response.url().clone();
        let read = move |body: &[u8]| simple::read_root(format, body, &found_at);
        let read = self.read(response, url, read).await?;
        Ok(read.map_err(|source| IndexError::BadPage { url: shown(url), source: Box::new(source) })?)
    }
}

/// How large a page may be, in bytes, before it takes a turn to read on. Most are far smaller.
const LARGE: u64 = 4 << 20;

/// What came of reading a page as if it were small.
enum Tried<T, F> {
    Read(T),
    /// It is not; this is its body, and what reads it.
    Large(Bytes, F),
}

impl Client {
    /// Reads the body of a page, with the turn that it took if it is a large one, to be kept until it is understood: so
    /// there is a bound on what many pages take together that are read at the same time.
    async fn read_page(
        &self,
        response: Response,
        url: &Url,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Failure> {
        let mut body = Body::of(response, url, self.options().page_limit)?;
        let mut turn = None;
        while body.read_more().await? {
            // Nothing of this one is read while it waits.
            if body.len() as u64 > LARGE && turn.is_none() {
                turn = self.turn_for_large_page().await;
            }
        }
        Ok((body.finish(), turn))
    }
}

fn page_format(response: &Response, url: &Url) -> Result<PageFormat, IndexError> {
    let header = response.headers().get(CONTENT_TYPE);
    let content_type = header.map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    PageFormat::from_content_type(&content_type).ok_or_else(|| IndexError::NotAPage {
        url: shown(url),
        content_type: content_type.escape_debug().take(100).collect(),
    })
}

/// Runs what keeps a core busy where it keeps nobody waiting.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IndexError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => IndexError::Stopped,
    })
}

#[cfg(test)]
mod tests;
