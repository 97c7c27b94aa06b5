//! What becomes of releases that are there: yanks, deletions, states of life, roles. Who may is decided before.

use depot_proto::{
    DistributionFilename, FileRecord, ProjectName, ProjectRecord, StatusRecord, Subject, Tombstone, Version,
    Yanked,
    release::{FileOutcome, FilesRequest, ReleaseAnswer, RoleRequest},
    simple::ProjectStatus,
};

use super::{
    projects::{self, ProjectError},
    publish::{PublishError, commit_as},
    repository::Repository,
};
use crate::{
    auth::policy::Principal,
    clock,
    store::{StoreError, records::Change},
};

/// Why nothing was done, or not all of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseError {
    /// What is meant is not said, or cannot be.
    #[error("{0}")]
    Unclear(String),
    /// What is meant is not here.
    #[error("{0}")]
    NotHere(String),
    /// Nobody has the name that a role is granted to.
    #[error(
        "there is no account `{0}`, and no token is made for one: make it first, or see whether it is spelled so"
    )]
    Nobody(Subject),
    /// A project keeps an owner.
    #[error("`{subject}` is the last owner of `{project}`: make another account its owner first")]
    LastOwner {
        /// The account.
        subject: String,
        /// The project.
        project: ProjectName,
    },
    /// The record of a file is lost or cannot be read.
    #[error("the record of `{0}` is lost on the server: its keeper must mend it")]
    Lost(String),
    /// The project's record was not changed.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A file's record was not changed.
    #[error(transparent)]
    File(#[from] PublishError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The files that are meant, of those that are here.
fn files(
    repository: &Repository,
    project: &ProjectName,
    request: &FilesRequest,
) -> Result<Vec<(DistributionFilename, FileRecord)>, ReleaseError> {
    let parse = |filename: &str| {
        DistributionFilename::parse(filename, project)
            .map_err(|error| ReleaseError::Unclear(error.to_string()))
    };
    match (&request.version, &request.filename) {
        (Some(version), None) => {
            let release = repository.release(project, &Version::read(version).key())?.unwrap_or_default();
            if release.is_empty() {
                return Err(ReleaseError::NotHere(format!("there is no {project} {version} here")));
            }
            release.into_iter().map(|record| Ok((parse(&record.filename)?, record))).collect()
        }
        (None, Some(filename)) => {
            let filename = parse(filename)?;
            match repository.file(&filename)? {
                Some(record) => Ok(vec![(filename, record)]),
                None => Err(ReleaseError::NotHere(format!("there is no file `{filename}` here"))),
            }
        }
        _ => Err(ReleaseError::Unclear("say either a version or a filename".to_owned())),
    }
}

/// Yanks files here, or takes that back, one after the other: of a crash in between, those before it stand. What their
/// index says of them stays as it is. May block.
pub(crate) fn yank(
    repository: &Repository,
    project: &ProjectName,
    request: &FilesRequest,
    yanked: &Yanked,
    principal: &Principal,
) -> Result<ReleaseAnswer, ReleaseError> {
    let mut outcomes = Vec::new();
    for (filename, _) in files(repository, project, request)? {
        outcomes.push(yank_one(repository, &filename, yanked, principal)?);
    }
    Ok(ReleaseAnswer { project: project.to_string(), files: outcomes })
}

fn yank_one(
    repository: &Repository,
    filename: &DistributionFilename,
    yanked: &Yanked,
    principal: &Principal,
) -> Result<FileOutcome, ReleaseError> {
    let project = filename.project();
    let changed = repository
        .tree
        .change_record(project, filename.as_str(), |record| {
            let is_news = record.yanked_here != *yanked;
            record.yanked_here.clone_from(yanked);
            is_news
        })
        .map_err(PublishError::from)?;
    let changed = changed.ok_or_else(|| ReleaseError::Lost(filename.to_string()))?;
    // A change that was answered with a failure may be in the tree, and not in the store.
    let is_known = || Ok::<_, StoreError>(repository.file(filename)?.as_ref() == Some(&changed.record));
    if changed.is_news() || !is_known()? {
        let (of, project, name) = (repository.name.clone(), project.clone(), filename.to_string());
        let change = if yanked.is_yanked() {
            let reason = yanked.reason().map(str::to_owned);
            Change::Yank { repository: of, project, filename: name, reason }
        } else {
            Change::Unyank { repository: of, project, filename: name }
        };
        if let Err(error) = commit_as(repository, filename, &changed.record, principal, change) {
            changed.leave_note();
            return Err(error.into());
        }
    }
    Ok(FileOutcome {
        filename: filename.to_string(),
        sha256: changed.record.sha256,
        changed: changed.is_news(),
    })
}

/// Deletes files for good. Their tombstones come first, all at once: from then on a crash can only delay what follows. Then
/// the journal and the pages, and at last the bytes. May block.
pub(crate) fn delete(
    repository: &Repository,
    project: &ProjectName,
    request: &FilesRequest,
    principal: &Principal,
) -> Result<ReleaseAnswer, ReleaseError> {
    let _closed = repository.projects.close();
    let files = files(repository, project, request)?;
    let (when, by) = (clock::now(), principal.name());
    let bury = |record: &mut ProjectRecord| {
        let mut changes = Vec::new();
        for (_, file) in &files {
            let (filename, sha256, mirrored) = (file.filename.clone(), file.sha256, file.is_mirrored());
            if record.tombstone(&filename).is_none() {
                let (filename, by) = (filename.clone(), by.to_owned());
                record.tombstones.push(Tombstone { filename, sha256, when, by, mirrored });
            }
            let (repository, project) = (repository.name.clone(), project.clone());
            changes.push(Change::Delete { repository, project, filename, sha256, mirrored });
        }
        changes
    };
    projects::change(repository, project, by, bury)?;
    let mut outcomes = Vec::new();
    for (filename, record) in files {
        repository.tree.bury(project, filename.as_str()).map_err(PublishError::from)?;
        outcomes.push(FileOutcome { filename: record.filename, sha256: record.sha256, changed: true });
    }
    Ok(ReleaseAnswer { project: project.to_string(), files: outcomes })
}

/// Gives a project a state of life; whether that was news. May block.
pub(crate) fn set_status(
    repository: &Repository,
    project: &ProjectName,
    state: ProjectStatus,
    reason: Option<&str>,
    principal: &Principal,
) -> Result<bool, ReleaseError> {
    // Once it is answered that it takes no uploads, none appears any more.
    let _closed = repository.projects.close();
    if repository.serial(project).is_none() && repository.projects.get(project).is_none() {
        return Err(ReleaseError::NotHere(format!("there is no project `{project}` here")));
    }
    let change = |record: &mut ProjectRecord| {
        let status = StatusRecord::new(state, reason);
        // To be active goes without saying, unless its index says something else.
        let is_plain = state == ProjectStatus::Active && status.reason.is_none() && record.declared.is_none();
        let status = (!is_plain).then_some(status);
        if record.status == status {
            return Vec::new();
        }
        let reason = status.as_ref().and_then(|status| status.reason.clone());
        record.status = status;
        vec![Change::Status { repository: repository.name.clone(), project: project.clone(), state, reason }]
    };
    Ok(projects::change(repository, project, principal.name(), change)?)
}

/// Grants a role on a project or takes it; whether that was news. Only an administrator may leave a project without an
/// owner. May block.
pub(crate) fn set_role(
    repository: &Repository,
    project: &ProjectName,
    request: &RoleRequest,
    principal: &Principal,
) -> Result<bool, ReleaseError> {
    let RoleRequest { subject, role, granted, .. } = request;
    let may_orphan = principal.may_administer().is_ok();
    let mut is_last = false;
    let change = |record: &mut ProjectRecord| {
        let owners = record.owners.len();
        let holders = record.role_mut(*role);
        let is_news =
            if *granted { holders.insert(subject.clone()) } else { holders.remove(subject.as_str()) };
        is_last = owners > 0 && record.owners.is_empty() && !may_orphan;
        if !is_news || is_last {
            return Vec::new();
        }
        let (repository, project) = (repository.name.clone(), project.clone());
        let (subject, role, granted) = (subject.clone(), *role, *granted);
        vec![Change::Role { repository, project, subject, role, granted }]
    };
    let changed = projects::change(repository, project, principal.name(), change)?;
    if is_last {
        return Err(ReleaseError::LastOwner { subject: subject.to_string(), project: project.clone() });
    }
    Ok(changed)
}
