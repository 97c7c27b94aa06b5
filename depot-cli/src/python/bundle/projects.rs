//! What bundles carry of a project itself: its state of life, and nothing else. Whose it is, and what of it was deleted,
//! every server decides itself, and a bundle must not decide it for one.

use depot_proto::{ProjectName, ProjectRecord, Sha256Digest};
use depot_tree::{Tree, TreeError};

use super::receipt::mark;

/// What this tree says of a project to others: what was set here becomes what is declared to them.
pub(super) fn told(tree: &Tree, project: &ProjectName) -> Result<ProjectRecord, TreeError> {
    let known = tree.project(project)?;
    let declared = known.and_then(|known| known.shown().cloned());
    Ok(ProjectRecord { declared, ..ProjectRecord::new(project.clone()) })
}

/// Reads what a bundle carries of a project, which may say nothing else.
pub(super) fn read(document: &[u8], project: &ProjectName) -> anyhow::Result<ProjectRecord> {
    let record = ProjectRecord::read(document, project)?;
    let is_all =
        record == ProjectRecord { declared: record.declared.clone(), ..ProjectRecord::new(project.clone()) };
    anyhow::ensure!(is_all, "it says more of `{project}` than its state, which is not for a bundle to say");
    Ok(record)
}

/// Brings what a tree says of a project up to what a bundle carries; true if that was news.
pub(super) fn take(tree: &Tree, carried: &ProjectRecord) -> anyhow::Result<bool> {
    let known = match tree.project(&carried.name) {
        Ok(known) => known,
        // One that cannot be read is somebody else's, and is not written over.
        Err(TreeError::Project { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let mut record = known.unwrap_or_else(|| ProjectRecord::new(carried.name.clone()));
    let is_news = record.declared != carried.declared;
    if is_news {
        record.declared.clone_from(&carried.declared);
        tree.put_project_document(&carried.name, &record.to_document())?;
    }
    Ok(is_news)
}

/// What a receipt says of such a record.
pub(super) fn mark_of(record: &ProjectRecord) -> String {
    mark(&[Sha256Digest::of(&record.to_document())])
}

/// What it says where there is nothing to say, but was before.
pub(super) fn is_silent(project: &ProjectName, marked: &str) -> bool {
    mark_of(&ProjectRecord::new(project.clone())) == marked
}
