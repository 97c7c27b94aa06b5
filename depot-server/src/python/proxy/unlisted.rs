//! What is known of files that are kept and may be on no page any more: upstream takes files off its pages, and whole
//! projects, and what it last said of them still counts.

use std::sync::Arc;

use depot_proto::{
    DistributionFilename, FileRecord, ProjectName,
    layout::Part,
    simple::{PageFile, ProjectStatus},
};
use depot_tree::TreeError;

use super::{Proxy, error::ProxyError};

/// What upstream last said of a file that is kept, or of which something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastSaid {
    /// Whether it was yanked. One of which that cannot be known is taken for yanked.
    pub(crate) yanked: bool,
    /// The state of life that its project had.
    pub(crate) status: ProjectStatus,
}

impl Proxy {
    /// What upstream last said of a file, whether a page lists it or not; none if nothing of it is kept.
    pub(crate) async fn last_said(
        self: &Arc<Self>,
        filename: &DistributionFilename,
    ) -> Result<Option<LastSaid>, ProxyError> {
        let status = self.last_status(filename.project()).await?;
        let (this, name) = (Arc::clone(self), filename.clone());
        let yanked = tokio::task::spawn_blocking(move || this.was_yanked(&name)).await;
        let yanked = yanked.map_err(|_| ProxyError::broken_off(filename.as_str()))?;
        Ok(yanked.map(|yanked| LastSaid { yanked, status }))
    }

    /// The files of a project that are kept, as their records tell them, and the state of life that it had last.
    pub(crate) async fn kept_files(
        self: &Arc<Self>,
        project: &ProjectName,
    ) -> Result<(Vec<PageFile>, ProjectStatus), ProxyError> {
        let status = self.last_status(project).await?;
        let (this, name) = (Arc::clone(self), project.clone());
        let read = tokio::task::spawn_blocking(move || this.read_kept(&name)).await;
        let read = read.map_err(|_| ProxyError::broken_off(project.as_str()))?;
        Ok((read.map_err(|error| ProxyError::disk(project.as_str(), error))?, status))
    }

    async fn last_status(self: &Arc<Self>, project: &ProjectName) -> Result<ProjectStatus, ProxyError> {
        if let Some(entry) = self.kept_entry(project).await? {
            return Ok(entry.upstream.status);
        }
        let (this, name) = (Arc::clone(self), project.clone());
        let left = tokio::task::spawn_blocking(move || this.pages.folder.left(&name)).await;
        let left = left.map_err(|_| ProxyError::broken_off(project.as_str()))?;
        Ok(left.map_or(ProjectStatus::Active, |(status, _)| status))
    }

    /// Whether a file of which something is kept was yanked, as its record has it; pages bring records up to what they say.
    /// May block.
    fn was_yanked(&self, filename: &DistributionFilename) -> Option<bool> {
        match self.tree.record(filename.project(), filename.as_str()) {
            Ok(Some(record)) => Some(record.effective_yank().is_yanked()),
            Ok(None) => {
                // Of a file that is not kept itself nothing is written down when it is yanked.
                let part = |part| self.pages.folder.read_part(filename.project(), filename.as_str(), part);
                let has = |of| !matches!(part(of), Ok(None));
                (has(Part::Metadata) || has(Part::Provenance)).then_some(true)
            }
            Err(error) => {
                tracing::error!(%filename, %error, "it cannot be read whether a kept file was yanked");
                Some(true)
            }
        }
    }

    fn read_kept(&self, project: &ProjectName) -> Result<Vec<PageFile>, TreeError> {
        let as_listed = |record: FileRecord| {
            let upload_time = record.facts.upload_time;
            PageFile { upload_time, ..record.to_page_file(String::new()) }
        };
        let filenames = self.tree.filenames(project)?.into_iter();
        // Of a spoiled one nothing is served either.
        let records = filenames.filter_map(|filename| self.tree.record(project, &filename).ok().flatten());
        Ok(records.map(as_listed).collect())
    }
}
