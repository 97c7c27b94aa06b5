//! The states of projects (PEP 792): what indexes say of them is written into the tree beside their files, and travels
//! with these.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use depot_proto::{
    ProjectName, ProjectRecord, StatusRecord,
    layout::project_path,
    simple::{ProjectPage, ProjectStatus},
};
use depot_tree::{Tree, TreeError};

/// A state, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) status: ProjectStatus,
    pub(super) reason: Option<String>,
}

impl Status {
    /// `archived: nobody has the time`
    pub(super) fn told(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.status),
            None => self.status.to_string(),
        }
    }
}

/// What the pages that were read say.
#[derive(Debug, Default)]
pub(super) struct Statuses(Mutex<BTreeMap<ProjectName, Status>>);

impl Statuses {
    /// Notes what a page says. Of several pages of a project one that has something to say counts.
    pub(super) fn note(&self, page: &ProjectPage) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let status = Status { status: page.status, reason: page.status_reason.clone() };
        let known = noted.entry(page.project.clone()).or_insert_with(|| status.clone());
        if known.status == ProjectStatus::Active {
            *known = status;
        }
    }

    /// Writes down what is news of projects that the tree has files of, and tells what that is.
    pub(super) fn store(&self, tree: &Tree) -> Result<Vec<(ProjectName, Status)>, TreeError> {
        let noted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut news = Vec::new();
        for (project, status) in noted {
            let document = tree.document(&project_path(&project))?;
            // One that cannot be read is somebody else's, and is not written over.
            let read = document.as_deref().map_or_else(
                || Ok(ProjectRecord::new(project.clone())),
                |document| ProjectRecord::read(document, &project),
            );
            let Ok(mut record) = read else { continue };
            if !record.take_declared(status.status, status.reason.as_deref())
                || tree.filenames(&project)?.is_empty()
            {
                continue;
            }
            tree.put_project_document(&project, &record.to_document())?;
            news.push((project, status));
        }
        Ok(news)
    }
}

/// What a tree says of the state of a project; nothing where there is nothing to say.
pub(super) fn status_of(tree: &Tree, project: &ProjectName) -> Option<Status> {
    let document = tree.document(&project_path(project)).ok()??;
    let record = ProjectRecord::read(&document, project).ok()?;
    let StatusRecord { state: status, reason } = record.shown()?.clone();
    (status != ProjectStatus::Active).then_some(Status { status, reason })
}
