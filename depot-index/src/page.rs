//! Project pages.

use depot_proto::{
    ProjectName,
    media_type::PageFormat,
    simple::{self, ProjectPage},
};
use reqwest::{Response, header::CONTENT_TYPE};
use url::Url;

use crate::{
    attempts::Failure,
    client::Client,
    error::IndexError,
    index_url::IndexUrl,
    request::{Wanted, read_body, shown},
};

impl Client {
    /// Reads the page of `project`: JSON where the index has it, else HTML.
    ///
    /// URLs in it are absolute, resolved against where the page was found after redirects. An index that does not
    /// have the project answers with [`IndexError::NotFound`].
    pub async fn project(&self, index: &IndexUrl, project: &ProjectName) -> Result<ProjectPage, IndexError> {
        let url = index.project_url(project);
        let mut attempts = self.attempts();
        loop {
            match self.try_project(index, &url, project).await {
                Ok(page) => return Ok(page),
                Err(failure) => attempts.wait_or_fail(failure).await?,
            }
        }
    }

    async fn try_project(
        &self,
        index: &IndexUrl,
        url: &Url,
        project: &ProjectName,
    ) -> Result<ProjectPage, Failure> {
        let response = self.send(index, url, &Wanted::Page).await?;
        let format = page_format(&response, url)?;
        let found_at = response.url().clone();
        let body = read_body(response, url, self.options().page_limit).await?;
        let project = project.clone();
        // A page of thousands of files takes tens of milliseconds to read, which would hold up other downloads.
        let read = blocking(move || simple::read_project(format, &body, &found_at, &project)).await?;
        Ok(read.map_err(|source| IndexError::BadPage { url: shown(url), source: Box::new(source) })?)
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
