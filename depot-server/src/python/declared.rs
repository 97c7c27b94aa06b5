//! What the index of a mirrored project declares of it (PEP 792): who mirrors it brings that too.

use depot_proto::{
    FileRecord, ProjectName, ProjectRecord, StatusRecord,
    push::{PlanAnswer, PlanProject, Verdict},
    scope::Action,
};

use super::{
    projects::{self, ProjectError},
    repository::Repository,
};
use crate::{
    auth::policy::{Denied, Principal},
    store::{StoreError, records::Change},
};

/// Why it was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeclareError {
    /// The caller may not mirror the project.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The project is not here.
    #[error("there is no project `{0}` here")]
    Absent(ProjectName),
    /// It has files that were not mirrored.
    #[error("project `{0}` has files of its own here, so what another index declares of it says nothing")]
    NotMirrored(ProjectName),
    /// The project's record could not be changed.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether what is declared of a project is news, before a push. May block.
pub(crate) fn answer(
    repository: &Repository,
    principal: &Principal,
    asked: &PlanProject,
) -> Result<PlanAnswer, StoreError> {
    let forbidden = |reason: String| PlanAnswer::because(Verdict::Forbidden, reason);
    let project = match asked.project.parse::<ProjectName>() {
        Ok(project) => project,
        Err(error) => return Ok(forbidden(error.to_string())),
    };
    let said = StatusRecord::new(asked.state, asked.reason.as_deref());
    let have = PlanAnswer::from(Verdict::Have);
    if let Err(denied) = principal.may(&[Action::Mirror], &repository.name, &project) {
        // That there is nothing to say needs no right.
        return Ok(if said.says_something() { forbidden(denied.to_string()) } else { have });
    }
    let known = repository.projects.get(&project);
    let mut record = known.map_or_else(|| ProjectRecord::new(project.clone()), |known| (*known).clone());
    if !record.take_declared(said.state, said.reason.as_deref()) {
        return Ok(have);
    }
    // The files of one that is not here may be about to come.
    let counts = repository.serial(&project).is_none() || is_mirrored(repository, &project)? != Some(false);
    Ok(if counts { Verdict::Update.into() } else { have })
}

/// Takes what is declared of a project; true if it was news. May block.
pub(crate) fn declare(
    repository: &Repository,
    principal: &Principal,
    project: &ProjectName,
    said: &StatusRecord,
) -> Result<bool, DeclareError> {
    principal.may(&[Action::Mirror], &repository.name, project)?;
    match is_mirrored(repository, project)? {
        None => return Err(DeclareError::Absent(project.clone())),
        Some(false) => return Err(DeclareError::NotMirrored(project.clone())),
        Some(true) => {}
    }
    let said = StatusRecord::new(said.state, said.reason.as_deref());
    let news = projects::change(repository, project, principal.name(), |record| {
        if !record.take_declared(said.state, said.reason.as_deref()) {
            return Vec::new();
        }
        let (repository, project) = (repository.name.clone(), project.clone());
        vec![Change::Status { repository, project, state: said.state, reason: said.reason.clone() }]
    })?;
    Ok(news)
}

/// Whether all files of a project were mirrored; nothing if there are none.
fn is_mirrored(repository: &Repository, project: &ProjectName) -> Result<Option<bool>, StoreError> {
    let releases = repository.packages.releases(&repository.name, project)?;
    let mut files = releases.iter().flat_map(|release| &release.files).peekable();
    Ok(files.peek().is_some().then(|| files.all(FileRecord::is_mirrored)))
}
