//! Whose the projects of the repository are, for who judges rights and knows no repository.

use std::{fmt, sync::Arc};

use depot_proto::{ProjectName, ProjectRecord, RepositoryName, Role};

use crate::{auth::policy::Roles, python::http::RepositoryState};

/// The roles on the projects of the hosted repository.
pub(super) struct HostedRoles(pub(super) Arc<RepositoryState>);

impl HostedRoles {
    fn record(&self, repository: &RepositoryName, project: &ProjectName) -> Option<Arc<ProjectRecord>> {
        let hosted = &self.0.repository;
        if hosted.name == *repository { hosted.projects.get(project) } else { None }
    }
}

impl Roles for HostedRoles {
    fn role(&self, repository: &RepositoryName, project: &ProjectName, account: &str) -> Option<Role> {
        let record = self.record(repository, project)?;
        if record.owners.contains(account) {
            return Some(Role::Owner);
        }
        record.pushers.contains(account).then_some(Role::Pusher)
    }

    fn is_owned(&self, repository: &RepositoryName, project: &ProjectName) -> bool {
        self.record(repository, project).is_some_and(|record| !record.owners.is_empty())
    }
}

impl fmt::Debug for HostedRoles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostedRoles")
    }
}
