//! The repositories behind a view.

use std::sync::Arc;

use depot_proto::{
    DistributionFilename, ProjectName, RepositoryName, Timestamp, layout::Part, policy::RuleRef,
};

use super::ViewError;
use crate::python::{
    catalog,
    directory::Directory,
    files::{Files, Served},
    listing::{CacheState, Listing},
    policy::PolicyFile,
    proxy::{Fetched, Proxy},
    repository::Repository,
    upstream,
};

/// One repository behind a view.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: RepositoryName,
    pub(crate) source: Source,
    /// Its priority in the group whose member it is, the smaller before.
    pub(crate) priority: Option<i64>,
    /// What of it is shown to anybody, wherever it is read.
    pub(crate) policy: Option<Arc<PolicyFile>>,
}

/// What it is.
#[derive(Clone)]
pub(crate) enum Source {
    /// Published or pushed here.
    Hosted(Arc<Hosted>),
    /// Another index.
    Proxy(Arc<Proxy>),
    /// A folder.
    Directory(Arc<Directory>),
}

/// The hosted repository, as a member.
pub(crate) struct Hosted {
    pub(crate) repository: Arc<Repository>,
    pub(crate) files: Arc<Files>,
}

/// What a member says of a project, before anything is rendered or merged.
pub(super) enum Answer {
    /// It has it as of this serial; the page is read when it is needed.
    Serial(u64),
    /// This page.
    Listing(Listing),
}

impl Answer {
    pub(super) fn version(&self) -> u64 {
        match self {
            Self::Serial(serial) => *serial,
            Self::Listing(listing) => listing.version,
        }
    }

    pub(super) fn cache(&self) -> CacheState {
        match self {
            Self::Serial(_) => CacheState::Here,
            Self::Listing(listing) => listing.cache,
        }
    }
}

/// A file, wherever it comes from.
pub(crate) enum Opened {
    /// It is here.
    Here(Arc<Served>),
    /// It comes from another index.
    Fetched(Fetched),
}

/// What is wanted of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Bytes,
    /// What is known of it, for which no other index is made to send it.
    Description,
}

impl Member {
    /// What it says of a project; none if it does not have it.
    pub(super) async fn ask(&self, project: &ProjectName) -> Result<Option<Answer>, ViewError> {
        Ok(match &self.source {
            Source::Hosted(hosted) => hosted.repository.serial(project).map(Answer::Serial),
            Source::Proxy(proxy) => proxy.listing(project).await?.map(Answer::Listing),
            Source::Directory(directory) => {
                let (directory, project) = (Arc::clone(directory), project.clone());
                let listing = tokio::task::spawn_blocking(move || directory.listing(&project));
                listing.await??.map(Answer::Listing)
            }
        })
    }

    /// Whether nobody else may answer for a project while this one cannot.
    pub(super) fn must_answer(&self, project: &ProjectName) -> bool {
        match &self.source {
            Source::Hosted(_) => true,
            Source::Directory(directory) => directory.had(project),
            Source::Proxy(_) => false,
        }
    }

    /// Its page as of an answer. May block.
    pub(super) fn listing(
        &self,
        project: &ProjectName,
        answer: Answer,
    ) -> Result<Option<Listing>, ViewError> {
        match (answer, &self.source) {
            (Answer::Listing(listing), _) => Ok(Some(listing)),
            (Answer::Serial(version), Source::Hosted(hosted)) => {
                let page = catalog::project_page(&hosted.repository, project)?;
                Ok(page.map(|page| Listing { page: Arc::new(page), version, cache: CacheState::Here }))
            }
            (Answer::Serial(_), _) => Ok(None),
        }
    }

    /// A part of a file; none if it does not have it.
    pub(super) async fn open(
        &self,
        filename: &DistributionFilename,
        part: Part,
        wanted: Wanted,
    ) -> Result<Option<Opened>, ViewError> {
        match &self.source {
            Source::Hosted(hosted) => {
                let stored = format!("{filename}{}", part.suffix());
                let cached = hosted.files.cached(&hosted.repository, filename.project().as_str(), &stored);
                if let Some(served) = cached {
                    return Ok(Some(Opened::Here(served)));
                }
                if hosted.repository.serial(filename.project()).is_none() {
                    return Ok(None);
                }
                let (hosted, filename) = (Arc::clone(hosted), filename.clone());
                let opening = tokio::task::spawn_blocking(move || {
                    hosted.files.open(&hosted.repository, &filename, part)
                });
                Ok(opening.await??.map(Opened::Here))
            }
            Source::Proxy(proxy) => {
                let fetched = match wanted {
                    Wanted::Bytes => proxy.file(filename, part).await?,
                    Wanted::Description => proxy.describe(filename, part).await?,
                };
                Ok(fetched.map(Opened::Fetched))
            }
            Source::Directory(directory) => {
                let (directory, filename) = (Arc::clone(directory), filename.clone());
                let opening = tokio::task::spawn_blocking(move || directory.open_part(&filename, part));
                Ok(opening.await??.map(Opened::Here))
            }
        }
    }

    /// The one of these files that has this path at the index it comes from; none if that is no file of this member.
    pub(super) async fn at(
        &self,
        meanings: Vec<DistributionFilename>,
        path: &str,
    ) -> Result<Option<DistributionFilename>, ViewError> {
        match &self.source {
            Source::Hosted(hosted) => {
                let (hosted, path) = (Arc::clone(hosted), path.to_owned());
                let finding =
                    tokio::task::spawn_blocking(move || upstream::find(&hosted.repository, meanings, &path));
                Ok(finding.await??)
            }
            Source::Proxy(proxy) => {
                let may_ask =
                    |project: &ProjectName| meanings.iter().any(|meaning| meaning.project() == project);
                Ok(proxy.packages(path, may_ask).await?)
            }
            Source::Directory(_) => Ok(None),
        }
    }

    /// The rule of its own policy that hides a project, whatever there is of it.
    pub(super) fn hides(&self, project: &ProjectName, now: Timestamp) -> Option<RuleRef> {
        self.policy.as_ref()?.in_force().policy.decide_project(project, now).hidden()
    }

    /// Its names without those that its own policy hides.
    pub(super) fn shown_names(&self, now: Timestamp) -> Vec<ProjectName> {
        let mut names = self.names();
        if let Some(policy) = &self.policy {
            let in_force = policy.in_force();
            names.retain(|project| in_force.policy.decide_project(project, now).is_shown());
        }
        names
    }

    /// The names it has, or has seen, as far as they are known without asking anybody.
    fn names(&self) -> Vec<ProjectName> {
        match &self.source {
            Source::Hosted(hosted) => hosted.repository.names.list(&hosted.repository.name),
            Source::Proxy(proxy) => proxy.seen(),
            Source::Directory(directory) => directory.names().unwrap_or_else(|error| {
                tracing::error!(%error, repository = %self.name, "a folder cannot be read, and its projects are not listed");
                Vec::new()
            }),
        }
    }
}
